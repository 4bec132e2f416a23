"""Where remixes and stems go: judged before anything is loaded, and before anything is written."""

import os
from pathlib import Path

from catalog.files import MAX_NAME_BYTES
from varemix.errors import MediaError, UsageError
from varemix.media.formats import OUTPUT_FORMATS, AudioInfo
from varemix.remix.plan import RemixPlan


def check_file(source: Path, target: Path, plan: RemixPlan) -> None:
    """Raise UsageError unless the remix of one recording can be called `target`, MediaError where it cannot lie."""
    if target.is_dir():
        raise UsageError(f"'{target}' is a folder; for one recording give the name of a file, such as out.wav.")
    _check_name(target)
    if target.resolve() == source.resolve():
        raise UsageError(f"The remix would overwrite its source '{source}'; give another name.")
    check_writable(target.parent)
    if not plan.rules:  # else the recording's tags and length decide, once it is read
        format_of(source, target, plan.variants()[0].format)


def check_mask_file(source: Path, target: Path | None) -> Path:
    """Return where the masks of one recording go. Raises UsageError for no name, or one that something else has."""
    if target is None:
        raise UsageError(
            f"'{source}' is one recording; say with --out what file its masks shall be, such as a.parquet."
        )
    if target.is_dir() or target.resolve() == source.resolve():
        raise UsageError(f"The masks cannot be '{target}', which is there already; give another name.")
    _check_name(target)
    check_writable(target.parent)
    return target


def _check_name(target: Path) -> None:
    if len(os.fsencode(target.name)) > MAX_NAME_BYTES:
        raise UsageError(f"'{target.name}' is longer than the {MAX_NAME_BYTES} bytes of a file's name; shorten it.")


def check_writable(folder: Path) -> None:
    """Raise MediaError unless files can be written to a folder, which need not be there yet."""
    place = folder.expanduser().absolute()
    nearest = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise MediaError(f"Nothing can be written below '{nearest}', which is no folder. Choose another place.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise MediaError(f"'{nearest}' may not be written to. Choose another folder, or mend its permissions.")


def check_home(home: Path, library: Path) -> None:
    """Raise UsageError where a home folder lies within a library, which is never written to."""
    root = library.expanduser().resolve()
    if home.is_relative_to(root):
        raise UsageError(
            f"The data folder '{home}' lies within the library '{root}'; the library is never written to. Give a data "
            "folder beside it, with --home or VAREMIX_HOME."
        )


def checked_out(library: Path, out: Path) -> Path:
    """Return the folder for remixes; UsageError when it and the library are not apart from one another."""
    source, target = library.expanduser().resolve(), out.expanduser().resolve()
    if target.exists() and not target.is_dir():
        raise UsageError(f"'{target}' is a file; the remixes of a folder need a folder. Choose another name.")
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise UsageError(
            f"The output folder '{target}' and the library '{source}' lie within one another; the library is never "
            "written to. Choose an output folder beside it."
        )
    return target


def format_of(
    source: Path, target: Path, wished: str | None, info: AudioInfo | None = None, nearest: str | None = None
) -> str | None:
    """Return the format that is wished or that the name of `target` asks for, None where it is the recording's own.

    M4A is AAC where the recording has lost something already, else ALAC; before it is read, `info` is None. `nearest`
    is what a recording becomes whose own format nobody writes, where the name asks for none.
    Raises UsageError unless the remix can become that file.
    """
    suffix = target.suffix.lower()
    if suffix == source.suffix.lower() and not (wished or nearest):
        return None
    lossless_first = {wanted.suffix: name for name, wanted in reversed([*OUTPUT_FORMATS.items()])}
    formats = lossless_first | ({OUTPUT_FORMATS["m4a"].suffix: "m4a"} if info and info.is_lossy else {})
    asked = wished or (nearest if suffix not in formats or suffix == source.suffix.lower() else None)
    if asked:
        expected = OUTPUT_FORMATS[asked].suffix
        if suffix != expected:
            raise UsageError(f"'{target.name}' is no name for {asked}; name it {target.with_suffix(expected).name}.")
        return asked
    if suffix not in formats:
        raise UsageError(
            f"'{target.name}' has a suffix that stands for no format that can be written; name it "
            f"{target.with_suffix(source.suffix).name} to keep the recording's, or give one of {', '.join(formats)}."
        )
    return formats[suffix]
