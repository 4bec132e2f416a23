import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from varemix.errors import CheckpointError
from varemix.model.checkpoint import load_checkpoint, read_header, save_checkpoint
from varemix.model.separator import EVERYTHING_PLAYS_DB


@pytest.fixture(autouse=True)
def full_precision(monkeypatch):
    """Load separators as on a machine that is not faster in bfloat16."""
    monkeypatch.setattr("varemix.model.checkpoint.has_fast_bfloat16", lambda device: False)


@pytest.fixture
def saved(tmp_path, separator):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, separator, provenance={"recipe": "tiny", "seed": 3})
    return path


def rewritten(path, change_header=None, change_weights=None):
    header, weights = read_header(path), load_file(path)
    if change_header:
        change_header(header)
    if change_weights:
        change_weights(weights)
    save_file(weights, path, metadata={"varemix": json.dumps(header)})
    return path


def test_a_separator_comes_back_as_it_was(saved, separator):
    loaded = load_checkpoint(saved)
    mix = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    assert loaded.settings == separator.settings
    assert loaded.instruments == ("cello", "violin")
    np.testing.assert_array_equal(
        loaded.masks(mix, loaded.instrument_queries), separator.masks(mix, separator.instrument_queries)
    )


def test_weights_in_half_precision_load_and_hear_nearly_the_same(saved, tmp_path, separator):
    halved = tmp_path / "halved.safetensors"
    save_checkpoint(halved, separator, provenance={}, is_half=True)
    assert halved.stat().st_size < 0.6 * saved.stat().st_size
    loaded = load_checkpoint(halved)
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    mix = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    masks = separator.masks(mix, separator.instrument_queries)
    np.testing.assert_allclose(loaded.masks(mix, loaded.instrument_queries), masks, atol=0.01)


def test_the_presence_threshold_travels_with_the_weights(saved, separator):
    assert load_checkpoint(saved).presence_threshold_db == EVERYTHING_PLAYS_DB
    calibrated = rewritten(saved, None, lambda weights: weights.update(presence_threshold_db=torch.tensor(-17.5)))
    assert load_checkpoint(calibrated).presence_threshold_db == -17.5


@pytest.mark.parametrize("is_fast", [False, True])
def test_a_loaded_separator_computes_in_what_is_fastest_on_its_machine(saved, is_fast, monkeypatch):
    monkeypatch.setattr("varemix.model.checkpoint.has_fast_bfloat16", lambda device: is_fast)
    assert load_checkpoint(saved).is_reduced is is_fast


def test_provenance_is_readable_without_the_weights(saved):
    assert read_header(saved)["provenance"] == {"recipe": "tiny", "seed": 3}


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"\xff" * 4000])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "strange.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(path)


def test_weights_without_our_header_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="no header of varemix"):
        load_checkpoint(path)


def test_a_format_of_the_future_is_refused(saved):
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(rewritten(saved, lambda header: header.update(version=99)))


def test_a_checkpoint_that_hears_another_spectrum_is_refused(saved):
    with pytest.raises(CheckpointError, match="another spectrum"):
        load_checkpoint(rewritten(saved, lambda header: header["signal"].update(hop_samples=256)))


def test_a_checkpoint_that_does_not_tell_its_spectrum_hears_ours(saved):
    load_checkpoint(rewritten(saved, lambda header: header.pop("signal")))


def test_unknown_settings_are_refused(saved):
    with pytest.raises(CheckpointError, match="settings"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(surprise=1)))


@pytest.mark.parametrize("wrong", [{"widths": [4] * 20}, {"vision": "eye"}, {"num_maps": "many"}, {"widths": 5}])
def test_impossible_settings_are_refused(saved, wrong):
    with pytest.raises(CheckpointError):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(wrong)))


def test_a_missing_weight_is_named(saved):
    with pytest.raises(CheckpointError, match=r"synthesizer\.scale"):
        load_checkpoint(rewritten(saved, None, lambda weights: weights.pop("synthesizer.scale")))


def test_a_weight_of_another_shape_is_named(saved):
    with pytest.raises(CheckpointError, match=r"synthesizer\.scale.*\[9\]"):
        load_checkpoint(rewritten(saved, None, lambda w: w.update({"synthesizer.scale": torch.ones(9)})))


def test_weights_that_are_not_finite_are_refused(saved):
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(rewritten(saved, None, lambda w: w.update({"synthesizer.scale": torch.full((4,), torch.nan)})))
