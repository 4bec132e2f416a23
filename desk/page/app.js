/** The page: which view is open, what is dropped on it, and who answers the buttons. */

import { Cast } from "./cast.js";
import { chooseOther, setEqual, startCompare } from "./compare.js";
import { Desk, mixAtFirst } from "./desk.js";
import { MASK_EXPONENTS } from "./gains.js";
import { startKeys } from "./keys.js";
import { say, tell, untell, untellAll } from "./notices.js";
import { PhotoDialog } from "./photo.js";
import { practiceKeys, startPractice } from "./practice.js";
import { addMarker, setLoopEnd, startPlaces, toggleLoop } from "./places.js";
import { startSeparators } from "./separators.js";
import * as server from "./server.js";
import { startSessions } from "./sessions.js";
import { showShelf, startShelf } from "./shelf.js";
import { startTakeaway } from "./takeaway.js";
import { startTheme } from "./theme.js";
import { bytes, listed, poorQuality, withArticle } from "./words.js";

const PICTURE_NAME = /\.(jpe?g|png|webp|gif|bmp|tiff?|heic|avif)$/i;

const EXAMPLE_MIX = [{ target: "violin" }, { target: "accordion", gain_db: -18 }];
const OPENED = "varemix-opened"; // the recording named on the command line is opened once
const WATCH_MS = 5000;
const LOADING_MS = 250;

const find = (id) => document.getElementById(id);
const cast = new Cast();
const photoDialog = new PhotoDialog();
const limits = { max_upload_bytes: Infinity, max_picture_bytes: Infinity };
let desk; // the open recording, or undefined at the shelf
let routings = 0;
let uploads = Promise.resolve(); // those of before are waited for
let pictures = []; // photos that were dropped before there was a recording

// Which view

async function route() {
  const [id, own] = location.hash.slice(1).split("/");
  if (desk && desk.id === id && (!own || own === desk.session.id)) return undefined;
  routings += 1;
  const mine = routings;
  document.activeElement?.blur(); // what is typed counts where it was typed
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  desk?.close();
  desk = undefined;
  untellAll();
  if (!/^[0-9a-f]{20}$/.test(id)) return openShelf();
  try {
    const told = own ? await server.session(own) : await lastSession(id);
    const facts = await server.facts(id, told.mix.separator);
    if (mine !== routings) return undefined; // another one was opened meanwhile
    openDesk(facts, told);
  } catch (error) {
    if (mine !== routings) return undefined;
    tell(error.status === 404 ? "That recording or session is not here any more." : error.message, { key: "gone" });
    openShelf();
  }
  return undefined;
}

/** The session of a recording that was changed last, or one with what is known to play in it. */
async function lastSession(id) {
  return server.openSession(id, mixAtFirst(await server.facts(id, limits.separator), cast));
}

function show(view) {
  document.body.dataset.view = view;
  find("shelf").hidden = view !== "shelf";
  find("desk").hidden = view !== "desk";
  find("transport").hidden = view !== "desk";
  find("another").hidden = view !== "desk";
  window.scrollTo(0, 0);
}

async function openShelf() {
  document.title = "varemix · the remix desk";
  show("shelf");
  try {
    await showShelf();
  } catch (error) {
    if (!(error instanceof server.Lost)) tell(error.message, { key: "shelf" });
  }
}

function openDesk(facts, told) {
  show("desk");
  desk = new Desk(facts, told, cast);
  desk.addEventListener("photo", ({ detail }) => photoDialog.open(detail, cast.names));
  desk.addEventListener("gone", async () => {
    history.pushState(null, "", "#");
    await route();
    tell("This session was deleted.", { key: "gone" });
  });
  for (const target of pictures.splice(0)) if (!desk.wishes[target]) desk.toggle(target);
  say(`${facts.title} is on the desk.`);
}

// What is dropped

function take(files) {
  const isPicture = (file) => file.type.startsWith("image/") || PICTURE_NAME.test(file.name);
  const every = [...files];
  for (const file of every.filter(isPicture)) takePicture(file);
  const recordings = every.filter((file) => !isPicture(file) && !isTooLarge(file, limits.max_upload_bytes, "A recording"));
  if (recordings.length) uploads = uploads.then(() => takeRecordings(recordings));
}

/** Take recordings one after the other. One by itself is opened, unless another was opened meanwhile. */
async function takeRecordings(files) {
  if (desk) {
    history.pushState(null, "", "#");
    await route();
  }
  const abort = new AbortController();
  find("upload-stop").onclick = () => abort.abort();
  find("upload").hidden = false;
  untell("upload");
  const taken = [];
  for (const file of files) if (!abort.signal.aborted) taken.push(...await takeRecording(file, abort.signal));
  find("upload").hidden = true;
  if (!desk && files.length === 1 && taken.length) {
    history.pushState(null, "", `#${taken[0].id}`); // a hash that is set would route, too, and later
    await route();
  } else if (taken.length) {
    tell(`On the shelf: ${listed(taken.map(({ title }) => `'${title}'`))}.`, { key: "shelved", kind: "note" });
    if (!desk) await openShelf();
  }
}

/** Take one recording; what cannot be taken is told. Returns its facts, or nothing. */
async function takeRecording(file, signal) {
  const onProgress = (share) => showUpload(file, share);
  onProgress(0);
  try {
    return [await server.upload("recordings", file, { onProgress, signal })];
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message, { key: "upload" });
    return [];
  }
}

/** The recording that comes along, its accordion softer, and playing: what this is about, within seconds. */
async function takeExample() {
  find("example").disabled = true;
  untell("upload");
  try {
    const facts = await server.example();
    await server.openSession(facts.id, { instruments: EXAMPLE_MIX.filter(({ target }) => cast.get(target)) });
    history.pushState(null, "", `#${facts.id}`);
    await route();
    desk?.player.play();
  } catch (error) {
    tell(error.message, { key: "upload" });
  } finally {
    find("example").disabled = false;
  }
}

function showUpload(file, share) {
  find("upload-bar").value = share;
  find("upload-text").textContent = share < 1 ? `Reading '${file.name}', ${bytes(file.size)}` : `Looking at '${file.name}'`;
}

async function takePicture(file) {
  if (isTooLarge(file, limits.max_picture_bytes, "A picture")) return;
  tell(`Looking at '${file.name}'.`, { key: "picture", kind: "note", stays: true });
  try {
    const photo = await server.upload("pictures", file);
    untell("picture");
    photoDialog.keep(photo.id, file);
    if (photo.is_known) usePicture(photo);
    else askAboutPicture(photo);
  } catch (error) {
    tell(error.message, { key: "picture" });
  }
}

/** Put a photo on the desk, or keep it for the next recording. */
function usePicture({ id, title, picture, nearest, is_known: isKnown }) {
  const like = nearest.length ? `most like ${withArticle(titleOf(nearest[0].name))}` : "";
  cast.add({ target: id, title, picture, note: isKnown ? like : `none that is known; ${like}`, isPhoto: true });
  if (desk) {
    if (!desk.wishes[id]) desk.toggle(id);
  } else {
    pictures.push(id);
    tell(`'${title}' is kept for the recording that you open next.`, { key: "picture", kind: "note" });
  }
}

/** Say that a photo shows none of the known instruments; it is used only where somebody says so. */
function askAboutPicture(photo) {
  const like = photo.nearest.map(({ name }) => withArticle(titleOf(name))).join(" or ");
  tell(`'${photo.title}' shows none of the instruments that are known here; it is most like ${like}.`,
    { key: `picture ${photo.id}`, answer: { words: "Use it all the same", act: () => usePicture(photo) } });
}

function titleOf(name) {
  return cast.get(name)?.title ?? name;
}

function isTooLarge(file, maxBytes, what) {
  if (file.size <= maxBytes) return false;
  tell(`'${file.name}' has ${bytes(file.size)}. ${what} may have ${bytes(maxBytes)} here.`, { key: "upload" });
  return true;
}

function startDropping() {
  let depth = 0; // enter and leave come for every element that is crossed
  const showDrop = (isOver) => document.body.classList.toggle("dropping-now", isOver);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    const isPicture = [...event.dataTransfer.items].every((item) => item.type.startsWith("image/"));
    find("dropping").querySelector("p").textContent = isPicture
      ? "Let go, and this picture shows an instrument to listen for"
      : "Let go, and the recording lies on the desk";
    showDrop(true);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event) && (depth -= 1) <= 0) showDrop(false);
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    showDrop(false);
    take(event.dataTransfer.files);
  });
}

// The server

function startConnection() {
  server.connection.addEventListener("lost", () => {
    tell("The desk's server does not answer. What is here keeps playing; this page goes on when the server is back.",
      { key: "lost" });
  });
  server.connection.addEventListener("back", () => {
    untell("lost");
    tell("The server is back.", { key: "back", kind: "note" });
    if (!desk) route();
  });
}

/** Ask now and then whether the server is there, while somebody looks. */
function watchServer() {
  setInterval(() => {
    if (document.visibilityState === "visible") server.health().catch(() => {});
  }, WATCH_MS);
}

async function startInstruments() {
  for (const { name, title, picture, ...quality } of await server.instruments()) {
    cast.add({ target: name, title, picture, heard: quality.heard, quality: poorQuality(quality) });
    const image = Object.assign(document.createElement("img"), { src: picture ?? "icon.svg", alt: "" });
    find("orchestra").append(image);
  }
}

/** Say what the server is loading, as long as its state is one to wait for; return what it then says of itself. */
async function watchLoading(isToWaitFor) {
  let health = await server.health();
  let told;
  while (isToWaitFor(health.state, health.doing)) {
    if (told !== health.doing) tell(`The desk is loading ${health.doing}.`, { key: "loading", kind: "note", stays: true });
    told = health.doing;
    await new Promise((resolve) => setTimeout(resolve, LOADING_MS));
    health = await server.health();
  }
  untell("loading");
  return health;
}

async function startHealth() {
  const known = startInstruments(); // which the server tells before it loads what it works with
  let health = await watchLoading((state) => state === "loading");
  await known;
  Object.assign(limits, health);
  find("version").textContent = `varemix ${health.version}`;
  if (Number.isFinite(limits.max_upload_bytes)) {
    find("limits").textContent = `Any audio file, or a video's sound, up to ${bytes(limits.max_upload_bytes)}. It stays on this computer.`;
  }
  if (health.state === "failed") tell(health.reason, { key: "checkpoint" });
  if (health.opened && !location.hash && !sessionStorage.getItem(OPENED)) location.replace(`#${health.opened}`);
  sessionStorage.setItem(OPENED, "yes");
  watchLoading((state, doing) => state === "ready" && doing).catch(() => {}); // the model, while instruments are chosen
  const wishesOf = () => ({
    recording: desk.facts, wishes: desk.wishes, exponent: desk.exponent, separator: desk.separator, titles: desk.titles,
    mix: desk.session.mix,
  });
  startSeparators(() => desk, health.has_separators);
  startPlaces(() => desk);
  startCompare(() => desk);
  startPractice(() => desk);
  startSessions(() => ({ recording: desk.facts, session: desk.session, mixAtFirst: () => mixAtFirst(desk.facts, cast) }));
  startTakeaway(health.formats ?? [], { library: health.library, library_out: health.library_out }, wishesOf);
}

// The buttons

function startButtons() {
  for (const skip of document.querySelectorAll("a.skip")) {
    skip.onclick = (event) => {
      event.preventDefault(); // the address names the recording
      document.querySelector(skip.getAttribute("href")).focus();
    };
  }
  find("pick").onclick = () => find("recording-file").click();
  find("recording-file").onchange = (event) => {
    take(event.target.files);
    event.target.value = "";
  };
  find("example").onclick = takeExample;
  find("another").onclick = () => {
    location.hash = "";
  };
  find("play-button").onclick = () => desk.togglePlay();
  find("to-start").onclick = () => desk.seekTo(0);
  find("hear-remix").onclick = () => desk.compare(false);
  find("hear-original").onclick = () => desk.compare(true);
  find("position").oninput = (event) => desk.seekTo(Number(event.target.value));
  find("reading").oninput = (event) => desk.setExponent(MASK_EXPONENTS[event.target.value]);
  find("help-button").onclick = () => find("help").showModal();
  find("more-tools").onclick = ({ currentTarget: button }) => {
    button.setAttribute("aria-expanded", find("score").classList.toggle("more"));
  };
  find("undo").onclick = () => desk.session.undo();
  find("redo").onclick = () => desk.session.redo();
  photoDialog.addEventListener("replace", ({ detail: { from, to } }) => desk?.replace(from, to));
  cast.addEventListener("toggle", (event) => desk?.toggle(event.detail));
  cast.addEventListener("picture", (event) => takePicture(event.detail));
  document.addEventListener("theme", () => desk?.recolour());
  addEventListener("hashchange", route);
}

const keyTargets = {
  get isOpen() {
    return desk !== undefined;
  },
  get staves() {
    return desk.staves;
  },
  get focused() {
    return desk.focused;
  },
  get touched() {
    return desk.touched;
  },
  togglePlay: () => desk.togglePlay(),
  seekBy: (seconds) => desk.seekBy(seconds),
  compare: () => desk.compare(),
  chooseOther: () => chooseOther(desk),
  toggleEqual: () => setEqual(desk, !desk.session.mix.equal_loudness),
  zoomBy: (factor) => desk.timeline.zoomBy(factor, desk.positionS),
  scrollBy: (share) => desk.view.scrollBy(share),
  showAll: () => desk.view.showAll(),
  addMarker: () => addMarker(desk),
  toggleLoop: () => toggleLoop(desk),
  setLoopEnd: (which) => setLoopEnd(desk, which),
  addRange: () => desk.addRange(),
  practice: practiceKeys(() => desk),
  undo: () => desk.session.undo(),
  redo: () => desk.session.redo(),
  help: () => find("help").showModal(),
};

async function start() {
  startTheme();
  startButtons();
  startDropping();
  startConnection();
  startShelf();
  startKeys(keyTargets);
  watchServer();
  try {
    await startHealth();
  } catch (error) {
    if (!(error instanceof server.Lost)) tell(error.message, { key: "start" });
  }
  await route();
}

start();
