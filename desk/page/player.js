/**
 * The transport: keeps the segments around the playhead at hand and lays them one behind the other on the graph.
 *
 * Playing needs the original only. Stems join as they come. A segment that is late makes the player wait, not skip.
 */

import { valueAt } from "./automation.js";
import { beatsBetween } from "./metronome.js";
import { Mixer } from "./mixer.js";
import { Segments } from "./segments.js";

export const ORIGINAL = "";

const BEHIND = 1; // segments kept behind the playhead, for a short way back
const AHEAD = 2; // segments fetched before they are needed
const LEAST_LOOP_S = 0.2;
const LAID_S = 3; // so far ahead a loop is laid out
const LEAD_S = 0.03; // from the decision to start to the first sample
const CLICKS_S = 1.5; // so far ahead the metronome is laid out
const JOIN_S = 0.01; // from the arrival of a late segment to its first sample
const PUMP_MS = 100;
const PATIENCE_MS = 1500; // how long a start waits for stems that are audible
const REST_MS = 20_000; // paused for so long, the audio device is let go

/** Tells `state` when it plays, pauses or waits, and `broken` with a reason when a segment cannot be had. */
export class Player extends EventTarget {
  #recording;
  #urlOf;
  #segments;
  #state = "paused"; // or "playing", or "waiting" for sound to come
  #position = 0; // in samples, while nothing moves
  #passes = []; // stretches that are played one after the other: {timeS, first, end, until, laid}, see `#begin`
  #loop; // [first sample, end sample] or undefined
  #countIn; // {beats, bpm} or undefined
  #countsIn = false; // whether what begins next is counted in
  #tuning = { tempo: 1, semitones: 0 }; // what is asked for
  #isTuned = true; // whether the mixer has it
  #click; // the metronome's {bpm, beats, firstS, gain} or undefined
  #company = "";
  #companyBefore = "";
  #ready = new Map(); // voice -> says of a place whether its segment can be had
  #gains = { original: 1, stems: {}, curves: {} };
  #waitsSince = 0;
  #timer;
  #rest;

  /** `recording` are the server's facts; `urlOf(voice, place, company)` finds a segment. */
  constructor(recording, urlOf, context) {
    super();
    this.#recording = recording;
    this.#urlOf = urlOf;
    this.mixer = new Mixer(context, recording.full_scale);
    this.mixer.setGain(ORIGINAL, 1);
    this.#segments = new Segments(context);
    this.#segments.addEventListener("arrived", () => this.#pump());
    this.#segments.addEventListener("broken", (event) => this.#onBroken(event.detail));
    this.#timer = setInterval(() => this.#pump(), PUMP_MS);
    this.#pump();
  }

  get state() {
    return this.#state;
  }

  /** Where the playhead is, in samples. */
  get position() {
    if (this.#state !== "playing") return this.#position;
    const { timeS, first, end } = this.#pass;
    return Math.min(first + Math.max(Math.round((this.#heardS - timeS) * this.#paceHz), 0), end);
  }

  /** The instant at which what is heard now was put on the graph. */
  get #heardS() {
    return this.mixer.context.currentTime - this.mixer.latencyS;
  }

  /** How many samples of the recording are played a second. */
  get #paceHz() {
    return this.mixer.context.sampleRate * this.mixer.tempo;
  }

  /** Whether it is being counted in. */
  get isCountedIn() {
    return this.#state === "playing" && this.#heardS < this.#passes[0].timeS - LEAD_S;
  }

  play() {
    clearTimeout(this.#rest);
    this.mixer.context.resume();
    if (this.#state !== "paused") return;
    if (this.#position >= this.#recording.num_samples) this.#position = 0;
    this.#segments.retry();
    this.#countsIn = true;
    this.#wait();
  }

  /** Play what lies between two samples again and again once it is reached; undefined, or hardly anything: no more. */
  setLoop(ends) {
    const loop = ends && ends[1] - ends[0] >= LEAST_LOOP_S * this.#recording.rate_hz ? ends : undefined;
    if (String(loop) === String(this.#loop)) return;
    this.#loop = loop;
    if (this.#state !== "paused") this.seek(this.position);
  }

  /** Count in before playing begins: `{beats, bpm}`, or undefined. */
  setCountIn(countIn) {
    this.#countIn = countIn;
  }

  /** Let a metronome sound, `{bpm, beats, firstS, gain}` in the recording's own time, or undefined. */
  setClick(click) {
    if (JSON.stringify(click) === JSON.stringify(this.#click)) return;
    this.#click = click;
    this.mixer.dropClicks(click?.gain ?? 0);
    for (const pass of this.#passes) pass.clicked = undefined;
    this.#pump();
  }

  /** Play at a tempo, 1 as the recording, and so many semitones higher than it. Tells `broken` where that cannot be. */
  async tune(tempo, semitones) {
    const mine = { tempo, semitones };
    if (this.#tuning.tempo === tempo && this.#tuning.semitones === semitones) return;
    this.#tuning = mine;
    if (this.#isTuned && this.mixer.canGlideTo(tempo, semitones)) return void this.mixer.tune(tempo, semitones);
    const isTuning = !this.#isTuned;
    const moves = this.#state !== "paused";
    this.#isTuned = false; // before it waits, or it would go on as it was
    this.#halt(this.position);
    if (moves) this.#wait();
    if (isTuning) return; // who tunes already sees to this, too
    try {
      for (let done; done !== this.#tuning; ) {
        done = this.#tuning;
        await this.mixer.tune(done.tempo, done.semitones);
      }
    } catch (error) {
      if (this.mixer.context.state === "closed") return;
      const told = new Error(`Tempo and pitch cannot be changed here: ${error.message}`);
      this.dispatchEvent(new CustomEvent("broken", { detail: { error: told } }));
    }
    this.#isTuned = true;
    this.#pump();
  }

  pause() {
    this.#halt(this.position);
    this.#become("paused");
    this.#rest = setTimeout(() => this.mixer.context.suspend(), REST_MS);
  }

  /** Go to a sample, and go on if it played. */
  seek(sample) {
    const moves = this.#state !== "paused";
    this.#halt(Math.max(0, Math.min(Math.round(sample), this.#recording.num_samples)));
    if (moves) this.#wait();
    else this.#pump();
  }

  /** Say where a stem is heard: stretches `[from, to]` of the recording, 0 to 1. */
  setHeard(stem, stretches) {
    const isNew = !this.#ready.has(stem);
    const { segment_samples: length, num_samples: all } = this.#recording;
    const holds = (place, [from, to]) => from <= (place * length) / all && Math.min((place + 1) * length, all) / all <= to;
    this.#ready.set(stem, (place) => stretches.some((stretch) => holds(place, stretch)));
    if (isNew) this.#applyGain(stem);
    this.#pump();
  }

  /**
   * Say which stems are on the desk, and on what they depend: `company` is the part of their addresses that says so.
   * A stem of before serves, also where it sounds already, until the new one is there.
   */
  setCompany(stems, company) {
    if (company !== this.#company) this.#companyBefore = this.#company;
    this.#company = company;
    for (const stem of this.#ready.keys()) if (!stems.includes(stem)) this.#removeStem(stem);
    this.#pump();
  }

  /** Let the gains glide to `{original, stems, curves}`, see `voiceGains`. */
  setGains(gains) {
    this.#gains = gains;
    this.mixer.setGain(ORIGINAL, gains.original);
    for (const stem of this.#ready.keys()) this.#applyGain(stem);
  }

  #applyGain(stem) {
    const points = this.#gains.curves[stem];
    const value = points ? valueAt(points, this.position) : this.#gains.stems[stem] ?? 0;
    if (!points || this.#state !== "playing" || !this.mixer.has(stem)) this.mixer.setGain(stem, value);
    if (points && this.#state === "playing") this.mixer.follow(stem, this.#passes.flatMap((pass) => this.#events(points, pass)));
  }

  /** What a curve comes to when a pass is played: instants and values, see `follow`. */
  #events(points, { timeS, first, end }) {
    const { currentTime } = this.mixer.context;
    const here = Math.max(first, first + Math.ceil((currentTime + JOIN_S - timeS) * this.#paceHz));
    if (here >= end) return [];
    const whenS = (sample) => timeS + (sample - first) / this.#paceHz;
    const between = points.filter(([sample]) => sample > here && sample < end - 1);
    const events = between.map(([sample, value]) => [whenS(sample), value, false]);
    return [[whenS(here), valueAt(points, here), true], ...events, [whenS(end - 1), valueAt(points, end - 1), false]];
  }

  close() {
    clearInterval(this.#timer);
    clearTimeout(this.#rest);
    this.#segments.clear();
    this.mixer.context.close();
  }

  #become(state) {
    this.#state = state;
    this.dispatchEvent(new Event("state"));
  }

  #removeStem(stem) {
    this.#ready.delete(stem);
    for (const { laid } of this.#passes) for (const key of laid.keys()) if (key.startsWith(`${stem}/`)) laid.delete(key);
    this.mixer.removeVoice(stem);
  }

  #halt(position) {
    if (this.#state === "playing") this.mixer.close();
    this.#position = position;
    this.#passes = [];
    if (this.#state === "playing") this.#state = "waiting";
  }

  #wait() {
    this.#waitsSince = performance.now();
    this.#become("waiting");
    this.#pump();
  }

  #onBroken({ url, error }) {
    const isHere = url === this.#url(ORIGINAL, this.#placeOf(this.position));
    if (isHere && this.#state !== "paused") this.pause();
    this.dispatchEvent(new CustomEvent("broken", { detail: { error } }));
  }

  #url(voice, place) {
    return this.#urlOf(voice, place, this.#company);
  }

  #urlBefore(voice, place) {
    return this.#urlOf(voice, place, this.#companyBefore);
  }

  /** The address of what is at hand: of now, else of before. */
  #urlAtHand(voice, place) {
    const url = this.#url(voice, place);
    return this.#segments.get(url) ? url : this.#urlBefore(voice, place);
  }

  #segment(voice, place) {
    return this.#segments.get(this.#urlAtHand(voice, place));
  }

  /** See to it that what is needed next is fetched, laid out and played. Called often; does what there is to do. */
  #pump() {
    this.#segments.want(this.#wanted());
    if (this.#state === "waiting" && this.#canStart()) this.#start();
    if (this.#state !== "playing") return;
    this.#layOut();
    if (this.#click) for (const pass of this.#passes) this.#layClicks(pass);
    if (this.position >= this.#recording.num_samples) this.#end();
    else if (!this.#isAllLaid && this.#laidS < LEAD_S) {
      this.#halt(this.position);
      this.#wait();
    }
  }

  /** The pass that sounds. */
  get #pass() {
    return this.#passes.findLast(({ timeS }) => timeS <= this.#heardS) ?? this.#passes[0];
  }

  /** For how many seconds from now on the original is laid out. */
  get #laidS() {
    const { timeS, first, until } = this.#passes.at(-1);
    return timeS + (until - first) / this.#paceHz - this.mixer.context.currentTime;
  }

  get #isAllLaid() {
    return this.#passes.at(-1).until >= this.#recording.num_samples;
  }

  #end() {
    this.#halt(this.#recording.num_samples);
    this.#become("paused");
  }

  #placeOf(sample) {
    return Math.min(Math.floor(sample / this.#recording.segment_samples), this.#recording.num_segments - 1);
  }

  #voicesAt(place) {
    const stems = [...this.#ready].filter(([, isReady]) => isReady(place)).map(([stem]) => stem);
    const isAudible = (stem) => Boolean(this.#gains.stems[stem] || this.#gains.curves[stem]);
    return [ORIGINAL, ...stems.filter(isAudible), ...stems.filter((stem) => !isAudible(stem))];
  }

  /** What is needed, the most urgent first: here, then ahead, then what is at hand behind. */
  #wanted() {
    const here = this.#placeOf(this.position);
    const last = Math.min(here + AHEAD, this.#recording.num_segments - 1);
    const wanted = [];
    const add = (voice, place) => {
      wanted.push(this.#url(voice, place));
      const before = this.#urlBefore(voice, place);
      if (!this.#segments.get(this.#url(voice, place)) && this.#segments.get(before)) wanted.push(before);
    };
    add(ORIGINAL, here);
    add(ORIGINAL, Math.min(here + 1, last));
    if (this.#loop && here <= this.#placeOf(this.#loop[1]) && this.#placeOf(this.#loop[1]) <= last) {
      const again = this.#placeOf(this.#loop[0]); // where it goes on
      for (const voice of this.#voicesAt(again)) add(voice, again);
    }
    for (let place = here; place <= last; place += 1) for (const voice of this.#voicesAt(place)) add(voice, place);
    for (let place = Math.max(here - BEHIND, 0); place < here; place += 1) {
      for (const voice of this.#voicesAt(place)) if (this.#segment(voice, place)) add(voice, place);
    }
    return wanted;
  }

  #canStart() {
    if (!this.#isTuned || this.mixer.context.state !== "running") return false;
    const place = this.#placeOf(this.#position);
    if (!this.#segment(ORIGINAL, place)) return false;
    if (performance.now() - this.#waitsSince > PATIENCE_MS) return true;
    const audible = this.#voicesAt(place).filter((voice) => this.#gains.stems[voice] || this.#gains.curves[voice]);
    return audible.every((voice) => this.#segment(voice, place));
  }

  #start() {
    const { currentTime } = this.mixer.context;
    const beatS = this.#countsIn && this.#countIn ? 60 / this.#countIn.bpm / this.mixer.tempo : 0;
    const beats = beatS ? this.#countIn.beats : 0;
    const timeS = this.mixer.onGrid(currentTime + LEAD_S + beats * beatS);
    const { latencyS } = this.mixer;
    for (let beat = 0; beat < beats; beat += 1) this.mixer.click(timeS + latencyS + (beat - beats) * beatS, beat === 0);
    this.#countsIn = false;
    this.#passes = [];
    this.mixer.open(timeS);
    this.#begin(timeS, this.#position);
    this.#become("playing");
  }

  /** Begin a pass: its sample `first` sounds at an instant, `end` does not any more; before `until` it is laid out. */
  #begin(timeS, first) {
    const end = this.#loop && first < this.#loop[1] ? this.#loop[1] : this.#recording.num_samples;
    this.#passes.push({ timeS, first, end, until: first, laid: new Map() });
    this.#state = "playing";
    for (const stem of Object.keys(this.#gains.curves)) if (this.#ready.has(stem)) this.#applyGain(stem);
  }

  #layOut() {
    const isOver = ({ timeS, first, end }) => timeS + (end - first) / this.#paceHz < this.#heardS;
    while (this.#passes.length > 1 && isOver(this.#passes[0])) this.#passes.shift();
    for (const pass of this.#passes) this.#layOutPass(pass);
    for (let last = this.#passes.at(-1); last.until === last.end && last.end === this.#loop?.[1] && this.#laidS < LAID_S; ) {
      const timeS = last.timeS + (last.end - last.first) / this.#paceHz;
      this.mixer.dip(timeS);
      this.#begin(timeS, this.#loop[0]);
      last = this.#passes.at(-1);
      this.#layOutPass(last);
    }
  }

  #layOutPass(pass) {
    const { segment_samples: length } = this.#recording;
    const here = this.#placeOf(pass === this.#pass ? this.position : pass.first);
    for (let place = here; place <= Math.min(here + AHEAD, this.#placeOf(pass.end - 1)); place += 1) {
      for (const voice of this.#voicesAt(place)) this.#lay(pass, voice, place);
      const isNext = pass.laid.has(`${ORIGINAL}/${place}`) && pass.until >= place * length;
      if (isNext) pass.until = Math.min((place + 1) * length, pass.end);
    }
  }

  /** Put the clicks of the next moment on the graph, each when the sample that it falls on is heard. */
  #layClicks(pass) {
    const { timeS, first, end, clicked = first } = pass;
    const sampleAt = (instantS) => first + (instantS - this.mixer.latencyS - timeS) * this.#paceHz;
    const { currentTime } = this.mixer.context;
    const from = Math.max(clicked, sampleAt(currentTime + JOIN_S));
    const to = Math.min(end, sampleAt(currentTime + CLICKS_S));
    if (from >= to) return;
    pass.clicked = to;
    const { rate_hz: rateHz } = this.#recording;
    for (const { atS, isFirst } of beatsBetween(this.#click, from / rateHz, to / rateHz)) {
      this.mixer.click(timeS + this.mixer.latencyS + (atS * rateHz - first) / this.#paceHz, isFirst, this.mixer.clicks);
    }
  }

  /**
   * Put a segment on the graph, so that each of its samples sounds when it is due, in the place of the one of before if
   * that lies there.
   */
  #lay({ timeS, first, end, laid }, voice, place) {
    const key = `${voice}/${place}`;
    const url = this.#urlAtHand(voice, place);
    const buffer = this.#segments.get(url);
    const before = laid.get(key);
    if (!buffer || before?.url === url) return;
    const { currentTime } = this.mixer.context;
    const begin = place * this.#recording.segment_samples;
    const gone = Math.ceil((currentTime + JOIN_S - timeS) * this.#paceHz);
    const due = Math.max(begin, first);
    const from = Math.max(due, first + gone);
    if (from - begin >= buffer.length || from >= end) return;
    const whenS = timeS + (from - first) / this.#paceHz;
    const stopS = begin + buffer.length > end ? timeS + (end - first) / this.#paceHz : undefined;
    const joins = from > due; // too late for its first sample
    const source = this.mixer.play(voice, buffer, whenS, from - begin, { joins, stopS });
    if (before) this.mixer.end(before.source, whenS, joins);
    laid.set(key, { url, source });
  }
}
