"""Other separators in the steps of a library: who made masks decides whether they count, and one that fails is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.files import Home
from catalog.masks import MaskReader
from catalog.store import Catalog
from flows.one_file import open_separator, remix_file, separate_file
from tasks.masks import make_masks
from tasks.orders import read_order, write_order
from tasks.presence import presence_of
from tasks.queries import Query
from tasks.remix import remix_tracks
from tasks.separate import separate_tracks
from tasks.who_hears import OURS_ALONE, WhoHears, parsed_separators, who_hears
from tasks.wishes import jobs_of, plan_queries
from tests.tasks.planted import TONES_HZ, scanned, statuses, write_tones
from tests.tasks.surround import write_surround
from tests.varemix.separators.planted import plant_settings
from varemix.errors import SeparatorError, UsageError
from varemix.media.audio import read_audio
from varemix.remix.plan import RemixPlan, plan_of
from varemix.separators import installed

FLUTE, VOICE = Query(name="flute"), Query(name="voice")
INSTRUMENTS = sorted(TONES_HZ)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the host's settings, in which a separator is called `deep`."""
    return plant_settings(tmp_path, monkeypatch, "deep: {kind: planted}\n")


@pytest.fixture
def tracks(catalog: Catalog, champion: str, library: Path) -> list[dict[str, Any]]:
    write_tones(library / "a.flac", seconds=0.9, num_channels=2)
    return scanned(catalog, library)


def hear(
    catalog: Catalog, tracks: list[dict[str, Any]], who: WhoHears, *queries: Query, **more: bool
) -> dict[str, tuple[str, str]]:
    made = make_masks.fn(
        items=tracks,
        shard="1",
        home=str(catalog.home.root),
        checkpoint_id="small",
        queries=list(queries or (FLUTE, VOICE)),
        who=who,
        **more,
    )
    return {outcome.item: (outcome.status, outcome.reason) for outcome in made}


def test_masks_tell_who_made_them_and_no_bin_is_claimed_twice(catalog: Catalog, tracks: list[dict[str, Any]]) -> None:
    assert hear(catalog, tracks, who_hears({"voice": "deep"})) == {"a.flac": ("done", "")}
    [row] = catalog.read_rows("masks")
    assert json.loads(row["heard_by"]) == {"voice": ["low", "3", "500"]}
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        makers = dict(zip(reader.header.queries, reader.header.makers, strict=True))
        flute, voice = reader.read("flute"), reader.read("voice")
    assert (makers["voice"].name, makers["voice"].version, makers["voice"].digest) == ("low", "3", "500")
    assert (makers["flute"].name, makers["flute"].digest) == ("varemix", "small")
    assert voice.max() > 0.99
    assert (flute + voice).max() < 1.06  # four bits round


def test_only_masks_of_the_same_who_serve(catalog: Catalog, tracks: list[dict[str, Any]], settings: Path) -> None:
    deep = who_hears({"voice": "deep"})
    assert hear(catalog, tracks, deep)["a.flac"][0] == "done"
    assert hear(catalog, tracks, deep)["a.flac"][0] == "skipped"
    assert hear(catalog, tracks, deep, FLUTE)["a.flac"][0] == "skipped"
    assert hear(catalog, tracks, OURS_ALONE, FLUTE)["a.flac"][0] == "done"
    settings.write_text("deep: {kind: planted, hz: 900}\n")
    assert hear(catalog, tracks, who_hears({"voice": "deep"}))["a.flac"][0] == "done"
    assert len({row["mask_id"] for row in catalog.read_rows("masks")}) == 3


def test_one_that_fails_or_is_not_there_gives_the_recording_a_reason(
    catalog: Catalog, tracks: list[dict[str, Any]], settings: Path
) -> None:
    settings.write_text("deep: {kind: planted, breaks: it has no more memory}\n")
    assert hear(catalog, tracks, who_hears({"voice": "deep"})) == {"a.flac": ("failed", "it has no more memory")}
    settings.write_text("deep: {kind: planted}\n")
    deep = who_hears({"voice": "deep"})
    settings.write_text("{}\n")
    assert "no separator 'deep' on this host" in hear(catalog, tracks, deep)["a.flac"][1]
    settings.write_text("deep: {kind: planted, hz: 100}\n")
    assert "with other weights or settings than the low 3" in hear(catalog, tracks, deep)["a.flac"][1]


def remixed(catalog: Catalog, tracks: list[dict[str, Any]], plan: RemixPlan, out: Path) -> dict[str, str]:
    jobs = jobs_of(tracks, plan, plan_queries(plan, INSTRUMENTS), out)
    for job in jobs:
        hear(catalog, [job.track], job.wanted.who, *job.wanted.queries)
    made = remix_tracks.fn(items=jobs, shard="1", home=str(catalog.home.root), checkpoint_id="small")
    return statuses(made)


def test_a_library_and_one_recording_are_remixed_alike(
    catalog: Catalog, tracks: list[dict[str, Any]], library: Path, tmp_path: Path
) -> None:
    plan = plan_of(["voice=mute", "flute=3"], separator={"Voice": "deep"})
    assert remixed(catalog, tracks, plan, tmp_path / "out") == {"a.flac": "done"}
    assert remixed(catalog, tracks, plan, tmp_path / "out") == {"a.flac": "skipped"}
    network = open_separator(None, str(catalog.home.root))
    remix_file(library / "a.flac", tmp_path / "one.flac", plan, lambda: network)
    assert (tmp_path / "one.flac").read_bytes() == (tmp_path / "out" / "a.flac").read_bytes()
    ours = plan_of(["flute=3"])
    remix_file(library / "a.flac", tmp_path / "ours.flac", ours, lambda: network)
    assert (tmp_path / "ours.flac").read_bytes() != (tmp_path / "one.flac").read_bytes()


def test_stems_are_cut_by_who_was_named(
    catalog: Catalog, tracks: list[dict[str, Any]], library: Path, tmp_path: Path
) -> None:
    who = who_hears({"voice": "deep"})
    hear(catalog, tracks, who)
    made = separate_tracks.fn(
        items=tracks,
        shard="1",
        home=str(catalog.home.root),
        out=tmp_path / "out",
        checkpoint_id="small",
        queries=[FLUTE, VOICE],
        who=who,
    )
    assert statuses(made) == {"a.flac": "done"}
    network = open_separator(None, str(catalog.home.root))
    for stem in separate_file(library / "a.flac", tmp_path / "one", ["flute", "voice"], lambda: network, who=who):
        assert stem.read_bytes() == (tmp_path / "out" / stem.name).read_bytes()


def test_what_one_channel_has_is_taken_from_that_channel_alone_unless_one_mask_serves_both(
    catalog: Catalog,
    tracks: list[dict[str, Any]],
    library: Path,
    tmp_path: Path,
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(installed._OWN, "lefts", "tests.varemix.separators.planted:Left")
    plan = plan_of(["voice=mute", "flute=0"], separator={"voice": "left"})
    network = open_separator(None, str(catalog.home.root))
    before, left_db = read_audio(library / "a.flac")[0], {}
    inside = slice(before.shape[1] // 4, before.shape[1] // 4 * 3)
    for per_channel in ("true", "false"):
        settings.write_text(f"left: {{kind: lefts, per_channel: {per_channel}}}\n")
        out = tmp_path / per_channel
        assert remixed(catalog, tracks, plan, out) == {"a.flac": "done"}
        remix_file(library / "a.flac", tmp_path / "one.flac", plan, lambda: network)
        assert (tmp_path / "one.flac").read_bytes() == (out / "a.flac").read_bytes()
        powers = [np.square(samples[:, inside]).mean(axis=1) for samples in (read_audio(out / "a.flac")[0], before)]
        left_db[per_channel] = 10 * np.log10(powers[0] / powers[1] + 1e-9)
    assert left_db["true"][0] < -40
    assert left_db["true"][1] == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(left_db["false"], 10 * np.log10(0.25), atol=1)
    each, both = sorted(catalog.read_rows("masks"), key=lambda row: -row["num_bytes"])
    assert json.loads(each["heard_by"]) == {"voice": ["left", "1", "", "per channel"]}
    assert json.loads(both["heard_by"]) == {
        "voice": ["left", "1", ""]
    }  # as those of before, which were of all channels
    with MaskReader(catalog.home.absolute(each["path"])) as reader:
        assert [(group.name, group.channels) for group in reader.header.groups] == [("FL", (0,)), ("FR", (1,))]
    assert presence_of(each).groups_played("voice") == [True, True]
    assert presence_of(both).groups_played("voice") == []
    settings.write_text("left: {kind: lefts}\n")
    who = who_hears({"voice": "left"})
    [stem] = separate_file(library / "a.flac", tmp_path / "one", ["voice"], lambda: network, who=who)
    voice = read_audio(stem)[0][:, inside]
    np.testing.assert_allclose(voice[0], before[0, inside], atol=0.01)
    assert np.abs(voice[1]).max() < 0.01


@pytest.mark.parametrize("name", ["5.1.wav", "7.1.mkv"])
def test_every_group_of_channels_is_heard_by_who_was_named(
    catalog: Catalog,
    champion: str,
    library: Path,
    tmp_path: Path,
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setitem(installed._OWN, "halves", "tests.varemix.separators.planted:Half")
    settings.write_text("half: {kind: halves}\n")
    source = write_surround(library / name)
    surround = scanned(catalog, library)
    plan = plan_of(["voice=mute", "flute=0"], separator={"voice": "half"})
    assert remixed(catalog, surround, plan, tmp_path / "out") == {name: "done"}
    before, after = read_audio(source)[0], read_audio(tmp_path / "out" / name)[0]
    np.testing.assert_array_equal(after[3], before[3])
    others = [channel for channel in range(len(before)) if channel != 3]
    inside = slice(before.shape[1] // 4, before.shape[1] // 4 * 3)
    np.testing.assert_allclose(after[others, inside], before[others, inside] / 2, atol=0.02)
    [row] = catalog.read_rows("masks")
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        makers = dict(zip(reader.header.queries, reader.header.makers, strict=True))
        channels = [group.name for group in reader.header.groups]
    assert channels == row["channel_groups"].replace("+", " ").split()
    assert (makers["voice"].name, makers["flute"].name) == ("half", "varemix")
    assert presence_of(row).groups_played("voice") == [True] * len(channels)
    network = open_separator(None, str(catalog.home.root))
    remix_file(source, tmp_path / name, plan, lambda: network)
    assert (tmp_path / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_rule_names_its_own_or_goes_back_to_ours() -> None:
    rules = [
        {"name": "live", "match": {"folder": "live"}, "separator": {"voice": "varemix"}},
        {"name": "loud", "match": {"folder": "loud"}, "gains": {"flute": 3.0}},
    ]
    plan = RemixPlan.model_validate({"gains": {"voice": -6}, "separator": {"voice": "deep"}, "rules": rules})
    by_folder = {name: plan.for_track(f"{name}/a.wav", {}, 9.0).separator for name in ("live", "loud", "other")}
    assert by_folder == {"live": (), "loud": (("voice", "deep"),), "other": (("voice", "deep"),)}
    with pytest.raises(UsageError, match="does not know 'voice', and no separator is named for it by the rule live"):
        plan_queries(plan, INSTRUMENTS)
    assert plan_queries(plan, [*INSTRUMENTS, "voice"])["voice"] == VOICE


def test_wishes_without_separators_decide_what_they_did_before() -> None:
    assert "separator" not in plan_of(["flute=3"]).for_track("a.wav", {}, 9.0).as_dict()
    named = plan_of(["voice=3"], separator={"voice": "deep"}).for_track("a.wav", {}, 9.0).as_dict()
    assert named["separator"] == {"voice": "deep"}


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(UsageError, match=r"no separator 'rm -rf /' on this host; there is deep"):
        who_hears({"voice": "rm -rf /"})
    with pytest.raises(UsageError, match=r"'deep' does not know 'flute'\. It knows: voice"):
        who_hears({"flute": "deep"})
    assert parsed_separators(["Electric Guitar = deep", "voice=deep"]) == {"electric_guitar": "deep", "voice": "deep"}
    for texts in (["voice"], ["=deep"], ["voice="], ["voice=deep", "Voice=deep"]):
        with pytest.raises(UsageError):
            parsed_separators(texts)


def test_another_process_gets_who_hears_as_it_was_meant(tmp_path: Path) -> None:
    home, who = Home(tmp_path / "home"), who_hears({"voice": "deep"})
    given = {"items": [], "checkpoint_id": "x", "queries": [VOICE], "nothing_else": False, "who": who}
    again = read_order(home, make_masks.fn, write_order(home, make_masks.fn, given))
    assert again["who"] == who
    assert again["who"].heard_by == who.heard_by
    with pytest.raises(SeparatorError):
        WhoHears(others=(who.others[0].__class__(**{**vars(who.others[0]), "digest": "0"}),)).makers()


def test_nothing_else_shares_what_others_leave_over(catalog: Catalog, tracks: list[dict[str, Any]]) -> None:
    queries = (FLUTE, Query(name="tuba"), VOICE)
    assert hear(catalog, tracks, who_hears({"voice": "deep"}), *queries, nothing_else=True)["a.flac"][0] == "done"
    [row] = catalog.read_rows("masks")
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        total = np.sum([reader.read(query.name) for query in queries], axis=0)
    assert total.max() < 1.1
    assert total.max() > 0.9


def test_each_group_of_channels_is_heard_by_who_was_named(catalog: Catalog, champion: str, library: Path) -> None:
    write_tones(library / "surround.wav", seconds=0.6, num_channels=6)
    tracks = scanned(catalog, library)
    assert hear(catalog, tracks, who_hears({"voice": "deep"})) == {"surround.wav": ("done", "")}
    [row] = catalog.read_rows("masks")
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        num_groups, flute, voice = len(reader.header.groups), reader.read("flute"), reader.read("voice")
    assert num_groups > 1
    assert voice.shape == flute.shape == (num_groups, 256, row["num_frames"])
    assert (flute + voice).max() < 1.06
