/**
 * The audio graph: one gain for each voice, all added up on a bus.
 *
 *   original ── gain ──┐
 *   stem 1 ── gain s1 ─┼── bus ── full scale ── output
 *   stem 2 ── gain s2 ─┘
 *
 * At another tempo the sources play faster or slower, and between bus and full scale lies a worklet that sets the pitch
 * right; at the recording's own tempo and pitch it is neither loaded nor there. Clicks pass all of it by.
 *
 * It serves a live AudioContext and an OfflineAudioContext alike, so what is measured is what is heard.
 */

/** Time constant of a moving gain: within 12 ms it has made 95 % of its way, without a click. */
export const GLIDE_S = 0.004;
/** How long the bus takes to open and close, and a voice that comes late to join in. */
export const FADE_S = 0.008;

const STRETCH = new URL("./stretch/signalsmith-stretch.js", import.meta.url).href;
const TREBLE = { share: 0.3, db: 4 }; // of interpolating straight between samples: where on a rate, and how much
const REWIRE_MS = 20; // until a bus that closes is closed

const CLICK_HZ = [1568, 1046.5];
const CLICK_S = 0.05;
const CLICK_GAIN = 0.4;

export class Mixer {
  #gains = new Map();
  #values = new Map();
  #sources = new Set();
  #ways = new WeakMap(); // of each source the node that fades it
  #stretch; // the node that sets the pitch right, once it was needed
  #treble; // before it, gives back what sources lose that play faster or slower
  #isStretched = false; // whether it is in the graph

  /** Segments hold samples divided by `fullScale`, so that a stem past full scale stays whole. */
  constructor(context, fullScale = 1) {
    this.context = context;
    this.fullScale = fullScale;
    this.tempo = 1;
    this.latencyS = 0; // from the bus to the output
    this.bus = new GainNode(context);
    this.output = new GainNode(context, { gain: fullScale });
    this.clicks = new GainNode(context);
    this.bus.connect(this.output).connect(context.destination);
  }

  /** Whether a tempo and a transposition can be set while sound plays: the graph stays as it is. */
  canGlideTo(tempo, semitones) {
    return tempo === this.tempo && this.#isStretched === !isPlain(tempo, semitones);
  }

  /**
   * Play from now on at a tempo, 1 as the recording, and so many semitones higher than it. Unless it can glide there,
   * nothing may be playing. Rejects where the browser cannot do it, and then nothing has changed.
   */
  async tune(tempo, semitones) {
    if (!this.canGlideTo(tempo, semitones)) await this.#rewire(!isPlain(tempo, semitones));
    this.tempo = tempo;
    if (!this.#isStretched) return;
    this.#treble.frequency.value = Math.min(TREBLE.share * tempo, 0.45) * this.context.sampleRate;
    this.#treble.gain.value = tempo === 1 ? 0 : TREBLE.db;
    await this.#stretch.schedule({ active: true, semitones: semitones - 12 * Math.log2(tempo), tonalityHz: 0 });
  }

  async #rewire(isStretched) {
    if (isStretched) this.#stretch ??= await newStretch(this.context);
    if (isStretched) this.#treble ??= new BiquadFilterNode(this.context, { type: "highshelf" });
    await new Promise((resolve) => setTimeout(resolve, REWIRE_MS));
    this.bus.disconnect();
    this.#treble?.disconnect();
    this.#stretch?.disconnect();
    if (isStretched) this.bus.connect(this.#treble).connect(this.#stretch).connect(this.output);
    else this.bus.connect(this.output);
    this.latencyS = isStretched ? await this.#stretch.latency() : 0;
    this.#isStretched = isStretched;
  }

  /** Let all that is put out be softer by some dB, at most 0. */
  setTrim(db) {
    this.output.gain.setTargetAtTime(this.fullScale * 10 ** (Math.min(db, 0) / 20), this.context.currentTime, GLIDE_S);
  }

  /** The nearest instant that lies on a sample: sources that start between samples would be interpolated. */
  onGrid(timeS) {
    return Math.round(timeS * this.context.sampleRate) / this.context.sampleRate;
  }

  /** Let a voice's gain glide to a linear value; a new voice has it at once. */
  setGain(voice, value) {
    const node = this.#gains.get(voice);
    if (!node) this.#addVoice(voice, value);
    else if (this.#values.get(voice) !== value) {
      if (!this.#values.has(voice)) this.#hold(node.gain);
      node.gain.setTargetAtTime(value, this.context.currentTime, GLIDE_S);
    }
    this.#values.set(voice, value);
  }

  /**
   * Let a voice's gain follow a curve: `[whenS, value, isJump]` in the order of time, straight from one to the next
   * where it does not jump. To the first it goes straight from where it is.
   */
  follow(voice, events) {
    const { gain } = this.#gains.get(voice);
    this.#hold(gain);
    events.forEach(([whenS, value, isJump], place) => {
      if (isJump && place > 0) gain.setValueAtTime(value, whenS);
      else gain.linearRampToValueAtTime(value, whenS);
    });
    this.#values.delete(voice);
  }

  #hold(gain) {
    const { value } = gain;
    gain.cancelScheduledValues(0);
    gain.setValueAtTime(value, this.context.currentTime);
  }

  has(voice) {
    return this.#gains.has(voice);
  }

  removeVoice(voice) {
    this.#gains.get(voice)?.disconnect();
    this.#gains.delete(voice);
    this.#values.delete(voice);
  }

  /**
   * Play a buffer on a voice from an instant on, from its sample `firstSample` on, and up to `stopS`.
   *
   * A voice that joins what already sounds fades in. Returns the source, to be ended by `end`.
   */
  play(voice, buffer, whenS, firstSample = 0, { joins = false, stopS } = {}) {
    const source = new AudioBufferSourceNode(this.context, { buffer, playbackRate: this.tempo });
    const way = joins ? this.#fadeIn(whenS) : new GainNode(this.context);
    source.connect(way).connect(this.#gains.get(voice));
    this.#ways.set(source, way);
    source.onended = () => {
      this.#sources.delete(source);
      source.disconnect();
      way.disconnect();
    };
    source.start(whenS, firstSample / buffer.sampleRate);
    if (stopS !== undefined) source.stop(stopS);
    this.#sources.add(source);
    return source;
  }

  /** End a source at an instant, at which another one takes its place; one that sounds already fades out. */
  end(source, whenS, sounds) {
    if (!sounds) return source.stop(whenS);
    const { gain } = this.#ways.get(source);
    gain.setValueAtTime(1, whenS);
    gain.linearRampToValueAtTime(0, whenS + FADE_S);
    return source.stop(whenS + FADE_S);
  }

  /** Let a click sound at an instant, the first of a bar higher; those of the metronome go through `clicks`. */
  click(whenS, isFirst, to = this.context.destination) {
    const source = new OscillatorNode(this.context, { frequency: isFirst ? CLICK_HZ[0] : CLICK_HZ[1] });
    const way = new GainNode(this.context, { gain: 0 });
    way.gain.setValueAtTime(CLICK_GAIN, whenS);
    way.gain.exponentialRampToValueAtTime(CLICK_GAIN / 1000, whenS + CLICK_S);
    source.connect(way).connect(to);
    source.onended = () => {
      this.#sources.delete(source);
      way.disconnect();
    };
    source.start(whenS);
    source.stop(whenS + CLICK_S);
    this.#sources.add(source);
  }

  /** Take the metronome's clicks back that are to come, and let those after them be so loud, a linear gain. */
  dropClicks(gain) {
    this.clicks.disconnect();
    this.clicks = new GainNode(this.context, { gain });
    if (gain) this.clicks.connect(this.context.destination);
  }

  /** Close the bus for a moment around an instant, at which what sounds leaps. */
  dip(whenS) {
    this.bus.gain.setValueAtTime(1, whenS - GLIDE_S);
    this.bus.gain.linearRampToValueAtTime(0, whenS);
    this.bus.gain.linearRampToValueAtTime(1, whenS + GLIDE_S);
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

function isPlain(tempo, semitones) {
  return tempo === 1 && semitones === 0;
}

/** The node that changes pitch; silence is fed to it all the time, or it would forget what is still to come out. */
async function newStretch(context) {
  if (!context.audioWorklet) throw new Error("a browser allows that on this machine's own address only, or over https.");
  const { default: Stretch } = await import(STRETCH);
  Stretch.moduleUrl = STRETCH;
  const stretch = await Stretch(context, { numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [2] });
  const silence = new ConstantSourceNode(context, { offset: 0 });
  silence.connect(stretch);
  silence.start();
  return stretch;
}
