/** Which part of a recording the time axis shows, the one place where it is kept; all that is drawn along it asks here. */

const CLOSEST_S = 0.5;
// How far marks may lie apart, and into how many parts the ruler divides that.
const STEPS = [[0.05, 5], [0.1, 5], [0.25, 5], [0.5, 5], [1, 5], [2, 4], [5, 5], [10, 5], [15, 3], [30, 3], [60, 6], [120, 4],
  [300, 5], [600, 5], [1800, 3], [3600, 6]];
const MARK_PX = 64; // room for what is written beside a mark
const SNAP_PX = 8;

/** Tells `change` when another part is shown. */
export class View extends EventTarget {
  #durationS;
  #fromS = 0;
  #lengthS;
  #element;
  #hasHead = false; // whether the playhead was in it when it was looked for last

  /** `element` is one of those that show the time axis, by which its width is told. */
  constructor(durationS, element) {
    super();
    this.#durationS = Math.max(durationS, 0.001);
    this.#lengthS = this.#durationS;
    this.#element = element;
  }

  get durationS() {
    return this.#durationS;
  }

  get fromS() {
    return this.#fromS;
  }

  get toS() {
    return this.#fromS + this.#lengthS;
  }

  get lengthS() {
    return this.#lengthS;
  }

  get width() {
    return this.#element.clientWidth;
  }

  /** How many times larger than all of it at once. */
  get zoom() {
    return this.#durationS / this.#lengthS;
  }

  /** Where a time is shown, 0 to 1; beyond where it is not. */
  shareOf(seconds) {
    return (seconds - this.#fromS) / this.#lengthS;
  }

  /** Which time is shown at a place of the screen. */
  secondsAt(clientX) {
    const box = this.#element.getBoundingClientRect();
    const share = (clientX - box.left) / Math.max(box.width, 1);
    return this.#within(this.#fromS + share * this.#lengthS);
  }

  /** Show more closely, or less, what lies at a time, which stays where it is. */
  zoomBy(factor, atS) {
    const share = this.shareOf(atS);
    const lengthS = Math.min(this.#durationS, Math.max(Math.min(CLOSEST_S, this.#durationS), this.#lengthS / factor));
    this.show(atS - share * lengthS, lengthS);
  }

  /** Show what lies some of the shown length later, or before. */
  scrollBy(share) {
    this.show(this.#fromS + share * this.#lengthS, this.#lengthS);
  }

  showAll() {
    this.show(0, this.#durationS);
  }

  show(fromS, lengthS = this.#lengthS) {
    const from = Math.max(0, Math.min(fromS, this.#durationS - lengthS));
    if (from === this.#fromS && lengthS === this.#lengthS) return;
    [this.#fromS, this.#lengthS] = [from, lengthS];
    this.#hasHead = false; // somebody looks elsewhere
    this.dispatchEvent(new Event("change"));
  }

  /** Turn over when a playhead leaves what is shown, unless somebody looks elsewhere. */
  follow(seconds) {
    if (this.#hasHead) this.reveal(seconds);
    this.#hasHead = this.#holds(seconds);
  }

  /** See to it that a time is shown. */
  reveal(seconds) {
    if (this.zoom > 1 && !this.#holds(seconds)) this.show(seconds - 0.05 * this.#lengthS);
  }

  #holds(seconds) {
    return this.#fromS <= seconds && seconds < this.toS;
  }

  /** How far the marks of the ruler lie apart, in seconds, and into how many parts that is divided: `[step, parts]`. */
  get marks() {
    const leastS = (this.#lengthS * MARK_PX) / Math.max(this.width, 1);
    const [longest, parts] = STEPS.at(-1);
    return STEPS.find(([step]) => step >= leastS) ?? [longest * Math.ceil(leastS / longest), parts];
  }

  /** How near something is that snaps. */
  get nearS() {
    return (this.#lengthS * SNAP_PX) / Math.max(this.width, 1);
  }

  /** The nearest of some times and of the ruler's marks, where one is near; else the time itself. */
  snapped(seconds, times = []) {
    const { nearS } = this;
    const [stepS, parts] = this.marks;
    const tickS = stepS / parts;
    const near = (time) => Math.abs(time - seconds) <= nearS;
    const nearest = (all) => all.sort((one, other) => Math.abs(one - seconds) - Math.abs(other - seconds))[0];
    const found = nearest(times.filter(near)) ?? nearest([Math.round(seconds / tickS) * tickS].filter(near)) ?? seconds;
    return this.#within(Math.round(1000 * found) / 1000);
  }

  #within(seconds) {
    return Math.max(0, Math.min(seconds, this.#durationS));
  }
}
