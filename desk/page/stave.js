/** One instrument's row: its picture, what its mask takes along the time axis, its fader. */

import { HIGHEST_DB, LOWEST_DB, MUTE_STOP_DB, STEP_DB, dbText, typedDb, wishedDb } from "./gains.js";
import { isHeard } from "./heard.js";
import { colourOf, greyLevels, paintTaken } from "./images.js";
import { Lane } from "./lane.js";
import { RangeList } from "./ranges.js";
import { depthExplained, depthText, separatorText, timeLeft } from "./words.js";

const template = document.getElementById("stave-template");
const NUM_COLOURS = 8;

/**
 * Tells `wish` with what its fader, buttons or lane ask for, `remove` when it shall go, `photo` when its photo is to be
 * seen, `add-range` when its gain shall be another one somewhere.
 */
export class Stave extends EventTarget {
  wish = { gain_db: 0, is_muted: false, is_solo: false };
  state = { state: "none" };
  mask;
  depth; // what a mute does: {mute_db, deepest_db, least_db, rest_db}
  separator; // the name of another separator that separates it, if one does
  #spectrogram;
  #maskUrl; // of the mask that is here, or is coming

  /**
   * `instrument` is {target, title, picture}, `place` its number on the desk, from 0, `view` the part of the time axis
   * that is shown, `snaps()` times on it to which something that is dragged snaps.
   */
  constructor(instrument, place, view, snaps) {
    super();
    this.instrument = instrument;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.target = instrument.target;
    const find = (selector) => this.element.querySelector(selector);
    Object.assign(this, {
      canvas: find("canvas"), slider: find("input"), output: find(".db"), note: find(".note"),
      progress: find("progress"), muteButton: find(".mute"), soloButton: find(".solo"), strip: find(".time"),
    });
    find("img").src = instrument.picture ?? "icon.svg";
    find("h3").textContent = instrument.title;
    this.photoButton = find(".photo-button");
    this.photoButton.hidden = !instrument.photo;
    this.photoButton.onclick = () => this.dispatchEvent(new Event("photo"));
    find(".remove").setAttribute("aria-label", `Take the ${instrument.title} off the desk`);
    this.slider.setAttribute("aria-label", `Gain of the ${instrument.title}`);
    this.progress.setAttribute("aria-label", `Hearing the ${instrument.title}`);
    this.muteButton.setAttribute("aria-label", `Mute the ${instrument.title}`);
    this.soloButton.setAttribute("aria-label", `Solo the ${instrument.title}`);
    this.setPlace(place);
    this.automationButton = find(".automate");
    this.automationButton.setAttribute("aria-label", `Automation of the ${instrument.title}`);
    this.panel = find(".automation");
    this.lane = new Lane(this.strip, view, snaps);
    this.list = new RangeList(this.panel, instrument.title, view.durationS);
    this.#listen(find(".remove"));
    this.show();
  }

  get target() {
    return this.instrument.target;
  }

  get colour() {
    return colourOf(this.element, "--voice");
  }

  setPlace(place) {
    this.element.style.setProperty("--voice", `var(--voice-${(place % NUM_COLOURS) + 1})`);
    this.element.dataset.place = place + 1;
  }

  /** Show the wish that the session has. */
  showWish(wish) {
    this.wish = wish;
    this.lane.showWish(wish);
    this.list.showWish(wish);
    this.show();
  }

  /** Let its gain be drawn on its lane, and typed below. */
  edit(isEdited = !this.lane.isEdited) {
    this.lane.edit(isEdited);
    this.panel.hidden = !isEdited;
    this.automationButton.setAttribute("aria-expanded", isEdited);
  }

  close() {
    this.lane.close();
    this.element.remove();
  }

  /** Ask for another wish. */
  #ask(wish) {
    this.dispatchEvent(new CustomEvent("wish", { detail: wish }));
  }

  /** Set the gain; minus infinity mutes, and leaves the fader where it is. */
  setGain(db) {
    this.#ask(db === -Infinity ? { is_muted: true } : { gain_db: db, is_muted: false });
  }

  /** Move the fader by some dB; below its lowest gain lies mute. */
  move(db) {
    const to = this.wish.gain_db + db;
    this.setGain(to < LOWEST_DB ? -Infinity : Math.min(HIGHEST_DB, to));
  }

  toggleMute() {
    this.#ask({ is_muted: !this.wish.is_muted });
  }

  toggleSolo() {
    this.#ask({ is_solo: !this.wish.is_solo });
  }

  /** Take in all that is known of the target. */
  setState(state) {
    this.state = state;
    this.show();
  }

  /** Whether its wish cannot be heard at a place, 0 to 1 of the recording, since it is not heard so far yet. */
  isLateAt(share) {
    const isWished = this.wish.is_solo || wishedDb(this.wish) !== 0 || this.wish.ranges?.length > 0;
    const isThere = this.state.heard?.some(([from, to]) => from <= share && share < to);
    return isWished && this.state.state === "hearing" && !isThere;
  }

  /** Fetch what the mask takes, once. Returns whether there is something new to see. */
  async loadMask(url, spectrogram) {
    if (this.#maskUrl === url) return false;
    this.#maskUrl = url;
    const mask = await greyLevels(url).catch(() => undefined);
    if (this.#maskUrl !== url) return false; // another one is wanted meanwhile
    if (!mask) this.#maskUrl = undefined; // it is asked for again when the server tells of the target again
    this.mask = mask;
    this.draw(spectrogram);
    return Boolean(mask);
  }

  /** Forget what the mask takes, and how deep a mute is: others separate it now. */
  forgetMask() {
    this.mask = undefined;
    this.#maskUrl = undefined;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.setDepth(undefined);
  }

  /** Say which other separator separates it; none: varemix. */
  setSeparator(name) {
    this.separator = name;
    this.show();
  }

  draw(spectrogram = this.#spectrogram) {
    this.#spectrogram = spectrogram;
    if (this.mask && spectrogram) paintTaken(this.canvas, spectrogram, this.mask, this.colour);
  }

  show() {
    const db = wishedDb(this.wish);
    const isMuted = db === -Infinity;
    this.slider.value = this.wish.gain_db;
    const isAutomated = this.wish.ranges?.length > 0;
    this.slider.setAttribute("aria-valuetext", isAutomated ? `${dbText(db)}, automated` : dbText(db));
    this.automationButton.classList.toggle("used", isAutomated);
    const height = (Number(this.slider.value) - MUTE_STOP_DB) / (HIGHEST_DB - MUTE_STOP_DB);
    this.slider.style.setProperty("--share", height);
    if (this.output.textContent !== dbText(db)) this.output.textContent = dbText(db);
    this.muteButton.setAttribute("aria-pressed", isMuted);
    this.soloButton.setAttribute("aria-pressed", this.wish.is_solo);
    this.element.classList.toggle("muted", isMuted);
    this.element.dataset.state = this.state.state;
    this.element.classList.toggle("absent", this.#seemsAbsent);
    const isHearing = this.state.state === "hearing" || this.state.state === "asked";
    this.progress.hidden = !isHearing;
    this.strip.style.setProperty("--heard", isHearing ? stretchesPicture(this.state.heard ?? []) : "none");
    const share = this.state.progress || this.state.separators?.share;
    if (isHearing && share) this.progress.value = share;
    else this.progress.removeAttribute("value");
    const note = this.#noteText();
    if (this.note.textContent !== note) this.note.textContent = note;
    this.note.title = this.depth ? depthExplained(this.depth) : "";
  }

  /** Take in how deep a mute will be. */
  setDepth(depth) {
    this.depth = depth;
    this.show();
  }

  get #seemsAbsent() {
    return isHeard(this.state) && this.state.does_seem_to_play === false;
  }

  #noteText() {
    const { state, seconds_left: secondsLeft, reason, separators } = this.state;
    if (state === "failed") return reason || "It could not be analysed.";
    if (state === "hearing" && separators) return separatorText(separators);
    if (state === "asked" || (state === "hearing" && !this.state.progress)) return "waiting to be analysed";
    if (state === "hearing") return timeLeft(secondsLeft) || "analysing";
    if (this.#seemsAbsent) return "not detected";
    const [by, quality] = this.separator ? [`by ${this.separator}`, ""] : ["", this.instrument.quality];
    return [by, this.instrument.note, quality, depthText(this.depth)].filter(Boolean).join("; ");
  }

  #listen(removeButton) {
    this.automationButton.addEventListener("click", () => this.edit());
    for (const where of [this.lane, this.list]) {
      where.addEventListener("ranges", ({ detail }) => this.#ask({ ranges: detail.ranges }));
    }
    this.list.addEventListener("add", () => this.dispatchEvent(new Event("add-range")));
    this.slider.addEventListener("input", () => {
      const value = Number(this.slider.value);
      this.setGain(value < LOWEST_DB ? -Infinity : Math.abs(value) < STEP_DB / 2 ? 0 : value);
    });
    this.slider.addEventListener("dblclick", () => this.setGain(0));
    this.output.addEventListener("click", () => this.#type());
    this.muteButton.addEventListener("click", () => this.toggleMute());
    this.soloButton.addEventListener("click", () => this.toggleSolo());
    removeButton.addEventListener("click", () => this.dispatchEvent(new Event("remove")));
  }

  /** Let a gain be typed in the place where it is told. */
  #type() {
    const input = Object.assign(document.createElement("input"), { type: "text", className: "db" });
    input.value = this.output.textContent.replace(" dB", "");
    input.setAttribute("aria-label", `Gain of the ${this.instrument.title} in dB, or mute`);
    const shown = input.value;
    const end = ({ isTaken, keepsFocus }) => {
      input.onblur = null;
      const db = isTaken && input.value !== shown ? typedDb(input.value) : undefined;
      input.replaceWith(this.output);
      if (keepsFocus) this.output.focus({ focusVisible: false });
      if (db !== undefined) this.setGain(db);
    };
    input.onblur = () => end({ isTaken: true, keepsFocus: false });
    input.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // or the button that comes back would be pressed
      end({ isTaken: event.key === "Enter", keepsFocus: true });
    };
    this.output.replaceWith(input);
    input.select();
    input.focus();
  }
}

/** Stretches `[from, to]`, 0 to 1, as a picture of the style sheet. */
function stretchesPicture(stretches) {
  const tint = "color-mix(in srgb, var(--voice) 16%, transparent)";
  const stops = stretches.flatMap(([from, to]) => {
    const [begin, end] = [from, to].map((share) => `${(100 * share).toFixed(2)}%`);
    return [`transparent ${begin}`, `${tint} ${begin}`, `${tint} ${end}`, `transparent ${end}`];
  });
  return stops.length ? `linear-gradient(90deg, ${stops.join(", ")})` : "none";
}
