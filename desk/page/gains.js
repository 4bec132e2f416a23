/** Wishes in dB and the gains of the voices that follow from them, by the same rule as the batch engine. */

export const LOWEST_DB = -24;
export const HIGHEST_DB = 6;
export const STEP_DB = 0.5;
/** Where the slider says mute: one step below its lowest gain. */
export const MUTE_STOP_DB = LOWEST_DB - STEP_DB;

/** s = 10^(dB/20) - 1 of equation (1): 0 leaves as it is, -1 mutes. */
export function factor(gainDb) {
  return gainDb === -Infinity ? -1 : 10 ** (gainDb / 20) - 1;
}

/** The gain in dB that a wish `{gainDb, isMuted, isSolo}` comes to. */
export function wishedDb(wish) {
  return wish.isMuted || wish.gainDb < LOWEST_DB ? -Infinity : wish.gainDb;
}

/**
 * The gains of the voices, linear: of the original and of each stem by name.
 *
 * The remix is original + sum of s_i * stem_i. With a solo only the soloed stems are heard, each as it is.
 */
export function voiceGains(wishes, { hearsOriginal = false } = {}) {
  const names = Object.keys(wishes);
  const each = (gainOf) => Object.fromEntries(names.map((name) => [name, gainOf(wishes[name])]));
  if (hearsOriginal) return { original: 1, stems: each(() => 0) };
  if (names.some((name) => wishes[name].isSolo)) return { original: 0, stems: each((wish) => (wish.isSolo ? 1 : 0)) };
  return { original: 1, stems: each((wish) => factor(wishedDb(wish))) };
}

/** The wishes as the server takes them: a number of dB, `mute` or `solo` by name; what is 0 dB stays out. */
export function asked(wishes) {
  const gains = {};
  const hasSolo = Object.values(wishes).some((wish) => wish.isSolo);
  for (const [name, wish] of Object.entries(wishes)) {
    const db = wishedDb(wish);
    if (hasSolo) {
      if (wish.isSolo) gains[name] = "solo";
    } else if (db !== 0) gains[name] = db === -Infinity ? "mute" : db;
  }
  return gains;
}

/** A gain in words: `-6.0 dB`, `+3.5 dB`, `mute`. */
export function dbText(gainDb) {
  if (gainDb === -Infinity) return "mute";
  const sign = gainDb > 0 ? "+" : gainDb < 0 ? "−" : "";
  return `${sign}${Math.abs(gainDb).toFixed(1)} dB`;
}
