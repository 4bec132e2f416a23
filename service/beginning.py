"""When the server of a home began: of what was before that, its automations know nothing."""

from datetime import UTC, datetime
from pathlib import Path

from catalog.files import write_atomically

_NOTE = "server-began"


def note_beginning(folder: Path) -> None:
    """Note that the server begins now, in the folder of the home's server."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / _NOTE, datetime.now(UTC).isoformat().encode())


def beginning(folder: Path) -> datetime | None:
    """Return when the server began; None where nobody noted it, as on hosts that do not share its home."""
    try:
        return datetime.fromisoformat((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return None
