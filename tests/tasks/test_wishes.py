import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catalog.files import cut_note
from catalog.ids import content_id
from tasks.wishes import Job, Wanted, _apart, jobs_of, plan_queries, wanted_of
from varemix.errors import MediaError, UsageError
from varemix.remix.plan import RemixPlan, plan_of

INSTRUMENTS = ("flute", "tuba", "violin")
OUT = Path("/out")
ACCENTS = {form: unicodedata.normalize(form, "é") for form in ("NFC", "NFD")}


def track(path: str, **tags: str) -> dict[str, Any]:
    return {"track_path": path, "tags_json": json.dumps(tags), "duration_s": 60.0}


def plan(**values: Any) -> RemixPlan:
    return RemixPlan.model_validate(values)


def rule(name: str, match: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"name": name, "match": match, **values}


def jobs(wishes: RemixPlan, *tracks: dict[str, Any]) -> dict[str, Job]:
    made = jobs_of(tracks, wishes, plan_queries(wishes, INSTRUMENTS), OUT)
    return {job.track["track_path"]: job for job in made}


def places(wishes: RemixPlan, *paths: str) -> list[str]:
    return [job.out_path.relative_to(OUT).as_posix() for job in jobs(wishes, *map(track, paths)).values()]


def wanted(*gains: str, **settings: Any) -> Wanted:
    wishes = plan_of(gains, **settings)
    return wanted_of(wishes.variants()[0], plan_queries(wishes, INSTRUMENTS))


def picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (16, 16), colour).save(path)
    return path


def test_the_first_rule_for_a_tag_a_folder_or_a_file_name_decides_what_a_track_becomes() -> None:
    wishes = plan(
        gains={"violin": -6},
        rules=[
            rule("folk", {"genre": "folk"}, gains={"tuba": "mute", "flute": 3}),
            rule("live", {"folder": "live/**"}, skip=True),
            rule("takes", {"file": "*take ?.wav"}, dry_wet=0.5),
        ],
    )
    made = jobs(
        wishes,
        track("a.wav", genre="Rock; Folk"),
        track("live/e.wav", genre="FOLK"),
        track("live/2019/b take 1.wav", genre="rock"),
        track("deep/c Take 2.wav"),
        track("d.wav", genre="folklore"),
    )
    assert {path: (job.wanted.wishes.rule, job.wanted.names) for path, job in made.items()} == {
        "a.wav": ("folk", ["tuba", "flute"]),
        "live/e.wav": ("folk", ["tuba", "flute"]),
        "live/2019/b take 1.wav": ("live", []),
        "deep/c Take 2.wav": ("takes", ["violin"]),
        "d.wav": ("", ["violin"]),
    }
    assert made["live/2019/b take 1.wav"].wanted.wishes.is_skipped
    assert [made[path].wanted.wishes.dry_wet for path in ("deep/c Take 2.wav", "d.wav")] == [0.5, 1.0]


def test_a_rule_may_be_for_short_recordings() -> None:
    wishes = plan(gains={"violin": -6}, rules=[rule("short", {"max_duration_s": 30}, skip=True)])
    made = jobs(wishes, track("short.wav") | {"duration_s": 29.9}, track("long.wav"))
    assert {path: job.wanted.wishes.is_skipped for path, job in made.items()} == {"short.wav": True, "long.wav": False}


def test_without_another_format_every_remix_is_called_like_its_track() -> None:
    names = ["a.wav", "A.WAV", "deep/a.wav", "a.wav.mp3", "Fête/x.y.flac"]
    assert places(plan_of(["violin=-6"]), *names) == names


@pytest.mark.parametrize(
    ("format_name", "path", "place"),
    [
        ("flac", "deep/a.wav", "deep/a.flac"),
        ("mp3", "a.b.WAV", "a.b.mp3"),
        ("m4a", "film.mp4", "film.m4a"),
        ("opus", "a.ogg", "a.opus"),
        ("wav", "1. Andante.flac", "1. Andante.wav"),
        ("same", "a.wav", "a.wav"),
    ],
)
def test_another_format_gives_another_suffix(format_name: str, path: str, place: str) -> None:
    assert places(plan_of(["violin=-6"], format=format_name), path) == [place]


@pytest.mark.parametrize(
    ("format_name", "path"), [("wav", "A.WAV"), ("flac", "deep/a.flac"), ("alac", "a.m4a"), ("m4a", "a.M4A")]
)
def test_a_track_that_has_the_formats_suffix_keeps_its_name(format_name: str, path: str) -> None:
    assert places(plan_of(["violin=-6"], format=format_name), path) == [path]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.wav", "a.aiff"], ["a.wav.flac", "a.aiff.flac"]),
        (["a.wav", "A.aiff"], ["a.wav.flac", "A.aiff.flac"]),
        (
            [f"{ACCENTS['NFC']}.wav", f"{ACCENTS['NFD']}.mp3"],
            [f"{ACCENTS['NFC']}.wav.flac", f"{ACCENTS['NFD']}.mp3.flac"],
        ),
        (["straße/a.wav", "STRASSE/a.mp3"], ["straße/a.wav.flac", "STRASSE/a.mp3.flac"]),
        (["a.wav", "a.flac"], ["a.wav.flac", "a.flac"]),
        (["a.wav", "A.FLAC"], ["a.wav.flac", "A.FLAC"]),
        (["a.wav", "a.mp3", "a.ogg"], ["a.wav.flac", "a.mp3.flac", "a.ogg.flac"]),
        (["a.wav", "deep/a.aiff", "b.wav"], ["a.flac", "deep/a.flac", "b.flac"]),
    ],
)
def test_two_tracks_that_would_be_called_alike_keep_what_tells_them_apart(
    paths: list[str], expected: list[str]
) -> None:
    assert places(plan_of(["violin=-6"], format="flac"), *paths) == expected


def test_a_track_that_a_rule_leaves_as_it_is_keeps_its_name_and_no_other_gets_it() -> None:
    skipped = plan(gains={"violin": -6}, format="flac", rules=[rule("live", {"genre": "live"}, skip=True)])
    made = jobs(skipped, track("a.wav"), track("a.flac", genre="live"), track("b.wav", genre="live"))
    assert [str(job.out_path) for job in made.values()] == ["/out/a.wav.flac", "/out/a.flac", "/out/b.wav"]


def test_a_rule_may_wish_another_format_than_the_plan() -> None:
    wishes = plan(gains={"violin": -6}, format="flac", rules=[rule("tapes", {"folder": "tapes"}, format="same")])
    assert places(wishes, "tapes/a.wav", "b.wav") == ["tapes/a.wav", "b.flac"]


def test_every_target_of_a_plan_and_of_its_rules_has_its_query(tmp_path: Path) -> None:
    photo = str(picture(tmp_path / "photo.png"))
    wishes = plan(gains={"Violin": -6}, rules=[rule("folk", {"genre": "folk"}, gains={photo: 3, "tuba": "mute"})])
    queries = plan_queries(wishes, INSTRUMENTS)
    assert {target: query.title for target, query in queries.items()} == {
        "Violin": "violin",
        photo: "photo.png",
        "tuba": "tuba",
    }


@pytest.mark.parametrize(
    ("gains", "rule_gains", "words"),
    [
        ({"theremin": 3}, {"violin": 3}, "'theremin' is neither an instrument that the model knows"),
        ({"violin": 3}, {"theremin": 3}, "'theremin' is neither an instrument that the model knows"),
        ({"violin": 3, "Violin ": 6}, {"tuba": 3}, "two gains in violin=3.0, Violin=6.0"),
        ({"violin": 3}, {"tuba": "mute", "TUBA": "solo"}, "two gains in tuba=mute, TUBA=solo"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_also_where_only_a_rule_is_wrong(
    gains: dict[str, Any], rule_gains: dict[str, Any], words: str
) -> None:
    wishes = plan(gains=gains, rules=[rule("folk", {"genre": "folk"}, gains=rule_gains)])
    with pytest.raises(UsageError, match=words):
        plan_queries(wishes, INSTRUMENTS)


def test_one_instrument_may_be_called_otherwise_in_a_rule_which_stands_in_the_plans_place() -> None:
    wishes = plan(gains={"violin": 3}, rules=[rule("folk", {"genre": "folk"}, gains={"Violin": "mute"})])
    made = jobs(wishes, track("a.wav", genre="folk"), track("b.wav"))
    assert [job.wanted.as_dict()["gains"] for job in made.values()] == [{"violin": "mute"}, {"violin": "3.0"}]


def test_a_picture_in_a_rule_must_be_readable_and_two_equal_ones_are_one(tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("these are words")
    wishes = plan(rules=[rule("folk", {"genre": "folk"}, gains={str(tmp_path / "words.jpg"): 3})])
    with pytest.raises(MediaError, match=r"'words\.jpg' is no picture"):
        plan_queries(wishes, INSTRUMENTS)
    one, two = (picture(tmp_path / folder / "photo.png") for folder in ("one", "two"))
    with pytest.raises(UsageError, match="One instrument has two gains"):
        plan_queries(plan(gains={str(one): 3, str(two): 6}), INSTRUMENTS)


def test_the_order_of_wishes_does_not_matter_but_all_else_does(tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png")
    gains = ["violin=-6", f"{photo}=mute", "tuba=+3"]
    first, again = (content_id("x", wishes=wanted(*order).as_dict()) for order in (gains, gains[::-1]))
    assert first == again
    others = [
        wanted(*gains[:2]),
        wanted("violin=-6", f"{photo}=+3", "tuba=mute"),
        wanted(*gains, dry_wet=0.9),
        wanted(*gains, smoothing_s=0.1),
        wanted(*gains, force=True),
        wanted(*gains, nothing_else=True),
        wanted(*gains, loudness="match"),
        wanted(*gains, true_peak_db=-1),
        wanted(*gains, format="flac"),
    ]
    ids = [content_id("x", wishes=other.as_dict()) for other in others]
    assert len({first, *ids}) == 1 + len(others)


def test_a_picture_is_known_by_what_it_shows_not_by_where_it_lies(tmp_path: Path) -> None:
    one, two, other = (
        wanted(f"{picture(tmp_path / folder / f'{name}.png', colour)}=-6").as_dict()
        for folder, name, colour in (("one", "photo", "red"), ("two", "renamed", "red"), ("three", "photo", "blue"))
    )
    assert one == two != other


def test_which_rule_wished_it_does_not_decide_the_result() -> None:
    wishes = plan(gains={"violin": 3}, rules=[rule("folk", {"genre": "folk"}, gains={"violin": 3})])
    made = jobs(wishes, track("a.wav", genre="folk"), track("b.wav"))
    assert made["a.wav"].wanted.as_dict() == made["b.wav"].wanted.as_dict()


@pytest.mark.parametrize(
    ("gains", "settings", "heard"),
    [
        (["violin=-6", "tuba=0", "flute=mute"], {}, ["violin", "flute"]),
        (["violin=-6", "tuba=solo"], {}, ["tuba"]),
        (["violin=0", "tuba=-0"], {}, []),
        (["violin=-6", "tuba=solo"], {"dry_wet": 0.0, "loudness": -16}, []),
        (["violin=-6"], {"dry_wet": 0.01}, ["violin"]),
    ],
)
def test_heard_is_what_changes_anything(gains: list[str], settings: dict[str, Any], heard: list[str]) -> None:
    pairs = wanted(*gains, **settings).heard()
    assert [query.name for query, _ in pairs] == heard
    assert [wish.target for _, wish in pairs] == heard


def test_of_a_track_that_is_skipped_nothing_is_heard_and_nothing_else_decides() -> None:
    wishes = plan(gains={"violin": -6}, loudness=-16, rules=[rule("live", {"genre": "live"}, skip=True)])
    [job] = jobs(wishes, track("a.wav", genre="live")).values()
    assert (job.wanted.heard(), job.wanted.names) == ([], [])
    assert job.wanted.as_dict() == {"is_skipped": True}


@pytest.mark.parametrize(
    "paths",
    [
        ["a.wav", "a.flac", "a.wav.flac"],
        ["a.wav", "a.flac", "a.wav.aiff"],
        ["a.wav", "a.flac", "a.wav.flac", "a.wav.flac.flac", "a.wav.aiff"],
    ],
)
def test_no_two_tracks_become_one_file(paths: list[str]) -> None:
    made = places(plan_of(["violin=-6"], format="flac"), *paths)
    assert len(set(made)) == len(paths)
    assert [place for place in made if place in paths] == [path for path in paths if path.endswith(".flac")]


def test_a_name_that_another_format_makes_too_long_is_cut_and_stays_apart_from_others() -> None:
    names = ["a" * 251 + ".wav", "ä" * 125 + "b.wav", "ä" * 125 + "c.wav", "short.wav"]
    paths = _apart([f"folder/{name}" for name in names], ["flac"] * 4)
    cut = [path.removeprefix("folder/") for path in paths]
    assert all(len(name.encode()) <= 255 and name.endswith(".flac") for name in cut)
    assert len(set(cut)) == 4
    assert cut[3] == "short.flac"
    assert [bool(cut_note(name, of=old)) for name, old in zip(cut, names, strict=True)] == [True, True, True, False]


def test_a_recording_whose_format_nobody_writes_becomes_the_nearest_unless_it_is_left_as_it_is() -> None:
    tracks = [track(f"a/{name}.ape") | {"written_as": "flac"} for name in ("song", "left")] + [track("b.wav")]
    rules = [{"name": "left", "match": {"file": "left*"}, "skip": True}]
    wished = plan(gains={"violin": -6}, rules=rules)
    jobs = jobs_of(tracks, wished, plan_queries(wished, INSTRUMENTS), OUT)
    assert [str(job.out_path) for job in jobs] == ["/out/a/song.flac", "/out/a/left.ape", "/out/b.wav"]
    assert [job.wanted.wishes.format for job in jobs] == ["flac", None, None]
