"""Devices: the one that was asked for, or a word about why not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from varemix.errors import TrainingError
from varemix.training.devices import as_training_error, chosen_device, is_reduced
from varemix.training.recipe import Recipe


def test_a_device_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:1"):
        with pytest.raises(TrainingError, match=f"'{name}' was asked for, but PyTorch finds no GPU"):
            chosen_device(name)
    assert chosen_device("auto") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert chosen_device("auto") == torch.device("cuda")
    assert chosen_device("cuda:1") == torch.device("cuda:1")
    assert chosen_device("cpu") == torch.device("cpu")
    with pytest.raises(TrainingError, match="'cuda:2' was asked for"):
        chosen_device("cuda:2")


def test_a_device_that_does_not_exist_is_told() -> None:
    with pytest.raises(TrainingError, match="no device 'quantum'; give auto, cpu or cuda"):
        chosen_device("quantum")


@pytest.mark.parametrize("is_fast", [False, True])
def test_a_recipe_computes_in_bfloat16_only_where_it_says_so_and_that_is_faster(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr("varemix.training.devices.has_fast_bfloat16", lambda device: is_fast)
    reduced, full = (replace(recipe, precision=precision) for precision in ("bfloat16", "float32"))
    assert is_reduced(reduced, torch.device("cpu")) is is_fast
    assert not is_reduced(full, torch.device("cpu"))


@pytest.mark.parametrize("error", [MemoryError("too much"), torch.OutOfMemoryError("too much")])
def test_a_device_that_is_too_small_is_told_with_what_to_do(recipe: Recipe, error: Exception) -> None:
    with (
        pytest.raises(TrainingError, match=r"batch of 2 mixes .*too much.*kept in 'work'.*smaller batch"),
        as_training_error(recipe, Path("work")),
    ):
        raise error


def test_other_errors_stay_what_they_are(recipe: Recipe) -> None:
    with pytest.raises(KeyError), as_training_error(recipe, Path("work")):
        raise KeyError
