"""How far a step is, as a bar on the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tasks.terminal import CONSOLE


class Advance(Protocol):
    """Moves a bar on by so many items, and sets the note that is shown behind it."""

    def __call__(self, num_items: int, note: str = "") -> None:
        """Move on."""


@contextmanager
def terminal_bar(what: str, total: int) -> Iterator[Advance]:
    """Give a function that moves on a bar on standard error, or nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda num_items, note="": None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=CONSOLE) as progress:
        line = progress.add_task(what, total=total, note="")
        yield lambda num_items, note="": progress.update(line, advance=num_items, note=note)
