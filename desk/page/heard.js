/**
 * What the server knows of a recording's instruments, and which of them are wanted: the one place where it is kept.
 *
 * `#take` alone writes what the server tells, always all of it at once and never what is older than what is here. What
 * there is to do follows from what is kept, whatever happened before: ask for what is wanted and was never asked for,
 * listen while anything is heard. All of it is by those who separate; by others, all is asked anew.
 */

import * as server from "./server.js";

const CHOICE_MS = 600; // several instruments chosen one after the other are heard together
const SEEK_MS = 100; // a playhead that is dragged
const LOOK_MS = 2000; // another page may have had something heard

/** Whether a target was heard to the end, and so whether it seems to play is known. */
export function isHeard({ state }) {
  return state === "stored" || state === "absent_seeming";
}

/** Tells `change` when anything of it changes. */
export class Heard extends EventTarget {
  #id;
  #separator;
  #faults = {};
  #edition;
  #states = new Map(); // target -> what the server told last
  #wanted = new Set();
  #refused = new Map(); // target -> why it is not heard, until it is wanted anew
  #again = new Set(); // wanted anew although it failed before
  #isAsking = false;
  #timer;
  #watch;
  #placeS = 0;
  #listening;
  #ends;
  #isClosed = false;
  #onBack = () => this.refresh();

  /** `facts` are the server's of a recording, by those who separate it. */
  constructor(facts, separator) {
    super();
    this.#id = facts.id;
    this.#separator = separator;
    this.#take(facts);
    server.connection.addEventListener("back", this.#onBack);
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
  }

  /** All that is known by target: `{state, progress, ...}`, `asked` for what is wanted and not begun. */
  get states() {
    return [...this.#states.keys()].map((target) => this.state(target));
  }

  /** Whether a target can be separated, as far as that is known: a photo, or an instrument that the server knows. */
  knows(target) {
    return target.startsWith("picture-") || !this.#states.size || this.#states.has(target);
  }

  state(target) {
    if (!this.knows(target)) return { target, state: "failed", reason: "No separator for it is chosen here." };
    const told = this.#states.get(target) ?? { target, state: "none" };
    if (this.#refused.has(target)) return { ...told, state: "failed", reason: this.#refused.get(target) };
    const isToCome = this.#wanted.has(target) && (told.state === "none" || this.#again.has(target));
    return isToCome ? { ...told, state: "asked", progress: 0 } : told;
  }

  /** Why separators that are named are not used, by instrument. */
  get faults() {
    return this.#faults;
  }

  /** Say who separates what. Returns whether these are others than before. */
  setSeparator(separator) {
    if (server.areSeparatedAlike(separator, this.#separator)) return false;
    this.#separator = separator;
    this.#edition = undefined;
    for (const known of [this.#states, this.#refused, this.#again]) known.clear();
    this.#faults = {};
    this.#ends?.();
    this.#ends = undefined;
    this.refresh();
    return true;
  }

  /** Say which targets are wanted. What failed is asked for again when it is wanted anew. */
  want(targets) {
    const added = targets.filter((target) => !this.#wanted.has(target));
    for (const target of added) {
      this.#refused.delete(target);
      if (this.#states.get(target)?.state === "failed") this.#again.add(target);
    }
    this.#wanted = new Set(targets);
    this.#settle();
    this.dispatchEvent(new Event("change"));
  }

  /** Say where somebody listens, in seconds: what is not heard yet is heard from there on first. */
  listenAt(seconds) {
    this.#placeS = seconds;
    clearTimeout(this.#listening);
    if (this.#ends) this.#listening = setTimeout(() => server.listen(this.#id, seconds).catch(() => {}), SEEK_MS);
  }

  /** Ask what is known, as after a break. */
  async refresh() {
    const by = this.#separator;
    try {
      this.#take(await server.facts(this.#id, by), by);
    } catch (error) {
      if (!(error instanceof server.Lost)) this.dispatchEvent(new CustomEvent("gone", { detail: error }));
    }
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.#watch);
    server.connection.removeEventListener("back", this.#onBack);
    this.#settle();
  }

  #look() {
    if (!this.#ends && document.visibilityState === "visible") this.refresh();
  }

  /** Take in all that the server tells, unless something newer is here, or it is by others than those who separate now. */
  #take({ edition, targets, separator_faults: faults }, by = this.#separator) {
    const [process, number] = edition;
    const isOlder = this.#edition && this.#edition[0] === process && this.#edition[1] >= number;
    if (isOlder || this.#isClosed || by !== this.#separator) return;
    this.#faults = faults ?? {};
    this.#edition = edition;
    this.#states = new Map(targets.map((state) => [state.target, state]));
    for (const target of this.#again) if (this.#states.get(target)?.state !== "failed") this.#again.delete(target);
    this.#settle();
    this.dispatchEvent(new Event("change"));
  }

  /** Do what follows from what is kept. Called after each change of it; twice does nothing more. */
  #settle() {
    const isHearing = [...this.#states.values()].some(({ state }) => state === "hearing");
    if (isHearing && !this.#isClosed) this.#ends ??= this.#follow(this.#separator);
    else {
      this.#ends?.();
      this.#ends = undefined;
    }
    clearTimeout(this.#timer);
    const hasToAsk = [...this.#wanted].some((target) => this.state(target).state === "asked");
    if (hasToAsk && !this.#isAsking && !this.#isClosed) this.#timer = setTimeout(() => this.#ask(), CHOICE_MS);
  }

  #follow(by) {
    return server.follow(this.#id, by, (told) => this.#take(told, by));
  }

  async #ask() {
    const by = this.#separator;
    const targets = [...this.#wanted].filter((target) => !this.#refused.has(target) && this.knows(target));
    const asked = targets.filter((target) => this.state(target).state === "asked");
    this.#isAsking = true;
    try {
      const told = await server.hear(this.#id, targets, this.#placeS, by);
      for (const target of asked) this.#again.delete(target);
      this.#take(told, by);
    } catch (error) {
      if (error instanceof server.Lost) return; // asked again when the server is back
      if (by === this.#separator) for (const target of asked) this.#refused.set(target, error.message);
      this.dispatchEvent(new Event("change"));
    } finally {
      this.#isAsking = false;
    }
    this.#settle();
  }
}
