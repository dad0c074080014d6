// The status strip: the actors behind the session, and what happens to them, from the server's status stream.

const KEPT = 100;
const RETRY = 2000;
const GOOD = new Set(["running"]);
const OPENS = new Set(["CircuitOpened", "ProviderUnusable"]);
const BROWSER = { "browser-stt": "this browser hears", "browser-tts": "this browser speaks" };
const BAD = new Set(["failed", "stopped"]);

export class Status {
  constructor(elements, key, onReplaced) {
    this.elements = elements;
    this.key = key;
    this.onReplaced = onReplaced;
    this.stopping = null;
    this.session = "";
    this.actors = [];
    this.resting = new Set(); // providers whose circuit is open, as far as this page has been told
  }

  // Watch the actors of this session, too.
  watch(session) {
    this.session = session;
    this.restart();
  }

  start() {
    this.stopping = new AbortController();
    this.run(this.stopping.signal);
  }

  restart() {
    this.stopping?.abort();
    this.start();
  }

  async run(signal) {
    while (!signal.aborted) {
      try {
        await this.read(signal);
      } catch {
        if (signal.aborted) return;
        this.elements.strip.replaceChildren();
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }

  async read(signal) {
    const key = this.key();
    const response = await fetch(`api/status?${new URLSearchParams({ session: this.session })}`, { signal, headers: key ? { authorization: `Bearer ${key}` } : {} });
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    this.resting.clear();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      held += value;
      const lines = held.split("\n");
      held = lines.pop();
      for (const line of lines) if (line) this.take(JSON.parse(line));
    }
  }

  take(told) {
    if (told.type === "actors") this.showActors(told);
    else if (told.type === "event") this.showEvent(told);
  }

  showActors({ actors, model }) {
    this.actors = actors;
    this.elements.engines.textContent = model;
    this.show();
  }

  look({ path, state }) {
    if (this.resting.has(path)) return { look: "troubled", what: `${state}, left alone for a while` };
    return { look: GOOD.has(state) ? "running" : BAD.has(state) ? "failed" : "troubled", what: state };
  }

  show() {
    this.elements.actors.replaceChildren(
      ...this.actors.map((actor) => {
        const { look, what } = this.look(actor);
        const line = document.createElement("li");
        const name = document.createElement("span");
        name.className = look;
        name.textContent = actor.path;
        const told = document.createElement("span");
        told.className = "what";
        told.textContent = actor.restarts ? `${what}, restarted ${actor.restarts} ×` : what;
        line.append(name, told);
        return line;
      }),
    );
    this.elements.strip.replaceChildren(
      ...this.actors
        .map((actor) => ({ actor, parts: actor.path.split("/") }))
        .filter(({ parts: [above, , name] }) => (above === "providers" && name) || (above === "casts" && name in BROWSER))
        .map(({ actor, parts }) => {
          const { look, what } = this.look(actor);
          const pill = document.createElement("span");
          pill.className = look;
          pill.textContent = parts[0] === "casts" ? BROWSER[parts[2]] : parts[1];
          pill.title = `${actor.path}: ${what}`;
          return pill;
        }),
    );
  }

  showEvent({ name, text, replaced, provider }) {
    if (OPENS.has(name)) this.resting.add(provider);
    if (name === "CircuitClosed") this.resting.delete(provider);
    if (provider) this.show();
    const line = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = `${new Date().toLocaleTimeString()} `;
    line.append(time, text);
    line.title = name;
    this.elements.happenings.prepend(line);
    if (this.elements.happenings.childElementCount > KEPT) this.elements.happenings.lastElementChild.remove();
    if (replaced) this.onReplaced(text);
  }
}
