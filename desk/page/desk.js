/** A recording on the desk: its staves, its player, and what the server tells of it. */

import { voiceGains } from "./gains.js";
import { Heard, isHeard } from "./heard.js";
import { colourOf, greyLevels, paint } from "./images.js";
import { say, tell, untell } from "./notices.js";
import { Player } from "./player.js";
import * as server from "./server.js";
import { Stave } from "./stave.js";
import { HARDLY, clock, listed, soundFacts } from "./words.js";
import { drawWaveform } from "./waveform.js";

const PAINT_MS = 50;
const TELL_POSITION_MS = 500;
const CUT_MS = 2000;
const MOST_AT_FIRST = 6; // instruments that are put on the desk unasked, where they are known already

const find = (id) => document.getElementById(id);

export class Desk {
  staves = [];
  hearsOriginal = false;
  #facts;
  #cast;
  #spectrogram;
  #peaks = [];
  #isStale = true;
  #paintedAt = 0;
  #toldAt = 0;
  #meter;
  #samples = new Float32Array(2048);
  #cutAt = -Infinity;
  #lastFocused;
  #frame;
  #resizes = new ResizeObserver(() => this.#drawWaveform());

  constructor(facts, cast) {
    this.#facts = facts;
    this.#cast = cast;
    const context = new AudioContext({ sampleRate: facts.rate_hz, latencyHint: "interactive" });
    const urlOf = (voice, place, company) => server.segmentUrl(facts.id, voice, place, company);
    this.player = new Player(facts, urlOf, context);
    this.#meter = new AnalyserNode(context, { fftSize: 2048 });
    this.player.mixer.output.connect(this.#meter);
    this.player.addEventListener("state", () => this.#showPlayer());
    this.player.addEventListener("broken", (event) => tell(event.detail.error.message, { key: "segment" }));
    this.#showFacts();
    this.#loadPictures();
    this.heard = new Heard(facts);
    this.heard.addEventListener("change", () => this.#showHeard());
    this.heard.addEventListener("gone", ({ detail }) => {
      if (detail.status === 404) tell("The server does not know this recording any more. Drop it again.", { key: "gone" });
    });
    this.#restore();
    this.#resizes.observe(find("waveform"));
    this.#frame = requestAnimationFrame((now) => this.#onFrame(now));
    this.#showPlayer();
    this.#showCompare();
  }

  get id() {
    return this.#facts.id;
  }

  get facts() {
    return this.#facts;
  }

  get wishes() {
    return Object.fromEntries(this.staves.map((stave) => [stave.target, stave.wish]));
  }

  get titles() {
    return Object.fromEntries(this.staves.map((stave) => [stave.target, stave.instrument.title]));
  }

  /** The stave that keys act on: the one that has the focus, or had it last. */
  get focused() {
    const inside = document.activeElement?.closest(".stave");
    return this.staves.find((stave) => stave.element === inside) ?? this.#lastFocused ?? this.staves[0];
  }

  close() {
    this.player.close();
    this.heard.close();
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#frame);
    find("staves").replaceChildren();
    this.#cast.setChosen([]);
    this.#cast.setPlays({});
  }

  togglePlay() {
    if (this.player.state === "paused") this.player.play();
    else this.player.pause();
  }

  seekBy(seconds) {
    this.player.seek(this.player.position + seconds * this.#facts.rate_hz);
  }

  seekTo(share) {
    this.player.seek(share * this.#facts.num_samples);
  }

  compare(hearsOriginal = !this.hearsOriginal) {
    this.hearsOriginal = hearsOriginal;
    this.#applyWishes();
    this.#showCompare();
    say(hearsOriginal ? "You hear the original." : "You hear the remix.");
  }

  /** Put an instrument on the desk, or take it off. */
  toggle(target) {
    const stave = this.staves.find((other) => other.target === target);
    if (stave) this.#remove(stave);
    else this.#put(this.#cast.get(target));
    this.#onCompany();
  }

  /** Draw everything anew in the colours of the theme. */
  recolour() {
    this.#isStale = true;
    this.#drawWaveform();
    for (const stave of this.staves) stave.draw();
  }

  // The staves

  #put(instrument, wish = {}) {
    const stave = new Stave(instrument, this.staves.length);
    stave.setWish(wish);
    stave.addEventListener("wish", () => this.#applyWishes());
    stave.addEventListener("remove", () => this.toggle(stave.target));
    stave.strip.addEventListener("pointerdown", (event) => this.#seekOnStrip(event, stave.strip));
    stave.element.addEventListener("focusin", () => {
      this.#lastFocused = stave;
    });
    this.staves.push(stave);
    find("staves").append(stave.element);
    stave.draw(this.#spectrogram);
  }

  #remove(stave) {
    this.staves = this.staves.filter((other) => other !== stave);
    if (this.#lastFocused === stave) this.#lastFocused = undefined;
    stave.element.remove();
    this.staves.forEach((other, place) => other.setPlace(place));
    for (const other of this.staves) other.draw();
  }

  #onCompany() {
    const targets = this.staves.map((stave) => stave.target);
    this.#cast.setChosen(targets);
    find("staves").dataset.count = targets.length;
    this.player.setCompany(targets);
    this.#applyWishes();
    this.heard.want(targets); // which tells `change`
  }

  #applyWishes() {
    this.player.setGains(voiceGains(this.wishes, this));
    this.#isStale = true;
    this.#remember();
    const hasSolo = this.staves.some((stave) => stave.wish.isSolo);
    for (const stave of this.staves) stave.element.classList.toggle("aside", hasSolo && !stave.wish.isSolo);
  }

  #seekOnStrip(event, strip) {
    const box = strip.getBoundingClientRect();
    this.seekTo((event.clientX - box.left) / box.width);
  }

  // What the server tells

  /** Bring all that is shown and played in line with what is known. */
  #showHeard() {
    for (const stave of this.staves) this.#inform(stave);
    const heard = this.heard.states.filter(isHeard);
    this.#cast.setPlays(Object.fromEntries(heard.map((state) => [state.target, state.does_seem_to_play])));
  }

  #inform(stave) {
    const before = stave.state;
    const state = this.heard.state(stave.target);
    stave.setState(state);
    const numReady = isHeard(state) ? Infinity : state.num_segments_ready ?? 0;
    if (numReady > 0) this.player.setReady(stave.target, numReady);
    if (!isHeard(state)) return;
    this.#loadMask(stave);
    if (before.state === "hearing") this.#sayHeard(stave);
  }

  async #loadMask(stave) {
    if (!this.#spectrogram) return;
    if (await stave.loadMask(server.maskUrl(this.id, stave.target), this.#spectrogram)) this.#isStale = true;
  }

  #sayHeard(stave) {
    const { title } = stave.instrument;
    const isAbsent = stave.state.does_seem_to_play === false;
    say(isAbsent ? `${title} does not seem to play in this recording.` : `${title} is on the desk.`);
  }

  // What is remembered, for a page that is loaded again

  #remember() {
    sessionStorage.setItem(`desk-${this.id}`, JSON.stringify(this.wishes));
  }

  #restore() {
    const kept = sessionStorage.getItem(`desk-${this.id}`);
    const wishes = kept ? JSON.parse(kept) : this.#wishesAtFirst();
    for (const [target, wish] of Object.entries(wishes)) {
      const instrument = this.#cast.get(target);
      if (instrument) this.#put(instrument, wish);
    }
    this.#onCompany();
  }

  #wishesAtFirst() {
    const isTold = ({ target }) => this.#cast.get(target)?.heard !== HARDLY;
    const plays = this.heard.states.filter((state) => isHeard(state) && state.does_seem_to_play && isTold(state));
    const loudestFirst = plays.sort((one, other) => other.presence_db - one.presence_db);
    return Object.fromEntries(loudestFirst.slice(0, MOST_AT_FIRST).map(({ target }) => [target, {}]));
  }

  // What is seen

  async #loadPictures() {
    await Promise.all([this.#loadWaveform(), this.#loadSpectrogram()]).catch((error) => tell(error.message, { key: "pictures" }));
  }

  async #loadWaveform() {
    this.#peaks = (await server.waveform(this.id)).peaks;
    this.#drawWaveform();
  }

  async #loadSpectrogram() {
    this.#spectrogram = await greyLevels(server.spectrogramUrl(this.id));
    this.#isStale = true;
    for (const stave of this.staves) this.#inform(stave);
  }

  #showFacts() {
    const { title, tags, duration_s: durationS } = this.#facts;
    find("title").textContent = title;
    document.title = `${title} · varemix`;
    find("facts").textContent = [tags?.artist, clock(durationS), soundFacts(this.#facts)].filter(Boolean).join(" · ");
    find("length").textContent = `of ${clock(durationS)}`;
    find("score").dataset.ready = "";
  }

  #drawWaveform() {
    const colour = getComputedStyle(document.body).getPropertyValue("--ink-soft").trim();
    drawWaveform(find("waveform"), this.#peaks, colour);
  }

  #onFrame(now) {
    this.#showPosition(now);
    this.#showState(now);
    if (this.#isStale && this.#spectrogram && now - this.#paintedAt > PAINT_MS) {
      this.#isStale = false;
      this.#paintedAt = now;
      this.#paint();
    }
    this.#frame = requestAnimationFrame((next) => this.#onFrame(next));
  }

  /** The spectrogram as it will sound: what is muted fades from the paper. */
  #paint() {
    const gains = voiceGains(this.wishes, this);
    const layers = this.staves.map(({ target, mask, colour }) => ({ mask, colour, factor: gains.stems[target] }));
    const paper = colourOf(document.body, "--sheet");
    const ink = colourOf(document.body, "--ink");
    paint(find("spectrogram"), this.#spectrogram, layers, { paper, ink, original: gains.original });
  }

  #showPosition(now) {
    const { position } = this.player;
    const share = position / Math.max(this.#facts.num_samples, 1);
    find("score").style.setProperty("--now", share.toFixed(5));
    const seconds = position / this.#facts.rate_hz;
    const text = clock(seconds);
    if (find("now").textContent !== text) find("now").textContent = text;
    if (now - this.#toldAt < TELL_POSITION_MS) return;
    this.#toldAt = now;
    const range = find("position");
    if (!range.matches(":active")) range.value = share;
    range.setAttribute("aria-valuetext", `${text} of ${clock(this.#facts.duration_s)}`);
  }

  #showPlayer() {
    const { state } = this.player;
    const button = find("play-button");
    const isPaused = state === "paused";
    button.setAttribute("aria-label", isPaused ? "Play" : "Pause");
    button.title = isPaused ? "Play (space)" : "Pause (space)";
    button.querySelector("use").setAttribute("href", isPaused ? "#play" : "#pause");
    find("transport").dataset.state = state;
    this.#showState(performance.now());
    if (state === "playing") untell("segment");
  }

  /** What is wrong with the sound, if anything: it does not come, lacks a wish, or is louder than full scale. */
  #showState(now) {
    this.#meter.getFloatTimeDomainData(this.#samples);
    if (this.player.state === "playing" && this.#samples.some((sample) => Math.abs(sample) > 1)) this.#cutAt = now;
    const isCut = now - this.#cutAt < CUT_MS;
    const text = this.player.state === "waiting" ? "waiting for sound" : isCut ? "louder than full scale: peaks are cut" : this.#lateText();
    const line = find("player-state");
    if (line.textContent !== text) line.textContent = text;
  }

  /** Which wishes do not sound here yet. */
  #lateText() {
    const share = this.player.position / Math.max(this.#facts.num_samples, 1);
    const late = this.hearsOriginal ? [] : this.staves.filter((stave) => stave.isLateAt(share));
    return late.length ? `not heard this far yet: ${listed(late.map((stave) => stave.instrument.title))}` : "";
  }

  #showCompare() {
    find("hear-remix").setAttribute("aria-pressed", !this.hearsOriginal);
    find("hear-original").setAttribute("aria-pressed", this.hearsOriginal);
    document.body.classList.toggle("hears-original", this.hearsOriginal);
  }
}
