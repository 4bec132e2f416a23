/** One instrument's row: its picture, what its mask takes along the time axis, its fader. */

import { HIGHEST_DB, LOWEST_DB, MUTE_STOP_DB, STEP_DB, dbText, wishedDb } from "./gains.js";
import { isHeard } from "./heard.js";
import { colourOf, greyLevels, paintTaken } from "./images.js";
import { timeLeft } from "./words.js";

const template = document.getElementById("stave-template");
const NUM_COLOURS = 8;

/** Tells `wish` when its fader or buttons change, `remove` when it shall go. */
export class Stave extends EventTarget {
  wish = { gainDb: 0, isMuted: false, isSolo: false };
  state = { state: "none" };
  mask;
  #spectrogram;
  #isMaskAsked = false;

  /** `instrument` is {target, title, picture}, `place` its number on the desk, from 0. */
  constructor(instrument, place) {
    super();
    this.instrument = instrument;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.target = instrument.target;
    const find = (selector) => this.element.querySelector(selector);
    Object.assign(this, {
      canvas: find("canvas"), slider: find("input"), output: find("output"), note: find(".note"),
      progress: find("progress"), muteButton: find(".mute"), soloButton: find(".solo"), strip: find(".time"),
    });
    find("img").src = instrument.picture ?? "icon.svg";
    find("h3").textContent = instrument.title;
    find(".remove").setAttribute("aria-label", `Take the ${instrument.title} off the desk`);
    this.slider.setAttribute("aria-label", `Gain of the ${instrument.title}`);
    this.progress.setAttribute("aria-label", `Hearing the ${instrument.title}`);
    this.muteButton.setAttribute("aria-label", `Mute the ${instrument.title}`);
    this.soloButton.setAttribute("aria-label", `Solo the ${instrument.title}`);
    this.setPlace(place);
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

  setWish(wish) {
    this.wish = { ...this.wish, ...wish };
    this.dispatchEvent(new Event("wish")); // the sound first, then the looks
    this.show();
  }

  /** Move the fader by some dB; below its lowest gain lies mute. */
  move(db) {
    const from = wishedDb(this.wish) === -Infinity ? MUTE_STOP_DB : this.wish.gainDb;
    const gainDb = Math.max(MUTE_STOP_DB, Math.min(HIGHEST_DB, from + db));
    this.setWish({ gainDb, isMuted: false });
  }

  toggleMute() {
    const unmuted = this.wish.gainDb < LOWEST_DB ? { gainDb: 0 } : {};
    this.setWish(wishedDb(this.wish) === -Infinity ? { ...unmuted, isMuted: false } : { isMuted: true });
  }

  toggleSolo() {
    this.setWish({ isSolo: !this.wish.isSolo });
  }

  /** Take in all that is known of the target. */
  setState(state) {
    this.state = state;
    this.show();
  }

  /** Whether its wish cannot be heard at a place, 0 to 1 of the recording, since it is not heard so far yet. */
  isLateAt(share) {
    const isWished = this.wish.isSolo || wishedDb(this.wish) !== 0;
    return isWished && this.state.state === "hearing" && share >= (this.state.progress ?? 0);
  }

  /** Fetch what the mask takes, once. Returns whether there is something new to see. */
  async loadMask(url, spectrogram) {
    if (this.#isMaskAsked) return false;
    this.#isMaskAsked = true;
    try {
      this.mask = await greyLevels(url);
    } catch {
      this.#isMaskAsked = false; // it is asked for again when the server tells of the target again
      return false;
    }
    this.draw(spectrogram);
    return true;
  }

  draw(spectrogram = this.#spectrogram) {
    this.#spectrogram = spectrogram;
    if (this.mask && spectrogram) paintTaken(this.canvas, spectrogram, this.mask, this.colour);
  }

  show() {
    const db = wishedDb(this.wish);
    const isMuted = db === -Infinity;
    this.slider.value = isMuted ? MUTE_STOP_DB : this.wish.gainDb;
    this.slider.setAttribute("aria-valuetext", dbText(db));
    const share = (Number(this.slider.value) - MUTE_STOP_DB) / (HIGHEST_DB - MUTE_STOP_DB);
    this.slider.style.setProperty("--share", share);
    this.output.value = dbText(db);
    this.muteButton.setAttribute("aria-pressed", isMuted);
    this.soloButton.setAttribute("aria-pressed", this.wish.isSolo);
    this.element.classList.toggle("muted", isMuted);
    this.element.dataset.state = this.state.state;
    this.element.classList.toggle("absent", this.#seemsAbsent);
    const isHearing = this.state.state === "hearing" || this.state.state === "asked";
    this.progress.hidden = !isHearing;
    this.strip.style.setProperty("--heard", isHearing ? this.state.progress ?? 0 : 0);
    if (isHearing && this.state.progress) this.progress.value = this.state.progress;
    else this.progress.removeAttribute("value");
    this.note.textContent = this.#noteText();
  }

  get #seemsAbsent() {
    return isHeard(this.state) && this.state.does_seem_to_play === false;
  }

  #noteText() {
    const { state, seconds_left: secondsLeft, reason } = this.state;
    if (state === "failed") return reason || "It could not be heard.";
    if (state === "asked" || (state === "hearing" && !this.state.progress)) return "listening for it";
    if (state === "hearing") return timeLeft(secondsLeft) || "listening";
    if (this.#seemsAbsent) return "does not seem to play";
    return [this.instrument.note, this.instrument.quality].filter(Boolean).join("; ");
  }

  #listen(removeButton) {
    this.slider.addEventListener("input", () => {
      const value = Number(this.slider.value);
      this.setWish({ gainDb: Math.abs(value) < STEP_DB / 2 ? 0 : value, isMuted: false });
    });
    const toZero = () => this.setWish({ gainDb: 0, isMuted: false });
    this.slider.addEventListener("dblclick", toZero);
    this.output.addEventListener("dblclick", toZero);
    this.muteButton.addEventListener("click", () => this.toggleMute());
    this.soloButton.addEventListener("click", () => this.toggleSolo());
    removeButton.addEventListener("click", () => this.dispatchEvent(new Event("remove")));
  }
}
