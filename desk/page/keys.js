/** The keyboard: everything that the mouse can do while one plays along. */

const SEEK_S = 5;
const FINE_SEEK_S = 1;
const BIG_STEP_DB = 3;
const STEP_DB = 0.5;
const REPEATS = /^(Arrow|Page|[-+=,.<>duzy]$)/i; // what a key that is held down does again

let clicked; // what was clicked last, unless the focus was moved since

/**
 * Let keys reach the desk: `desk` has isOpen, togglePlay, seekBy(s), compare, undo, redo, staves, focused, help, zoomBy,
 * scrollBy, showAll, touched, addMarker, toggleLoop, setLoopEnd, addRange, chooseOther, toggleEqual, and `practice`, what keys do there.
 */
export function startKeys(desk) {
  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest("dialog")) clicked = target; // a dialog gives the focus back to what opened it
  });
  document.addEventListener("change", ({ target }) => {
    if (target === clicked && target.matches("select")) target.blur(); // what was chosen by hand leaves the keys alone
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Tab") clicked = undefined;
    if (event.key === "Enter" && event.target.matches(".typed, .range input")) event.target.blur();
    if (isTyping(event.target) || movesSlider(event)) return;
    if (event.ctrlKey || event.metaKey) return desk.isOpen && goBack(event, desk);
    if (event.key === "?") return act(event, () => desk.help());
    if (!desk.isOpen || (event.key === " " && wantsSpace(event.target))) return;
    const action = actionOf(event, desk);
    if (action) act(event, action);
  });
}

/** Undo by Ctrl-Z, redo by Ctrl-Y or with Shift; on a Mac with its own key. */
function goBack(event, desk) {
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) act(event, () => desk.undo());
  else if (key === "y" || key === "z") act(event, () => desk.redo());
}

function act(event, action) {
  event.preventDefault();
  if (!event.repeat || REPEATS.test(event.key)) action();
}

function actionOf(event, desk) {
  const stave = desk.focused;
  const seekS = event.shiftKey ? FINE_SEEK_S : SEEK_S;
  const onTouched = {
    ArrowUp: () => stave.move(STEP_DB),
    ArrowDown: () => stave.move(-STEP_DB),
    PageUp: () => stave.move(BIG_STEP_DB),
    PageDown: () => stave.move(-BIG_STEP_DB),
  };
  const onStave = {
    0: () => stave.setGain(0),
    m: () => stave.toggleMute(),
    s: () => stave.toggleSolo(),
    a: () => stave.edit(),
    r: () => desk.addRange(),
  };
  const anywhere = {
    " ": () => desk.togglePlay(),
    ArrowLeft: () => desk.seekBy(-seekS),
    ArrowRight: () => desk.seekBy(seekS),
    c: () => desk.compare(),
    b: () => desk.chooseOther(),
    e: () => desk.toggleEqual(),
    "+": () => desk.zoomBy(2),
    "=": () => desk.zoomBy(2),
    "-": () => desk.zoomBy(0.5),
    f: () => desk.showAll(),
    ",": () => desk.scrollBy(-0.5),
    ".": () => desk.scrollBy(0.5),
    k: () => desk.addMarker(),
    l: () => desk.toggleLoop(),
    "[": () => desk.setLoopEnd(0),
    "]": () => desk.setLoopEnd(1),
    ...desk.practice,
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[1-9]$/.test(key)) return goTo(desk, Number(key) - 1);
  return anywhere[key] ?? (desk.touched && onTouched[key]) ?? (stave && onStave[key]);
}

/** A digit goes to an instrument; pressed again, it mutes it. */
function goTo(desk, place) {
  const stave = desk.staves[place];
  if (!stave) return undefined;
  return () => (document.activeElement === stave.slider ? stave.toggleMute() : stave.slider.focus());
}

function isTyping(element) {
  return element.matches("input:not([type=range], [type=checkbox]), select, textarea, [contenteditable]");
}

/** A slider that has the focus moves by its own keys; faders, and the position, by those of the desk. */
function movesSlider({ target, key }) {
  return target.matches("input[type=range]:not(.fader input, #position)") && /^(Arrow|Page)/.test(key);
}

/** A button that was reached by the keyboard keeps its space bar; one that was clicked does not. */
function wantsSpace(element) {
  return !element.contains(clicked) && element.matches("button:focus-visible, input[type=checkbox]:focus-visible, a:focus-visible, summary:focus-visible, label:focus-visible");
}
