"""What goes into a bundle, on the side where the catalog is: sound as Opus, the code, packages that it needs."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import Distribution, distribution
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from varemix.bundle.sound_packs import pack_of
from varemix.errors import TrainingError
from varemix.training.soundbank import Recording

PACKAGES = ("soundfile", "cffi", "pycparser", "safetensors", "typing_extensions")
"""What a bare host lacks, but for PyTorch and NumPy."""

LEAST_KBPS, MOST_KBPS = 6, 256
_PACK_S = 600.0
_OPUS_HZ = 48_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same code makes the same file


def packs_of(recordings: Sequence[Recording]) -> list[int]:
    """Return how many recordings, in their order, each file of sound holds: some ten minutes, or one that is longer."""
    counts, seconds = [0], 0.0
    for one in recordings:
        if counts[-1] and seconds + one.duration_s > _PACK_S:
            counts.append(0)
            seconds = 0.0
        counts[-1] += 1
        seconds += one.duration_s
    return counts


def write_packs(
    recordings: Sequence[Recording],
    samples: np.ndarray,
    folder: Path,
    kbps: float,
    keep: Callable[[Path, str], None],
) -> Iterator[str]:
    """Hand each file of sound to `keep` with its name; yields the name once it is there.

    Opus is told that the samples come at 48 kHz, though they come at 44.1: so each comes back at its own place, and
    what lies above 18 kHz is lost.
    """
    path = folder / "pack.ogg"
    first = 0
    for number, count in enumerate(packs_of(recordings)):
        name = f"sounds/{number:03d}.ogg"
        members = recordings[first : first + count]
        pack = pack_of(samples[one.first_sample : one.first_sample + one.num_samples] for one in members)
        quality = (MOST_KBPS - kbps) / (MOST_KBPS - LEAST_KBPS)
        with soundfile.SoundFile(path, "w", _OPUS_HZ, 1, "OPUS", format="OGG", compression_level=quality) as file:
            file.write(pack)
        keep(path, name)
        path.unlink()
        first += count
        yield name


def code_archive() -> bytes:
    """Return this package's modules as a zip file that Python imports from."""
    root = Path(str(files("varemix")))
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*.py")):
            entry = zipfile.ZipInfo(f"varemix/{path.relative_to(root).as_posix()}", _EPOCH)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def installed_wheels() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of a wheel of each of the `PACKAGES`, as they are installed here.

    They fit hosts with this Python on this kind of machine. Raises TrainingError where one is not installed.
    """
    for name in PACKAGES:
        try:
            package = distribution(name)
        except ModuleNotFoundError as error:
            raise TrainingError(f"The package '{name}' is not installed here. Run `make install`.") from error
        yield f"{name}-{package.version}-{_tag(package)}.whl", _wheel(package)


def _tag(package: Distribution) -> str:
    lines = (package.read_text("WHEEL") or "").splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("Tag: ")), "py3-none-any")


def _wheel(package: Distribution) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(package.files or (), key=str):
            path = Path(str(member.locate()))
            if ".." not in member.parts and path.suffix != ".pyc" and path.is_file():
                archive.writestr(zipfile.ZipInfo(member.as_posix(), _EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
