/** Markers, loop and count-in: the buttons and keys that set them, and the dialog in which they are named and typed. */

import { showField } from "./fields.js";
import { exactClock, typedTime } from "./words.js";
import { say } from "./notices.js";

const find = (id) => document.getElementById(id);
const dialog = find("places-dialog");
const template = document.getElementById("marker-template");
const BEATS = 4; // where the click has no bars
const USUAL_BPM = 100;
const LEAST_LOOP_S = 0.25;
const MOST_MARKERS = 500;

let current; // gives the open desk

/** Make buttons and dialog work; `desk()` is the open desk. */
export function startPlaces(desk) {
  current = desk;
  find("marker-add").onclick = () => addMarker(current());
  find("loop-toggle").onclick = () => toggleLoop(current());
  find("places-open").onclick = open;
  find("places-close").onclick = () => dialog.close();
  find("loop-from").onchange = find("loop-to").onchange = typeLoop;
  find("loop-off").onclick = () => current().session.change({ loop: null }, "taking the loop away");
  for (const id of ["count-in", "click-count-in"]) find(id).onchange = ({ target }) => setCountIn(current(), target.checked);
  find("count-in-bpm").onchange = () => setCountIn(current(), find("count-in").checked);
}

/** Show what the mix has. */
export function showPlaces({ loop, count_in_bpm: bpm, click }) {
  find("loop-toggle").setAttribute("aria-pressed", Boolean(loop));
  find("loop-toggle").title = loop ? `Loop ${exactClock(loop[0])} to ${exactClock(loop[1])} (L)` : "Loop (L)";
  find("count-in").checked = find("click-count-in").checked = Boolean(bpm);
  find("count-in-bpm").disabled = !bpm;
  showField(find("count-in-bpm"), bpm ?? click.bpm);
  find("count-in-beats").textContent = click.beats_a_bar || BEATS;
  if (dialog.open) show();
}

/** What the player takes for a count-in: a bar of the click track. */
export function countInOf({ count_in_bpm: bpm, click }) {
  return bpm ? { beats: click.beats_a_bar || BEATS, bpm } : undefined;
}

export function addMarker(desk) {
  const { markers } = desk.session.mix;
  const atS = Math.round(1000 * desk.positionS) / 1000;
  if (markers.some((marker) => marker.at_s === atS) || markers.length >= MOST_MARKERS) return;
  const numbers = markers.map(({ name }) => Number(name)).filter(Number.isFinite);
  const name = String(Math.max(0, ...numbers) + 1);
  setMarkers(desk, [...markers, { at_s: atS, name }]);
  say(`Marker ${name} at ${exactClock(atS)}.`);
}

/** The loop goes, or comes: between the markers around the playhead, or what is shown where there are none. */
export function toggleLoop(desk) {
  const { loop, markers } = desk.session.mix;
  if (loop) {
    desk.session.change({ loop: null }, "taking the loop away");
    return say("No loop.");
  }
  const times = markers.map(({ at_s: atS }) => atS);
  const from = Math.max(desk.view.fromS, ...times.filter((time) => time <= desk.positionS));
  const to = Math.min(desk.view.toS, ...times.filter((time) => time > desk.positionS));
  return setLoop(desk, [from, to]);
}

/** Let the loop begin (0) or end (1) at the playhead. */
export function setLoopEnd(desk, which) {
  const [from, to] = desk.session.mix.loop ?? [0, desk.view.durationS];
  setLoop(desk, which ? [Math.min(from, desk.positionS), desk.positionS] : [desk.positionS, Math.max(to, desk.positionS)]);
}

export function setLoop(desk, ends) {
  const loop = ends.map((time) => Math.round(1000 * time) / 1000);
  if (loop[1] - loop[0] < LEAST_LOOP_S) return say(`A loop lasts at least ${LEAST_LOOP_S} seconds.`);
  desk.session.change({ loop }, "the loop");
  return say(`Loop from ${exactClock(loop[0])} to ${exactClock(loop[1])}.`);
}

function setMarkers(desk, markers) {
  desk.session.change({ markers: [...markers].sort((one, other) => one.at_s - other.at_s) }, "a marker");
}

function setCountIn(desk, isOn) {
  const bpm = Math.min(300, Math.max(30, Number(find("count-in-bpm").value) || USUAL_BPM));
  desk.session.change({ count_in_bpm: isOn ? bpm : null }, "the count-in");
}

// The dialog

function open() {
  show();
  dialog.showModal();
}

function show() {
  const { markers, loop } = current().session.mix;
  showField(find("loop-from"), loop ? exactClock(loop[0]) : "");
  showField(find("loop-to"), loop ? exactClock(loop[1]) : "");
  find("loop-off").disabled = !loop;
  find("markers-none").hidden = markers.length > 0;
  const rows = find("markers");
  while (rows.children.length > markers.length) rows.lastElementChild.remove();
  while (rows.children.length < markers.length) rows.append(newRow());
  markers.forEach((marker, place) => showRow(rows.children[place], marker, place));
}

/** A row keeps its place, and so what is clicked next; the marker in it may come to be another. */
function newRow() {
  const item = template.content.firstElementChild.cloneNode(true);
  const [name, time] = item.querySelectorAll("input");
  const [go, remove] = item.querySelectorAll("button");
  const placeOf = () => [...find("markers").children].indexOf(item);
  const change = (parts) => {
    const place = placeOf();
    setMarkers(current(), current().session.mix.markers.map((one, at) => (at === place ? { ...one, ...parts } : one)));
  };
  name.onchange = () => change(name.value.trim() ? { name: name.value.trim().slice(0, 120) } : {});
  time.onchange = () => {
    const seconds = typedTime(time.value);
    change(seconds === undefined ? {} : { at_s: Math.min(seconds, current().view.durationS) });
  };
  go.onclick = () => {
    current().seekToS(current().session.mix.markers[placeOf()].at_s);
    dialog.close();
  };
  remove.onclick = () => {
    const place = placeOf();
    setMarkers(current(), current().session.mix.markers.filter((_, at) => at !== place));
  };
  return item;
}

function showRow(item, marker, place) {
  const [name, time] = item.querySelectorAll("input");
  const [go, remove] = item.querySelectorAll("button");
  showField(name, marker.name);
  showField(time, exactClock(marker.at_s));
  name.setAttribute("aria-label", `Name of marker ${place + 1}`);
  time.setAttribute("aria-label", `Time of marker ${place + 1}`);
  go.setAttribute("aria-label", `Go to ${marker.name}`);
  remove.setAttribute("aria-label", `Delete ${marker.name}`);
}

function typeLoop() {
  const [from, to] = [find("loop-from"), find("loop-to")].map((input) => typedTime(input.value));
  if (from === undefined || to === undefined) return;
  setLoop(current(), [from, Math.min(to, current().view.durationS)].sort((one, other) => one - other));
  show();
}
