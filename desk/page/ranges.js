/** An instrument's ranges as a list: from, to, gain and fade of each, to be read and typed. */

import { withRange } from "./automation.js";
import { showField } from "./fields.js";
import { LOWEST_DB, dbText, typedDb, wishedDb } from "./gains.js";
import { exactClock, typedTime } from "./words.js";

const template = document.getElementById("range-template");

/** Tells `ranges` with those that somebody asks for, in words what changes; `add` where another one shall be. */
export class RangeList extends EventTarget {
  #list;
  #none;
  #title;
  #durationS;
  #ranges = [];

  /** `panel` holds the list and the button that adds to it. */
  constructor(panel, title, durationS) {
    super();
    this.#list = panel.querySelector("ul");
    this.#none = panel.querySelector(".none");
    this.#title = title;
    this.#durationS = durationS;
    panel.setAttribute("aria-label", `Automation of the ${title}`);
    panel.querySelector(".add").onclick = () => this.dispatchEvent(new Event("add"));
  }

  showWish({ ranges = [] }) {
    this.#ranges = ranges;
    this.#none.hidden = ranges.length > 0;
    while (this.#list.children.length > ranges.length) this.#list.lastElementChild.remove();
    while (this.#list.children.length < ranges.length) this.#list.append(this.#row());
    ranges.forEach((one, place) => this.#show(this.#list.children[place], one, place));
  }

  focusLast(place) {
    this.#list.children[place]?.querySelector("input").focus();
  }

  #row() {
    const row = template.content.firstElementChild.cloneNode(true);
    const placeOf = () => [...this.#list.children].indexOf(row);
    for (const input of row.querySelectorAll("input")) {
      input.addEventListener("change", () => this.#type(placeOf(), input));
    }
    row.querySelector("button").onclick = () => this.#remove(placeOf());
    return row;
  }

  #show(row, one, place) {
    const texts = {
      from: one.from_s === null ? "start" : exactClock(one.from_s), to: one.to_s === null ? "end" : exactClock(one.to_s),
      db: dbText(wishedDb(one)), fade: `${Number(one.fade_s.toFixed(3))} s`,
    };
    for (const input of row.querySelectorAll("input")) {
      showField(input, texts[input.name]);
      input.setAttribute("aria-label", `${LABELS[input.name]} of range ${place + 1} of the ${this.#title}`);
    }
    row.querySelector("button").setAttribute("aria-label", `Delete range ${place + 1} of the ${this.#title}`);
  }

  /** Take in what was typed, or show again what was. */
  #type(place, input) {
    const one = this.#ranges[place];
    const parts = PARTS[input.name](input.value);
    if (parts === undefined) return this.#show(this.#list.children[place], one, place);
    const changed = withRange(this.#ranges, place, { ...one, ...parts }, this.#durationS);
    this.#tell(changed, `${LABELS[input.name].toLowerCase()} of a range`);
    return this.#show(this.#list.children[place], this.#ranges[place], place);
  }

  #remove(place) {
    this.#tell(this.#ranges.filter((_, at) => at !== place), "a range");
  }

  #tell(ranges, what) {
    this.dispatchEvent(new CustomEvent("ranges", { detail: { ranges, what } }));
  }
}

const LABELS = { from: "From", to: "To", db: "Gain", fade: "Fade" };

/** What a range becomes when somebody types; undefined for what cannot be. */
const PARTS = {
  from: (text) => (/^\s*(start)?\s*$/.test(text) ? { from_s: null } : timed("from_s", text)),
  to: (text) => (/^\s*(end)?\s*$/.test(text) ? { to_s: null } : timed("to_s", text)),
  db: (text) => {
    const db = typedDb(text);
    if (db === undefined) return undefined;
    return db === -Infinity ? { is_muted: true } : { is_muted: false, gain_db: Math.max(LOWEST_DB, db) };
  },
  fade: (text) => timed("fade_s", text.replace(/\s*s$/, "")),
};

function timed(name, text) {
  const seconds = typedTime(text);
  return seconds === undefined ? undefined : { [name]: seconds };
}
