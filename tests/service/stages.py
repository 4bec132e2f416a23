"""The stages of a night, each in a folder of its own, what they make undisturbed, and moments in their middle."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.evaluate import evaluate
from flows.masks import masks
from flows.refresh import refresh
from flows.remix import remix
from flows.train import train
from tests.middles import Middle
from tests.outcomes import results_in, rows_in
from tests.tasks.planted import open_catalog, write_tones
from tests.tasks.small_recipe import small
from tests.tasks.web import Server
from varemix.training import recipe

_FLOWS = {"refresh": refresh, "train": train, "evaluate": evaluate, "masks": masks, "remix": remix}
_NUM_TRACKS = 20
_MIDDLES = {
    "refresh": ("home/clips", 3),
    "train": ("home/work", 3),
    "evaluate": ("home/tables/scores", 1),
    "masks": ("home/masks", 5),
    "remix": ("out", 8),
}
"""So many new files and folders, temporary ones too, below that folder: the stage is in its middle."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage, its folder as it is before it runs, and what it makes of it undisturbed."""

    name: str
    folder: Path
    parameters: dict[str, Any]
    results: dict[str, bytes]
    rows: dict[str, list[dict[str, Any]]]
    before: Path

    def begin(self) -> None:
        """Bring the folder to what it was before the stage."""
        shutil.rmtree(self.folder / "home", ignore_errors=True)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        if self.before.exists():
            shutil.copytree(self.before, self.folder / "home")

    def middle(self, signs: Path) -> Middle:
        """Return the middle of the stage; `signs` is a folder for the sign that it is there."""
        folder, num_new = _MIDDLES[self.name]
        return Middle(top=self.folder, folder=folder, num_new=num_new, sign=signs / f"middle of {self.name}")

    def unlike(self) -> list[str]:
        """Return the results that are there and not as those of the undisturbed run."""
        return [name for name, content in results_in(self.folder).items() if self.results.get(name) != content]

    def is_as_undisturbed(self) -> bool:
        """Return whether files and rows are those of the undisturbed run."""
        return results_in(self.folder) == self.results and rows_in(self.folder) == self.rows


def undisturbed(top: Path, videos: tuple[Path, Server]) -> Iterator[Stage]:
    """Run one stage after the other, each in a copy of the home that the one before it made."""
    for number in range(_NUM_TRACKS):
        write_tones(top / "library" / f"{number % 3}" / f"{number}.flac", seconds=1 + number / 10, num_channels=2)
    home_before = top / "nothing"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.RECIPES, "small", small)
        for name, flow in _FLOWS.items():
            folder, before = top / name, top / f"before {name}"
            folder.mkdir()
            if home_before.exists():
                shutil.copytree(home_before, before)
                shutil.copytree(home_before, folder / "home")
            parameters = _parameters(name, folder, videos)
            flow(**parameters)
            results, rows = results_in(folder), rows_in(folder)
            home_before = folder / "home"
            yield Stage(name=name, folder=folder, parameters=parameters, results=results, rows=rows, before=before)


def named(stages: Sequence[Stage], name: str) -> Stage:
    """Return the stage of that name."""
    return next(stage for stage in stages if stage.name == name)


def _parameters(name: str, folder: Path, videos: tuple[Path, Server]) -> dict[str, Any]:
    """Return what a stage is asked for; what uses a checkpoint takes the one that was trained."""
    listed, server = videos
    library, home = str(folder.parent / "library"), folder / "home"
    if name == "refresh":
        return {"home": str(home), "source": str(listed), "url_template": server.template}
    if name == "train":
        return {"home": str(home), "recipe": "small", "device": "cpu"}
    [checkpoint] = open_catalog(home).read_rows("checkpoints")
    asked: dict[str, dict[str, Any]] = {
        "evaluate": {"pairs": 2, "studied": 0},
        "masks": {"library": library},
        "remix": {
            "library": library,
            "out": str(folder / "out"),
            "plan": {"gains": {"tuba": "mute", "flute": 3}, "even_if_absent": True},
        },
    }
    return asked[name] | {"home": str(home), "checkpoint": checkpoint["checkpoint_id"]}
