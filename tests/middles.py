"""Programs that wait in their middle, so that they can be stopped, killed or left without a server there.

Who watches a program from outside may miss its middle where others use the processor too. Here the first thread that
comes to it waits, and says so; the other threads go on, but the program cannot end.
"""

import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VARIABLE = "VAREMIX_TEST_MIDDLE"
_EVENTS = {"open", "os.rename"}  # whatever is written whole or not at all is renamed at last; tables have locks


@dataclass(frozen=True, kw_only=True)
class Middle:
    """So many new files and folders, temporary ones too, below a folder of those that a program writes to.

    `top` holds all that it writes; `sign` is a file that is there when the program has come to its middle.
    """

    top: Path
    folder: str
    num_new: int
    sign: Path

    @property
    def environment(self) -> dict[str, str]:
        """What lets a program wait that calls `wait_in_the_middle`."""
        facts = {"top": str(self.top), "folder": self.folder, "num_new": self.num_new, "sign": str(self.sign)}
        return {_VARIABLE: json.dumps(facts)}

    def is_reached(self) -> bool:
        """Return whether the program waits, or did."""
        return self.sign.exists()

    def leave(self) -> None:
        """Let the program go on."""
        self._gate.touch()

    @property
    def _gate(self) -> Path:
        return self.sign.with_name(f"{self.sign.name} may be left")

    def _seen(self) -> set[Path]:
        return set((self.top / self.folder).rglob("*"))

    def _wait(self) -> None:
        self.sign.touch()
        while not self._gate.exists():
            time.sleep(0.05)


def wait_in_the_middle() -> Middle | None:
    """Let this program wait where its environment says, and return where; None where it says nothing."""
    said = os.environ.get(_VARIABLE)
    if not said:
        return None
    facts = json.loads(said)
    middle = Middle(**facts | {"top": Path(facts["top"]), "sign": Path(facts["sign"])})
    known, turn = middle._seen(), threading.Lock()

    def look(event: str, values: tuple[Any, ...]) -> None:
        if event in _EVENTS and str(values[0]).startswith(facts["top"]):
            is_there = not middle.is_reached() and len(middle._seen() - known) >= middle.num_new
            if is_there and turn.acquire(blocking=False):
                middle._wait()

    sys.addaudithook(look)
    return middle
