/** The first view: drop a recording, pick one, or take one off the shelf. */

import { recordings } from "./server.js";
import { clock } from "./words.js";

const LIMIT = 60;
const TYPING_MS = 200;

const library = document.getElementById("library");
const list = document.getElementById("recordings");
const note = document.getElementById("recordings-note");
const search = document.getElementById("search");

/** Show the recordings of the shelf, and look again while the search is typed. */
export function startShelf() {
  let timer;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(showShelf, TYPING_MS);
  });
}

export async function showShelf() {
  const wanted = search.value.trim();
  const found = await recordings(wanted, LIMIT);
  if (wanted !== search.value.trim()) return;
  library.hidden = !found.length && !wanted;
  list.replaceChildren(...found.map(entry));
  note.textContent = noteText(found.length, wanted);
}

function entry({ id, title, folder, duration_s: durationS, has_masks: hasMasks }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#${id}`;
  link.append(words("b", title), words("span", folder || "dropped here"), words("span", readyText(hasMasks)),
    words("time", durationS === null ? "" : clock(durationS)));
  item.append(link);
  return item;
}

function readyText(hasMasks) {
  const num = hasMasks?.length ?? 0;
  return num ? "analysed" : "";
}

function noteText(num, wanted) {
  if (!num) return wanted ? `No recording is called '${wanted}'.` : "";
  return num === LIMIT ? `The first ${LIMIT} are shown; search for others.` : "";
}

function words(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
