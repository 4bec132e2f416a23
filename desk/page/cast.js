/** The cards: the instruments that can be put on the desk, by their picture; a photo of one's own becomes a card. */

const cards = document.getElementById("cards");
const own = document.getElementById("own");
const pictureFile = document.getElementById("picture-file");

/** Tells `toggle` with a target, and `picture` with a file. */
export class Cast extends EventTarget {
  #instruments = new Map();

  constructor() {
    super();
    pictureFile.addEventListener("change", () => {
      for (const file of pictureFile.files) this.dispatchEvent(new CustomEvent("picture", { detail: file }));
      pictureFile.value = "";
    });
  }

  /** Add a card for {target, title, picture, note}, once. */
  add(instrument) {
    if (this.#instruments.has(instrument.target)) return;
    this.#instruments.set(instrument.target, instrument);
    const card = document.createElement("button");
    card.type = "button";
    card.className = "card";
    card.dataset.target = instrument.target;
    card.setAttribute("aria-pressed", "false");
    const image = document.createElement("img");
    Object.assign(image, { src: instrument.picture, alt: "", width: 96, height: 96, loading: "lazy" });
    image.classList.toggle("photo", instrument.isPhoto ?? false);
    const title = document.createElement("span");
    title.textContent = instrument.title;
    const note = document.createElement("small");
    note.textContent = instrument.note ?? "";
    card.append(image, title, note);
    card.addEventListener("click", () => this.dispatchEvent(new CustomEvent("toggle", { detail: instrument.target })));
    cards.insertBefore(card, own);
  }

  get(target) {
    return this.#instruments.get(target);
  }

  setChosen(targets) {
    for (const card of this.#cards()) card.setAttribute("aria-pressed", targets.includes(card.dataset.target));
  }

  /** Say of each instrument whether it seems to play, where that is known: `{target: true or false}`. */
  setPlays(plays) {
    for (const card of this.#cards()) {
      const instrument = this.#instruments.get(card.dataset.target);
      const does = plays[card.dataset.target];
      card.classList.toggle("absent", does === false);
      card.classList.toggle("plays", does === true);
      const words = does === undefined ? "" : does ? "seems to play" : "does not seem to play";
      card.querySelector("small").textContent = [instrument.note, words].filter(Boolean).join("; ");
    }
  }

  #cards() {
    return cards.querySelectorAll("button.card");
  }
}
