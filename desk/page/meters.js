/** The meters of the player: loudness and true peak of what comes out, read from the audio graph ten times a second. */

import { LoudnessMeter } from "./loudness.js";

const HELD_SAMPLES = 32_768; // what the graph keeps: what comes later than that is lost
const READ_MS = 100;
const find = (id) => document.getElementById(id);

export class Meters {
  #analysers;
  #context;
  #meter;
  #readS;
  #samples = new Float32Array(HELD_SAMPLES);
  #timer;
  #isHeard;

  /** `output` is the last node of the graph, `isHeard()` says whether anything plays. */
  constructor(context, output, numChannels, isHeard) {
    this.#context = context;
    this.#isHeard = isHeard;
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: numChannels });
    output.connect(splitter);
    this.#analysers = Array.from({ length: numChannels }, (_, channel) => {
      const analyser = new AnalyserNode(context, { fftSize: HELD_SAMPLES });
      splitter.connect(analyser, channel);
      return analyser;
    });
    this.#timer = setInterval(() => this.#read(), READ_MS);
    find("peak-reset").onclick = () => this.reset();
    this.reset();
  }

  /** Begin anew: nothing was heard. */
  reset() {
    this.#meter = new LoudnessMeter(this.#context.sampleRate);
    this.#readS = this.#context.currentTime;
    this.#show();
  }

  close() {
    clearInterval(this.#timer);
  }

  #read() {
    const { currentTime, sampleRate } = this.#context;
    const numNew = Math.round((currentTime - this.#readS) * sampleRate);
    this.#readS = currentTime;
    if (!this.#isHeard() || numNew <= 0) return;
    const kept = Math.min(numNew, HELD_SAMPLES);
    this.#meter.add(this.#analysers.map((analyser) => {
      analyser.getFloatTimeDomainData(this.#samples);
      return this.#samples.slice(HELD_SAMPLES - kept);
    }));
    this.#show();
  }

  #show() {
    const { momentaryLufs, shortTermLufs, truePeakDb } = this.#meter;
    show("momentary", momentaryLufs);
    show("short-term", shortTermLufs);
    show("true-peak", truePeakDb);
    find("momentary-bar").value = Math.max(-60, momentaryLufs ?? -60);
    find("peak-reset").classList.toggle("over", truePeakDb > 0);
  }
}

function show(id, level) {
  const text = Number.isFinite(level) ? level.toFixed(1).replace("-", "−") : "–";
  if (find(id).textContent !== text) find(id).textContent = text;
}
