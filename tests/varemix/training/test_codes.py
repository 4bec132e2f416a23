"""Instrument codes: far apart, and learnt by the head before anything is heard."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.solos import Solos
from varemix.training.codes import instrument_codes, teach_codes
from varemix.training.kept_features import KeptFeatures
from varemix.training.loop import new_separator
from varemix.training.pictures import open_book
from varemix.training.recipe import Recipe


def least_distance(num_instruments: int, num_maps: int) -> int:
    codes = instrument_codes(num_instruments, num_maps) > 0.5
    distances = (codes[:, None] != codes).sum(dim=-1) + num_maps * torch.eye(len(codes), dtype=torch.int64)
    return int(distances.min())


@pytest.mark.parametrize(("num_instruments", "num_maps"), [(11, 16), (15, 16), (2, 8), (7, 8), (20, 32)])
def test_codes_differ_in_half_of_their_numbers(num_instruments: int, num_maps: int) -> None:
    codes = instrument_codes(num_instruments, num_maps)
    assert codes.shape == (num_instruments + 1, num_maps)
    assert least_distance(num_instruments, num_maps) == num_maps // 2


@pytest.mark.parametrize("num_instruments", [16, 21, 30])
def test_codes_of_more_instruments_than_maps_still_differ(num_instruments: int) -> None:
    assert least_distance(num_instruments, 16) >= 4


def test_the_code_of_nothing_is_nothing() -> None:
    codes = instrument_codes(5, 16)
    assert codes.min() == codes[-1].max() == pytest.approx(0.05)
    assert codes.max() == pytest.approx(0.95)


@torch.no_grad()
def test_taught_codes_tell_the_instruments_apart(recipe: Recipe, four_instruments: Solos, tmp_path: Path) -> None:
    learning = replace(recipe, code_steps=60)
    separator = new_separator(learning)
    before = {name: value.clone() for name, value in separator.state_dict().items()}
    clips = {"train": four_instruments.train, "val": four_instruments.val}
    book = open_book(learning, separator, clips, {}, tmp_path)
    assert isinstance(book, KeptFeatures)
    with torch.enable_grad():
        teach_codes(separator, book, learning)
    shown = book.show([], np.random.default_rng(0), is_learning=False)  # of validation clips, which were not learnt
    queries = book.queries(shown[None])[0]
    nearest = torch.cdist(queries, instrument_codes(4, 8)).argmin(dim=1)
    assert nearest.tolist() == [0, 1, 2, 3, 4]
    moved = {name for name, value in separator.state_dict().items() if not torch.equal(before[name], value)}
    assert moved
    assert all(name.startswith("vision.head.") for name in moved)
