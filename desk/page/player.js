/**
 * The transport: keeps the segments around the playhead at hand and lays them one behind the other on the graph.
 *
 * Playing needs the original only. Stems join as they come. A segment that is late makes the player wait, not skip.
 */

import { Mixer } from "./mixer.js";
import { Segments } from "./segments.js";

export const ORIGINAL = "";

const BEHIND = 1; // segments kept behind the playhead, for a short way back
const AHEAD = 2; // segments fetched before they are needed
const LEAD_S = 0.03; // from the decision to start to the first sample
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
  #first = { timeS: 0, sample: 0 }; // which sample sounds when
  #until = 0; // the sample before which the original is laid out
  #laid = new Set(); // "voice/place" of what is on the graph
  #company = "";
  #companyBefore = "";
  #ready = new Map(); // voice -> says of a place whether its segment can be had
  #gains = { original: 1, stems: {} };
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
    const { currentTime, sampleRate } = this.mixer.context;
    const gone = Math.round((currentTime - this.#first.timeS) * sampleRate);
    return Math.min(this.#first.sample + Math.max(gone, 0), this.#recording.num_samples);
  }

  play() {
    clearTimeout(this.#rest);
    this.mixer.context.resume();
    if (this.#state !== "paused") return;
    if (this.#position >= this.#recording.num_samples) this.#position = 0;
    this.#segments.retry();
    this.#wait();
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
    if (!this.#ready.has(stem)) this.mixer.setGain(stem, this.#gains.stems[stem] ?? 0);
    const { segment_samples: length, num_samples: all } = this.#recording;
    const holds = (place, [from, to]) => from <= (place * length) / all && Math.min((place + 1) * length, all) / all <= to;
    this.#ready.set(stem, (place) => stretches.some((stretch) => holds(place, stretch)));
    this.#pump();
  }

  /**
   * Say which stems are on the desk, and on what they depend: `company` is the part of their addresses that says so.
   * What lies on the graph already is played as it is, and a stem of before serves until the new one is there.
   */
  setCompany(stems, company) {
    if (company !== this.#company) this.#companyBefore = this.#company;
    this.#company = company;
    for (const stem of this.#ready.keys()) if (!stems.includes(stem)) this.#removeStem(stem);
    this.#pump();
  }

  /** Let the gains glide to `{original, stems}`, see `voiceGains`. */
  setGains(gains) {
    this.#gains = gains;
    this.mixer.setGain(ORIGINAL, gains.original);
    for (const stem of this.#ready.keys()) this.mixer.setGain(stem, gains.stems[stem] ?? 0);
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
    for (const key of this.#laid) if (key.startsWith(`${stem}/`)) this.#laid.delete(key);
    this.mixer.removeVoice(stem);
  }

  #halt(position) {
    if (this.#state === "playing") this.mixer.close();
    this.#position = position;
    this.#laid.clear();
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

  #segment(voice, place) {
    return this.#segments.get(this.#url(voice, place)) ?? this.#segments.get(this.#urlBefore(voice, place));
  }

  /** See to it that what is needed next is fetched, laid out and played. Called often; does what there is to do. */
  #pump() {
    this.#segments.want(this.#wanted());
    if (this.#state === "waiting" && this.#canStart()) this.#start();
    if (this.#state !== "playing") return;
    this.#layOut();
    const left = this.#until - this.position;
    if (this.#until >= this.#recording.num_samples) {
      if (left <= 0) this.#end();
    } else if (left < LEAD_S * this.#recording.rate_hz) {
      this.#halt(this.position);
      this.#wait();
    }
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
    const isAudible = (stem) => Boolean(this.#gains.stems[stem]);
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
    for (let place = here; place <= last; place += 1) for (const voice of this.#voicesAt(place)) add(voice, place);
    for (let place = Math.max(here - BEHIND, 0); place < here; place += 1) {
      for (const voice of this.#voicesAt(place)) if (this.#segment(voice, place)) add(voice, place);
    }
    return wanted;
  }

  #canStart() {
    if (this.mixer.context.state !== "running") return false;
    const place = this.#placeOf(this.#position);
    if (!this.#segment(ORIGINAL, place)) return false;
    if (performance.now() - this.#waitsSince > PATIENCE_MS) return true;
    const audible = this.#voicesAt(place).filter((voice) => this.#gains.stems[voice]);
    return audible.every((voice) => this.#segment(voice, place));
  }

  #start() {
    const timeS = this.mixer.onGrid(this.mixer.context.currentTime + LEAD_S);
    this.#first = { timeS, sample: this.#position };
    this.#until = this.#position;
    this.mixer.open(timeS);
    this.#become("playing");
  }

  #layOut() {
    const { segment_samples: length, num_segments: num } = this.#recording;
    const here = this.#placeOf(this.position);
    for (let place = here; place <= Math.min(here + AHEAD, num - 1); place += 1) {
      for (const voice of this.#voicesAt(place)) this.#lay(voice, place);
      const isNext = this.#laid.has(`${ORIGINAL}/${place}`) && this.#until >= place * length;
      if (isNext) this.#until = Math.min((place + 1) * length, this.#recording.num_samples);
    }
  }

  /** Put a segment on the graph, so that each of its samples sounds when it is due. */
  #lay(voice, place) {
    const key = `${voice}/${place}`;
    const buffer = this.#segment(voice, place);
    if (!buffer || this.#laid.has(key)) return;
    const { currentTime, sampleRate } = this.mixer.context;
    const begin = place * this.#recording.segment_samples;
    const gone = Math.ceil((currentTime + JOIN_S - this.#first.timeS) * sampleRate);
    const due = Math.max(begin, this.#first.sample);
    const from = Math.max(due, this.#first.sample + gone);
    if (from - begin >= buffer.length) return;
    const whenS = this.#first.timeS + (from - this.#first.sample) / sampleRate;
    const joins = from > due; // too late for its first sample
    this.mixer.play(voice, buffer, whenS, from - begin, { joins });
    this.#laid.add(key);
  }
}
