import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.wishes import wished_plan, with_pictures_beside
from tasks.wishes import plan_queries
from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan
from varemix.remix.plan_yaml import load_plan
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S

PLAN = """
gains: {violin: -6, tuba: mute}
dry_wet: 0.5
loudness: match
rules:
  - name: live
    match: {folder: live/**}
    gains: {violin: solo}
    format: flac
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a plan."""
    path = tmp_path / "plans" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(PLAN)
    return path


def picture(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (16, 16), "red").save(path)
    return path


def gains(plan: RemixPlan) -> list[list[str]]:
    """Return the gains of the plan and of each rule as a person writes them."""
    return [[wish.text for wish in wishes.gains] for wishes in plan.variants()]


def test_gains_alone_are_a_plan() -> None:
    plan = wished_plan(["violin=-6", "tuba=mute"], smoothing_s=None, loudness="-16", true_peak_db="off")
    assert gains(plan) == [["violin=-6.0", "tuba=mute"]]
    assert (plan.loudness, plan.true_peak_db, plan.smoothing_s) == (-16, None, DEFAULT_SMOOTHING_S)


def test_a_file_is_the_plan_that_it_holds(file: Path) -> None:
    assert wished_plan([], file=file) == load_plan(file)
    assert gains(wished_plan([], file=file)) == [["violin=-6.0", "tuba=mute"], ["violin=solo"]]


def test_options_come_in_the_place_of_what_a_plan_says_and_the_rest_stays(file: Path) -> None:
    plan = wished_plan(["tuba=+3", "flute=-3"], file=file, dry_wet=1.0, smoothing_s=0.2, format=None, loudness=None)
    assert gains(plan) == [["violin=-6.0", "tuba=3.0", "flute=-3.0"], ["violin=solo"]]
    assert (plan.dry_wet, plan.smoothing_s, plan.format, plan.loudness) == (1.0, 0.2, None, "match")
    assert [(wishes.dry_wet, wishes.format) for wishes in plan.variants()] == [(1.0, None), (1.0, "flac")]


def test_a_decay_reads_as_the_time_constant_that_forgets_as_much(file: Path) -> None:
    file.write_text(PLAN + "smoothing_s: 0.3\n")
    for settings in ({"file": file}, {"preset_name": "karaoke", "targets": ["violin"]}, {}):
        plan = wished_plan(["violin=-6"], decay=0.8, **settings)
        assert math.exp(-512 / 44_100 / plan.smoothing_s) == pytest.approx(0.8)
        assert wished_plan(["violin=-6"], decay=0, **settings).smoothing_s == 0


def test_a_plan_from_before_smoothing_was_in_seconds_is_read(file: Path) -> None:
    file.write_text(PLAN + "    smoothing: 0.5\nsmoothing: 0.8\n")
    of_all, live = wished_plan([], file=file).variants()
    assert of_all.smoothing_s == wished_plan(["violin=-6"], decay=0.8).smoothing_s
    assert live.smoothing_s == wished_plan(["violin=-6"], decay=0.5).smoothing_s
    assert wished_plan([], file=file, smoothing_s=0.1).smoothing_s == 0.1


@pytest.mark.parametrize(
    ("option", "word", "left"),
    [
        ("true_peak_db", "off", None),
        ("format", "same", None),
        ("loudness", "unchanged", "unchanged"),
        ("loudness", "as_is", "unchanged"),
    ],
)
def test_an_option_can_take_back_what_a_plan_wishes(tmp_path: Path, option: str, word: str, left: object) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("gains: {violin: -6}\ntrue_peak_db: -1\nformat: flac\nloudness: -16\n")
    options: dict[str, Any] = {option: word}
    before, after = wished_plan([], file=file), wished_plan([], file=file, **options)
    assert (getattr(before, option) != left, getattr(after, option)) == (True, left)
    kept = {"true_peak_db", "format", "loudness"} - {option}
    assert before.model_dump(include=kept) == after.model_dump(include=kept)


def test_a_preset_is_for_targets_and_others_and_takes_options_too() -> None:
    plan = wished_plan(["flute=-3"], preset_name="practice", targets=["violin"], others=["tuba", "cello"])
    assert gains(plan) == [["violin=6.0", "tuba=-6.0", "cello=-6.0", "flute=-3.0"]]
    assert plan.true_peak_db == -1
    other = wished_plan(["violin=-1"], preset_name="karaoke", targets=["violin", "tuba"], loudness="unchanged")
    assert (gains(other), other.loudness) == ([["violin=-1.0", "tuba=mute"]], "unchanged")


def test_pictures_beside_a_plan_are_found_from_another_working_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, deep = picture(file.parent / "photo.png"), picture(file.parent / "deep" / "my photo.jpg")
    beside = picture(tmp_path / "beside.png")
    file.write_text(
        """
gains: {photo.png: -6, violin: mute}
rules:
  - {name: live, match: {genre: live}, gains: {deep/my photo.jpg: solo, ../beside.png: 3, lost.png: 1}}
  - {name: calm, match: {genre: calm}, dry_wet: 0.5}
  - {name: spoken, match: {genre: speech}, skip: true}
"""
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for path in (file, Path("../plans/mine.yaml")):
        plan = wished_plan([], file=path)
        assert gains(plan) == [
            [f"{photo}=-6.0", "violin=mute"],
            [f"{deep}=solo", f"{beside}=3.0", "lost.png=1.0"],
            [f"{photo}=-6.0", "violin=mute"],
            [],
        ]
        assert [rule.name for rule in plan.rules] == ["live", "calm", "spoken"]
    monkeypatch.chdir(file.parent)
    assert gains(wished_plan([], file=Path("mine.yaml"))) == gains(plan)


def test_a_picture_with_a_path_of_its_own_and_an_instrument_are_as_they_are(file: Path, tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png")
    (file.parent / "violin").write_text("a file called like an instrument")
    plan = RemixPlan.model_validate({"gains": {str(photo): -6, "violin": 3, "~/photo.png": "mute"}, "dry_wet": 0.5})
    assert with_pictures_beside(plan, file.parent) == plan


def test_a_gain_given_as_an_option_names_a_picture_from_where_one_is(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(file.parent / "photo.png")
    monkeypatch.chdir(tmp_path)
    assert gains(wished_plan(["photo.png=3"], file=file))[0][-1] == "photo.png=3.0"


@pytest.mark.parametrize(
    ("wished", "words"),
    [
        ({"file": "mine.yaml", "preset_name": "karaoke", "targets": ["violin"]}, "A plan and a preset were given"),
        ({"targets": ["violin"]}, "give --preset too"),
        ({"others": ["violin"]}, "give --preset too"),
        ({"file": "mine.yaml", "targets": ["violin"]}, "give --preset too"),
        ({"preset_name": "karaoke"}, "'karaoke' needs an instrument or a picture"),
        ({"preset_name": "polka", "targets": ["violin"]}, "'polka' is no preset"),
        ({"preset_name": "practice", "targets": ["tuba"], "others": ["tuba"]}, "give it once"),
        ({"file": "lost.yaml"}, r"'.*lost\.yaml' cannot be read"),
        ({"file": "mine.yaml", "dry_wet": 1.5}, "For dry wet '1.5' was given"),
        ({"dry_wet": 0.5}, "No gain was given"),
        ({"smoothing_s": 0.05, "decay": 0.8}, "--smoothing and --decay were given"),
        ({"file": "mine.yaml", "decay": 1.0}, r"A decay of 1\.0 is out of range; give 0 to below 1"),
        ({"file": "mine.yaml", "decay": -0.1}, "out of range"),
        ({"file": "mine.yaml", "decay": float("nan")}, "out of range"),
        ({"file": "mine.yaml", "decay": 0.9999}, "For smoothing s '116.* was given: Input should be less than"),
        ({"file": "mine.yaml", "smoothing_s": 11.0}, "For smoothing s '11.0' was given: Input should be less than"),
        ({}, "No gain was given"),
    ],
)
def test_what_does_not_go_together_is_refused(file: Path, wished: dict[str, Any], words: str) -> None:
    if "file" in wished:
        wished = wished | {"file": file.parent / wished["file"]}
    with pytest.raises(UsageError, match=words):
        wished_plan([], **wished)


def test_a_target_too_long_for_a_path_is_left_to_be_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"gains: {{{'x' * 300}.jpg: 3}}")
    [target] = wished_plan([], file=tmp_path / "mine.yaml").targets()
    assert target == "x" * 300 + ".jpg"


def test_two_gains_for_one_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"a picture")
    (tmp_path / "mine.yaml").write_text("gains: {photo.png: 3, ./photo.png: -6}")
    with pytest.raises(UsageError, match="two gains"):
        wished_plan([], file=tmp_path / "mine.yaml")


@pytest.mark.parametrize("option", ["Violin=-3", "photo.png=-3"])
def test_an_option_stands_in_the_place_of_the_plans_gain_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("gains: {photo.png: 3, violin: 6}")
    plan_queries(wished_plan([option], file=tmp_path / "mine.yaml"), ["violin"])
