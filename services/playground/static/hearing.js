// The browser's own recogniser as the session's: the server says when an utterance begins and ends, and is sent what was
// understood of it; or, where no audio goes to the server, the browser says that, too.
//
// SpeechRecognition ends by itself, after a minute or when nobody speaks, and is begun again. Its results are a list that
// grows; those before `base` belong to earlier utterances, those from `limit` on to the next one.

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
export const canHear = Boolean(Recognition);

const EARLY = 1500; // ms before the server's "begin" in which a result belongs to the utterance that begins
const LATE = 2500; // ms after its "end" that the browser has for its last result
const HASTY = 300; // ms; a recogniser that ends sooner after its start does not work
const TRIES = 3;
const HARMLESS = new Set(["no-speech", "aborted"]);

const TROUBLES = {
  "not-allowed": ["The microphone is blocked.", "Allow it in the address bar of your browser, or type instead."],
  "service-not-allowed": ["This browser does not let this page use its recognition.", "Choose another recogniser in the settings."],
  "audio-capture": ["The browser hears no microphone.", "Plug one in, or type instead."],
  network: ["The browser's recognition can't be reached.", "It is a service of the browser's maker; choose another recogniser in the settings."],
  "language-not-supported": ["The browser does not recognise that language.", "Choose another one in the settings."],
};

export class BrowserEars {
  // `send(event)` sends the server something; `tell(what, fix)` tells the user of a trouble.
  constructor({ send, tell }) {
    this.send = send;
    this.tell = tell;
    this.wanted = false;
    this.running = false;
    this.reset();
  }

  reset() {
    this.call = null;
    this.ending = false;
    this.turn = false;
    this.base = 0;
    this.limit = Infinity;
    this.results = [];
    this.carried = ""; // of the utterance, from before the recogniser was begun again
    this.latest = -EARLY;
    this.failed = null;
    this.hasty = 0;
    clearTimeout(this.timer);
  }

  // `turns`: whether this recogniser begins and ends turns, as the server gets no audio.
  start({ language, turns }) {
    this.reset();
    this.turns = turns;
    this.recognition = new Recognition();
    this.recognition.continuous = true;
    this.recognition.interimResults = true;
    this.recognition.lang = language || navigator.language;
    this.recognition.onresult = (event) => this.understand(event);
    this.recognition.onerror = ({ error }) => HARMLESS.has(error) || this.fail(error); // "end" follows
    this.recognition.onend = () => this.ended();
    this.wanted = true;
    this.listen();
  }

  stop() {
    this.wanted = false;
    this.recognition?.abort();
    if (this.call !== null) this.finish();
    this.endTurn();
  }

  listen() {
    this.begun = performance.now();
    this.running = true;
    this.recognition.start();
  }

  // -- what the server says -------------------------------------------------------------------------------------------

  begin({ call }) {
    this.call = call;
    this.ending = false;
    if (this.failed !== null || !this.wanted) {
      this.sendFailure(this.failed ?? "aborted");
      return;
    }
    clearTimeout(this.timer);
    if (!this.turn && performance.now() - this.latest > EARLY) this.forget();
    if (this.text) this.report();
  }

  end({ call }) {
    if (call !== this.call) return;
    this.ending = true;
    if (this.text && this.settled) this.finish();
    else {
      this.timer = setTimeout(() => this.call === call && this.finish(), LATE);
      if (this.running) this.recognition.stop(); // asks for what is still to come
      else this.finish();
    }
  }

  cancel({ call }) {
    if (call === this.call) this.over();
  }

  // -- what the browser says ------------------------------------------------------------------------------------------

  get own() {
    return this.results.slice(this.base, this.limit);
  }

  get text() {
    return [this.carried, ...this.own.map(([best]) => best.transcript.trim())].filter(Boolean).join(" ");
  }

  get settled() {
    return this.own.every((result) => result.isFinal);
  }

  get confidence() {
    const told = this.own.map(([best]) => best.confidence).filter((each) => each > 0);
    return told.length ? told.reduce((sum, each) => sum + each, 0) / told.length : null;
  }

  understand({ results }) {
    this.results = [...results];
    this.latest = performance.now();
    this.hasty = 0;
    this.follow();
  }

  follow() {
    if (!this.text) return;
    if (this.turns && !this.turn) {
      this.turn = true;
      this.send({ type: "troupe.hearing.started" });
    }
    if (this.call !== null) {
      if (this.ending && this.settled) this.finish();
      else this.report();
    }
    if (this.settled) this.endTurn();
  }

  fail(error) {
    const [what, fix] = TROUBLES[error] ?? ["The browser's recognition does not work here.", "Choose another one in the settings."];
    this.failed = error;
    this.wanted = false;
    this.sendFailure(error);
    this.tell(what, fix);
  }

  ended() {
    this.running = false;
    if (this.call !== null && !this.ending) this.carried = this.text; // the utterance goes on
    else if (this.call !== null) this.finish();
    this.results = [];
    this.base = 0;
    if (this.limit < Infinity) this.limit = 0;
    if (!this.wanted) return;
    this.hasty = performance.now() - this.begun < HASTY ? this.hasty + 1 : 0;
    if (this.hasty < TRIES) this.listen();
    else this.fail("aborted");
  }

  // -- what the server is told ----------------------------------------------------------------------------------------

  report() {
    this.send({ type: "troupe.hearing.result", call: this.call, transcript: this.text });
  }

  finish() {
    clearTimeout(this.timer);
    const { text, confidence } = this;
    const told = confidence === null ? {} : { confidence };
    this.send({ type: "troupe.hearing.result", call: this.call, transcript: text, final: true, ...told });
    this.over();
  }

  sendFailure(error) {
    this.endTurn();
    if (this.call !== null) this.send({ type: "troupe.hearing.failed", call: this.call, error });
    this.over();
  }

  // The turn that this recogniser has begun is over; what follows belongs to the next one.
  endTurn() {
    if (!this.turn || this.limit < Infinity) return;
    this.send({ type: "troupe.hearing.ended" });
    this.limit = this.results.length;
    if (this.call === null) this.timer = setTimeout(() => this.over(), LATE); // the server may have asked somebody else
  }

  // The utterance is over.
  over() {
    this.call = null;
    this.ending = false;
    this.turn = false;
    this.forget();
    this.follow();
  }

  // What was understood so far belongs to nobody, or to an utterance that is over.
  forget() {
    this.base = Math.min(this.limit, this.results.length);
    this.limit = Infinity;
    this.carried = "";
  }
}
