// The Web Speech API as browsers have it, for a browser without a recogniser and voices: the same events in the same
// order (https://webaudio.github.io/web-speech-api/), and `webSpeech` to say what somebody says and what goes wrong.

(() => {
  const later = (ms, what) => setTimeout(what, ms);
  const fire = (target, type, members = {}) => {
    const event = Object.assign(new Event(type), members);
    target.dispatchEvent(event);
    target[`on${type}`]?.(event);
  };

  // -- recognition ------------------------------------------------------------------------------------------------------

  let listening = null;

  class Recognition extends EventTarget {
    constructor() {
      super();
      Object.assign(this, { lang: "", continuous: false, interimResults: false, maxAlternatives: 1 });
    }

    start() {
      if (listening) throw new DOMException("recognition has already started", "InvalidStateError");
      listening = this;
      this.results = [];
      webSpeech.starts += 1;
      later(5, () => {
        if (listening !== this) return;
        if (webSpeech.blocked) {
          fire(this, "error", { error: webSpeech.blocked, message: "" });
          this.end();
          return;
        }
        for (const type of ["start", "audiostart"]) fire(this, type);
      });
    }

    stop() {
      if (listening !== this) return;
      later(5, () => {
        if (listening !== this) return;
        const last = this.results.at(-1);
        if (last && !last.isFinal) this.hear(this.results.length - 1, last[0].transcript, true);
        fire(this, "audioend");
        this.end();
      });
    }

    abort() {
      if (listening !== this) return;
      fire(this, "error", { error: "aborted", message: "" });
      this.end();
    }

    end() {
      listening = null;
      fire(this, "end");
    }

    // One alternative of one result; browsers tell the confidence of final ones.
    hear(index, transcript, isFinal) {
      this.results[index] = Object.assign([{ transcript, confidence: isFinal ? 0.9 : 0 }], { isFinal });
      fire(this, "result", { resultIndex: index, results: this.results });
    }
  }

  // -- synthesis --------------------------------------------------------------------------------------------------------

  class Utterance extends EventTarget {
    constructor(text = "") {
      super();
      Object.assign(this, { text, lang: "", voice: null, rate: 1, pitch: 1, volume: 1 });
    }
  }

  class Synthesis extends EventTarget {
    queue = [];
    paused = false;
    get speaking() {
      return this.queue.length > 0;
    }
    getVoices() {
      return webSpeech.voices;
    }
    resume() {}
    pause() {}
    speak(utterance) {
      this.queue.push(utterance);
      if (this.queue.length === 1) later(5, () => this.next());
    }
    cancel() {
      const [current, ...waiting] = this.queue;
      this.queue = [];
      if (current) later(5, () => fire(current, "error", { error: "interrupted" }));
      for (const each of waiting) later(5, () => fire(each, "error", { error: "canceled" }));
    }
    next() {
      const utterance = this.queue[0];
      if (!utterance) return;
      if (webSpeech.broken) {
        this.queue.shift();
        fire(utterance, "error", { error: webSpeech.broken });
        return;
      }
      const words = [...utterance.text.matchAll(/\S+/g)];
      fire(utterance, "start", { charIndex: 0, elapsedTime: 0 });
      const step = (number) => {
        if (this.queue[0] !== utterance || webSpeech.spoken.length >= webSpeech.hold) return;
        if (number > 0) webSpeech.spoken.push(words[number - 1][0]);
        if (number === words.length) {
          this.queue.shift();
          fire(utterance, "end", { charIndex: utterance.text.length });
          later(5, () => this.next());
          return;
        }
        const [{ length }] = words[number];
        fire(utterance, "boundary", { name: "word", charIndex: words[number].index, charLength: length });
        later(webSpeech.pace, () => step(number + 1));
      };
      step(0);
    }
  }

  const synthesis = new Synthesis();
  window.webSpeech = {
    starts: 0,
    blocked: "",
    spoken: [], // words that were spoken to their end
    hold: Infinity, // after so many of them the voice goes no further
    pace: 160, // ms a word; much faster than people, and the server would not believe it
    broken: "", // what it fails of
    voices: [],
    // Somebody says something; the recogniser understands it word by word.
    async hear(text, { end = true } = {}) {
      while (!listening) await new Promise((resolve) => later(10, resolve));
      const recognition = listening;
      const index = recognition.results.length;
      for (const type of ["soundstart", "speechstart"]) fire(recognition, type);
      const words = text.split(" ");
      for (let count = 1; count <= words.length; count++) {
        recognition.hear(index, words.slice(0, count).join(" "), false);
        await new Promise((resolve) => later(20, resolve));
      }
      if (!end) return;
      for (const type of ["speechend", "soundend"]) fire(recognition, type);
      if (listening === recognition) recognition.hear(index, text, true);
    },
    // Browsers end recognition after a minute, without a word about why.
    minuteIsOver() {
      listening.end();
    },
  };
  for (const name of ["SpeechRecognition", "webkitSpeechRecognition"]) window[name] = Recognition;
  window.SpeechSynthesisUtterance = Utterance;
  Object.defineProperty(window, "speechSynthesis", { value: synthesis, configurable: true });
  later(30, () => {
    webSpeech.voices = [
      { voiceURI: "urn:test:ada", name: "Ada", lang: "en-GB", localService: true, default: true },
      { voiceURI: "urn:test:bo", name: "Bo", lang: "sv-SE", localService: true, default: false },
    ];
    fire(synthesis, "voiceschanged");
  });
})();
