/**
 * Loudness and peaks of what is heard: momentary and short-term loudness as ITU-R BS.1770-4 and EBU R 128 have them,
 * true peak four times oversampled. Numbers in, numbers out; where the sound comes from is in `meters.js`.
 */

const OFFSET_LUFS = -0.691;
const STEPS_PER_S = 10;
const [MOMENTARY_STEPS, SHORT_TERM_STEPS] = [4, 30]; // 0.4 s and 3 s
const REFERENCE_HZ = 997;
const OVERSAMPLING = 4;
const REACH = 16; // samples on either side that count for what lies between two

/** The K-weighting at a rate, as two second-order sections `[b0, b1, b2, a1, a2]`; see `k_weighting` of the library. */
export function kWeighting(rateHz) {
  const sections = [highShelf(rateHz), highPass(rateHz)];
  const gain = sections.reduce((product, section) => product * magnitude(section, REFERENCE_HZ / rateHz), 1);
  const wanted = 10 ** (-OFFSET_LUFS / 20) / gain;
  for (const place of [0, 1, 2]) sections[0][place] *= wanted;
  return sections;
}

function highShelf(rateHz) {
  const quality = 0.7071752369554196;
  const top = 10 ** (3.999843853973347 / 20);
  const middle = top ** 0.4996667741545416;
  const w = Math.tan((Math.PI * 1681.974450955533) / rateHz);
  const scale = 1 + w / quality + w * w;
  return [top + (middle * w) / quality + w * w, 2 * (w * w - top), top - (middle * w) / quality + w * w,
    2 * (w * w - 1), 1 - w / quality + w * w].map((value) => value / scale);
}

function highPass(rateHz) {
  const quality = 0.5003270373238773;
  const w = Math.tan((Math.PI * 38.13547087602444) / rateHz);
  const scale = 1 + w / quality + w * w;
  return [1, -2, 1, (2 * (w * w - 1)) / scale, (1 - w / quality + w * w) / scale];
}

/** The gain of a section at a share of the rate. */
function magnitude([b0, b1, b2, a1, a2], share) {
  const power = (c0, c1, c2) => {
    const angle = 2 * Math.PI * share;
    return Math.hypot(c0 + c1 * Math.cos(angle) + c2 * Math.cos(2 * angle), c1 * Math.sin(angle) + c2 * Math.sin(2 * angle));
  };
  return power(b0, b1, b2) / power(1, a1, a2);
}

/** What samples between two come from: for each of the places between, the weights of those around. */
const BETWEEN = Array.from({ length: OVERSAMPLING - 1 }, (_, place) =>
  Float64Array.from({ length: 2 * REACH }, (_unused, tap) => {
    const distance = tap - REACH + 1 - (place + 1) / OVERSAMPLING;
    return (Math.sin(Math.PI * distance) / (Math.PI * distance)) * Math.cos((Math.PI * distance) / (2 * REACH + 1)) ** 2;
  }));

/** Measures a signal that comes in blocks. */
export class LoudnessMeter {
  #sections;
  #stepSamples;
  #states = [];
  #steps = []; // mean squares of the last 3 s, 100 ms each, the newest last
  #begun = 0; // energy and samples of the step that goes on
  #numBegun = 0;
  #tails = [];
  #peak = 0;

  constructor(rateHz) {
    this.#sections = kWeighting(rateHz);
    this.#stepSamples = Math.round(rateHz / STEPS_PER_S);
  }

  /** Measure the next samples, an array for each channel. */
  add(channels) {
    const weighted = channels.map((samples, channel) => this.#weighted(samples, channel));
    for (let at = 0; at < channels[0].length; at += 1) {
      for (const samples of weighted) this.#begun += samples[at] ** 2;
      this.#numBegun += 1;
      if (this.#numBegun === this.#stepSamples) this.#endStep();
    }
    channels.forEach((samples, channel) => this.#lookForPeak(samples, channel));
  }

  /** Loudness of the last 0.4 s in LUFS; -Infinity for silence, undefined before. */
  get momentaryLufs() {
    return this.#lufs(MOMENTARY_STEPS);
  }

  /** Loudness of the last 3 s in LUFS. */
  get shortTermLufs() {
    return this.#lufs(SHORT_TERM_STEPS);
  }

  /** The highest true peak since the beginning, in dBTP. */
  get truePeakDb() {
    return 20 * Math.log10(this.#peak);
  }

  #lufs(numSteps) {
    if (this.#steps.length < numSteps) return undefined;
    const last = this.#steps.slice(-numSteps);
    return OFFSET_LUFS + 10 * Math.log10(last.reduce((sum, step) => sum + step, 0) / numSteps);
  }

  #endStep() {
    this.#steps.push(this.#begun / this.#stepSamples);
    if (this.#steps.length > SHORT_TERM_STEPS) this.#steps.shift();
    this.#begun = this.#numBegun = 0;
  }

  #weighted(samples, channel) {
    const states = (this.#states[channel] ??= this.#sections.map(() => [0, 0]));
    return this.#sections.reduce((signal, [b0, b1, b2, a1, a2], place) => {
      let [one, two] = states[place];
      const out = new Float64Array(signal.length);
      for (let at = 0; at < signal.length; at += 1) {
        const value = b0 * signal[at] + one;
        one = b1 * signal[at] - a1 * value + two;
        two = b2 * signal[at] - a2 * value;
        out[at] = value;
      }
      states[place] = [Math.abs(one) < 1e-30 ? 0 : one, Math.abs(two) < 1e-30 ? 0 : two];
      return out;
    }, samples);
  }

  #lookForPeak(samples, channel) {
    const before = this.#tails[channel] ?? new Float32Array(2 * REACH);
    const all = new Float32Array(before.length + samples.length);
    all.set(before);
    all.set(samples, before.length);
    for (const sample of samples) this.#peak = Math.max(this.#peak, Math.abs(sample));
    for (let first = 0; first + 2 * REACH < all.length; first += 1) {
      for (const taps of BETWEEN) {
        let value = 0;
        for (let tap = 0; tap < taps.length; tap += 1) value += taps[tap] * all[first + tap];
        if (value > this.#peak || -value > this.#peak) this.#peak = Math.abs(value);
      }
    }
    this.#tails[channel] = all.slice(-2 * REACH);
  }
}
