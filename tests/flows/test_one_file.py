"""One recording at once is the same as one of a library."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catalog.masks import MaskReader
from catalog.store import Catalog
from flows.one_file import hear_file, open_separator, remix_file, separate_file
from tasks.masks import make_masks
from tasks.queries import asked_once
from tasks.remix import remix_tracks
from tasks.separate import separate_tracks
from tasks.terminal_bar import Advance
from tasks.wishes import jobs_of, plan_queries
from tests.tasks.planted import (
    TONES_HZ,
    scanned,
    statuses,
    visible_files,
    write_tones,
)
from varemix.errors import MediaError
from varemix.model.separator import Separator
from varemix.remix.plan import RemixPlan, plan_of

INSTRUMENTS = sorted(TONES_HZ)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_tones(tmp_path / "library" / "song.flac", seconds=1.3, rate_hz=48_000, num_channels=2)


def separator(catalog: Catalog) -> Separator:
    return open_separator(None, str(catalog.home.root))


def heard(catalog: Catalog, song: Path, targets: Sequence[str], *, nothing_else: bool = False) -> dict[str, Any]:
    """Return what tasks on the song's library need, its masks being made."""
    settings: dict[str, Any] = {
        "items": scanned(catalog, song.parent),
        "shard": "1",
        "home": str(catalog.home.root),
        "checkpoint_id": "small",
    }
    made = make_masks.fn(**settings, queries=asked_once(targets, INSTRUMENTS), nothing_else=nothing_else)
    assert statuses(made) == {"song.flac": "done"}
    return settings


def remix_library(settings: dict[str, Any], plan: RemixPlan, out: Path) -> None:
    jobs = jobs_of(settings["items"], plan, plan_queries(plan, INSTRUMENTS), out)
    assert statuses(remix_tracks.fn(**settings | {"items": jobs})) == {"song.flac": "done"}


def test_a_remix_is_bit_for_bit_that_of_a_library(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "photo.png")
    gains = ["tuba=mute", f"{tmp_path / 'photo.png'}=+3", "flute=0"]
    settings = heard(catalog, song, [gain.rpartition("=")[0] for gain in gains])
    remix_library(settings, plan_of(gains), tmp_path / "out")
    made = remix_file(song, tmp_path / "one" / "o.flac", plan_of(gains), lambda: separator(catalog))
    assert made.rendered
    assert (tmp_path / "one" / "o.flac").read_bytes() == (tmp_path / "out" / "song.flac").read_bytes()
    assert (tmp_path / "one" / "o.flac").read_bytes() != song.read_bytes()
    assert visible_files(tmp_path / "one") == ["o.flac"]


def test_stems_are_bit_for_bit_those_of_a_library(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    targets = ["violin", "tuba"]
    settings = heard(catalog, song, targets)
    separate_tracks.fn(**settings, out=tmp_path / "out", queries=asked_once(targets, INSTRUMENTS))
    stems = separate_file(song, tmp_path / "one", targets, lambda: separator(catalog))
    assert [stem.name for stem in stems] == ["song - violin.flac", "song - tuba.flac"]
    for stem in stems:
        assert stem.read_bytes() == (tmp_path / "out" / stem.name).read_bytes()
    assert len(visible_files(tmp_path / "one")) == 2


def test_with_nothing_else_it_is_that_of_a_library_too(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    gains, targets = ["tuba=mute", "flute=0"], ["tuba", "flute"]
    settings = heard(catalog, song, targets, nothing_else=True)
    remix_library(settings, plan_of(gains, nothing_else=True), tmp_path / "out")
    queries = asked_once(targets, INSTRUMENTS)
    separate_tracks.fn(**settings, out=tmp_path / "out", queries=queries, nothing_else=True)
    one = tmp_path / "one"
    remix_file(song, one / "song.flac", plan_of(gains, nothing_else=True), lambda: separator(catalog))
    separate_file(song, one, targets, lambda: separator(catalog), nothing_else=True)
    assert visible_files(one) == ["song - flute.flac", "song - tuba.flac", "song.flac"]
    for name in visible_files(one):
        assert (one / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    remix_file(song, one / "with others.flac", plan_of(gains), lambda: separator(catalog))
    assert (one / "with others.flac").read_bytes() != (one / "song.flac").read_bytes()


def test_masks_are_those_of_a_library(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    heard(catalog, song, INSTRUMENTS)
    presence = hear_file(song, tmp_path / "one" / "masks.parquet", [], lambda: separator(catalog))
    [stored] = catalog.read_rows("masks")
    with MaskReader(tmp_path / "one" / "masks.parquet") as own, MaskReader(catalog.home.absolute(stored["path"])) as of:
        assert own.header.queries == of.header.queries == tuple(INSTRUMENTS)
        assert own.header.content_digest == of.header.content_digest
        for name in INSTRUMENTS:
            assert (own.read(name) == of.read(name)).all()
    assert list(presence.shares_db.values()) == stored["presences_db"]
    assert visible_files(tmp_path / "one") == ["masks.parquet"]


def test_what_cannot_be_heard_to_its_end_leaves_nothing_behind(catalog: Catalog, tmp_path: Path) -> None:
    cut = write_tones(tmp_path / "cut.flac", seconds=3)
    cut.write_bytes(cut.read_bytes()[:-4000])
    with pytest.raises(MediaError, match="cut off"):
        remix_file(cut, tmp_path / "one" / "o.flac", plan_of(["tuba=3"]), lambda: separator(catalog))
    with pytest.raises(MediaError, match="cut off"):
        separate_file(cut, tmp_path / "one", ["tuba"], lambda: separator(catalog))
    assert list((tmp_path / "one").iterdir()) == []


def test_a_bar_counts_the_seconds_that_are_heard(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = write_tones(tmp_path / "library" / "long.flac", seconds=14.6, rate_hz=48_000)
    moved: dict[tuple[str, int], list[int]] = {}

    @contextmanager
    def bar(what: str, total: int) -> Iterator[Advance]:
        moved[what, total] = []
        yield lambda num_items, note="": moved[what, total].append(num_items)

    monkeypatch.setattr("flows.one_file.terminal_bar", bar)
    remix_file(song, tmp_path / "out.flac", plan_of(["tuba=mute"]), lambda: separator(catalog))
    [steps] = moved.values()
    assert moved.keys() == {("separate long.flac [s]", 15)}
    assert len(steps) > 1
    assert sum(steps) == 14
