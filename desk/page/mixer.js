/**
 * The audio graph: one gain for each voice, all added up on a bus.
 *
 *   original ── gain ──┐
 *   stem 1 ── gain s1 ─┼── bus ── full scale ── output
 *   stem 2 ── gain s2 ─┘
 *
 * It serves a live AudioContext and an OfflineAudioContext alike, so what is measured is what is heard.
 */

/** Time constant of a moving gain: within 12 ms it has made 95 % of its way, without a click. */
export const GLIDE_S = 0.004;
/** How long the bus takes to open and close, and a voice that comes late to join in. */
export const FADE_S = 0.008;

export class Mixer {
  #gains = new Map();
  #values = new Map();
  #sources = new Set();

  /** Segments hold samples divided by `fullScale`, so that a stem past full scale stays whole. */
  constructor(context, fullScale = 1) {
    this.context = context;
    this.bus = new GainNode(context);
    this.output = new GainNode(context, { gain: fullScale });
    this.bus.connect(this.output).connect(context.destination);
  }

  /** The nearest instant that lies on a sample: sources that start between samples would be interpolated. */
  onGrid(timeS) {
    return Math.round(timeS * this.context.sampleRate) / this.context.sampleRate;
  }

  /** Let a voice's gain glide to a linear value; a new voice has it at once. */
  setGain(voice, value) {
    const node = this.#gains.get(voice);
    if (!node) this.#addVoice(voice, value);
    else if (this.#values.get(voice) !== value) node.gain.setTargetAtTime(value, this.context.currentTime, GLIDE_S);
    this.#values.set(voice, value);
  }

  removeVoice(voice) {
    this.#gains.get(voice)?.disconnect();
    this.#gains.delete(voice);
  }

  /**
   * Play a buffer on a voice from an instant on, from its sample `firstSample` on.
   *
   * A voice that joins what already sounds fades in. Returns the source, to be stopped by `stop`.
   */
  play(voice, buffer, whenS, firstSample = 0, { joins = false } = {}) {
    const source = new AudioBufferSourceNode(this.context, { buffer });
    const way = joins ? this.#fadeIn(whenS) : this.#gains.get(voice);
    source.connect(way);
    if (joins) way.connect(this.#gains.get(voice));
    source.onended = () => {
      this.#sources.delete(source);
      source.disconnect();
      if (joins) way.disconnect();
    };
    source.start(whenS, firstSample / buffer.sampleRate);
    this.#sources.add(source);
    return source;
  }

  /** Open the bus at an instant, which lies behind the one that `close` gave. */
  open(whenS) {
    this.bus.gain.setValueAtTime(0, whenS);
    this.bus.gain.linearRampToValueAtTime(1, whenS + FADE_S);
  }

  /** Close the bus, and stop every source when it is closed. Returns that instant. */
  close() {
    const now = this.context.currentTime;
    const closedS = now + FADE_S;
    this.bus.gain.cancelScheduledValues(0);
    this.bus.gain.setValueAtTime(this.bus.gain.value, now);
    this.bus.gain.linearRampToValueAtTime(0, closedS);
    for (const source of this.#sources) source.stop(closedS);
    this.#sources.clear();
    return closedS;
  }

  #addVoice(voice, value) {
    const node = new GainNode(this.context, { gain: value });
    node.connect(this.bus);
    this.#gains.set(voice, node);
  }

  #fadeIn(whenS) {
    const node = new GainNode(this.context, { gain: 0 });
    node.gain.setValueAtTime(0, whenS);
    node.gain.linearRampToValueAtTime(1, whenS + FADE_S);
    return node;
  }
}
