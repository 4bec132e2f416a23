"""Files that lists of sounds and of photos name: read where they lie, or fetched for as long as they are looked at."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from catalog.csv_lists import is_address
from catalog.files import temporary_folder
from catalog.ids import file_digest
from varemix.errors import MediaError
from varemix.media.download import DownloadOptions
from varemix.media.web_files import fetch_file

_ASKED_AGAIN_AFTER = timedelta(days=1)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]|^[.-]")
_LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a file is, as rows tell it; where it is fetched anew each time, only its content tells it from others."""

    source_bytes: int
    source_modified_ns: int | None
    source_digest: str

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as columns."""
        return asdict(self)


@contextmanager
def at_hand(place: str, work: Path, options: DownloadOptions) -> Iterator[Path]:
    """Give the path of a file that may have to be fetched; then it is gone with the block. `work` is a folder for it.

    Raises MediaError for a path where no file lies, DownloadError as `fetch_file` does.
    """
    if not is_address(place):
        if not Path(place).is_file():
            raise MediaError(f"There is no file '{place}'. Correct the list, or bring it back.")
        yield Path(place)
        return
    with temporary_folder(work) as folder:
        target = folder / (_UNSAFE.sub("_", PurePosixPath(urlsplit(place).path).name)[-_LONGEST_NAME:] or "file")
        fetch_file(place, target, options=options)
        yield target


def facts_of(path: Path, place: str, known: Iterable[Mapping[str, Any]]) -> SourceFacts:
    """Return what a file at hand is; read again only where its size or time is not as in the rows that tell of it.

    Raises MediaError for a file that cannot be read.
    """
    try:
        status = path.stat()
        modified_ns = None if is_address(place) else status.st_mtime_ns
        looks = (status.st_size, modified_ns)
        same = [row for row in known if modified_ns and (row["source_bytes"], row["source_modified_ns"]) == looks]
        digest = same[0]["source_digest"] if same else file_digest(path)
    except OSError as error:
        raise MediaError(f"'{place}' cannot be read ({error.strerror}). Look at its permissions.") from error
    return SourceFacts(source_bytes=status.st_size, source_modified_ns=modified_ns, source_digest=digest)


def was_asked_today(row: Mapping[str, Any]) -> bool:
    """Return whether a row tells that its file was gone from its address, and was written less than a day ago."""
    return bool(row["status"] == "unavailable" and datetime.now(UTC) - row["updated_at"] < _ASKED_AGAIN_AFTER)
