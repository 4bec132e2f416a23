/** A recording on the desk: its staves and its player, as the session's mix and what is heard of it have them. */

import { freePlace, newRange, valueAt, withRange } from "./automation.js";
import { MASK_EXPONENTS, moved, voiceGains } from "./gains.js";
import { Levels, showSettings } from "./compare.js";
import { Heard, isHeard } from "./heard.js";
import { colourOf, greyLevels, paint } from "./images.js";
import { say, tell, untell } from "./notices.js";
import { Meters } from "./meters.js";
import { countInOf, setLoop, showPlaces } from "./places.js";
import { clickOf, showPractice } from "./practice.js";
import { Player } from "./player.js";
import * as server from "./server.js";
import { faultsText, showSeparators } from "./separators.js";
import { Session } from "./session.js";
import { Stave } from "./stave.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";
import { HARDLY, clock, listed, soundFacts } from "./words.js";
import { drawWaveform } from "./waveform.js";

const PAINT_MS = 50;
const TELL_POSITION_MS = 500;
const CUT_MS = 2000;
const [SOME, MANY] = [3, 7]; // instruments from more than which on lanes are lower, so that all are seen at once
const MOST_AT_FIRST = 6; // instruments that are in a new mix unasked, where they are known already

const find = (id) => document.getElementById(id);

/** The mix that a recording begins with: what surely plays in it, the loudest first. */
export function mixAtFirst(facts, cast) {
  const isTold = ({ target }) => cast.get(target) && cast.get(target).heard !== HARDLY;
  const plays = facts.targets.filter((state) => isHeard(state) && state.does_seem_to_play && isTold(state));
  const loudestFirst = plays.sort((one, other) => other.presence_db - one.presence_db);
  return { instruments: loudestFirst.slice(0, MOST_AT_FIRST).map(({ target }) => ({ target })) };
}

/** Tells `photo` with an instrument of the mix whose photo somebody wants to see, and `gone` when its session is. */
export class Desk extends EventTarget {
  staves = [];
  hearsOriginal = false;
  #facts;
  #cast;
  #depths = new Map(); // target -> what a mute does, by exponent
  #spectrogram;
  #peaks = [];
  #isStale = true;
  #paintedAt = 0;
  #toldAt = 0;
  #meter;
  #meters;
  #levels;
  #trimDb = 0;
  #samples = new Float32Array(2048);
  #cutAt = -Infinity;
  #lastFocused;
  #playing = ""; // whose stems are played
  #faultsText = "";
  #frame;
  #isClosed = false;
  #resizes = new ResizeObserver(() => this.#drawWaveform());

  /** `facts` are the server's of a recording, `told` of a session of it. */
  constructor(facts, told, cast) {
    super();
    this.#facts = facts;
    this.#cast = cast;
    const context = new AudioContext({ sampleRate: facts.rate_hz, latencyHint: "interactive" });
    const urlOf = (voice, place, company) => server.segmentUrl(facts.id, voice, place, company);
    this.player = new Player(facts, urlOf, context);
    this.view = new View(facts.duration_s, find("ruler"));
    this.timeline = new Timeline(this.view, (share, height) => this.#claims(share, height));
    this.timeline.addEventListener("view", () => this.#showView());
    this.timeline.addEventListener("seek", ({ detail }) => this.seekToS(detail));
    this.timeline.addEventListener("loop", ({ detail }) => setLoop(this, detail));
    this.#meter = new AnalyserNode(context, { fftSize: 2048 });
    this.player.mixer.output.connect(this.#meter);
    this.#meters = new Meters(context, this.player.mixer.output, facts.num_played_channels, () => this.player.state === "playing");
    this.#levels = new Levels(facts.id);
    this.#levels.addEventListener("change", () => this.#applyTrim());
    this.player.addEventListener("state", () => this.#showPlayer());
    this.player.addEventListener("broken", (event) => tell(event.detail.error.message, { key: "segment" }));
    this.#showFacts();
    this.#loadPictures();
    this.heard = new Heard(facts, told.mix.separator);
    this.heard.addEventListener("change", () => this.#showHeard());
    this.heard.addEventListener("gone", ({ detail }) => {
      if (detail.status === 404) tell("The server does not know this recording any more. Drop it again.", { key: "gone" });
    });
    this.session = new Session(told);
    this.session.addEventListener("change", () => this.#showMix());
    this.session.addEventListener("gone", () => this.dispatchEvent(new Event("gone")));
    this.session.addEventListener("unsaved", ({ detail }) => tell(`Not saved: ${detail}`, { key: "session" }));
    this.#showMix();
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

  get exponent() {
    return this.session.mix.mask_exponent;
  }

  /** The separators that the mix names, by instrument. */
  get separator() {
    return this.session.mix.separator;
  }

  get wishes() {
    return Object.fromEntries(this.session.mix.instruments.map((one) => [one.target, one]));
  }

  get titles() {
    return Object.fromEntries(this.staves.map((stave) => [stave.target, stave.instrument.title]));
  }

  /** The stave that keys act on: the one that has the focus, or had it last. */
  get focused() {
    return this.touched ?? this.staves[0];
  }

  /** The stave that has the focus, or had it last; undefined before any had it. */
  get touched() {
    const inside = document.activeElement?.closest(".stave");
    return this.staves.find((stave) => stave.element === inside) ?? this.#lastFocused;
  }

  close() {
    this.#isClosed = true;
    this.player.close();
    this.heard.close();
    this.timeline.close();
    this.#meters.close();
    this.#levels.close();
    for (const stave of this.staves) stave.close();
    this.session.close();
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
    this.#seek(this.player.position + seconds * this.#facts.rate_hz);
  }

  seekToS(seconds) {
    this.#seek(seconds * this.#facts.rate_hz);
  }

  /** Where the playhead is, in seconds. */
  get positionS() {
    return this.player.position / this.#facts.rate_hz;
  }

  seekTo(share) {
    this.#seek(share * this.#facts.num_samples);
  }

  #seek(sample) {
    this.player.seek(sample);
    this.view.reveal(this.positionS);
    this.heard.listenAt(this.player.position / this.#facts.rate_hz);
  }

  compare(hearsOriginal = !this.hearsOriginal) {
    this.hearsOriginal = hearsOriginal;
    this.#applyMix();
    this.#showCompare();
    say(hearsOriginal ? "You hear the original." : "You hear the remix.");
  }

  /** Put an instrument into the mix, or take it out. */
  toggle(target) {
    const { instruments } = this.session.mix;
    const others = instruments.filter((one) => one.target !== target);
    const title = this.titles[target] ?? this.#cast.get(target).title;
    if (others.length < instruments.length) this.session.change({ instruments: others }, `${title} taken out`);
    else this.session.change({ instruments: [...instruments, newInstrument(target, title, target.startsWith("picture-"))] }, `${title} added`);
  }

  /** Let another instrument or photo stand in the place of one of the mix; one that is there already takes it over. */
  replace(from, to) {
    const { instruments } = this.session.mix;
    const others = instruments.filter((one) => one.target === from || one.target !== to.target);
    const replaced = others.map((one) => (one.target === from ? { ...one, ...to } : one));
    this.session.change({ instruments: replaced }, `what ${to.title} shows`);
  }

  /** Read unsure masks so that more is removed (below 1), or the rest is kept cleaner (above 1). */
  setExponent(exponent) {
    this.session.change({ mask_exponent: exponent }, "what is removed of what is unsure");
  }

  /** Draw everything anew in the colours of the theme. */
  recolour() {
    this.#isStale = true;
    this.#drawWaveform();
    for (const stave of this.staves) stave.draw();
  }

  // The mix

  /** Bring all that is shown and played in line with the session's mix. */
  #showMix() {
    const { instruments } = this.session.mix;
    if (this.heard.setSeparator(this.separator)) this.#forgetMasks();
    this.#applyMix();
    const before = this.staves.map((stave) => stave.target).join();
    const kept = new Map(this.staves.map((stave) => [stave.target, stave]));
    this.staves = instruments.map((one) => {
      const instrument = this.#instrumentOf(one);
      const stave = kept.get(one.target);
      if (stave && stave.instrument.picture === instrument.picture && stave.instrument.title === instrument.title) {
        kept.delete(one.target);
        return stave;
      }
      return this.#newStave(instrument);
    });
    for (const stave of kept.values()) this.#remove(stave);
    this.staves.forEach((stave, place) => {
      stave.showWish(instruments[place]);
      stave.setPlace(place);
      const there = find("staves").children[place];
      if (there !== stave.element) find("staves").insertBefore(stave.element, there ?? null);
    });
    const hasSolo = instruments.some((one) => one.is_solo);
    for (const stave of this.staves) stave.element.classList.toggle("aside", hasSolo && !stave.wish.is_solo);
    this.timeline.showMix(this.session.mix);
    showPlaces(this.session.mix);
    showSettings(this.session.mix);
    this.#showSeparators();
    showPractice(this.session.mix, this.titles);
    this.#showReading();
    this.#showSession();
    const targets = this.staves.map((stave) => stave.target);
    if (targets.join() !== before) this.#onCompany(targets);
  }

  /** Let the mix sound. */
  #applyMix() {
    const targets = this.#playable;
    this.#playing = targets.join();
    const counting = moved(this.wishes).filter((target) => targets.includes(target));
    this.player.setCompany(targets, server.companyOf(targets, this.exponent, counting, this.separator));
    this.player.setGains(this.#gains);
    const { loop } = this.session.mix;
    this.player.setLoop(loop ? loop.map((time) => Math.min(Math.round(time * this.#facts.rate_hz), this.#facts.num_samples)) : undefined);
    this.player.setCountIn(countInOf(this.session.mix));
    this.player.setClick(clickOf(this.session.mix));
    this.player.tune(this.session.mix.tempo, this.session.mix.transpose_semitones);
    this.#applyTrim();
    this.#isStale = true;
  }

  /** The instruments of the mix that somebody separates here. */
  get #playable() {
    return this.session.mix.instruments.map((one) => one.target).filter((target) => this.heard.knows(target));
  }

  /** Forget what was separated by others; nothing of it sounds on. */
  #forgetMasks() {
    this.#depths.clear();
    this.player.setCompany([], "");
    for (const stave of this.staves) stave.forgetMask();
  }

  #showSeparators() {
    const { faults } = this.heard;
    showSeparators(this.separator);
    for (const stave of this.staves) stave.setSeparator(stave.target in faults ? undefined : this.separator[stave.target]);
    const text = faultsText(faults);
    if (text === this.#faultsText) return;
    this.#faultsText = text;
    if (text) tell(text, { key: "separators" });
    else untell("separators");
  }

  /** Make what is heard as loud as what it is compared with; while that is not known, it stays as it is. */
  #applyTrim() {
    const trimDb = this.#levels.trimDb(this.session.mix, this.hearsOriginal);
    const { equal_loudness: isEqual } = this.session.mix;
    find("trim").textContent = !isEqual ? "" : trimDb === undefined ? "measuring" : `${trimDb.toFixed(1).replace("-", "−")} dB`;
    if (trimDb === undefined || trimDb === this.#trimDb) return;
    this.#trimDb = trimDb;
    this.player.mixer.setTrim(trimDb);
  }

  get #gains() {
    return voiceGains(this.wishes, { hearsOriginal: this.hearsOriginal, rateHz: this.#facts.rate_hz });
  }

  #onCompany(targets) {
    this.#cast.setChosen(targets);
    find("desk").dataset.size = targets.length > MANY ? "many" : targets.length > SOME ? "some" : "few";
    for (const stave of this.staves) stave.draw(this.#spectrogram);
    this.heard.want(targets); // which tells `change`
  }

  /** What is shown of an instrument of the mix. */
  #instrumentOf({ target, title, picture }) {
    const isPhoto = target.startsWith("picture-");
    if (isPhoto && !this.#cast.get(target)) {
      this.#cast.add({ target, title: title ?? "photo", picture: server.pictureUrl(target), isPhoto });
    }
    const known = this.#cast.get(target) ?? { target, title: target };
    const photo = picture ?? (isPhoto ? target : undefined);
    return { ...known, title: title ?? known.title, picture: photo ? server.pictureUrl(photo) : known.picture, photo };
  }

  #newStave(instrument) {
    const stave = new Stave(instrument, this.staves.length, this.view, () => this.timeline.snaps);
    const { target } = instrument;
    stave.addEventListener("wish", ({ detail }) => this.session.changeInstrument(target, detail, whatOf(instrument, detail)));
    stave.addEventListener("remove", () => this.toggle(target));
    stave.addEventListener("add-range", () => this.addRange(stave));
    stave.addEventListener("photo", () => this.dispatchEvent(new CustomEvent("photo", { detail: this.wishes[target] })));
    stave.strip.addEventListener("pointerdown", (event) => this.#seekOnStrip(event, stave.strip));
    stave.element.addEventListener("focusin", () => {
      this.#lastFocused = stave;
    });
    stave.setState(this.heard.state(target));
    this.#showDepth(stave);
    return stave;
  }

  #remove(stave) {
    if (this.#lastFocused === stave) this.#lastFocused = undefined;
    stave.close();
  }

  /** Let an instrument have another gain from the playhead on: in the loop, where it is there, else for a while. */
  addRange(stave = this.focused) {
    const { ranges = [] } = stave.wish;
    const { loop } = this.session.mix;
    const isInLoop = loop && loop[0] <= this.positionS && this.positionS <= loop[1];
    const place = isInLoop ? loop : freePlace(ranges, this.positionS, this.view.durationS);
    if (!place) return say("It is automated throughout.");
    stave.edit(true);
    const made = withRange(ranges, -1, newRange(...place), this.view.durationS);
    if (made === ranges) return say("It is automated there already.");
    this.session.changeInstrument(stave.target, { ranges: made }, `automation of ${stave.instrument.title}`);
    return stave.list.focusLast(made.findIndex((one) => !ranges.includes(one)));
  }

  #showSession() {
    find("session-name").textContent = this.session.name;
    for (const [id, what, verb] of [["undo", this.session.undoes, "Undo"], ["redo", this.session.redoes, "Redo"]]) {
      find(id).disabled = !what;
      const text = what ? `${verb}: ${what}` : `Nothing to ${verb.toLowerCase()}`;
      find(id).setAttribute("aria-label", text);
      find(id).title = text;
    }
  }

  #showReading() {
    const range = find("reading");
    const nearest = MASK_EXPONENTS.findIndex((exponent) => exponent >= this.exponent);
    range.value = nearest;
    const text = this.exponent === 1 ? "as the masks are" : this.exponent < 1 ? "removes more" : "keeps the rest cleaner";
    range.setAttribute("aria-valuetext", `${text}, mask exponent ${this.exponent}`);
    for (const stave of this.staves) this.#showDepth(stave);
  }

  #showDepth(stave) {
    const depths = this.#depths.get(stave.target);
    stave.setDepth(depths?.find(({ exponent }) => exponent === this.exponent));
  }

  /** Ask how deep mutes will be, of all that were heard to the end. */
  async #loadDepths() {
    const missing = this.staves.filter((stave) => isHeard(stave.state) && !this.#depths.has(stave.target));
    if (!missing.length) return;
    const targets = missing.map((stave) => stave.target);
    for (const target of targets) this.#depths.set(target, undefined);
    const { separator } = this;
    const isMeant = () => JSON.stringify(separator) === JSON.stringify(this.separator);
    try {
      const found = await server.depths(this.id, targets, separator);
      if (!isMeant()) return;
      for (const target of targets) this.#depths.set(target, found[target]);
      for (const stave of this.staves) this.#showDepth(stave);
    } catch {
      if (isMeant()) for (const target of targets) this.#depths.delete(target); // asked for again when the server tells of them again
    }
  }

  #seekOnStrip(event, strip) {
    if (event.button === 0 && event.pointerType !== "touch") this.seekToS(this.view.secondsAt(event.clientX));
  }

  // What the server tells

  /** Bring all that is shown and played in line with what is known. */
  #showHeard() {
    if (this.#isClosed) return;
    for (const { target, title } of this.heard.states) {
      if (!this.#cast.get(target) && !target.startsWith("picture-")) this.#cast.add({ target, title }); // others know it
    }
    if (this.#playable.join() !== this.#playing) this.#applyMix();
    for (const stave of this.staves) this.#inform(stave);
    this.#showSeparators();
    this.#loadDepths();
    const heard = this.heard.states.filter(isHeard);
    this.#cast.setPlays(Object.fromEntries(heard.map((state) => [state.target, state.does_seem_to_play])));
  }

  #inform(stave) {
    const before = stave.state;
    const state = this.heard.state(stave.target);
    stave.setState(state);
    if (state.heard?.length) this.player.setHeard(stave.target, state.heard);
    if (!isHeard(state)) return;
    this.#loadMask(stave);
    if (before.state === "hearing") this.#sayHeard(stave);
  }

  async #loadMask(stave) {
    if (!this.#spectrogram) return;
    if (await stave.loadMask(server.maskUrl(this.id, stave.target, this.separator), this.#spectrogram)) this.#isStale = true;
  }

  #sayHeard(stave) {
    const { title } = stave.instrument;
    const isAbsent = stave.state.does_seem_to_play === false;
    say(isAbsent ? `${title} does not seem to play in this recording.` : `${title} is on the desk.`);
  }

  // What is seen

  async #loadPictures() {
    await Promise.all([this.#loadWaveform(), this.#loadSpectrogram(), this.#loadAxis()]).catch((error) => {
      if (!this.#isClosed) tell(error.message, { key: "pictures" });
    });
  }

  async #loadWaveform() {
    this.#peaks = (await server.waveform(this.id)).peaks;
    if (!this.#isClosed) this.#drawWaveform();
  }

  async #loadAxis() {
    const { rows_hz: rowsHz } = await server.axis();
    if (!this.#isClosed) this.timeline.setRows(rowsHz);
  }

  async #loadSpectrogram() {
    this.#spectrogram = await greyLevels(server.spectrogramUrl(this.id));
    if (this.#isClosed) return;
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
    const { fromS, toS, durationS } = this.view;
    drawWaveform(find("waveform"), this.#peaks, colour, [fromS / durationS, toS / durationS]);
  }

  #showView() {
    this.#drawWaveform();
    for (const stave of this.staves) stave.lane.draw();
  }

  /** Which instrument claims what lies at a place, shares of the time axis and of its height from the top. */
  #claims(share, height) {
    const { width, height: rows } = this.#spectrogram ?? {};
    if (!width) return "";
    const at = Math.min(rows - 1, Math.floor(height * rows)) * width + Math.min(width - 1, Math.floor(share * width));
    const claims = this.staves.map(({ mask, instrument }) => [mask?.levels[at] ?? 0, instrument.title]);
    const [level, title] = claims.sort(([one], [other]) => other - one)[0] ?? [0];
    return level > 25 ? `${title} ${Math.round((100 * level) / 255)} %` : "nobody here";
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
    const gains = this.#gains;
    const layers = this.staves.map(({ target, mask, colour }) => ({ mask, colour, factors: this.#factors(target, gains) }));
    const paper = colourOf(document.body, "--sheet");
    const ink = colourOf(document.body, "--ink");
    paint(find("spectrogram"), this.#spectrogram, layers, { paper, ink, original: gains.original, exponent: this.exponent });
  }

  /** The factor s of an instrument in each column of the spectrogram. */
  #factors(target, gains) {
    const { width } = this.#spectrogram;
    const points = gains.curves[target];
    const samples = this.#facts.num_samples;
    if (!points) return new Float32Array(width).fill(gains.stems[target]);
    return Float32Array.from({ length: width }, (_, column) => valueAt(points, ((column + 0.5) * samples) / width));
  }

  #showPosition(now) {
    const { position } = this.player;
    const share = position / Math.max(this.#facts.num_samples, 1);
    const seconds = position / this.#facts.rate_hz;
    if (this.player.state === "playing") this.view.follow(seconds);
    find("score").style.setProperty("--now", this.view.shareOf(seconds).toFixed(5));
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
    const text = this.player.isCountedIn ? "counting in" : this.player.state === "waiting" ? "waiting for sound" : isCut ? "louder than full scale: peaks are cut" : this.#lateText();
    const line = find("player-state");
    if (line.textContent !== text) line.textContent = text;
  }

  /** Which wishes do not sound here yet. */
  #lateText() {
    const share = this.player.position / Math.max(this.#facts.num_samples, 1);
    const late = this.hearsOriginal ? [] : this.staves.filter((stave) => stave.isLateAt(share));
    return late.length ? `not analysed this far yet: ${listed(late.map((stave) => stave.instrument.title))}` : "";
  }

  #showCompare() {
    find("hear-remix").setAttribute("aria-pressed", !this.hearsOriginal);
    find("hear-original").setAttribute("aria-pressed", this.hearsOriginal);
    document.body.classList.toggle("hears-original", this.hearsOriginal);
  }
}

function newInstrument(target, title, isPhoto) {
  return { target, title: isPhoto ? title : null, picture: null, gain_db: 0, is_muted: false, is_solo: false, ranges: [] };
}

/** What changes with an instrument's wish, in words. */
function whatOf({ title }, wish) {
  if ("ranges" in wish) return `automation of ${title}`;
  if ("is_solo" in wish) return `solo of ${title}`;
  return "gain_db" in wish ? `gain of ${title}` : `mute of ${title}`;
}
