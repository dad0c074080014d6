// A connection that speaks the OpenAI Realtime protocol and comes back by itself.

const PROTOCOL = "realtime";
const FINAL = new Set([400, 401, 403, 429]); // answers that would be no other ones if we asked again
const RETRIES = [250, 500, 1000, 2000, 4000, 8000];

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// A short-lived key from the server, so that the lasting one is in no address and no socket.
export async function clientSecret(key, request) {
  let response;
  try {
    response = await fetch("v1/realtime/client_secrets", {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(request),
    });
  } catch {
    throw new Refused(0, "The server can't be reached.");
  }
  if (!response.ok) {
    const told = await response.json().catch(() => null);
    throw new Refused(response.status, told?.error?.message ?? `The server answered ${response.status}.`);
  }
  return (await response.json()).value;
}

export class Connection extends EventTarget {
  // Fires `event` (detail: a server event), `sent` (detail: a client event), and `state` (detail: {state, why}).
  constructor(secret) {
    super();
    this.secret = secret; // async () => string
    this.socket = null;
    this.wanted = false;
    this.attempt = 0;
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  async start() {
    this.wanted = true;
    this.attempt = 0;
    await this.connect();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.tell("closed");
  }

  async connect() {
    this.tell(this.attempt ? "reconnecting" : "connecting");
    let secret;
    try {
      secret = await this.secret();
    } catch (error) {
      if (FINAL.has(error.status)) {
        this.wanted = false;
        this.tell("refused", error);
        return;
      }
      this.retry(error);
      return;
    }
    if (!this.wanted) return;
    const url = new URL("v1/realtime", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, [PROTOCOL, `openai-insecure-api-key.${secret}`]);
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
    };
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === "session.created") {
        this.attempt = 0;
        this.tell("open");
      }
      this.dispatchEvent(new CustomEvent("event", { detail: event }));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (!this.wanted) return;
      this.retry(new Refused(code, reason || (opened ? "The connection was lost." : "The server can't be reached.")));
    };
  }

  retry(why) {
    if (!this.wanted) return;
    const delay = RETRIES[Math.min(this.attempt, RETRIES.length - 1)] * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.tell("reconnecting", why);
    this.timer = setTimeout(() => this.connect(), delay);
  }

  tell(state, why = null) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, why } }));
  }

  send(event) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify(event));
    this.dispatchEvent(new CustomEvent("sent", { detail: event }));
    return true;
  }
}
