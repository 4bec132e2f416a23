/** Out of the desk: the remix as a file, the wishes as a plan for a whole library. */

import { asked } from "./gains.js";
import { exportUrl, isExported, plan, startExport } from "./server.js";
import { say, tell } from "./notices.js";
import { listed } from "./words.js";

const POLL_MS = 400;
const find = (id) => document.getElementById(id);
const dialog = find("export-dialog");

/** Fill the formats in, `[name]`, and make the buttons work; `wishesOf()` is {recording, wishes, titles}. */
export function startTakeaway(formats, wishesOf) {
  find("export-format").replaceChildren(new Option("as the recording", ""),
    ...formats.map((name) => new Option(name.toUpperCase(), name)));
  find("export").onclick = () => {
    const { wishes, titles } = wishesOf();
    find("export-wishes").textContent = wishText(asked(wishes), titles);
    find("export-wrong").textContent = "";
    dialog.showModal();
  };
  find("export-close").onclick = () => dialog.close();
  find("export-go").onclick = () => exportRemix(wishesOf());
  find("save-plan").onclick = () => savePlan(wishesOf());
}

/** The wishes in words: `violin −6 dB and cello muted`. */
export function wishText(gains, titles) {
  const texts = Object.entries(gains).map(([target, gain]) => {
    if (gain === "solo") return `${titles[target]} alone`;
    if (gain === "mute") return `${titles[target]} muted`;
    return `${titles[target]} ${gain > 0 ? "+" : "−"}${Math.abs(gain)} dB`;
  });
  return texts.length ? `With ${listed(texts)}.` : "No fader is moved: the file will sound as the recording does.";
}

async function exportRemix({ recording, wishes }) {
  const button = find("export-go");
  button.disabled = true;
  find("export-wrong").textContent = "";
  find("export-progress").hidden = false;
  try {
    const format = find("export-format").value || null;
    const { job, name } = await startExport(recording.id, { gains: asked(wishes), format, even_if_absent: true });
    await finished(job, name);
    save(exportUrl(job), name);
    dialog.close();
    tell(`'${name}' is ready and goes to your downloads.`, { key: "export", kind: "note" });
    say(`${name} is exported.`);
  } catch (error) {
    find("export-wrong").textContent = error.message;
  } finally {
    button.disabled = false;
    find("export-progress").hidden = true;
  }
}

async function finished(job, name) {
  find("export-text").textContent = `Writing '${name}'`;
  while (!(await isExported(job))) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

async function savePlan({ wishes }) {
  const gains = asked(wishes);
  if (!Object.keys(gains).length) {
    tell("No fader is moved, so there is no wish to save.", { key: "plan", kind: "note" });
    return;
  }
  try {
    const response = await plan({ gains });
    const url = URL.createObjectURL(await response.blob());
    save(url, "remix.yaml");
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    tell("The wishes are saved as 'remix.yaml'; varemix remix LIBRARY --plan remix.yaml makes them come true.",
      { key: "plan", kind: "note" });
  } catch (error) {
    tell(error.message, { key: "plan" });
  }
}

function save(href, name) {
  const link = document.createElement("a");
  Object.assign(link, { href, download: name ?? "" });
  link.click();
}
