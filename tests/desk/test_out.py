"""Out of the desk: stems, zips, progress, and a mix for a whole library."""

import io
import json
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import soundfile

from catalog.store import Catalog
from desk.batch import Batch
from flows.library_batch import library_batch
from flows.one_file import open_separator, remix_file, separate_file
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import Desk, write_noise
from tests.tasks.planted import write_tones
from tests.tasks.surround import write_surround
from varemix.errors import MediaError
from varemix.remix.plan import plan_of
from varemix.remix.plan_yaml import parse_plan

ALL = ["flute", "tuba", "violin"]
MIX = {"gains": {"tuba": "mute", "violin": -6}, "mask_exponent": 0.5}


def test_stems_are_those_of_the_batch_one_by_one_and_in_a_zip(desk: Desk, catalog: Catalog, tmp_path: Path) -> None:
    song = write_noise(tmp_path / "my song.wav", seconds=2)
    facts = desk.drop(song)
    desk.hear(facts["id"], ALL)
    separate_file(song, tmp_path / "out", ALL, lambda: open_separator(None, str(catalog.home.root)))
    expected = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with zipfile.ZipFile(io.BytesIO(desk.exported(facts, {"stems": ALL}))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == expected
    assert desk.exported(facts, {"stems": ["tuba"]}) == expected["my song - tuba.wav"]
    flac = desk.exported(facts, {"stems": ["tuba"], "format": "flac"})
    assert soundfile.info(io.BytesIO(flac)).format == "FLAC"


@pytest.mark.parametrize(("asked", "playing"), [({"stems": ALL}, ["FC", "LFE"]), (MIX, [])])
def test_all_channels_of_surround_are_exported(
    desk: Desk, catalog: Catalog, tmp_path: Path, asked: Mapping[str, Any], playing: list[str]
) -> None:
    song = write_surround(tmp_path / "5.1.wav", playing, seconds=2)
    facts = desk.drop(song)
    content = desk.exported(facts, asked)
    separator = open_separator(None, str(catalog.home.root))
    if "stems" in asked:
        separate_file(song, tmp_path / "out", ALL, lambda: separator)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    else:
        plan = plan_of(["tuba=mute", "violin=-6"], mask_exponent=0.5, force=True)
        remix_file(song, tmp_path / "out" / "5.1.wav", plan, lambda: separator)
        contents = {"5.1.wav": content}
    assert contents == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert {soundfile.info(io.BytesIO(each)).channels for each in contents.values()} == {6}
    depths = desk.client.get(f"/api/recordings/{facts['id']}/depths?of=tuba").json()["tuba"]
    assert all(each["mute_db"] < 0 for each in depths)


def test_what_is_exported_as_practised_is_what_the_batch_tunes_and_untuned_nothing_changes(
    desk: Desk, catalog: Catalog, tmp_path: Path
) -> None:
    song = write_noise(tmp_path / "song.wav", seconds=2.5)
    facts = desk.drop(song)
    plan = plan_of(["tuba=mute", "violin=-6"], mask_exponent=0.5, force=True, tempo=80, transpose=-2)
    remix_file(song, tmp_path / "out.wav", plan, lambda: open_separator(None, str(catalog.home.root)))
    tuned = desk.exported(facts, MIX | {"tempo": 0.8, "transpose_semitones": -2})
    assert tuned == (tmp_path / "out.wav").read_bytes()
    assert soundfile.info(io.BytesIO(tuned)).frames == round(2.5 * 44_100 / 0.8)
    assert desk.exported(facts, MIX | {"tempo": 1, "transpose_semitones": 0}) == desk.exported(facts, MIX)
    slower = desk.exported(facts, {"gains": {}, "tempo": 0.8})
    assert soundfile.info(io.BytesIO(slower)).frames == round(2.5 * 44_100 / 0.8)
    assert desk.exported(facts, {"gains": {}}) == song.read_bytes()
    stem = desk.exported(facts, {"stems": ["tuba"], "tempo": 0.8})
    assert soundfile.info(io.BytesIO(stem)).frames == round(2.5 * 44_100 / 0.8)
    for wrong in ({"tempo": 0.1}, {"tempo": "slow"}, {"transpose_semitones": 10**400}):
        answer = desk.client.post(f"/api/recordings/{facts['id']}/export", json=MIX | wrong)
        assert answer.status_code == 422


def test_of_a_file_that_fails_the_reason_is_told_and_nothing_half_written_stays(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(source: Path, target: Path, *_: Any, **__: Any) -> None:
        target.write_bytes(b"half")
        raise MediaError("There is no room.")

    monkeypatch.setattr("desk.exports.write_remix", fails)
    facts = desk.drop(write_noise(tmp_path / "song.wav", seconds=1))
    job = desk.client.post(f"/api/recordings/{facts['id']}/export", json=MIX).json()["job"]
    export = desk.studio.exports.export(job)
    export.done.result(60)
    answer = desk.client.get(f"/api/exports/{job}")
    assert (answer.status_code, answer.json()["error"]) == (422, "There is no room.")
    assert not export.path.parent.exists()


def test_how_far_a_file_is_is_told(desk: Desk, tmp_path: Path) -> None:
    facts = desk.drop(write_noise(tmp_path / "song.wav", seconds=2))
    job = desk.client.post(f"/api/recordings/{facts['id']}/export", json=MIX).json()["job"]
    desk.waited(f"/api/exports/{job}")
    told = desk.client.get(f"/api/exports/{job}/state").json()
    assert (told["state"], told["share"], told["name"]) == ("ready", 1.0, "song (tuba mute, violin -6 dB).wav")
    assert "remixed" in told["said"]


@pytest.mark.parametrize(
    "wrong", [{"stems": []}, {"stems": ["zither"]}, {"stems": "tuba"}, {"stems": ["tuba"], "format": "x"}]
)
def test_stems_that_cannot_be_are_refused(desk: Desk, tmp_path: Path, wrong: Mapping[str, Any]) -> None:
    facts = desk.drop(write_noise(tmp_path / "song.wav", seconds=1))
    assert desk.client.post(f"/api/recordings/{facts['id']}/export", json=wrong).status_code == 422


def test_a_library_is_looked_at_by_the_plan_that_the_batch_reads(
    open_desk: OpenDesk, library: Path, catalog: Catalog
) -> None:
    write_tones(library / "folk" / "tones.wav")
    desk = open_desk(library=library, batch=library_batch(library, None, str(catalog.home.root)))
    before = sorted(library.rglob("*"))
    found = desk.client.post("/api/library/preview", json=MIX).json()
    assert found["total"]["to_write"] == found["total"]["recordings"] > 0
    assert found["out"] == f"{library}-remixed"
    plan = parse_plan(found["plan"], "remix.yaml")
    assert (plan.gains, plan.mask_exponent) == ({"tuba": "mute", "violin": -6.0}, 0.5)
    assert sorted(library.rglob("*")) == before
    assert not Path(found["out"]).exists(), "a dry run writes nothing"


def test_without_a_service_a_library_is_not_begun_and_what_to_do_is_said(
    open_desk: OpenDesk, library: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    desk = open_desk(library=library, batch=library_batch(library, None, str(catalog.home.root)))
    answer = desk.client.post("/api/library/start", json=MIX)
    assert answer.status_code == 422
    assert "Start it with `varemix up`" in answer.json()["error"]


class _Service(BaseHTTPRequestHandler):
    """A server that knows one deployment, and keeps what it was asked for."""

    asked: list[dict[str, Any]] = []  # noqa: RUF012 - one test uses it

    def do_GET(self) -> None:
        self._answer({"id": "of-remix"} if self.path == "/api/deployments/name/remix/remix" else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, **body["parameters"]})
        self._answer({"id": "run-1"})

    def _answer(self, content: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_library_is_begun_where_the_service_is_up(
    open_desk: OpenDesk, library: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with HTTPServer(("127.0.0.1", 0), _Service) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{service.server_port}/api")
        desk = open_desk(library=library, batch=library_batch(library, None, str(catalog.home.root)))
        told = desk.client.post("/api/library/start", json=MIX | {"out": str(tmp_path / "there")}).json()
        service.shutdown()
    assert told["run"].endswith("/runs/flow-run/run-1")
    [asked] = _Service.asked
    assert asked["path"] == "/api/deployments/of-remix/create_flow_run"
    assert (asked["library"], asked["out"]) == (str(library), str(tmp_path / "there"))
    assert asked["plan"]["gains"] == {"tuba": "mute", "violin": -6.0}


def test_a_library_is_not_begun_over_the_network_nor_into_a_folder_of_no_sense(
    open_desk: OpenDesk, library: Path
) -> None:
    batch = Batch(library=library, preview=lambda *_: {}, start=lambda *_: "")
    own = open_desk(library=library, batch=batch)
    assert own.client.post("/api/library/start", json=MIX | {"out": "remixed"}).status_code == 422
    assert open_desk(library=library).client.post("/api/library/start", json=MIX).status_code == 409
    far = open_desk(host="0.0.0.0", token="x" * 20, library=library, batch=batch)
    answer = far.client.post("/api/library/start", json=MIX, headers={"Authorization": f"Bearer {'x' * 20}"})
    assert answer.status_code in (401, 403)
