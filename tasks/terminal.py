"""The terminal of this process: what is shown there at the same time, spinner and bars, goes through one console."""

import os
from typing import IO

from rich.console import Console


class Page(Console):
    """A console that a reader may leave at any time."""

    def on_broken_pipe(self) -> None:
        """Print nowhere from now on; the exit code tells of the work."""
        print_nowhere(self.file)


def print_nowhere(stream: IO[str]) -> None:
    """Let what is printed into a stream of this process go nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


CONSOLE = Page(stderr=True)
"""Standard error, which is for people; results go to standard output."""
