"""What the desk loads after it answers, in the order in which a person needs it.

First what the checkpoint knows by name, which its header tells; then the workroom, with which instruments are chosen;
last the model and what draws and plays, meanwhile.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import Home
from desk.batch import Batch
from tasks.serving import serving_file
from varemix.model.header import read_header
from varemix.model.hearing_quality import HearingQuality, hearing_qualities

if TYPE_CHECKING:
    from desk.studio import Studio


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What the desk was opened with; `separator` names by instrument who else separates it in new sessions."""

    home: Home
    checkpoint: str | None = None
    library: Path | None = None
    recording: Path | None = None
    separator: Mapping[str, str] = field(default_factory=dict)
    batch: Batch | None = None


@dataclass
class Loading:
    """What is loaded: the futures hold it, or why there is none; `doing` says what is going on, empty at the end."""

    known: Future[list[dict[str, Any]]] = field(default_factory=Future)
    studio: "Future[Studio]" = field(default_factory=Future)
    doing: str = "what the model knows"

    @classmethod
    def done(cls, studio: "Studio") -> "Loading":
        """Return what it is in the end."""
        loaded = cls(doing="")
        loaded.known.set_result(told(studio.qualities))
        loaded.studio.set_result(studio)
        return loaded

    def load(self, opened: Opened, folder: Path) -> None:
        """Load it all; what is raised, is also kept for those who wait."""
        try:
            file = serving_file(opened.checkpoint, opened.home.address)
            self.known.set_result(told(hearing_qualities(read_header(file))))
            self.doing = "the data folder and its tables"
            from desk.studio import Studio

            studio = Studio(opened, folder)
            self.studio.set_result(studio)
            self.doing = "the model"
            studio.warm_up()
            self.doing = ""
        except BaseException as error:
            for future in (self.known, self.studio):
                if not future.done():
                    future.set_exception(error)
            raise


def told(qualities: Sequence[HearingQuality]) -> list[dict[str, Any]]:
    """Return what the page is told of instruments: names, and how well each is heard, in words and in dB or None."""
    return [
        {
            "name": quality.instrument,
            "title": quality.instrument.replace("_", " "),
            "heard": quality.words,
            "nsdr_db": quality.nsdr_db,
        }
        for quality in qualities
    ]
