/** Spectrograms: what the server draws in grey is coloured here, as the paper, the ink and the instruments are. */

import { ask } from "./server.js";

const RANGE_DB = 72; // from the darkest level of the server's picture to the lightest
const LEVELS = 256;

/** Return the grey levels of a picture `{width, height, levels}`, levels 0 to 255. */
export async function greyLevels(url) {
  const blob = await (await ask(url, { cache: "no-cache" })).blob();
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const rgba = pen.getImageData(0, 0, width, height).data;
  const levels = new Uint8Array(width * height);
  for (let i = 0; i < levels.length; i += 1) levels[i] = rgba[4 * i];
  return { width, height, levels };
}

/** Return the red, green and blue (0 to 255) of a colour of the style sheet. */
export function colourOf(element, property) {
  const text = getComputedStyle(element).getPropertyValue(property).trim();
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

/**
 * Draw a spectrogram on a canvas, as it will sound: `layers` are `{mask, colour, factors}`, see
 * equation (1): a factor for each column.
 *
 * A bin is ink on paper, the darker the louder; what a mask takes of it, raised to an exponent, has the instrument's
 * colour.
 */
export function paint(canvas, spectrogram, layers, { paper, ink, original = 1, exponent = 1 }) {
  const { width, height, levels } = spectrogram;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = image.data;
  const shares = Float32Array.from({ length: LEVELS }, (_, level) => (level / (LEVELS - 1)) ** exponent);
  const fitting = layers.filter(({ mask }) => mask?.levels.length === levels.length);
  for (let i = 0; i < levels.length; i += 1) {
    const column = i % width;
    let gain = original;
    let taken = 0;
    let red = 0;
    let green = 0;
    let blue = 0;
    for (const { mask, colour, factors } of fitting) {
      const share = shares[mask.levels[i]];
      if (share === 0) continue;
      gain += factors[column] * share;
      taken += share;
      red += share * colour[0];
      green += share * colour[1];
      blue += share * colour[2];
    }
    const dark = darkness(levels[i], gain);
    const rest = Math.max(0, 1 - taken);
    const all = Math.max(1, taken);
    const at = 4 * i;
    pixels[at] = paper[0] + dark * ((red + rest * ink[0]) / all - paper[0]);
    pixels[at + 1] = paper[1] + dark * ((green + rest * ink[1]) / all - paper[1]);
    pixels[at + 2] = paper[2] + dark * ((blue + rest * ink[2]) / all - paper[2]);
    pixels[at + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

/** Draw what one mask takes, on nothing. */
export function paintTaken(canvas, spectrogram, mask, colour) {
  const { width, height, levels } = spectrogram;
  if (mask.levels.length !== levels.length) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let i = 0; i < levels.length; i += 1) {
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = (mask.levels[i] * levels[i]) / 255; // stronger than in the mix: here it is alone
  }
  pen.putImageData(image, 0, 0);
}

/** How dark a level is drawn, 0 to 1, once it is made louder by a linear gain. */
function darkness(level, gain) {
  if (gain <= 0) return 0;
  const quantised = Math.min(Math.round(gain * 32), GAIN_LEVELS.length - 1);
  return DARKNESS[Math.max(0, Math.min(LEVELS - 1, Math.round(level + GAIN_LEVELS[quantised])))];
}

/** By how many grey levels a gain of n/32 changes a level. */
const GAIN_LEVELS = Float32Array.from({ length: 32 * 16 }, (_, n) =>
  n === 0 ? -LEVELS : ((20 * Math.log10(n / 32)) / RANGE_DB) * LEVELS,
);

/** Quiet bins are drawn fainter than their dB say, so that the paper stays calm. */
const DARKNESS = Float32Array.from({ length: LEVELS }, (_, level) => (level / (LEVELS - 1)) ** 1.6);
