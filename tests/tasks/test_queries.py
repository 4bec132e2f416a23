from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.queries import (
    Query,
    asked,
    asked_once,
    check_known,
    doubts_told,
    known_instruments,
    looked_at,
    query_vectors,
)
from varemix.errors import MediaError, UsageError
from varemix.media.pictures import read_picture
from varemix.model.recognition import Likeness, Resemblance

KNOWN = ("acoustic_guitar", "cello", "flute")


def write_picture(path: Path, colour: str = "red") -> Path:
    Image.new("RGB", (32, 32), colour).save(path)
    return path


@pytest.mark.parametrize("text", ["acoustic_guitar", "Acoustic Guitar", " ACOUSTIC_GUITAR "])
def test_a_name_is_known_however_it_is_written(text: str) -> None:
    assert asked(text, KNOWN) == Query(name="acoustic_guitar")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'theremin' is neither .*\(acoustic_guitar, cello, flute\).*picture"):
        asked("theremin", KNOWN)


@pytest.mark.parametrize("text", ["", " ", ".", "/", "~no-such-user/x", "no\0name", "x" * 5000])
def test_texts_that_are_neither_names_nor_paths_are_errors(text: str) -> None:
    with pytest.raises(UsageError, match="neither"):
        asked(text, KNOWN)


def test_a_picture_is_named_after_its_content(tmp_path: Path) -> None:
    one, two = write_picture(tmp_path / "one.png"), write_picture(tmp_path / "two=odd name.png")
    other = write_picture(tmp_path / "other.png", "blue")
    first, second, third = (asked(str(path), KNOWN) for path in (one, two, other))
    assert first.name == second.name != third.name
    assert first.name.startswith("picture-")
    assert first.picture == one


def test_a_picture_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no picture")
    with pytest.raises(MediaError, match=r"'words\.jpg' is no picture"):
        asked(str(tmp_path / "words.jpg"), KNOWN)


def test_a_file_that_is_called_like_an_instrument_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "cello.png").rename("cello")
    assert asked("cello", KNOWN).picture is None
    assert asked("./cello", KNOWN).picture == tmp_path / "cello"


def test_what_is_asked_for_twice_is_asked_once(tmp_path: Path) -> None:
    one, two = write_picture(tmp_path / "one.png"), write_picture(tmp_path / "two.png")
    queries = asked_once(["flute", str(one), "Flute", str(two), "cello"], KNOWN)
    assert [query.name for query in queries] == ["flute", asked(str(one), KNOWN).name, "cello"]


def test_vectors_are_the_kept_ones_for_names_and_seen_ones_for_pictures(
    catalog: Catalog, champion: str, tmp_path: Path
) -> None:
    row = checkpoint_row(catalog, None)
    separator = separator_of(catalog, row, "cpu")
    known = known_instruments(catalog, row)
    assert known == separator.instruments == ("flute", "tuba", "violin")
    picture = write_picture(tmp_path / "red.png")
    queries = [asked(target, known) for target in ("violin", str(picture), "flute")]
    vectors = query_vectors(separator, queries).numpy()
    np.testing.assert_array_equal(vectors[0], separator.instrument_queries[2])
    np.testing.assert_array_equal(vectors[1], separator.queries([Image.open(picture)])[0])
    np.testing.assert_array_equal(vectors[2], separator.instrument_queries[0])


class Looks:
    """Takes every picture whose file is called `odd.png` for a stranger, and counts how often it is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, odd: Path) -> None:
        self.num_asked = 0
        stranger = read_picture(odd).getpixel((0, 0))
        near = (Likeness(name="cello", share=0.2), Likeness(name="flute", share=0.1))
        monkeypatch.setattr(
            "varemix.model.recognition.resemblances",
            lambda _, images: [
                Resemblance(nearest=near, is_known=image.getpixel((0, 0)) != stranger) for image in images
            ],
        )

    def separator(self) -> Any:
        """Return what stands for a separator that compares pictures."""
        self.num_asked += 1
        return SimpleNamespace(settings=SimpleNamespace(recognises=True))


def test_a_picture_of_nothing_known_is_refused_with_the_nearest_two_unless_it_is_wished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, red = write_picture(tmp_path / "odd.png", "blue"), write_picture(tmp_path / "red.png")
    looks = Looks(monkeypatch, odd)
    found = looked_at(asked_once(["cello", str(red), str(odd)], KNOWN), looks.separator)
    assert [bool(query.doubt) for query in found] == [False, False, True]
    with pytest.raises(
        UsageError, match=r"'odd\.png' shows none .* cello \(20%\) and flute \(10%\)\. .*even_if_unknown"
    ):
        check_known(found, even_if_unknown=False)
    check_known(found, even_if_unknown=True)
    check_known(found[:2], even_if_unknown=False)
    [told] = doubts_told(found)
    assert told.startswith("odd.png shows none of the instruments")


def test_no_separator_is_loaded_where_there_is_no_picture_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch, write_picture(tmp_path / "odd.png"))
    assert looked_at([Query(name="cello")], looks.separator) == [Query(name="cello")]
    assert looks.num_asked == 0
