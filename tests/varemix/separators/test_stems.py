"""What gives stems gives masks: mono stems, stems of another length, several instruments on one stem."""

import numpy as np
import pytest

from tests.grids import FINE_GRID
from tests.varemix.separators.planted import Left, PerfectStems, mix_of, tone
from varemix.errors import SeparatorError, UsageError
from varemix.remix.mixer import separate
from varemix.separators.interface import Mix
from varemix.signal.grid import PAPER_GRID, RATE_HZ
from varemix.signal.masks import Masks

STEMS = {"vocals": ("voice",), "bass": ("bass", "double_bass"), "violin": ()}
MIX = mix_of("voice", "bass", "violin")


def made(maker, *names, mix=MIX):
    return np.concatenate(list(maker.mask_blocks(Mix.of(mix), names)), axis=-1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("grid", [FINE_GRID, PAPER_GRID])
def test_masks_cut_the_stems_out_of_the_mix_on_any_grid(channels, grid):
    maker = PerfectStems(STEMS, channels=channels).on(grid)
    masks = Masks(values=made(maker, "bass", "voice"), grid=grid)
    assert masks.num_frames == grid.num_frames(MIX.shape[-1])
    middle = slice(RATE_HZ // 2, -RATE_HZ // 2)
    for name, cut in zip(("bass", "voice"), separate(MIX, masks), strict=True):
        error = (cut - tone(name, MIX.shape[-1]))[:, middle]
        assert np.sqrt(np.square(error).mean()) < 0.01


def test_a_mono_mix_has_masks_of_stereo_stems():
    mono = mix_of("voice", "bass", "violin", num_channels=1)
    masks, expected = made(PerfectStems(STEMS), "voice", mix=mono), made(PerfectStems(STEMS), "voice")
    assert np.abs(masks - expected).mean() < 5e-3


def test_masks_are_of_each_channel_on_any_grid_unless_one_shall_serve_all():
    mix = np.stack([MIX[0], tone("violin", MIX.shape[-1], 1)[0]])
    for grid in (FINE_GRID, PAPER_GRID):
        masks = made(Left({}).on(grid), "voice", mix=mix)
        assert masks.shape == (1, 2, grid.num_rows, grid.num_frames(mix.shape[-1]))
        assert masks[0, 0].max() > 0.999
        assert masks[0, 1].max() == 0
    assert made(Left({"per_channel": False}), "voice", mix=mix).ndim == 3


@pytest.mark.parametrize("num_extra", [-1_105, 2_000])
def test_what_a_codec_adds_or_loses_is_cut_or_filled(num_extra):
    maker = PerfectStems(STEMS)
    maker.num_extra = num_extra
    assert made(maker, "voice").shape[-1] == FINE_GRID.num_frames(MIX.shape[-1])


@pytest.mark.parametrize("num_extra", [-RATE_HZ, RATE_HZ])
def test_stems_of_quite_another_length_are_refused(num_extra):
    maker = PerfectStems(STEMS)
    maker.num_extra = num_extra
    with pytest.raises(SeparatorError, match=r"stems of perfect are [13]\.0 s long, the recording 2\.0 s"):
        made(maker, "voice")


def test_an_instrument_on_no_stem_is_told_with_those_that_are():
    with pytest.raises(UsageError, match=r"does not know 'harp'\. It knows: voice, bass, double_bass"):
        made(PerfectStems(STEMS), "harp")


def test_a_stem_is_parted_where_several_of_its_instruments_are_asked_for_or_always():
    maker = PerfectStems(STEMS)
    assert maker.alike(["voice", "bass"]) == {}
    assert maker.alike(["bass", "double_bass"]) == dict.fromkeys(["bass", "double_bass"], ("bass", "double_bass"))
    maker.always_parted = frozenset({"bass"})
    assert maker.alike(["bass", "voice"]) == {"bass": ("bass", "double_bass")}
