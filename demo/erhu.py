"""An erhu, modelled: a bowed string of travelling waves, then a drum of python skin. It is not a recording.

The string is a pair of delay lines that meet at the bow; friction there is a falling curve that makes the string stick
and slip (McIntyre, Schumacher and Woodhouse 1983, "On the oscillations of musical instruments"; the curve as a table,
Smith 1986, "Efficient simulation of the reed-bore and bow-string mechanisms"). The player adds slides between notes, a
vibrato that comes in late and is wide, bow changes and a breath of noise. The drum is a handful of resonances: the
skin's own modes and the two nasal formants that tell an erhu from a violin.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, tf2sos

from demo.tunes import Note

RATE_HZ = 44100
_OPEN_D_HZ = 293.66
_BOW_POINT = 0.115  # of the string's length, from the bridge
_LOOP_FILTER_POLE = 0.42
_LOOP_DELAY_SAMPLES = 0.72 + 2.0  # of the loss filter at low frequencies, and of writing one sample ahead in each line

# frequency Hz, quality, gain dB: the skin's modes, then the nasal formants
_DRUM = (
    (360.0, 5.0, 5.0),
    (620.0, 6.0, 7.0),
    (1050.0, 4.0, 8.0),
    (1700.0, 5.0, -5.0),
    (2500.0, 4.0, 8.0),
    (3900.0, 5.0, 6.0),
)


def play_erhu(notes: list[Note], *, beat_s: float, duration_s: float, seed: int) -> NDArray[np.float64]:
    """The tune [S] played on the model at 44.1 kHz, peak 1; pitches below the open D string are an error."""
    num_samples = round(duration_s * RATE_HZ)
    rng = np.random.default_rng(seed)
    pitch_hz, speed, force = _gestures(notes, beat_s=beat_s, num_samples=num_samples, rng=rng)
    if pitch_hz.min() < _OPEN_D_HZ * 0.97:
        raise ValueError(
            f"Pitch {pitch_hz.min():.0f} Hz is below the open string at {_OPEN_D_HZ:.0f} Hz. Transpose it up."
        )
    sound = _drum(_string(pitch_hz, speed, force))
    return sound / np.abs(sound).max()


def _gestures(
    notes: list[Note], *, beat_s: float, num_samples: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What the player's hands do at every sample: stopped pitch in Hz, bow speed, bow force."""
    t = np.arange(num_samples) / RATE_HZ
    sounding = [n for n in notes if n.pitch is not None]
    midi = np.full(num_samples, float(sounding[0].pitch or 0))
    speed, vibrato = np.zeros(num_samples), np.zeros(num_samples)
    for k, note in enumerate(sounding):
        start, stop = note.start_beats * beat_s, (note.start_beats + note.length_beats) * beat_s
        here = (t >= start) & (t < stop)
        after = t[here] - start
        midi[t >= start] = float(note.pitch or 0) + rng.normal(0, 0.04)
        arm = rng.uniform(0.85, 1.1) * (1 - 0.25 * np.cos(2 * np.pi * after / max(stop - start, 0.2)))
        change = np.minimum(1.0, after / 0.035) * np.minimum(1.0, (stop - start - after) / 0.03)
        slurred = k % 3 == 2 and stop - start < 0.7
        speed[here] = arm * (np.maximum(change, 0.75) if slurred else np.maximum(change, 0.12))
        vibrato[here] = np.clip((after - 0.14) / 0.25, 0, 1) * rng.uniform(0.75, 1.15)
    slide = butter(2, rng.uniform(7.5, 10.0), fs=RATE_HZ, output="sos")
    midi = sosfilt(slide, midi - midi[0]) + midi[0]
    rate = 5.7 + np.cumsum(rng.normal(0, 0.0006, num_samples))
    midi = midi + 0.38 * vibrato * np.sin(2 * np.pi * np.cumsum(rate) / RATE_HZ)
    smooth = butter(2, 40.0, fs=RATE_HZ, output="sos")
    speed = np.clip(sosfilt(smooth, speed), 0, None)
    hair = sosfilt(butter(1, 3500.0, fs=RATE_HZ, output="sos"), rng.normal(0, 1, num_samples))
    force = 0.62 + 0.2 * speed
    return 440.0 * 2 ** ((midi - 69) / 12), 0.22 * speed * (1 + 0.10 * hair), force


def _string(
    pitch_hz: NDArray[np.float64], speed: NDArray[np.float64], force: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The force on the bridge [S]: two delay lines, a loss at the bridge, friction at the bow; sample by sample."""
    size = 1024
    nut_line, bridge_line = [0.0] * size, [0.0] * size
    total = RATE_HZ / pitch_hz - _LOOP_DELAY_SAMPLES
    bridge_delay = (total * _BOW_POINT).tolist()
    nut_delay = (total * (1 - _BOW_POINT)).tolist()
    slope = (5.0 - 4.0 * np.clip(force, 0, 1)).tolist()
    out = np.zeros(len(pitch_hz))
    lost, gain = 0.0, (1 - _LOOP_FILTER_POLE) * 0.965
    for n, (bow, near, far, steep) in enumerate(zip(speed.tolist(), bridge_delay, nut_delay, slope, strict=True)):
        i = int(near)
        part = near - i
        at_bridge = bridge_line[(n - i) % size] * (1 - part) + bridge_line[(n - i - 1) % size] * part
        i = int(far)
        part = far - i
        at_nut = nut_line[(n - i) % size] * (1 - part) + nut_line[(n - i - 1) % size] * part
        lost = gain * at_bridge + _LOOP_FILTER_POLE * lost
        arriving = -lost - at_nut
        slip = bow - arriving
        grip = (abs(slip * steep) + 0.75) ** -4
        push = slip * min(max(grip, 0.01), 0.98)
        nut_line[(n + 1) % size] = -lost + push
        bridge_line[(n + 1) % size] = -at_nut + push
        out[n] = at_bridge
    return out


def _drum(force: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the skin makes of the bridge's force: a high-pass at its lowest mode, its resonances, a soft top."""
    sound = sosfilt(butter(2, 230.0, "highpass", fs=RATE_HZ, output="sos"), force)
    for centre_hz, quality, gain_db in _DRUM:
        sound = sosfilt(_peak(centre_hz, quality, gain_db), sound)
    return np.asarray(sosfilt(butter(2, 7500.0, fs=RATE_HZ, output="sos"), sound))


def _peak(centre_hz: float, quality: float, gain_db: float) -> NDArray[np.float64]:
    """A resonance as a second-order section (Bristow-Johnson's cookbook, the peaking equaliser)."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * centre_hz / RATE_HZ
    alpha = np.sin(w) / (2 * quality)
    top = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
    bottom = [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a]
    return np.asarray(tf2sos(top, bottom))
