"""Processes that outlive who started them: a number and a log for each, in a folder.

A number alone may have gone to another process since; beside it stands when its process began.
"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from catalog.files import write_atomically

_LATER_S = 1.0  # two processes of one number begin further apart than this
_started: list[subprocess.Popen[bytes]] = []  # held, as they outlive the call that starts them


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A process by its name, which runs or does not; its files lie in `folder`."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What it said, the last start's at the end."""
        return self.folder / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def process(self) -> psutil.Process | None:
        """Return the process if it runs."""
        try:
            written = json.loads(self._pid_file.read_text())
            process = psutil.Process(written["pid"])
            is_same = abs(process.create_time() - written["began"]) < _LATER_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
            return None

    def start(self, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        """Start the process in a session of its own, so that no terminal and no caller takes it along at their end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _started.append(started)
        facts = {"pid": started.pid, "began": psutil.Process(started.pid).create_time()}
        write_atomically(self._pid_file, json.dumps(facts).encode())

    def stop(self, grace_s: float) -> str:
        """Ask the process to end, and kill it with all it started where it does not in time; say how it ended."""
        process = self.process()
        if process is None:
            self._pid_file.unlink(missing_ok=True)
            return "did not run"
        ending = "stopped"
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_s)
        except psutil.TimeoutExpired:
            ending = f"killed, as it had not ended after {grace_s:g} s"
        # The session may hold children still: of one that was killed, or that did not take them along.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(grace_s)
        self._pid_file.unlink(missing_ok=True)
        return ending

    def last_words(self, num_lines: int = 8) -> str:
        """Return the end of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-num_lines:])
        except OSError:
            return ""
