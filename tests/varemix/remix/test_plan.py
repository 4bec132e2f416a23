import math
from pathlib import PurePosixPath
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from varemix.errors import UsageError
from varemix.media.formats import OUTPUT_FORMATS
from varemix.remix.level_care import LevelCare
from varemix.remix.plan import Format, RemixPlan, TrackWishes, plan_of
from varemix.remix.wishes import GainWish

MIXED_LIBRARY = {
    "gains": {"violin": -6, "photo.jpg": "mute"},
    "loudness": "match",
    "true_peak_db": -1,
    "format": "flac",
    "rules": [
        {"name": "spoken", "match": {"genre": "speech"}, "skip": True},
        {"name": "folk", "match": {"genre": "folk"}, "gains": {"accordion": "solo"}, "dry_wet": 0.5},
        {
            "name": "live",
            "match": {"folder": "**/live/**"},
            "loudness": "as_is",
            "true_peak_db": "off",
            "format": "same",
        },
        {"name": "folk again", "match": {"genre": "folk"}, "skip": True},
    ],
}


def test_instruments_that_other_separators_hear_in_all_recordings_are_left_to_them():
    plan = {"gains": {"voice": -6}, "separator": {"voice": "demucs", "Electric guitar": "a", "piano": "varemix"}}
    rule = {"name": "folk", "match": {"genre": "folk"}, "separator": {"voice": "uvr"}}
    skipped = {"name": "talks", "match": {"genre": "talk"}, "skip": True}
    assert RemixPlan.model_validate(plan).left_to_others() == {"voice", "electric_guitar"}
    assert RemixPlan.model_validate({**plan, "rules": [rule, skipped]}).left_to_others() == {"voice"}
    assert RemixPlan.model_validate({"gains": {"voice": -6}}).left_to_others() == set()


def wishes_for(path: str = "a.wav", duration_s: float = 60.0, **tags: str) -> TrackWishes:
    return RemixPlan.model_validate(MIXED_LIBRARY).for_track(path, tags, duration_s)


def test_a_recording_that_no_rule_is_for_gets_the_wishes_of_the_plan():
    assert wishes_for(genre="Rock") == TrackWishes(
        gains=(GainWish(target="violin", gain_db=-6.0), GainWish(target="photo.jpg", gain_db=-math.inf)),
        care=LevelCare(loudness="match", true_peak_db=-1.0),
        format="flac",
    )


def test_the_first_rule_that_matches_decides_and_changes_only_what_it_gives():
    wishes = wishes_for("jazz/live/a.wav", genre="Folk")
    assert wishes.rule == "folk"
    assert wishes.gains == (GainWish(target="accordion", is_solo=True),)
    assert wishes.dry_wet == 0.5
    assert wishes.care == LevelCare(loudness="match", true_peak_db=-1.0)
    assert wishes.format == "flac"


def test_a_rule_can_take_the_plan_back():
    wishes = wishes_for("jazz/live/a.wav")
    assert (wishes.rule, wishes.care, wishes.format) == ("live", LevelCare(), None)
    assert [wish.target for wish in wishes.gains] == ["violin", "photo.jpg"]


def test_a_skipped_recording_is_left_unchanged():
    wishes = wishes_for(genre="Speech")
    assert wishes.is_skipped
    assert wishes.is_untouched
    assert wishes.as_dict() == {"is_skipped": True}


def test_paths_may_be_paths():
    plan = RemixPlan.model_validate(MIXED_LIBRARY)
    assert plan.for_track(PurePosixPath("x/live/a.wav"), {}, 1.0).rule == "live"


def test_wishes_are_the_same_in_one_canonical_form():
    written = RemixPlan.model_validate({"gains": {"violin": -6, "cello": "MUTE"}, "true_peak_db": -1})
    otherwise = RemixPlan.model_validate({"gains": {" cello": -math.inf, "violin": "-6.0"}, "true_peak_db": "-1"})
    first, second = (plan.for_track("a.wav", {}, 1.0).as_dict() for plan in (written, otherwise))
    assert first == second
    assert list(first["gains"].items()) == [("cello", "mute"), ("violin", "-6.0")] == list(second["gains"].items())
    assert RemixPlan(gains={"a": -0.0}).variants()[0].as_dict() == RemixPlan(gains={"a": 0}).variants()[0].as_dict()


def test_everything_that_changes_a_result_is_in_the_canonical_form():
    base = {"gains": {"violin": -6}}
    others = [
        {"gains": {"violin": -5}},
        {"gains": {"violin": "solo"}},
        {"dry_wet": 0.5},
        {"smoothing_s": 0.05},
        {"mask_exponent": 0.5},
        {"force": True},
        {"exclusive": True},
        {"loudness": "match"},
        {"loudness": -16},
        {"true_peak_db": -1},
        {"format": "wav"},
    ]
    forms = [RemixPlan.model_validate(base | other).variants()[0].as_dict() for other in [{}, *others]]
    assert all(form not in forms[:i] for i, form in enumerate(forms))


def test_the_name_of_the_rule_that_decided_changes_no_result():
    by_rule = RemixPlan.model_validate({"rules": [{"name": "all", "match": {}, "gains": {"violin": -6}}]})
    assert by_rule.for_track("a.wav", {}, 1.0).as_dict() == RemixPlan(gains={"violin": -6}).variants()[0].as_dict()


@pytest.mark.parametrize(
    ("plan", "is_unity", "is_untouched"),
    [
        ({}, True, True),
        ({"gains": {"violin": 0}}, True, True),
        ({"gains": {"violin": 3}, "dry_wet": 0}, True, True),
        ({"loudness": -16}, True, False),
        ({"format": "flac"}, True, False),
        ({"gains": {"violin": 3}}, False, False),
        ({"gains": {"violin": "solo"}}, False, False),
    ],
)
def test_what_changes_nothing_is_known_as_such(plan, is_unity, is_untouched):
    wishes = RemixPlan.model_validate(plan).variants()[0]
    assert (wishes.is_unity, wishes.is_untouched) == (is_unity, is_untouched)


def test_all_that_is_asked_for_can_be_checked_beforehand():
    plan = RemixPlan.model_validate(MIXED_LIBRARY)
    assert plan.targets() == ["violin", "photo.jpg", "accordion"]
    assert [wishes.rule for wishes in plan.variants()] == ["", "spoken", "folk", "live", "folk again"]


@pytest.mark.parametrize(
    "plan",
    [
        {"gains": {"violin": "loud"}},
        {"gains": {"violin": True}},
        {"gains": {"violin": None}},
        {"gains": {"violin": 25}},
        {"gains": {"violin": math.nan}},
        {"gains": {" ": 3}},
        {"dry_wet": 1.5},
        {"dry_wet": True},
        {"smoothing": 1},
        {"smoothing": -0.1},
        {"smoothing": True},
        {"smoothing": "0.5"},
        {"smoothing": math.nan},
        {"smoothing": 0.9999},
        {"smoothing": 0.5, "smoothing_s": 0.05},
        {"smoothing_s": 10.5},
        {"mask_exponent": 0.2},
        {"mask_exponent": 4.5},
        {"smoothing_s": -0.01},
        {"smoothing_s": math.nan},
        {"smoothing_s": True},
        {"force": 1},
        {"even_if_unknown": "yes"},
        {"loudness": 0},
        {"loudness": None},
        {"true_peak_db": 1},
        {"format": "midi"},
        {"volume": 3},
        {"rules": [{"name": "a"}]},
        {"rules": [{"match": {}}]},
        {"rules": [{"name": "a", "match": {}, "gains": {}}]},
        {"rules": [{"name": "a", "match": {"genres": "x"}}]},
        {"rules": [{"name": "a", "match": {}, "skip": True, "gains": {"violin": 3}}]},
        {"rules": [{"name": "a", "match": {}}, {"name": "a", "match": {}}]},
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_is_refused(plan):
    with pytest.raises(ValidationError):
        RemixPlan.model_validate(plan)


def test_the_form_says_of_every_field_what_it_is():
    schema = RemixPlan.model_json_schema()
    models = [schema, schema["$defs"]["Rule"], schema["$defs"]["Match"], schema["$defs"]["GainPart"]]
    fields = [field for model in models for field in model["properties"].values()]
    assert len(fields) > 30
    assert all(field.get("title") and field.get("description") for field in fields)
    assert schema["properties"]["dry_wet"]["minimum"] == 0
    gain, word, parts = schema["properties"]["gains"]["additionalProperties"]["anyOf"]
    assert (gain["maximum"], word["enum"]) == (24, ["mute", "solo"])
    assert parts["items"]["$ref"].endswith("/GainPart")


def test_the_formats_are_those_that_can_be_written():
    literal = get_args(Format)[0]
    assert set(get_args(literal)) == {*OUTPUT_FORMATS, "same"}


def test_a_plan_of_nothing_is_refused() -> None:
    for gains, settings in (([], {}), ([], {"loudness": "match"}), ([], {"dry_wet": 0.5})):
        with pytest.raises(UsageError, match="No gain was given"):
            plan_of(gains, **settings)
    assert plan_of([], loudness=-16).variants()[0].care.loudness == -16


def test_gains_and_settings_stand_in_the_place_of_the_base() -> None:
    base = plan_of(["violin=-6", "tuba=mute"], smoothing_s=0.2, dry_wet=0.5)
    plan = plan_of(["violin=+3"], base=base, smoothing_s=None, dry_wet=1)
    assert plan.gains == {"violin": 3.0, "tuba": "mute"}
    assert (plan.smoothing_s, plan.dry_wet) == (0.2, 1.0)


@pytest.mark.parametrize(("decay", "smoothing_s"), [(0, 0.0), (0.5, 0.01675), (0.8, 0.05203)])
def test_the_decay_that_used_to_be_given_is_read_as_a_time(decay: float, smoothing_s: float) -> None:
    rule = {"name": "live", "match": {"genre": "live"}, "smoothing": decay}
    by_plan, by_rule = RemixPlan.model_validate({"smoothing": decay, "rules": [rule]}).variants()
    assert by_plan.smoothing_s == by_rule.smoothing_s == pytest.approx(smoothing_s, abs=5e-6)
    assert by_plan.as_dict() == RemixPlan(smoothing_s=by_plan.smoothing_s).variants()[0].as_dict()


def test_a_plan_knows_smoothing_in_seconds_alone() -> None:
    plan = RemixPlan.model_validate({"smoothing": 0.5})
    assert "smoothing" not in plan.model_dump()
    assert "smoothing" not in RemixPlan.model_json_schema()["properties"]
    assert RemixPlan.model_validate(plan.model_dump()) == plan


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smoothing_s": 11.0}, "For smoothing s '11.0' was given: Input should be less than or equal to 10"),
        ({"loudness": "loud"}, "For loudness 'loud' was given"),
        ({"true_peak_db": "3"}, "For true peak db '3' was given"),
        ({"format": "aac"}, "For format 'aac' was given"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan_of(["violin=-6"], **settings)
