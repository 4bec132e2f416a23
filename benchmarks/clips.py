"""Clips to measure with: a home's, or those of the demonstration, prepared as a night prepares them."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.files import Home
from catalog.ids import file_digest
from catalog.sources import read_list
from catalog.store import Catalog
from tasks.clips import usable_clips
from tasks.preprocess import preprocess_videos
from varemix.errors import UsageError
from varemix.media.clips import Clip
from varemix.training.material import Material

DEMO = Path(__file__).parent.parent / "demo"


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips of two splits, and a folder that is gone afterwards."""

    train: Sequence[Clip]
    val: Sequence[Clip]
    folder: Path

    @property
    def material(self) -> Material:
        """The clips as what a training learns from."""
        return Material(clips={"train": self.train, "val": self.val})


@contextmanager
def clips_of(home: str | None) -> Iterator[Clips]:
    """Give the clips of a home, or those of the demonstration. Raises UsageError where a home has none."""
    with tempfile.TemporaryDirectory(prefix="varemix-") as name:
        folder = Path(name)
        catalog = Catalog(Home.open(home) if home else _demo_home(folder / "home"))
        train, val = (usable_clips(catalog, split) for split in ("train", "val"))
        if not train or not val:
            raise UsageError(f"'{catalog.home.root}' has no clips. Refresh its catalog, or leave --clips out.")
        yield Clips(train=train, val=val, folder=folder)


def _demo_home(root: Path) -> Home:
    from prefect.logging import disable_run_logger

    home = Home.open(root)
    rows = []
    for video in read_list(DEMO / "solo.csv"):
        path = home.video(video.video_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEMO / "videos" / f"{video.video_id}.mp4", path)
        facts = {"video_id": video.video_id, "instrument": video.instrument, "split": video.split}
        rows.append(facts | {"path": home.relative(path), "digest": file_digest(path)})
    with disable_run_logger():
        preprocess_videos.fn(items=rows, shard="all", home=str(home.root))
    return home
