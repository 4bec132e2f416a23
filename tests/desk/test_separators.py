"""Who separates what at the desk is a setting of the session: what is played, written and planned follows it."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from catalog.store import Catalog
from desk.batch import Batch
from tests.desk.browser import HEARD, tab, until, visitor
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import Desk, write_noise
from tests.varemix.separators.planted import plant_settings, wait_until
from varemix.errors import UsageError
from varemix.media.audio import read_audio
from varemix.remix.plan import RemixPlan
from varemix.remix.plan_yaml import parse_plan
from varemix.separators import installed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMED = {"tuba": "deep"}
BY_ADDRESS = "?separator=tuba%3Ddeep"
BY_DEEP = {"tuba": ["low", "3", "500"]}
SETTINGS = "deep: {kind: planted, instrument: tuba}\n"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a separator up on this host; return the file of its settings."""
    return plant_settings(tmp_path, monkeypatch, SETTINGS)


@pytest.fixture
def song(desk: Desk, tmp_path: Path) -> dict[str, Any]:
    """Return what a desk, which was opened with varemix alone, says of a recording."""
    return desk.drop(write_noise(tmp_path / "song.wav"))


def session_of(desk: Desk, recording: str, **asked: Any) -> dict[str, Any]:
    """Return the session of a recording."""
    return dict(desk.client.post(f"/api/recordings/{recording}/session", json=asked).json())


def told_of(desk: Desk, recording: str, target: str, separator: str = "") -> dict[str, Any]:
    """Return the state of a target by who separates."""
    facts = desk.client.get(f"/api/recordings/{recording}{separator}").json()
    return next(dict(state) for state in facts["targets"] if state["target"] == target)


def test_a_new_session_has_what_the_desk_was_opened_with_and_a_session_keeps_its_own(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    desk = open_desk(separator=NAMED)
    assert desk.client.get("/api/health").json()["separator"] == NAMED
    song = desk.drop(write_noise(tmp_path / "song.wav"))["id"]
    told = session_of(desk, song)
    assert told["mix"]["separator"] == NAMED
    ours = open_desk()
    again = session_of(ours, song)
    assert (again["id"], again["mix"]["separator"]) == (told["id"], NAMED)
    copy = session_of(ours, song, is_new=True, mix=told["mix"])
    fresh = session_of(ours, song, is_new=True, mix={})
    assert (copy["mix"]["separator"], fresh["mix"]["separator"]) == (NAMED, {})


def test_choosing_another_separator_is_a_change_that_can_be_undone(desk: Desk, song: dict[str, Any]) -> None:
    told = session_of(desk, song["id"])
    place, mix = f"/api/sessions/{told['id']}", told["mix"] | {"separator": NAMED}
    changed = desk.client.post(place, json={"mix": mix, "what": "the separators"}).json()
    assert (changed["mix"]["separator"], changed["undoes"]) == (NAMED, "the separators")
    assert desk.client.post(place, json={"step": -1}).json()["mix"]["separator"] == {}


def test_masks_are_made_by_who_is_named_and_each_are_kept(desk: Desk, song: dict[str, Any], catalog: Catalog) -> None:
    desk.hear(song["id"], ["tuba", "flute"])
    assert told_of(desk, song["id"], "tuba", BY_ADDRESS)["state"] == "none"
    desk.hear(song["id"], ["tuba", "flute"], NAMED)
    for separator in ("", BY_ADDRESS):
        assert told_of(desk, song["id"], "tuba", separator)["progress"] == 1
    desk.hear(song["id"], ["tuba"])  # is there already
    rows = catalog.read_rows("masks")
    assert [row["heard_by"] and json.loads(row["heard_by"]) for row in rows if not row["heard_by"]] == [None]
    assert [json.loads(row["heard_by"]) for row in rows if row["heard_by"]] == [BY_DEEP]


def test_masks_of_each_channel_play_export_and_show_as_such(
    desk: Desk, tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(installed._OWN, "lefts", "tests.varemix.separators.planted:Left")
    settings.write_text("left: {kind: lefts}\n")
    by_left, named = "separator=voice%3Dleft", {"voice": "left"}
    song = desk.drop(write_noise(tmp_path / "wide.wav", num_channels=2))
    before = read_audio(tmp_path / "wide.wav")[0]
    desk.hear(song["id"], ["voice", "tuba"], named)
    voice, tuba = desk.stems(song, ["voice", "tuba"], f"&{by_left}")
    inside = slice(before.shape[1] // 4, before.shape[1] // 4 * 3)
    np.testing.assert_allclose(voice[0, inside], before[0, inside], atol=0.01)
    assert max(np.abs(voice[1, inside]).max(), np.abs(tuba[0, inside]).max()) < 0.01
    place = f"/api/recordings/{song['id']}"
    for shown in (f"masks/voice.png?{by_left}", f"depths?of=voice&{by_left}"):
        assert desk.client.get(f"{place}/{shown}").status_code == 200
    level = desk.client.post(f"{place}/loudness", json={"gains": {"voice": "mute"}, "separator": named}).json()
    assert level["after_lufs"] < level["before_lufs"] - 2


def test_what_is_played_and_shown_is_by_who_is_named(desk: Desk, song: dict[str, Any]) -> None:
    desk.hear(song["id"], ["tuba"])
    desk.hear(song["id"], ["tuba"], NAMED)
    [ours] = desk.stems(song, ["tuba"])
    [deep] = desk.stems(song, ["tuba"], "&separator=tuba%3Ddeep")
    spectrum = np.abs(np.fft.rfft(deep[0]))
    place_1_khz = round(1_000 * deep.shape[1] / song["rate_hz"])
    assert spectrum[place_1_khz:].max() < 0.01 * spectrum[:place_1_khz].max()
    assert np.abs(ours - deep).max() > 0.01
    place = f"/api/recordings/{song['id']}"
    kept = [desk.client.get(f"{place}/masks/tuba.png{more}").headers["cache-control"] for more in ("", BY_ADDRESS)]
    assert kept == ["private, max-age=3600", "no-store"]  # settings may change what a name stands for
    pictures, depths = (
        [desk.client.get(f"{place}/{what}{more}").content for more in ("", "&separator=tuba%3Ddeep")]
        for what in ("masks/tuba.png?", "depths?of=tuba")
    )
    assert pictures[0] != pictures[1]
    assert depths[0] != depths[1]
    gains = {"gains": {"tuba": "mute"}}
    levels = [desk.client.post(f"{place}/loudness", json=gains | {"separator": named}).json() for named in ({}, NAMED)]
    assert levels[0] != levels[1]


def test_a_command_that_works_is_ended_when_the_desk_is_closed(
    desk: Desk, song: dict[str, Any], settings: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    program = [sys.executable, "-c", f"open({str(begun)!r}, 'w'); import time; time.sleep(300)", "{input}{output}"]
    settings.write_text(f"slow: {{kind: command, command: {json.dumps(program)}, stems: {{a.wav: tuba}}}}\n")
    asked = {"targets": ["tuba"], "separator": {"tuba": "slow"}}
    assert desk.client.post(f"/api/recordings/{song['id']}/hear", json=asked).status_code == 202
    wait_until(begun.exists)
    started = time.monotonic()
    desk.studio.close()
    assert time.monotonic() - started < 20


def test_an_export_says_whose_separator_is_not_here(desk: Desk, song: dict[str, Any]) -> None:
    asked = {"gains": {"tuba": "mute"}, "separator": {"tuba": "nobody"}}
    job = desk.client.post(f"/api/recordings/{song['id']}/export", json=asked).json()["job"]
    desk.waited(f"/api/exports/{job}", busy=202)
    said = desk.client.get(f"/api/exports/{job}/state").json()["said"]
    assert "tuba is separated by the built-in model: There is no separator 'nobody'" in said


def test_exports_are_written_from_the_masks_of_who_is_named(desk: Desk, song: dict[str, Any], catalog: Catalog) -> None:
    for asked in ({"gains": {"tuba": "mute"}}, {"stems": ["tuba", "flute"]}):
        assert desk.exported(song, asked | {"separator": NAMED})
    [row] = catalog.read_rows("masks")
    assert json.loads(row["heard_by"]) == BY_DEEP


def test_plans_and_what_a_mix_does_to_a_library_name_who_separates(open_desk: OpenDesk, tmp_path: Path) -> None:
    plans: list[RemixPlan] = []

    def keep(root: Path, out: Path, plan: RemixPlan) -> dict[str, str]:
        plans.append(plan)
        return {}

    batch = Batch(library=tmp_path, preview=keep, start=lambda *asked: str(keep(*asked)))
    desk = open_desk(batch=batch)
    body = {"gains": {"tuba": "mute"}, "mask_exponent": 0.5, "separator": NAMED}
    for what in ("preview", "start"):
        assert desk.client.post(f"/api/library/{what}", json=body).status_code == 200
    assert [(plan.separator, plan.mask_exponent) for plan in plans] == [(NAMED, 0.5)] * 2
    plan = desk.client.post("/api/plan", json=body).text
    assert parse_plan(plan, "plan").separator == NAMED


def test_how_far_a_separator_is_that_gives_no_masks_yet_is_told_and_it_holds_up_nobody(
    desk: Desk, song: dict[str, Any], settings: Path, tmp_path: Path
) -> None:
    gate, by_slow = tmp_path / "gate", "?separator=tuba%3Dslow"
    settings.write_text(f"slow: {{kind: planted, instrument: tuba, waits_for: '{gate}'}}\n")
    asked = {"targets": ["tuba"], "separator": {"tuba": "slow"}}
    assert desk.client.post(f"/api/recordings/{song['id']}/hear", json=asked).status_code == 202
    wait_until(lambda: told_of(desk, song["id"], "flute", by_slow)["separators"])
    told = told_of(desk, song["id"], "flute", by_slow)
    assert (told["state"], told["separators"]) == ("hearing", {"names": ["slow"], "share": 0.45})
    other = desk.drop(write_noise(tmp_path / "other.wav", seconds=1))
    desk.hear(other["id"], ["flute"])  # comes back when it is analysed: ours waits for nobody
    assert told_of(desk, song["id"], "flute", by_slow)["separators"]
    gate.touch()
    wait_until(lambda: told_of(desk, song["id"], "flute", by_slow)["progress"] == 1)


def test_who_can_be_chosen_is_told_with_what_each_lacks(desk: Desk, settings: Path) -> None:
    settings.write_text(f"{SETTINGS}lost: {{kind: demucs}}\n")
    assert desk.client.get("/api/health").json()["has_separators"] is True
    deep, lost = desk.client.get("/api/separators").json()
    tuba = {"target": "tuba", "title": "tuba", "is_ours": True}
    assert deep == {"name": "deep", "program": "low", "version": "3", "reason": None, "instruments": [tuba]}
    assert lost["instruments"] == []
    assert lost["reason"].startswith("The separator 'lost' cannot be set up: 'weights' is missing")
    settings.write_text("[broken")
    assert desk.client.get("/api/separators").status_code == 422
    settings.write_text("")
    assert desk.client.get("/api/health").json()["has_separators"] is False


@pytest.mark.parametrize("named", [{"tuba": "rm -rf"}, {"violin": "deep"}])
def test_who_is_not_here_is_told_and_varemix_separates_instead(
    desk: Desk, song: dict[str, Any], named: dict[str, str], catalog: Catalog
) -> None:
    told = session_of(desk, song["id"], mix={"separator": named})
    assert told["mix"]["separator"] == named
    desk.hear(song["id"], ["tuba"], named | NAMED if "violin" in named else named)
    [[target, name]] = named.items()
    facts = desk.client.get(f"/api/recordings/{song['id']}", params={"separator": f"{target}={name}"}).json()
    [fault] = facts["separator_faults"].values()
    assert name in fault
    assert {"tuba": "no separator 'rm -rf' on this computer; there is deep", "violin": "does not know"}[target] in fault
    heard_by = catalog.read_rows("masks")[0]["heard_by"]
    assert (heard_by and json.loads(heard_by)) == (BY_DEEP if "violin" in named else None)


def test_what_names_no_separators_is_refused_in_words(desk: Desk, song: dict[str, Any]) -> None:
    for separator in (["deep"], {"tuba": 3}, {"tuba": "x" * 1000}):
        answer = desk.client.post("/api/plan", json={"gains": {"tuba": -3}, "separator": separator})
        assert (answer.status_code, "separator" in answer.json()["error"]) == (422, True)
    answer = desk.client.get(f"/api/recordings/{song['id']}?separator=deep")
    assert (answer.status_code, "INSTRUMENT=NAME" in answer.json()["error"]) == (422, True)


def test_a_desk_does_not_open_with_what_the_host_does_not_have(open_desk: OpenDesk) -> None:
    with pytest.raises(UsageError, match="no separator 'rm -rf' on this host; there is deep"):
        open_desk(separator={"tuba": "rm -rf"})


def test_who_separates_is_chosen_on_the_page_told_kept_and_undone(
    browser: "Browser", desk: Desk, song: dict[str, Any], settings: Path, tmp_path: Path
) -> None:
    gate, note = tmp_path / "gate", ".stave[data-target='tuba'] .note"
    settings.write_text(f"slow: {{kind: planted, instrument: tuba, waits_for: '{gate}'}}\n")
    with visitor(browser, f"{desk.client.base_url}/") as someone:
        page = someone.page
        someone.open("song")
        someone.choose("tuba")
        other = tab(page.context, page.url)
        other.page.goto(page.url)
        page.click("#separators-open")
        choice = page.locator("#separators-rows").get_by_label("tuba")
        choice.wait_for()
        assert choice.locator("option").all_inner_texts() == ["varemix (built-in)", "slow (low 3)"]
        choice.select_option("slow")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"{note}:text-is('slow is at 45 %')")
        other.page.wait_for_selector("#separators-open:text-is('slow and varemix')")
        gate.touch()
        for each in (page, other.page):
            each.wait_for_selector(f".stave[data-target='tuba']{HEARD} .note:text-matches('^by slow')")
        until(page, "performance.getEntriesByType('resource').some(({ name }) => /stems.tuba.*tuba%3Dslow/.test(name))")
        page.click("#undo")
        page.wait_for_selector("#separators-open:text-is('varemix')")
        page.click("#redo")
        page.wait_for_selector("#separators-open:text-is('slow and varemix')")
        settings.write_text("")
        page.reload()
        page.wait_for_selector(".notice:has-text(\"tuba. There is no separator 'slow' on this computer\")")
        page.wait_for_selector(f".stave[data-target='tuba']{HEARD}")
        assert "by slow" not in page.inner_text(note)
        assert someone.console + other.console == []


def test_an_instrument_that_only_another_separator_knows_is_there_while_it_is_chosen(
    browser: "Browser", desk: Desk, song: dict[str, Any], settings: Path
) -> None:
    settings.write_text("deep: {kind: planted, instrument: voice}\n")
    with visitor(browser, f"{desk.client.base_url}/") as someone:
        page = someone.page
        someone.open("song")
        choice = page.locator("#separators-rows").get_by_label("voice")
        page.click("#separators-open")
        choice.wait_for()
        assert choice.locator("option").all_inner_texts() == ["nobody", "deep (low 3)"]
        choice.select_option("deep")
        page.click("#separators-take")
        page.wait_for_selector(".card[data-target='voice']")
        someone.choose("voice", "tuba")
        page.click("#separators-open")
        choice.wait_for()
        choice.select_option("")
        page.click("#separators-take")
        page.wait_for_selector(".stave[data-target='voice'] .note:text-is('No separator for it is chosen here.')")
        page.wait_for_selector(f".stave[data-target='tuba']{HEARD}")
        assert not page.query_selector(".notice")
        assert someone.console == []
