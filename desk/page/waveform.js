/** The recording's waveform: lowest and highest sample of each stretch, as strokes of ink. */

/** Draw `peaks`, pairs from -1 to 1, from a share of them to another, on a canvas as large as it is shown. */
export function drawWaveform(canvas, peaks, colour, [from, to] = [0, 1]) {
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (!width || !peaks.length) return;
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour;
  const loudest = Math.max(...peaks.map(([low, high]) => Math.max(-low, high)), 1e-3);
  for (let x = 0; x < width; x += 1) {
    const at = (column) => Math.floor((from + (column / width) * (to - from)) * peaks.length);
    const first = at(x);
    const last = Math.max(first + 1, at(x + 1));
    let low = 0;
    let high = 0;
    for (const pair of peaks.slice(first, last)) {
      low = Math.min(low, pair[0]);
      high = Math.max(high, pair[1]);
    }
    const top = (0.5 - (high / loudest) * 0.48) * height;
    const bottom = (0.5 - (low / loudest) * 0.48) * height;
    pen.fillRect(x, top, 1, Math.max(bottom - top, scale));
  }
}
