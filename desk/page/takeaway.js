/** Out of the desk: the remix and the stems as files, the mix as a plan, and the whole library by it. */

import { asked } from "./gains.js";
import * as server from "./server.js";
import { isTuned, tuningText } from "./practice.js";
import { say, tell } from "./notices.js";
import { capital, exactClock, listed } from "./words.js";

const POLL_MS = 300;
const ALL = "stems";
const REMIX = "remix";
const TUNED = "tuned"; // as it is practised
const find = (id) => document.getElementById(id);
const dialog = find("export-dialog");

/**
 * Fill the formats in, `[name]`, and make the buttons work; `mixOf()` is {recording, wishes, exponent, separator, titles,
 * mix}.
 *
 * `library` is {library, library_out}: the library that the desk was opened with, and where its remixes go, or nulls.
 */
export function startTakeaway(formats, library, mixOf) {
  find("export-format").replaceChildren(new Option("as the recording", ""),
    ...formats.map((name) => new Option(name.toUpperCase(), name)));
  find("export").onclick = () => openExport(mixOf());
  find("export-what").onchange = find("export-tempo").onchange = () => showWhat(mixOf());
  find("export-close").onclick = () => dialog.close();
  find("export-go").onclick = () => exportFile(mixOf());
  find("save-plan").onclick = () => openPlan(mixOf(), library);
  find("plan-close").onclick = () => find("plan-dialog").close();
  find("plan-save").onclick = () => savePlan(mixOf());
  find("plan-copy").onclick = () => copyCommand();
  find("library-out").onchange = () => showCommand(library);
  find("library-look").onclick = () => lookAtLibrary(mixOf());
  find("library-start").onclick = () => startLibrary(mixOf());
}

/** The mix in words: `violin −6 dB and cello muted`. */
export function wishText(gains, titles) {
  const texts = Object.entries(gains).map(([target, gain]) => {
    if (gain === "solo") return `${titles[target]} alone`;
    if (Array.isArray(gain)) return `${titles[target]} ${rangesText(gain)}`;
    if (gain === "mute") return `${titles[target]} muted`;
    return `${titles[target]} ${gain > 0 ? "+" : "−"}${Math.abs(gain)} dB`;
  });
  return texts.length ? `With ${listed(texts)}.` : "No fader is moved.";
}

/** Gains in time in words: `−3 dB, from 1:20 to 2:05 −6 dB`. */
function rangesText(parts) {
  return parts.map(({ from, to, db }) => {
    const when = [from === undefined ? "" : `from ${exactClock(from)}`, to === undefined ? "" : `to ${exactClock(to)}`];
    return [...when, db === "mute" ? "muted" : `${db > 0 ? "+" : "−"}${Math.abs(db)} dB`].filter(Boolean).join(" ");
  }).join(", ");
}

// Files

function openExport(mix) {
  const titles = Object.entries(mix.titles);
  find("export-what").replaceChildren(new Option("the remix", REMIX),
    ...titles.map(([target, title]) => new Option(`${title} alone`, target)),
    ...(titles.length > 1 ? [new Option(`all ${titles.length} instruments, each a file, in a zip`, ALL)] : []));
  find("export-practice").hidden = !isTuned(mix.mix);
  find("export-tempo").replaceChildren(new Option("as the recording", ""), new Option(`as practised: ${tuningText(mix.mix)}`, TUNED));
  find("export-wrong").textContent = "";
  showWhat(mix);
  dialog.showModal();
}

function showWhat({ wishes, titles }) {
  const what = find("export-what").value;
  find("export-wishes").textContent = what === REMIX ? remixText(asked(wishes), titles)
    : "What the masks cut out, at its level in the recording; faders do not count.";
}

function remixText(gains, titles) {
  if (Object.keys(gains).length) return wishText(gains, titles);
  const becomes = find("export-tempo").value === TUNED ? "Only tempo and pitch change." : "The file will sound as the recording does.";
  return `${wishText(gains, titles)} ${becomes}`;
}

function exportOf({ wishes, exponent, separator, titles, mix }) {
  const what = find("export-what").value;
  const { tempo, transpose_semitones } = mix;
  const tuning = find("export-tempo").value === TUNED ? { tempo, transpose_semitones } : {};
  const common = { separator, format: find("export-format").value || null, ...tuning };
  if (what === REMIX) return { gains: asked(wishes), mask_exponent: exponent, ...common, even_if_absent: true };
  return { stems: what === ALL ? Object.keys(titles) : [what], ...common };
}

async function exportFile(mix) {
  const button = find("export-go");
  button.disabled = true;
  find("export-wrong").textContent = "";
  find("export-progress").hidden = false;
  try {
    const { job, name } = await server.startExport(mix.recording.id, exportOf(mix));
    const { said } = await finished(job);
    save(server.exportUrl(job), name);
    dialog.close();
    tell(`'${name}' is ready and goes to your downloads.${said ? ` ${capital(said)}.` : ""}`, { key: "export", kind: "note" });
    say(`${name} is exported.`);
  } catch (error) {
    find("export-wrong").textContent = error.message;
  } finally {
    button.disabled = false;
    find("export-progress").hidden = true;
  }
}

/** Wait for a file, and show how far it is. */
async function finished(job) {
  for (;;) {
    const told = await server.exportState(job);
    const isWriting = told.state === "writing";
    find("export-text").textContent = isWriting ? `Writing '${told.name}', ${Math.round(100 * told.share)} %`
      : "Waiting until its instruments are analysed";
    if (isWriting) find("export-bar").value = told.share;
    else find("export-bar").removeAttribute("value");
    if (told.state === "failed") throw new Error(told.said);
    if (told.state === "ready") return told;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

// The plan, and the library

function openPlan({ wishes, titles }, library) {
  const gains = asked(wishes);
  const hasGains = Object.keys(gains).length > 0;
  find("plan-wishes").textContent = hasGains ? wishText(gains, titles) : "No fader is moved, so there is nothing to save yet.";
  for (const id of ["plan-save", "library-look", "library-start"]) find(id).disabled = !hasGains;
  find("library-part").hidden = !library.library;
  if (library.library) find("library-name").textContent = library.library;
  if (!find("library-out").value) find("library-out").value = library.library_out ?? "";
  find("library-found").replaceChildren();
  find("plan-wrong").textContent = "";
  showCommand(library);
  find("plan-dialog").showModal();
}

/** The command that makes the plan come true, which can be pasted as it is. */
function showCommand({ library }) {
  const out = find("library-out").value;
  const names = library ? [quoted(library), quoted(out)] : ["LIBRARY", "OUT"];
  find("plan-command").textContent = `varemix remix ${names[0]} --out ${names[1]} --plan remix.yaml`;
}

function quoted(path) {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

async function copyCommand() {
  await navigator.clipboard.writeText(find("plan-command").textContent).catch(() => {});
  say("The command is copied.");
}

function planOf({ wishes, exponent, separator }) {
  return { gains: asked(wishes), mask_exponent: exponent, separator };
}

function savePlan(mix) {
  return attempt("plan-save", "Saving…", async () => {
    const url = URL.createObjectURL(await (await server.plan(planOf(mix))).blob());
    save(url, "remix.yaml");
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    say("The mix is saved as remix.yaml.");
  });
}

/** A dry run: what would be done to the library. */
function lookAtLibrary(mix) {
  return attempt("library-look", "Looking…", async () => {
    const found = await server.libraryPreview({ ...planOf(mix), out: find("library-out").value });
    const { total } = found;
    const unreadable = Object.keys(found.unreadable).length;
    const rows = [
      ["recordings", total.recordings ?? 0], ["minutes of sound", total.minutes_of_sound ?? 0],
      ["to write", total.to_write ?? 0], ["to copy unchanged", total.to_copy ?? 0], ["done already", total.already_done ?? 0],
      ["to analyse before", total.to_hear_before ?? 0], ["megabytes, about", total.about_megabytes_to_write ?? 0],
      ["minutes of work, about", total.about_minutes_of_work ?? 0], ["cannot be read", unreadable],
    ];
    find("library-found").replaceChildren(...rows.map(([what, number]) => {
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("dt"), { textContent: what }),
        Object.assign(document.createElement("dd"), { textContent: number }));
      return row;
    }));
  });
}

function startLibrary(mix) {
  return attempt("library-start", "Starting…", async () => {
    const { run, out } = await server.libraryStart({ ...planOf(mix), out: find("library-out").value });
    find("plan-dialog").close();
    tell(`The library is being remixed into '${out}'. Watch it at ${run}`, { key: "library", kind: "note", stays: true });
  });
}

/** Do what a button is for; meanwhile the button says so, and is not pressed again. */
async function attempt(id, doing, work) {
  const button = find(id);
  const { textContent: words } = button;
  Object.assign(button, { textContent: doing, disabled: true });
  find("plan-wrong").textContent = "";
  try {
    await work();
  } catch (error) {
    find("plan-wrong").textContent = error.message;
  } finally {
    Object.assign(button, { textContent: words, disabled: false });
  }
}

function save(href, name) {
  const link = document.createElement("a");
  Object.assign(link, { href, download: name ?? "" });
  link.click();
}
