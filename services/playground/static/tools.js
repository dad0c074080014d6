// What the model calls: one function is the page's own, the others are answered by hand.

import { selectTab } from "./dom.js";

export const OWN_TOOL = {
  type: "function",
  name: "set_color_scheme",
  description: "Change how this page looks.",
  parameters: {
    type: "object",
    properties: { scheme: { type: "string", enum: ["light", "dark", "system"] } },
    required: ["scheme"],
  },
};

export class Tools {
  // `answer(call_id, output)` sends what a call returns.
  constructor(list, answer) {
    this.list = list;
    this.answer = answer;
  }

  show({ call_id, name, arguments: given }) {
    const line = document.createElement("li");
    const head = document.createElement("strong");
    head.textContent = name;
    const body = document.createElement("pre");
    body.textContent = given;
    line.append(head, body);
    this.list.prepend(line);
    if (name === OWN_TOOL.name) {
      this.settle(call_id, setScheme(given), line);
      return;
    }
    line.append(this.form(call_id, name, line));
    selectTab("tools");
  }

  form(call_id, name, line) {
    const form = document.createElement("form");
    const field = document.createElement("input");
    field.type = "text";
    field.placeholder = "What does it return?";
    field.setAttribute("aria-label", `Result of ${name}`);
    const button = document.createElement("button");
    button.textContent = "Answer";
    form.append(field, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.remove();
      this.settle(call_id, field.value, line);
    });
    return form;
  }

  settle(call_id, output, line) {
    const shown = document.createElement("pre");
    shown.textContent = `→ ${output}`;
    line.append(shown);
    this.answer(call_id, output);
  }
}

function setScheme(given) {
  let scheme;
  try {
    ({ scheme } = JSON.parse(given));
  } catch {
    scheme = null;
  }
  if (!["light", "dark", "system"].includes(scheme)) return JSON.stringify({ error: "scheme is light, dark or system" });
  document.documentElement.classList.remove("light", "dark");
  if (scheme !== "system") document.documentElement.classList.add(scheme);
  return JSON.stringify({ ok: true });
}
