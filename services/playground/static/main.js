// The playground: one session of the OpenAI Realtime protocol, and what happens inside it.

import { AudioTrouble, Loudspeaker, Microphone, fromBase64, missingFeatures, toBase64 } from "./audio.js";
import { Connection, clientSecret } from "./connection.js";
import { EventLog } from "./eventlog.js";
import { NativeEars, NativeVoice, canRecognise, canSpeak } from "./native.js";
import { Status } from "./status.js";
import { Transcript } from "./transcript.js";
import { Waterfall } from "./waterfall.js";

const $ = (id) => document.getElementById(id);
const RATE = 24000;
const LARGEST_SIDE = 1024;
const OWN_TOOL = {
  type: "function",
  name: "set_color_scheme",
  description: "Change how this page looks.",
  parameters: {
    type: "object",
    properties: { scheme: { type: "string", enum: ["light", "dark", "system"] } },
    required: ["scheme"],
  },
};

const settings = {
  key: "", // kept in memory only
  turns: "server_vad",
  speech: "server",
  model: "",
  voice: "",
  language: "",
  instructions: "",
  tools: "",
};

const transcript = new Transcript($("transcript"));
const waterfall = new Waterfall($("turns"));
const log = new EventLog($("events"), $("filter"), $("event-count"));
const microphone = new Microphone(onFrame);
const loudspeaker = new Loudspeaker(onProgress);
const connection = new Connection(() => clientSecret(settings.key, { type: "realtime", ...(settings.model && { model: settings.model }) }));
const status = new Status(
  { strip: $("strip"), actors: $("actors"), happenings: $("happenings"), engines: $("engines") },
  () => settings.key,
  (text) => waterfall.note(text),
);

let holding = false; // hold to talk: whether it is held
let answering = null; // the response under way
let asked = false; // whether another answer is wanted after it
let playing = null; // the item that is being heard
let stale = new Set(); // responses that were interrupted: what of them is still on its way is dropped
let ears = null;
let voice = null;
const spokenItems = new Map(); // response -> item with audio

// -- what the session is to be ----------------------------------------------------------------------------------------

function sessionConfig() {
  const detection =
    settings.turns === "manual" || settings.speech === "browser"
      ? null
      : settings.turns === "semantic_vad"
        ? { type: "semantic_vad", create_response: true, interrupt_response: true }
        : { type: "server_vad", create_response: true, interrupt_response: true };
  const session = {
    type: "realtime",
    output_modalities: [settings.speech === "browser" ? "text" : "audio"],
    audio: {
      input: {
        format: { type: "audio/pcm", rate: RATE },
        turn_detection: detection,
        transcription: { model: "default", ...(settings.language ? { language: settings.language } : {}) },
      },
      output: { format: { type: "audio/pcm", rate: RATE }, ...(settings.voice ? { voice: settings.voice } : {}) },
    },
    tools: [OWN_TOOL, ...(settings.tools ? JSON.parse(settings.tools) : [])],
  };
  if (settings.instructions) session.instructions = settings.instructions;
  return session;
}

function configure() {
  connection.send({ type: "session.update", session: sessionConfig() });
}

// -- the connection ---------------------------------------------------------------------------------------------------

const STATES = {
  connecting: "Connecting …",
  open: "Connected",
  reconnecting: "Connection lost, trying again …",
  refused: "Not admitted",
  closed: "Not connected",
};

connection.addEventListener("state", ({ detail: { state, why } }) => {
  $("state").className = `state ${state}`;
  $("state-text").textContent = STATES[state];
  document.body.dataset.state = state;
  if (state === "open") {
    forgive();
    configure();
    remember();
  } else if (state === "refused") {
    stopListening();
    if (why.status === 401) trouble("The server wants a key.", "Enter it in the settings.", () => $("open-settings").click());
    else trouble("The server did not let you in.", why.message);
  } else if (state === "reconnecting" && why) {
    answering = null;
    asked = false;
    loudspeaker.silence();
    trouble(why.message, navigator.onLine ? "Trying again; what was said stays here." : "This machine is offline.");
  }
  controls();
});

connection.addEventListener("sent", ({ detail }) => log.add("sent", detail));
connection.addEventListener("event", ({ detail }) => {
  log.add("received", detail);
  handlers[detail.type]?.(detail);
});

// A new session after a lost connection knows nothing: tell it what was said.
function remember() {
  for (const item of transcript.items.values()) {
    if (!["user", "assistant"].includes(item.role) || !item.text.trim()) continue;
    const heard = item.cut === null ? item.text : item.text.slice(0, transcript.saidAt(item, item.cut));
    const type = item.role === "user" ? "input_text" : "output_text";
    connection.send({
      type: "conversation.item.create",
      item: { type: "message", role: item.role, content: [{ type, text: heard }] },
    });
  }
  for (const item of [...transcript.items.keys()]) transcript.items.get(item).old = true;
}

async function connect() {
  if (connection.open) return true;
  await connection.start();
  const opened = await new Promise((resolve) => {
    const listener = ({ detail: { state } }) => {
      if (state === "connecting" || state === "reconnecting") return;
      connection.removeEventListener("state", listener);
      resolve(state === "open");
    };
    if (connection.open && document.body.dataset.state === "open") resolve(true);
    else connection.addEventListener("state", listener);
  });
  return opened;
}

// -- what the server says ---------------------------------------------------------------------------------------------

const handlers = {
  "conversation.item.added": ({ item, previous_item_id: after }) => {
    if (item.type === "function_call") return;
    if (item.type !== "message") return;
    $("welcome").hidden = true;
    transcript.add(item.id, item.role, { after });
    const text = (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join("");
    if (text && item.role !== "assistant") transcript.write(item.id, text);
  },
  "conversation.item.deleted": ({ item_id }) => transcript.remove(item_id),
  "conversation.item.input_audio_transcription.delta": ({ item_id, delta }) => {
    const item = transcript.add(item_id, "user");
    transcript.write(item_id, item.text + delta);
    $("welcome").hidden = true;
  },
  "conversation.item.input_audio_transcription.completed": ({ item_id, transcript: text }) => {
    transcript.write(item_id, text || "(nothing was understood)");
    waterfall.mark("transcript");
  },
  "conversation.item.input_audio_transcription.failed": ({ item_id }) => transcript.write(item_id, "(not understood)"),
  "input_audio_buffer.speech_started": async () => {
    document.body.dataset.hearing = "yes";
    controls();
    await bargeIn();
  },
  "input_audio_buffer.speech_stopped": () => {
    delete document.body.dataset.hearing;
    waterfall.begin();
    controls();
  },
  "response.created": ({ response }) => {
    answering = response.id;
    controls();
  },
  "response.output_audio_transcript.delta": ({ response_id, item_id, delta }) => {
    if (stale.has(response_id)) return;
    waterfall.mark("token");
    transcript.say(item_id, delta);
  },
  "response.output_text.delta": ({ response_id, item_id, delta }) => {
    if (stale.has(response_id)) return;
    waterfall.mark("token");
    transcript.say(item_id, delta);
    voice?.push(item_id, delta);
  },
  "response.output_audio.delta": ({ response_id, item_id, delta }) => {
    if (stale.has(response_id)) return;
    waterfall.mark("audio");
    const samples = fromBase64(delta);
    spokenItems.set(response_id, item_id);
    transcript.sound(item_id, (samples.length / RATE) * 1000);
    loudspeaker.play(item_id, samples);
  },
  "response.function_call_arguments.done": (call) => showCall(call),
  "response.done": ({ response }) => {
    if (answering === response.id) answering = null;
    if (asked && !answering) {
      asked = false;
      connection.send({ type: "response.create" });
    }
    voice?.finish();
    if (response.status === "failed")
      trouble("This turn could not be answered.", response.status_details?.error?.message ?? "The session goes on.");
    controls();
  },
  error: ({ error }) => {
    if (error.code === "response_cancel_not_active") return;
    trouble("The server did not accept something.", error.message);
  },
};

// -- what is heard ----------------------------------------------------------------------------------------------------

function onProgress({ item, ms, waiting }) {
  if (playing !== item) {
    playing = item;
    waterfall.mark("heard");
  }
  transcript.heard(item, waiting ? ms : ms + 40);
  if (!waiting) playing = null;
  controls();
}

// The user speaks while an answer is heard: silence, and tell the server how much of it was heard.
async function bargeIn() {
  if (answering) stale.add(answering);
  if (voice?.item) {
    const { item, text, whole } = voice.silence();
    if (!whole) replaceByHeard(item, text);
    return;
  }
  const { item, ms } = await loudspeaker.silence();
  if (!item) return;
  playing = null;
  transcript.cut(item, ms);
  connection.send({
    type: "conversation.item.truncate",
    item_id: item,
    content_index: 0,
    audio_end_ms: Math.floor(Math.min(ms, transcript.get(item)?.audioMs ?? ms)),
  });
  controls();
}

// -- what is said -----------------------------------------------------------------------------------------------------

function onFrame(samples, level) {
  $("level").value = Math.min(1, level * 4);
  $("talk").style.setProperty("--loud", Math.min(1, level * 6).toFixed(2));
  if (settings.turns === "manual" && !holding) return;
  connection.send({ type: "input_audio_buffer.append", audio: toBase64(samples) });
}

async function startListening() {
  const missing = missingFeatures();
  if (missing.length) {
    trouble(`This browser lacks: ${missing.join(", ")}.`, missing.includes("microphone") && !window.isSecureContext
      ? "Browsers give the microphone to https: and localhost only."
      : "Use a recent Chromium, Firefox or Safari, or type instead.");
    return false;
  }
  try {
    if (settings.speech === "browser") return await startNative();
    await loudspeaker.start();
    await microphone.start();
  } catch (error) {
    if (!(error instanceof AudioTrouble)) throw error;
    trouble(error.message, error.fix);
    return false;
  }
  if (await connect()) return true;
  await microphone.stop();
  return false;
}

function stopListening() {
  microphone.stop();
  ears?.stop();
  ears = null;
  $("level").value = 0;
  $("talk").style.setProperty("--loud", 0);
  delete document.body.dataset.hearing;
}

const listening = () => microphone.open || ears !== null;

async function toggleTalk() {
  if (listening()) {
    stopListening();
    connection.send({ type: "input_audio_buffer.clear" });
  } else await startListening();
  controls();
}

async function hold() {
  if (holding || settings.speech === "browser") return;
  holding = true;
  controls();
  if (!listening() && !(await startListening())) {
    holding = false;
    controls();
    return;
  }
  if (!holding) return controls(); // let go while the microphone was being opened
  connection.send({ type: "input_audio_buffer.clear" });
  document.body.dataset.hearing = "yes";
  controls();
  await bargeIn();
  if (answering) connection.send({ type: "response.cancel" });
}

function release() {
  if (!holding) return;
  holding = false;
  const heard = document.body.dataset.hearing;
  delete document.body.dataset.hearing;
  if (heard && connection.open) {
    connection.send({ type: "input_audio_buffer.commit" });
    respond();
    waterfall.begin("held");
  }
  controls();
}

async function sendText(text) {
  if (!(await connect())) return;
  if (settings.speech === "server" && !missingFeatures().includes("AudioWorklet")) await loudspeaker.start();
  await bargeIn();
  if (answering) connection.send({ type: "response.cancel" });
  connection.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  });
  respond();
  waterfall.begin("typed");
}

// Ask for an answer; while another one is still under way, when that has ended.
function respond() {
  if (answering) asked = true;
  else connection.send({ type: "response.create" });
}

async function sendPicture(file) {
  if (!file.type.startsWith("image/")) {
    trouble("That is not a picture.", `It is ${file.type || "of an unknown type"}.`);
    return;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    trouble("The picture can't be read.", "Is the file complete?");
    return;
  }
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const url = canvas.toDataURL("image/jpeg", 0.85);
  if (!(await connect())) return;
  const id = `item_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
  connection.send({
    type: "conversation.item.create",
    item: { id, type: "message", role: "user", content: [{ type: "input_image", image_url: url }] },
  });
  $("welcome").hidden = true;
  transcript.add(id, "user");
  transcript.picture(id, url);
}

// -- the browser's own speech -----------------------------------------------------------------------------------------

async function startNative() {
  if (!canRecognise || !canSpeak) {
    throw new AudioTrouble(
      `This browser can't ${canRecognise ? "speak" : "recognise speech"} by itself.`,
      "Choose the server's speech in the settings.",
    );
  }
  if (!(await connect())) return false;
  voice = new NativeVoice({
    onWord: (item, characters) => {
      waterfall.mark("heard");
      showSpoken(item, characters);
    },
    onEnd: (item) => showSpoken(item, Infinity),
  });
  let partial = null;
  ears = new NativeEars({
    language: settings.language,
    onSpeech: () => bargeIn(),
    onPartial: (text) => {
      partial ??= transcript.add(`partial-${performance.now()}`, "user", { kind: "partial" }).id;
      transcript.write(partial, text);
      $("welcome").hidden = true;
    },
    onFinal: (text) => {
      if (partial) transcript.remove(partial);
      partial = null;
      if (text) sendText(text);
    },
    onTrouble: (what, fix) => {
      trouble(what, fix);
      stopListening();
      controls();
    },
  });
  ears.start();
  return true;
}

function showSpoken(id, characters) {
  const item = transcript.get(id);
  if (!item) return;
  item.audioMs = item.text.length; // characters stand for milliseconds here
  item.marks = [];
  transcript.heard(id, Math.min(characters, item.text.length));
}

// Text has no audio that the protocol could cut: the answer is replaced by the part of it that was heard.
function replaceByHeard(id, text) {
  if (answering) connection.send({ type: "response.cancel" });
  showSpoken(id, text.length);
  transcript.cut(id, text.length);
  const shown = transcript.get(id);
  transcript.items.delete(id); // its line stays; the item behind it goes
  if (shown) transcript.items.set(`${id}-heard`, shown);
  connection.send({ type: "conversation.item.delete", item_id: id });
  if (text)
    connection.send({
      type: "conversation.item.create",
      item: { id: `${id}h`.slice(-32), type: "message", role: "assistant", content: [{ type: "output_text", text }] },
    });
}

// -- tools ------------------------------------------------------------------------------------------------------------

function showCall({ call_id, name, arguments: given }) {
  const line = document.createElement("li");
  const head = document.createElement("strong");
  head.textContent = name;
  const body = document.createElement("pre");
  body.textContent = given;
  line.append(head, body);
  $("calls").prepend(line);
  if (name === OWN_TOOL.name) {
    answerCall(call_id, setScheme(given), line);
    return;
  }
  const form = document.createElement("form");
  const field = document.createElement("input");
  field.type = "text";
  field.placeholder = "What does it return?";
  field.setAttribute("aria-label", `Result of ${name}`);
  const button = document.createElement("button");
  button.textContent = "Answer";
  form.append(field, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.remove();
    answerCall(call_id, field.value, line);
  });
  line.append(form);
  selectTab("tools");
}

function answerCall(call_id, output, line) {
  const shown = document.createElement("pre");
  shown.textContent = `→ ${output}`;
  line.append(shown);
  connection.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id, output } });
  respond();
}

function setScheme(given) {
  let scheme;
  try {
    ({ scheme } = JSON.parse(given));
  } catch {
    scheme = null;
  }
  if (!["light", "dark", "system"].includes(scheme)) return JSON.stringify({ error: "scheme is light, dark or system" });
  document.documentElement.classList.remove("light", "dark");
  if (scheme !== "system") document.documentElement.classList.add(scheme);
  return JSON.stringify({ ok: true });
}

// -- the page ---------------------------------------------------------------------------------------------------------

function controls() {
  const talk = $("talk");
  const live = listening() && (settings.turns !== "manual" || holding || settings.speech === "browser");
  talk.classList.toggle("live", live);
  talk.setAttribute("aria-pressed", String(live));
  const manual = settings.turns === "manual" && settings.speech === "server";
  $("talk-label").textContent = manual ? (holding ? "Release to send" : "Hold to talk") : live ? "Stop listening" : "Start talking";
  $("stop").disabled = !(answering || playing);
  $("hint").textContent = document.body.dataset.hearing
    ? "You are heard …"
    : answering && !playing
      ? "Thinking …"
      : playing
        ? "Speaking; talk to interrupt."
        : live
          ? "Listening."
          : "";
}

let forgiving = null;

function trouble(what, fix = "", then = null) {
  $("trouble-what").textContent = what;
  $("trouble-fix").textContent = fix;
  $("trouble").hidden = false;
  forgiving = then;
}

function forgive() {
  $("trouble").hidden = true;
  const then = forgiving;
  forgiving = null;
  return then;
}

function selectTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !selected;
  }
  log.show(name === "events");
}

function openSettings() {
  for (const name of ["key", "model", "voice", "language", "instructions", "tools"]) $(name).value = settings[name];
  for (const name of ["turns", "speech"])
    document.querySelector(`input[name=${name}][value=${settings[name]}]`).checked = true;
  $("settings-trouble").textContent = "";
  $("settings").showModal();
}

function applySettings(event) {
  const tools = $("tools").value.trim();
  if (tools) {
    try {
      if (!Array.isArray(JSON.parse(tools))) throw new TypeError("it has to be a list");
    } catch (error) {
      event.preventDefault();
      $("settings-trouble").textContent = `Tools: ${error.message}`;
      return;
    }
  }
  const before = { ...settings };
  for (const name of ["key", "model", "voice", "language", "instructions", "tools"]) settings[name] = $(name).value.trim();
  for (const name of ["turns", "speech"]) settings[name] = document.querySelector(`input[name=${name}]:checked`).value;
  if (before.speech !== settings.speech) {
    stopListening();
    voice?.silence();
    voice = null;
  }
  forgive();
  if (before.key !== settings.key || before.model !== settings.model) {
    connection.stop();
    status.restart();
  } else configure();
  loadChoices();
  controls();
}

async function loadChoices() {
  const headers = settings.key ? { authorization: `Bearer ${settings.key}` } : {};
  try {
    const models = (await (await fetch("v1/models", { headers })).json()).data ?? [];
    const model = $("model");
    model.replaceChildren(new Option("the server's", ""), ...models.map(({ id }) => new Option(id, id)));
    model.value = settings.model;
  } catch {
    // the server is away, or wants a key; the defaults stay
  }
}

$("talk").addEventListener("click", (event) => {
  if (settings.turns !== "manual" || settings.speech === "browser") toggleTalk();
  else event.preventDefault();
});
$("talk").addEventListener("pointerdown", (event) => {
  if (settings.turns !== "manual" || settings.speech === "browser") return;
  $("talk").setPointerCapture(event.pointerId);
  hold();
});
for (const name of ["pointerup", "pointercancel"]) $("talk").addEventListener(name, release);
const typing = (target) => target instanceof HTMLElement && target.closest("input, textarea, select, dialog, summary, [role=tab]");
document.addEventListener("keydown", (event) => {
  if (event.code === "Space" && settings.turns === "manual" && !typing(event.target)) {
    event.preventDefault();
    if (!event.repeat) hold();
  } else if (event.code === "Escape" && !$("settings").open) $("stop").click();
});
document.addEventListener("keyup", (event) => {
  if (event.code === "Space" && settings.turns === "manual" && !typing(event.target)) {
    event.preventDefault();
    release();
  }
});
window.addEventListener("blur", release);
window.addEventListener("online", () => connection.wanted && !connection.open && connection.connect());
window.addEventListener("offline", () => trouble("This machine is offline.", "It goes on when the network is back."));
$("stop").addEventListener("click", async () => {
  if (answering) connection.send({ type: "response.cancel" });
  await bargeIn();
  controls();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  sendText(text);
});
$("picture").addEventListener("change", ({ target }) => {
  for (const file of target.files) sendPicture(file);
  target.value = "";
});
const talk = document.querySelector(".talk");
for (const name of ["dragenter", "dragover"])
  talk.addEventListener(name, (event) => {
    event.preventDefault();
    talk.classList.add("drop");
  });
for (const name of ["dragleave", "drop"]) talk.addEventListener(name, () => talk.classList.remove("drop"));
talk.addEventListener("drop", (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer.files) sendPicture(file);
});
document.addEventListener("paste", (event) => {
  for (const file of event.clipboardData?.files ?? []) sendPicture(file);
});
document.querySelector(".tabs").addEventListener("click", ({ target }) => {
  if (target.role === "tab" || target.getAttribute("role") === "tab") selectTab(target.id.slice(4));
});
document.querySelector(".tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  selectTab(next.id.slice(4));
});
$("save").addEventListener("click", () => log.save());
$("open-settings").addEventListener("click", openSettings);
$("apply").addEventListener("click", applySettings);
$("trouble-close").addEventListener("click", () => forgive()?.());

status.start();
loadChoices();
controls();
