"""A photo of none of the known instruments is told as such at the desk, and heard only where somebody says so."""

import io
from pathlib import Path

import pytest

from tests.desk.sounds import Desk
from tests.tasks.pictured import picture_of, write_recogniser
from tests.tasks.planted import write_tones


@pytest.fixture(scope="module")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a checkpoint that knows a red flute and a green tuba."""
    return write_recogniser(tmp_path_factory.mktemp("recogniser") / "recogniser.safetensors")


def dropped(desk: Desk, name: str) -> dict[str, object]:
    file = io.BytesIO()
    picture_of(name).save(file, "PNG")
    answer = desk.client.post(f"/api/pictures?name={name}.png", content=file.getvalue())
    assert answer.status_code == 201
    return dict(answer.json())


def test_a_dropped_photo_says_whether_it_shows_one_and_names_the_nearest_two(desk: Desk) -> None:
    told = {name: dropped(desk, name) for name in ("tuba", "stranger")}
    assert [photo["is_known"] for photo in told.values()] == [True, False]
    assert told["tuba"]["nearest"][0]["name"] == "tuba"  # type: ignore[index]
    assert {near["name"] for near in told["stranger"]["nearest"]} == {"flute", "tuba"}  # type: ignore[attr-defined]


def test_it_is_heard_and_planned_only_where_the_request_says_so(desk: Desk, tmp_path: Path) -> None:
    facts = desk.drop(write_tones(tmp_path / "song.wav"))
    own = str(dropped(desk, "stranger")["id"])
    asks = {
        f"/api/recordings/{facts['id']}/hear": {"targets": [own]},
        f"/api/recordings/{facts['id']}/export": {"gains": {own: -6}},
        "/api/plan": {"gains": {own: -6}},
    }
    for url, body in asks.items():
        refused = desk.client.post(url, json=body)
        assert refused.status_code == 422
        assert "shows none of the instruments" in refused.json()["error"]
        assert desk.client.post(url, json=body | {"even_if_unknown": "yes"}).status_code == 422
        assert desk.client.post(url, json=body | {"even_if_unknown": True}).is_success


def test_a_plan_says_that_it_is_used_only_where_it_is_needed(desk: Desk) -> None:
    known, unknown = (str(dropped(desk, name)["id"]) for name in ("tuba", "stranger"))
    texts = [
        desk.client.post("/api/plan", json={"gains": {own: -6}, "even_if_unknown": True}).text
        for own in (known, unknown)
    ]
    assert ["even_if_unknown: true" in text for text in texts] == [False, True]
