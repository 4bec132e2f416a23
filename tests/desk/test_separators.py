"""The desk hears with the separators that it was opened with, tells so, and writes them into plans."""

import json
from pathlib import Path

import pytest

from catalog.store import Catalog
from desk.batch import Batch
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import write_noise
from tests.varemix.separators.planted import plant_settings
from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan
from varemix.remix.plan_yaml import parse_plan


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return who hears what, set up on this host."""
    plant_settings(tmp_path, monkeypatch, "deep: {kind: planted, instrument: tuba}\n")
    return {"tuba": "deep"}


def test_masks_of_the_desk_are_made_by_who_was_named(
    open_desk: OpenDesk, catalog: Catalog, tmp_path: Path, named: dict[str, str]
) -> None:
    desk = open_desk(separator=named)
    assert desk.client.get("/api/health").json()["separator"] == named
    facts = desk.drop(write_noise(tmp_path / "song.wav"))
    desk.hear(facts["id"], ["tuba", "flute"])
    [row] = catalog.read_rows("masks")
    assert json.loads(row["heard_by"]) == {"tuba": ["low", "3", "500"]}
    plan = desk.client.post("/api/plan", json={"gains": {"tuba": -6}}).text
    assert parse_plan(plan, "plan").separator == named
    ours = open_desk()
    [again] = ours.client.get("/api/recordings").json()
    assert again["has_masks"] == []


def test_a_session_keeps_who_heard_it_through_changes_and_another_desk(
    open_desk: OpenDesk, tmp_path: Path, named: dict[str, str]
) -> None:
    desk = open_desk(separator=named)
    song = desk.drop(write_noise(tmp_path / "song.wav"))["id"]
    told = desk.client.post(f"/api/recordings/{song}/session", json={}).json()
    assert told["mix"]["separator"] == named
    mix = told["mix"] | {"instruments": [{"target": "tuba", "gain_db": -6}]}
    changed = desk.client.post(f"/api/sessions/{told['id']}", json={"mix": mix, "what": "tuba"}).json()
    assert changed["mix"]["separator"] == named
    ours = open_desk()
    again = ours.client.post(f"/api/recordings/{song}/session", json={}).json()
    assert (again["id"], again["mix"]["separator"]) == (told["id"], named)
    fresh = ours.client.post(f"/api/recordings/{song}/session", json={"is_new": True, "mix": mix}).json()
    assert fresh["mix"]["separator"] == {}


def test_what_a_mix_does_to_a_library_is_heard_by_who_was_named(
    open_desk: OpenDesk, tmp_path: Path, named: dict[str, str]
) -> None:
    plans: list[RemixPlan] = []

    def keep(root: Path, out: Path, plan: RemixPlan) -> dict[str, str]:
        plans.append(plan)
        return {}

    batch = Batch(library=tmp_path, preview=keep, start=lambda *asked: str(keep(*asked)))
    desk = open_desk(separator=named, batch=batch)
    body = {"gains": {"tuba": "mute"}, "mask_exponent": 0.5}
    for what in ("preview", "start"):
        assert desk.client.post(f"/api/library/{what}", json=body).status_code == 200
    assert [(plan.separator, plan.mask_exponent) for plan in plans] == [(named, 0.5)] * 2


def test_exports_are_written_from_the_masks_of_who_was_named(
    open_desk: OpenDesk, catalog: Catalog, tmp_path: Path, named: dict[str, str]
) -> None:
    desk = open_desk(separator=named)
    facts = desk.drop(write_noise(tmp_path / "song.wav"))
    for asked in ({"gains": {"tuba": "mute"}}, {"stems": ["tuba", "flute"]}):
        assert desk.exported(facts, asked)
    heard_by = {row["heard_by"] for row in catalog.read_rows("masks")}
    assert [json.loads(each) for each in heard_by] == [{"tuba": ["low", "3", "500"]}]


def test_a_desk_does_not_open_with_what_the_host_does_not_have(open_desk: OpenDesk, named: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="no separator 'rm -rf' on this host; there is deep"):
        open_desk(separator={"tuba": "rm -rf"})
