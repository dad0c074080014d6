// The conversation on the page: words appear as they are said, and turn grey when they were cut off.

export class Transcript {
  constructor(list) {
    this.list = list;
    this.items = new Map();
  }

  get(id) {
    return this.items.get(id);
  }

  add(id, role, { kind = "message", after = null } = {}) {
    if (this.items.has(id)) return this.items.get(id);
    const element = document.createElement("li");
    element.className = `item ${role} ${kind}`;
    element.dataset.item = id;
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = { user: "You", assistant: "Troupe", system: "System", tool: "Tool" }[role] ?? role;
    const body = document.createElement("div");
    body.className = "body";
    element.append(who, body);
    const previous = after ? this.items.get(after)?.element : null;
    if (previous) previous.after(element);
    else this.list.append(element);
    const item = { id, role, element, body, text: "", marks: [], audioMs: 0, heardMs: 0, cut: null };
    this.items.set(id, item);
    this.follow();
    return item;
  }

  remove(id) {
    this.items.get(id)?.element.remove();
    this.items.delete(id);
  }

  clear() {
    this.items.clear();
    this.list.replaceChildren();
  }

  // What the user said, as far as it is understood.
  write(id, text) {
    const item = this.items.get(id);
    if (!item) return;
    item.text = text;
    item.body.textContent = text;
    this.follow();
  }

  picture(id, url) {
    const item = this.items.get(id);
    if (!item) return;
    const image = document.createElement("img");
    image.src = url;
    image.alt = "A picture you sent";
    item.body.append(image);
    this.follow();
  }

  // Text of a spoken answer; it is said from here on in the item's audio.
  say(id, delta) {
    const item = this.items.get(id);
    if (!item) return;
    item.marks.push({ at: item.text.length, ms: item.audioMs });
    item.text += delta;
    this.show(item);
  }

  // More audio of an item has come.
  sound(id, ms) {
    const item = this.items.get(id);
    if (item) item.audioMs += ms;
  }

  // So much of an item has been played.
  heard(id, ms) {
    const item = this.items.get(id);
    if (!item || ms <= item.heardMs || item.cut !== null) return;
    item.heardMs = ms;
    this.show(item);
  }

  // An item was cut off after so much of its audio.
  cut(id, ms) {
    const item = this.items.get(id);
    if (!item || item.cut !== null) return;
    item.cut = ms;
    item.heardMs = ms;
    item.element.classList.add("cut");
    this.show(item);
  }

  // All of it is there, and nothing of it is spoken.
  settle(id) {
    const item = this.items.get(id);
    if (item && !item.audioMs) this.show(item);
  }

  // How many characters had been said after so much audio: in proportion between the places that are known.
  saidAt(item, ms) {
    if (!item.audioMs) return item.text.length;
    let from = { at: 0, ms: 0 };
    let to = { at: item.text.length, ms: item.audioMs };
    for (const mark of item.marks) {
      if (mark.ms <= ms) from = mark;
      else {
        to = mark;
        break;
      }
    }
    const share = to.ms > from.ms ? Math.min(1, (ms - from.ms) / (to.ms - from.ms)) : 1;
    const end = Math.round(from.at + share * (to.at - from.at));
    if (end <= 0 || end >= item.text.length) return end;
    const space = item.text.slice(end).search(/\s/); // whole words
    return space < 0 ? item.text.length : end + space;
  }

  show(item) {
    const said = this.saidAt(item, item.heardMs);
    const spoken = document.createElement("span");
    spoken.textContent = item.text.slice(0, said);
    const rest = document.createElement("span");
    rest.className = item.cut !== null ? "unheard" : "coming";
    rest.textContent = item.text.slice(said);
    if (item.cut !== null && rest.textContent.trim()) rest.title = "Cut off: this was not heard, and is not remembered.";
    item.body.replaceChildren(spoken, rest);
    this.follow();
  }

  follow() {
    const box = this.list.parentElement;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 160) box.scrollTop = box.scrollHeight;
  }
}
