/** Wishes in dB and the gains of the voices that follow from them, by the same rule as the batch engine. */

import { breakpoints } from "./automation.js";

/** The range of a fader; the batch and a typed gain go as high, and at the lowest stop lies mute. */
export const LOWEST_DB = -60;
export const HIGHEST_DB = 24;
export const STEP_DB = 0.5;
/** Where the slider says mute: one step below its lowest gain. */
export const MUTE_STOP_DB = LOWEST_DB - STEP_DB;

/** s = 10^(dB/20) - 1 of equation (1): 0 leaves as it is, -1 mutes. */
export function factor(gainDb) {
  return gainDb === -Infinity ? -1 : 10 ** (gainDb / 20) - 1;
}

/** The gain in dB that a wish `{gain_db, is_muted, is_solo}` comes to. */
export function wishedDb(wish) {
  return wish.is_muted ? -Infinity : wish.gain_db;
}

/** A gain that somebody typed: a number of dB from the lowest to the highest, -Infinity for mute, else undefined. */
export function typedDb(text) {
  const plain = text.trim().toLowerCase().replace("−", "-").replace(",", ".").replace(/\s*db$/, "");
  if (plain === "mute") return -Infinity;
  const db = Number(plain);
  if (plain === "" || Number.isNaN(db)) return undefined;
  return Math.max(LOWEST_DB, Math.min(HIGHEST_DB, db));
}

/**
 * The gains of the voices, linear: of the original and of each stem by name.
 *
 * The remix is original + sum of s_i * stem_i. With a solo only the soloed stems are heard, each as it is. `curves` has
 * the breakpoints, at samples of `rateHz`, of those stems whose gain changes in time.
 */
export function voiceGains(wishes, { hearsOriginal = false, rateHz = 1 } = {}) {
  const names = Object.keys(wishes);
  const each = (gainOf) => Object.fromEntries(names.map((name) => [name, gainOf(wishes[name])]));
  if (hearsOriginal) return { original: 1, stems: each(() => 0), curves: {} };
  if (names.some((name) => wishes[name].is_solo)) {
    return { original: 0, stems: each((wish) => (wish.is_solo ? 1 : 0)), curves: {} };
  }
  const automated = names.filter((name) => isAutomated(wishes[name]));
  const curves = Object.fromEntries(automated.map((name) => [name, curveOf(wishes[name], rateHz)]));
  return { original: 1, stems: each((wish) => factor(wishedDb(wish))), curves };
}

/** Whether a wish's gain changes in time. */
function isAutomated(wish) {
  return Boolean(wish.ranges?.some((one) => wishedDb(one) !== wishedDb(wish)));
}

function curveOf(wish, rateHz) {
  const ranges = wish.ranges.map((one) => ({ ...one, value: factor(wishedDb(one)) }));
  return breakpoints(factor(wishedDb(wish)), ranges, rateHz);
}

/**
 * The wishes as the server takes them, by name: a number of dB, `mute`, `solo`, or a list of gains in time; what is
 * 0 dB throughout stays out.
 */
export function asked(wishes) {
  const gains = {};
  const hasSolo = Object.values(wishes).some((wish) => wish.is_solo);
  for (const [name, wish] of Object.entries(wishes)) {
    const db = wishedDb(wish);
    if (hasSolo) {
      if (wish.is_solo) gains[name] = "solo";
    } else if (isAutomated(wish)) gains[name] = [...(db === 0 ? [] : [{ db: dbAsked(db) }]), ...wish.ranges.map(rangeAsked)];
    else if (db !== 0) gains[name] = dbAsked(db);
  }
  return gains;
}

function dbAsked(db) {
  return db === -Infinity ? "mute" : db;
}

function rangeAsked(one) {
  const times = Object.entries({ from: one.from_s, to: one.to_s }).filter(([, time]) => time !== null && time !== undefined);
  return { ...Object.fromEntries(times), db: dbAsked(wishedDb(one)), fade: one.fade_s };
}

/** Those whose gain changes anything, by name: the solos, if there are any. */
export function moved(wishes) {
  return Object.keys(asked(wishes));
}

/** The steps between removing more and keeping the rest cleaner: exponents on the masks, 1 in the middle. */
export const MASK_EXPONENTS = [0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4];

/** A gain in words: `-6.0 dB`, `+3.5 dB`, `mute`. */
export function dbText(gainDb) {
  if (gainDb === -Infinity) return "mute";
  const sign = gainDb > 0 ? "+" : gainDb < 0 ? "−" : "";
  return `${sign}${Math.abs(gainDb).toFixed(1)} dB`;
}
