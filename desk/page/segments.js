/** Segments of voices: fetched in the order of need, decoded, and dropped when nobody wants them any more. */

import { ask } from "./server.js";

const MAX_LOADING = 4; // a browser opens six connections to one server, for all its tabs together
const RETRY_S = 1;
const NEVER = Infinity;

/** Tells `arrived` when a segment can be played, `broken` with the reason when one cannot be had. */
export class Segments extends EventTarget {
  #held = new Map(); // url -> {buffer} or {abort} or {retryAt}
  #context;

  /** Buffers are decoded at the rate of `context`. */
  constructor(context) {
    super();
    this.#context = context;
  }

  /** The decoded segment, or undefined while it is not there. */
  get(url) {
    return this.#held.get(url)?.buffer;
  }

  /** Say which segments are wanted, in the order of need; others are dropped. */
  want(urls) {
    const wanted = new Set(urls);
    for (const [url, held] of this.#held) if (!wanted.has(url)) this.#drop(url, held);
    let loading = [...this.#held.values()].filter((held) => held.abort).length;
    for (const url of wanted) {
      if (loading >= MAX_LOADING) return;
      const held = this.#held.get(url);
      if (held?.buffer || held?.abort || held?.retryAt > performance.now()) continue;
      this.#load(url);
      loading += 1;
    }
  }

  /** Ask again for what could not be had. */
  retry() {
    for (const [url, held] of this.#held) if (held.retryAt === NEVER) this.#held.delete(url);
  }

  clear() {
    this.want([]);
  }

  #drop(url, held) {
    held.abort?.abort();
    this.#held.delete(url);
  }

  async #load(url) {
    const abort = new AbortController();
    const mine = { abort };
    this.#held.set(url, mine);
    const settle = (held) => this.#held.get(url) === mine && this.#held.set(url, held);
    try {
      const response = await ask(url, { signal: abort.signal });
      const buffer = await this.#context.decodeAudioData(await response.arrayBuffer());
      if (settle({ buffer })) this.dispatchEvent(new Event("arrived"));
    } catch (error) {
      if (abort.signal.aborted) return;
      settle({ retryAt: performance.now() + 1000 * retryAfterS(error) });
      if (error.isFinal) this.dispatchEvent(new CustomEvent("broken", { detail: { url, error } }));
    }
  }
}

function retryAfterS(error) {
  return error.isFinal ? NEVER : error.retryAfterS ?? RETRY_S;
}
