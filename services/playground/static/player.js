// PCM16 at 24 kHz to the loudspeaker, on the audio thread: it knows to the sample what has been played of which item.

const RATE = 24000;

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = []; // {item, samples}
    this.offset = 0; // into the first of them, in samples, with a fraction
    this.played = new Map(); // item -> samples
    this.step = RATE / sampleRate;
    this.reported = 0;
    this.port.onmessage = ({ data }) => {
      if (data.clear) this.clear();
      else this.queue.push({ item: data.item, samples: data.samples });
    };
  }

  clear() {
    const now = this.queue[0];
    const item = now ? now.item : null;
    this.report(item, true);
    this.queue = [];
    this.offset = 0;
  }

  report(item, cleared = false) {
    const samples = (this.played.get(item) ?? 0) + (this.queue[0]?.item === item ? this.offset : 0);
    this.port.postMessage({ item, ms: (samples / RATE) * 1000, cleared, waiting: this.queue.length > 0 });
    this.reported = currentTime;
  }

  process(_, outputs) {
    const output = outputs[0][0];
    let power = 0;
    for (let index = 0; index < output.length && this.queue.length; index++) {
      const { item, samples } = this.queue[0];
      const at = Math.floor(this.offset);
      const next = at + 1 < samples.length ? samples[at + 1] : samples[at];
      output[index] = (samples[at] + (next - samples[at]) * (this.offset - at)) / 32768;
      power += output[index] * output[index];
      const first = !this.played.has(item);
      if (first) this.played.set(item, 0);
      this.offset += this.step;
      if (this.offset >= samples.length) {
        this.played.set(item, this.played.get(item) + samples.length);
        this.offset -= samples.length;
        this.queue.shift();
        if (!this.queue.length) {
          this.offset = 0;
          this.report(item);
        }
      }
      if (first) this.report(item);
    }
    if (this.queue.length && currentTime - this.reported > 0.05) this.report(this.queue[0].item);
    return true;
  }
}

registerProcessor("player", Player);
