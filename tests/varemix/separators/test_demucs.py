"""The package demucs with a small HTDemucs of random weights, saved as its safetensors are and loaded by its loader."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from varemix.errors import SeparatorError
from varemix.separators.command import Command
from varemix.separators.demucs import Demucs
from varemix.separators.interface import Mix
from varemix.separators.overlapping import overlapped

pytest.importorskip("demucs", reason="the extra varemix[demucs] is not installed")

SOURCES = ["drums", "bass", "other", "vocals"]
SMALL = {"channels": 8, "depth": 4, "t_layers": 1, "t_heads": 2, "bottom_channels": 16, "segment": 1.0}


def write_weights(path: Path, *, sources=SOURCES, seed=0, klass="demucs.htdemucs.HTDemucs", **more: str) -> Path:
    """Write a small model with random weights as the package's own safetensors are."""
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = HTDemucs(sources=sources, **SMALL)
    told = {"klass": klass, "args": "[]", "kwargs": json.dumps({"sources": sources, **SMALL}), **more}
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path, metadata=told)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


def noise(num_samples, num_channels=2, seed=0):
    return np.random.default_rng(seed).normal(0.01, 0.1, size=(num_channels, num_samples)).astype(np.float32)


@pytest.mark.parametrize("num_samples", [10_000, 44_100, 100_001, 150_000])
def test_stems_are_those_that_the_package_gives_for_the_whole_recording(weights, num_samples):
    from demucs.apply import apply_model
    from demucs.hf import load_safetensors_model

    samples = noise(num_samples)
    mix = Mix.of(samples)
    blocks = Mix(num_samples=num_samples, mid=mix.mid, pair=lambda: iter(np.split(samples, [7, 60_000], axis=-1)))
    made = np.concatenate(list(Demucs({"weights": str(weights)}).stem_blocks(blocks)), axis=-1)
    mid = samples.mean(axis=0)
    level, given = mid.std() + 1e-8, torch.from_numpy((samples - mid.mean()) / (mid.std() + 1e-8))
    expected = apply_model(load_safetensors_model(weights), given[None], shifts=0)[0].numpy() * level + mid.mean()
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_it_knows_what_its_model_gives_and_the_bass_covers_the_double_bass(weights, tmp_path):
    four = Demucs({"weights": str(weights)})
    assert four.instruments == ("drums", "bass", "double_bass", "voice")
    six = Demucs({"weights": str(write_weights(tmp_path / "six.safetensors", sources=[*SOURCES, "guitar", "piano"]))})
    assert set(six.instruments) - set(four.instruments) == {"acoustic_guitar", "electric_guitar", "piano"}
    assert six.alike(["acoustic_guitar", "voice"]) == {"acoustic_guitar": ("acoustic_guitar", "electric_guitar")}
    assert four.alike(["bass", "voice"]) == {}
    assert six.identity.digest != four.identity.digest
    assert (four.per_channel, Demucs({"weights": str(weights), "per_channel": False}).per_channel) == (True, False)


def test_mono_recordings_have_mono_stems_and_masks(weights):
    mono = Mix.of(noise(60_000, 1))
    maker = Demucs({"weights": str(weights)})
    assert next(maker.stem_blocks(mono)).shape[:2] == (4, 1)
    masks = np.concatenate(list(maker.mask_blocks(mono, ["voice", "drums"])), axis=-1)
    assert masks.shape == (2, 1, 512, maker.grid.num_frames(60_000))
    assert masks.sum(axis=0).max() <= 1 + 1e-5


def test_silence_claims_nothing(weights):
    silent = Mix.of(np.zeros((2, 50_000), np.float32))
    masks = list(Demucs({"weights": str(weights)}).mask_blocks(silent, ["voice"]))
    assert max(block.max() for block in masks) == 0


def test_a_bag_of_models_is_read_from_its_yaml_beside_its_files(weights, tmp_path):
    for name in "ab":
        write_weights(tmp_path / f"{name}.safetensors", seed=ord(name))
    bag = tmp_path / "bag.yaml"
    bag.write_text("models: [a, b]\nweights: [[1., 1., 0., 0.], [0., 0., 1., 1.]]\n")
    mix = Mix.of(noise(30_000))
    together, alone_a, alone_b = (
        np.concatenate(list(Demucs({"weights": str(path)}).stem_blocks(mix)), axis=-1)
        for path in (bag, tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    )
    np.testing.assert_allclose(together, np.concatenate([alone_a[:2], alone_b[2:]]), atol=1e-5)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"klass": "os.system"}, r"are of the class 'os\.system'; plain weights of demucs\.htdemucs\.HTDemucs"),
        ({"structure": "{}"}, "plain weights of"),
        ({"args": '["x"]'}, "plain weights of"),
        ({"sources": ["drums", "whistles"]}, "give the stems"),
    ],
)
def test_no_class_but_its_own_is_built_and_no_stem_that_nobody_knows(tmp_path, told, reason):
    path = write_weights(tmp_path / "w.safetensors", **told)
    with pytest.raises(SeparatorError, match=reason):
        Demucs({"weights": str(path)})


def test_pickles_and_what_is_no_model_are_refused_in_words(tmp_path):
    (tmp_path / "w.th").write_bytes(b"pickle")
    (tmp_path / "w.safetensors").write_bytes(b"\x01\x00")
    (tmp_path / "w.yaml").write_text("models: ../x")
    for name, reason in {
        "w.th": "Pickles are not opened",
        "w.safetensors": "no safetensors of Demucs",
        "w.yaml": "name no models",
        "lost.safetensors": "not there",
    }.items():
        with pytest.raises(SeparatorError, match=reason):
            Demucs({"weights": str(tmp_path / name)})


@pytest.mark.slow
def test_its_own_command_line_gives_the_same_masks_as_a_program_of_any_host(weights, tmp_path):
    from demucs.hf import load_safetensors_model
    from demucs.htdemucs import HTDemucs

    model = load_safetensors_model(weights)
    kwargs = {"sources": SOURCES, **SMALL}
    torch.save({"klass": HTDemucs, "args": (), "kwargs": kwargs, "state": model.state_dict()}, tmp_path / "own.th")
    options = ["--repo", str(tmp_path), "-n", "own", "--shifts", "0", "--float32", "-d", "cpu"]
    command = [sys.executable, "-m", "demucs", *options, "-o", "{output}", "{input}"]
    stems = {"vocals.wav": "voice", "drums.wav": "drums", "bass.wav": "bass", "other.wav": None}
    mix, names = Mix.of(noise(70_000)), ["voice", "drums", "bass"]
    told, heard = (
        np.concatenate(list(maker.mask_blocks(mix, names)), axis=-1)
        for maker in (Command({"command": command, "stems": stems}), Demucs({"weights": str(weights)}))
    )
    assert np.abs(told - heard).mean() < 0.01


@pytest.mark.parametrize("num_samples", [1, 99, 100, 101, 175, 1_000])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
def test_what_is_heard_unchanged_comes_out_unchanged(num_samples, overlap):
    samples = noise(num_samples)
    blocks = np.split(samples, [num_samples // 3, num_samples // 2], axis=-1)
    made = np.concatenate(list(overlapped(blocks, 100, overlap, lambda segment: segment)), axis=-1)
    np.testing.assert_allclose(made, samples, atol=1e-6)
