"""A signal that comes in blocks at another rate: how it is cut does not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from varemix.media.resampling import resample, resampled_blocks

NUM_SAMPLES = 3_000


def noise(num_channels: int, num_samples: int = NUM_SAMPLES, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(num_channels).uniform(-1, 1, (num_channels, num_samples)).astype(dtype)


@given(
    cuts=st.lists(st.integers(0, NUM_SAMPLES), max_size=12).map(sorted),
    rates_hz=st.sampled_from([(44_100, 48_000), (96_000, 44_100), (8_000, 44_100), (44_100, 44_100)]),
    num_channels=st.sampled_from([1, 2]),
)
def test_any_cutting_into_blocks_gives_the_wholes_result(
    cuts: list[int], rates_hz: tuple[int, int], num_channels: int
) -> None:
    samples = noise(num_channels)
    blocks = np.split(samples, cuts, axis=1)
    joined = np.concatenate(list(resampled_blocks(blocks, *rates_hz)), axis=1)
    assert_array_equal(joined, resample(samples, *rates_hz))


def test_single_samples_give_the_wholes_result() -> None:
    samples = noise(1, 500)
    blocks = (samples[:, i : i + 1] for i in range(500))
    joined = np.concatenate(list(resampled_blocks(blocks, 44_100, 48_000)), axis=1)
    assert_array_equal(joined, resample(samples, 44_100, 48_000))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_blocks_keep_their_precision(dtype: type, rate_hz: int) -> None:
    blocks = list(resampled_blocks(np.split(noise(2, dtype=dtype), 3, axis=1), 44_100, rate_hz))
    assert {block.dtype for block in blocks} == {np.dtype(dtype)}


def test_equal_rates_pass_the_blocks_on_as_they_come() -> None:
    blocks = np.split(noise(2), 5, axis=1)
    passed = list(resampled_blocks(blocks, 44_100, 44_100))
    assert len(passed) == 5
    for before, after in zip(blocks, passed, strict=True):
        assert_array_equal(before, after)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_no_blocks_give_no_blocks(rate_hz: int) -> None:
    assert list(resampled_blocks([], 44_100, rate_hz)) == []


def test_blocks_are_taken_only_as_they_are_needed() -> None:
    taken = []

    def blocks():
        for number in range(20):
            taken.append(number)
            yield noise(1, 4_410)

    first = next(iter(resampled_blocks(blocks(), 44_100, 48_000)))
    assert first.shape[0] == 1
    assert taken == [0]
