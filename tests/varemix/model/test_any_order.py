from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.tasks.untrained import write_checkpoint
from varemix.model.any_order import AnyOrder, Piece
from varemix.model.separator import Separator
from varemix.signal.presence import PresenceMeter


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    """A small network that has learnt nothing, with three instruments."""
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    return Separator.load(write_checkpoint(path, ["flute", "tuba", "violin"]))


def heard(separator: Separator, signal: np.ndarray, windows: list[int] | None, seed: int = 0) -> Iterator[Piece]:
    """Yield what is heard of a signal, window by window in the order that the seed draws, or in that of time."""
    order = AnyOrder(separator, separator.instrument_queries, len(signal))
    padded = np.pad(signal, (100_000, 200_000))
    numbers = np.random.default_rng(seed).permutation(order.num_windows) if windows is None else windows
    for number in numbers:
        first, end = order.samples_of(int(number))
        yield from order.hear(int(number), padded[100_000 + first : 100_000 + end])


@pytest.mark.parametrize("num_samples", [1, 700, 32_000, 33_000, 100_000, 263_421])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_heard_first_all_masks_become_what_they_would_be(
    separator: Separator, num_samples: int, seed: int
) -> None:
    torch.set_num_threads(1)
    signal = np.random.default_rng(7).normal(0, 0.1, num_samples).astype(np.float32)
    queries = separator.instrument_queries
    meter, other = (PresenceMeter(len(queries), separator.mask_grid) for _ in range(2))
    expected = np.concatenate(list(separator.mask_blocks([signal], queries, meter=meter)), axis=-1)
    found = np.full_like(expected, np.nan)
    for piece in heard(separator, signal, None, seed):
        place = slice(piece.first_frame, piece.first_frame + piece.masks.shape[-1])
        assert np.isnan(found[..., place]).all(), "each frame is done once"
        found[..., place] = piece.masks
        other.add(piece.masks, piece.power, piece.first_frame)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(other.shares_db(), meter.shares_db(), rtol=1e-9)


def test_the_window_at_a_place_decides_about_it(separator: Separator) -> None:
    signal = np.random.default_rng(7).normal(0, 0.1, 263_421).astype(np.float32)
    order = AnyOrder(separator, separator.instrument_queries, len(signal))
    for frame in (0, 100, 300, order.num_frames - 1):
        window = order.window_at(frame)
        following = [window, window + 1] if window + 1 < order.num_windows else [window]
        pieces = list(heard(separator, signal, following))
        assert any(p.first_frame <= frame < p.first_frame + p.masks.shape[-1] for p in pieces)
