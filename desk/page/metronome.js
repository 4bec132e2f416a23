/** The click track: which beats fall into a stretch of a recording, and the tempo that somebody taps. */

const LEAST_BPM = 30;
const MOST_BPM = 300;
const TAPS = 8; // of so many taps the tempo is the mean
const FORGET_MS = 2500; // after such a pause tapping begins anew

/** Beats from one second of a recording up to another: `{atS, isFirst}`; the first of a bar lies on `firstS`. */
export function beatsBetween({ bpm, beats, firstS }, fromS, toS) {
  const beatS = 60 / bpm;
  const found = [];
  for (let beat = Math.ceil((fromS - firstS) / beatS - 1e-9); firstS + beat * beatS < toS; beat += 1) {
    found.push({ atS: firstS + beat * beatS, isFirst: beats > 0 && ((beat % beats) + beats) % beats === 0 });
  }
  return found;
}

/** A number of beats a minute that can be, to a tenth, of a text with or without BPM; undefined for what is no number. */
export function typedBpm(text) {
  const bpm = Number(String(text).toLowerCase().replace("bpm", "").trim().replace(",", "."));
  return Number.isFinite(bpm) && bpm > 0 ? Math.round(10 * Math.min(MOST_BPM, Math.max(LEAST_BPM, bpm))) / 10 : undefined;
}

/** Finds the tempo of taps. */
export class Tapping {
  #times = [];

  /** Take in a tap at an instant in ms. Returns beats a minute, or undefined after the first. */
  tap(nowMs) {
    if (nowMs - this.#times.at(-1) > FORGET_MS) this.#times = [];
    this.#times = [...this.#times, nowMs].slice(-TAPS - 1);
    const beats = this.#times.length - 1;
    return beats ? typedBpm((60_000 * beats) / (nowMs - this.#times[0])) : undefined;
  }
}
