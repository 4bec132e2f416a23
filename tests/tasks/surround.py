"""Recordings and videos of more than two channels, made for tests with ffmpeg."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from varemix.media.programs import find_ffmpeg, run_program

RATE_HZ = 48_000
LOUDSPEAKERS = {"5.1": ["FL", "FR", "FC", "LFE", "BL", "BR"], "7.1": ["FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"]}
FILES = {
    "5.1.wav": ("5.1", ["-c:a", "pcm_s16le"]),
    "7.1.wav": ("7.1", ["-c:a", "pcm_s24le"]),
    "5.1.flac": ("5.1", ["-c:a", "flac"]),
    "7.1.flac": ("7.1", ["-c:a", "flac"]),
    "ac3.mkv": ("5.1", ["-c:a", "ac3", "-b:a", "640k"]),
    "aac.mp4": ("5.1", ["-c:a", "aac", "-b:a", "600k"]),
    "7.1.mkv": ("7.1", ["-c:a", "flac"]),
}
VIDEOS = ["ac3.mkv", "aac.mp4", "7.1.mkv"]


def write_surround(path: Path, playing: Sequence[str] = (), *, seconds: float = 1.2) -> Path:
    """Write a file of FILES with ffmpeg: tones in the loudspeakers that are playing, by default all; a video has a
    second sound, mono.
    """
    layout, coding = FILES[path.name]
    speakers = LOUDSPEAKERS[layout]
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = [0.2 * np.sin(2 * np.pi * (50 if name == "LFE" else 300 + 70 * i) * t) for i, name in enumerate(speakers)]
    heard = np.stack([tone * (not playing or name in playing) for name, tone in zip(speakers, tones, strict=True)])
    raw = ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", str(len(speakers)), "-channel_layout", layout, "-i", "pipe:"]
    maps, inputs = ["-map", "0:a"], raw
    if path.name in VIDEOS:
        inputs = [*raw, "-f", "lavfi", "-i", f"testsrc2=size=64x36:duration={seconds}:rate=25"]
        inputs += ["-f", "lavfi", "-i", f"sine=f=500:r={RATE_HZ}:d={seconds}"]
        maps = ["-map", "1:v", "-map", "0:a", "-map", "2:a", "-c:v", "mpeg4", "-metadata:s:a:1", "language=deu"]
    coding = [part.replace("-c:a", "-c:a:0").replace("-b:a", "-b:a:0") for part in coding]
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [find_ffmpeg(), "-loglevel", "error", "-y", *inputs, *maps, *coding, "-c:a:1", "aac", f"file:{path}"]
    run_program(command, timeout_s=60, input=np.rint(heard.T * 2**15).astype("<i2").tobytes())
    return path
