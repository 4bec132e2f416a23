/** The dialog of a photo: what it is taken for, and what it shows in truth; its part that counts; more of the same. */

import * as server from "./server.js";
import { listed, withArticle } from "./words.js";

const SIZE = 320; // of the view, in pixels
const MOST_PIXELS = 1024; // of a part that is cut out
const PAN = 0.05; // of the view, by an arrow key

const WORKING = ["photo-shows", "photo-crop", "photo-more"]; // what works on the photo that is shown

const find = (id) => document.getElementById(id);
const view = find("photo-view");
const zoom = find("photo-zoom");

/** Tells `replace` with {from, to}: the instrument of a mix, and what it becomes. */
export class PhotoDialog extends EventTarget {
  #originals = new Map(); // photo -> its file, where it was dropped on this page
  #instrument; // of the mix: {target, picture, title}
  #photo; // what the server tells of it
  #bitmap;
  #centre = { x: 0.5, y: 0.5 };
  #openings = 0; // which work is meant: the latest

  constructor() {
    super();
    zoom.oninput = () => this.#draw();
    find("photo-close").onclick = () => find("photo-dialog").close();
    find("photo-crop").onclick = () => this.#crop();
    find("photo-more").onchange = ({ target }) => this.#add([...target.files]);
    find("photo-shows").onchange = ({ target }) => this.#correct(target.value);
    view.onkeydown = (event) => this.#panByKey(event);
    view.onpointerdown = (event) => view.setPointerCapture(event.pointerId);
    view.onpointermove = (event) => {
      if (event.buttons) this.#pan(-event.movementX / view.clientWidth, -event.movementY / view.clientHeight);
    };
  }

  /** Remember the file of a photo, from which a part is cut sharper than from what the server shows. */
  keep(photo, file) {
    this.#originals.set(photo, file);
  }

  /** Open it on an instrument of the mix that a photo shows; `names` are the instruments known by name, by target. */
  async open(instrument, names) {
    this.#instrument = instrument;
    this.#photo = this.#bitmap = undefined;
    const id = instrument.picture ?? instrument.target;
    const isCorrected = id !== instrument.target;
    find("photo-shows").replaceChildren(new Option("as it looks", ""),
      ...Object.entries(names).map(([target, title]) => new Option(title, target)));
    find("photo-shows").value = isCorrected ? instrument.target : "";
    view.width = SIZE; // which clears it
    find("photo-title").textContent = instrument.title ?? "";
    find("photo-like").textContent = "";
    find("photo-dialog").showModal();
    await this.#try(async (isMeant) => {
      const photo = await server.photo(id);
      if (isMeant()) await this.#show(photo, isMeant);
    });
  }

  async #show(photo, isMeant) {
    this.#photo = photo;
    const several = photo.num_photos > 1 ? ` (${photo.num_photos} photos)` : "";
    find("photo-title").textContent = `${photo.title}${several}`;
    const like = photo.nearest.map(({ name, likeness }) =>
      `${withArticle(name.replaceAll("_", " "))} (${Math.round(100 * likeness)} %)`);
    find("photo-like").textContent = `Looks most like ${listed(like)}${photo.is_known ? "" : ", but like none of them much"}.`;
    const original = this.#originals.get(photo.id) ?? await (await server.ask(photo.picture)).blob();
    const bitmap = await createImageBitmap(original);
    if (!isMeant()) return;
    this.#bitmap = bitmap;
    this.#centre = { x: 0.5, y: 0.5 };
    zoom.value = 1;
    find("photo-crop").hidden = photo.num_photos > 1;
    this.#draw();
  }

  /** The part that is seen, a square in pixels of the picture. */
  get #part() {
    const { width, height } = this.#bitmap;
    const side = Math.min(width, height) / Number(zoom.value);
    const within = (centre, length) => Math.max(0, Math.min(length - side, centre * length - side / 2));
    return { x: within(this.#centre.x, width), y: within(this.#centre.y, height), side };
  }

  #draw() {
    if (!this.#bitmap) return;
    const { x, y, side } = this.#part;
    Object.assign(view, { width: SIZE, height: SIZE });
    view.getContext("2d").drawImage(this.#bitmap, x, y, side, side, 0, 0, SIZE, SIZE);
  }

  #pan(across, down) {
    if (!this.#bitmap) return;
    const { x, y, side } = this.#part;
    const { width, height } = this.#bitmap;
    this.#centre = { x: (x + side * (0.5 + across)) / width, y: (y + side * (0.5 + down)) / height };
    this.#draw();
  }

  #panByKey(event) {
    const ways = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] };
    if (!ways[event.key]) return;
    event.preventDefault();
    this.#pan(...ways[event.key]);
  }

  #crop() {
    return this.#try(async (isMeant) => {
      const { x, y, side } = this.#part;
      const pixels = Math.round(Math.min(side, MOST_PIXELS));
      const cut = new OffscreenCanvas(pixels, pixels);
      cut.getContext("2d").drawImage(this.#bitmap, x, y, side, side, 0, 0, pixels, pixels);
      const blob = await cut.convertToBlob({ type: "image/jpeg", quality: 0.92 });
      const file = new File([blob], `${this.#photo.title.replace(/ \(part\)$/, "")} (part).jpg`, { type: "image/jpeg" });
      const photo = await server.upload("pictures", file);
      this.keep(photo.id, file);
      if (isMeant()) await this.#use(photo, isMeant);
    });
  }

  #add(files) {
    find("photo-more").value = "";
    return this.#try(async (isMeant) => {
      const owns = [this.#photo.id];
      for (const file of files) owns.push((await server.upload("pictures", file)).id);
      const photo = await server.photosTogether(owns);
      if (isMeant()) await this.#use(photo, isMeant);
    });
  }

  /** Say what the photo shows: an instrument's name, or nothing for what it looks like. */
  #correct(target) {
    const { id, title } = this.#photo;
    this.#replace(target ? { target, picture: id, title } : { target: id, picture: null, title });
  }

  async #use(photo, isMeant) {
    const isCorrected = find("photo-shows").value !== "";
    const shown = { picture: isCorrected ? photo.id : null, title: photo.title };
    this.#replace({ ...shown, target: isCorrected ? this.#instrument.target : photo.id });
    await this.#show(photo, isMeant);
  }

  #replace(to) {
    this.dispatchEvent(new CustomEvent("replace", { detail: { from: this.#instrument.target, to } }));
    this.#instrument = { ...this.#instrument, ...to };
  }

  /** Do some work; it asks `isMeant()` after each wait, for the dialog may be of another instrument by then. */
  async #try(work) {
    this.#openings += 1;
    const mine = this.#openings;
    const isMeant = () => mine === this.#openings;
    this.#say("");
    find("photo-dialog").setAttribute("aria-busy", "true");
    for (const id of WORKING) find(id).disabled = true;
    try {
      await work(isMeant);
    } catch (error) {
      if (isMeant()) this.#say(error.message);
    } finally {
      if (isMeant()) {
        find("photo-dialog").removeAttribute("aria-busy");
        for (const id of WORKING) find(id).disabled = !this.#bitmap;
      }
    }
  }

  #say(text) {
    find("photo-wrong").textContent = text;
  }
}
