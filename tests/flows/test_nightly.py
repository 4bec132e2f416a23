"""The whole night on four videos and three recordings, within a Prefect server of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_UI_URL

from catalog.store import Catalog
from flows.champion import rollback
from flows.ending import done_by
from flows.masks import masks
from flows.nightly import nightly
from flows.remix import remix
from flows.separate import separate
from flows.status import status
from flows.summary import Summary, overall_exit_code
from flows.train import train
from tasks.decisions import last_decisions
from tasks.retrain import Retraining
from tests.flows.conftest import Dataset
from tests.tasks.planted import open_catalog, visible_files, write_tones
from tests.tasks.small_recipe import small
from varemix.errors import TrainingError
from varemix.evaluation.compare import compare
from varemix.evaluation.condition_names import CONDITIONS
from varemix.media.audio import read_audio
from varemix.remix.plan import plan_of
from varemix.training import recipe

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings are theirs

STAGES = ["refresh", "train", "evaluate", "promote", "masks", "remix", "nightly"]
TRACKS = ["Fête/a|b.flac", "deep/er/song.wav", "song.wav"]


@dataclass(frozen=True)
class Place:
    """Where the nights happen."""

    dataset: Dataset
    home: Path
    library: Path
    out: Path

    @property
    def catalog(self) -> Catalog:
        """The catalog of the home."""
        return open_catalog(self.home)

    def night(self, recipe_name: str = "small") -> list[Summary]:
        """Run the nightly flow."""
        return done_by(
            lambda: nightly(
                str(self.library),
                str(self.out),
                plan_of(["tuba=mute", "flute=+3"]),
                str(self.dataset.list_path),
                self.dataset.server.template,
                recipe_name,
                pairs=2,
                device="cpu",
                home=str(self.home),
            )
        )

    def contents(self) -> dict[str, bytes]:
        """The bytes of all remixes."""
        return {name: (self.out / name).read_bytes() for name in visible_files(self.out)}


@pytest.fixture(scope="module", autouse=True)
def small_recipes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.RECIPES, "small", small)
        patch.setitem(recipe.RECIPES, "other", lambda: small(seed=1))
        patch.setitem(recipe.RECIPES, "third", lambda: small(seed=2))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Place:
    folder = tmp_path_factory.mktemp("night")
    write_tones(folder / "library" / TRACKS[0], rate_hz=48_000, num_channels=2, subtype="PCM_24")
    write_tones(folder / "library" / TRACKS[1], seconds=0.5)
    write_tones(folder / "library" / TRACKS[2], seconds=0.7)
    return Place(dataset, folder / "home", folder / "library", folder / "out")


@pytest.fixture(scope="module")
def first_night(place: Place, prefect_url: str) -> list[Summary]:
    """Return what the first night did, in which the server of the videos is in trouble for a moment."""
    place.dataset.server.troubles["-tuba_0"] = [503]
    return place.night()


def counts(stages: list[Summary]) -> dict[str, dict[str, int]]:
    return {stage.stage: stage.counts for stage in stages}


def test_every_stage_happens_in_its_order(first_night: list[Summary]) -> None:
    assert [stage.stage for stage in first_night] == STAGES
    assert counts(first_night) == {
        "refresh": {"done": 4, "unavailable": 1},
        "train": {"done": 1},
        "evaluate": {"done": 2},
        "promote": {"done": 1},
        "masks": {"done": 3},
        "remix": {"done": 3},
        "nightly": {},
    }
    assert overall_exit_code(first_night) == 0


def test_every_row_follows_from_the_rows_before_it(first_night: list[Summary], place: Place) -> None:
    catalog = place.catalog
    videos = {row["video_id"]: row["status"] for row in catalog.read_rows("videos")}
    assert videos == dict.fromkeys(place.dataset.ids, "ready") | {"vanished_1": "unavailable"}
    assert set(catalog.read("clips")["status"]) == {"ready"}
    [checkpoint] = catalog.read_rows("checkpoints")
    assert (checkpoint["stage"], checkpoint["clips_version"]) == ("champion", catalog.version("clips"))
    scores = catalog.read("scores")
    assert len(scores) == scores["pair_id"].nunique() * 2 * len(CONDITIONS)
    assert set(scores["catalog_version"]) == {catalog.version("clips")}
    assert set(catalog.read("tracks")["track_path"]) == set(TRACKS)
    for name in ("scores", "masks", "remixes"):
        assert set(catalog.read(name)["checkpoint_id"]) == {checkpoint["checkpoint_id"]}
    assert [row["queries"] for row in catalog.read_rows("masks")] == [["flute", "tuba"]] * 3
    assert set(catalog.read("remixes")["status"]) == {"remixed"}
    assert visible_files(place.home / "work") == []
    assert list(place.home.rglob(".part-*")) == []


def test_the_remixed_library_mirrors_the_library(first_night: list[Summary], place: Place) -> None:
    assert visible_files(place.out) == TRACKS
    for name in TRACKS:
        (before, info), (after, info_after) = read_audio(place.library / name), read_audio(place.out / name)
        assert info_after == info
        assert np.abs(after - before).max() > 1e-3


def test_a_person_sees_each_stage_in_the_ui(first_night: list[Summary], place: Place) -> None:
    with get_client(sync_client=True) as client:
        own = [run for run in client.read_flow_runs() if run.parameters.get("home") == str(place.home)]
        found = client.read_artifacts()
    runs = {run.name.partition(" ")[0]: run for run in own}
    assert runs["nightly"].state.message.startswith("first champion, mean NSDR ")
    assert "remix: 3 done" in runs["nightly"].state.message
    assert runs["evaluate"].name == f"evaluate {first_night[-1].facts['champion'][:8]} on val"
    ids = {run.id for run in own}
    artifacts = {str(artifact.key): artifact for artifact in found if artifact.flow_run_id in ids}
    assert {runs[stage].state_name for stage in STAGES if stage != "promote"} == {"Completed"}
    assert set(artifacts) >= {"refresh", "train", "evaluate", "masks", "remix", "nightly", "decision"}
    pictures = [str(artifact.data) for key, artifact in artifacts.items() if key.startswith("remix-of-")]
    assert len(pictures) == 3
    assert all("](data:image/png;base64," in picture for picture in pictures)
    origins = str(artifacts["where-remixes-come-from"].data)
    assert f"mean NSDR {first_night[2].facts['mean_nsdr_db']['image']:.2f} dB" in origins
    for made_by in ("train", "evaluate", "masks", "remix"):
        assert f"/runs/flow-run/{runs[made_by].id}" in origins or PREFECT_UI_URL.value() is None
    assert "HTTP 404" in str(artifacts["refresh"].data)
    assert "| still image |" in str(artifacts["evaluate"].data)
    assert "| champion | " in str(artifacts["nightly"].data)
    assert str(artifacts["remix"].description).startswith("remix: 3 done")


def test_a_second_night_does_nothing_again(first_night: list[Summary], place: Place) -> None:
    names = ("videos", "clips", "checkpoints", "scores", "tracks", "masks", "remixes")
    before = {name: place.catalog.version(name) for name in names}
    changed_ns = {path: path.stat().st_mtime_ns for path in place.out.rglob("*") if path.is_file()}
    place.dataset.server.asked.clear()
    stages = place.night()
    assert counts(stages) == {
        "refresh": {"skipped": 4, "unavailable": 1},
        "train": {},
        "evaluate": {"skipped": 2},
        "masks": {"skipped": 3},
        "remix": {"skipped": 3},
        "nightly": {},
    }
    assert {name: place.catalog.version(name) for name in names} == before
    assert {path: path.stat().st_mtime_ns for path in changed_ns} == changed_ns
    assert not place.dataset.server.asked
    decision = last_decisions(place.catalog, 1)[0]
    assert (decision["kind"], decision["run_name"]) == ("not_retrained", "nightly library")
    assert "0 of 4 clips and sounds are new or changed" in stages[-1].facts["decision"]


def test_a_new_track_is_done_alone_and_a_bad_one_is_told(first_night: list[Summary], place: Place) -> None:
    before = place.contents()
    write_tones(place.library / "new.wav", seconds=0.4)
    (place.library / "bad.wav").write_text("these are words")
    cut = write_tones(place.library / "cut.flac", seconds=2)
    cut.write_bytes(cut.read_bytes()[:-4000])
    stages = place.night()
    for path in (place.library / "new.wav", place.library / "bad.wav", cut):
        path.unlink()
    assert counts(stages)["masks"] == counts(stages)["remix"] == {"skipped": 3, "done": 1, "failed": 2}
    assert overall_exit_code(stages) == 3
    reasons = {outcome.item: outcome.reason for outcome in stages[-1].failed}
    assert "holds no WAV or FLAC audio" in reasons["bad.wav"]
    assert "cut off" in reasons["cut.flac"]
    assert {name: content for name, content in place.contents().items() if name != "new.wav"} == before
    assert {failure["item"] for failure in status(str(place.home))["failures"]} >= {"bad.wav"}


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what makes every challenger better by so many dB: two mixes of the tests decide nothing."""

    def judge(by_db: float) -> None:
        def scores(nsdr_db: float) -> pd.DataFrame:
            rows = {"pair_id": list("abcdef"), "nsdr_db": [nsdr_db] * 6}
            return pd.DataFrame(rows).assign(condition="image", instrument="tuba")

        found = compare(scores(2.0), scores(2.0 + by_db), seed=0)
        monkeypatch.setattr("tasks.promote.compared", lambda *_, **__: found)

    return judge


def versions(place: Place, *names: str) -> list[int]:
    return [place.catalog.version(name) for name in names]


def test_a_challenger_that_is_not_promoted_changes_nothing(
    first_night: list[Summary], place: Place, verdict: Callable[[float], None]
) -> None:
    verdict(0.0)
    champion, before = first_night[-1].facts["champion"], versions(place, "masks", "remixes")
    contents = place.contents()
    stages = place.night("other")
    assert [stage.stage for stage in stages] == [*STAGES[:3], *STAGES[2:]]
    challenger, again = (stage for stage in stages if stage.stage == "evaluate")
    assert (challenger.counts, again.counts) == ({"done": 2}, {"skipped": 2})
    assert again.facts["checkpoint_id"] == stages[-1].facts["champion"] == champion
    assert (counts(stages)["masks"], counts(stages)["remix"]) == ({"skipped": 3}, {"skipped": 3})
    assert (versions(place, "masks", "remixes"), place.contents()) == (before, contents)
    rows = {row["checkpoint_id"]: row for row in place.catalog.read_rows("checkpoints")}
    assert rows[challenger.facts["checkpoint_id"]]["parent_id"] == champion
    assert place.night("other")[1].counts == {}  # it is not tried again


def test_a_challenger_that_is_promoted_is_heard_and_a_rollback_brings_the_old_remixes_back(
    first_night: list[Summary], place: Place, verdict: Callable[[float], None]
) -> None:
    verdict(1.0)
    champion, contents = first_night[-1].facts["champion"], place.contents()
    num_masks = len(place.catalog.read_rows("masks"))
    stages = place.night("third")
    challenger = stages[-1].facts["champion"]
    assert challenger != champion
    assert (counts(stages)["masks"], counts(stages)["remix"]) == ({"done": 3}, {"done": 3})
    assert len(place.catalog.read_rows("masks")) == num_masks + 3
    assert set(place.catalog.read("remixes", where={"checkpoint_id": challenger})["status"]) == {"remixed"}

    summary = rollback("it hums", str(place.home))
    assert summary.facts["serves_now"] == champion
    assert summary.facts["masks_that_stand"].startswith("of 3 of 3 recordings")
    stages = place.night()
    assert counts(stages)["train"] == {}
    assert (counts(stages)["masks"], counts(stages)["remix"]) == ({"skipped": 3}, {"done": 3})
    assert place.contents() == contents
    kinds = [decision["kind"] for decision in last_decisions(place.catalog)]
    assert kinds[:3] == ["not_retrained", "rolled_back", "promoted"]
    assert [decision["kind"] for decision in status(str(place.home))["decisions"]] == kinds[:5]


def test_a_night_without_training_still_remixes_with_the_champion_and_says_that_it_failed(
    first_night: list[Summary], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_training(*_: object, **__: object) -> Summary:
        raise TrainingError("no training tonight")

    monkeypatch.setattr("flows.nightly.train", no_training)
    monkeypatch.setattr("flows.nightly.retraining", lambda *_: Retraining(is_due=True, start=None, reason=""))
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr("flows.nightly.tell_night_failed", lambda *alert: told.append(alert))
    lost = place.out / "song.wav"
    before = lost.read_bytes()
    lost.unlink()
    stages = place.night()
    assert [stage.stage for stage in stages] == ["refresh", "train", "evaluate", "masks", "remix", "nightly"]
    assert "no training tonight" in [outcome.reason for outcome in stages[-1].failed]
    assert lost.read_bytes() == before
    assert overall_exit_code(stages) == 3
    [(run_id, name, message)] = told
    assert (name, message) == (
        "nightly library",
        "1 of 5 stages failed. train: no training tonight",
    )
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(run_id)).state
    assert state is not None
    assert (state.is_failed(), state.message) == (True, message)


def test_what_is_asked_for_twice_is_heard_and_cut_out_once(
    place: Place, first_night: list[Summary], tmp_path: Path
) -> None:
    heard = masks(str(place.library), ["Tuba", "tuba"], home=str(place.home))
    assert (heard.counts, heard.failed) == ({"skipped": 3}, [])
    stems = separate(str(place.library), str(tmp_path / "stems"), ["flute", "FLUTE"], home=str(place.home))
    assert stems.counts == {"done": 3}
    assert visible_files(tmp_path / "stems") == [
        "Fête/a|b - flute.flac",
        "deep/er/song - flute.wav",
        "song - flute.wav",
    ]


def test_instruments_that_play_alone_share_every_recording_of_a_library(
    place: Place, first_night: list[Summary], tmp_path: Path
) -> None:
    library, home = str(place.library), str(place.home)
    plan = plan_of(["tuba=mute", "flute=0"], even_if_absent=True, nothing_else=True)
    made = remix(library, str(tmp_path / "out"), plan, home=home)
    assert made.counts == {"done": 3}
    assert masks(library, ["flute", "tuba"], nothing_else=True, home=home).counts == {"skipped": 3}
    stems = separate(library, str(tmp_path / "stems"), ["flute", "tuba"], nothing_else=True, home=home)
    assert stems.counts == {"done": 3}
    assert len(place.catalog.read_rows("masks", where={"besides": "nothing"})) == 3


def test_training_on_nothing_fails_its_run(prefect_url: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Refresh the catalog"):
        train("small", "cpu", home=str(tmp_path / "home"))
