"""Windows: every frame belongs to one, whatever the length; where they meet, nothing is heard of it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.grids import GRIDS
from varemix.model.windows import cross_faded, overlap_frames, windows
from varemix.signal.grid import Grid

# how many hops a frame reaches is what counts, so hops are short here: it reaches one, as the paper's, to four
REACHES = {
    f"{grid.window_samples}/{grid.hop_samples}": grid
    for grid in (
        Grid(window_samples=window, hop_samples=hop, log_rows=None, floor=1e-3)
        for window, hop in ((14, 8), (16, 8), (32, 8), (30, 8), (34, 8), (64, 8), (6, 4), (10, 2))
    )
}
WINDOW_FRAMES = 16
STEP = WINDOW_FRAMES - overlap_frames(WINDOW_FRAMES)


def check_windows(grid: Grid, window_frames: int, num_samples: int, cuts: tuple[int, ...] = ()) -> None:
    """Hold the windows of a signal against the signal: what each of their frames touches, and whose frames they are."""
    hop, reach = grid.hop_samples, grid.reach_hops
    overlap = overlap_frames(window_frames)
    signal = np.arange(1, num_samples + 1, dtype=np.float32)
    seen = list(windows(np.split(signal, sorted(cuts)), window_frames, grid))
    padded = np.pad(signal, (reach * hop, (window_frames + 2 * reach) * hop))
    first = 0
    for place, (samples, num_own) in enumerate(seen):
        np.testing.assert_array_equal(samples, padded[first * hop :][: (window_frames + 2 * reach - 1) * hop])
        assert num_own == window_frames or place == len(seen) - 1
        assert num_own > (overlap if place else 0)
        assert num_own <= window_frames
        first += num_own - overlap
    assert first + overlap == grid.num_frames(num_samples)


@pytest.mark.parametrize("grid", REACHES.values(), ids=REACHES)
def test_every_frame_of_every_length_belongs_to_a_window_and_none_is_lost_at_the_end(grid: Grid) -> None:
    hop = grid.hop_samples
    for num_frames in range(WINDOW_FRAMES + 3 * STEP + 2 * grid.reach_hops):
        for num_samples in {num_frames * hop, num_frames * hop + 1, num_frames * hop + hop - 1}:
            check_windows(grid, WINDOW_FRAMES, num_samples)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_around_the_seams_of_long_windows_no_frame_is_lost(grid: Grid) -> None:
    step = 64 - overlap_frames(64)
    for seam in (64, 64 + step, 64 + 2 * step):
        for num_frames in range(seam - 1, seam + grid.reach_hops + 2):
            check_windows(grid, 64, num_frames * grid.hop_samples - 1)
            check_windows(grid, 64, num_frames * grid.hop_samples)


@given(
    grid=st.sampled_from(list(REACHES.values())),
    window_frames=st.integers(2, 40),
    num_samples=st.integers(0, 1500),
    cuts=st.lists(st.integers(0, 1500), max_size=4).map(tuple),
)
@example(grid=REACHES["32/8"], window_frames=16, num_samples=0, cuts=())
def test_how_a_signal_comes_in_does_not_matter(
    grid: Grid, window_frames: int, num_samples: int, cuts: tuple[int, ...]
) -> None:
    check_windows(grid, window_frames, num_samples, tuple(min(cut, num_samples) for cut in cuts))


@pytest.mark.parametrize("grid", REACHES.values(), ids=REACHES)
@pytest.mark.parametrize("frames_beyond", [-40, -3, 0, 1, 2, 3, 5, 50])
def test_windows_and_fades_put_a_known_mask_back_together(grid: Grid, frames_beyond: int) -> None:
    """The mask of a frame is its number; the samples tell it."""
    num_frames = WINDOW_FRAMES + 3 * STEP + frames_beyond
    numbers = np.arange(num_frames, dtype=np.float32)
    signal = np.repeat(numbers, grid.hop_samples)[: (num_frames - 1) * grid.hop_samples + 1]
    seen = [
        samples[grid.reach_hops * grid.hop_samples :: grid.hop_samples][None, None, :num_own]
        for samples, num_own in windows([signal], WINDOW_FRAMES, grid)
    ]
    joined = np.concatenate(list(cross_faded(seen, WINDOW_FRAMES)), axis=-1)[0, 0]
    np.testing.assert_allclose(joined, numbers, atol=1e-4)


@pytest.mark.parametrize("window_frames", [2, 8, 16, 64, 512])
def test_one_windows_mask_goes_over_into_the_nexts_evenly(window_frames: int) -> None:
    overlap = overlap_frames(window_frames)
    assert overlap == max(1, window_frames // 8)
    answers = [
        np.full((1, 1, num_frames), level, np.float32)
        for num_frames, level in ((window_frames, 0.0), (window_frames, 1.0), (overlap + 1, 0.25))
    ]
    joined = np.concatenate(list(cross_faded(answers, window_frames)), axis=-1)[0, 0]
    step = window_frames - overlap
    assert len(joined) == 2 * step + overlap + 1
    np.testing.assert_array_equal(joined[:step], 0)
    np.testing.assert_array_equal(joined[window_frames : 2 * step], 1)
    np.testing.assert_array_equal(joined[-1:], 0.25)
    changes = np.diff(joined)
    assert (changes[: step + overlap] >= 0).all()
    assert np.abs(changes).max() <= 1 / overlap + 1e-6


def test_masks_shorter_than_the_overlap_come_out_as_they_are() -> None:
    short = np.random.default_rng(0).random((2, 3, 5), dtype=np.float32)
    np.testing.assert_array_equal(np.concatenate(list(cross_faded([short], 64)), axis=-1), short)
