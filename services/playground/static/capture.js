// Microphone to 20 ms frames of PCM16 at 24 kHz, on the audio thread.
//
// Where the browser can run its audio at 24 kHz (Chromium, Safari) the samples pass as they are. Firefox can't take a
// microphone into a context of another rate, so there they are resampled here: a windowed sinc of 24 taps.

const RATE = 24000;
const FRAME = RATE / 50;
const TAPS = 24;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.power = 0;
    this.step = sampleRate / RATE;
    this.tail = new Float32Array(TAPS);
    this.position = TAPS / 2; // of the next output, in input samples from the start of the tail
  }

  process(inputs) {
    const input = inputs[0][0];
    if (!input) return true;
    if (this.step === 1) for (const sample of input) this.put(sample);
    else this.resample(input);
    return true;
  }

  resample(input) {
    const joined = new Float32Array(this.tail.length + input.length);
    joined.set(this.tail);
    joined.set(input, this.tail.length);
    const cutoff = Math.min(1, 1 / this.step);
    while (this.position + TAPS / 2 < joined.length) {
      const first = Math.floor(this.position) - TAPS / 2 + 1;
      let sum = 0;
      for (let tap = 0; tap < TAPS; tap++) {
        const distance = this.position - (first + tap);
        const x = Math.PI * distance * cutoff;
        const sinc = x === 0 ? 1 : Math.sin(x) / x;
        const window = 0.5 + 0.5 * Math.cos((2 * Math.PI * distance) / TAPS);
        sum += joined[first + tap] * sinc * window * cutoff;
      }
      this.put(sum);
      this.position += this.step;
    }
    const kept = Math.floor(this.position) - TAPS / 2;
    this.tail = joined.slice(kept);
    this.position -= kept;
  }

  put(sample) {
    const clamped = Math.max(-1, Math.min(1, sample));
    this.frame[this.filled++] = clamped * 32767;
    this.power += clamped * clamped;
    if (this.filled === FRAME) {
      const level = Math.sqrt(this.power / FRAME);
      const samples = this.frame.slice();
      this.port.postMessage({ samples, level }, [samples.buffer]);
      this.filled = 0;
      this.power = 0;
    }
  }
}

registerProcessor("capture", Capture);
