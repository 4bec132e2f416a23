"""What is wished of downloads is checked before a flow starts, and no secret comes into a run's parameters."""

from pathlib import Path

import pytest
from PIL import Image

from catalog.errors import SourceListError
from catalog.store import Catalog
from flows.listed import check_against_catalog, read_lists
from flows.refresh import check_cookies, refresh
from flows.status import page, status
from tests.tasks.listed_sounds import tone, write_sound
from varemix.errors import UsageError


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "list.csv"
    path.write_text("video_id,instrument,split\na,flute,train\n")
    return str(path)


@pytest.mark.parametrize(
    "template", ["https://me:planted@host.org/{video_id}.mp4", "https://host.org/{video_id}.mp4?token=planted"]
)
def test_a_template_with_a_secret_is_refused_since_runs_show_their_parameters(source: str, template: str) -> None:
    with pytest.raises(UsageError, match="would be kept and shown") as caught:
        read_lists([source], template)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("template", ["https://host.org/{video_id}.mp4", "https://host.org/get?id={video_id}"])
def test_a_template_without_one_is_filled_in(source: str, template: str) -> None:
    [[video]] = read_lists([source], template).videos.values()
    assert video.url == template.replace("{video_id}", "a")


def test_cookies_and_a_rate_that_cannot_be_used_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_cookies(None)
    with pytest.raises(UsageError, match="cannot be read"):
        check_cookies(tmp_path / "nothing.txt")
    monkeypatch.setenv("VAREMIX_RATE_LIMIT", "fast")
    with pytest.raises(UsageError, match="VAREMIX_RATE_LIMIT is 'fast'"):
        check_cookies(None)


LISTS = {
    "videos": "video_id,instrument,split\na,flute,train\n",
    "sounds": "file,label,kind,group,split\na.wav,tuba,notes,ann,train\n",
    "photos": "file\ntuba/ann__1.jpg\n",
}


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.csv"
    path.write_text(text)
    return str(path)


def test_several_lists_are_read_each_as_what_it_is(tmp_path: Path) -> None:
    listed = read_lists([written(tmp_path, name, text) for name, text in LISTS.items()])
    assert [video.video_id for video in listed.videos["videos.csv"]] == ["a"]
    assert [(sound.label, sound.source) for sound in listed.sounds] == [("tuba", "sounds.csv")]
    assert [photo.instrument for photo in listed.photos] == ["tuba"]
    assert listed.instruments == {"flute"}
    assert (listed.sound_lists, listed.photo_lists) == (("sounds.csv",), ("photos.csv",))


def test_two_lists_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    both = [written(folder, "sounds", LISTS["sounds"]) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(UsageError, match=r"Two lists are called 'sounds\.csv'"):
        read_lists(both)


def test_a_player_is_in_one_split_over_all_lists_and_over_the_nights(tmp_path: Path, catalog: Catalog) -> None:
    first = written(tmp_path, "sounds", LISTS["sounds"])
    second = written(tmp_path, "more", LISTS["sounds"].replace("train", "val"))
    with pytest.raises(SourceListError, match=r"'ann' as tuba .* is in val, but in train"):
        read_lists([first, second])
    row = {"sound_id": "one", "label": "tuba", "kind": "phrase", "group": "ann", "split": "train", "status": "ready"}
    catalog.merge("sounds", [row | {"source": "sounds.csv", "file": "a.wav", "source_first_sample": 0}])
    check_against_catalog(catalog, read_lists([first]))
    with pytest.raises(SourceListError, match="The catalog holds what earlier lists named"):
        check_against_catalog(catalog, read_lists([second]))
    catalog.merge(
        "sounds", [row | {"status": "gone", "source": "sounds.csv", "file": "a.wav", "source_first_sample": 0}]
    )
    check_against_catalog(catalog, read_lists([second]))


@pytest.mark.slow
def test_a_run_makes_sounds_and_photos_of_lists_and_forgets_what_they_name_no_longer(
    tmp_path: Path, catalog: Catalog, prefect_url: str
) -> None:
    for name in ("a.wav", "b.wav"):
        write_sound(tmp_path / name, tone(0.3))
    (tmp_path / "tuba").mkdir()
    Image.effect_noise((300, 300), 80).save(tmp_path / "tuba" / "ann__1.jpg")
    both = LISTS["sounds"] + "b.wav,flute,notes,bob,val\nlost.wav,flute,notes,bob,val\n"
    sources = [written(tmp_path, "sounds", both), written(tmp_path, "photos", LISTS["photos"])]
    home = str(catalog.home.root)
    summary = refresh(sources, home=home)
    assert (summary.counts, summary.exit_code) == ({"done": 3, "failed": 1}, 3)
    assert refresh(sources, home=home).counts == {"skipped": 3, "failed": 1}
    written(tmp_path, "sounds", LISTS["sounds"])
    summary = refresh(sources, home=home)
    assert (summary.counts, summary.facts) == ({"skipped": 2}, {"no_longer_listed": 2})
    found = status(home)
    assert (found["counts"]["sounds"], found["counts"]["photos"]) == ({"ready": 1, "gone": 2}, {"ready": 1})
    assert "| unstated | no | 1 | 0.0 | 1 |" in page(found)
