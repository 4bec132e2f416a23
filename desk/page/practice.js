/** Practice: tempo, transposition, what becomes of one's own instrument, and the click track. */

import { showField } from "./fields.js";
import { Tapping, typedBpm } from "./metronome.js";
import { say } from "./notices.js";
import { capital, exactClock } from "./words.js";

const [LEAST_PERCENT, MOST_PERCENT, PERCENT_STEP] = [25, 200, 5];
const MOST_SEMITONES = 12;
const OTHERS_DB = -9; // so much softer are the others where mine is louder: nothing clips
const ALONE_DB = 6; // where there are no others on the desk
const BEATS_A_BAR = [0, 2, 3, 4, 5, 6, 7, 8, 9, 12];
const IS_OPEN = "varemix-practice";
const TAPPED_BEATS = 1.5; // so long after a tap no other is waited for
const AS_IT_IS = { gain_db: 0, is_muted: false, is_solo: false, ranges: [] };

const NARROW = matchMedia("(max-width: 68rem)"); // as in the style sheet

const find = (id) => document.getElementById(id);
const tapping = new Tapping();
let tapped; // the timer of a tempo that is being tapped

/** What becomes of the instruments: of mine, and of each of the others, which `numOthers` are; and what that is called. */
const PRESETS = {
  "without-mine": { words: (title) => `without the ${title}`, mine: () => ({ is_muted: true }), others: {} },
  "only-mine": { words: (title) => `only the ${title}`, mine: () => ({ is_solo: true }), others: {} },
  "mine-louder": {
    words: (title) => `${title} louder`,
    mine: (numOthers) => (numOthers ? {} : { gain_db: ALONE_DB }),
    others: { ...AS_IT_IS, gain_db: OTHERS_DB },
  },
};

/** Make the panel work; `current()` is the open desk. */
export function startPractice(current) {
  find("beats").replaceChildren(...BEATS_A_BAR.map((beats) => new Option(beats ? `${beats} beats a bar` : "no accent", beats)));
  open(Boolean(sessionStorage.getItem(IS_OPEN)));
  find("practice-open").onclick = () => open(find("practice").hidden);
  NARROW.onchange = place;
  place();
  const keys = practiceKeys(current);
  for (const [id, key] of Object.entries({ slower: "<", faster: ">", lower: "d", higher: "u", click: "n", tap: "t", "first-beat": "h" })) {
    find(id).onclick = keys[key];
  }
  for (const id of Object.keys(PRESETS)) find(id).onclick = () => preset(current(), id);
  find("tempo").oninput = ({ target }) => showTempo(Number(target.value)); // which is set when it is let go
  find("tempo").onchange = ({ target }) => setTempo(current(), Number(target.value));
  find("tempo-typed").onchange = ({ target }) => setTempo(current(), typedNumber(target.value, "%"));
  find("transpose").oninput = ({ target }) => setPitch(current(), Number(target.value));
  find("transpose-typed").onchange = ({ target }) => setPitch(current(), typedNumber(target.value, "semitones"));
  for (const id of ["tempo", "transpose"]) find(id).ondblclick = () => reset(current(), id);
  find("mine").onchange = ({ target }) => current().session.change({ my_instrument: target.value }, "my instrument");
  find("bpm").onchange = ({ target }) => setClick(current(), { bpm: typedBpm(target.value) });
  find("beats").onchange = ({ target }) => setClick(current(), { beats_a_bar: Number(target.value) });
  find("click-level").oninput = ({ target }) => setClick(current(), { gain_db: Number(target.value) }, "level of the click");
}

/** What keys do. */
export function practiceKeys(current) {
  const step = (percent) => setTempo(current(), stepped(100 * current().session.mix.tempo, percent, PERCENT_STEP));
  const transpose = (semitones) => setPitch(current(), stepped(current().session.mix.transpose_semitones, semitones, 1));
  return {
    p: () => open(find("practice").hidden),
    "<": () => step(-1),
    ">": () => step(1),
    d: () => transpose(-1),
    u: () => transpose(1),
    w: () => preset(current(), "without-mine"),
    o: () => preset(current(), "only-mine"),
    i: () => preset(current(), "mine-louder"),
    n: () => toggleClick(current()),
    t: () => tap(current),
    h: () => setFirstBeat(current()),
  };
}

/** Show what the mix has; `titles` are those of its instruments by target. */
export function showPractice(mix, titles) {
  const { tempo, transpose_semitones: semitones, click } = mix;
  showTempo(Math.round(1000 * tempo) / 10);
  showField(find("transpose"), semitones);
  find("transpose").setAttribute("aria-valuetext", semitonesText(semitones));
  showField(find("transpose-typed"), signed(semitones));
  const targets = Object.keys(titles);
  const options = find("mine");
  if (targets.join() !== [...options.options].map(({ value }) => value).join()) {
    options.replaceChildren(...Object.entries(titles).map(([target, title]) => new Option(capital(title), target)));
  }
  options.value = mineOf(mix) ?? "";
  options.disabled = !targets.length;
  for (const id of Object.keys(PRESETS)) {
    find(id).disabled = !targets.length;
    find(id).setAttribute("aria-pressed", targets.length > 0 && isSet(mix, id));
  }
  find("click").setAttribute("aria-pressed", click.is_on);
  showBpm(click.bpm, tempo);
  showField(find("beats"), click.beats_a_bar);
  showField(find("click-level"), click.gain_db);
  find("click-level").setAttribute("aria-valuetext", `${signed(click.gain_db)} dB`);
  find("first-beat").title = `Set the first beat of a bar here, at the playhead (H); it is at ${exactClock(click.first_beat_s)}`;
  const button = find("practice-open");
  find("practice-tuning").textContent = isTuned(mix) ? `: ${tuningText(mix)}` : "";
  button.classList.toggle("used", isTuned(mix) || click.is_on);
}

/** What the player takes for a metronome. */
export function clickOf({ click }) {
  if (!click.is_on) return undefined;
  return { bpm: click.bpm, beats: click.beats_a_bar, firstS: click.first_beat_s, gain: 10 ** (click.gain_db / 20) };
}

/** Whether a mix has another tempo or pitch than the recording. */
export function isTuned({ tempo, transpose_semitones: semitones }) {
  return tempo !== 1 || semitones !== 0;
}

/** Tempo and pitch of a mix in words, `80 %, −2 semitones`; nothing where they are the recording's. */
export function tuningText({ tempo, transpose_semitones: semitones }) {
  const parts = [tempo === 1 ? "" : `${number(100 * tempo, 1)} %`, semitones ? semitonesText(semitones) : ""];
  return parts.filter(Boolean).join(", ");
}

/** It lies beside the recording where there is room, else below the tools. */
function place() {
  document.querySelector(NARROW.matches ? ".tools" : ".hint").after(find("practice"));
}

function open(isOpen) {
  sessionStorage.setItem(IS_OPEN, isOpen ? "yes" : ""); // a page that is loaded again stands as it was
  find("practice").hidden = !isOpen;
  find("practice-open").setAttribute("aria-expanded", isOpen);
}

// Tempo and pitch

function setTempo(desk, percent) {
  const bounded = Math.min(MOST_PERCENT, Math.max(LEAST_PERCENT, Math.round(10 * percent) / 10));
  if (Number.isNaN(percent)) return showPractice(desk.session.mix, desk.titles);
  showTempo(bounded);
  desk.session.change({ tempo: Math.round(10 * bounded) / 1000 }, "tempo");
  return say(`Tempo ${number(bounded, 1)} %.`);
}

function setPitch(desk, semitones) {
  if (Number.isNaN(semitones)) return showPractice(desk.session.mix, desk.titles);
  const bounded = Math.min(MOST_SEMITONES, Math.max(-MOST_SEMITONES, Math.round(100 * semitones) / 100));
  desk.session.change({ transpose_semitones: bounded }, "transposition");
  return say(semitonesText(bounded));
}

function reset(desk, id) {
  if (id === "tempo") setTempo(desk, 100);
  else setPitch(desk, 0);
}

function showTempo(percent) {
  showField(find("tempo"), percent);
  find("tempo").setAttribute("aria-valuetext", `${number(percent, 1)} %`);
  showField(find("tempo-typed"), `${number(percent, 1)} %`);
}

/** The next step from a value, up (1) or down (-1). */
function stepped(value, direction, step) {
  const steps = Math.round(1e6 * (value / step)) / 1e6;
  return step * (direction > 0 ? Math.floor(steps) + 1 : Math.ceil(steps) - 1);
}

/** What somebody typed, with or without its unit; NaN for what is no number. */
function typedNumber(text, unit) {
  const plain = text.trim().toLowerCase().replace("−", "-").replace(",", ".").replace(new RegExp(`\\s*(${unit})?$`), "");
  return plain === "" ? NaN : Number(plain);
}

// My instrument

function mineOf({ my_instrument: mine, instruments }) {
  return instruments.some(({ target }) => target === mine) ? mine : instruments[0]?.target;
}

/** The instruments as a preset has them. */
function withPreset(mix, id) {
  const mine = mineOf(mix);
  const { mine: becomes, others } = PRESETS[id];
  return mix.instruments.map((one) => {
    if (one.target === mine) return { ...one, ...AS_IT_IS, ...becomes(mix.instruments.length - 1) };
    return { ...one, is_solo: false, ...others };
  });
}

function isSet(mix, id) {
  return JSON.stringify(withPreset(mix, id)) === JSON.stringify(mix.instruments);
}

/** One click, one step to undo; a second one leaves all at 0 dB. */
function preset(desk, id) {
  const { mix } = desk.session;
  const mine = mineOf(mix);
  if (!mine) return say("Put your instrument on the desk first.");
  if (isSet(mix, id)) {
    desk.session.change({ instruments: mix.instruments.map((one) => ({ ...one, ...AS_IT_IS })) }, "all at 0 dB");
    return say("All instruments at 0 dB.");
  }
  const what = PRESETS[id].words(desk.titles[mine]);
  desk.session.change({ instruments: withPreset(mix, id), my_instrument: mine }, what);
  return say(`${capital(what)}.`);
}

// The click track

/** Change some of the click; a count-in that is as fast as the click stays so. */
function setClick(desk, parts, what = "click track") {
  const { click, count_in_bpm: countInBpm } = desk.session.mix;
  const known = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  const becomes = { ...click, ...known };
  const follows = countInBpm === click.bpm ? { count_in_bpm: becomes.bpm } : {};
  desk.session.change({ click: becomes, ...follows }, what);
}

/** Show beats a minute of the recording, and how fast they are heard. */
function showBpm(bpm, tempo) {
  showField(find("bpm"), `${bpm} BPM`);
  find("heard-bpm").textContent = tempo === 1 ? "" : `${number(bpm * tempo, 1)} at ${number(100 * tempo, 1)} %`;
}

function toggleClick(desk) {
  const isOn = !desk.session.mix.click.is_on;
  setClick(desk, { is_on: isOn });
  say(isOn ? "The click is on." : "The click is off.");
}

/** Taps are of what is heard; the tempo that is kept is the recording's own, set when no further tap comes. */
function tap(current) {
  const desk = current();
  const heardBpm = tapping.tap(performance.now());
  if (!heardBpm) return;
  const { tempo } = desk.session.mix;
  const bpm = typedBpm(heardBpm / tempo);
  showBpm(bpm, tempo);
  clearTimeout(tapped);
  tapped = setTimeout(() => desk === current() && setClick(desk, { bpm }, "tempo of the click"), TAPPED_BEATS * (60_000 / heardBpm));
}

function setFirstBeat(desk) {
  const atS = Math.round(1000 * desk.positionS) / 1000;
  setClick(desk, { first_beat_s: atS }, "first beat of the click");
  say(`The first beat is at ${exactClock(atS)}.`);
}

// Words

function number(value, digits) {
  return String(Number(value.toFixed(digits)));
}

function signed(value) {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${number(Math.abs(value), 2)}`;
}

function semitonesText(semitones) {
  return `${signed(semitones)} ${Math.abs(semitones) === 1 ? "semitone" : "semitones"}`;
}
