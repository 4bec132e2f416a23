"""Short videos, made by ffmpeg: a plain colour to see, a tone to hear."""

from pathlib import Path

from varemix.media.programs import find_ffmpeg, run_program


def write_video(
    path: Path, *, seconds: float = 6.2, tone_hz: int | None = 440, colour: str | None = "red", volume: float = 1.0
) -> Path:
    """Write an MP4 with 64 x 64 pixels at 6 Hz; without a tone it has no sound, without a colour no picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sources = []
    if colour:
        sources.append(f"color=c={colour}:s=64x64:r=6:d={seconds}")
    if tone_hz:
        sources.append(f"sine=f={tone_hz}:r=44100:d={seconds},volume={volume}")
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    codecs = ["-c:v", "mpeg4", "-c:a", "aac", "-fflags", "+bitexact"]
    run_program([find_ffmpeg(), "-nostdin", "-loglevel", "error", *inputs, *codecs, f"file:{path}"], timeout_s=600)
    return path
