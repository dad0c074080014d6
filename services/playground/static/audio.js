// The microphone and the loudspeaker, as the rest of the page sees them.

const RATE = 24000;
const PATIENCE = 3000; // ms that a device has to begin; some browsers wait for ever where there is none
const SILENCE = 300; // ms that the loudspeaker has to say what it has played

export class AudioTrouble extends Error {
  constructor(message, fix) {
    super(message);
    this.fix = fix;
  }
}

export function missingFeatures() {
  const needed = {
    WebSocket: "WebSocket" in window,
    AudioWorklet: "AudioWorkletNode" in window,
    microphone: Boolean(navigator.mediaDevices?.getUserMedia),
  };
  return Object.keys(needed).filter((name) => !needed[name]);
}

async function newContext(path) {
  const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  await context.audioWorklet.addModule(new URL(path, import.meta.url));
  return context;
}

// Let a context run; returns whether it does.
async function running(context) {
  await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  return context.state === "running";
}

export class Microphone {
  // Calls `onFrame(Int16Array, level)` every 20 ms while it is open.
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.stream = null;
  }

  get open() {
    return this.stream !== null;
  }

  async start() {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
    } catch (error) {
      throw explained(error);
    }
    try {
      this.context = await newContext("capture.js");
      this.source = this.context.createMediaStreamSource(this.stream);
    } catch {
      // Firefox: a microphone goes only into a context of its own rate; the worklet resamples then.
      this.context = new AudioContext({ latencyHint: "interactive" });
      await this.context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
      this.source = this.context.createMediaStreamSource(this.stream);
    }
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, channelCount: 1 });
    this.node.port.onmessage = ({ data }) => this.onFrame(data.samples, data.level);
    this.source.connect(this.node);
    if (await running(this.context)) return;
    await this.stop();
    throw new AudioTrouble("The microphone gives no sound.", "Is another program using it? Typing works without it.");
  }

  async stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    await this.context?.close();
    this.context = null;
  }
}

function explained(error) {
  switch (error.name) {
    case "NotAllowedError":
      return new AudioTrouble(
        "The microphone is blocked.",
        "Allow it in the address bar of your browser, then press the button again. Typing works without it.",
      );
    case "NotFoundError":
      return new AudioTrouble("There is no microphone.", "Plug one in, or type instead.");
    case "NotReadableError":
      return new AudioTrouble("The microphone is in use.", "Close the other program that uses it, or type instead.");
    default:
      return new AudioTrouble("The microphone could not be opened.", `${error.name}: ${error.message}`);
  }
}

export class Loudspeaker {
  // Calls `onProgress({item, ms, waiting})` as items are played.
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.cleared = null;
  }

  async start() {
    if (this.context && (await running(this.context))) return;
    this.context ??= await newContext("player.js");
    if (!(await running(this.context))) {
      this.context.close();
      this.context = this.node = null;
      throw new AudioTrouble("Nothing can be played here.", "Is there a loudspeaker? The answers can be read.");
    }
    this.node = new AudioWorkletNode(this.context, "player", { outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => {
      const ms = Math.max(0, data.ms - 1000 * (this.context.outputLatency || 0));
      if (data.cleared) {
        this.cleared?.({ item: data.item, ms });
        this.cleared = null;
      } else this.onProgress({ item: data.item, ms: data.ms, waiting: data.waiting });
    };
    this.node.connect(this.context.destination);
  }

  play(item, samples) {
    this.node?.port.postMessage({ item, samples }, [samples.buffer]);
  }

  // Be silent at once; answers which item was cut off, and after how many milliseconds of it.
  silence() {
    if (!this.node) return Promise.resolve({ item: null, ms: 0 });
    return new Promise((resolve) => {
      this.cleared = resolve;
      setTimeout(resolve, SILENCE, { item: null, ms: 0 });
      this.node.port.postMessage({ clear: true });
    });
  }
}

export function toBase64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

export function fromBase64(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let index = 0; index < raw.length; index++) bytes[index] = raw.charCodeAt(index);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
