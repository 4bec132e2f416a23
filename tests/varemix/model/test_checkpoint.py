"""Checkpoints: they come back as they were saved, older ones too, and what is none is refused in words."""

import json
import pickle
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.grids import FINE_GRID, SMALL_GRID
from varemix.errors import CheckpointError
from varemix.model.checkpoint import load_checkpoint, read_header, read_settings, save_checkpoint
from varemix.model.separator import Separator
from varemix.signal.frequency_grid import to_linear_bins, to_log_rows
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.presence import EVERYTHING_PLAYS_DB


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
    weights = load_file(path)
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["varemix"])
    if change_header:
        change_header(header)
    if change_weights:
        change_weights(weights)
    save_file(weights, path, metadata={"varemix": json.dumps(header)})
    return path


FORMAT_2_SETTINGS = (
    *("vision", "sound", "num_maps", "widths", "window_frames"),
    *("masks", "has_rivals", "num_sound_networks"),
)


def as_format_2(path, **signal):
    """Rewrite a checkpoint as it was written before there was more than one grid."""

    def change(header):
        settings = header["settings"]
        header["settings"] = {name: settings[name] for name in FORMAT_2_SETTINGS} | {
            name: settings["grid"][name] for name in ("log_rows", "floor")
        }
        del header["rate_hz"]
        header |= {"version": 2, "signal": {"rate_hz": 44_100, "window_samples": 1022, "hop_samples": 512} | signal}

    return rewritten(path, change)


def noise(num_samples=30_000):
    return np.random.default_rng(0).standard_normal(num_samples).astype(np.float32)


def heard_by(separator):
    return separator.masks(noise(), separator.instrument_queries).values


def test_a_separator_comes_back_as_it_was(saved, separator):
    loaded = load_checkpoint(saved)
    assert loaded.settings == separator.settings
    assert loaded.instruments == ("cello", "violin")
    np.testing.assert_array_equal(heard_by(loaded), heard_by(separator))


@pytest.mark.parametrize("grid", [FINE_GRID, SMALL_GRID, PAPER_GRID.on_bins()], ids=["fine", "small", "on bins"])
def test_a_grid_comes_back_as_it_was(tmp_path, settings, separator, grid):
    saved = Separator(replace(settings, grid=grid, frequency_blocks=True, num_sound_networks=2)).eval()
    saved.keep_instruments({"violin": torch.rand(4), "cello": torch.rand(4)})
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, saved, provenance={})
    loaded = load_checkpoint(path)
    assert read_header(path)["settings"]["grid"] == asdict(grid)
    assert loaded.settings == read_settings(path) == saved.settings
    assert loaded.mask_grid == grid
    np.testing.assert_array_equal(heard_by(loaded), heard_by(saved))


def test_settings_that_tell_of_frequency_blocks_want_their_weights(saved):
    with pytest.raises(CheckpointError, match="does not hold the weights that its settings name"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(frequency_blocks=True)))


def test_a_checkpoint_of_format_2_hears_on_the_papers_grid_but_for_rows_and_floor_what_it_heard(tmp_path, settings):
    grid = replace(PAPER_GRID, log_rows=64, floor=2e-3)
    separator = Separator(replace(settings, grid=grid, has_rivals=False)).eval()
    separator.keep_instruments({"violin": torch.rand(4), "cello": torch.rand(4)})
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, separator, provenance={"seed": 3})
    loaded = load_checkpoint(as_format_2(path))
    assert loaded.settings.grid == Grid(window_samples=1022, hop_samples=512, log_rows=64, floor=2e-3)
    assert loaded.settings == separator.settings
    assert read_settings(path) == separator.settings
    assert read_header(path)["provenance"] == {"seed": 3}

    window = np.zeros(63 * 512, np.float32)  # of 64 frames; masks used to be read on 512 bins
    window[:30_000] = noise()
    spectrum = torch.stft(
        torch.from_numpy(window), 1022, 512, window=torch.hann_window(1022), pad_mode="constant", return_complex=True
    )
    with torch.no_grad():
        logits = separator(torch.log(to_log_rows(spectrum.abs(), 64) + 2e-3)[None], separator.instrument_queries[None])
    expected = to_linear_bins(torch.sigmoid(logits[0]), 512)[..., : 1 + 30_000 // 512]
    masks = loaded.masks(noise(), loaded.instrument_queries)
    np.testing.assert_allclose(masks.on_bins().values, expected, atol=1e-5)


def test_a_checkpoint_of_format_2_that_does_not_tell_its_signal_hears_on_the_papers_grid(saved, separator):
    path = as_format_2(saved)
    for unsaid in (lambda header: header.update(signal=None), lambda header: header.pop("signal")):
        assert load_checkpoint(rewritten(path, unsaid)).settings == separator.settings


def test_weights_in_half_precision_load_and_hear_nearly_the_same(saved, tmp_path, separator):
    halved = tmp_path / "halved.safetensors"
    save_checkpoint(halved, separator, provenance={}, is_half=True)
    assert halved.stat().st_size < 0.6 * saved.stat().st_size
    loaded = load_checkpoint(halved)
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    np.testing.assert_allclose(heard_by(loaded), heard_by(separator), atol=0.01)


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
    with pytest.raises(CheckpointError, match="no model at"):
        load_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"\xff" * 4000])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "strange.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a model"):
        load_checkpoint(path)


def test_weights_without_our_header_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="no header of varemix"):
        load_checkpoint(path)


def test_a_header_that_is_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.safetensors"
    save_file({"a": torch.zeros(3)}, path, metadata={"varemix": "[" * 200_000})
    with pytest.raises(CheckpointError, match="no header of varemix"):
        read_header(path)


@pytest.mark.parametrize("wrong", [None, 5, "violin", {"violin": 1}, ["violin", 5], [["violin"]]])
def test_a_header_without_a_list_of_instruments_is_refused(saved, wrong):
    with pytest.raises(CheckpointError, match="a header without a list of instruments"):
        read_header(rewritten(saved, lambda header: header.update(instruments=wrong)))


@pytest.mark.parametrize("wrong", [None, 5, "mine", ["recipe"]])
def test_a_provenance_that_is_no_object_is_refused_and_one_that_is_left_out_is_empty(saved, wrong):
    assert read_header(rewritten(saved, lambda header: header.pop("provenance")))["provenance"] == {}
    with pytest.raises(CheckpointError, match="provenance is no object"):
        read_header(rewritten(saved, lambda header: header.update(provenance=wrong)))


def test_a_format_of_the_future_is_refused(saved):
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(rewritten(saved, lambda header: header.update(version=99)))


def test_a_checkpoint_that_hears_at_another_rate_is_refused(saved):
    rewritten(saved, lambda header: header.update(rate_hz=48_000))
    with pytest.raises(CheckpointError, match="hears 48000 samples a second; 44100 were expected"):
        load_checkpoint(saved)


def test_a_checkpoint_of_format_2_that_hears_at_another_rate_is_refused(saved):
    with pytest.raises(CheckpointError, match="hears 48000 samples a second; 44100 were expected"):
        load_checkpoint(as_format_2(saved, rate_hz=48_000))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"window_samples": 1023}, "a window of 1023 samples cannot be; give an even number"),
        ({"window_samples": 1022.0}, r"window_samples 1022\.0 cannot be; give a whole number"),
        ({"window_samples": "many"}, "window_samples 'many' cannot be"),
        ({"hop_samples": 1000}, "a hop of 1000 samples does not fit a window of 1022; give at most half"),
        ({"hop_samples": 0}, "a hop of 0 samples does not fit"),
        ({"log_rows": 1}, "1 log-frequency rows cannot be; give 2 or more"),
        ({"log_rows": 200}, "200 rows x 64 frames cannot be halved 5 times; both must be multiples of 32"),
        ({"floor": 0}, "a floor of 0 cannot be; give a finite magnitude above 0"),
        ({"floor": float("nan")}, "a floor of nan cannot be"),
        ({"floor": float("inf")}, "a floor of inf cannot be"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_words(saved, wrong, words):
    with pytest.raises(CheckpointError, match=f"settings that no separator can have: .*{words}"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"]["grid"].update(wrong)))


@pytest.mark.parametrize("wrong", [5, None, [], "paper", {}])
def test_what_is_no_grid_is_refused(saved, wrong):
    with pytest.raises(CheckpointError, match="settings that no separator can have"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(grid=wrong)))


def test_a_checkpoint_without_a_grid_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"a header without the settings .*grid"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].pop("grid")))


def test_a_grid_of_other_rows_than_the_weights_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"weight 'sound\.place\.0' has shape \[4, 128, 1\]; \[4, 64, 1\] was"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"]["grid"].update(log_rows=128)))


def test_unknown_settings_are_refused(saved):
    with pytest.raises(CheckpointError, match="settings"):
        load_checkpoint(rewritten(saved, lambda header: header["settings"].update(surprise=1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"widths": [4] * 20},
        {"widths": 5},
        {"widths": []},
        {"widths": [-4] * 5},
        {"window_frames": 0},
        {"window_frames": -64},
        {"vision": "eye"},
        {"vision": 5},
        {"num_maps": "many"},
        {"sound": "pixels", "frequency_blocks": True},
        {"reading": 5},
        {"reading": {"power": 2}},
    ],
)
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
