/** Numbers in words, as people read them. */

/** How the server calls what is heard worse than not at all. */
export const HARDLY = "hardly at all";

/** `3:07`, or `1:02:45` from an hour on. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `about 12 s left`, `about 3 min left`: short, since it stands in a narrow place. */
export function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1.5) return "a moment left";
  if (seconds < 90) return `about ${Math.round(seconds)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

/** `demucs is at 45 %`: how far separators are that give no masks before they are done. */
export function separatorText({ names, share }) {
  return `${listed(names)} ${names.length > 1 ? "are" : "is"} at ${Math.round(100 * share)} %`;
}

/** `12 MB`, `1.5 GB`: decimal, as file managers have it. */
export function bytes(number) {
  if (number >= 1e9) return `${Number((number / 1e9).toFixed(1))} GB`;
  if (number >= 1e6) return `${Math.round(number / 1e6)} MB`;
  return `${Math.max(1, Math.round(number / 1e3))} kB`;
}

/** `a, b and c`. */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** `a violin`, `an oboe`. */
export function withArticle(title) {
  return `${/^[aeiou]/i.test(title) ? "an" : "a"} ${title}`;
}

/** `separated poorly: 0.2 dB`; nothing where an instrument is separated well enough, or nobody measured it. */
export function poorQuality({ heard, nsdr_db: nsdrDb }) {
  if (heard !== "poorly" && heard !== HARDLY) return "";
  return `separated ${heard}: ${nsdrDb.toFixed(1).replace("-", "−")} dB`;
}

/** `44.1 kHz stereo FLAC`. */
export function soundFacts({ rate_hz, num_channels, container }) {
  const channels = { 1: "mono", 2: "stereo" }[num_channels] ?? `${num_channels} channels`;
  return [`${Number((rate_hz / 1000).toFixed(2))} kHz`, channels, container].filter(Boolean).join(" · ");
}

/** `mute: about −14 dB`: what a mute is expected to do. */
export function depthText(depth) {
  return depth ? `mute: about ${minus(depth.mute_db)} dB` : "";
}

/** What a mute is expected to do, how sure that is, and what it costs. */
export function depthExplained({ deepest_db: deepest, least_db: least, rest_db: rest }) {
  return `Eight of ten such mutes were between ${minus(least)} and ${minus(deepest)} dB deep; all else changed by about ${minus(rest, 1)} dB.`;
}

/** A number with a true minus sign; a rounded zero has none. */
function minus(number, digits = 0) {
  return number.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
}

/** A time to the millisecond, as it can be typed: `1:20.5`. */
export function exactClock(seconds) {
  const milliseconds = Math.round(1000 * seconds);
  const fraction = String(milliseconds % 1000).padStart(3, "0").replace(/0+$/, "");
  return clock(milliseconds / 1000) + (fraction ? `.${fraction}` : "");
}

/** The seconds that somebody typed as seconds, or as minutes and seconds, or with hours; undefined for what is none. */
export function typedTime(text) {
  const parts = text.trim().replace(",", ".").split(":");
  const isTime = parts.length <= 3 && parts.every((part) => /^(\d+(\.\d+)?|\.\d+)$/.test(part)) && parts.slice(1).every((part) => part < 60);
  return isTime ? parts.reduce((sum, part) => 60 * sum + Number(part), 0) : undefined;
}

/** A frequency: `440 Hz`, `2.5 kHz`. */
export function hertz(frequencyHz) {
  return frequencyHz >= 1000 ? `${Number((frequencyHz / 1000).toFixed(1))} kHz` : `${Math.round(frequencyHz)} Hz`;
}

/** A text that begins with a capital. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
