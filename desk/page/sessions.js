/** The sessions of a recording: their names, another one, a new one, and away with one. */

import * as server from "./server.js";
import { tell } from "./notices.js";

const find = (id) => document.getElementById(id);
const dialog = find("session-dialog");

/** Make the dialog work; `current()` is {recording, session, mixAtFirst()}. */
export function startSessions(current) {
  find("session-name").onclick = () => open(current());
  find("session-close").onclick = () => dialog.close();
  find("session-rename").onsubmit = (event) => {
    event.preventDefault();
    attempt(() => current().session.rename(find("session-title").value), { closes: true });
  };
  find("session-new").onclick = () => start(current(), current().mixAtFirst());
  find("session-copy").onclick = () => start(current(), current().session.mix);
}

async function open({ recording, session }) {
  find("session-title").value = session.name;
  await attempt(() => list(recording, session));
  dialog.showModal();
}

async function list(recording, session) {
  const found = (await server.recordings(recording.name, 1000)).find(({ id }) => id === recording.id);
  const others = (found?.sessions ?? []).filter(({ id }) => id !== session.id);
  find("session-others").replaceChildren(...others.map((other) => entry(recording, session, other)));
  find("session-none").hidden = others.length > 0;
}

function entry(recording, session, other) {
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: `#${recording.id}/${other.id}`, textContent: other.name });
  link.onclick = () => dialog.close();
  const time = Object.assign(document.createElement("time"), { textContent: new Date(1000 * other.updated_at).toLocaleString() });
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Delete" });
  remove.setAttribute("aria-label", `Delete ${other.name}`);
  remove.onclick = () => attempt(async () => {
    await server.removeSession(other.id);
    await list(recording, session);
  });
  item.append(link, time, remove);
  return item;
}

function start({ recording }, mix) {
  return attempt(async () => {
    const told = await server.openSession(recording.id, mix, { is_new: true });
    location.hash = `${recording.id}/${told.id}`;
  }, { closes: true });
}

async function attempt(work, { closes = false } = {}) {
  try {
    await work();
    if (closes) dialog.close();
  } catch (error) {
    tell(error.message, { key: "session" });
  }
}
