import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.csv_lists import checked_label
from catalog.errors import SourceListError
from catalog.sources import INSTRUMENTS, SourceVideo, music_list, read_list, with_url_template

GOOD = "video_id,instrument,split\n-a1,violin,train\nb2,cello,val\n"
VIOLIN = SourceVideo(video_id="-a1", instrument="violin", split="train")
CELLO = SourceVideo(video_id="b2", instrument="cello", split="val")


def listed(folder: Path, text: str | bytes, name: str = "list.csv") -> list[SourceVideo]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_list(path)


def test_the_published_split_is_whole() -> None:
    videos = music_list()
    assert Counter(video.split for video in videos) == {"train": 403, "val": 91}
    assert {video.instrument for video in videos} == set(INSTRUMENTS)
    assert len({video.video_id for video in videos}) == 494


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD + "\n\n",
        GOOD + "b2,cello,val\n",
        GOOD.rstrip("\n"),
        "split, Instrument ,video_id\ntrain,Violin,-a1\nval,cello,b2\n",
        'video_id,instrument,split,note\n-a1,violin,train,"a, b"\nb2,cello,val,c,too many\n',
        "video_id,instrument,split,url\n-a1,violin,train,\nb2,cello,val\n",
    ],
)
def test_a_list_is_read_however_it_was_saved(tmp_path: Path, text: str) -> None:
    assert listed(tmp_path, text) == [VIOLIN, CELLO]


@pytest.mark.parametrize("name", ["Acoustic Guitar", "acoustic_guitar", " ACOUSTIC  guitar "])
def test_instruments_are_named_alike(tmp_path: Path, name: str) -> None:
    (video,) = listed(tmp_path, f"video_id,instrument,split\na,{name},train\n")
    assert video.instrument == "acoustic_guitar"


def test_lists_may_name_other_instruments_and_addresses(tmp_path: Path) -> None:
    (video,) = listed(tmp_path, "video_id,instrument,split,url\na,hurdy gurdy,test,https://x.org/a?b=c\n")
    assert video == SourceVideo(video_id="a", instrument="hurdy_gurdy", split="test", url="https://x.org/a?b=c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "lacks the column video_id, instrument, split; found none"),
        ("id,instrument,split\na,violin,train\n", "lacks the column video_id; found id, instrument, split"),
        ("video_id,instrument,split\n", "names no video"),
        (GOOD + "../c,violin,train\n", r"line 4: Video id '\.\./c'"),
        (GOOD + ",violin,train\n", "line 4: Video id ''"),
        (GOOD + "c,violin,training\n", "line 4: the split is 'training'; expected one of train, val, test"),
        (GOOD + "c,violin\n", "line 4: the split is ''"),
        (GOOD + "c,vi/olin,train\n", "line 4: the instrument is 'vi/olin'"),
        (GOOD + "c," + "v" * 65 + ",train\n", "line 4: the instrument is 'vvv"),
        (GOOD + "b2,violin,val\n", r"line 4: video 'b2' is violin in val, but cello in val at .*line 3"),
        (GOOD + "b2,cello,train\n", "line 4: video 'b2' is cello in train, but cello in val"),
        ("video_id,instrument,split,url\na,violin,val,file:///etc/passwd\n", "line 2: The URL is none"),
        ("video_id,instrument,split,url\na,violin,val,https://\n", "line 2: The URL is none"),
        ("video_id,instrument,split,url\na,violin,val,http://[x\n", "line 2: The URL is"),
        ("video_id,instrument,split,url\na,violin,val,http://x.org/a b\n", "line 2: The URL is"),
        (b"\xff\xfe\x00", "cannot be read .* UTF-8"),
        (GOOD + "x" * 200_000 + ",violin,train\n", "after line 3: .*expected CSV"),
    ],
)
def test_a_wrong_list_is_explained(tmp_path: Path, text: str | bytes, expected: str) -> None:
    with pytest.raises(SourceListError, match=expected):
        listed(tmp_path, text)


def test_a_list_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SourceListError, match=r"'.*none\.csv' cannot be read .*Check its path"):
        read_list(tmp_path / "none.csv")


def test_the_json_of_music_is_read(tmp_path: Path) -> None:
    content = {"version": 1.0, "videos": {"acoustic guitar": ["a", "-b"], "tuba": ["c", "c"]}}
    path = tmp_path / "MUSIC_solo_videos.json"
    path.write_text(json.dumps(content))
    assert [(video.video_id, video.instrument, video.split) for video in read_list(path)] == [
        ("a", "acoustic_guitar", "train"),
        ("-b", "acoustic_guitar", "train"),
        ("c", "tuba", "train"),
    ]
    assert {video.split for video in read_list(path, json_split="test")} == {"test"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "has no object 'videos'"),
        ('{"videos": []}', "has no object 'videos'"),
        ('{"videos": {}}', "names no video"),
        ('{"videos": {"tuba": "abc"}}', "'tuba' holds no list of ids"),
        ('{"videos": {"tuba": [1]}}', "'tuba' holds no list of ids"),
        ('{"videos": {"tuba": ["a/b"]}}', "'tuba': Video id 'a/b'"),
        ('{"videos": {"tuba": ["a"], "flute": ["a"]}}', "video 'a' is flute in train, but tuba in train"),
    ],
)
def test_a_wrong_json_list_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SourceListError, match=expected):
        listed(tmp_path, text, "list.json")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text().map(lambda text: (GOOD + text).encode(errors="replace"))))
def test_whatever_the_bytes_the_answer_is_a_list_or_an_explanation(tmp_path: Path, content: bytes) -> None:
    try:
        videos = listed(tmp_path, content)
    except SourceListError:
        return
    assert videos
    assert len({video.video_id for video in videos}) == len(videos)


def test_a_template_gives_every_video_its_address() -> None:
    found = with_url_template([VIOLIN, CELLO], "http://localhost:8000/{video_id}.mp4?of={video_id}")
    assert [video.url for video in found] == [
        "http://localhost:8000/-a1.mp4?of=-a1",
        "http://localhost:8000/b2.mp4?of=b2",
    ]
    assert VIOLIN.url is None


@pytest.mark.parametrize(
    "template", ["http://x.org/a.mp4", "http://x.org/{id}", "ftp://x.org/{video_id}", "{video_id}"]
)
def test_a_template_that_leads_nowhere_is_refused(template: str) -> None:
    with pytest.raises(SourceListError, match="expected one"):
        with_url_template([VIOLIN], template)


@pytest.mark.parametrize(
    "label",
    [
        "flute violin",
        "saxophone acoustic_guitar",
        "Flute & Violin",
        "flute/violin",
        "cello_cello",
        "Violin Duet, Piano",
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_duets_are_no_solos(tmp_path: Path, label: str, suffix: str) -> None:
    path = tmp_path / f"list{suffix}"
    rows = {
        ".json": json.dumps({"videos": {label: ["v_plain"]}}),
        ".csv": f'video_id,instrument,split\na,"{label}",train\n',
    }
    path.write_text(rows[suffix])
    with pytest.raises(
        SourceListError, match=r"names 2 instruments, .* and .*; what is learnt from is of one instrument"
    ):
        read_list(path)


@pytest.mark.parametrize(
    "label", ["acoustic guitar", "Double Bass", "piano accordion", "bass clarinet", "flute d amour"]
)
def test_one_instrument_of_two_words_is_one(label: str) -> None:
    assert checked_label(label, "") == label.lower().replace(" ", "_")
