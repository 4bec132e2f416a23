/** Comparing: the original with the remix, and two settings, A and B, of which the mix keeps the other; at equal loudness. */

import { asked } from "./gains.js";
import * as server from "./server.js";
import { say } from "./notices.js";

const REST_MS = 700; // a moving fader is measured when it rests
const AGAIN_MS = 3000;
const find = (id) => document.getElementById(id);

/** Make the buttons work; `current()` is the open desk. */
export function startCompare(current) {
  find("setting-a").onclick = () => choose(current(), "A");
  find("setting-b").onclick = () => choose(current(), "B");
  find("equal-loudness").onchange = ({ target }) => setEqual(current(), target.checked);
}

/** Hear the other setting; one that was never heard begins as this one. */
export function choose({ session }, setting) {
  const { instruments, mask_exponent: exponent, other, setting: now } = session.mix;
  if (setting === now) return;
  const mine = { instruments, mask_exponent: exponent };
  session.change({ ...(other ?? mine), other: mine, setting }, `setting ${setting}`);
  say(`You hear setting ${setting}.`);
}

export const chooseOther = (desk) => choose(desk, desk.session.mix.setting === "B" ? "A" : "B");

export function setEqual({ session }, isEqual) {
  session.change({ equal_loudness: isEqual }, "equal loudness");
}

/** Show what the mix has. */
export function showSettings({ setting = "A", equal_loudness: isEqual }) {
  find("setting-a").setAttribute("aria-pressed", setting !== "B");
  find("setting-b").setAttribute("aria-pressed", setting === "B");
  find("equal-loudness").checked = Boolean(isEqual);
}

/** Measures what is compared. Tells `change` when a level is known that was not. */
export class Levels extends EventTarget {
  #id;
  #known = new Map(); // what was asked -> {before_lufs, after_lufs}
  #timer;
  #isClosed = false;

  /** `id` is a recording's. */
  constructor(id) {
    super();
    this.#id = id;
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /**
   * By how many dB what is heard is made softer, so that original and settings are as loud as the softest of them;
   * undefined while that is not known. What is not known is asked for.
   */
  trimDb(mix, hearsOriginal) {
    if (!mix.equal_loudness) return 0;
    const mine = this.#level(mix, mix.separator);
    const all = [mine, ...(mix.other ? [this.#level(mix.other, mix.separator)] : [])];
    if (all.includes(undefined)) return undefined;
    const [original] = all.map((level) => level.before_lufs);
    const heard = hearsOriginal ? original : mine.after_lufs;
    const levels = [original, ...all.map((level) => level.after_lufs)].filter((level) => level !== null);
    return heard === null || !levels.length ? 0 : Math.min(...levels) - heard;
  }

  #level(setting, separator) {
    const wishes = Object.fromEntries(setting.instruments.map((one) => [one.target, one]));
    const wish = { gains: asked(wishes), mask_exponent: setting.mask_exponent ?? 1, separator };
    const key = JSON.stringify(wish);
    if (!this.#known.has(key)) this.#askSoon(wish, key, REST_MS);
    return this.#known.get(key);
  }

  #asking = new Map();

  #askSoon(wish, key, waitMs) {
    this.#asking.set(key, wish);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), waitMs);
  }

  async #ask() {
    const wanted = [...this.#asking];
    this.#asking.clear();
    for (const [key, wish] of wanted) {
      try {
        const level = await server.loudness(this.#id, wish);
        if (this.#isClosed) return;
        this.#known.set(key, level);
      } catch {
        if (this.#isClosed) return;
        this.#timer = setTimeout(() => this.dispatchEvent(new Event("change")), AGAIN_MS); // it is not heard to its end yet
        return;
      }
    }
    this.dispatchEvent(new Event("change"));
  }
}
