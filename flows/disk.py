"""How full the disk of a home is: by room and by table, and what is free."""

import shutil
from typing import Any

from catalog.files import Home
from catalog.rooms import ROOMS, folder_bytes
from catalog.tables import TABLES
from varemix.wording import markdown

_LITTLE_FREE = 0.1


def disk_use(home: Home) -> dict[str, Any]:
    """Return files and bytes of each room and each table of a home, and the free and total bytes of their disk."""
    folders = [*ROOMS, *(f"tables/{name}" for name in TABLES)]
    found = {
        folder: dict(zip(("num_files", "num_bytes"), folder_bytes(home, folder), strict=True)) for folder in folders
    }
    disk = shutil.disk_usage(home.root)
    return {"rooms": found, "free_bytes": disk.free, "total_bytes": disk.total}


def disk_table(found: dict[str, Any]) -> str:
    """Return the use of the disk as Markdown; what holds nothing is left out."""
    rows = [
        [name, str(room["num_files"]), in_megabytes(room["num_bytes"])]
        for name, room in found["rooms"].items()
        if room["num_files"]
    ]
    total = sum(room["num_bytes"] for room in found["rooms"].values())
    free, whole = found["free_bytes"], found["total_bytes"]
    words = f"The disk has {free / 1e9:.1f} GB free of {whole / 1e9:.1f}."
    if free < _LITTLE_FREE * whole:
        words += " That is little: look at what `varemix housekeeping --dry-run` would free, or move the data folder."
    table = markdown([["room", "files", "MB"], *rows, ["all", "", in_megabytes(total)]])
    return f"## Disk\n\n{table}\n\n{words}"


def in_megabytes(num_bytes: int) -> str:
    """Return bytes as MB, with a decimal where there are few."""
    return f"{num_bytes / 1e6:.1f}" if num_bytes < 100e6 else f"{num_bytes / 1e6:.0f}"
