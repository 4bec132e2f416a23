from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.csv_lists import list_kind
from catalog.errors import SourceListError
from catalog.sound_lists import SourceSound, by_file, check_splits, read_sound_list

HEADER = "file,label,kind,group,split,piece,pitch,start,length,licence\n"
ROW = "a.opus,flute,phrase,ann,train,,,,,\n"


def listed(folder: Path, text: str, name: str = "list.csv") -> list[SourceSound]:
    path = folder / name
    path.write_text(text)
    return read_sound_list(path)


def test_a_row_is_a_clip_with_all_that_its_list_says(tmp_path: Path) -> None:
    row = "packs/a.opus,Acoustic Guitar,notes,Ann,Val,,220.5,4800,2400,CC BY  4.0\n"
    [sound] = listed(tmp_path, HEADER + row)
    assert sound == SourceSound(
        file="packs/a.opus",
        place=str(tmp_path / "packs" / "a.opus"),
        label="acoustic_guitar",
        kind="notes",
        group="Ann",
        split="val",
        pitch_hz=220.5,
        first_sample=4800,
        num_samples=2400,
        licence="CC BY 4.0",
        source="list.csv",
    )


def test_what_is_not_said_is_not_made_up(tmp_path: Path) -> None:
    [sound] = listed(tmp_path, "file,label,kind,group,split,pitch\na.opus,x_bells,phrase,ann,train,0\n")
    assert (sound.pitch_hz, sound.piece, sound.first_sample, sound.num_samples) == (None, None, 0, None)
    assert sound.licence == "unstated"


def test_other_names_of_columns_and_a_folder_called_like_the_list_are_understood(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.opus").touch()
    text = "class,file,licence_note,kind,pitch_hz_or_blank,group,split\nflute,a.opus,MIT,notes,440,ann,train\n"
    [sound] = listed(tmp_path, text, "sounds.csv")
    assert (sound.label, sound.licence, sound.pitch_hz) == ("flute", "MIT", 440.0)
    assert sound.place == str(tmp_path / "sounds" / "a.opus")


def test_an_address_is_where_a_sound_lies(tmp_path: Path) -> None:
    [sound] = listed(tmp_path, HEADER + ROW.replace("a.opus", "https://host.org/a.opus"))
    assert sound.place == sound.file == "https://host.org/a.opus"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file,label,kind,group\n", "lacks the column split; found file, label, kind, group"),
        (HEADER, "names no sound"),
        (HEADER.replace("piece", "file") + ROW, "has the column file twice"),
        (HEADER + ROW.replace("phrase", "song"), "line 2: the kind is 'song'; expected one of phrase, notes, synth"),
        (HEADER + ROW.replace("train", "night"), "line 2: the split is 'night'"),
        (HEADER + ROW.replace("flute", "fl/ute"), "line 2: the label is 'fl/ute'"),
        (HEADER + ROW.replace("ann", ""), "line 2: the group is ''"),
        (HEADER + ROW.replace("a.opus", ""), "line 2: the file is ''"),
        (HEADER + ROW.replace("a.opus", "ftp://me:planted@host.org/a"), "line 2: the URL is none"),
        (HEADER + ROW.replace("phrase", "ensemble"), "line 2: kind ensemble needs a piece"),
        (HEADER + "a.opus,flute,notes,ann,train,,high,,,\n", "line 2: the pitch is 'high'"),
        (HEADER + "a.opus,flute,notes,ann,train,,nan,,,\n", "line 2: the pitch is 'nan'"),
        (HEADER + "a.opus,flute,notes,ann,train,,-1,,,\n", "line 2: the pitch is '-1'"),
        (HEADER + "a.opus,flute,notes,ann,train,,,1.5,,\n", "line 2: the start is '1.5'"),
        (HEADER + "a.opus,flute,notes,ann,train,,,,0,\n", "line 2: the length is '0'"),
        (HEADER + ROW + ROW.replace("flute", "tuba"), "line 3 says other things of the same than .*line 2"),
    ],
)
def test_a_wrong_list_is_explained_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SourceListError, match=expected) as caught:
        listed(tmp_path, text)
    assert "planted" not in str(caught.value)


def test_a_player_of_a_label_is_in_one_split_with_phrases_and_notes(tmp_path: Path) -> None:
    with pytest.raises(SourceListError, match=r"line 3: 'ann' as flute \(real\) is in val, but in train at .*line 2"):
        listed(tmp_path, HEADER + ROW + "b.opus,flute,notes,ann,val,,,,,\n")
    assert len(listed(tmp_path, HEADER + ROW + "b.opus,tuba,notes,ann,val,,,,,\n")) == 2


def test_a_font_serves_several_labels_and_may_play_another_piece_in_another_split(tmp_path: Path) -> None:
    font = "a.opus,flute,synth,font,train,,,,,\nb.opus,tuba,synth,font,val,,,,,\n"
    stems = "c.opus,flute,ensemble,font,test,bwv 1,,,,\nd.opus,tuba,ensemble,font,test,bwv 1,,,,\n"
    assert len(listed(tmp_path, HEADER + font + stems)) == 4
    with pytest.raises(SourceListError, match=r"'font' as flute \(font\) is in val"):
        listed(tmp_path, HEADER + font + "e.opus,flute,synth,font,val,,,,,\n")
    with pytest.raises(SourceListError, match="the piece 'bwv 1' is in train, but in test"):
        listed(tmp_path, HEADER + stems + "e.opus,cello,ensemble,other,train,bwv 1,,,,\n")


def test_splits_are_checked_over_several_lists(tmp_path: Path) -> None:
    first = listed(tmp_path, HEADER + ROW, "first.csv")
    second = listed(tmp_path, HEADER + ROW.replace("train", "val"), "second.csv")
    with pytest.raises(SourceListError, match="second: 'ann' as flute"):
        check_splits([*(("first", sound) for sound in first), *(("second", sound) for sound in second)])


def test_a_file_is_read_once_from_front_to_back(tmp_path: Path) -> None:
    rows = "".join(f"{name},flute,notes,ann,train,,,{start},10,\n" for name, start in [("a", 50), ("b", 0), ("a", 0)])
    files = by_file(listed(tmp_path, HEADER + rows))
    found = [(Path(file.place).name, [clip.first_sample for clip in file.clips]) for file in files]
    assert found == [("a", [0, 50]), ("b", [0])]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("video_id,instrument,split\n", "videos"),
        ('{"videos": {}}', "videos"),
        (HEADER, "sounds"),
        ("Start,Length,FILE,class,Kind,group,split\n", "sounds"),
        ("file,photo_source\n", "photos"),
        ("file,instrument,owner,split\n", "photos"),
    ],
)
def test_the_first_line_tells_what_a_list_is_of(tmp_path: Path, text: str, kind: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    assert list_kind(path) == kind


def test_a_list_of_nothing_known_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("name,place\n")
    with pytest.raises(SourceListError, match=r"names the columns name, place .* Expected are video_id"):
        list_kind(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(alphabet='file,abel\n"kndgroupst0123:/.', max_size=120))
def test_any_text_is_a_list_or_an_error_in_words(tmp_path: Path, text: str) -> None:
    with suppress(SourceListError):
        assert listed(tmp_path, HEADER + text)
