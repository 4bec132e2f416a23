"""The desk hears with the separators that it was opened with, tells so, and writes them into plans."""

import json
from pathlib import Path

import pytest

from catalog.store import Catalog
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import write_noise
from varemix.errors import UsageError
from varemix.remix.plan_yaml import parse_plan
from varemix.separators import installed


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return who hears what, set up on this host."""
    monkeypatch.setitem(installed._OWN, "planted", "tests.varemix.separators.planted:Low")
    (tmp_path / "separators.yaml").write_text("deep: {kind: planted, instrument: tuba}\n")
    monkeypatch.setenv("VAREMIX_SEPARATORS", str(tmp_path / "separators.yaml"))
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


def test_a_desk_does_not_open_with_what_the_host_does_not_have(open_desk: OpenDesk, named: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="no separator 'rm -rf' on this host; there is deep"):
        open_desk(separator={"tuba": "rm -rf"})
