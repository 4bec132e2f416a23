from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.plan_yaml import dump_plan, load_plan, parse_plan
from varemix.signal.grid import PAPER_GRID
from varemix.signal.smoothing_time import decay_of

ANY_GAIN = "give a number up to 24 or mute or solo or a list, each entry after a hyphen."

EXAMPLE = """\
# One night for a mixed library.
gains:
  violin: -6
  photo.jpg: mute
  "cello": SOLO
true_peak_db: off
rules:
  - name: old folk
    match: {genre: folk, date: 19*, track: 01}
    gains: {accordion: +3.5}
  - name: 1999
    match:
      folder: 'jazz/**'
      min_duration_s: 1e2
    force: true
    loudness: -16
"""


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_plan(text, "remix.yaml")
    return str(caught.value)


def test_a_plan_is_read_as_people_write_it(tmp_path):
    path = tmp_path / "remix.yaml"
    path.write_text(EXAMPLE)
    assert load_plan(path) == RemixPlan.model_validate(
        {
            "gains": {"violin": -6, "photo.jpg": "mute", "cello": "solo"},
            "rules": [
                {
                    "name": "old folk",
                    "match": {"genre": "folk", "date": "19*", "track": "01"},
                    "gains": {"accordion": 3.5},
                },
                {
                    "name": "1999",
                    "match": {"folder": "jazz/**", "min_duration_s": 100.0},
                    "force": True,
                    "loudness": -16,
                },
            ],
        }
    )


def test_a_plan_in_former_words_is_read_as_one_of_today():
    former = (
        "{even_if_absent: true, nothing_else: true, loudness: As is, rules: [{name: a, match: {}, nothing_else: no}]}"
    )
    today = "{force: true, exclusive: true, loudness: unchanged, rules: [{name: a, match: {}, exclusive: false}]}"
    assert parse_plan(former.replace("no}", "false}"), "a") == parse_plan(today, "a")
    with pytest.raises(UsageError, match="force is 'maybe'; give true or false"):
        parse_plan("even_if_absent: maybe", "a")
    with pytest.raises(UsageError, match="even_if_absent"):
        parse_plan("even_if_absent: true\nforce: false", "a")


def test_words_that_old_yaml_takes_for_truth_values_stay_words():
    plan = parse_plan("rules: [{name: no, match: {genre: off, title: yes, date: 2001-02-03}, skip: true}]", "a")
    assert plan.rules[0].name == "no"
    assert (plan.rules[0].match.genre, plan.rules[0].match.title) == ("off", "yes")
    assert plan.rules[0].match.date == "2001-02-03"


def test_values_may_be_used_again_by_an_alias():
    plan = parse_plan(
        "gains: &soft {violin: -6}\nrules:\n- {name: a, match: {}, gains: *soft}\n- {name: b, match: {}, gains: *soft}",
        "a",
    )
    assert plan.rules[0].gains == plan.rules[1].gains == plan.gains


MISTAKES = [
    ("gains: {violin: loud}", 1, f"gains.violin is 'loud'; {ANY_GAIN}"),
    ("\n\ngains:\n  violin:\n", 4, f"gains.violin is nothing; {ANY_GAIN}"),
    ("gains: {violin: 60}", 1, f"gains.violin is '60'; {ANY_GAIN}"),
    ("gains: {violin: [1]}", 1, "gains.violin, entry 1 is '1'; give entries of the form `name: value`."),
    ("gains: violin", 1, "gains is 'violin'; give entries of the form `name: value`."),
    ("dry_wet: 0.5\nsmoothing_s: 11", 2, "smoothing_s is '11'; give a number from 0 to 10."),
    ("dry_wet: 0.5\nsmoothing: 1", 2, "smoothing is no known key. Did you mean smoothing_s?"),
    ("dry_wet: 0.5\nsmoothing: 0.9999", 2, "smoothing is no known key. Did you mean smoothing_s?"),
    ("smoothing_s: 0.05\nsmoothing: 0.5", 2, "smoothing is no known key."),
    ("rules:\n- name: a\n  match: {}\n  smoothing: 2", 4, "rule 1: smoothing is no known key."),
    ("dry_wet: 80%", 1, "dry_wet is '80%'; give a number from 0 to 1."),
    ("force: maybe", 1, "force is 'maybe'; give true or false."),
    ("loudness: quiet", 1, "loudness is 'quiet'; give unchanged or match or a number from -50 to -5."),
    ("format: midi", 1, "format is 'midi'; give wav, aiff, flac, mp3, ogg, opus, m4a, alac, wma or same."),
    ("true_peak_db: 3", 1, "true_peak_db is '3'; give a number from -20 to 0 or off."),
    ("gain:\n  violin: 3", 1, "gain is no known key. Did you mean gains?"),
    ("xyz: 1", 1, "xyz is no known key. Known are gains, dry_wet,"),
    ("gains: {violin: 3}\nrules:\n- name: a\n  match: {}\n  volume: 3", 5, "rule 1: volume is no known key."),
    ("rules:\n- name: a\n  match:\n    gener: folk", 4, "rule 1: match.gener is no known key. Did you mean genre?"),
    ("rules:\n- {name: a, match: {}}\n- {match: {}}", 3, "rule 2: name is missing; give a text"),
    ("rules:\n- {name: a, match: {genre: [folk]}}", 2, "rule 1: match.genre is a list; give a text"),
    ("rules:\n- {name: a, match: {genre: }}\n- 3", 3, "rule 2 is '3'; give entries"),
    ("rules:\n- name: a\n  match: {}\n  gains: {}", 4, "rule 1: gains has 0 entries; give at least 1"),
    ("rules:\n- name: a\n  match:\n    min_duration_s: 9\n    max_duration_s: 1", 3, "which no recording is"),
    ("rules:\n- name: a\n  match: {}\n  skip: true\n  dry_wet: 1", 2, "skip is true, and dry_wet given"),
    ("rules:\n- {name: a, match: {}}\n- {name: a, match: {}}", 1, "Two rules are called 'a'"),
    ("gains: {violin: 3}\ngains: {violin: 4}", 2, "gains is given twice"),
    ("gains:\n  violin: 3\n  violin: 4", 3, "gains.violin is given twice"),
    ("? [a, b]\n: 3", 1, "a key is a list or a mapping"),
    ("gains: !!python/object/apply:os.system ['true']", 1, "gains has the tag !!python/object/apply:os.system"),
    ("gains: {violin: !loud 3}", 1, "gains.violin has the tag !loud"),
    ("- a\n- b", 1, "the file is a list; give entries of the form `name: value`."),
    ("gains: {violin: 3\n", 2, "is no YAML: "),
    ("gains:\n\tviolin: 3", 2, "is no YAML: "),
    ("gains: *nobody", 1, "is no YAML: "),
    ("gains: {}\n---\ngains: {}", 2, "is no YAML: "),
]


@pytest.mark.parametrize(("text", "line", "told"), MISTAKES)
def test_a_mistake_names_file_line_and_key_and_what_is_allowed(text, line, told):
    message = refusal(text)
    assert message.startswith(f"'remix.yaml', line {line}: ")
    assert told in message


def test_several_mistakes_are_told_together_in_their_order():
    message = refusal("gain: {violin: 3}\ndry_wet: 2\nrules:\n- name: a\n  match: {}\n  dry_wet: wet\ndry_wet: 1\n")
    first, *rest = message.splitlines()
    assert first == "'remix.yaml' has 4 mistakes:"
    assert [line.split(":")[0].strip() for line in rest] == ["line 1", "line 2", "line 6", "line 7"]
    assert "Did you mean gains?" in rest[0]


def test_a_thousand_mistakes_are_counted_and_not_all_told():
    message = refusal("gains:\n" + "\n".join(f"  i{i}: loud" for i in range(90)))
    assert message.splitlines()[0] == "'remix.yaml' has 90 mistakes:"
    assert message.splitlines()[-1] == "  and 70 more"


def doubled(depth: int) -> str:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, depth))]
    return "\n".join(lines)


HOSTILE = {
    "billion laughs": (doubled(30), "more than any plan does"),
    "aliases without end": ("a: &a [x]\nb: [" + "*a, " * 500 + "]", "more than 100 aliases"),
    "deep": ("[" * 100_000, "nested more than 12 deep"),
    "inside itself": ("gains: &a {violin: *a}", "more than any plan does"),
    "control characters": ("gains: {violin: \x00}", "is no YAML"),
    "empty": ("", "holds nothing"),
    "a comment": ("# nothing\n", "holds nothing"),
    "long number": ("dry_wet: " + "9" * 10_000, "give a number from 0 to 1"),
    "wide": ("gains: [" + "1, " * 150_000 + "]", "more than any plan does"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_at_little_cost(kind):
    text, told = HOSTILE[kind]
    message = refusal(text)
    assert told in message
    assert len(message) < 500


def test_files_that_are_no_plans_are_refused(tmp_path):
    large, coded = tmp_path / "large.yaml", tmp_path / "coded.yaml"
    large.write_text("#" * 1_000_001)
    coded.write_bytes(b"gains:\n  violin: \xff\n")
    for path, told in [
        (large, "larger than 1 MB"),
        (coded, "line 2: is no UTF-8 text"),
        (tmp_path, "is no file"),
        (tmp_path / "none.yaml", "cannot be read: No such file"),
        (Path(tmp_path, "x" * 300), "cannot be read"),
    ]:
        with pytest.raises(UsageError, match=told):
            load_plan(path)


@given(decay=st.floats(0, 0.998))
def test_a_plan_with_the_decay_of_old_is_written_with_its_time_and_comes_back(decay):
    plan = parse_plan(f"smoothing: {decay!r}\nrules:\n- name: a\n  match: {{}}\n  smoothing: {decay!r}", "remix.yaml")
    written = dump_plan(plan)
    assert "smoothing:" not in written
    assert parse_plan(written, "remix.yaml") == plan
    assert decay_of(plan.smoothing_s, PAPER_GRID) == pytest.approx(decay, abs=1e-9)


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "remix.yaml"
    path.write_bytes(b"\xef\xbb\xbfgains: {violin: 3}\r\n")
    assert load_plan(path).gains == {"violin": 3.0}


def test_what_is_written_can_be_read_by_a_person():
    plan = parse_plan(EXAMPLE, "remix.yaml")
    assert dump_plan(plan) == (
        "gains:\n  violin: -6\n  photo.jpg: mute\n  cello: solo\nrules:\n- name: old folk\n  match:\n"
        "    genre: folk\n    date: 19*\n    track: '01'\n  gains:\n    accordion: 3.5\n- name: '1999'\n  match:\n"
        "    folder: jazz/**\n    min_duration_s: 100\n  force: true\n  loudness: -16\n"
    )


texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.sampled_from(
        ["no", "off", "1e3", "01", "~", "null", "true", "=", "<<", "2001-01-01", ".inf", "0x10", "1:30", "- a"]
    ),
).filter(str.strip)
numbers = st.floats(-60, 24)
gains = st.dictionaries(texts, st.one_of(numbers, st.sampled_from(["mute", "solo"])), min_size=1, max_size=4)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "gains": gains,
        "dry_wet": st.floats(0, 1),
        "smoothing_s": st.floats(0, 10),
        "force": st.booleans(),
        "exclusive": st.booleans(),
        "loudness": st.one_of(st.floats(-50, -5), st.sampled_from(["match", "unchanged"])),
        "true_peak_db": st.one_of(st.floats(-20, 0), st.just("off")),
        "format": st.sampled_from(["wav", "m4a", "same"]),
    },
)
matches = st.fixed_dictionaries(
    {}, optional={"genre": texts, "date": texts, "folder": texts, "file": texts, "min_duration_s": st.floats(0, 1e6)}
)
rules = st.builds(lambda wishes, match: wishes | {"match": match}, wishes, matches)


@given(
    plan=wishes, rules=st.lists(rules, max_size=3), names=st.lists(texts, min_size=3, max_size=3, unique_by=str.strip)
)
@settings(max_examples=60, deadline=None)
def test_a_plan_comes_back_from_its_own_text(plan, rules, names):
    named = [rule | {"name": name} for rule, name in zip(rules, names, strict=False)]
    written = RemixPlan.model_validate(plan | {"rules": named})
    assert parse_plan(dump_plan(written), "remix.yaml") == written


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\n", "\r"])
def test_line_ends_within_a_name_come_back(end):
    written = RemixPlan.model_validate({"rules": [{"name": f"0{end}0", "match": {}}]})
    assert parse_plan(dump_plan(written), "remix.yaml") == written


@given(st.text(st.sampled_from("gains: {}[]-&*!|>'\"\n\t#,?%@`a1.")))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_plan_or_a_told_mistake(text):
    try:
        told = dump_plan(parse_plan(text, "remix.yaml"))
    except UsageError as error:
        told = str(error)
    assert told.startswith(("'remix.yaml'", "gains:", "{}"))


def test_reading_and_writing_leave_the_rest_of_yaml_as_it_was():
    assert yaml.safe_load("a: no") == {"a": False}


IN_TIME = """
gains:
  violin:
    - {db: -3}
    - {from: 1:20, to: "2:05.5", db: mute, fade: 0.5}
    - {from: 150, db: 3}
  tuba: -6
"""


def test_gains_in_time_are_read_and_written_as_they_were():
    plan = parse_plan(IN_TIME, "remix.yaml")
    violin, tuba = plan.variants()[0].gains
    assert violin.text == "violin=-3.0 violin=mute@1:20-2:05.5~0.5 violin=3.0@2:30-"
    assert tuba.text == "tuba=-6.0"
    assert parse_plan(dump_plan(plan), "remix.yaml") == plan
    assert plan_of([*violin.text.split(), "tuba=-6"]) == plan


def test_a_rule_may_change_gains_in_time():
    plan = parse_plan(
        "rules: [{name: a, match: {file: a.wav}, gains: {violin: [{from: 0:01, to: 0:02, db: -6}]}}]", "remix.yaml"
    )
    assert plan.for_track("a.wav", {}, 9.0).gains[0].text == "violin=-6.0@0:01-0:02"
    assert "goes beyond the recording's end at 0:01.5" in plan.for_track("a.wav", {}, 1.5).fault(1.5)
    assert plan.for_track("b.wav", {}, 1.5).fault(1.5) == ""


@pytest.mark.parametrize(
    ("gain", "message"),
    [
        ("[{from: 1:20, to: 1:00, db: -6}]", "entry 1: 1:20-1:00: to 1:00 does not lie after from 1:20"),
        ("[{from: 1:75, db: -6}]", "entry 1: from: '1:75' is no time; give minutes and seconds"),
        ("[{from: 1:00, db: loud}]", "entry 1: db is 'loud'; give a number up to 24 or mute"),
        ("[{from: 1:00}]", "entry 1: db is missing; give a number up to 24 or mute"),
        ("[{frm: 1:00, db: 1}]", "entry 1: frm is no known key. Did you mean from?"),
        ("[{db: 1}, {db: 2}]", "two entries have neither from nor to"),
        ("[{db: 1, fade: 2}]", "entry 1: fade belongs to a range"),
        ("[]", "holds no gain; give at least one"),
        ("[{from: 1:00, to: 2:00, db: 1}, {from: 90, db: 2}]", "The ranges 1:00-2:00 and 1:30- overlap"),
        ("[-6]", "entry 1 is '-6'; give entries of the form `name: value`"),
    ],
)
def test_gains_in_time_that_cannot_be_are_told_with_line_and_entry(gain, message):
    for where in (f"gains:\n  violin: {gain}", f"rules:\n- {{name: a, match: {{}}, gains: {{violin: {gain}}}}}"):
        with pytest.raises(UsageError, match="line 2: ") as caught:
            parse_plan(where, "remix.yaml")
        assert f"gains.violin{',' if message.startswith('entry') else ':'} {message}" in str(caught.value).replace(
            "gains.violin has 0", "gains.violin: has 0"
        )
