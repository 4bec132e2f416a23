"""Sessions: mixes that have a name and are kept, with all that was ever changed in them, to be undone and redone.

A session is a file of lines that is only ever added to, one line a change: a kill loses at most the change that was
being written, whose line is then incomplete and passed over. All pages that have a session open see the same.
"""

import json
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desk.errors import DeskError, not_found
from desk.mixes import Mix, Title, mix_of

_MAX_SESSIONS = 10_000
_MAX_WHAT = 80

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Session:
    """A session as it stands: its mixes, the oldest first, and at which of them it is.

    `revision` counts the changes: of two that are told the later one counts.
    """

    id: str
    recording: str
    name: str
    updated_at: float
    revision: int = 0
    mixes: list[tuple[str, Mix]] = field(default_factory=list)
    place: int = -1

    @property
    def mix(self) -> Mix:
        """The mix that counts."""
        return self.mixes[self.place][1]

    def take(self, change: Mapping[str, Any]) -> None:
        """Take in a change, as it stands in the file."""
        self.updated_at = change["at"]
        self.name = change.get("name", self.name)
        if "mix" in change:
            self.mixes[self.place + 1 :] = [(change["what"], mix_of(change["mix"]))]
        self.place = min(max(self.place + change.get("step", 1 if "mix" in change else 0), 0), len(self.mixes) - 1)
        self.revision += 1  # last: who is told of a session meanwhile must not take what was before for what is new

    def told(self) -> dict[str, Any]:
        """Return what a page is told."""
        can_redo = self.place < len(self.mixes) - 1
        return self.listed() | {
            "mix": self.mix.model_dump(),
            "undoes": self.mixes[self.place][0] if self.place else None,
            "redoes": self.mixes[self.place + 1][0] if can_redo else None,
        }

    def listed(self) -> dict[str, Any]:
        """Return what a list says of it."""
        return {name: getattr(self, name) for name in ("id", "recording", "name", "revision", "updated_at")}


class Change(BaseModel):
    """What a page may ask for: another mix, with words for what changed in it; a step back or on; another name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mix: dict[str, Any] | None = None
    what: str = Field("the mix", max_length=_MAX_WHAT)
    step: int | None = Field(None, ge=-1, le=1)
    name: Title | None = None


class _Line(Change):
    """A change as it stands in a file: when it was made, and in the first line of what recording the session is."""

    recording: str | None = None
    at: float = Field(allow_inf_nan=False)


def change_of(value: object) -> Change:
    """Return the change that a page asks for. Raises DeskError for what is none."""
    try:
        return Change.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DeskError(422, f"This is no change of a session: {first['msg']}. Load the page again.") from error


class Sessions:
    """The sessions in a folder, each a file; read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known: dict[str, Session] = {}
        self._lock = Lock()

    def opened(self, recording: str, mix: Mix, *, is_new: bool = False, name: str | None = None) -> Session:
        """Return the session of a recording that was changed last; with `is_new`, or where there is none, a new one."""
        with self._lock:
            own = sorted(self._of(recording), key=lambda session: session.updated_at)
            if own and not is_new:
                return own[-1]
            if sum(1 for _ in self._files()) >= _MAX_SESSIONS:
                raise DeskError(507, f"The desk keeps {_MAX_SESSIONS} sessions, and has them. Remove some.")
            session = Session(id=secrets.token_hex(8), recording=recording, name="", updated_at=0.0)
            first = {"recording": recording, "name": name or f"Mix {len(own) + 1}"}
            self._write(session, first | {"mix": mix.model_dump(), "what": "the beginning"})
            self._known[session.id] = session
            return session

    def session(self, own: str) -> Session:
        """Return a session. Raises DeskError where there is none."""
        with self._lock:
            return self._session(own)

    def listed(self) -> list[Session]:
        """Return all sessions that can be read, the one that was changed last first."""
        with self._lock:
            return sorted(self._readable(), key=lambda session: -session.updated_at)

    def change(self, own: str, change: Change) -> Session:
        """Make a change, and return the session after it. Raises DeskError for one that cannot be."""
        asked = change.model_dump(exclude_none=True)
        if change.mix is None:
            del asked["what"]
        else:
            asked["mix"] = mix_of(change.mix).model_dump()
        with self._lock:
            session = self._session(own)
            if change.mix is not None and mix_of(change.mix) == session.mix:
                del asked["mix"], asked["what"]
            if asked:
                self._write(session, asked)
            return session

    def remove(self, own: str) -> None:
        """Remove a session. Raises DeskError where there is none."""
        with self._lock:
            self._check_there(own)
            self._path(own).unlink(missing_ok=True)
            self._known.pop(own, None)

    def _of(self, recording: str) -> list[Session]:
        return [session for session in self._readable() if session.recording == recording]

    def _readable(self) -> Iterator[Session]:
        for path in self._files():
            try:
                yield self._session(path.stem)
            except DeskError as error:
                _log.info("Passed over: %s", error)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.jsonl") if _is_id(path.stem)]

    def _path(self, own: str) -> Path:
        return self._folder / f"{own}.jsonl"

    def _session(self, own: str) -> Session:
        if own not in self._known:
            self._check_there(own)
            self._known[own] = _read(self._path(own), own)
        return self._known[own]

    def _check_there(self, own: str) -> None:
        if not _is_id(own) or not self._path(own).is_file():
            raise not_found("session")

    def _write(self, session: Session, change: dict[str, Any]) -> None:
        line = change | {"at": time.time()}
        try:
            _append(self._path(session.id), (json.dumps(line) + "\n").encode())
        except OSError as error:
            raise DeskError(507, f"The change could not be kept: {error.strerror}. Make room and try again.") from error
        session.recording = change.get("recording", session.recording)
        session.take(line)


def _append(path: Path, line: bytes) -> None:
    """Add a line to a file, all of it or nothing. Raises OSError where it finds no room."""
    with path.open("ab", buffering=0) as file:
        end = file.tell()
        try:
            while line:
                line = line[file.write(line) :]
        except OSError:
            file.truncate(end)
            raise


def _read(path: Path, own: str) -> Session:
    """Return the session in a file; a last line that is incomplete is passed over.

    Raises DeskError for what no page of this version made.
    """
    session = Session(id=own, recording="", name="", updated_at=0.0)
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            _append(path, b"\n")
        for line in text.splitlines():
            _take_line(session, line)
    except (OSError, ValueError, RecursionError, DeskError) as error:
        raise DeskError(
            409,
            f"The session '{session.name or own}' has what this version of the desk cannot read: {_why(error)}. "
            "Open it with the version that wrote it, or begin another mix.",
        ) from error
    if not session.mixes:
        raise not_found("session")
    return session


def _take_line(session: Session, line: str) -> None:
    try:
        values = json.loads(line)
    except ValueError:  # it was being written when the desk was killed
        return
    change = _Line.model_validate(values).model_dump(exclude_none=True)
    session.recording = change.get("recording", session.recording)
    session.take(change)


def _why(error: Exception) -> str:
    """Return what is wrong in a line, without advice that is for pages."""
    error = error.__cause__ if isinstance(error.__cause__, ValidationError) else error
    if not isinstance(error, ValidationError):
        return "it is no text" if isinstance(error, ValueError) else str(error).rstrip(".")
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'a line'}: {first['msg']}"


def _is_id(text: str) -> bool:
    return len(text) == 16 and set(text) <= set("0123456789abcdef")
