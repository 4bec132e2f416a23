"""Which checkpoint is the champion, told by a small file beside the tables: no table need be opened to serve one file.

The file, `tables/champion.json`, names the version of the table `checkpoints` that it was read from; once the table has
gone on it counts as missing, so that it never tells what is no longer so. A home in a bucket has none: there the table
is asked.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.files import Home, write_atomically

_FILE = "champion.json"
_TABLE = "checkpoints"
_VERSION = re.compile(r"([0-9]{20})\.json")


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The champion's id, the path of its file as tables store it, and the SHA-256 of the file."""

    checkpoint_id: str
    path: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the file says: the champion, None where the shipped checkpoint serves, and the version it was so at."""

    champion: Champion | None
    version: int


def tell_champion(home: Home, champion: Champion | None, version: int) -> None:
    """Write down which checkpoint is the champion at a version of the table `checkpoints`."""
    if home.bucket is None:
        told = {"champion": champion and asdict(champion), "checkpoints_version": version}
        write_atomically(home.tables / _FILE, json.dumps(told, indent=1).encode())


def told_champion(home: Home) -> Told | None:
    """Return what is written down and still so; None where the table `checkpoints` must be asked."""
    if home.bucket:
        return None
    version = _version(home.tables / _TABLE / "_delta_log")
    if version is None:
        return Told(champion=None, version=-1)
    try:
        told = json.loads((home.tables / _FILE).read_bytes())
        champion = told["champion"] and Champion(**told["champion"])
        found = Told(champion=champion or None, version=told["checkpoints_version"])
    except (OSError, ValueError, TypeError, KeyError):  # there is none, or none that this version understands
        return None
    return found if found.version == version else None


def _version(log: Path) -> int | None:
    """Return the newest version of a Delta table by the names of its commits, None where it was never written."""
    names = (_VERSION.fullmatch(path.name) for path in log.glob("*.json"))
    return max((int(name[1]) for name in names if name), default=None)
