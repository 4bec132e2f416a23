import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from varemix.errors import CheckpointError
from varemix.model.checkpoint import load_checkpoint, read_header, save_checkpoint


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


def test_unknown_settings_are_refused(saved):
    with pytest.raises(CheckpointError, match="settings"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(surprise=1)))


@pytest.mark.parametrize("wrong", [{"levels": 20}, {"vision": "eye"}, {"num_maps": "many"}])
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
