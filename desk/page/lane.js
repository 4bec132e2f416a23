/** An instrument's automation on its lane: its gain as a line with breakpoints, which can be drawn and dragged. */

import { newRange, span, withRange } from "./automation.js";
import { HIGHEST_DB, LOWEST_DB, MUTE_STOP_DB, dbText, wishedDb } from "./gains.js";

const SVG = "http://www.w3.org/2000/svg";
const EDGE_PX = 3; // the line does not touch the lane's edges
const LEAST_DRAWN_PX = 6; // less is a click
const NEAR_PX = 14;

/** Tells `ranges` with those that somebody asks for, and in words what changes. */
export class Lane extends EventTarget {
  #strip;
  #view;
  #snaps;
  #svg = document.createElementNS(SVG, "svg");
  #wish = { gain_db: 0, ranges: [] };
  #isEdited = false;
  #sizes = new ResizeObserver(() => this.draw());

  /** `strip` shows the lane, `snaps()` are times to which edges snap. */
  constructor(strip, view, snaps) {
    super();
    this.#strip = strip;
    this.#view = view;
    this.#snaps = snaps;
    this.#svg.setAttribute("class", "envelope");
    this.#svg.setAttribute("aria-hidden", "true"); // the same can be read and typed in the list below
    strip.append(this.#svg);
    this.#sizes.observe(strip);
    strip.addEventListener("pointerdown", (event) => this.#isEdited && event.button === 0 && this.#onDown(event));
  }

  get isEdited() {
    return this.#isEdited;
  }

  edit(isEdited) {
    this.#isEdited = isEdited;
    this.#strip.classList.toggle("edited", isEdited);
    this.draw();
  }

  showWish(wish) {
    this.#wish = wish;
    this.draw();
  }

  close() {
    this.#sizes.disconnect();
  }

  draw() {
    const { ranges = [] } = this.#wish;
    this.#svg.hidden = !ranges.length && !this.#isEdited;
    const width = this.#strip.clientWidth;
    if (this.#svg.hidden || !width) return this.#svg.replaceChildren();
    const points = this.#points();
    const line = element("polyline", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") });
    const bands = ranges.map((one) => this.#band(one));
    const dots = this.#isEdited ? this.#handles().map(({ x, y }) => element("circle", { cx: x, cy: y, r: 5 })) : [];
    return this.#svg.replaceChildren(...bands, line, ...dots);
  }

  #band(one) {
    const [from, to] = span(one, this.#view.durationS).map((time) => this.#x(time));
    const band = element("rect", { x: from, y: 0, width: Math.max(to - from, 0), height: this.#strip.clientHeight });
    const title = element("title", {});
    title.textContent = dbText(wishedDb(one));
    band.append(title);
    return band;
  }

  /** The line, from edge to edge: the base gain, and in each range its own. */
  #points() {
    const base = this.#y(wishedDb(this.#wish));
    const { ranges = [] } = this.#wish;
    const inner = ranges.flatMap((one, place) => {
      const y = this.#y(wishedDb(one));
      const [begin, full, last, end] = this.#corners(one).map((time) => this.#x(time));
      const touches = place && ranges[place - 1].to_s === one.from_s;
      const goesOn = ranges[place + 1]?.from_s === one.to_s;
      const before = touches ? this.#y(wishedDb(ranges[place - 1])) : base;
      const [isOpen, isEndless] = [one.from_s === null, one.to_s === null];
      return [...(isOpen ? [] : [[begin, before]]), [isOpen ? begin : full, y],
        ...(goesOn ? [[end, y]] : isEndless ? [[end, y]] : [[last, y], [end, base]])];
    });
    const first = ranges[0]?.from_s === null ? [] : [[this.#x(0), base]];
    const last = ranges.at(-1)?.to_s === null ? [] : [[this.#x(this.#view.durationS), base]];
    return [...first, ...inner, ...last];
  }

  /** When a range begins, is full, is full for the last time, and ends. */
  #corners(one) {
    const [begin, end] = span(one, this.#view.durationS);
    return [begin, begin + one.fade_s, end - one.fade_s, end];
  }

  #handles() {
    const { ranges = [] } = this.#wish;
    const base = this.#y(wishedDb(this.#wish));
    return ranges.flatMap((one, place) => {
      const [begin, full, last, end] = this.#corners(one).map((time) => this.#x(time));
      const y = this.#y(wishedDb(one));
      return [{ place, what: "from", x: begin, y: base }, { place, what: "fade-in", x: full, y },
        { place, what: "fade-out", x: last, y }, { place, what: "to", x: end, y: base }];
    });
  }

  #onDown(event) {
    event.preventDefault();
    event.stopImmediatePropagation(); // it would go there, too
    this.#strip.setPointerCapture(event.pointerId);
    const begun = this.#grabbed(event);
    const from = { clientX: event.clientX, ranges: this.#wish.ranges ?? [] };
    const onMove = (moved) => begun(moved, from);
    const onUp = () => {
      this.#strip.removeEventListener("pointermove", onMove);
      for (const kind of ["pointerup", "pointercancel"]) this.#strip.removeEventListener(kind, onUp);
    };
    this.#strip.addEventListener("pointermove", onMove);
    for (const kind of ["pointerup", "pointercancel"]) this.#strip.addEventListener(kind, onUp);
  }

  /** What moves with a pointer that goes down: a breakpoint, a range's gain, or the end of a new range. */
  #grabbed(event) {
    const { x, y } = this.#placeOf(event);
    const distance = (handle) => Math.hypot(handle.x - x, handle.y - y);
    const handle = this.#handles().sort((one, other) => distance(one) - distance(other))[0];
    if (handle && distance(handle) < NEAR_PX) return (moved, { ranges }) => this.#drag(handle, moved, ranges);
    const time = this.#view.secondsAt(event.clientX);
    const within = (this.#wish.ranges ?? []).findIndex((one) => {
      const [begin, end] = span(one, this.#view.durationS);
      return begin <= time && time < end;
    });
    if (within >= 0) return (moved, { ranges }) => this.#ask(ranges, within, this.#gainAt(moved));
    return (moved, { clientX, ranges }) => this.#drawNew(moved, clientX, ranges);
  }

  #drag({ place, what }, event, ranges) {
    const time = this.#timeAt(event);
    const one = ranges[place];
    const [begin, end] = span(one, this.#view.durationS);
    if (what === "from") this.#ask(ranges, place, { from_s: time });
    else if (what === "to") this.#ask(ranges, place, { to_s: time });
    else {
      const fade = what === "fade-in" ? this.#view.secondsAt(event.clientX) - begin : end - this.#view.secondsAt(event.clientX);
      this.#ask(ranges, place, { fade_s: Math.max(0, fade), ...this.#gainAt(event) });
    }
  }

  #drawNew(event, clientX, ranges) {
    if (Math.abs(event.clientX - clientX) < LEAST_DRAWN_PX) return;
    const times = [this.#view.snapped(this.#view.secondsAt(clientX), this.#snaps()), this.#timeAt(event)];
    const [fromS, toS] = times.sort((one, other) => one - other);
    const made = withRange(ranges, -1, newRange(fromS, toS), this.#view.durationS);
    if (made !== ranges) this.#tell(made, "a range");
  }

  #ask(ranges, place, parts) {
    this.#tell(withRange(ranges, place, { ...ranges[place], ...parts }, this.#view.durationS), "a range");
  }

  #tell(ranges, what) {
    this.dispatchEvent(new CustomEvent("ranges", { detail: { ranges, what } }));
  }

  #timeAt(event) {
    const time = this.#view.secondsAt(event.clientX);
    return event.altKey ? Math.round(1000 * time) / 1000 : this.#view.snapped(time, this.#snaps());
  }

  #gainAt(event) {
    const { y } = this.#placeOf(event);
    const share = (y - EDGE_PX) / Math.max(this.#strip.clientHeight - 2 * EDGE_PX, 1);
    const db = HIGHEST_DB - share * (HIGHEST_DB - MUTE_STOP_DB);
    const half = Math.round(2 * db) / 2;
    if (half < LOWEST_DB) return { is_muted: true };
    return { is_muted: false, gain_db: Math.max(LOWEST_DB, Math.min(HIGHEST_DB, half)) };
  }

  #placeOf(event) {
    const box = this.#strip.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #x(seconds) {
    return this.#view.shareOf(seconds) * this.#strip.clientWidth;
  }

  #y(db) {
    const share = (HIGHEST_DB - Math.max(db, MUTE_STOP_DB)) / (HIGHEST_DB - MUTE_STOP_DB);
    return EDGE_PX + share * (this.#strip.clientHeight - 2 * EDGE_PX);
  }
}

function element(kind, facts) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
  return made;
}
