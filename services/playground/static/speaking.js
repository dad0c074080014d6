// The browser's own voice as the session's: the server sends pieces of text, and is told how far each was spoken.

const synthesis = window.speechSynthesis;
export const canSpeak = Boolean(synthesis && window.SpeechSynthesisUtterance);
const EVERY = 200; // ms between two reports where the voice tells of no words
const LETTER = 65; // ms that a letter takes, about

export const voices = () => (canSpeak ? synthesis.getVoices() : []);

// Some browsers know their voices only after a while.
export function onVoices(listener) {
  if (canSpeak && synthesis.addEventListener) synthesis.addEventListener("voiceschanged", listener);
}

export class BrowserVoice {
  // `send(event)` sends the server something; `onProgress(share)` tells how much of the piece under way has been
  // spoken, from 0 to 1.
  constructor({ send, onProgress }) {
    this.send = send;
    this.onProgress = onProgress;
    this.waiting = new Map(); // utterance -> what it speaks; a browser may drop one that nobody holds
    this.under = null;
    this.call = null;
  }

  get speaking() {
    return this.waiting.size > 0;
  }

  say({ call, piece, text, voice, speed, language }) {
    const found = voice ? voices().find(({ voiceURI, name }) => voice === voiceURI || voice === name) : null;
    if (voice && !found) {
      this.send({ type: "troupe.speech.failed", call, error: "voice-unavailable" });
      return;
    }
    this.call = call;
    const utterance = new SpeechSynthesisUtterance(text);
    if (found) utterance.voice = found;
    utterance.lang = found?.lang ?? language ?? "";
    utterance.rate = speed;
    const state = { call, piece, text, began: null, characters: null };
    this.waiting.set(utterance, state);
    utterance.onstart = () => this.starts(state);
    utterance.onboundary = ({ name, charIndex }) => {
      if (name && name !== "word") return;
      this.starts(state);
      state.characters = Math.max(state.characters ?? 0, charIndex);
      this.report(state);
    };
    utterance.onend = () => {
      if (!this.waiting.delete(utterance)) return;
      this.starts(state); // some browsers leave it out
      this.stops();
      this.send({ type: "troupe.speech.ended", call, piece, ms: performance.now() - state.began });
      this.onProgress(1);
    };
    utterance.onerror = ({ error }) => {
      if (!this.waiting.delete(utterance)) return; // silenced by us
      this.stops();
      this.drop();
      this.send({ type: "troupe.speech.failed", call, error: error || "synthesis-failed" });
    };
    synthesis.speak(utterance);
    if (synthesis.paused) synthesis.resume();
  }

  cancel({ call }) {
    if (call === this.call) this.silence();
  }

  // Be silent at once; returns whether there was anything to be heard.
  silence() {
    const spoke = this.speaking;
    this.drop();
    this.stops();
    return spoke;
  }

  drop() {
    this.waiting.clear();
    if (canSpeak) synthesis.cancel();
  }

  starts(state) {
    if (state.began !== null || this.under === state) return;
    this.stops();
    state.began = performance.now();
    this.under = state;
    this.report(state);
    this.timer = setInterval(() => this.report(state), EVERY);
  }

  stops() {
    clearInterval(this.timer);
    this.under = null;
  }

  report(state) {
    if (this.under !== state) return;
    const { call, piece, text, characters } = state;
    const ms = performance.now() - state.began;
    this.send({ type: "troupe.speech.progress", call, piece, ms, ...(characters === null ? {} : { characters }) });
    const words = characters === null ? 0 : text.slice(0, characters).trimEnd().length;
    this.onProgress(characters === null ? Math.min(0.95, ms / (text.length * LETTER)) : words / text.length);
  }
}
