"""What the desk asks of the batch: to remix a whole library by a plan. How that is done is given when it is opened.

Only the desk of one's own machine asks for it: it writes to folders that the page names.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from desk.errors import DeskError

if TYPE_CHECKING:
    from varemix.remix.plan import RemixPlan

Preview: TypeAlias = "Callable[[Path, Path, RemixPlan], Mapping[str, Any]]"
"""Returns what a remix of a library into a folder would do, and writes nothing."""

Start: TypeAlias = "Callable[[Path, Path, RemixPlan], str]"
"""Starts it in the service, and returns where it can be watched; UsageError where there is no service."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The library that the desk was opened with, and what can be done with it as a whole."""

    library: Path
    preview: Preview
    start: Start

    @property
    def usual_out(self) -> Path:
        """Where remixes go unless another folder is named: beside the library."""
        return self.library.with_name(f"{self.library.name}-remixed")


def out_of(value: object, batch: Batch) -> Path:
    """Return the folder for remixes that a page named. Raises DeskError for what is none."""
    if value in (None, ""):
        return batch.usual_out
    try:
        folder = Path(str(value)).expanduser()
        os.fsencode(folder)
    except (RuntimeError, UnicodeError):  # of nobody's home, or of what is no text
        folder = Path()
    if not isinstance(value, str) or "\0" in value or not folder.is_absolute():
        raise DeskError(422, f"{str(value)[:200]!a} is no folder; give its whole path, such as {batch.usual_out}.")
    return folder
