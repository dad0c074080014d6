// What the user has chosen, and the dialog in which he does.

import { $ } from "./dom.js";
import { canHear } from "./hearing.js";
import { canSpeak, onVoices, voices } from "./speaking.js";
import { OWN_TOOL } from "./tools.js";

const RATE = 24000;
const PARTS = ["stt", "llm", "tts"];
const FIELDS = ["key", ...PARTS, "voice", "language", "instructions", "tools"];
const BROWSER = "browser";
const ABLE = { stt: canHear, tts: canSpeak };

export const settings = {
  key: "", // kept in memory only
  turns: "server_vad",
  stt: "",
  llm: "",
  tts: "",
  voice: "",
  language: "",
  instructions: "",
  tools: "",
};

let offers = { stt: [], llm: [], tts: [] };

// Whoever is asked first for a part.
const first = (part, chosen = settings[part]) => chosen || offers[part].find((offer) => offer.chain)?.name;

export const byHand = () => settings.turns === "manual";
// Whether the browser hears; and whether it alone does, without any audio for the server.
export const browserHears = () => canHear && first("stt") === BROWSER;
export const browserDecides = () => browserHears() && settings.turns === BROWSER;
export const authorization = () => (settings.key ? { authorization: `Bearer ${settings.key}` } : {});

// Who is to take part: whom the user has chosen; behind the browser, which may fail, those of the server's own chain.
export function wantedProviders() {
  const wanted = {};
  for (const part of PARTS) {
    if (!settings[part]) continue;
    const chain = offers[part].filter((offer) => offer.chain && offer.name !== BROWSER).map(({ name }) => name);
    wanted[part] = settings[part] === BROWSER ? [BROWSER, ...chain] : [settings[part]];
  }
  return wanted;
}

// Whether the session's browser is one of its providers; and what it can do.
export const browserIsPart = () =>
  ["stt", "tts"].some((part) =>
    settings[part] ? settings[part] === BROWSER : offers[part].some(({ name, chain }) => chain && name === BROWSER),
  );
export const abilities = () => ({ hears: browserHears(), speaks: canSpeak && voices().length > 0 });

export function sessionConfig() {
  const detection =
    byHand() || browserDecides()
      ? null
      : { type: settings.turns === "semantic_vad" ? "semantic_vad" : "server_vad", create_response: true, interrupt_response: true };
  const session = {
    type: "realtime",
    output_modalities: ["audio"],
    audio: {
      input: {
        format: { type: "audio/pcm", rate: RATE },
        turn_detection: detection,
        transcription: { model: "default", ...(settings.language ? { language: settings.language } : {}) },
      },
      output: { format: { type: "audio/pcm", rate: RATE }, ...(settings.voice ? { voice: settings.voice } : {}) },
    },
    tools: [OWN_TOOL, ...(settings.tools ? JSON.parse(settings.tools) : [])],
  };
  if (settings.instructions) session.instructions = settings.instructions;
  return session;
}

export class SettingsDialog {
  // `onApply(before)` is called when the settings have changed.
  constructor(onApply) {
    this.onApply = onApply;
    $("open-settings").addEventListener("click", () => this.open());
    $("apply").addEventListener("click", (event) => this.apply(event));
    $("tts").addEventListener("change", () => this.showVoices());
    $("stt").addEventListener("change", () => this.showTurns());
    onVoices(() => $("settings").open && this.showVoices());
  }

  open() {
    for (const name of FIELDS) $(name).value = settings[name];
    document.querySelector(`input[name=turns][value=${settings.turns}]`).checked = true;
    $("settings-trouble").textContent = "";
    this.showTurns();
    this.showVoices();
    $("settings").showModal();
  }

  apply(event) {
    const tools = $("tools").value.trim();
    if (tools) {
      try {
        if (!Array.isArray(JSON.parse(tools))) throw new TypeError("it has to be a list");
      } catch (error) {
        event.preventDefault();
        $("settings-trouble").textContent = `Tools: ${error.message}`;
        return;
      }
    }
    const before = { ...settings };
    for (const name of FIELDS) settings[name] = $(name).value.trim();
    settings.turns = document.querySelector("input[name=turns]:checked").value;
    this.onApply(before);
  }

  // Ask the server from whom there is to choose.
  async load() {
    let told;
    try {
      const answer = await fetch("api/providers", { headers: authorization() });
      if (!answer.ok) return;
      told = await answer.json();
    } catch {
      return; // the server is away; what was known stays
    }
    offers = told;
    for (const part of PARTS) {
      const able = offers[part].filter(({ name }) => name !== BROWSER || ABLE[part]);
      const usual = first(part, "");
      const title = (name) => (name === BROWSER ? "this browser" : name);
      $(part).replaceChildren(
        new Option(usual ? `${title(usual)} (the server's choice)` : "the server's choice", ""),
        ...able.map(({ name }) => new Option(title(name), name)),
      );
      if (![...$(part).options].some(({ value }) => value === settings[part])) settings[part] = "";
      $(part).value = settings[part];
    }
  }

  // Only the browser's recogniser says when a turn is over.
  showTurns() {
    const choice = $("turns-browser");
    choice.disabled = !canHear || first("stt", $("stt").value) !== BROWSER;
    if (choice.disabled && choice.checked) document.querySelector("input[name=turns]").checked = true;
  }

  async showVoices() {
    const tts = $("tts").value;
    const listed = first("tts", tts) === BROWSER ? browserVoices() : await serverVoices(tts);
    if ($("tts").value !== tts) return; // he has chosen another one in the meantime
    const chosen = $("voice").value || settings.voice;
    $("voice").replaceChildren(
      new Option("its own", ""),
      ...listed.map(({ id, name, languages }) => new Option(languages.length ? `${name} (${languages[0]})` : name, id)),
    );
    $("voice").value = listed.some(({ id }) => id === chosen) ? chosen : "";
  }
}

const browserVoices = () => voices().map(({ voiceURI, name, lang }) => ({ id: voiceURI, name, languages: [lang] }));

async function serverVoices(tts) {
  try {
    const answer = await fetch(`api/voices?${new URLSearchParams({ tts })}`, { headers: authorization() });
    return answer.ok ? (await answer.json()).voices : [];
  } catch {
    return []; // the server is away
  }
}
