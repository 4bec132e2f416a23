"""Remixes of libraries that are killed anywhere, run twice at once, meet full disks, and sources that change."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.endurance import PLANS, Place, Run, Stage, endure, make_library, results_of, undisturbed
from flows.remix import remix
from tasks.checkpoints import checkpoint_row
from tests.tasks.planted import open_catalog, register_checkpoint, visible_files, write_tones
from varemix.media.audio import AudioReader
from varemix.media.reading import Samples
from varemix.remix.plan import plan_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings are theirs

NUM_TRACKS = 12
DISK_BYTES, ENOUGH_BYTES = 1 << 20, 1 << 26  # the remixes need twice as much as the small disk has
LARGEST_FILE_BYTES = 300_000  # some remixes are smaller, some larger; of what else is written nothing is larger


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path, prefect_url: str) -> Place:
    folder = tmp_path_factory.mktemp("endurance")
    make_library(folder / "library", NUM_TRACKS, seconds=2.0)
    return Place(folder=folder, prefect_url=prefect_url, checkpoint=checkpoint_file)


@pytest.fixture(scope="module")
def stages(place: Place) -> list[Stage]:
    """Return what undisturbed runs make of the plans."""
    return undisturbed(place)


def test_a_remix_that_is_killed_at_random_moments_ends_as_if_nothing_had_happened(
    place: Place, stages: list[Stage]
) -> None:
    verdict = endure(place, stages, num_kills=6, seed=0)
    assert verdict.num_kills == 6
    assert verdict.num_runs > verdict.num_kills
    assert verdict.differences == []


def test_two_runs_at_once_end_as_one_would(place: Place, stages: list[Stage]) -> None:
    place.clear()
    runs = [Run(place, PLANS[0]) for _ in range(2)]
    for run in runs:
        counts, _ = run.end()
        assert counts["failed"] == 1
        assert sum(counts.values()) == NUM_TRACKS + 1
    assert stages[0].results.differences(results_of(place)) == []


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """Mount a disk for the remixes that is too small for them."""
    place.clear()
    place.out.mkdir()
    if mounted(place.out, f"size={DISK_BYTES}") != 0:
        pytest.skip("only root may mount a disk, and not everywhere")
    yield place.out
    subprocess.run(["umount", str(place.out)], check=True)


def mounted(folder: Path, options: str) -> int:
    """Mount a disk in memory, or change its size; return mount's exit code."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode if shutil.which("mount") else 1


def test_a_full_disk_leaves_nothing_half_written_and_the_next_run_finishes(
    place: Place, stages: list[Stage], small_disk: Path
) -> None:
    counts, _ = Run(place, PLANS[0]).end()
    assert_only_whole_files_and_reasons(place, stages[0], counts)
    assert mounted(small_disk, f"remount,size={ENOUGH_BYTES}") == 0
    Run(place, PLANS[0]).end()
    assert stages[0].results.differences(results_of(place)) == []


def test_a_write_that_fails_half_way_leaves_nothing_and_the_next_run_finishes(
    place: Place, stages: list[Stage]
) -> None:
    place.clear()
    bring_checkpoint(place)
    counts, _ = Run(place, PLANS[0], max_file_bytes=LARGEST_FILE_BYTES).end()
    assert_only_whole_files_and_reasons(place, stages[0], counts)
    Run(place, PLANS[0]).end()
    assert stages[0].results.differences(results_of(place)) == []


def bring_checkpoint(place: Place) -> None:
    """Bring the checkpoint into the home, as the first run does; it is a large file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("varemix.weights.REFERENCE", place.checkpoint)
        checkpoint_row(place.catalog, None)


def assert_only_whole_files_and_reasons(place: Place, stage: Stage, counts: dict[str, int]) -> None:
    found, expected = results_of(place).files, stage.results.files
    assert [name for name, digest in found.items() if expected.get(name) != digest] == []
    assert 1 < counts["failed"] < NUM_TRACKS
    made = [name for name in found if name.startswith("out/")]
    assert len(made) == NUM_TRACKS + 1 - counts["failed"]
    failed = place.catalog.read_rows("remixes", where={"status": "failed"})
    assert len(failed) == counts["failed"] - 1  # the last one is the bad file
    for row in failed:
        assert f"'{Path(row['out_path']).name}' cannot be written" in row["reason"]
        assert row["digest"] is None
    assert {Path(row["out_path"]).is_file() for row in failed} == {False}


def replace_content(path: Path) -> None:
    write_tones(path.with_suffix(".new"), names=["tuba"], seconds=3)
    path.with_suffix(".new").replace(path)


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)


DAMAGES: dict[str, tuple[Callable[[Path], None], str, dict[str, int]]] = {
    "replaced": (replace_content, "changed or vanished since it was looked at", {"skipped": 1, "done": 1}),
    "cut off": (cut_off, "'song.wav' is cut off", {"skipped": 1, "failed": 1}),
    "gone": (Path.unlink, "'song.wav' (changed or vanished|cannot be read)", {"skipped": 1}),
}


@pytest.mark.parametrize("step", ["masks", "remix"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_source_that_changes_while_it_is_read_fails_with_a_reason_and_the_next_run_takes_it_as_it_is(
    tmp_path: Path,
    checkpoint_file: Path,
    prefect_url: str,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    damage: str,
) -> None:
    library, home, out = (tmp_path / name for name in ("library", "home", "out"))
    song = write_tones(library / "deep" / "song.wav", seconds=4)  # is read in two blocks
    write_tones(library / "other.wav", seconds=0.5)
    register_checkpoint(open_catalog(home), checkpoint_file, "small", "champion")
    harm, reason, counts_after = DAMAGES[damage]
    reads, read = [], AudioReader.read

    def read_and_harm(reader: AudioReader, first_sample: int, num_samples: int) -> Samples:
        samples = read(reader, first_sample, num_samples)
        if reader.info.num_samples > num_samples:
            reads.append(first_sample)
            if len(reads) == {"masks": 1, "remix": 3}[step]:
                harm(song)
        return samples

    monkeypatch.setattr(AudioReader, "read", read_and_harm)
    wishes = plan_of(["tuba=mute"], force=True)
    summary = remix(str(library), str(out), wishes, home=str(home))
    assert summary.counts == {"done": 1, "failed": 1}
    assert [outcome.item for outcome in summary.failed] == ["deep/song.wav"]
    assert re.search(reason, summary.failed[0].reason)
    assert visible_files(out) == ["other.wav"]
    [row] = failed_rows(home, "masks" if step == "masks" else "remixes")
    assert row["reason"] == summary.failed[0].reason

    monkeypatch.undo()
    again = remix(str(library), str(out), wishes, home=str(home))
    assert again.counts == counts_after
    assert visible_files(out) == (["deep/song.wav", "other.wav"] if damage == "replaced" else ["other.wav"])
    assert list(tmp_path.rglob(".part-*")) == []


def failed_rows(home: Path, table: str) -> list[dict[str, str]]:
    return open_catalog(home).read_rows(table, where={"status": "failed"})
