/** The cards: the instruments that can be put on the desk, by their picture; a photo of one's own becomes a card. */

const cards = document.getElementById("cards");
const own = document.getElementById("own");
const pictureFile = document.getElementById("picture-file");

const SVG = "http://www.w3.org/2000/svg";

/** Three bars, as for poor reception: one is full where an instrument is heard poorly, none where hardly at all. */
function mark(heard) {
  const bars = document.createElementNS(SVG, "svg");
  bars.setAttribute("class", "reception");
  bars.setAttribute("viewBox", "0 0 14 12");
  bars.setAttribute("aria-hidden", "true");
  const heights = [4, 7.5, 11];
  bars.append(...heights.map((height, place) => {
    const bar = document.createElementNS(SVG, "rect");
    const facts = { x: 0.5 + 5 * place, y: 11.5 - height, width: 3, height };
    for (const [name, value] of Object.entries(facts)) bar.setAttribute(name, value);
    bar.classList.toggle("full", place === 0 && heard === "poorly");
    return bar;
  }));
  return bars;
}

/** Tells `toggle` with a target, and `picture` with a file. */
export class Cast extends EventTarget {
  #instruments = new Map();
  #plays = {};
  #isPointedAt = false;

  constructor() {
    super();
    cards.addEventListener("pointerenter", () => {
      this.#isPointedAt = true;
    });
    cards.addEventListener("pointerleave", () => {
      this.#isPointedAt = false;
      this.#arrange();
    });
    cards.addEventListener("focusout", () => setTimeout(() => this.#arrange())); // when the focus is where it goes
    pictureFile.addEventListener("change", () => {
      for (const file of pictureFile.files) this.dispatchEvent(new CustomEvent("picture", { detail: file }));
      pictureFile.value = "";
    });
  }

  /** Add a card for {target, title, picture, note, heard, quality}, once. */
  add(instrument) {
    if (this.#instruments.has(instrument.target)) return;
    this.#instruments.set(instrument.target, instrument);
    const card = document.createElement("button");
    card.type = "button";
    card.className = "card";
    card.dataset.target = instrument.target;
    card.setAttribute("aria-pressed", "false");
    const image = document.createElement("img");
    Object.assign(image, { src: instrument.picture ?? "icon.svg", alt: "", width: 96, height: 96, loading: "lazy" });
    image.classList.toggle("photo", instrument.isPhoto ?? false);
    const title = document.createElement("span");
    title.textContent = instrument.title;
    const note = document.createElement("small");
    note.textContent = instrument.note ?? "";
    card.append(image, title, note);
    if (instrument.quality) {
      card.title = instrument.quality; // which screen readers tell as well
      card.append(mark(instrument.heard));
    }
    card.addEventListener("click", () => this.dispatchEvent(new CustomEvent("toggle", { detail: instrument.target })));
    cards.insertBefore(card, own);
    this.#arrange();
  }

  /** The titles of the instruments that are known by name, by target. */
  get names() {
    const named = [...this.#instruments.values()].filter(({ isPhoto }) => !isPhoto);
    return Object.fromEntries(named.map(({ target, title }) => [target, title]));
  }

  get(target) {
    return this.#instruments.get(target);
  }

  setChosen(targets) {
    for (const card of this.#cards()) card.setAttribute("aria-pressed", targets.includes(card.dataset.target));
  }

  /** Say of each instrument whether it seems to play, where that is known: `{target: true or false}`. */
  setPlays(plays) {
    this.#plays = plays;
    for (const card of this.#cards()) {
      const instrument = this.#instruments.get(card.dataset.target);
      const does = plays[card.dataset.target];
      card.classList.toggle("absent", does === false);
      card.classList.toggle("plays", does === true);
      const words = does === undefined ? "" : does ? "detected" : "not detected";
      card.querySelector("small").textContent = [instrument.note, words].filter(Boolean).join("; ");
    }
    this.#arrange();
  }

  /** What seems to play comes first, then by name, photos last; but no card moves away under a hand. */
  #arrange() {
    if (this.#isPointedAt || cards.matches(":focus-within")) return;
    const found = [...this.#cards()];
    const sorted = [...found].sort((one, other) => this.#order(one, other));
    if (sorted.some((card, place) => card !== found[place])) own.before(...sorted);
  }

  #order(one, other) {
    const [first, second] = [one, other].map((card) => this.#instruments.get(card.dataset.target));
    const isLater = ({ target, isPhoto }) => (this.#plays[target] ? 0 : 2) + (isPhoto ? 1 : 0);
    return isLater(first) - isLater(second) || first.title.localeCompare(second.title);
  }

  #cards() {
    return cards.querySelectorAll("button.card");
  }
}
