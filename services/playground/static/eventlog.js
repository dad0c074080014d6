// Every event of the protocol, both ways; audio is shown by its length only.

const KEPT = 2000;
const SHOWN = 300;
const MEDIA = new Set(["audio", "delta", "image_url"]);

function withoutMedia(key, value) {
  if (MEDIA.has(key) && typeof value === "string" && value.length > 200) return `… ${value.length} characters`;
  return value;
}

export class EventLog {
  constructor(list, filter, count) {
    this.list = list;
    this.filter = filter;
    this.count = count;
    this.entries = [];
    this.dropped = 0;
    this.start = performance.now();
    this.visible = false;
    filter.addEventListener("input", () => this.render());
  }

  add(direction, event) {
    const entry = { at: performance.now() - this.start, direction, event };
    this.entries.push(entry);
    if (this.entries.length > KEPT) {
      this.entries.shift();
      this.dropped += 1;
    }
    if (this.visible && this.matches(entry)) {
      this.list.append(this.line(entry));
      if (this.list.childElementCount > SHOWN) this.list.firstElementChild.remove();
      this.list.parentElement.scrollTop = this.list.parentElement.scrollHeight;
    }
    this.tell();
  }

  show(visible) {
    this.visible = visible;
    if (visible) this.render();
  }

  matches(entry) {
    const wanted = this.filter.value.trim().toLowerCase();
    if (!wanted) return entry.event.type !== "input_audio_buffer.append" && !entry.event.type.endsWith("audio.delta");
    return wanted.split(/\s+/).every((word) => {
      const not = word.startsWith("-") && word.length > 1;
      const found = entry.event.type.includes(not ? word.slice(1) : word);
      return found !== not;
    });
  }

  render() {
    this.list.replaceChildren(
      ...this.entries
        .filter((entry) => this.matches(entry))
        .slice(-SHOWN)
        .map((entry) => this.line(entry)),
    );
    this.list.parentElement.scrollTop = this.list.parentElement.scrollHeight;
    this.tell();
  }

  tell() {
    this.count.textContent = this.dropped
      ? `${this.entries.length} events, ${this.dropped} older ones dropped`
      : `${this.entries.length} events`;
  }

  line(entry) {
    const item = document.createElement("li");
    item.className = entry.direction;
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const time = document.createElement("time");
    time.textContent = (entry.at / 1000).toFixed(3);
    const arrow = document.createElement("span");
    arrow.className = "arrow";
    arrow.textContent = entry.direction === "sent" ? "↑" : "↓";
    arrow.setAttribute("aria-label", entry.direction);
    const type = document.createElement("code");
    type.textContent = entry.event.type;
    summary.append(time, arrow, type);
    details.append(summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) {
        const text = document.createElement("pre");
        text.textContent = JSON.stringify(entry.event, withoutMedia, 2);
        details.append(text);
      }
    });
    item.append(details);
    return item;
  }

  // One line of JSON for each event, audio included.
  save() {
    const lines = this.entries.map(({ at, direction, event }) => JSON.stringify({ ms: Math.round(at), direction, event }));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n"), "\n"], { type: "application/x-ndjson" }));
    link.download = `troupe-events-${new Date().toISOString().replace(/[:.]/g, "-")}.ndjson`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
