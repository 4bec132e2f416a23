"""A training that is carried out on a bare host: sent in parts, in slices, and taken back."""

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from prefect.logging import disable_run_logger

from catalog.files import Home
from catalog.store import Catalog
from tasks.bundle import take_result, write_bundle
from tests.solos import make_solos
from tests.tasks.small_recipe import small
from tests.tasks.test_train import add_clips
from varemix.bundle import parcels
from varemix.errors import TrainingError, UsageError
from varemix.model.checkpoint import load_checkpoint, read_header
from varemix.training import heads, recipe
from varemix.training.recipe import Recipe, paper, reference, without_trunk
from varemix.training.state import halved

BARE = ("torch", "numpy")
NUM_STEPS = 6


def by_name() -> Recipe:
    """Return six steps of two mixes, in which instruments are learnt by name."""
    return replace(
        reference(),
        name="small",
        separator=small().separator,
        epochs=2,
        examples_per_epoch=6,
        batch_size=2,
        pictures_per_clip=1,
        num_validation_examples=3,
        source_odds=(0.2, 0.8),
    )


def by_pictures() -> Recipe:
    """Return the same number of steps, in which instruments are learnt by features of pictures."""
    return replace(small(), epochs=2, examples_per_epoch=6)


@pytest.fixture(scope="module", autouse=True)
def few_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, disable_run_logger():
        patch.setattr(heads, "_NUM_NOTHINGS", 2)
        yield


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that holds only what a bare host has."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    wanted, linked = list(BARE), set[str]()
    while wanted:
        name = wanted.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another kind of machine
        if package.name in linked:
            continue
        linked.add(package.name)
        for top in {member.parts[0] for member in package.files or () if member.parts[0] != ".."}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(package.locate_file(top))))
        needs = [Requirement(line) for line in package.requires or ()]
        wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    root = tmp_path_factory.mktemp("bundle")
    catalog = Catalog(Home.open(root / "home"))
    (root / "clips").mkdir()
    clips = make_solos(root / "clips", ("flute", "tuba"))
    add_clips(catalog, "train", clips.train)
    add_clips(catalog, "val", clips.val)
    return catalog


def written(catalog: Catalog, made: Recipe, out: Path) -> Path:
    """Return the folder of a bundle of a recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.RECIPES, "small", lambda: made)
        write_bundle.fn(out=out, recipe="small", home=str(catalog.home.root))
    return out


@pytest.fixture(scope="module")
def bundle(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(catalog, by_name(), tmp_path_factory.mktemp("by name") / "out")


def train_there(python: Path, folder: Path, *arguments: str) -> str:
    """Train on the host and return what it told."""
    command = [str(python), "-m", "varemix_bundle", "train", "--device", "cpu", *arguments]
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(bundle: Path, bare_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle that a bare host trained in one go."""
    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("host") / "whole")
    train_there(bare_python, folder)
    return folder


def take(catalog: Catalog, result: Path) -> tuple[str | None, str]:
    checkpoint_id, outcome = take_result.fn(result=result, home=str(catalog.home.root), device="cpu")
    return checkpoint_id, outcome.reason


def test_a_bare_host_lacks_what_the_bundle_brings(bare_python: Path, tmp_path: Path) -> None:
    for name in ("soundfile", "safetensors", "PIL", "pyarrow", "prefect", "scipy", "varemix"):
        command = [bare_python, "-c", f"import {name}"]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert found.returncode != 0, name


def test_a_bundle_lies_in_small_parts_that_a_list_tells(bundle: Path) -> None:
    files = [path for path in bundle.rglob("*") if path.is_file() and path.name != parcels.MANIFEST]
    told = json.loads((bundle / parcels.MANIFEST).read_text())["files"]
    assert {path.relative_to(bundle).as_posix() for path in files} == {
        part["name"] for entry in told.values() for part in entry["parts"]
    }
    assert max(path.stat().st_size for path in files) <= 15_000_000
    assert not parcels.lacking(bundle)


def test_what_a_bare_host_trained_becomes_a_checkpoint(catalog: Catalog, trained: Path) -> None:
    checkpoint_id, reason = take(catalog, trained / "result")
    assert reason.startswith(f"{NUM_STEPS} steps")
    assert take(catalog, trained / "result") == (checkpoint_id, reason)  # twice changes nothing
    [row] = catalog.read_rows("checkpoints", where={"checkpoint_id": checkpoint_id})
    assert (row["recipe"], row["num_steps"], row["clips_version"]) == ("small", NUM_STEPS, catalog.version("clips"))
    path = catalog.home.absolute(row["path"])
    separator = load_checkpoint(path)
    assert separator.instruments == ("flute", "tuba")
    assert separator.settings == replace(by_name().separator, recognises=True)
    assert {count["label"] for count in read_header(path)["provenance"]["trained_on"]} == {"flute", "tuba"}
    assert catalog.home.checkpoint(str(checkpoint_id)).with_suffix(".card.md").exists()


def test_three_slices_give_what_one_run_gives(
    catalog: Catalog, bundle: Path, bare_python: Path, trained: Path, tmp_path: Path
) -> None:
    """The first two on one host, the state taken back, the third on another host."""
    first = shutil.copytree(bundle, tmp_path / "first")
    for _ in range(2):
        train_there(bare_python, first, "--steps", "2")
    checkpoint_id, reason = take(catalog, first / "result")
    assert checkpoint_id is None
    assert reason.startswith("unfinished after 4 steps")
    again = written(catalog, by_name(), shutil.copytree(bundle, tmp_path / "again"))
    assert {*parcels.names(again)} - {*parcels.names(bundle)} == {"state.pt"}
    train_there(bare_python, again, "--steps", "2")
    ends = [(folder / "work" / "checkpoint.safetensors").read_bytes() for folder in (trained, again)]
    assert ends[0] == ends[1]
    histories = [
        json.loads((folder / "work" / "result.json").read_text())["history"]["losses"] for folder in (trained, again)
    ]
    assert histories[0] == histories[1]
    (catalog.home.work(json.loads((again / "order.json").read_text())["bundle_id"]) / "returned-state.pt").unlink()


def test_over_slow_links_weights_in_half_precision_go_on(bundle: Path, bare_python: Path, tmp_path: Path) -> None:
    first = shutil.copytree(bundle, tmp_path / "first")
    train_there(bare_python, first, "--steps", "4", "--state", "half")
    whole, half = (first / "work" / name for name in ("state.pt", "half.pt"))
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    again = shutil.copytree(bundle, tmp_path / "again")
    parcels.send(first / "work" / "half.pt", again, "state.pt")
    told = train_there(bare_python, again)
    assert '"step": 6' in told
    assert '"step": 3' not in told


def test_minutes_end_with_a_finished_network(bundle: Path, bare_python: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "host")
    train_there(bare_python, folder, "--minutes", "0.02")
    assert "checkpoint.safetensors" in parcels.names(folder / "result")


def test_features_of_pictures_travel_where_a_recipe_learns_from_them(
    catalog: Catalog, bare_python: Path, tmp_path: Path
) -> None:
    folder = written(catalog, by_pictures(), tmp_path / "out")
    assert "features" in parcels.names(folder)
    train_there(bare_python, folder)
    checkpoint_id, _ = take(catalog, folder / "result")
    separator = load_checkpoint(catalog.home.checkpoint(str(checkpoint_id)))
    assert separator.settings == by_pictures().separator
    black = torch.zeros(1, 3, 224, 224)
    assert separator.vision(black[:, None]).shape == (1, 4)  # its trunk is there again


def test_what_lacks_or_came_damaged_is_told_and_sent_again(bundle: Path, bare_python: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "host")
    (folder / "sounds" / "000.ogg").unlink()
    (folder / "start.safetensors").write_bytes(b"half of it")
    command = [bare_python, "-m", "varemix_bundle", "train"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'sounds/000.ogg' is not there" in done.stderr
    assert "'start.safetensors' came damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "work").exists()


def test_what_is_no_result_is_refused(catalog: Catalog, bundle: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"manifest\.json' is not there"):
        take(catalog, tmp_path)
    with pytest.raises(UsageError, match="holds no result; the folder that the host called 'result' is wanted"):
        take(catalog, bundle)
    cut = shutil.copytree(trained / "result", tmp_path / "result")
    (cut / "state.pt").write_bytes(b"cut")
    with pytest.raises(UsageError, match=r"'state\.pt' came damaged\. Fetch it from the host again"):
        take(catalog, cut)


def test_a_folder_that_holds_another_bundle_is_refused(catalog: Catalog, bundle: Path) -> None:
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="holds the bundle of another training"):
        written(catalog, by_pictures(), bundle)
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_a_recipe_that_always_looks_at_pictures_is_refused() -> None:
    with pytest.raises(TrainingError, match="Recipe 'paper' looks at pictures all the time and cannot be bundled"):
        without_trunk(paper())


def test_large_files_come_in_parts_and_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "MOST_BYTES", 1_000)
    source = tmp_path / "source"
    source.write_bytes(np.random.default_rng(0).bytes(2_500))
    parcels.send(source, tmp_path / "out", "large")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("large.000", "large.001", "large.002"),
        parcels.MANIFEST,
    ]
    assert parcels.receive(tmp_path / "out", "large", tmp_path / "joined").read_bytes() == source.read_bytes()
    source.write_bytes(b"small now")
    parcels.send(source, tmp_path / "out", "large")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["large", parcels.MANIFEST]
    parcels.forget(tmp_path / "out", "large")
    assert parcels.names(tmp_path / "out") == []


def test_a_half_state_keeps_weights_and_averages_and_forgets_the_moments() -> None:
    state = {"model": {"a": torch.ones(2, 2), "n": torch.tensor(3)}, "average": {"a": torch.ones(2, 2)}, "optimiser": 1}
    half = halved(state)
    assert half["optimiser"] is None
    assert half["model"]["a"].dtype == half["average"]["a"].dtype == torch.float16
    assert half["model"]["n"].dtype == torch.int64
