import base64
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen import MutagenError, aiff, apev2, flac, id3, mp3, mp4, oggopus, oggvorbis
from PIL import Image

from tests.varemix.media.sounds import encoded, noise, run_ffmpeg
from varemix.errors import MediaError
from varemix.media import riff, tags
from varemix.media.audio import OUTPUT_FORMATS, AudioInfo, AudioWriter, info_for_format, probe_audio, read_audio
from varemix.media.tags import COMMON_FIELDS, copy_tags, read_tags

FIELDS = {
    "title": "Tïtle 标题",
    "artist": "An; Artist",
    "album": "Album",
    "albumartist": "All of them",
    "track": "3/12",
    "disc": "1/2",
    "date": "1999",
    "genre": "Folk",
    "composer": "Composer",
    "comment": "Hello",
}


def jpeg() -> bytes:
    content = BytesIO()
    Image.effect_noise((60, 60), 80).save(content, "JPEG")
    return content.getvalue()


COVER = jpeg()


def written(path: Path) -> Path:
    """Write a short file of the format that the suffix names, without tags."""
    name = next((name for name, kind in OUTPUT_FORMATS.items() if kind.suffix == path.suffix), None)
    if name is None:
        return encoded(path.parent, path.name, num_channels=1)
    wav = AudioInfo(container="WAV", subtype="PCM_16", rate_hz=48_000, num_channels=1, num_samples=2_000)
    with AudioWriter(path, info_for_format(wav, name)) as writer:
        writer.write(noise(48_000, 1, 2_000))
    return path


def tagged(folder: Path, suffix: str) -> Path:
    """Return a file with FIELDS, a cover, ReplayGain and a field of its own."""
    names = {"albumartist": "album_artist"}
    said = {names.get(name, name): text for name, text in FIELDS.items()}
    said |= {"REPLAYGAIN_TRACK_GAIN": "-3.1 dB", "MYOWN": "mine"}
    args = [word for name, text in said.items() for word in ("-metadata", f"{name}={text}")]
    args += {".aiff": ["-write_id3v2", "1"], ".mp3": ["-id3v2_version", "3"]}.get(suffix, [])
    path = folder / f"source{suffix}"
    run_ffmpeg("-i", str(written(folder / f"plain{'.wav' if suffix == '.mkv' else suffix}")), *args, f"file:{path}")
    if suffix == ".mp3":
        file = mp3.MP3(path)
        file.tags.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=COVER))
        file.tags.add(id3.CHAP(element_id="c1", start_time=0, end_time=20, sub_frames=[id3.TIT2(text=["one"])]))
        file.save(v2_version=3)
    if suffix == ".flac":
        file = flac.FLAC(path)
        file.add_picture(picture())
        file.save()
    return path


def picture() -> flac.Picture:
    picture = flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/jpeg", COVER
    return picture


def common(path: Path) -> dict[str, str]:
    return {name: text for name, text in read_tags(path).items() if name in COMMON_FIELDS}


SUFFIXES = [".flac", ".mp3", ".ogg", ".opus", ".m4a", ".wma", ".aiff"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_tags_are_handed_on_between_files_of_one_format(tmp_path: Path, suffix: str) -> None:
    if suffix == ".m4a":
        source = written(tmp_path / "source.m4a")
        copy_tags(tagged(tmp_path, ".flac"), source, provenance="before", is_changed=False)
        file = mp4.MP4(source)
        file.tags["----:com.apple.iTunes:MYOWN"] = [mp4.MP4FreeForm(b"mine")]
        file.tags["----:com.apple.iTunes:replaygain_track_gain"] = [mp4.MP4FreeForm(b"-3.1 dB")]
        file.save()
    else:
        source = tagged(tmp_path, suffix)
    before = read_tags(source)
    assert common(source) == FIELDS
    for is_changed in (True, False):
        target = written(tmp_path / f"target{is_changed}{suffix}")
        assert copy_tags(source, target, provenance="remix 7", is_changed=is_changed) == []
        after = read_tags(target)
        assert common(target) == FIELDS
        assert "remix 7" in (after.get("varemix"), after.get("provenance"))
        assert after.get("myown") == before["myown"] == "mine"
        assert ("replaygain_track_gain" in after) == (not is_changed)
        assert tags._cover_of(target) == tags._cover_of(source)
        np.testing.assert_array_equal(read_audio(target)[0], read_audio(written(tmp_path / f"b{suffix}"))[0])


@pytest.mark.parametrize(
    ("source_suffix", "target_suffix"),
    [*((".flac", suffix) for suffix in [*SUFFIXES, ".wav"]), (".mp3", ".flac"), (".mp3", ".m4a")],
)
def test_common_fields_and_the_cover_are_handed_on_between_formats_and_lost_chapters_told(
    tmp_path: Path, source_suffix: str, target_suffix: str
) -> None:
    source = tagged(tmp_path, source_suffix)
    target = written(tmp_path / f"target{target_suffix}")
    lost = ["1 of 1 chapters of 'source.mp3' were left out."] if source_suffix == ".mp3" else []
    assert copy_tags(source, target, provenance="remix 7") == lost
    assert common(target) == FIELDS
    assert tags._cover_of(target) == COVER


@pytest.mark.parametrize("suffix", [".wv", ".tta", ".caf"])
def test_tags_of_rarer_formats_are_handed_on(tmp_path: Path, suffix: str) -> None:
    source, target, back = (written(tmp_path / name) for name in (f"source{suffix}", f"target{suffix}", "back.flac"))
    copy_tags(tagged(tmp_path, ".flac"), source, provenance="before", is_changed=False)
    assert copy_tags(source, target, provenance="remix 7") == []
    assert (common(target), read_tags(target)["varemix"]) == (FIELDS, "remix 7")
    assert read_tags(target)["myown"] == "mine"
    copy_tags(target, back, provenance="remix 8")
    assert common(back) == FIELDS
    assert tags._cover_of(back) == (None if suffix == ".caf" else COVER)
    np.testing.assert_array_equal(read_audio(target)[0], noise(num_channels=1))


@pytest.mark.parametrize("source_suffix", [".m4a", ".wma", ".wav", ".mkv"])
def test_common_fields_come_from_every_format(tmp_path: Path, source_suffix: str) -> None:
    source = tagged(tmp_path, source_suffix)
    target = written(tmp_path / "target.flac")
    copy_tags(source, target, provenance="remix 7")
    lacking = ("albumartist", "disc", "composer") if source_suffix == ".wav" else ()  # RIFF has no fields for these
    assert common(target) == {name: text for name, text in FIELDS.items() if name not in lacking}


def test_the_provenance_is_where_other_programs_look_for_it(tmp_path: Path) -> None:
    source = written(tmp_path / "plain.flac")
    targets = {suffix: written(tmp_path / f"t{suffix}") for suffix in SUFFIXES}
    for target in targets.values():
        copy_tags(source, target, provenance="remix 7")
    assert flac.FLAC(targets[".flac"])["varemix"] == ["remix 7"]
    assert oggvorbis.OggVorbis(targets[".ogg"])["varemix"] == ["remix 7"]
    assert oggopus.OggOpus(targets[".opus"])["varemix"] == ["remix 7"]
    assert mp3.MP3(targets[".mp3"]).tags["TXXX:VAREMIX"].text == ["remix 7"]
    assert aiff.AIFF(targets[".aiff"]).tags["TXXX:VAREMIX"].text == ["remix 7"]
    assert mp4.MP4(targets[".m4a"])["----:varemix:provenance"] == [b"remix 7"]


def test_id3_keeps_its_version_and_its_chapters(tmp_path: Path) -> None:
    target = written(tmp_path / "target.mp3")
    copy_tags(tagged(tmp_path, ".mp3"), target, provenance="remix 7")
    assert target.read_bytes()[3] == 3
    chapter = mp3.MP3(target).tags["CHAP:c1"]
    assert (chapter.end_time, chapter.sub_frames["TIT2"].text) == (20, ["one"])


def test_what_tells_times_or_the_key_is_left_out_of_sound_of_another(tmp_path: Path) -> None:
    source, target = (written(tmp_path / name) for name in ("a.mp3", "b.mp3"))
    frames = id3.ID3()
    for kind in (id3.TLEN, id3.TBPM, id3.TKEY, id3.TIT2):
        frames.add(kind(encoding=3, text=["7"]))
    frames.save(source)
    kept = []
    for keeps in ({"keeps_time": False}, {"keeps_pitch": False}, {}):
        copy_tags(source, target, provenance="remix 7", **keeps)
        kept.append({"TLEN", "TBPM", "TKEY", "TIT2"} & set(id3.ID3(target)))
    assert kept == [{"TKEY", "TIT2"}, {"TLEN", "TBPM", "TIT2"}, {"TLEN", "TBPM", "TKEY", "TIT2"}]


def test_a_cue_sheet_is_handed_on_between_flac_files_only(tmp_path: Path) -> None:
    source = written(tmp_path / "source.flac")
    file = flac.FLAC(source)
    file.cuesheet = flac.CueSheet(None)
    file.cuesheet.tracks = [flac.CueSheetTrack(number, place) for number, place in [(1, 0), (2, 900), (170, 2_000)]]
    for track in file.cuesheet.tracks[:2]:
        track.indexes.append(flac.CueSheetTrackIndex(1, 0))
    file.save()
    targets = [written(tmp_path / name) for name in ("a.flac", "a.ogg")]
    notes = [copy_tags(source, target, provenance="remix 7") for target in targets]
    assert notes == [[], ["2 of 2 chapters of 'source.flac' were left out."]]
    assert flac.FLAC(targets[0]).cuesheet == flac.FLAC(source).cuesheet
    np.testing.assert_array_equal(read_audio(targets[0])[0], read_audio(source)[0])


@pytest.mark.parametrize("suffix", [".mp3", ".flac"])
def test_the_common_fields_of_an_ape_tag_are_handed_on_and_the_others_told(tmp_path: Path, suffix: str) -> None:
    source, target = written(tmp_path / "source.mp3"), written(tmp_path / f"target{suffix}")
    names = {"albumartist": "Album Artist", "date": "Year"}
    tag = apev2.APEv2()
    for name, text in FIELDS.items():
        tag[names.get(name, name.title())] = text
    tag["Mixed By"], tag["MP3GAIN_MINMAX"] = "someone", "003,190"
    tag.save(source)
    assert copy_tags(source, target, provenance="remix 7") == ["Of the APE tag of 'source.mp3', mixed by was left out."]
    assert common(target) == FIELDS


def bext(version: int) -> bytes:
    return bytes(346) + struct.pack("<H", version) + bytes(64) + struct.pack("<5h", -2300, 1, 2, 3, 4) + bytes(190)


@pytest.mark.parametrize("kind", ["RIFF", "RF64"])
def test_a_wav_file_keeps_what_studios_note_in_it(tmp_path: Path, kind: str) -> None:
    names = ("source.wav", "target.wav")
    for name in names:
        soundfile.write(
            tmp_path / name, noise().T, 44_100, format="WAV" if kind == "RIFF" else "RF64", subtype="PCM_16"
        )
    source, target = (tmp_path / name for name in names)
    chunks = [(b"bext", bext(2)), (b"iXML", b"<odd/>\n"), (b"cue ", bytes(28)), (b"LIST", b"INFOINAM\4\0\0\0Hey\0")]
    riff.append_chunks(source, [*chunks, (b"levl", b"drawn")])
    tags_of_source = id3.ID3()
    tags_of_source.add(id3.TPE1(encoding=3, text=["Ensemble"]))
    content = BytesIO()
    tags_of_source.save(content)
    riff.append_chunks(source, [(b"ID3 ", content.getvalue())])

    assert copy_tags(source, target, provenance="remix 7") == ["Of the notes in 'source.wav', levl was left out."]
    kept = {chunk: riff.read_chunk(target, place, size) for chunk, place, size in riff.all_chunks(target)}
    assert {chunk: kept[chunk] for chunk, _ in chunks[1:]} == dict(chunks[1:])
    assert b"levl" not in kept
    assert struct.unpack_from("<5H", kept[b"bext"], 412) == (0x7FFF,) * 5
    assert kept[b"bext"][:412] + kept[b"bext"][422:] == bext(2)[:412] + bext(2)[422:]
    found = id3.ID3(BytesIO(kept[b"id3 "]))
    assert (found["TPE1"].text, found["TIT2"].text) == (["Ensemble"], ["Hey"])
    assert found["TXXX:VAREMIX"].text == ["remix 7"]
    np.testing.assert_array_equal(read_audio(target)[0], noise())
    size = struct.unpack_from("<Q" if kind == "RF64" else "<I", target.read_bytes(), 20 if kind == "RF64" else 4)[0]
    assert size == target.stat().st_size - 8


def riff_info(**texts: bytes) -> bytes:
    return b"INFO" + b"".join(
        name.encode() + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for name, text in texts.items()
    )


@pytest.mark.parametrize(
    ("page", "declared", "artist"),
    [
        ("latin_1", None, "Björk"),
        ("cp1251", None, "Кино и Ария"),
        ("cp1250", None, "Antonín Dvořák"),
        ("cp932", 932, "久石譲"),
        ("cp1253", 1253, "Η"),
        ("utf-8", 1252, "Björk"),
    ],
)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a"])
def test_text_that_does_not_say_its_encoding_is_read_and_handed_on(
    tmp_path: Path, page: str, declared: int | None, artist: str, suffix: str
) -> None:
    source, target = written(tmp_path / "source.wav"), written(tmp_path / f"target{suffix}")
    chunks = [] if declared is None else [(b"CSET", struct.pack("<4H", declared, 0, 0, 0))]
    riff.append_chunks(source, [*chunks, (b"LIST", riff_info(IART=artist.encode(page)))])
    assert read_tags(source)["artist"] == artist
    copy_tags(source, target, provenance="remix 7")
    assert read_tags(target)["artist"] == artist


def with_id3v1(path: Path, page: str) -> Path:
    fields = [("Jóga".encode(page), 30), ("Björk".encode(page), 30), (b"Homogenic", 30), (b"1997", 4), (b"", 28)]
    tag = b"TAG" + b"".join(text.ljust(size, b"\0") for text, size in fields) + bytes([0, 3, 13])
    path.write_bytes(path.read_bytes() + tag)
    return path


@pytest.mark.parametrize("page", ["latin_1", "utf-8", "mac_roman"])
@pytest.mark.parametrize("suffix", [".mp3", ".flac"])
def test_id3v1_is_read_like_all_text_without_an_encoding(tmp_path: Path, page: str, suffix: str) -> None:
    source, target = with_id3v1(written(tmp_path / "source.mp3"), page), written(tmp_path / f"target{suffix}")
    expected = {"artist": "Björk", "title": "Jóga", "album": "Homogenic", "date": "1997", "track": "3", "genre": "Pop"}
    assert common(source) == expected
    copy_tags(source, target, provenance="remix 7")
    assert common(target) == expected


def test_vorbis_comments_in_another_encoding_than_theirs_are_mended(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.flac"), written(tmp_path / "target.flac")
    file = flac.FLAC(source)
    file["artist"], file["mood"] = "Bjork", "still: oo"
    file.save()
    content = source.read_bytes().replace(b"Bjork", b"Bj\xf6rk").replace(b": oo", b": \xf6\xf6")
    source.write_bytes(content)
    assert read_tags(source)["artist"] == "Björk"
    copy_tags(source, target, provenance="remix 7")
    assert (flac.FLAC(target)["artist"], flac.FLAC(target)["mood"]) == (["Björk"], ["still: öö"])


def test_what_aiff_says_without_an_encoding_is_read(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.aiff"), written(tmp_path / "target.aiff")
    riff.append_chunks(source, [(b"NAME", b"J\xf3ga"), (b"AUTH", b"Bj\xf6rk")])
    copy_tags(source, target, provenance="remix 7")
    assert (common(source), common(target)) == ({"title": "Jóga", "artist": "Björk"},) * 2


def id3v2_3(path: Path) -> Path:
    """Return a file with frames of all sorts in ID3v2.3, some of which that version does not define."""
    file = mp3.MP3(path)
    file.tags.clear()
    names = ("TIT2", "TSOP", "TSOA", "TSOT", "TSO2", "TSOC", "TMOO", "TSST", "TYER", "TDAT", "TORY")
    for name in names:
        file.tags.add(id3.Frames[name](encoding=1, text=[name.lower() if name[1:] not in ("YER", "DAT") else "1203"]))
    file.tags.add(id3.TPE1(encoding=1, text=["Simon", "Garfunkel", "AC/DC"]))
    file.tags.add(id3.TXXX(encoding=1, desc="mine", text=["one", "two"]))
    file.tags.add(id3.POPM(email="a@b", rating=200, count=3))
    file.save(v2_version=3, v23_sep=None)
    own = b"XSOP" + struct.pack(">IH", 4, 0) + b"\0own"  # a frame of somebody's own
    broken = b"TMED" + struct.pack(">IH", 4, 0) + b"\7bad"
    content = path.read_bytes()
    at = content.index(b"TXXX")
    added = own + broken
    size = int.from_bytes(content[6:10], "big")
    plain = (size >> 24 & 127) << 21 | (size >> 16 & 127) << 14 | (size >> 8 & 127) << 7 | size & 127
    total = plain + len(added)
    coded = bytes(total >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(content[:6] + coded + content[10:at] + added + content[at:])
    return path


def test_id3_keeps_the_frames_that_its_version_does_not_define_and_several_values_apart(tmp_path: Path) -> None:
    source, target = id3v2_3(written(tmp_path / "source.mp3")), written(tmp_path / "target.mp3")
    assert copy_tags(source, target, provenance="remix 7") == []
    before, after = (mp3.MP3(path, translate=False).tags for path in (source, target))
    assert after.version == (2, 3, 0)
    assert after.pop("TXXX:VAREMIX").text == ["remix 7"]
    assert {key: repr(frame) for key, frame in after.items()} == {key: repr(frame) for key, frame in before.items()}
    assert after["TPE1"].text == ["Simon", "Garfunkel", "AC/DC"]
    assert all(frame in target.read_bytes() for frame in (b"XSOP\0\0\0\4\0\0\0own", b"TMED\0\0\0\4\0\0\7bad"))


def test_texts_of_one_kind_of_tags_are_handed_on_to_another(tmp_path: Path) -> None:
    source = id3v2_3(written(tmp_path / "source.mp3"))
    for suffix in (".flac", ".ogg", ".m4a", ".wma"):
        target = written(tmp_path / f"target{suffix}")
        assert copy_tags(source, target, provenance="remix 7") == []
        assert read_tags(target)["mine"].startswith("one"), suffix


def test_aiff_keeps_markers_loops_and_comments(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.aiff"), written(tmp_path / "target.aiff")
    marks = struct.pack(">HHI", 1, 1, 700) + b"\5loop1"
    instrument = struct.pack(">6bh6h", 60, 0, 0, 127, 1, 127, 0, 1, 1, 2, 0, 0, 0)
    kept = [(b"MARK", marks), (b"INST", instrument), (b"COMT", struct.pack(">HIHH", 1, 0, 0, 2) + b"hi")]
    riff.append_chunks(source, [*kept, (b"APPL", b"ownsxyz")])
    assert copy_tags(source, target, provenance="remix 7") == ["Of the notes in 'source.aiff', APPL was left out."]
    found = {chunk: riff.read_chunk(target, place, size) for chunk, place, size in riff.all_chunks(target)}
    assert {chunk: found[chunk] for chunk, _ in kept} == dict(kept)
    np.testing.assert_array_equal(read_audio(target)[0], read_audio(source)[0])
    assert copy_tags(source, written(tmp_path / "a.flac"), provenance="remix 7") == [
        "Of the notes in 'source.aiff', APPL, COMT, INST, MARK was left out."
    ]


@pytest.mark.parametrize("size", [100, tags.MAX_TAG_BYTES + 2])
def test_an_audio_definition_model_is_kept_whole_or_left_out_whole(tmp_path: Path, size: int) -> None:
    source, target = written(tmp_path / "source.wav"), written(tmp_path / "target.wav")
    loudness = b"<loudnessMetadata><integratedLoudness>-23</integratedLoudness></loudnessMetadata>"
    axml = b"<audioFormatExtended>" + loudness + b" " * size + b"</audioFormatExtended>"
    chna = struct.pack("<HH", 1, 1) + struct.pack("<H12s14s11sx", 1, b"ATU_00000001", b"AT_00010001_01", b"AP_00010001")
    riff.append_chunks(source, [(b"chna", chna), (b"axml", axml)])
    notes = copy_tags(source, target, provenance="remix 7")
    found = {chunk: riff.read_chunk(target, place, size) for chunk, place, size in riff.all_chunks(target)}
    if size > tags.MAX_TAG_BYTES:
        assert notes == ["Of the notes in 'source.wav', axml, chna was left out."]
        assert not {b"axml", b"chna"} & set(found)
    else:
        assert (notes, found[b"chna"], found[b"axml"]) == ([], chna, axml.replace(loudness, b""))


def test_the_loudness_in_a_bext_chunk_of_version_1_does_not_exist() -> None:
    assert riff.without_loudness(bext(1)) == bext(1)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac"])
def test_a_cover_or_tag_that_is_absurdly_large_is_left_out_with_a_note(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags, "MAX_TAG_BYTES", len(COVER) - 1)  # as large as the true limit would be slow
    source, target = written(tmp_path / f"source{suffix}"), written(tmp_path / f"target{suffix}")
    if suffix == ".mp3":
        file = mp3.MP3(source)
        file.tags.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=COVER))
        file.tags.add(id3.TXXX(encoding=3, desc="long", text=["x" * len(COVER)]))
    elif suffix == ".m4a":
        file = mp4.MP4(source)
        file.tags["covr"] = [mp4.MP4Cover(COVER, mp4.MP4Cover.FORMAT_JPEG)]
        file.tags["----:a:long"] = [mp4.MP4FreeForm(b"x" * len(COVER))]
    else:
        file = flac.FLAC(source)
        file.add_picture(picture())
        file["long"] = "x" * len(COVER)
    file.save()
    notes = copy_tags(source, target, provenance="remix 7")
    assert len(notes) == 2
    assert all(f"of {len(COVER)} bytes, which was left out" in note for note in notes)
    assert tags._cover_of(target) is None
    assert target.stat().st_size < source.stat().st_size - len(COVER)


def test_a_tag_of_50_megabytes_does_no_harm(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.mp3"), written(tmp_path / "target.mp3")
    file = mp3.MP3(source)
    file.tags.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=bytes(50_000_000)))
    file.tags.add(id3.TIT2(encoding=3, text=["Title"]))
    file.save()
    assert probe_audio(source).num_samples == 2_000
    assert len(copy_tags(source, target, provenance="remix 7")) == 1
    assert read_tags(target)["title"] == "Title"
    assert target.stat().st_size < 100_000


def test_ogg_pictures_that_are_none_are_left_out(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.ogg"), written(tmp_path / "target.flac")
    file = oggvorbis.OggVorbis(source)
    good = base64.b64encode(picture().write()).decode()
    file["metadata_block_picture"] = ["no base 64", "AAAA", good]
    file.save()
    copy_tags(source, target, provenance="remix 7")
    assert [found.data for found in flac.FLAC(target).pictures] == [COVER]


def test_tags_that_cannot_be_read_are_noted_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tagged(tmp_path, ".mp3"), written(tmp_path / "target.flac")

    def refuse(*_args: object, **_options: object) -> None:
        raise MutagenError("no sense in it")

    monkeypatch.setattr(mp3, "MP3", refuse)
    notes = copy_tags(source, target, provenance="remix 7")
    assert notes[0] == "Some tags of 'source.mp3' cannot be read: no sense in it."
    assert common(target) == FIELDS


def test_formats_without_tags_are_told(tmp_path: Path) -> None:
    target = encoded(tmp_path, "a.aac", "-c:a", "aac")
    assert copy_tags(target, target, provenance="x") == [
        "The tags of 'a.aac' were left out: the format of what is written holds none."
    ]


def test_a_file_without_tags_says_nothing_and_one_that_is_missing_is_told(tmp_path: Path) -> None:
    assert "title" not in read_tags(written(tmp_path / "a.wav"))
    (tmp_path / "words.mp3").write_bytes(b"these are words")
    assert read_tags(tmp_path / "words.mp3") == {}
    with pytest.raises(MediaError, match=r"'none\.mp3' cannot be read"):
        read_tags(tmp_path / "none.mp3")


def test_damaged_tags_are_read_or_left_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    target = written(tmp_path / "target.wav")
    whole = target.read_bytes()
    for suffix in (".mp3", ".flac", ".m4a", ".wma"):
        content = tagged(tmp_path, suffix).read_bytes()
        path = tmp_path / f"damaged{suffix}"
        for _ in range(15):
            copy = bytearray(content)
            for place in rng.integers(10, 900, 8):
                copy[place] = rng.integers(256)
            path.write_bytes(copy)
            target.write_bytes(whole)
            read_tags(path)
            copy_tags(path, target, provenance="remix 7")
            assert read_tags(target)["varemix"] == "remix 7"
