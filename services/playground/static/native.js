// The browser's own recognition and synthesis. It takes part through the public protocol: what is recognised goes in as
// the user's text, the answer comes as text and is spoken here; an answer that is cut off is replaced by what was heard.

export const canRecognise = "SpeechRecognition" in window || "webkitSpeechRecognition" in window;
export const canSpeak = "speechSynthesis" in window;

export class NativeEars {
  // Calls `onPartial(text)` while somebody speaks, `onFinal(text)` when a sentence is complete.
  constructor({ onSpeech, onPartial, onFinal, onTrouble, language }) {
    const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
    this.recognition = new Recognition();
    this.recognition.continuous = true;
    this.recognition.interimResults = true;
    this.recognition.lang = language || navigator.language;
    this.wanted = false;
    this.recognition.onspeechstart = () => onSpeech();
    this.recognition.onresult = ({ results, resultIndex }) => {
      let partial = "";
      for (let index = resultIndex; index < results.length; index++) {
        const [best] = results[index];
        if (results[index].isFinal) onFinal(best.transcript.trim());
        else partial += best.transcript;
      }
      if (partial) onPartial(partial.trim());
    };
    this.recognition.onerror = ({ error }) => {
      if (error === "no-speech" || error === "aborted") return;
      this.wanted = false;
      onTrouble(
        error === "not-allowed" ? "The microphone is blocked." : "The browser's recognition does not work here.",
        error === "network" ? "This browser recognises speech with a service of its maker, which can't be reached." : error,
      );
    };
    this.recognition.onend = () => {
      if (this.wanted) this.recognition.start(); // browsers end it every minute or so
    };
  }

  start() {
    this.wanted = true;
    this.recognition.start();
  }

  stop() {
    this.wanted = false;
    this.recognition.stop();
  }
}

export class NativeVoice {
  // Speaks sentences as they come; `onWord(item, characters)` tells how far it is in the item's text.
  constructor({ onWord, onEnd }) {
    this.onWord = onWord;
    this.onEnd = onEnd;
    this.reset();
  }

  reset() {
    this.item = null;
    this.text = "";
    this.given = 0;
    this.heard = 0;
    this.pending = 0;
    this.complete = false;
  }

  push(item, delta) {
    if (item !== this.item) {
      this.reset();
      this.item = item;
    }
    this.text += delta;
    const end = this.text.slice(this.given).search(/[.!?…][\s)"'”]|\n/);
    if (end >= 0) this.speak(this.given + end + 1);
  }

  finish() {
    this.complete = true;
    if (this.given < this.text.length) this.speak(this.text.length);
    else if (!this.pending) this.onEnd(this.item);
  }

  speak(end) {
    const start = this.given;
    const part = this.text.slice(start, end);
    this.given = end;
    if (!part.trim()) return;
    const item = this.item;
    const utterance = new SpeechSynthesisUtterance(part);
    this.pending += 1;
    utterance.onboundary = ({ charIndex, charLength }) => {
      if (item !== this.item) return;
      this.heard = start + charIndex + (charLength || 0);
      this.onWord(item, this.heard);
    };
    utterance.onend = () => {
      if (item !== this.item) return;
      this.pending -= 1;
      this.heard = Math.max(this.heard, end);
      this.onWord(item, this.heard);
      if (this.complete && !this.pending) this.onEnd(item);
    };
    speechSynthesis.speak(utterance);
  }

  // Be silent at once; returns what was heard of which item.
  silence() {
    const cut = { item: this.item, text: this.text.slice(0, this.heard), whole: !this.pending && this.complete };
    speechSynthesis.cancel();
    this.reset();
    return cut;
  }
}
