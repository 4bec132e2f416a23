/**
 * A session: the mix as it is kept on the server, the one place where it is kept here. All that is shown and played
 * follows from its `mix`.
 *
 * A change counts here at once and goes to the server a moment later; pages that have the same session open hear of it,
 * those of this browser at once. Of what the server tells the later revision counts.
 */

import * as server from "./server.js";

const SAVE_MS = 350; // a moving fader is one change
const LOOK_MS = 1000;
const MOST_WORDS = 80; // in characters: more of what a change is called the server does not keep

/** What the server is asked for by something that it was not told yet. */
function asked({ step, mix, what }) {
  return step ? { step } : { mix, what: what.slice(0, MOST_WORDS) };
}

/** Tells `change` when anything of it changes, `gone` when it is no more, `unsaved` with the reason. */
export class Session extends EventTarget {
  #told;
  #mix;
  #unsaved = []; // what the server was not told yet: changes {mix, what}, and steps back and on {step}
  #saving; // the promise of those that are going to the server
  #timer;
  #watch;
  #isClosed = false;
  #others = new BroadcastChannel("varemix-sessions");
  #onBack = () => (this.#isClosed ? this.#leave() : this.#save());
  #onLook = () => this.#look();
  #onHide = () => this.#saveInPassing();

  constructor(told) {
    super();
    this.#told = told;
    this.#mix = told.mix;
    this.#others.onmessage = ({ data }) => data.id === this.id && this.#take(data);
    this.#watch = setInterval(this.#onLook, LOOK_MS);
    server.connection.addEventListener("back", this.#onBack);
    document.addEventListener("visibilitychange", this.#onLook);
    addEventListener("pagehide", this.#onHide);
  }

  get id() {
    return this.#told.id;
  }

  get name() {
    return this.#told.name;
  }

  get mix() {
    return this.#mix;
  }

  /** What a step back takes back, in words; undefined where there is none. */
  get undoes() {
    return this.#unsaved.at(-1)?.what ?? this.#told.undoes ?? undefined;
  }

  get redoes() {
    return this.#unsaved.length ? undefined : this.#told.redoes ?? undefined;
  }

  /** Change some of the mix: `parts` come in the place of what is there, `what` says in words what changes. */
  change(parts, what) {
    this.#mix = { ...this.#mix, ...parts };
    const last = this.#unsaved.at(-1);
    if (last?.what === what && !last.isGoing) last.mix = this.#mix;
    else this.#unsaved.push({ mix: this.#mix, what });
    this.#saveSoon();
    this.dispatchEvent(new Event("change"));
  }

  /** Change one instrument of the mix. */
  changeInstrument(target, parts, what) {
    const instruments = this.#mix.instruments.map((one) => (one.target === target ? { ...one, ...parts } : one));
    this.change({ instruments }, what);
  }

  undo = () => this.#step(-1);
  redo = () => this.#step(1);

  async rename(name) {
    this.#tell(await server.changeSession(this.id, { name }));
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.#watch);
    document.removeEventListener("visibilitychange", this.#onLook);
    this.#others.onmessage = null;
    this.#leave();
  }

  /** Save what is not saved, and go; where the server is away, when it is back. */
  async #leave() {
    await this.#save();
    if (this.#unsaved.length) return;
    server.connection.removeEventListener("back", this.#onBack);
    removeEventListener("pagehide", this.#onHide);
  }

  /** Take in what the server tells; what is not saved yet still counts here, and what it did not keep does not. */
  #take(told) {
    if (this.#isClosed || told.revision < this.#told.revision) return;
    if (told.revision === this.#told.revision && (this.#unsaved.length || this.#mix === this.#told.mix)) return;
    this.#told = told;
    if (!this.#unsaved.length) this.#mix = told.mix;
    this.dispatchEvent(new Event("change"));
  }

  /** Take in an answer, and let the other pages know. */
  #tell(told) {
    this.#take(told);
    this.#others.postMessage(told);
  }

  #step(step) {
    this.#unsaved.push({ step });
    return this.#save();
  }

  #saveSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), SAVE_MS);
  }

  /** Save what is not saved; all who ask meanwhile wait for the same. */
  #save() {
    clearTimeout(this.#timer);
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #saveAll() {
    try {
      while (this.#unsaved.length) {
        const [first] = this.#unsaved;
        first.isGoing = true;
        const told = await server.changeSession(this.id, asked(first));
        this.#unsaved.shift();
        this.#tell(told);
      }
    } catch (error) {
      if (this.#unsaved.length) this.#unsaved[0].isGoing = false;
      if (!(error instanceof server.Lost)) this.#unsaved = []; // it cannot be saved
      this.#fail(error);
    }
  }

  /** Send what is not saved when the page goes. */
  #saveInPassing() {
    for (const own of this.#unsaved) if (!own.isGoing) server.changeSessionInPassing(this.id, asked(own));
    this.#unsaved = [];
  }

  async #look() {
    if (document.visibilityState !== "visible" || this.#isClosed) return;
    try {
      this.#take(await server.session(this.id));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    if (error instanceof server.Lost || this.#isClosed) return; // told by the connection, and tried again
    if (error.status === 404) {
      clearInterval(this.#watch);
      this.dispatchEvent(new Event("gone"));
    } else this.dispatchEvent(new CustomEvent("unsaved", { detail: error.message }));
  }
}
