/** Gains that change in time: ranges of a recording, and the breakpoints that follow from them, as the batch has them. */

export const DEFAULT_FADE_S = 0.05;
export const LEAST_RANGE_S = 0.05;
const NEW_RANGE_DB = -6;

/**
 * Breakpoints `[sample, value]` between which a curve is straight; `ranges` are in the order of time, each with a `value`.
 *
 * Fades lie inside a range, and lead from `base` to its value and back, or from one range that ends as the next begins
 * straight to the other. Before the first breakpoint the first value holds, after the last one the last.
 */
export function breakpoints(base, ranges, rateHz) {
  const sampleOf = (seconds) => (isGiven(seconds) ? Math.round(seconds * rateHz) : undefined);
  return ranges.flatMap(({ from_s: fromS, to_s: toS, fade_s: fadeS, value }, place) => {
    const [first, end] = [sampleOf(fromS), sampleOf(toS)];
    let fade = Math.max(1, Math.round(fadeS * rateHz));
    if (first !== undefined && end !== undefined) fade = Math.min(fade, Math.floor((end - first + 1) / 2));
    const before = place && ranges[place - 1].to_s === fromS ? ranges[place - 1].value : base;
    const goesOn = place + 1 < ranges.length && ranges[place + 1].from_s === toS;
    const into = first === undefined ? [[0, value]] : [[first - 1, before], [first - 1 + fade, value]];
    return end === undefined || goesOn ? into : [...into, [end - fade, value], [end, base]];
  });
}

/** The value of a curve at a sample. */
export function valueAt(points, sample) {
  if (sample <= points[0][0]) return points[0][1];
  const next = points.findIndex(([at]) => at >= sample);
  if (next < 0) return points.at(-1)[1];
  const [[from, before], [to, after]] = [points[next - 1], points[next]];
  return before + ((after - before) * (sample - from)) / (to - from);
}

/** Ranges in the order of time, one of them `changed` so far as the others, the recording's end and its fades allow. */
export function withRange(ranges, place, changed, durationS) {
  const others = ranges.filter((_, at) => at !== place);
  const [fromS, toS] = span(changed, durationS);
  const middle = (fromS + toS) / 2;
  const floor = Math.max(0, ...others.map((one) => span(one, durationS)[1]).filter((end) => end <= middle));
  const ceiling = Math.min(durationS, ...others.map((one) => span(one, durationS)[0]).filter((begin) => begin > middle));
  if (ceiling - floor < LEAST_RANGE_S || others.some((one) => isIn(middle, span(one, durationS)))) return ranges;
  const begin = milliseconds(Math.min(Math.max(fromS, floor), ceiling - LEAST_RANGE_S));
  const end = milliseconds(Math.max(Math.min(toS, ceiling), begin + LEAST_RANGE_S));
  const isOpen = !isGiven(changed.from_s) && begin === 0;
  const longest = Math.floor(500 * (end - begin)) / 1000;
  const fitting = {
    ...changed,
    from_s: isOpen ? null : begin,
    to_s: isOpen || isGiven(changed.to_s) || end < durationS ? Math.min(end, durationS) : null, // one of both is given
    fade_s: milliseconds(Math.min(Math.max(changed.fade_s, 0), longest)),
  };
  return inOrder([...others, fitting]);
}

export function newRange(fromS, toS) {
  return { from_s: fromS, to_s: toS, gain_db: NEW_RANGE_DB, is_muted: false, fade_s: Math.min(0.5, Math.max(DEFAULT_FADE_S, (toS - fromS) / 10)) };
}

/** The first place from a time on, or else any, where nothing is automated yet, `[from, to]`; undefined where all is. */
export function freePlace(ranges, fromS, durationS) {
  const edges = [0, ...ranges.flatMap((one) => span(one, durationS)), durationS];
  const gaps = [];
  for (let at = 0; at < edges.length; at += 2) if (edges[at + 1] - edges[at] >= LEAST_RANGE_S) gaps.push([edges[at], edges[at + 1]]);
  const gap = gaps.find(([begin, end]) => isIn(fromS, [begin, end - LEAST_RANGE_S])) ?? gaps.find(([begin]) => begin >= fromS) ?? gaps[0];
  if (!gap) return undefined;
  const begin = Math.max(gap[0], Math.min(fromS, gap[1] - LEAST_RANGE_S));
  return [begin, Math.min(gap[1], begin + Math.max(1, durationS / 10))];
}

/** From when to when a range is, in seconds. */
export function span({ from_s: fromS, to_s: toS }, durationS) {
  return [fromS ?? 0, toS ?? durationS];
}

function inOrder(ranges) {
  return ranges.sort((one, other) => (one.from_s ?? 0) - (other.from_s ?? 0));
}

function isIn(seconds, [begin, end]) {
  return begin <= seconds && seconds < end;
}

function isGiven(value) {
  return value !== null && value !== undefined;
}

function milliseconds(seconds) {
  return Math.round(1000 * seconds) / 1000;
}
