"""Files in parts of at most 15 MB with a list of what belongs to them, so that they can be sent in any number of goes.

It needs Python alone: it also runs where nothing else is unpacked yet.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

MOST_BYTES = 15_000_000
MANIFEST = "manifest.json"
_PIECE = 1 << 20


def send(source: Path, folder: Path, name: str) -> None:
    """Put a file into a folder under a name, in parts NAME.000, NAME.001, ... if it is too large for one.

    A file that lies there already stays as it is, so that only what is new has to be sent again.
    """
    size, digest = source.stat().st_size, digest_of(source)
    known = _manifest(folder)
    entry = known["files"].get(name)
    if entry and entry["digest"] == digest and all((folder / part["name"]).is_file() for part in entry["parts"]):
        return
    for part in entry["parts"] if entry else ():
        (folder / part["name"]).unlink(missing_ok=True)
    parts = []
    with source.open("rb") as file:
        for number in range(max(1, -(-size // MOST_BYTES))):
            part = name if size <= MOST_BYTES else f"{name}.{number:03d}"
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read(MOST_BYTES))
            parts.append({"name": part, "digest": digest_of(target)})
    known["files"][name] = {"digest": digest, "num_bytes": size, "parts": parts}
    _write(folder / MANIFEST, json.dumps(known, indent=1).encode())


def forget(folder: Path, name: str) -> None:
    """Take a file out of a folder, if it is there."""
    known = _manifest(folder)
    entry = known["files"].pop(name, None)
    for part in entry["parts"] if entry else ():
        (folder / part["name"]).unlink(missing_ok=True)
    _write(folder / MANIFEST, json.dumps(known, indent=1).encode())


def names(folder: Path) -> list[str]:
    """Return the names of the files that belong to a folder."""
    return sorted(_manifest(folder)["files"])


def lacking(folder: Path) -> list[str]:
    """Return what is not there yet or came damaged, in words; the manifest itself if that is not there."""
    if not (folder / MANIFEST).is_file():
        return [f"'{MANIFEST}' is not there"]
    found = []
    for entry in _manifest(folder)["files"].values():
        for part in entry["parts"]:
            path = folder / part["name"]
            if not path.is_file():
                found.append(f"'{part['name']}' is not there")
            elif digest_of(path) != part["digest"]:
                found.append(f"'{part['name']}' came damaged")
    return found


def receive(folder: Path, name: str, target: Path) -> Path:
    """Join the parts of a file to `target`, unless it lies there as it shall be; return it."""
    entry = _manifest(folder)["files"][name]
    if target.is_file() and target.stat().st_size == entry["num_bytes"] and digest_of(target) == entry["digest"]:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    with temporary.open("wb") as file:
        for part in entry["parts"]:
            file.write((folder / part["name"]).read_bytes())
    temporary.replace(target)
    return target


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"files": {}}
    return found


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
