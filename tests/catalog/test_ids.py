import hashlib
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import IdError
from catalog.ids import checked_video_id, content_id, file_digest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_the_same_parts_always_give_the_same_id(part: object) -> None:
    first = content_id("clip", part=part, other=1)
    assert first == content_id("clip", other=1, part=part)
    assert len(first) == 20
    assert set(first) <= set("0123456789abcdef")


@given(PLAIN, PLAIN)
def test_different_parts_give_different_ids(one: object, other: object) -> None:
    assert (content_id("clip", part=one) == content_id("clip", part=other)) == (repr_of(one) == repr_of(other))


def repr_of(part: object) -> str:
    """A spelling that keeps 1, 1.0 and True apart and does not mind the order of names."""
    if isinstance(part, dict):
        return "{" + ",".join(f"{name!r}:{repr_of(part[name])}" for name in sorted(part)) + "}"
    if isinstance(part, list):
        return "[" + ",".join(map(repr_of, part)) + "]"
    return repr(part)


def test_kind_and_names_and_places_of_parts_count() -> None:
    ids = [
        content_id("clip", a="x"),
        content_id("mask", a="x"),
        content_id("clip", b="x"),
        content_id("clip", a=["x"]),
        content_id("clip", a={"a": "x"}),
        content_id("clip", a=1),
        content_id("clip", a=1.0),
        content_id("clip", a=True),
        content_id("clip", a="1"),
        content_id("clip", a=None),
        content_id("clip"),
    ]
    assert len(set(ids)) == len(ids)


def test_an_id_does_not_depend_on_the_process() -> None:
    script = "from catalog.ids import content_id; print(content_id('mask', names=['ä', 'b'], gain_db=-6.5))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert answers == {content_id("mask", gain_db=-6.5, names=["ä", "b"])}


@pytest.mark.parametrize(
    "part",
    [
        *(Path("a"), (1, 2), {1, 2}, b"a", OrderedDict(), {1: "a"}, [(1,)], {"a": [b"b"]}),
        *(np.float64(1), np.int64(1), float("nan"), float("inf")),
    ],
)
def test_a_part_without_a_sure_spelling_is_refused(part: object) -> None:
    with pytest.raises(IdError, match="expected"):
        content_id("clip", part=part)


def test_a_refusal_says_where_the_part_stands() -> None:
    with pytest.raises(IdError, match=r"clip\.recipe\.rates\[1\].*PosixPath"):
        content_id("clip", recipe={"rates": [1, Path("a")]})


def test_a_file_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 1_000_000)
    assert file_digest(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


@pytest.mark.parametrize("video_id", ["m-t46mJ5udy", "-DlGdZNAsxA", "_x", "a", "a" * 64])
def test_real_video_ids_pass_unchanged(video_id: str) -> None:
    assert checked_video_id(video_id) == video_id


@pytest.mark.parametrize(
    "video_id", ["", "..", "../a", "a/b", "a.mp4", "a b", "a\n", "a\0", "ä", "a" * 65, "a;b", "$(a)", "a\\b"]
)
def test_ids_that_could_be_paths_or_commands_are_refused(video_id: str) -> None:
    with pytest.raises(IdError, match="A-Z a-z 0-9"):
        checked_video_id(video_id)
