"use strict";
// The page on which a curator reviews one event after the other, on Label Studio's API and with the curator's own login.
// What is typed is kept at once in this browser, then as a draft in Label Studio, until it is submitted. All texts of
// tasks are set as text, never as HTML. Names of controls and values: tsalv360/curation/export.py and records.py.

const ROOT = location.pathname.replace(/\/data\/local-files\/?$/, "");
const PROJECT = Number(new URLSearchParams(location.search).get("project"));
const FLAGS = {
  v: ["bad_viewport", "the view misses the object"],
  l: ["bad_saliency", "the bright part is elsewhere"],
  n: ["not_an_event", "nothing that observers follow; reject it too"],
  t: ["two_events", "two objects in one event"],
  u: ["duplicate", "of another event: choose which"],
};
const BOUNDS = { start: "bad_start", end: "bad_end" };
const SAVE_AFTER_MS = 400;
const RETRY_AFTER_MS = 2000;
const MOST_WORDS = 40;

const at = (id) => document.getElementById(id);
const [viewport, overlay, caption, comment] = ["viewport", "overlay", "caption", "comment"].map(at);

let me, task; // the user and the task, as Label Studio gives them
let annotation = null; // the number of the submitted annotation that is changed, if one is
let draft = null; // the number of the draft on the server, if there is one
let given = {}; // what the curator has said: caption, verdict, flags, start, end, duplicate_of, rating, comment
let openedAt = 0, leadBefore = 0; // when the event was opened (ms), seconds spent on it before
let uniqueId = ""; // of the annotation to come, by which Label Studio recognises one that is sent twice
let saveTimer = 0, saving = Promise.resolve();
let busy = true;

// ---- Label Studio's API

class Refused extends Error {}

async function call(method, path, body, options = {}) {
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token ? token[1] : "" };
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${ROOT}/api/${path}`, { method, headers, ...content, ...options });
  if (answer.status === 401 || answer.status === 403) {
    throw new Refused("Label Studio does not accept your login. Log in in another tab, then go on here; your text is kept.");
  }
  if (answer.status >= 500) throw new Error(`status ${answer.status}`);
  if (!answer.ok) throw Object.assign(new Refused(`Label Studio refused this: status ${answer.status}`), { status: answer.status });
  return answer.status === 204 ? null : answer.json();
}

/** Calls until the server answers; what it refuses is not tried again. */
async function untilAnswered(method, path, body) {
  for (;;) {
    try {
      const answer = await call(method, path, body);
      say("");
      return answer;
    } catch (error) {
      if (error instanceof Refused) throw error;
      say("The server does not answer; trying again. Your text is kept in this browser.");
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    }
  }
}

// ---- what the curator says, as Label Studio's results and back

function results() {
  const item = (name, type, key, value) => ({ id: name, from_name: name, to_name: "viewport", type, value: { [key]: value } });
  const text = (name, value) => item(name, "textarea", "text", [value]);
  const choices = (name, values) => item(name, "choices", "choices", values);
  const found = [text("caption", given.caption)];
  if (given.verdict) found.push(choices("verdict", [given.verdict]));
  if (given.flags.size) found.push(choices("flags", [...given.flags]));
  for (const [name, flag] of Object.entries(BOUNDS)) {
    if (given.flags.has(flag) && given[name].trim()) found.push(text(name, given[name].trim()));
  }
  if (given.flags.has("duplicate") && given.duplicate_of) found.push(choices("duplicate_of", [given.duplicate_of]));
  if (given.rating) found.push(item("rating", "rating", "rating", given.rating));
  if (given.comment.trim()) found.push(text("comment", given.comment.trim()));
  return found;
}

function readResults(items) {
  const values = Object.fromEntries(items.map((item) => [item.from_name, Object.values(item.value)[0]]));
  const first = (name) => String([values[name] ?? ""].flat()[0] ?? "");
  const alternative = first("alternative"); // of Label Studio's own editor; here a chosen one becomes the text
  const typed = oneLine([values.caption ?? machine()].flat().join(" "));
  return {
    caption: alternative && typed === machine() ? alternative : typed,
    verdict: first("verdict"),
    flags: new Set([values.flags ?? []].flat()),
    start: first("start"),
    end: first("end"),
    duplicate_of: first("duplicate_of"),
    rating: Number(first("rating")) || 0,
    comment: [values.comment ?? ""].flat().join(" "),
  };
}

const machine = () => task.data.caption_machine.trim();
const oneLine = (text) => text.replace(/\s*[\r\n]+\s*/g, " ");

/** Seconds in a text with a point or a comma; NaN if it is no number. */
function seconds(text) {
  const number = text.trim().replace(",", ".");
  return /^(\d+\.?\d*|\.\d+)$/.test(number) ? Number(number) : NaN;
}

// ---- times of the videos: their pictures, the event within them

const rate = () => Number(task.data.fps);
const nPictures = () => task.data.shown.runs.reduce((sum, [, n]) => sum + n, 0);
const length = () => nPictures() / rate();
const pictureAt = (time) => Math.min(Math.floor(time * rate() + 1e-3), nPictures() - 1);
/** The time of a picture, rounded up so that the number as shown and typed is in this picture. */
const shownTime = (picture) => (Math.ceil((picture / rate()) * 100 - 1e-6) / 100).toFixed(2);

/** The picture that shows a time of the source video. */
function pictureOf(sourceTime) {
  let before = 0;
  for (const [start, n] of task.data.shown.runs) {
    const within = Math.round((sourceTime - start) / task.data.shown.step_s);
    if (within < n) return before + Math.max(within, 0);
    before += n;
  }
  return before - 1;
}

/** The time of the source video that a picture shows. */
function sourceTime(picture) {
  const { runs, step_s } = task.data.shown;
  for (const [start, n] of runs) {
    if (picture < n) return start + picture * step_s;
    picture -= n;
  }
  return runs.at(-1)[0] + (runs.at(-1)[1] - 1) * step_s;
}

const detected = (name) => shownTime(pictureOf(task.data[`${name}_s`]));
/** A bound in seconds as it counts: the corrected one if its flag is set, else the detected one. */
const bound = (name) => seconds(given.flags.has(BOUNDS[name]) && given[name].trim() ? given[name] : detected(name));

/** What is wrong with a corrected bound, in words; nothing if it can be used. */
function wrongBound(name) {
  if (!given.flags.has(BOUNDS[name]) || !given[name].trim()) return "";
  const value = bound(name);
  if (Number.isNaN(value)) return `“${given[name].trim()}” is no number of seconds, such as 1.05`;
  if (value > length()) return `the videos end at ${length().toFixed(2)} s`;
  const [start, end] = [bound("start"), bound("end")];
  if (start >= end) return name === "start" ? `not before the end, ${end} s` : `not after the start, ${start} s`;
  return "";
}

// ---- opening, drafts, submitting

async function next() {
  await busyWhile(async () => {
    let found;
    try {
      found = await untilAnswered("GET", `projects/${PROJECT}/next/`);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    await (found ? show(found.id) : showDone());
  });
}

async function show(id) {
  task = await untilAnswered("GET", `tasks/${id}/`);
  const last = (items) => items.reduce((a, b) => (a && a.id > b.id ? a : b), null);
  const mine = last(task.annotations.filter((one) => one.completed_by.id === me.id));
  annotation = mine ? mine.id : null;
  const begun = last(task.drafts.filter((one) => one.user === me.email && (one.annotation ?? null) === annotation));
  draft = begun ? begun.id : null;
  const kept = JSON.parse(localStorage.getItem(keptAs()) ?? "null"); // what the server has not confirmed
  const source = kept ?? begun ?? mine;
  given = readResults(source ? source.result : []);
  leadBefore = Number((kept ?? begun ?? {}).lead_time ?? 0);
  openedAt = Date.now();
  uniqueId = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  at("done").hidden = true;
  document.querySelector("main").hidden = false;
  showEvent();
  saved(kept ? "restored what was not saved" : begun ? "your draft" : mine ? "submitted; a change replaces it" : "");
  if (kept) keep();
  showProgress();
}

async function showDone() {
  task = undefined;
  pause();
  document.querySelector("main").hidden = true;
  at("done").hidden = false;
  at("title").textContent = "Curation";
  const { finished_task_number: done, task_number: total } = await showProgress();
  const all = done === total ? "All events are reviewed. Thank you!" : "No event is left for you.";
  at("done").querySelector("h1").textContent = all;
  at("done").querySelector("p").textContent = done === total ? "" : "Others are reviewing the rest. Reload this page later.";
}

async function showProgress() {
  const project = await untilAnswered("GET", `projects/${PROJECT}/`);
  at("progress").textContent = `${project.finished_task_number} of ${project.task_number} done`;
  const times = sittingTimes().sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  at("pace").textContent = times.length ? `${times.length} by you, ${Math.round(3600 / Math.max(median, 1))} an hour` : "";
  return project;
}

/** Seconds that the events took which this person submitted since the page was opened in this tab. */
const sittingTimes = () => JSON.parse(sessionStorage.getItem("tsalv360.times") ?? "[]");

const leadTime = () => leadBefore + (Date.now() - openedAt) / 1000;
const keptAs = () => `tsalv360.kept.${PROJECT}.${task.id}.${me.id}`;

/** Keeps what was said in this browser at once, and soon as a draft on the server. */
function keep() {
  localStorage.setItem(keptAs(), JSON.stringify({ result: results(), lead_time: leadTime() }));
  saved("saving …", true);
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, SAVE_AFTER_MS);
}

function changed() {
  keep();
  render();
}

function save() {
  clearTimeout(saveTimer);
  saveTimer = 0;
  saving = saving.then(saveNow);
  return saving;
}

async function saveNow() {
  const own = task, name = keptAs(), content = localStorage.getItem(name);
  if (!content) return;
  const [method, path] = draft
    ? ["PATCH", `drafts/${draft}/`]
    : ["POST", `tasks/${task.id}/${annotation ? `annotations/${annotation}/` : ""}drafts`];
  try {
    const answer = await call(method, path, JSON.parse(content), { keepalive: true }); // also when the page is closed
    if (task !== own) return;
    draft = answer.id;
    if (localStorage.getItem(name) === content) {
      localStorage.removeItem(name);
      saved("saved");
    }
  } catch (error) {
    if (task !== own) return;
    if (error.status === 404) draft = null; // deleted in Label Studio's own editor
    saved("kept in this browser; the server does not answer", true);
    if (error instanceof Refused) say(error.message);
    saveTimer = setTimeout(save, RETRY_AFTER_MS);
  }
}

async function submit(skipped = false) {
  const problem = skipped ? "" : problemToSubmit();
  if (problem) return say(problem);
  document.activeElement.blur();
  clearTimeout(saveTimer);
  const submitted = await busyWhile(async () => {
    await saving;
    clearTimeout(saveTimer);
    const lead = leadTime();
    const body = { result: results(), was_cancelled: skipped, lead_time: lead };
    const prediction = task.predictions.length ? { parent_prediction: task.predictions[0].id } : {};
    if (annotation) {
      await untilAnswered("PATCH", `annotations/${annotation}/`, body);
      if (draft) await untilAnswered("DELETE", `drafts/${draft}/`).catch(() => null);
    } else {
      const sent = { ...body, ...prediction, unique_id: uniqueId, draft_id: draft };
      await untilAnswered("POST", `tasks/${task.id}/annotations/`, sent).catch((error) => {
        if (error.status !== 409) throw error; // it had arrived, only the answer was lost
      });
    }
    localStorage.removeItem(keptAs());
    if (!skipped) sessionStorage.setItem("tsalv360.times", JSON.stringify([...sittingTimes(), lead]));
  });
  if (submitted) await next();
}

function problemToSubmit() {
  for (const name of Object.keys(BOUNDS)) {
    if (wrongBound(name)) {
      at(name).focus();
      return `Correct the ${name}: ${wrongBound(name)}.`;
    }
  }
  if (given.flags.has("duplicate") && !given.duplicate_of) return "Choose the other event (u), or take the flag back.";
  if (!given.verdict) return "Choose accept (a), edit (e) or reject (r); or skip it (k).";
  if (given.verdict !== "reject" && !given.caption.trim()) return "Write a caption (e), or reject the event (r).";
  return "";
}

/** Opens the event before this one again, of those that this person submitted or skipped. */
async function undo() {
  await busyWhile(async () => {
    const history = await untilAnswered("GET", `projects/${PROJECT}/label-stream-history`);
    const here = task ? history.findIndex((one) => one.taskId === task.id) : -1;
    const before = (here < 0 ? history : history.slice(0, here)).filter((one) => one.annotationId);
    if (!before.length) return say("Nothing before this one.");
    await save();
    await show(before[before.length - 1].taskId);
  });
}

/** Does some work, meanwhile takes no keys and clicks, and returns whether it succeeded. */
async function busyWhile(work) {
  busy = document.querySelector("main").inert = true;
  say("");
  try {
    await work();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  } finally {
    busy = document.querySelector("main").inert = false;
  }
}

// ---- what is seen

function say(text) {
  at("message").textContent = text;
}

function saved(text, waiting = false) {
  at("saved").textContent = text;
  at("saved").classList.toggle("waiting", waiting);
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const key = (text) => element("kbd", { textContent: text });

/** Shows a newly opened event. */
function showEvent() {
  const data = task.data;
  at("title").textContent = data.title;
  at("facts").textContent = data.facts;
  at("poster").src = data.poster_url;
  viewport.src = data.viewport_url;
  overlay.src = data.overlay_url;
  at("own-editor").href = `${ROOT}/projects/${PROJECT}/data?task=${task.id}`;
  at("alternatives").replaceChildren();
  for (const text of new Set([machine(), ...data.alternatives.map((one) => one.value)])) offer(text);
  for (const name of Object.keys(BOUNDS)) at(name).placeholder = detected(name);
  caption.value = given.caption;
  comment.value = given.comment;
  for (const name of Object.keys(BOUNDS)) at(name).value = given[name];
  render();
  play(); // a browser may refuse it before the first key or click
}

/** Shows what was said. Text fields keep what is typed in them. */
function render() {
  const { flags } = given;
  for (const button of document.querySelectorAll("[data-verdict]")) press(button, button.dataset.verdict === given.verdict);
  for (const button of document.querySelectorAll(".flag")) press(button, flags.has(button.dataset.flag));
  for (const button of at("rating").querySelectorAll("button")) press(button, Number(button.value) === given.rating);
  for (const [name, flag] of Object.entries(BOUNDS)) {
    at(`bound-${name}`).classList.toggle("on", flags.has(flag));
    at(`${name}-wrong`).textContent = wrongBound(name);
    const time = bound(name);
    at(`${name}-mark`).style.left = `${(100 * (name === "end" ? time + 1 / rate() : time)) / length()}%`;
    at(`${name}-mark`).hidden = !flags.has(flag) || Number.isNaN(time);
  }
  const [start, end] = Object.keys(BOUNDS).map((name) => pictureOf(task.data[`${name}_s`]));
  at("own").style.left = `${(100 * start) / nPictures()}%`;
  at("own").style.width = `${(100 * (end - start + 1)) / nPictures()}%`;
  const n = given.caption.split(/\s+/).filter(Boolean).length;
  at("words").textContent = `${n} words${n > MOST_WORDS ? `, more than ${MOST_WORDS}` : ""}`;
  for (const button of at("alternatives").children) {
    button.hidden = [given.caption.trim(), ""].includes(button.value);
  }
  at("original").hidden = !flags.has("duplicate");
  at("original").replaceChildren(
    ...(others().some((one) => one.value === given.duplicate_of)
      ? [element("img", { src: mediaOf(given.duplicate_of, ".jpg"), alt: "" }), `duplicate of ${given.duplicate_of}`]
      : ["duplicate of: choose …"]),
  );
}

/** Shows a caption that can be chosen. */
function offer(text) {
  const number = String(at("alternatives").children.length + 1);
  const button = element("button", { title: "use this caption", value: text }, key(number), ` ${text}`);
  button.addEventListener("click", () => write(text));
  at("alternatives").append(button);
}

function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

/** Other events of this video; names that are none, which could lead out of its folder, are left out. */
function others() {
  const { video } = task.data;
  const isEvent = (name) => name.startsWith(`${video}_`) && /^\d+$/.test(name.slice(video.length + 1));
  return task.data.others.filter((one) => isEvent(one.value));
}

/** The media of another event of this video, which lie beside those of this one. */
function mediaOf(event, ending) {
  const folder = task.data.viewport_url.slice(0, task.data.viewport_url.lastIndexOf("/") + 1);
  return folder + encodeURIComponent(event) + ending;
}

function tick() {
  if (task) {
    const time = viewport.currentTime;
    at("counter").textContent = `${shownTime(pictureAt(time))} / ${length().toFixed(2)} s`;
    at("now").style.left = `${(100 * time) / length()}%`;
    if (!overlay.seeking && Math.abs(overlay.currentTime - time) > (viewport.paused ? 0.01 : 0.15)) overlay.currentTime = time;
  }
  requestAnimationFrame(tick);
}

// ---- playing

function play() {
  Promise.all([viewport.play(), overlay.play()]).catch(() => null);
}

function pause() {
  viewport.pause();
  overlay.pause();
}

/** Stops at a picture, in its middle, where rounding does not matter. */
function goTo(picture) {
  pause();
  viewport.currentTime = (Math.min(Math.max(picture, 0), nPictures() - 1) + 0.5) / rate();
}

function showPlaying() {
  at("play").replaceChildren(viewport.paused ? "▶ play " : "❚❚ pause ", key("space"));
}

// ---- saying

function choose(verdict) {
  if (verdict === "edit") {
    caption.focus();
    caption.setSelectionRange(caption.value.length, caption.value.length);
    return;
  }
  const asWritten = given.caption.trim() === machine() ? "accept" : "edit";
  if (verdict === "accept" && !given.caption.trim()) return say("There is no caption to accept: write one (e).");
  given.verdict = verdict === "accept" ? asWritten : verdict;
  say("");
  changed();
}

/** Takes over what is in the caption field; the text decides whether it is an edit. */
function captionTyped() {
  if (/[\r\n]/.test(caption.value)) caption.value = oneLine(caption.value); // pasted
  given.caption = caption.value;
  if (given.caption.trim() !== machine()) given.verdict = "edit";
  else if (given.verdict === "edit") given.verdict = "";
  changed();
}

function write(text) {
  const typed = given.caption.trim(); // can be chosen again
  if (![...at("alternatives").children].some((button) => button.value === typed)) offer(typed);
  caption.value = text;
  captionTyped();
  if (text.trim() === machine()) choose("accept");
}

function setBound(name) {
  pause();
  given[name] = at(name).value = shownTime(pictureAt(viewport.currentTime));
  given.flags.add(BOUNDS[name]);
  changed();
}

function takeBack(name) {
  given[name] = at(name).value = "";
  given.flags.delete(BOUNDS[name]);
  changed();
}

function toggle(flag) {
  if (!given.flags.delete(flag)) given.flags.add(flag);
  if (flag === "duplicate") given.duplicate_of = "";
  changed();
  if (flag === "duplicate" && given.flags.has(flag)) chooseOther();
}

function chooseOther() {
  const cards = others().map(({ value: event, hint }) => {
    const image = element("img", { src: mediaOf(event, ".jpg"), alt: "", loading: "lazy" });
    const card = element("button", { className: "other" }, image, element("strong", { textContent: event }), ` ${hint ?? ""}`);
    const preview = () => {
      if (card.querySelector("video")) return;
      const video = element("video", { src: mediaOf(event, ".mp4"), muted: true, loop: true, autoplay: true });
      image.replaceWith(video);
    };
    card.addEventListener("mouseenter", preview);
    card.addEventListener("focus", preview);
    card.addEventListener("click", () => {
      given.duplicate_of = event;
      at("others").close();
      changed();
    });
    press(card, event === given.duplicate_of);
    return card;
  });
  at("others").querySelector("div").replaceChildren(...(cards.length ? cards : ["This video has no other event."]));
  at("others").showModal();
}

// ---- keys and clicks

const ACTIONS = {
  " ": () => (viewport.paused ? play() : pause()),
  ArrowLeft: () => goTo(pictureAt(viewport.currentTime) - 1),
  ArrowRight: () => goTo(pictureAt(viewport.currentTime) + 1),
  s: () => setBound("start"),
  d: () => setBound("end"),
  S: () => takeBack("start"),
  D: () => takeBack("end"),
  a: () => choose("accept"),
  e: () => choose("edit"),
  r: () => choose("reject"),
  c: () => comment.focus(),
  k: () => submit(true),
  Enter: () => submit(),
  x: () => at("explorer").hidden || at("explorer").click(),
};
for (const [letter, [flag]] of Object.entries(FLAGS)) ACTIONS[letter] = () => toggle(flag);
/** Turns the link to the explorer to the moment that is shown. */
function aimExplorer() {
  const time = sourceTime(pictureAt(viewport.currentTime)).toFixed(3);
  const event = encodeURIComponent(task.data.event_id);
  const server = at("explorer").dataset.server;
  at("explorer").href = `${server}/videos/${encodeURIComponent(task.data.video)}.html#t=${time}&event=${event}`;
}

const ALWAYS = { z: undo, h: () => at("guide").showModal() };

function act(name) {
  if (busy) return;
  if (ALWAYS[name]) ALWAYS[name]();
  else if (task && /^[1-9]$/.test(name)) at("alternatives").children[Number(name) - 1]?.click();
  else if (task && ACTIONS[name]) ACTIONS[name]();
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target.matches("input, textarea")) {
    if (!event.isComposing && ["Enter", "Escape", "Tab"].includes(event.key)) {
      event.preventDefault(); // no new line, and no other field in which the next key would land
      target.blur();
    }
    return;
  }
  if (target.matches("button, a") && (event.key === "Enter" || event.key === " ")) return; // presses this button
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  if (event.key === " " || event.key.startsWith("Arrow") || event.key.length === 1) event.preventDefault();
  act(event.key);
});

// A clicked button gives the focus back, so that the next key is a hot key.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (event.detail && !button.closest("dialog")) button.blur();
  if (button.dataset.key) act(button.dataset.key);
});

for (const [letter, [flag, title]] of Object.entries(FLAGS)) {
  const button = element("button", { className: "flag", title }, key(letter), ` ${flag.replaceAll("_", " ")}`);
  Object.assign(button.dataset, { flag, key: letter });
  at("flags").append(button);
}
for (const value of [1, 2, 3, 4, 5]) {
  const button = element("button", { value, textContent: value });
  button.addEventListener("click", () => {
    given.rating = given.rating === value ? 0 : value;
    changed();
  });
  at("rating").append(button);
}
at("explorer").addEventListener("click", (event) => {
  if (!task) return event.preventDefault();
  pause();
  aimExplorer();
});
at("original").addEventListener("click", chooseOther);
at("others").addEventListener("close", () => {
  if (!given.duplicate_of) toggle("duplicate"); // closed without a choice
});
caption.addEventListener("input", captionTyped);
comment.addEventListener("input", () => {
  given.comment = comment.value;
  changed();
});
for (const [name, flag] of Object.entries(BOUNDS)) {
  at(name).addEventListener("input", () => {
    given[name] = at(name).value;
    if (given[name].trim()) given.flags.add(flag);
    else given.flags.delete(flag);
    changed();
  });
  at(`${name}-back`).addEventListener("click", () => takeBack(name));
}
for (const event of ["play", "pause"]) viewport.addEventListener(event, showPlaying);
for (const video of [viewport, overlay]) {
  video.addEventListener("click", () => act(" "));
  video.addEventListener("error", () => say("A video cannot be loaded; reload the page, or tell who runs the session."));
}
at("line").addEventListener("pointerdown", (event) => at("line").setPointerCapture(event.pointerId));
for (const kind of ["pointerdown", "pointermove"]) {
  at("line").addEventListener(kind, (event) => {
    if (!event.buttons || !task) return;
    const { left, width } = at("line").getBoundingClientRect();
    goTo(Math.floor(((event.clientX - left) / width) * nPictures()));
  });
}
addEventListener("pagehide", () => {
  if (saveTimer) save();
});

(async () => {
  await busyWhile(async () => {
    me = await untilAnswered("GET", "current-user/whoami");
    at("user").textContent = me.email;
    at("own-editor").href = `${ROOT}/projects/${PROJECT}/data`;
    at("explorer").hidden = !at("explorer").dataset.server;
    showPlaying();
  });
  if (!me) return;
  requestAnimationFrame(tick);
  const asked = Number(new URLSearchParams(location.search).get("task"));
  if (!asked) return next();
  await busyWhile(() => show(asked));
})();
