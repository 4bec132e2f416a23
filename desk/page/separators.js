/** Who separates what: the line that tells it, and the dialog in which it is chosen. */

import { say } from "./notices.js";
import * as server from "./server.js";
import { listed } from "./words.js";

const OURS = "varemix (built-in)";
const find = (id) => document.getElementById(id);
const dialog = find("separators-dialog");
const titleOf = (target) => target.replaceAll("_", " ");
let hasOthers = false; // whether this computer has any besides varemix

/** Make the dialog work; `current()` is the open desk. */
export function startSeparators(current, areThere) {
  hasOthers = areThere;
  find("separators-open").onclick = () => open(current().separator);
  find("separators-cancel").onclick = () => dialog.close();
  find("separators-form").onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    take(current());
  };
}

/** Tell who separates what: names of separators by instrument. */
export function showSeparators(separator) {
  const named = Object.entries(separator).sort();
  find("separators").hidden = !hasOthers && !named.length;
  const button = find("separators-open");
  const text = listed([...new Set(named.map(([, name]) => name)), "varemix"]);
  if (button.textContent !== text) button.textContent = text;
  button.title = listed([...named.map(([target, name]) => `${titleOf(target)} by ${name}`), `all else by ${OURS}`]);
}

/** Why separators that are named are not used: what the server tells by instrument, in one line. */
export function faultsText(faults) {
  const reasons = [...new Set(Object.values(faults))];
  const told = (reason) => Object.keys(faults).filter((target) => faults[target] === reason).map(titleOf);
  return reasons.map((reason) => `Separated by ${OURS} here: ${listed(told(reason))}. ${reason}`).join(" ");
}

async function open(separator) {
  find("separators-rows").replaceChildren();
  find("separators-wrong").textContent = "";
  find("separators-state").textContent = "Looking at the separators of this computer…";
  find("separators-take").disabled = true;
  dialog.showModal();
  try {
    show(await server.separators(), separator);
    find("separators-take").disabled = false;
    find("separators-rows").querySelector("select")?.focus();
  } catch (error) {
    find("separators-wrong").textContent = error.message;
  }
  find("separators-state").textContent = "";
}

/** Show a choice for each instrument that one of the separators knows, or that one is named for. */
function show(separators, separator) {
  const instruments = new Map(separators.flatMap((one) => one.instruments).map((one) => [one.target, one]));
  for (const target of Object.keys(separator)) {
    if (!instruments.has(target)) instruments.set(target, { target, title: titleOf(target), is_ours: true });
  }
  const rows = [...instruments.values()].sort((one, other) => one.title.localeCompare(other.title));
  find("separators-rows").replaceChildren(...rows.map((one) => row(one, separators, separator[one.target])));
  find("separators-wrong").textContent = separators.map(({ reason }) => reason).filter(Boolean).join(" ");
}

function row({ target, title, is_ours: isOurs }, separators, named) {
  const knowing = separators.filter((one) => one.instruments.some((instrument) => instrument.target === target));
  const select = document.createElement("select");
  select.name = target;
  select.append(new Option(isOurs ? OURS : "nobody", ""), ...knowing.map((one) => new Option(words(one), one.name)));
  if (named && !knowing.some(({ name }) => name === named)) select.append(new Option(`${named} (not here)`, named));
  select.value = named ?? "";
  const label = document.createElement("label");
  label.append(Object.assign(document.createElement("span"), { textContent: title }), select);
  return label;
}

/** A separator in words: `demucs 4.1.0`, or `fine (demucs 4.1.0)`. */
function words({ name, program, version }) {
  const own = [program, version].filter(Boolean).join(" ");
  return name === program ? own : `${name} (${own})`;
}

function take({ session, separator }) {
  const chosen = [...find("separators-rows").querySelectorAll("select")].filter(({ value }) => value);
  const wanted = Object.fromEntries(chosen.map(({ name, value }) => [name, value]));
  if (server.areSeparatedAlike(wanted, separator)) return;
  session.change({ separator: wanted }, "the separators");
  say(find("separators-open").title);
}
