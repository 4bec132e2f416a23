"""Several separators: others claim first, ours hears what is left over, and no bin is claimed twice."""

from dataclasses import replace

import numpy as np
import pytest

from tests.grids import FINE_GRID
from tests.varemix.separators.planted import HZ, Bands, Left, PerfectStems, mix_of, tone
from varemix.errors import UsageError
from varemix.separators.interface import Mix
from varemix.separators.regridded import Regridded
from varemix.separators.together import Together
from varemix.signal.grid import PAPER_GRID, RATE_HZ

STEMS = {"vocals": ("voice",), "drums": ("drums",), "violin": ()}
MIX = mix_of("voice", "drums", "bass", "violin")
ALL = {"violin": (0.0, 30_000.0), "bass": (0.0, 30_000.0), "double_bass": (0.0, 500.0)}


def made(maker, *names, mix=MIX):
    return np.concatenate(list(maker.mask_blocks(Mix.of(mix), names)), axis=-1)


def level(samples, hz):
    """Return the amplitude of a tone in samples [S]."""
    time_s = np.arange(len(samples)) / RATE_HZ
    return 2 * abs((samples * np.exp(-2j * np.pi * hz * time_s)).mean())


def test_ours_hears_the_mix_without_what_others_claim():
    ours = Bands(ALL, FINE_GRID)
    list(
        Together(ours, {"voice": PerfectStems(STEMS), "drums": PerfectStems(STEMS)}).mask_blocks(
            Mix.of(MIX), ["violin"]
        )
    )
    heard = np.concatenate(ours.heard)[RATE_HZ // 2 : -RATE_HZ // 2]
    before = MIX.mean(axis=0)[RATE_HZ // 2 : -RATE_HZ // 2]
    assert len(np.concatenate(ours.heard)) == MIX.shape[-1]
    for name in ("voice", "drums"):
        assert level(heard, HZ[name]) < 0.05 * level(before, HZ[name])
    for name in ("violin", "bass"):
        assert level(heard, HZ[name]) > 0.9 * level(before, HZ[name])


def test_no_bin_is_claimed_twice_and_the_order_is_that_asked_for():
    stems = PerfectStems(STEMS)
    both = Together(Bands({"violin": ALL["violin"]}, FINE_GRID), {"voice": stems, "drums": stems})
    masks = made(both, "violin", "drums", "voice")
    assert masks.shape == (3, 512, FINE_GRID.num_frames(MIX.shape[-1]))
    assert masks.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_allclose(masks[[2, 1]], made(stems, "voice", "drums"), atol=1e-6)
    np.testing.assert_allclose(masks[0], 1 - masks[1:].sum(axis=0), atol=1e-5)


def test_how_far_several_are_is_told_as_a_share_of_all():
    class Telling(PerfectStems):
        def stem_blocks(self, mix):
            for share in (0.5, 1.0):
                mix.tell(share)
            yield from super().stem_blocks(mix)

    told = []
    both = Together(Bands(ALL, FINE_GRID), {"voice": Telling(STEMS), "drums": Telling(STEMS)})
    list(both.mask_blocks(replace(Mix.of(MIX), tell=told.append), ["voice"]))
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_masks_do_not_depend_on_what_else_is_asked_for():
    stems = PerfectStems(STEMS)
    both = Together(Bands(ALL, FINE_GRID, share=0.3), {"voice": stems, "drums": stems})
    whole = made(both, "voice", "violin", "bass", "drums")
    np.testing.assert_array_equal(made(both, "violin")[0], whole[1])
    np.testing.assert_array_equal(made(both, "drums")[0], whole[3])


def test_where_others_claim_more_than_there_is_each_gets_its_share():
    loud = {name: Bands({name: ALL["violin"]}, FINE_GRID) for name in ("voice", "drums", "piano")}
    masks = made(Together(Bands(ALL, FINE_GRID), loud), "voice", "violin", "piano")
    np.testing.assert_allclose(masks[[0, 2]], 1 / 3, atol=1e-6)
    np.testing.assert_allclose(masks[1], 0, atol=1e-6)


def test_a_stem_of_two_instruments_is_parted_as_our_network_says():
    stems = PerfectStems({"bass": ("bass", "double_bass"), "violin": ()})
    ours = Bands({"bass": (0.0, 30_000.0), "double_bass": (100.0, 500.0), "violin": ALL["violin"]}, FINE_GRID)
    [whole] = made(stems, "bass", mix=MIX)
    bass, double = made(Together(ours, dict.fromkeys(["bass", "double_bass"], stems)), "bass", "double_bass")
    np.testing.assert_allclose(bass + double, whole, atol=1e-5)
    [alone] = made(Together(ours, {"bass": stems}), "bass")
    np.testing.assert_allclose(alone, whole, atol=1e-5)


def test_each_instrument_keeps_who_made_its_masks_and_from_where_on_it_plays():
    ours, stems = Bands(ALL, FINE_GRID), PerfectStems(STEMS)
    both = Together(ours, {"voice": stems})
    assert both.identity_of("voice") == stems.identity != ours.identity == both.identity_of("violin")
    assert both.threshold_db_of("voice") == stems.presence_threshold_db != both.threshold_db_of("violin")


def test_what_a_separator_does_not_know_it_cannot_be_there_for():
    with pytest.raises(UsageError, match="perfect does not know 'harp'"):
        Together(Bands(ALL, FINE_GRID), {"harp": PerfectStems(STEMS)})


def test_where_one_has_masks_of_each_channel_all_do_and_ours_hears_what_each_channel_has_left():
    mix = np.stack([MIX[0], tone("violin", MIX.shape[-1], 1)[0]])
    each, ours = Left({}), Bands(ALL, FINE_GRID, share=0.5)
    both = Together(ours, {"voice": each, "drums": Bands({"drums": (8_000.0, 10_000.0)}, FINE_GRID)})
    masks = made(both, "voice", "violin", "drums", mix=mix)
    assert both.per_channel
    assert masks.shape == (3, 2, 512, FINE_GRID.num_frames(mix.shape[-1]))
    assert masks.sum(axis=0).max() <= 1 + 1e-5
    heard = np.concatenate(ours.heard)[RATE_HZ // 2 : -RATE_HZ // 2]
    assert level(heard, HZ["voice"]) < 0.005
    assert level(heard, HZ["violin"]) == pytest.approx(0.1, rel=0.05)  # from the right alone


@pytest.mark.parametrize("seconds", [0.01, 1.0, 3.3])
def test_masks_of_another_grid_are_read_on_ours(seconds):
    mix = mix_of("voice", "violin", seconds=seconds)
    bands = {"voice": (0.0, 1_000.0), "violin": (1_000.0, 30_000.0)}
    coarse, fine = Bands(bands, PAPER_GRID), Bands(bands, FINE_GRID)
    again, expected = made(Regridded(coarse, FINE_GRID), *bands, mix=mix), made(fine, *bands, mix=mix)
    assert again.shape == expected.shape
    assert np.abs(again - expected).mean() < 0.01
    np.testing.assert_allclose(made(coarse.on(PAPER_GRID), "voice", mix=mix), made(coarse, "voice", mix=mix))
