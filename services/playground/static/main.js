// The playground: the page's controls, and what they do to the session behind it.

import { AudioTrouble, Microphone, missingFeatures } from "./audio.js";
import { $, forgive, selectTab, trouble } from "./dom.js";
import { EventLog } from "./eventlog.js";
import { pictureUrl } from "./picture.js";
import { Session } from "./session.js";
import { SettingsDialog, browserDecides, browserHears, byHand, settings } from "./settings.js";
import { Status } from "./status.js";
import { Tools } from "./tools.js";
import { Transcript } from "./transcript.js";
import { Waterfall } from "./waterfall.js";

const STATES = {
  connecting: "Connecting …",
  open: "Connected",
  reconnecting: "Connection lost, trying again …",
  refused: "Not admitted",
  closed: "Not connected",
};

const transcript = new Transcript($("transcript"));
const waterfall = new Waterfall($("turns"));
const log = new EventLog($("events"), $("filter"), $("event-count"));
const session = new Session({ transcript, waterfall, log });
const microphone = new Microphone(onFrame);
const tools = new Tools($("calls"), (call_id, output) => session.answerCall(call_id, output));
const status = new Status(
  { strip: $("strip"), actors: $("actors"), happenings: $("happenings"), engines: $("engines") },
  () => settings.key,
  (text) => waterfall.note(text),
);
const dialog = new SettingsDialog(onSettings);

let holding = false; // hold to talk: whether it is held

// -- the session ------------------------------------------------------------------------------------------------------

session.addEventListener("change", controls);
session.addEventListener("call", ({ detail }) => tools.show(detail));
session.addEventListener("opened", ({ detail }) => status.watch(detail));
session.addEventListener("deaf", stopListening);
session.addEventListener("state", ({ detail: { state } }) => {
  $("state").className = `state ${state}`;
  $("state-text").textContent = STATES[state];
  document.body.dataset.state = state;
});
session.addEventListener("refused", ({ detail: why }) => {
  stopListening();
  if (why.status === 401) trouble("The server wants a key.", "Enter it in the settings.", () => $("open-settings").click());
  else trouble("The server did not let you in.", why.message);
});

function onSettings(before) {
  forgive();
  loadOffers();
  const others = ["key", "stt", "llm", "tts"].some((name) => before[name] !== settings[name]);
  if (others || before.turns !== settings.turns) stopListening();
  if (others) {
    session.close();
    status.restart();
  } else session.configure();
  controls();
}

async function loadOffers() {
  await dialog.load();
  session.announce(); // the browser may be of the server's own chain
}

// -- talking ----------------------------------------------------------------------------------------------------------

const listening = () => microphone.open || session.ears.wanted;

function onFrame(samples, level) {
  $("level").value = Math.min(1, level * 4);
  $("talk").style.setProperty("--loud", Math.min(1, level * 6).toFixed(2));
  if (!byHand() || holding) session.append(samples);
}

async function startListening() {
  const missing = missingFeatures();
  if (missing.length) {
    trouble(`This browser lacks: ${missing.join(", ")}.`, missing.includes("microphone") && !window.isSecureContext
      ? "Browsers give the microphone to https: and localhost only."
      : "Use a recent Chromium, Firefox or Safari, or type instead.");
    return false;
  }
  await session.openLoudspeaker();
  try {
    if (!browserDecides()) await microphone.start();
  } catch (error) {
    if (!(error instanceof AudioTrouble)) throw error;
    trouble(error.message, error.fix);
    return false;
  }
  if (!(await session.connect())) {
    await microphone.stop();
    return false;
  }
  if (browserHears()) session.ears.start({ language: settings.language, turns: browserDecides() });
  return true;
}

function stopListening() {
  microphone.stop();
  session.ears.stop();
  session.hearing = false;
  $("level").value = 0;
  $("talk").style.setProperty("--loud", 0);
  controls();
}

async function toggleTalk() {
  if (listening()) {
    stopListening();
    session.send({ type: "input_audio_buffer.clear" });
  } else await startListening();
  controls();
}

async function hold() {
  if (holding) return;
  holding = true;
  controls();
  if (!listening() && !(await startListening())) {
    holding = false;
    controls();
    return;
  }
  if (holding) await session.beginTurn(); // unless it was let go while the microphone was being opened
  controls();
}

function release() {
  if (!holding) return;
  holding = false;
  session.endTurn();
}

async function sendPictures(files) {
  for (const file of files) {
    const url = await pictureUrl(file);
    if (url) await session.sendPicture(url);
  }
}

// -- the page ---------------------------------------------------------------------------------------------------------

function hint(live) {
  if (session.hearing) return "You are heard …";
  if (session.playing) return "Speaking; talk to interrupt.";
  if (session.answering) return "Thinking …";
  return live ? "Listening." : "";
}

function controls() {
  const talk = $("talk");
  const live = listening() && (!byHand() || holding);
  talk.classList.toggle("live", live);
  talk.setAttribute("aria-pressed", String(live));
  $("talk-label").textContent = byHand() ? (holding ? "Release to send" : "Hold to talk") : live ? "Stop listening" : "Start talking";
  $("stop").disabled = !(session.answering || session.playing);
  $("welcome").hidden = transcript.items.size > 0;
  document.body.toggleAttribute("data-hearing", session.hearing);
  $("hint").textContent = hint(live);
}

$("talk").addEventListener("click", (event) => {
  if (byHand()) event.preventDefault();
  else toggleTalk();
});
$("talk").addEventListener("pointerdown", (event) => {
  if (!byHand()) return;
  $("talk").setPointerCapture(event.pointerId);
  hold();
});
for (const name of ["pointerup", "pointercancel"]) $("talk").addEventListener(name, release);
const typing = (target) => target instanceof HTMLElement && target.closest("input, textarea, select, dialog, summary, [role=tab]");
document.addEventListener("keydown", (event) => {
  if (event.code === "Space" && byHand() && !typing(event.target)) {
    event.preventDefault();
    if (!event.repeat) hold();
  } else if (event.code === "Escape" && !$("settings").open) $("stop").click();
});
document.addEventListener("keyup", (event) => {
  if (event.code === "Space" && byHand() && !typing(event.target)) {
    event.preventDefault();
    release();
  }
});
window.addEventListener("blur", release);
window.addEventListener("online", () => session.connection.wanted && !session.open && session.connection.connect());
window.addEventListener("offline", () => trouble("This machine is offline.", "It goes on when the network is back."));
$("stop").addEventListener("click", () => session.stopAnswer());
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  session.sendText(text);
});
$("picture").addEventListener("change", async ({ target }) => {
  await sendPictures([...target.files]);
  target.value = "";
});
const talk = document.querySelector(".talk");
for (const name of ["dragenter", "dragover"])
  talk.addEventListener(name, (event) => {
    event.preventDefault();
    talk.classList.add("drop");
  });
for (const name of ["dragleave", "drop"]) talk.addEventListener(name, () => talk.classList.remove("drop"));
talk.addEventListener("drop", (event) => {
  event.preventDefault();
  sendPictures([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => sendPictures([...(event.clipboardData?.files ?? [])]));
document.querySelector(".tabs").addEventListener("click", ({ target }) => {
  if (target.getAttribute("role") === "tab") selectTab(target.id.slice(4));
});
document.querySelector(".tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  selectTab(next.id.slice(4));
});
document.addEventListener("tab", ({ detail }) => log.show(detail === "events"));
$("save").addEventListener("click", () => log.save());
$("trouble-close").addEventListener("click", () => forgive()?.());

status.start();
loadOffers();
controls();
