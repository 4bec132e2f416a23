"""Whatever is sent to the desk, it answers in words: no failure of its own, no traceback, no file outside."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.store import Catalog
from desk.app import create_app
from desk.loading import Loading, Opened
from desk.studio import Studio
from tests.desk.conftest import serving_desk
from tests.desk.sounds import write_noise
from tests.tasks.planted import open_catalog, register_checkpoint, visible_files

FUZZED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
_SECRET = "only for its owner"


class Fuzzed:
    """A desk beside a file that it must never give away."""

    def __init__(self, client: httpx.Client, recording: str, catalog: Catalog, folder: Path) -> None:
        self.client = client
        self.recording = recording
        self.catalog = catalog
        self.folder = folder
        self.files = self.outside()

    def outside(self) -> list[str]:
        """Return the files beside the home."""
        return [name for name in visible_files(self.folder) if not name.startswith(("home/", "work/"))]

    def check(self, answer: httpx.Response) -> None:
        """Fail unless the answer is one that a desk may give."""
        assert answer.status_code < 500 or answer.status_code in (503, 507), (answer.request.url, answer.text[:500])
        assert "Traceback" not in answer.text
        assert _SECRET not in answer.text
        assert str(self.folder) not in answer.text or answer.request.url.path == "/api/plan"
        is_of_a_range = answer.status_code in (400, 416) and "range" in answer.request.headers
        if answer.status_code >= 400 and not is_of_a_range:
            assert isinstance(answer.json()["error"], str)
        assert self.outside() == self.files


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path) -> Iterator[Fuzzed]:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "secret.txt").write_text(_SECRET)
    (folder / "work").mkdir()
    catalog = open_catalog(folder / "home")
    register_checkpoint(catalog, checkpoint_file, "small", "champion")
    song = write_noise(folder / "song.wav", seconds=1)
    studio = Studio(Opened(home=catalog.home, recording=song), folder / "work")
    with (
        serving_desk(create_app(Loading.done(studio), host="127.0.0.1")) as address,
        httpx.Client(base_url=address, timeout=600) as client,
    ):
        own = client.get("/api/health").json()["opened"]
        yield Fuzzed(client, own, catalog, folder)
    studio.close()


odd = st.text(max_size=40) | st.sampled_from(
    [
        *("..", "../../secret.txt", "%2e%2e%2fsecret.txt", "flute", "picture-0123456789abcdef", "0", "-1", "\0"),
        *("99999999999999999999", "a\r\nX: y", "/etc/passwd", "{own}", "'", '"', "é", "x" * 300),
    ]
)
number = st.integers(-2, 10**20).map(str) | odd
known = st.sampled_from(
    [
        *("/api/recordings/OWN", "/api/recordings/OWN/audio", "/api/recordings/OWN/audio/{}.flac"),
        *("/api/recordings/{}", "/api/recordings/OWN/waveform", "/api/recordings/OWN/masks/{}.png"),
        *("/api/recordings/{}/spectrogram.png", "/api/pictures/{}.jpg", "/api/exports/{}", "/api/instruments"),
        *("/api/recordings", "/api/health", "/api/separators", "/{}", "/pictures/{}", "/api/{}"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd, inner, max_size=4),
    max_leaves=8,
)
targets = st.lists(st.sampled_from(["flute", "tuba", "violin"]) | odd, max_size=4)
gain = st.floats() | st.integers() | st.sampled_from(["mute", "solo"]) | values
wishes = st.fixed_dictionaries(
    {"gains": st.dictionaries(st.sampled_from(["flute", "tuba", "violin"]) | odd, gain, max_size=3) | values},
    optional={
        "format": st.sampled_from(["flac", "wav", "mp3"]) | values,
        "even_if_absent": st.booleans() | values,
        "separator": st.dictionaries(st.just("tuba") | odd, st.just("varemix") | odd, max_size=2) | values,
    },
)


@FUZZED
@given(path=known, part=odd, query=st.dictionaries(st.just("separator") | odd, odd, max_size=3), span=st.none() | odd)
@example(path="/api/recordings/OWN", part="", query={"separator": "tuba=../../secret.txt"}, span=None)
def test_whatever_is_asked_for(fuzzed: Fuzzed, path: str, part: str, query: dict[str, str], span: str | None) -> None:
    url = path.replace("OWN", fuzzed.recording).replace("{}", part)
    headers = {"Range": f"bytes={span}".encode("utf-8", "ignore")} if span and span.isprintable() else {}
    try:
        answer = fuzzed.client.get(url, params=query, headers=headers)
    except (httpx.InvalidURL, httpx.LocalProtocolError):  # the client does not send such
        return
    fuzzed.check(answer)


@settings(FUZZED, max_examples=60)
@given(target=odd | st.just("tuba"), others=odd, place=number)
def test_whatever_segment_is_asked_for(fuzzed: Fuzzed, target: str, others: str, place: str) -> None:
    try:
        answer = fuzzed.client.get(
            f"/api/recordings/{fuzzed.recording}/stems/{target}/{place}.flac", params={"with": others}
        )
    except httpx.InvalidURL:
        return
    fuzzed.check(answer)


@FUZZED
@given(
    path=st.sampled_from(["/api/recordings/OWN/hear", "/api/recordings/OWN/export", "/api/plan"]),
    body=st.binary(max_size=50)
    | (values | wishes | st.fixed_dictionaries({"targets": targets | values})).map(json.dumps).map(str.encode),
)
@example(path="/api/recordings/OWN/export", body=b'{"gains": {"flute": 0.0}, "format": []}')
def test_whatever_is_wished_for(fuzzed: Fuzzed, path: str, body: bytes) -> None:
    fuzzed.check(fuzzed.client.post(path.replace("OWN", fuzzed.recording), content=body))


@settings(FUZZED, max_examples=60)
@given(
    path=st.sampled_from(["/api/recordings", "/api/pictures"]), name=odd, body=st.binary(max_size=200), data=st.data()
)
def test_whatever_is_dropped(fuzzed: Fuzzed, path: str, name: str, body: bytes, data: Any) -> None:
    head = data.draw(
        st.sampled_from([b"", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS", b"ID3", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
    )
    fuzzed.check(fuzzed.client.post(path, params={"name": name}, content=head + body))
    assert not list((fuzzed.catalog.home.root / "desk").rglob(".part-*"))


@settings(FUZZED, max_examples=80)
@given(
    st.binary(max_size=400)
    | st.binary(max_size=60).map(lambda raw: b"GET /" + raw + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
)
def test_whatever_comes_in_by_the_wire(fuzzed: Fuzzed, raw: bytes) -> None:
    address = fuzzed.client.base_url
    with socket.create_connection((address.host, address.port), timeout=600) as wire:
        wire.sendall(raw)
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in answer
    fuzzed.check(fuzzed.client.get("/api/health"))
