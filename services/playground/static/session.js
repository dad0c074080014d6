// One session of the OpenAI Realtime protocol: what is said to the server, what it says, and what is heard of it.

import { AudioTrouble, Loudspeaker, fromBase64, missingFeatures, toBase64 } from "./audio.js";
import { Connection, clientSecret } from "./connection.js";
import { forgive, trouble } from "./dom.js";
import { BrowserEars } from "./hearing.js";
import { abilities, browserDecides, browserIsPart, sessionConfig, settings, wantedProviders } from "./settings.js";
import { BrowserVoice, onVoices } from "./speaking.js";

const RATE = 24000;

export class Session extends EventTarget {
  // Fires `change` when something has changed that the controls show, `state` (detail: {state, why}) for the connection,
  // `refused` (detail: an error) when the server does not let it in, `call` (detail: a function call), `opened` (detail:
  // the session's id), and `deaf` when the browser's recogniser has given up.
  constructor({ transcript, waterfall, log }) {
    super();
    this.transcript = transcript;
    this.waterfall = waterfall;
    this.answering = null; // the response under way
    this.asked = false; // whether another answer is wanted after it
    this.playing = null; // the item that is being heard
    this.hearing = false; // whether the user is speaking
    this.stale = new Set(); // responses that were interrupted: what of them is still on its way is dropped
    this.place = null; // where in which item the piece is that the browser speaks
    this.loudspeaker = new Loudspeaker((progress) => this.onProgress(progress));
    const send = (event) => this.send(event);
    this.voice = new BrowserVoice({ send, onProgress: (share) => this.onSpoken(share) });
    this.ears = new BrowserEars({
      send,
      tell: (what, fix) => {
        trouble(what, browserDecides() ? fix : "The server has the audio, and asks its own recogniser.");
        if (browserDecides()) this.tell("deaf");
      },
    });
    this.connection = new Connection(() =>
      clientSecret(settings.key, { session: { type: "realtime" }, providers: wantedProviders() }),
    );
    this.connection.addEventListener("state", ({ detail }) => this.onState(detail));
    this.connection.addEventListener("sent", ({ detail }) => log.add("sent", detail));
    this.connection.addEventListener("event", ({ detail }) => {
      log.add("received", detail);
      this.handlers[detail.type]?.(detail);
    });
    onVoices(() => this.announce());
  }

  tell(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  // -- the connection -------------------------------------------------------------------------------------------------

  get open() {
    return this.connection.open;
  }

  send(event) {
    return this.connection.send(event);
  }

  // Without a loudspeaker answers can still be read, or spoken by the browser.
  async openLoudspeaker() {
    if (missingFeatures().includes("AudioWorklet")) return;
    try {
      await this.loudspeaker.start();
    } catch (error) {
      if (!(error instanceof AudioTrouble)) throw error;
      trouble(error.message, error.fix);
    }
  }

  // Returns whether the server lets this page in.
  async connect() {
    if (this.ready) return true;
    const opened = new Promise((resolve) => {
      const listener = ({ detail: { state } }) => {
        if (state === "connecting" || state === "reconnecting") return;
        this.connection.removeEventListener("state", listener);
        resolve(state === "open");
      };
      this.connection.addEventListener("state", listener);
    });
    if (!this.open) await this.connection.start();
    return opened;
  }

  close() {
    this.voice.silence();
    this.loudspeaker.silence();
    this.forgetAnswers();
    this.connection.stop();
  }

  onState({ state, why }) {
    this.ready = state === "open";
    if (state === "open") {
      forgive();
      this.configure();
      this.remember();
    } else if (state === "refused") {
      this.tell("refused", why);
    } else if (state === "reconnecting" && why) {
      this.forgetAnswers();
      this.loudspeaker.silence();
      this.voice.silence();
      trouble(why.message, navigator.onLine ? "Trying again; what was said stays here." : "This machine is offline.");
    }
    this.tell("state", { state, why });
    this.tell("change");
  }

  configure() {
    this.announce();
    this.send({ type: "session.update", session: sessionConfig() });
  }

  // Say what this browser can do, to a server for which it is to do something.
  announce() {
    if (this.ready && browserIsPart()) this.send({ type: "troupe.browser.ready", ...abilities() });
  }

  // A new session after a lost connection knows nothing: tell it what was said.
  remember() {
    for (const item of this.transcript.items.values()) {
      if (!["user", "assistant"].includes(item.role) || !item.text.trim()) continue;
      const heard = item.cut === null ? item.text : item.text.slice(0, this.transcript.saidAt(item, item.cut));
      const type = item.role === "user" ? "input_text" : "output_text";
      this.send({
        type: "conversation.item.create",
        item: { id: item.id, type: "message", role: item.role, content: [{ type, text: heard }] },
      });
    }
  }

  forgetAnswers() {
    this.answering = null;
    this.asked = false;
    this.playing = null;
    this.place = null;
    this.hearing = false;
  }

  // -- what the server says -------------------------------------------------------------------------------------------

  handlers = {
    "session.created": ({ session }) => this.tell("opened", session.id),
    "conversation.item.added": ({ item, previous_item_id: after }) => {
      if (item.type !== "message") return;
      this.transcript.add(item.id, item.role, { after });
      const text = (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join("");
      if (text && item.role !== "assistant") this.transcript.write(item.id, text);
      this.tell("change");
    },
    "conversation.item.deleted": ({ item_id }) => this.transcript.remove(item_id),
    "conversation.item.input_audio_transcription.delta": ({ item_id, delta }) => {
      const item = this.transcript.add(item_id, "user");
      this.transcript.write(item_id, item.text + delta);
      this.tell("change");
    },
    "conversation.item.input_audio_transcription.completed": ({ item_id, transcript: text }) => {
      this.transcript.write(item_id, text || "(nothing was understood)");
      this.waterfall.mark("transcript");
    },
    "conversation.item.input_audio_transcription.failed": ({ item_id }) => this.transcript.write(item_id, "(not understood)"),
    "input_audio_buffer.speech_started": async () => {
      this.hearing = true;
      this.tell("change");
      await this.bargeIn();
    },
    "input_audio_buffer.speech_stopped": () => {
      this.hearing = false;
      this.waterfall.begin();
      this.tell("change");
    },
    "response.created": ({ response }) => {
      this.answering = response.id;
      this.tell("change");
    },
    "response.output_audio_transcript.delta": ({ response_id, item_id, delta }) => {
      if (this.stale.has(response_id)) return;
      this.waterfall.mark("token");
      if (this.voice.speaking) this.spoken(item_id, delta);
      else this.transcript.say(item_id, delta);
    },
    "response.output_text.delta": ({ response_id, item_id, delta }) => {
      if (this.stale.has(response_id)) return;
      this.waterfall.mark("token");
      this.transcript.say(item_id, delta);
    },
    "response.output_audio.delta": ({ response_id, item_id, delta }) => {
      if (this.stale.has(response_id)) return;
      this.waterfall.mark("audio");
      const samples = fromBase64(delta);
      this.transcript.sound(item_id, (samples.length / RATE) * 1000);
      this.loudspeaker.play(item_id, samples);
    },
    "response.function_call_arguments.done": (call) => this.tell("call", call),
    "response.done": ({ response }) => {
      this.stale.delete(response.id);
      if (this.answering === response.id) this.answering = null;
      if (this.asked && !this.answering) {
        this.asked = false;
        this.send({ type: "response.create" });
      }
      if (response.status === "failed")
        trouble("This turn could not be answered.", response.status_details?.error?.message ?? "The session goes on.");
      this.tell("change");
    },
    "troupe.hearing.begin": (told) => this.ears.begin(told),
    "troupe.hearing.end": (told) => this.ears.end(told),
    "troupe.hearing.cancel": (told) => this.ears.cancel(told),
    "troupe.speech.say": (told) => this.voice.say(told),
    "troupe.speech.cancel": (told) => {
      this.voice.cancel(told);
      if (this.place) this.playing = null;
      this.tell("change");
    },
    error: ({ error }) => {
      if (error.code === "response_cancel_not_active") return;
      trouble("The server did not accept something.", error.message);
    },
  };

  // -- what is heard --------------------------------------------------------------------------------------------------

  onProgress({ item, ms, waiting }) {
    if (this.playing !== item) {
      this.playing = item;
      this.waterfall.mark("heard");
    }
    this.transcript.heard(item, waiting ? ms : ms + 40);
    if (!waiting) this.playing = null;
    this.tell("change");
  }

  // The text of the piece that the browser has begun to speak. It has no audio here: a letter counts as a millisecond.
  spoken(item, delta) {
    this.transcript.say(item, delta);
    this.transcript.sound(item, delta.length);
    this.place = { item, start: this.transcript.get(item).audioMs - delta.length, length: delta.length };
    this.playing = item;
    this.tell("change");
  }

  // So much of that piece has been spoken.
  onSpoken(share) {
    this.waterfall.mark("heard");
    const place = this.place;
    if (!place) return;
    this.transcript.heard(place.item, place.start + share * place.length);
    if (share === 1 && !this.voice.speaking && this.playing === place.item) this.playing = null;
    this.tell("change");
  }

  // The user speaks while an answer is heard: silence, and tell the server how much of it was heard.
  async bargeIn() {
    if (this.answering) this.stale.add(this.answering);
    if (this.voice.silence()) {
      if (this.place) this.transcript.cut(this.place.item, this.transcript.get(this.place.item)?.heardMs ?? 0);
      this.playing = this.place = null; // what was heard, the server knows
      this.tell("change");
    }
    const { item, ms } = await this.loudspeaker.silence();
    if (!item) return;
    this.playing = null;
    this.transcript.cut(item, ms);
    this.send({
      type: "conversation.item.truncate",
      item_id: item,
      content_index: 0,
      audio_end_ms: Math.floor(Math.min(ms, this.transcript.get(item)?.audioMs ?? ms)),
    });
    this.tell("change");
  }

  // -- what is said ---------------------------------------------------------------------------------------------------

  append(samples) {
    this.send({ type: "input_audio_buffer.append", audio: toBase64(samples) });
  }

  // The user holds the button: what he says from now on is a turn.
  async beginTurn() {
    this.send({ type: "input_audio_buffer.clear" });
    this.hearing = true;
    this.tell("change");
    await this.stopAnswer();
  }

  endTurn() {
    const heard = this.hearing;
    this.hearing = false;
    if (heard && this.open) {
      this.send({ type: "input_audio_buffer.commit" });
      this.respond();
      this.waterfall.begin("held");
    }
    this.tell("change");
  }

  async stopAnswer() {
    if (this.answering) this.send({ type: "response.cancel" });
    await this.bargeIn();
  }

  async sendText(text) {
    if (!(await this.connect())) return;
    await this.openLoudspeaker();
    await this.stopAnswer();
    this.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    this.respond();
    this.waterfall.begin("typed");
  }

  // Ask for an answer; while another one is still under way, when that has ended.
  respond() {
    if (this.answering) this.asked = true;
    else this.send({ type: "response.create" });
  }

  async sendPicture(url) {
    if (!(await this.connect())) return;
    const id = `item_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
    this.send({
      type: "conversation.item.create",
      item: { id, type: "message", role: "user", content: [{ type: "input_image", image_url: url }] },
    });
    this.transcript.add(id, "user");
    this.transcript.picture(id, url);
    this.tell("change");
  }

  answerCall(call_id, output) {
    this.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id, output } });
    this.respond();
  }
}
