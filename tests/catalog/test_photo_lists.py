from collections import Counter
from pathlib import Path

import pytest

from catalog.errors import SourceListError
from catalog.photo_lists import SourcePhoto, read_photo_list


def listed(folder: Path, text: str) -> list[SourcePhoto]:
    path = folder / "photos.csv"
    path.write_text(text)
    return read_photo_list(path)


def test_a_photo_says_what_it_shows_and_whose_it_is(tmp_path: Path) -> None:
    [photo] = listed(tmp_path, "file,instrument,owner,split,licence\na.jpg,Double Bass,Ann,val,CC0\n")
    assert photo == SourcePhoto(
        file="a.jpg",
        place=str(tmp_path / "a.jpg"),
        instrument="double_bass",
        owner="Ann",
        split="val",
        licence="CC0",
        source="photos.csv",
    )


def test_folder_and_name_of_the_file_say_it_where_the_list_does_not(tmp_path: Path) -> None:
    photos = listed(tmp_path, "file,photo_source\nnone/ann__1.jpg,x\nhttps://host.org/tuba/bob__2.jpg?size=9,x\n")
    assert [(photo.instrument, photo.owner, photo.licence) for photo in photos] == [
        ("none", "ann", "unstated"),
        ("tuba", "bob", "unstated"),
    ]


def test_an_owner_is_in_one_split_and_every_instrument_has_something_to_validate_on(tmp_path: Path) -> None:
    files = [f"{name}/owner{owner}__{n}.jpg" for name in ("tuba", "flute") for owner in range(12) for n in range(3)]
    photos = listed(tmp_path, "file\n" + "\n".join(files) + "\n")
    splits: dict[tuple[str, str], set[str]] = {}
    for photo in photos:
        splits.setdefault((photo.instrument, photo.owner), set()).add(photo.split)
    assert all(len(own) == 1 for own in splits.values())
    assert {(photo.instrument, photo.split) for photo in photos} == {
        (name, split) for name in ("tuba", "flute") for split in ("train", "val")
    }
    assert photos == listed(tmp_path, "file\n" + "\n".join(files) + "\n")


def test_a_collection_is_parted_by_photo(tmp_path: Path) -> None:
    photos = listed(tmp_path, "file\n" + "".join(f"harp/many__{n}.jpg\n" for n in range(100)))
    assert 3 <= Counter(photo.split for photo in photos)["val"] <= 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file\n", "names no photo"),
        ("file,split\na/b.jpg,night\n", "line 2: the split is 'night'"),
        ("file\nb.jpg\n", "line 2: the instrument is ''"),
        ("file,owner,split\na/b.jpg,ann,val\na/c.jpg,ann,train\n", "line 3: a of 'ann' is in train, but in val at"),
    ],
)
def test_a_wrong_list_is_explained_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SourceListError, match=expected):
        listed(tmp_path, text)
