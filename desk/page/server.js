/** The server's face: every request of the page goes through `ask`, which knows whether the server is there. */

/** An answer that is not what was asked for, in the server's words: it cannot be had, or not yet. */
export class Refused extends Error {
  constructor(message, status, retryAfterS) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }

  /** Whether asking again would give the same answer. */
  get isFinal() {
    return this.retryAfterS === undefined && this.status >= 400 && this.status < 500;
  }
}

/** No answer at all. */
export class Lost extends Error {}

/** Tells `lost` when the server does not answer, and `back` when it does again. */
export const connection = new EventTarget();
let isLost = false;

const RECONNECT_MS = 3000;

export function noteLost() {
  if (!isLost) connection.dispatchEvent(new Event("lost"));
  isLost = true;
}

export function noteBack() {
  if (isLost) connection.dispatchEvent(new Event("back"));
  isLost = false;
}

/** Return the response of a request; throws `Refused` or `Lost`. */
export async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    noteLost();
    throw new Lost("The desk's server does not answer.");
  }
  noteBack();
  const isLater = response.status === 202 && response.headers.has("Retry-After");
  if (!response.ok || isLater) {
    throw refusal(response.status, await response.text(), response.headers.get("Retry-After"));
  }
  return response;
}

async function json(url, options) {
  return (await ask(url, options)).json();
}

function post(url, body) {
  return ask(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

function refusal(status, text, retryAfter) {
  let message;
  try {
    message = JSON.parse(text).error;
  } catch {
    message = undefined; // not in the server's words
  }
  const seconds = retryAfter === null || retryAfter === undefined ? undefined : Number(retryAfter);
  return new Refused(message ?? `The server answered ${status}.`, status, seconds);
}

export const health = () => json("api/health");
export const instruments = () => json("api/instruments");
export const example = async () => (await post("api/example", {})).json();
export const facts = (id, separator) => json(`api/recordings/${id}${question(by(separator))}`);
export const waveform = (id) => json(`api/recordings/${id}/waveform`);
export const axis = () => json("api/axis");
export const spectrogramUrl = (id) => `api/recordings/${id}/spectrogram.png`;
export const maskUrl = (id, target, separator) =>
  `api/recordings/${id}/masks/${encodeURIComponent(target)}.png${question(by(separator))}`;

/** Who separates what, as parameters; none where varemix separates all. */
function by(separator = {}) {
  return Object.entries(separator).sort().map((pair) => ["separator", pair.join("=")]);
}

/** Whether two say the same of who separates what. */
export function areSeparatedAlike(separator, other) {
  return question(by(separator)) === question(by(other));
}

function question(parameters) {
  return parameters.length ? `?${new URLSearchParams(parameters)}` : "";
}

export const separators = () => json("api/separators");

export const openSession = async (id, mix, more = {}) =>
  (await post(`api/recordings/${id}/session`, { mix, ...more })).json();
export const session = (own) => json(`api/sessions/${own}`);
export const changeSession = async (own, change) => (await post(`api/sessions/${own}`, change)).json();
export const removeSession = (own) => ask(`api/sessions/${own}`, { method: "DELETE" });

/** Change a session while the page goes: nobody is there for the answer. */
export function changeSessionInPassing(own, change) {
  const headers = { "Content-Type": "application/json" };
  fetch(`api/sessions/${own}`, { method: "POST", headers, body: JSON.stringify(change), keepalive: true }).catch(() => {});
}

export const photo = (own) => json(`api/pictures/${own}`);
export const photosTogether = async (owns) => (await post("api/pictures/together", { of: owns })).json();
export const pictureUrl = (target) => `api/pictures/${target}.jpg`;

export const recordings = (search, limit) =>
  json(`api/recordings?${new URLSearchParams({ search, limit: String(limit) })}`);

/** Where segment `place` of the original (voice `""`) lies, or of a stem in its `company`. */
export function segmentUrl(id, voice, place, company) {
  if (voice === "") return `api/recordings/${id}/audio/${place}.flac`;
  return `api/recordings/${id}/stems/${encodeURIComponent(voice)}/${place}.flac?${company}`;
}

/** On what stems depend: with whom they share bins, how unsure masks are read, then also who has a gain; who separates. */
export function companyOf(targets, exponent, moved, separator) {
  const company = new URLSearchParams({ with: [...targets].sort().join(",") });
  if (exponent !== 1) company.set("exponent", exponent);
  if (exponent < 1 && moved.length) company.set("moved", [...moved].sort().join(","));
  for (const [name, value] of by(separator)) company.append(name, value);
  return company.toString();
}

export const depths = (id, targets, separator) =>
  json(`api/recordings/${id}/depths${question([["of", targets.join(",")], ...by(separator)])}`);

// A photo that shows no known instrument gets onto the page only where somebody said that it shall be used.
const SAID = { even_if_unknown: true };

export const hear = async (id, targets, placeS, separator) =>
  (await post(`api/recordings/${id}/hear`, { targets, at_s: placeS, separator, ...SAID })).json();
export const listen = (id, placeS) => post(`api/recordings/${id}/listen`, { at_s: placeS });
export const startExport = async (id, wishes) =>
  (await post(`api/recordings/${id}/export`, { ...wishes, ...SAID })).json();
export const loudness = async (id, wishes) =>
  (await post(`api/recordings/${id}/loudness`, { ...wishes, ...SAID })).json();
export const exportUrl = (job) => `api/exports/${job}`;

export const exportState = (job) => json(`api/exports/${job}/state`);
export const libraryPreview = async (mix) => (await post("api/library/preview", { ...mix, ...SAID })).json();
export const libraryStart = async (mix) => (await post("api/library/start", { ...mix, ...SAID })).json();

export const plan = (wishes) => post("api/plan", { ...wishes, ...SAID });

/**
 * Send a file to `api/recordings` or `api/pictures`; `onProgress(share)` while it goes, `signal` stops it.
 *
 * fetch does not tell how much went, so this is an XMLHttpRequest.
 */
export function upload(where, file, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `api/${where}?${new URLSearchParams({ name: file.name })}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(event.total, 1));
    request.onload = () => {
      noteBack();
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Lost(`'${file.name}' did not arrive: the server hung up or does not answer.`));
    request.onabort = () => reject(new DOMException("Stopped.", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/**
 * Follow what happens to a recording by those who separate it: `onTold` gets all that is known of it, whenever any of it
 * changes. Returns what ends it.
 *
 * A browser opens few connections to one server, for all its tabs together: follow only while there is something to come.
 */
export function follow(id, separator, onTold) {
  let source;
  let timer;
  const connect = () => {
    source = new EventSource(`api/recordings/${id}/events${question(by(separator))}`);
    source.onopen = noteBack;
    source.onmessage = (message) => onTold(JSON.parse(message.data));
    source.onerror = () => {
      health().catch(() => {}); // tells whether it is the server that is lost
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, RECONNECT_MS);
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
