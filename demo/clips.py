"""The solo clips to learn from: who plays which tune, how fast, in which key; and the film made of each.

Needs the program ffmpeg with libx264.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from demo.erhu import RATE_HZ
from demo.pictures import picture
from demo.sound import at_loudness, faded, fitted, in_a_room, play
from demo.tunes import TUNES, read_notes, repeated

FRAMES_PER_S = 8
FILM_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One film of one instrument alone."""

    video_id: str
    instrument: str
    split: str
    picture_number: int
    tune: str
    semitones: int
    beats_per_minute: float
    from_beats: float
    duration_s: float
    seed: int


# the tunes of the two train clips and of the val clip: (name, beats per minute, semitones, first beat)
_Turn = tuple[str, float, int, float]
_PROGRAMME: dict[str, tuple[_Turn, _Turn, _Turn]] = {
    "accordion": (("irish_washerwoman", 150, 0, 0), ("au_clair_de_la_lune", 112, 5, 0), ("auld_lang_syne", 108, 2, 0)),
    "acoustic_guitar": (("wiegenlied", 96, 0, 0), ("drowsy_maggie", 132, -2, 0), ("twinkle", 126, 4, 0)),
    "cello": (("amazing_grace", 96, 0, 0), ("ode_to_joy", 104, 2, 0), ("frere_jacques", 92, 5, 0)),
    "clarinet": (("twinkle", 120, 3, 0), ("scarborough_fair", 126, 0, 0), ("irish_washerwoman", 132, 3, 0)),
    "erhu": (("mo_li_hua", 84, 5, 0), ("auld_lang_syne", 88, 2, 0), ("amazing_grace", 92, 4, 0)),
    "flute": (("drowsy_maggie", 126, 3, 0), ("greensleeves", 138, 2, 0), ("wiegenlied", 92, 7, 0)),
    "saxophone": (("auld_lang_syne", 100, -3, 0), ("korobeiniki", 132, -2, 0), ("au_clair_de_la_lune", 116, 1, 0)),
    "trumpet": (("ode_to_joy", 116, 5, 0), ("amazing_grace", 100, -1, 0), ("minuet_in_g", 120, -2, 0)),
    "tuba": (("frere_jacques", 112, 0, 0), ("when_the_saints", 152, 2, 9), ("twinkle", 104, -3, 0)),
    "violin": (("minuet_in_g", 116, 0, 0), ("mo_li_hua", 92, 7, 0), ("scarborough_fair", 132, 5, 0)),
    "xylophone": (("korobeiniki", 140, 2, 0), ("frere_jacques", 124, 7, 0), ("ode_to_joy", 128, 0, 0)),
}


def all_clips(seed: int) -> list[Clip]:
    """Three clips of every instrument: the first two to train on, the third to validate with."""
    clips = []
    for k, (instrument, programme) in enumerate(_PROGRAMME.items()):
        for n, (tune, tempo, semitones, from_beats) in enumerate(programme):
            clips.append(
                Clip(
                    video_id=f"demo-{instrument.replace('_', '-')}-{n + 1}",
                    instrument=instrument,
                    split="val" if n == 2 else "train",
                    picture_number=n,
                    tune=tune,
                    semitones=semitones,
                    beats_per_minute=tempo,
                    from_beats=from_beats,
                    duration_s=9.6 + 0.4 * ((k + n) % 4),
                    seed=seed * 1000 + 10 * k + n,
                )
            )
    return clips


def clip_sound(clip: Clip) -> NDArray[np.float64]:
    """What the clip sounds like: mono [S, 1] at 44.1 kHz, about -18 LUFS."""
    beat_s = 60 / clip.beats_per_minute
    notes = repeated(read_notes(TUNES[clip.tune]), clip.duration_s / beat_s, clip.from_beats)
    notes = fitted(notes, clip.instrument, semitones=clip.semitones)
    dry = play(clip.instrument, notes, beat_s=beat_s, duration_s=clip.duration_s, seed=clip.seed)
    rng = np.random.default_rng(clip.seed)
    room = in_a_room(dry, share=rng.uniform(0.06, 0.16), decay_s=rng.uniform(0.3, 0.8), seed=clip.seed)
    return at_loudness(faded(room.mean(axis=1, keepdims=True)), -18.0)


def write_film(clip: Clip, to: Path) -> None:
    """Write the clip: its picture, slowly panned and zoomed, over its sound."""
    frames = _camera(picture(clip.instrument, clip.picture_number), clip)
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "sound.wav"
        soundfile.write(wave, clip_sound(clip), RATE_HZ, subtype="PCM_16")
        video_in = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{FILM_SIZE}x{FILM_SIZE}",
            "-r",
            str(FRAMES_PER_S),
            "-i",
            "-",
        ]
        video_out = ["-c:v", "libx264", "-preset", "veryslow", "-tune", "stillimage", "-crf", "31", "-g", "80"]
        plain = [
            "-pix_fmt",
            "yuv420p",
            "-threads",
            "1",
            "-map_metadata",
            "-1",
            "-flags",
            "+bitexact",
            "-fflags",
            "+bitexact",
        ]
        sound_out = ["-c:a", "aac", "-b:a", "64k", "-ac", "1", "-shortest", "-movflags", "+faststart"]
        command = [
            "ffmpeg",
            "-y",
            "-loglevel",
            "error",
            *video_in,
            "-i",
            str(wave),
            *video_out,
            *plain,
            *sound_out,
            str(to),
        ]
        subprocess.run(command, input=frames, check=True)


def _camera(still: Image.Image, clip: Clip) -> bytes:
    """The frames of a slow move over a picture, one after the other as RGB bytes."""
    rng = np.random.default_rng(clip.seed)
    num_frames = round(clip.duration_s * FRAMES_PER_S)
    (x1, y1), (x2, y2) = rng.uniform(0, 1, (2, 2))
    zoom1, zoom2 = rng.uniform(1.0, 1.06), rng.uniform(1.08, 1.16)
    if clip.seed % 2:
        zoom1, zoom2 = zoom2, zoom1
    out = bytearray()
    for share in np.linspace(0, 1, num_frames):
        side = still.width / (zoom1 + (zoom2 - zoom1) * share)
        left = (still.width - side) * (x1 + (x2 - x1) * share)
        top = (still.height - side) * (y1 + (y2 - y1) * share)
        frame = still.resize((FILM_SIZE, FILM_SIZE), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
        out += frame.tobytes()
    return bytes(out)
