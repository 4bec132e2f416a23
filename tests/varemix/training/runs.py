"""Runs of training within a test: what they are given, what they tell, and what they leave."""

from dataclasses import dataclass, replace
from pathlib import Path

from tests.solos import Solos
from tests.varemix.training.killed_run import SAVE_EVERY_STEPS
from tests.varemix.training.sounding import by_split
from varemix.training.loop import train
from varemix.training.material import Material
from varemix.training.pace import Pace
from varemix.training.recipe import Recipe
from varemix.training.run import Progress
from varemix.training.state import History


@dataclass(frozen=True)
class Run:
    """What a run saw, told, and left in its folder."""

    history: History
    reports: list[Progress]
    folder: Path

    @property
    def steps(self) -> list[int]:
        """The steps that were made, counted from 1."""
        return [report.step for report in self.reports]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"


def trained(
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    start: Path | None = None,
    most_steps: int | None = None,
    minutes: float | None = None,
) -> Run:
    reports: list[Progress] = []
    history = train(
        recipe,
        material,
        folder,
        start=start,
        device="cpu",
        pace=Pace(save_every_steps=SAVE_EVERY_STEPS, most_steps=most_steps, minutes=minutes),
        report=reports.append,
    )
    return Run(history, reports, folder)


def with_frames(clips: Solos, num_frames: int) -> Material:
    """Return clips to learn from as if they had so few frames, for looking at them is what takes longest."""
    members = {
        split: [replace(clip, num_frames=num_frames) for clip in some] for split, some in by_split(clips).items()
    }
    return Material(clips=members)


def left_by(run: Run, folder: Path, *names: str) -> None:
    """Put files that the run left into another folder."""
    for name in names:
        (folder / name).write_bytes((run.folder / name).read_bytes())
