/** What people are told: lines on the page that stay until they are closed, and words for those who listen. */

const MOST_LINES = 3;
const place = document.getElementById("notices");
const status = document.getElementById("status");

/**
 * Show a line; a line of the same `key`, or with the same words, is replaced. `kind` is `wrong` or `note`.
 *
 * `answer` is {words, act}: a button on the line with these words, which takes the line away and acts.
 */
export function tell(text, { key = text, kind = "wrong", stays = kind === "wrong", answer } = {}) {
  for (const line of place.querySelectorAll(".notice")) {
    if (line.dataset.key === key || line.firstChild.textContent === text) line.remove();
  }
  const line = document.createElement("p");
  line.className = `notice ${kind}`;
  line.dataset.key = key;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet round";
  close.setAttribute("aria-label", "Close this line");
  close.innerHTML = '<svg aria-hidden="true"><use href="#close"/></svg>';
  close.onclick = () => line.remove();
  line.append(words, ...(answer ? [answerButton(line, answer)] : []), close);
  place.append(line);
  for (const old of [...place.querySelectorAll(".notice:not([data-key=lost])")].slice(0, -MOST_LINES)) old.remove();
  if (!stays) setTimeout(() => line.remove(), 6000);
}

function answerButton(line, { words, act }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = words;
  button.onclick = () => {
    line.remove();
    act();
  };
  return button;
}

/** Take a line away. */
export function untell(key) {
  for (const line of place.querySelectorAll(".notice")) if (line.dataset.key === key) line.remove();
}

/** Take away all lines about what is past: those on the connection and on loading stay. */
export function untellAll() {
  for (const line of place.querySelectorAll(".notice:not([data-key=lost], [data-key=loading])")) line.remove();
}

/** Say something to those who listen instead of looking. */
export function say(text) {
  status.textContent = text;
}
