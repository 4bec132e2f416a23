"""The sound of one instrument playing one tune: General MIDI rendered with FluidR3, or the erhu's model.

Needs the programs fluidsynth and the sound font FluidR3_GM.sf2 (Debian: fluidsynth, fluid-soundfont-gm).
"""

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from demo.erhu import RATE_HZ, play_erhu
from demo.tunes import Note
from varemix.errors import ProgramError
from varemix.media.programs import run_program

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
_TICKS_PER_BEAT = 480
_TIME_LIMIT_S = 120


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How an instrument is played: General MIDI programs (counted from 0), its comfortable range, its ways."""

    programs: tuple[int, ...]
    lowest: int
    highest: int
    is_sustained: bool


VOICES: dict[str, Voice] = {
    "accordion": Voice(programs=(21, 23), lowest=55, highest=84, is_sustained=True),
    "acoustic_guitar": Voice(programs=(24, 25), lowest=45, highest=74, is_sustained=False),
    "cello": Voice(programs=(42,), lowest=38, highest=66, is_sustained=True),
    "clarinet": Voice(programs=(71,), lowest=52, highest=82, is_sustained=True),
    "erhu": Voice(programs=(), lowest=62, highest=88, is_sustained=True),
    "flute": Voice(programs=(73,), lowest=64, highest=93, is_sustained=True),
    "saxophone": Voice(programs=(65, 66, 64), lowest=50, highest=77, is_sustained=True),
    "trumpet": Voice(programs=(56,), lowest=56, highest=81, is_sustained=True),
    "tuba": Voice(programs=(58,), lowest=29, highest=56, is_sustained=True),
    "violin": Voice(programs=(40,), lowest=57, highest=91, is_sustained=True),
    "xylophone": Voice(programs=(13,), lowest=65, highest=98, is_sustained=False),
}


def fitted(notes: list[Note], instrument: str, *, semitones: int) -> list[Note]:
    """The tune transposed by `semitones` and then by octaves into the instrument's range (nearest its middle)."""
    voice = VOICES[instrument]
    pitches = [n.pitch + semitones for n in notes if n.pitch is not None]
    octaves = round(((voice.lowest + voice.highest) / 2 - (min(pitches) + max(pitches)) / 2) / 12)
    while min(pitches) + 12 * octaves < voice.lowest:
        octaves += 1
    shift = semitones + 12 * octaves
    return [
        Note(
            pitch=None if n.pitch is None else n.pitch + shift,
            start_beats=n.start_beats,
            length_beats=n.length_beats,
        )
        for n in notes
    ]


def play(instrument: str, notes: list[Note], *, beat_s: float, duration_s: float, seed: int) -> NDArray[np.float64]:
    """The tune on the instrument [S]: mono, 44.1 kHz, dry, peak 1. ProgramError without fluidsynth or its font."""
    if instrument == "erhu":
        return play_erhu(notes, beat_s=beat_s, duration_s=duration_s, seed=seed)
    if not SOUND_FONT.is_file():
        raise ProgramError(
            f"The sound font {SOUND_FONT} is not here. On Debian: apt install fluidsynth fluid-soundfont-gm."
        )
    midi = _midi_file(instrument, notes, beat_s=beat_s, duration_s=duration_s, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        score, wave = Path(folder) / "score.mid", Path(folder) / "wave.wav"
        score.write_bytes(midi)
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(RATE_HZ), "-T", "wav"]
        run_program([*command, "-O", "float", "-F", wave, SOUND_FONT, score], timeout_s=_TIME_LIMIT_S)
        sound, _ = soundfile.read(wave, always_2d=True)
    mono = np.zeros(round(duration_s * RATE_HZ))
    usable = min(len(mono), len(sound))
    mono[:usable] = sound[:usable].mean(axis=1)
    return mono / np.abs(mono).max()


def _midi_file(instrument: str, notes: list[Note], *, beat_s: float, duration_s: float, seed: int) -> bytes:
    """A standard MIDI file of one track: the notes, a player's unevenness, swells and vibrato."""
    voice, rng = VOICES[instrument], np.random.default_rng(seed)
    events: list[tuple[int, int, bytes]] = [(0, 0, bytes([0xC0, voice.programs[seed % len(voice.programs)]]))]
    ticks_per_s = _TICKS_PER_BEAT / beat_s
    for n in notes:
        if n.pitch is None:
            continue
        start = n.start_beats * _TICKS_PER_BEAT + max(0.0, rng.normal(0.008, 0.006)) * ticks_per_s
        held = rng.uniform(0.86, 0.99) if voice.is_sustained else 1.1
        stop = start + n.length_beats * _TICKS_PER_BEAT * held
        accent = 8 if n.start_beats % 2 == 0 else 0
        velocity = int(np.clip(rng.normal(88, 9) + accent, 55, 120))
        events.append((round(start), 2, bytes([0x90, n.pitch, velocity])))
        events.append((round(stop), 1, bytes([0x80, n.pitch, 0])))
    for t in np.arange(0.0, duration_s, 0.05):
        phrase = np.sin(2 * np.pi * t / (8 * beat_s) + seed)
        tick = round(t * ticks_per_s)
        if voice.is_sustained:
            events.append((tick, 0, bytes([0xB0, 11, int(104 + 20 * phrase)])))
            events.append((tick, 0, bytes([0xB0, 1, int(18 + 14 * max(phrase, 0))])))
    events.sort(key=lambda e: e[:2])
    track, last = b"\x00\xff\x51\x03" + struct.pack(">I", round(beat_s * 1e6))[1:], 0
    for tick, _, message in events:
        track += _variable_length(tick - last) + message
        last = tick
    end = max(0, round((duration_s + 0.2) * ticks_per_s) - last)
    track += _variable_length(end) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS_PER_BEAT) + b"MTrk" + struct.pack(">I", len(track)) + track


def _variable_length(number: int) -> bytes:
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | (number & 0x7F))
    return bytes(reversed(out))


def in_a_room(sound: NDArray[np.float64], *, share: float, decay_s: float, seed: int) -> NDArray[np.float64]:
    """The sound [S] as heard in a room, stereo [S, 2]: early echoes and a tail of noise, `share` of the whole."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(decay_s * 1.5 * RATE_HZ)) / RATE_HZ
    tail = rng.normal(0, 1, (len(t), 2)) * np.exp(-6.9 * t / decay_s)[:, None]
    tail[: round(0.008 * RATE_HZ)] = 0.0
    tail = sosfilt(butter(1, 4200.0, fs=RATE_HZ, output="sos"), tail, axis=0)
    tail /= np.sqrt((tail**2).sum(axis=0))
    wet = fftconvolve(np.column_stack([sound, sound]), tail, axes=0)[: len(sound)]
    return np.asarray((1 - share) * sound[:, None] + share * wet)


def faded(sound: NDArray[np.float64], *, fade_s: float = 0.25) -> NDArray[np.float64]:
    """The sound [S, C] with its first 10 ms and its end faded."""
    num_in, num_out = round(0.01 * RATE_HZ), round(fade_s * RATE_HZ)
    out = sound.copy()
    out[:num_in] *= np.linspace(0, 1, num_in)[:, None]
    out[-num_out:] *= np.linspace(1, 0, num_out)[:, None] ** 2
    return out


def at_loudness(sound: NDArray[np.float64], lufs: float, *, peak: float = 0.89) -> NDArray[np.float64]:
    """The sound [S, C] at a loudness (ITU-R BS.1770), or as near below it as its peak allows."""
    now = pyloudnorm.Meter(RATE_HZ).integrated_loudness(sound)
    gain = 10 ** ((lufs - now) / 20)
    return sound * min(gain, peak / np.abs(sound).max())
