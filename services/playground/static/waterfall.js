// Where the time of a turn goes: from the end of speech to what is heard.

const STAGES = [
  ["transcript", "understood"],
  ["token", "first words"],
  ["audio", "first audio"],
  ["heard", "heard"],
];
const KEPT = 50;

export class Waterfall {
  constructor(list) {
    this.list = list;
    this.turns = [];
    this.now = null;
  }

  // A turn begins when the user has ended, by voice or by hand.
  begin(label = "spoken") {
    this.now = { start: performance.now(), label, at: {}, notes: [] };
    this.turns.push(this.now);
    if (this.turns.length > KEPT) {
      this.turns.shift();
      this.list.lastElementChild?.remove();
    }
    const element = document.createElement("li");
    this.now.element = element;
    this.list.prepend(element);
    this.draw(this.now);
  }

  mark(stage) {
    const turn = this.now;
    if (!turn || stage in turn.at) return;
    turn.at[stage] = performance.now() - turn.start;
    this.draw(turn);
  }

  note(text) {
    if (!this.now) return;
    this.now.notes.push(text);
    this.draw(this.now);
  }

  draw(turn) {
    const total = Math.max(300, ...Object.values(turn.at)) * 1.05;
    const title = document.createElement("h3");
    title.textContent = `Turn ${this.turns.indexOf(turn) + 1}`;
    const sum = document.createElement("span");
    sum.className = "sum";
    const last = turn.at.heard ?? turn.at.audio ?? turn.at.token;
    sum.textContent = last === undefined ? "…" : `${Math.round(last)} ms`;
    title.append(sum);
    const chart = document.createElement("dl");
    let before = 0;
    for (const [stage, name] of STAGES) {
      const at = turn.at[stage];
      if (at === undefined) continue;
      const term = document.createElement("dt");
      term.textContent = name;
      const value = document.createElement("dd");
      const track = document.createElement("span");
      track.className = "track";
      const bar = document.createElement("span");
      bar.className = `bar ${stage}`;
      bar.style.left = `${(100 * before) / total}%`;
      bar.style.width = `${Math.max(0.8, (100 * (at - before)) / total)}%`;
      const number = document.createElement("span");
      number.className = "number";
      number.textContent = `${Math.round(at)} ms`;
      track.append(bar);
      value.append(track, number);
      chart.append(term, value);
      before = Math.max(before, at);
    }
    turn.element.replaceChildren(title, chart);
    for (const note of turn.notes) {
      const line = document.createElement("p");
      line.className = "note";
      line.textContent = note;
      turn.element.append(line);
    }
  }
}
