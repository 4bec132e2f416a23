"""The loop where everything that sounds is learnt from, by name: the same stops, averages, and pictures afterwards."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.solos import Solos
from tests.varemix.training.runs import Run, left_by, trained, with_frames
from tests.varemix.training.sounding import Heard, heard, packed, tone
from varemix.errors import TrainingError
from varemix.media.clips import decoded_frames
from varemix.model.checkpoint import load_checkpoint, read_header
from varemix.model.recognition import resemblances
from varemix.training import pace
from varemix.training.material import Material
from varemix.training.recipe import Augmentation, Recipe, Shares
from varemix.training.soundbank import recordings_of

FILES = ["best.pt", "checkpoint.safetensors", "frames", "samples.npy", "state.pt"]
COLOURS = {"harp": "red", "stranger": "white"}


def with_harmonics(hz: float, seconds: float = 1.5) -> np.ndarray:
    return sum(tone(seconds, hz * number, 0.3 / number) for number in (1, 2, 3))


def heard_sounds(split: str) -> list[Heard]:
    """Return phrases of a harp and a bell, notes of the harp, and a duo of harp and flute."""
    facts = {"split": split, "group": f"{split} player"}
    duo = [
        heard(with_harmonics(hz), label=label, kind="ensemble", piece=f"{split} duo", **facts)
        for label, hz in (("harp", 330), ("flute", 1_700))
    ]
    notes = [
        heard(with_harmonics(hz, 0.3), label="harp", kind="notes", pitch_hz=hz, **facts)
        for hz in (262, 294, 330, 349, 392)
    ]
    alone = [heard(with_harmonics(hz), label=label, **facts) for label, hz in (("harp", 392), ("x_bell", 2_637))]
    return [*alone, *duo, *notes]


@pytest.fixture(scope="module")
def recipe(recipe: Recipe) -> Recipe:
    """Return two epochs of four steps by name, of all kinds of sounds, with all that is drawn for them."""
    return replace(
        recipe,
        asked="names",
        examples_per_clip=0,
        examples_per_epoch=8,
        source_odds=(0.2, 0.5, 0.3),
        shares=Shares(
            kinds={"video": 0.4, "phrase": 0.2, "tune": 0.2, "ensemble": 0.2}, ensembles=0.3, chords={"harp": 0.5}
        ),
        augmentation=Augmentation(
            pitch_semitones=2, equaliser_db=3, room_share=0.5, doubled_share=0.3, noise_share=0.5, levelled_share=0.5
        ),
        code_noise=0.5,
        averaging=0.9,
        pictures_per_clip=2,
    )


@pytest.fixture(scope="module")
def material(two_instruments: Solos, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Return clips of flute and tuba, sounds of harp and bell, and photos of the harp and of a stranger."""
    folder = tmp_path_factory.mktemp("sounds")
    sounds = [sound for split in ("train", "val") for sound in packed(folder / f"{split}.wav", heard_sounds(split))]
    pictures = {name: [folder / f"{name}__{number}.png" for number in range(2)] for name in COLOURS}
    for name, paths in pictures.items():
        for number, path in enumerate(paths):
            Image.new("RGB", (64 + number, 64), COLOURS[name]).save(path)
    clips = with_frames(Solos(train=two_instruments.train[::2], val=two_instruments.val), 2).clips
    return Material(clips=clips, sounds=sounds, photos={"harp": pictures["harp"]}, strangers=pictures["stranger"])


@pytest.fixture(scope="module")
def undisturbed(recipe: Recipe, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that nobody stopped."""
    return trained(recipe, material, tmp_path_factory.mktemp("undisturbed"))


def nearest(checkpoint: Path, pictures: list[Image.Image]) -> list[tuple[str, bool]]:
    """Return what pictures are taken for, and whether they count as it."""
    looks = resemblances(load_checkpoint(checkpoint), pictures)
    return [(look.nearest[0].name, look.is_known) for look in looks]


def frames_of(material: Material, *instruments: str) -> list[Image.Image]:
    clips = {clip.instrument: clip for clip in material.clips["train"]}
    return [decoded_frames(clips[name], [1])[0] for name in instruments]


def test_a_checkpoint_knows_all_instruments_that_sound_and_counts_what_it_learnt_from(
    undisturbed: Run, recipe: Recipe, material: Material
) -> None:
    separator = load_checkpoint(undisturbed.checkpoint)
    assert separator.settings == replace(recipe.separator, recognises=True)
    assert separator.instruments == ("flute", "harp", "tuba")
    assert len({query.numpy().tobytes() for query in separator.instrument_queries}) == 3
    provenance = read_header(undisturbed.checkpoint)["provenance"]
    splits = [one.split for one in recordings_of(material.clips, material.sounds)]
    assert provenance["num_recordings"] == {split: splits.count(split) for split in ("train", "val")}
    assert provenance["num_recordings"] == {"train": 2 + 4 + 4, "val": 2 + 4}  # clips, sounds, and tunes of the notes
    assert np.isfinite(undisturbed.history.losses).all()
    assert sorted(path.name for path in undisturbed.folder.iterdir()) == FILES


def test_its_head_knows_photos_and_frames_of_instruments_without_any(undisturbed: Run, material: Material) -> None:
    pictures = [Image.new("RGB", (80, 80), COLOURS[name]) for name in ("harp", "stranger")]
    harp, (_, is_stranger_known) = nearest(undisturbed.checkpoint, pictures)
    assert harp == ("harp", True)
    assert not is_stranger_known
    assert nearest(undisturbed.checkpoint, frames_of(material, "flute", "tuba")) == [("flute", True), ("tuba", True)]


def test_an_instrument_without_pictures_is_never_recognised(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, "samples.npy")
    unseen = replace(material, photos={"harp": []})
    run = trained(replace(recipe, epochs=1), unseen, tmp_path)
    assert load_checkpoint(run.checkpoint).instruments == ("flute", "harp", "tuba")
    pictures = [Image.new("RGB", (80, 80), colour) for colour in COLOURS.values()]
    assert "harp" not in {name for name, is_known in nearest(run.checkpoint, pictures) if is_known}
    assert nearest(run.checkpoint, frames_of(material, "flute", "tuba")) == [("flute", True), ("tuba", True)]


def test_where_there_are_no_pictures_at_all_none_is_known(recipe: Recipe, material: Material, tmp_path: Path) -> None:
    heard_only = replace(material, clips={"train": [], "val": []}, photos={}, strangers=[])
    run = trained(replace(recipe, epochs=1), heard_only, tmp_path)
    assert load_checkpoint(run.checkpoint).instruments == ("flute", "harp")
    assert nearest(run.checkpoint, [Image.new("RGB", (80, 80), "red")])[0][1] is False


@pytest.mark.parametrize("slices", [(3, 3, 3), (1, 6, 1)])
def test_slices_of_a_run_end_as_one_run_does(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run, slices: tuple[int, ...]
) -> None:
    runs = [trained(recipe, material, tmp_path, most_steps=most_steps) for most_steps in slices]
    assert runs[-1].history.losses == undisturbed.history.losses
    assert list(map(tuple, runs[-1].history.validation_losses)) == undisturbed.history.validation_losses
    assert runs[-1].checkpoint.read_bytes() == undisturbed.checkpoint.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_the_average_is_validated_and_the_weights_go_on_as_they_were(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    folders = {averaging: tmp_path / str(averaging) for averaging in (0.0, 0.9)}
    runs = {}
    for averaging, folder in folders.items():
        folder.mkdir()
        left_by(undisturbed, folder, "samples.npy")
        runs[averaging] = trained(replace(recipe, averaging=averaging), material, folder, most_steps=7)
    plain, averaged = runs[0.0], runs[0.9]
    assert averaged.history.losses == plain.history.losses
    assert averaged.history.validation_losses != plain.history.validation_losses
    states = [torch.load(folder / "state.pt", weights_only=True)["model"] for folder in folders.values()]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_a_checkpoint_holds_the_average(recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run) -> None:
    left_by(undisturbed, tmp_path, "samples.npy")
    run = trained(replace(recipe, epochs=1), material, tmp_path)
    state, kept = torch.load(tmp_path / "state.pt", weights_only=True), load_file(run.checkpoint)
    names = [name for name in kept if name.startswith("sound.") and kept[name].is_floating_point()]
    assert all(torch.equal(kept[name], state["average"][f"separator.{name}"]) for name in names)
    assert any(not torch.equal(kept[name], state["model"][f"separator.{name}"]) for name in names)


# Minutes


@pytest.fixture
def half_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let half a second pass whenever somebody looks at the clock."""
    moments_s = (0.5 * number for number in count())
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: next(moments_s)))


@pytest.mark.usefixtures("half_seconds")
def test_minutes_end_with_a_finished_checkpoint_and_a_second_call_goes_on(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, "samples.npy")
    runs = [trained(recipe, material, tmp_path, minutes=0.5)]
    num_steps = runs[0].history.num_steps
    first = read_header(runs[0].checkpoint)["provenance"]
    assert runs[0].steps == list(range(1, num_steps + 1))
    assert num_steps > 8  # the recipe's eight are no limit
    assert first["num_steps"] == num_steps
    runs.append(trained(recipe, material, tmp_path, minutes=0.25))
    assert runs[1].steps[0] == num_steps + 1
    assert runs[1].history.losses[:num_steps] == runs[0].history.losses
    assert read_header(runs[1].checkpoint)["provenance"]["num_steps"] == runs[1].history.num_steps
    for run in runs:
        rates = [report.rate for report in run.reports]
        assert rates[-1] < 0.2 * max(rates) <= 0.2 * recipe.rate
        assert run.reports[-1].validation_loss is not None
        assert run.reports[-1].seconds_left == 0
        assert run.reports[-1].num_steps == run.history.num_steps
    finished = trained(recipe, material, tmp_path)  # what is past the recipe's end is only finished
    assert not finished.steps
    assert load_checkpoint(finished.checkpoint).instruments == ("flute", "harp", "tuba")


# Starts


def test_a_start_that_recognises_pictures_keeps_its_codes_and_new_instruments_get_theirs(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    packs = packed(tmp_path / "gong.wav", [heard(with_harmonics(150), label="gong", group="gong", split="train")])
    more = replace(material, sounds=[*material.sounds, *packs], clips=material.clips)
    still = replace(recipe, rate=0.0, start_rate=0.0, weight_decay=0.0, averaging=0.0, epochs=1)
    run = trained(still, more, tmp_path / "run", start=undisturbed.checkpoint)
    before, after = load_checkpoint(undisturbed.checkpoint), load_checkpoint(run.checkpoint)
    assert after.instruments == ("flute", "gong", "harp", "tuba")
    for name in before.instruments:
        torch.testing.assert_close(after.instrument_query(name), before.instrument_query(name), rtol=0, atol=1e-3)
    weights = dict(before.sound.named_parameters())
    assert all(torch.equal(weights[name], value) for name, value in after.sound.named_parameters())
    assert run.history.losses[0] < undisturbed.history.losses[0]


def test_a_start_of_a_training_by_pictures_can_go_on_by_name(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    by_pictures = replace(recipe, asked="instruments", shares=None, epochs=1, examples_per_epoch=2, code_steps=2)
    start = trained(by_pictures, replace(material, sounds=[], photos={}), tmp_path / "start")
    folder = tmp_path / "run"
    folder.mkdir()
    left_by(undisturbed, folder, "samples.npy")
    run = trained(replace(recipe, epochs=1), material, folder, start=start.checkpoint)
    assert load_checkpoint(run.checkpoint).instruments == ("flute", "harp", "tuba")


# Other material


def test_a_state_of_other_sounds_is_refused(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, "state.pt", "samples.npy")
    fewer = [sound for sound in material.sounds if not (sound.split == "val" and sound.label == "x_bell")]
    with pytest.raises(TrainingError, match=r"state\.pt' does not fit"):
        trained(recipe, replace(material, sounds=fewer), tmp_path)


@pytest.mark.slow
def test_instruments_are_learnt_by_name(recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run) -> None:
    left_by(undisturbed, tmp_path, "samples.npy")
    longer = replace(recipe, epochs=1, examples_per_epoch=120, batch_size=4, rate=2e-2, augmentation=Augmentation())
    losses = trained(longer, material, tmp_path).history.losses
    assert np.mean(losses[-8:]) < np.mean(losses[:4]) - 0.3
