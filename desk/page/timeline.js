/** The time axis to work on: ruler, frequency axis, markers, loop region; zoom and scroll; what lies under the pointer. */

import { beatsBetween } from "./metronome.js";
import { clickOf } from "./practice.js";
import { exactClock, hertz } from "./words.js";

const find = (id) => document.getElementById(id);
const ruler = find("ruler");
const score = find("score");
const axis = find("axis");

const WHEEL_ZOOM = 1.0015; // for each pixel that a wheel is turned
const LEAST_LOOP_S = 0.25;
const LEAST_DRAGGED_PX = 5; // less is a click
const GRIP_PX = 9;
const LEAST_PINCH_PX = 20; // fingers that are nearer count as so far apart
const MOST_TAPPED_PX = 10; // a finger that moves further does not tap
const SHOWN_HZ = [100, 250, 500, 1000, 2000, 4000, 8000, 16_000];
const LEAST_MINOR_PX = 6;
const LEAST_AXIS_PX = 15;

/**
 * Tells `seek` with seconds, `loop` with `[from, to]`, `marker` with one that was pressed, and `view` when another part is
 * shown. What is under the pointer is told by `told({seconds, row})`, in words.
 */
export class Timeline extends EventTarget {
  #view;
  #told;
  #rowsHz = [];
  #markers = [];
  #loop;
  #click;
  #fingers = new Map(); // where they are on the time axis, by pointer
  #tapping; // the event of a finger that came alone
  #abort = new AbortController();
  #sizes = new ResizeObserver(() => this.draw());

  /** `view` is the `View` of the recording. */
  constructor(view, told) {
    super();
    this.#view = view;
    this.#told = told;
    const { signal } = this.#abort;
    view.addEventListener("change", () => this.draw());
    score.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false, signal });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      score.addEventListener(kind, (event) => this.#onTouch(event), { signal, capture: true });
    }
    score.addEventListener("pointermove", (event) => this.#onHover(event), { signal });
    score.addEventListener("pointerleave", () => this.#showHover(), { signal });
    ruler.addEventListener("pointerdown", (event) => this.#onRuler(event), { signal });
    find("zoom-in").onclick = () => this.zoomBy(2);
    find("zoom-out").onclick = () => this.zoomBy(0.5);
    find("zoom-all").onclick = () => view.showAll();
    find("scroll").oninput = ({ target }) => view.show(Number(target.value) * (view.durationS - view.lengthS));
    for (const element of [ruler, find("spectrogram")]) this.#sizes.observe(element);
    this.draw();
  }

  close() {
    this.#abort.abort();
    this.#sizes.disconnect();
    this.#showHover();
  }

  /** The frequencies of the rows of what is seen, the highest first. */
  setRows(rowsHz) {
    this.#rowsHz = rowsHz;
    this.#drawAxis();
  }

  /** Show the markers and the loop of the mix; a loop that is drawn snaps to the beats of its click. */
  showMix({ markers, loop, click }) {
    this.#markers = markers;
    this.#click = clickOf({ click });
    this.#loop = loop ?? undefined;
    this.draw();
  }

  /** Times to which something that is dragged snaps. */
  get snaps() {
    return [...this.#markers.map(({ at_s: atS }) => atS), ...(this.#loop ?? [])];
  }

  zoomBy(factor, atS = (this.#view.fromS + this.#view.toS) / 2) {
    this.#view.zoomBy(factor, atS);
  }

  draw() {
    const view = this.#view;
    score.style.setProperty("--zoom", view.zoom.toFixed(4));
    const from = view.fromS / view.durationS;
    score.style.setProperty("--from", from.toFixed(6));
    score.style.setProperty("--shift", `${view.zoom > 1 ? (100 * from * view.zoom) / (view.zoom - 1) : 0}%`);
    score.classList.toggle("zoomed", view.zoom > 1.001);
    const scroll = find("scroll");
    scroll.disabled = view.zoom <= 1.001;
    scroll.value = view.fromS / Math.max(view.durationS - view.lengthS, 1e-9);
    scroll.setAttribute("aria-valuetext", `${exactClock(view.fromS)} to ${exactClock(view.toS)}`);
    find("zoom-all").disabled = find("zoom-out").disabled = view.zoom <= 1.001;
    axis.style.height = `${find("spectrogram").clientHeight}px`;
    this.#drawAxis();
    const position = find("position");
    position.min = view.fromS / view.durationS;
    position.max = view.toS / view.durationS;
    ruler.replaceChildren(...this.#ticks(), ...this.#loopParts(), ...this.#markers.map((marker) => this.#flag(marker)));
    this.dispatchEvent(new Event("view"));
  }

  // The ruler

  #ticks() {
    const view = this.#view;
    const [step, parts] = view.marks;
    const minor = (step / parts / view.lengthS) * view.width >= LEAST_MINOR_PX ? parts : 1;
    const ticks = [];
    for (let number = Math.ceil((view.fromS * minor) / step); (number * step) / minor <= view.toS; number += 1) {
      const seconds = (number * step) / minor;
      const isMajor = number % minor === 0;
      const tick = placed("span", isMajor ? "tick major" : "tick", view.shareOf(seconds));
      if (isMajor) tick.textContent = exactClock(seconds);
      ticks.push(tick);
    }
    return ticks;
  }

  #loopParts() {
    if (!this.#loop) return [];
    const [from, to] = this.#loop.map((time) => this.#view.shareOf(time));
    const region = placed("span", "loop-region", from);
    region.style.width = `${100 * (to - from)}%`;
    score.style.setProperty("--loop-from", from.toFixed(5));
    score.style.setProperty("--loop-to", to.toFixed(5));
    return [region];
  }

  #flag(marker) {
    const flag = placed("button", "flag", this.#view.shareOf(marker.at_s));
    flag.type = "button";
    flag.textContent = marker.name;
    flag.setAttribute("aria-label", `Marker ${marker.name} at ${exactClock(marker.at_s)}`);
    flag.hidden = marker.at_s < this.#view.fromS || marker.at_s > this.#view.toS;
    flag.onclick = () => this.dispatchEvent(new CustomEvent("seek", { detail: marker.at_s }));
    return flag;
  }

  /** A click goes there; what is dragged becomes the loop, or moves the end of it that it began at. */
  #onRuler(event) {
    if (event.button !== 0 || event.target.closest(".flag")) return;
    event.preventDefault();
    ruler.setPointerCapture(event.pointerId);
    const fixedS = this.#fixedEnd(event) ?? this.#snapped(event);
    const before = this.#loop;
    let loop;
    const onMove = (moved) => {
      if (!loop && Math.abs(moved.clientX - event.clientX) < LEAST_DRAGGED_PX) return;
      const ends = [fixedS, this.#snapped(moved)].sort((one, other) => one - other);
      loop = ends[1] - ends[0] < LEAST_LOOP_S ? loop : ends;
      if (!loop) return;
      this.#loop = loop; // told when it is let go
      this.draw();
    };
    const onUp = ({ type }) => {
      ruler.removeEventListener("pointermove", onMove);
      for (const kind of ["pointerup", "pointercancel"]) ruler.removeEventListener(kind, onUp);
      if (type === "pointercancel") {
        this.#loop = before;
        this.draw();
      } else if (loop) this.dispatchEvent(new CustomEvent("loop", { detail: loop }));
      else this.dispatchEvent(new CustomEvent("seek", { detail: this.#view.secondsAt(event.clientX) }));
    };
    ruler.addEventListener("pointermove", onMove);
    for (const kind of ["pointerup", "pointercancel"]) ruler.addEventListener(kind, onUp);
  }

  /** The end of the loop that stays where the other one is taken hold of. */
  #fixedEnd({ clientX }) {
    if (!this.#loop) return undefined;
    const box = ruler.getBoundingClientRect();
    const isNear = (time) => Math.abs(box.left + this.#view.shareOf(time) * box.width - clientX) < GRIP_PX;
    const [from, to] = this.#loop;
    return isNear(from) ? to : isNear(to) ? from : undefined;
  }

  #snapped(event) {
    const seconds = this.#view.secondsAt(event.clientX);
    const times = [...this.#markers.map(({ at_s: atS }) => atS), ...this.#beatsNear(seconds)];
    return event.altKey ? Math.round(1000 * seconds) / 1000 : this.#view.snapped(seconds, times);
  }

  /** The click's beats around a time; where they lie close together those that begin a bar. */
  #beatsNear(seconds) {
    if (!this.#click) return [];
    const { nearS } = this.#view;
    const areClose = 60 / this.#click.bpm < 2 * nearS;
    const beats = beatsBetween(this.#click, seconds - nearS, seconds + nearS);
    return beats.filter(({ isFirst }) => isFirst || !areClose).map(({ atS }) => atS);
  }

  // The frequency axis

  #drawAxis() {
    const rows = this.#rowsHz;
    if (!rows.length) return;
    const placeOf = (frequencyHz) => rows.findIndex((hz) => hz <= frequencyHz) / rows.length;
    const least = LEAST_AXIS_PX / Math.max(axis.clientHeight, 1);
    let last = 1;
    const shown = SHOWN_HZ.filter((frequencyHz) => {
      const place = placeOf(frequencyHz);
      if (frequencyHz >= rows[0] || last - place < least || place < least / 2) return false;
      last = place;
      return true;
    });
    const marks = shown.map((frequencyHz) => {
      const mark = document.createElement("span");
      mark.style.top = `${100 * placeOf(frequencyHz)}%`;
      mark.textContent = hertz(frequencyHz);
      return mark;
    });
    axis.replaceChildren(...marks);
  }

  // Zoom and scroll

  #onWheel(event) {
    const strip = event.target.closest(".time");
    if (!strip) return;
    const isZoom = event.ctrlKey || event.target.closest("#ruler");
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (!isZoom && Math.abs(sideways) <= (event.shiftKey ? 0 : Math.abs(event.deltaY))) return; // the page scrolls
    event.preventDefault();
    if (isZoom) this.zoomBy(WHEEL_ZOOM ** -event.deltaY, this.#view.secondsAt(event.clientX));
    else this.#view.scrollBy(sideways / Math.max(this.#view.width, 1));
  }

  /** A finger that taps goes there, where it is lifted: it may be about to scroll the page. Two zoom and scroll. */
  #onTouch(event) {
    if (event.pointerType !== "touch" || !event.target.closest(".time")) return;
    if (event.type === "pointerdown") this.#onFinger(event);
    else if (event.type === "pointermove") this.#onFingers(event);
    else this.#onLifted(event);
  }

  /** A second finger ends what the first one began. */
  #onFinger(event) {
    const first = this.#tapping;
    this.#tapping = this.#fingers.size ? undefined : event;
    this.#fingers.set(event.pointerId, event.clientX);
    if (this.#tapping) return;
    event.stopPropagation();
    first?.target.dispatchEvent(new PointerEvent("pointercancel", { pointerId: first.pointerId, bubbles: true }));
  }

  #onFingers(event) {
    if (!this.#fingers.has(event.pointerId)) return;
    const before = [...this.#fingers.values()];
    this.#fingers.set(event.pointerId, event.clientX);
    if (this.#fingers.size !== 2) return;
    event.stopPropagation();
    const after = [...this.#fingers.values()];
    const [was, is] = [before, after].map(([one, other]) => Math.max(Math.abs(one - other), LEAST_PINCH_PX));
    const [wasAt, isAt] = [before, after].map(([one, other]) => (one + other) / 2);
    this.zoomBy(is / was, this.#view.secondsAt(wasAt));
    this.#view.scrollBy((wasAt - isAt) / Math.max(this.#view.width, 1));
  }

  #onLifted(event) {
    this.#fingers.delete(event.pointerId);
    const tapping = this.#tapping;
    this.#tapping = undefined;
    if (event.type !== "pointerup" || tapping?.pointerId !== event.pointerId) return;
    const isDrawn = tapping.target.closest("#ruler, .edited"); // which know themselves what a finger does there
    const movedPx = Math.hypot(event.clientX - tapping.clientX, event.clientY - tapping.clientY);
    if (isDrawn || movedPx > MOST_TAPPED_PX) return;
    this.dispatchEvent(new CustomEvent("seek", { detail: this.#view.secondsAt(event.clientX) }));
  }

  // What is under the pointer

  #onHover(event) {
    const strip = event.target.closest(".time");
    if (!strip || event.pointerType === "touch") return this.#showHover();
    const picture = find("spectrogram").getBoundingClientRect();
    const lane = strip.closest(".stave") ? strip.getBoundingClientRect() : picture;
    const share = (event.clientY - lane.top) / Math.max(lane.height, 1);
    const row = share >= 0 && share < 1 ? Math.floor(share * this.#rowsHz.length) : undefined;
    const seconds = this.#view.secondsAt(event.clientX);
    const frequencyHz = row === undefined ? undefined : this.#rowsHz[row];
    const parts = [exactClock(Math.round(100 * seconds) / 100)];
    if (frequencyHz !== undefined) parts.push(hertz(frequencyHz), this.#told(seconds / this.#view.durationS, share));
    return this.#showHover(parts.filter(Boolean).join(" · "), event);
  }

  #showHover(text = "", event = undefined) {
    const hover = find("hover");
    hover.hidden = !text;
    if (!text) return;
    hover.textContent = text;
    const left = Math.min(event.clientX + 14, innerWidth - hover.offsetWidth - 8);
    hover.style.transform = `translate(${left}px, ${Math.max(event.clientY - 34, 4)}px)`;
  }
}

function placed(kind, name, share) {
  const element = document.createElement(kind);
  element.className = name;
  element.style.left = `${(100 * share).toFixed(4)}%`;
  return element;
}
