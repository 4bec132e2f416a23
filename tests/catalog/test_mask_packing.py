import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from catalog.mask_packing import BITS, pack, packed_bytes, unpack

MASKS = arrays(np.float32, array_shapes(max_dims=3, min_side=0, max_side=17), elements=st.floats(0, 1, width=32))


@given(MASKS, st.sampled_from(BITS))
def test_what_comes_back_is_the_nearest_level(masks: np.ndarray, bits: int) -> None:
    packed = pack(masks, bits)
    assert len(packed) == packed_bytes(masks.size, bits)
    found = unpack(packed, bits, masks.shape)
    assert found.dtype == np.float32
    assert found.shape == masks.shape
    half_a_step = 0.5 / (2**bits - 1)
    assert np.all(np.abs(found - masks) <= half_a_step + 1e-6)


@given(MASKS, st.sampled_from(BITS))
def test_a_second_round_changes_nothing(masks: np.ndarray, bits: int) -> None:
    once = pack(masks, bits)
    assert pack(unpack(once, bits, masks.shape), bits) == once


def test_the_binary_mask_is_one_only_above_a_half() -> None:
    masks = np.array([0, 0.5, np.nextafter(np.float32(0.5), 1), 1], dtype=np.float32)
    assert unpack(pack(masks, 1), 1, (4,)).tolist() == [0, 0, 1, 1]


def test_the_ends_of_the_range_are_kept_exactly() -> None:
    ends = np.array([0, 1], dtype=np.float32)
    for bits in BITS:
        assert unpack(pack(ends, bits), bits, (2,)).tolist() == [0, 1]


def test_the_first_level_lies_in_the_lowest_bits() -> None:
    # worked by hand: levels 1, 2, 3, 0 of two bits are 0b00_11_10_01; levels 15, 1 of four bits are 0x1f
    assert pack(np.array([1 / 3, 2 / 3, 1, 0], dtype=np.float32), 2) == bytes([0b00111001])
    assert pack(np.array([1, 1 / 15], dtype=np.float32), 4) == b"\x1f"
    assert pack(np.array([1, 0, 0, 0, 0, 0, 0, 0, 1], dtype=np.float32), 1) == b"\x01\x01"


@pytest.mark.parametrize("length", [0, 2, 4])
def test_bytes_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} bytes found where 3 were expected"):
        unpack(bytes(length), 1, (17,))


def test_faint_masks_keep_a_level_where_levels_are_finer_below() -> None:
    faint = np.array([0.02], dtype=np.float32)
    assert unpack(pack(faint, 4), 4, (1,)) == 0
    assert unpack(pack(faint, 4, 1.5), 4, (1,), 1.5)[0] == pytest.approx((1 / 15) ** 1.5, rel=1e-6)
    once = pack(np.linspace(0, 1, 99, dtype=np.float32), 4, 1.5)
    assert pack(unpack(once, 4, (99,), 1.5), 4, 1.5) == once
