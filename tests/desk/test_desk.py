"""Dropping, hearing, playing, leaving and coming back."""

import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

from catalog.masks import Maker, MaskHeader, MaskReader, write_masks
from catalog.store import Catalog
from desk import hearing, segments
from desk.growing import GrowingMasks, HearingError
from desk.hearing import Masks
from desk.recordings import FULL_SCALE
from desk.views import Views
from tasks.masks import make_masks
from tasks.queries import Query
from tasks.stored_masks import heard_row
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import Desk, write_noise
from tests.grids import FINE_GRID
from tests.tasks.planted import (
    TONES_HZ,
    plant_masks,
    plant_old_masks,
    scanned,
    statuses,
    visible_files,
    write_tones,
)
from varemix.errors import MediaError
from varemix.media.audio import probe_audio, read_audio
from varemix.remix.mute_depth import EXPONENTS
from varemix.remix.plan_yaml import parse_plan
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid

ALL = ["flute", "tuba", "violin"]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_noise(tmp_path / "song.wav")


def test_a_dropped_recording_is_told_and_listed(desk: Desk, song: Path) -> None:
    facts = desk.drop(song, "Café – the “song”.wav")
    assert facts["title"] == "Café – the “song”"
    assert (facts["rate_hz"], facts["num_channels"], facts["num_segments"]) == (44_100, 2, 2)
    assert [target["state"] for target in facts["targets"]] == ["none"] * 3
    (listed,) = desk.client.get("/api/recordings").json()
    assert (listed["id"], listed["has_masks"], listed["is_library"]) == (facts["id"], [], False)
    assert desk.client.get("/api/recordings?search=SONG+caf%C3%A9").json() == [listed]
    assert desk.client.get("/api/recordings?search=other").json() == []
    assert desk.client.get(f"/api/recordings/{facts['id']}/audio").content == song.read_bytes()


def test_parts_of_a_recording_are_served(desk: Desk, song: Path) -> None:
    own = desk.drop(song)["id"]
    answer = desk.client.get(f"/api/recordings/{own}/audio", headers={"Range": "bytes=100-199"})
    assert (answer.status_code, answer.content) == (206, song.read_bytes()[100:200])
    assert desk.client.get(f"/api/recordings/{own}/audio", headers={"Range": "bytes=9999999999-"}).status_code == 416


def test_the_same_recording_dropped_twice_is_one(desk: Desk, song: Path, catalog: Catalog) -> None:
    first, second = desk.drop(song, "a.wav"), desk.drop(song, "b.wav")
    assert first["id"] == second["id"]
    assert len(visible_files(catalog.home.dropped)) == 1


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.wav", "/etc/cron.d/x", ".part-x", "", "\0", "a\nb", "x" * 400]
)
def test_no_name_leads_out_of_the_home(desk: Desk, song: Path, catalog: Catalog, name: str, tmp_path: Path) -> None:
    before = visible_files(tmp_path)
    facts = desk.drop(song, name or " ")
    place = desk.studio.shelf.recording(facts["id"]).path
    assert place.parent.parent == catalog.home.dropped
    assert place.suffix == ".wav"
    new = set(visible_files(tmp_path)) - set(before)
    assert {path.split("/")[1] for path in new if path.startswith("home/")} <= {"desk", "tables"}


def test_the_first_sound_is_there_before_all_is_heard(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from varemix.remix import heard

    may_go_on = threading.Event()
    heard_blocks = heard.heard_blocks

    def slowly(source: Path, **asked):  # type: ignore[no-untyped-def]
        for number, block in enumerate(heard_blocks(source, **asked)):
            if number == 3:
                assert may_go_on.wait(600)
            yield block

    monkeypatch.setattr(heard, "heard_blocks", slowly)
    facts = desk.drop(write_noise(tmp_path / "long.wav", seconds=14))
    own = f"/api/recordings/{facts['id']}"
    desk.client.post(f"{own}/hear", json={"targets": ["tuba"]})
    assert desk.waited(f"{own}/stems/tuba/0.flac").status_code == 200
    (tuba,) = (target for target in desk.client.get(own).json()["targets"] if target["target"] == "tuba")
    assert tuba["state"] == "hearing"
    assert 0 < tuba["progress"] < 1
    late = desk.client.get(f"{own}/stems/tuba/2.flac")
    assert (late.status_code, late.headers["retry-after"]) == (202, "1")
    assert desk.client.get(f"{own}/masks/tuba.png").status_code == 202
    may_go_on.set()
    assert desk.waited(f"{own}/stems/tuba/2.flac").status_code == 200


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_what_is_heard_first_is_where_somebody_listens_and_the_file_is_the_same(
    desk: Desk, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate_hz: int
) -> None:
    from varemix.model.any_order import AnyOrder

    may_go_on, heard = threading.Event(), []
    hear = AnyOrder.hear

    def slowly(order: AnyOrder, window: int, samples: np.ndarray) -> Any:
        heard.append(window)
        if len(heard) > 16:  # enough for what is asked for; the rest waits
            assert may_go_on.wait(60)
        return hear(order, window, samples)

    monkeypatch.setattr(AnyOrder, "hear", slowly)
    song = write_noise(tmp_path / "long.wav", seconds=24, rate_hz=rate_hz)
    facts = desk.drop(song)
    own = f"/api/recordings/{facts['id']}"
    desk.client.post(f"{own}/hear", json={"targets": ["tuba"], "at_s": 11.0})
    assert desk.waited(f"{own}/stems/tuba/2.flac").status_code == 200
    assert min(heard) > 8, "nothing of the beginning"
    assert desk.client.get(f"{own}/stems/tuba/0.flac").status_code == 202
    (tuba,) = (target for target in desk.client.get(own).json()["targets"] if target["target"] == "tuba")
    [[begin, end]] = tuba["heard"]
    assert 0.3 < begin < 0.42 < end < 1
    assert desk.client.post(f"{own}/listen", json={"at_s": 1.0}).status_code == 200
    may_go_on.set()
    desk.hear(facts["id"], ALL)
    assert heard.index(0) < len(heard) - 3, "after a seek it goes on from there"
    [row] = catalog.read_rows("masks")
    stored = desk.studio.hearing.file_of(row).read_bytes()
    queries = [Query(name=name) for name in row["queries"]]
    track = catalog.read_rows("tracks", where={"track_id": facts["id"]})[0]
    batch = heard_row(catalog, track, "small", queries)
    assert desk.studio.hearing.file_of(batch).read_bytes() == stored
    np.testing.assert_allclose(row["presences_db"], batch["presences_db"], rtol=1e-6)


def test_two_tabs_share_one_hearing_and_a_restart_loses_nothing(
    open_desk: OpenDesk, song: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(hearing, "heard_row", lambda *args, **kw: calls.append(args) or heard_row(*args, **kw))
    first = open_desk()
    facts = first.drop(song)
    tabs = [threading.Thread(target=first.hear, args=(facts["id"], [name])) for name in ALL]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    second = open_desk()
    again = second.client.get(f"/api/recordings/{facts['id']}").json()
    assert [target["state"] for target in again["targets"]] == ["stored"] * 3
    second.hear(facts["id"], ALL)
    assert second.signal(facts, "stems/tuba").shape == (2, facts["num_samples"])
    assert len(calls) == 1
    assert second.client.get("/api/recordings").json()[0]["has_masks"] == ALL
    settings = {"items": scanned(catalog, catalog.home.dropped), "shard": "1", "home": str(catalog.home.root)}
    made = make_masks.fn(**settings, checkpoint_id="small", queries=[Query(name=name) for name in ALL])
    assert [*statuses(made).values()] == ["skipped"]


def test_what_plays_beyond_full_scale_stays_whole(desk: Desk, tmp_path: Path) -> None:
    samples = np.tile(np.linspace(-2, 2, 50_000), (2, 1))
    soundfile.write(tmp_path / "loud.wav", samples.T, 44_100, subtype="FLOAT")
    facts = desk.drop(tmp_path / "loud.wav")
    np.testing.assert_allclose(desk.signal(facts, "audio"), samples, atol=2**-21)
    assert facts["full_scale"] == FULL_SCALE


def test_a_photo_is_heard_like_an_instrument(desk: Desk, song: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (800, 400), "red").save(file, "JPEG", exif=exif)
    answer = desk.client.post("/api/pictures?name=my%20fiddle.jpg", content=file.getvalue())
    photo = answer.json()
    assert (answer.status_code, photo["title"]) == (201, "my fiddle")
    assert len({entry["name"] for entry in photo["nearest"]} & set(ALL)) == 2
    shown = desk.client.get(photo["picture"])
    assert Image.open(io.BytesIO(shown.content)).size == (384, 192)
    assert b"at home" not in shown.content
    facts = desk.drop(song)
    desk.hear(facts["id"], [photo["id"], "tuba"])
    stems = desk.stems(facts, [photo["id"], "tuba"])
    assert np.abs(stems[0]).max() > 1e-3
    told = {target["target"]: target for target in desk.client.get(f"/api/recordings/{facts['id']}").json()["targets"]}
    assert told[photo["id"]]["title"] == "my fiddle"
    assert set(told) == {*ALL, photo["id"]}


def test_a_remix_is_exported_in_another_format_under_a_sensible_name(desk: Desk, song: Path) -> None:
    own = desk.drop(song, "my song.wav")["id"]
    wish = {"gains": {"tuba": "mute", "violin": -6, "flute": 0}, "format": "flac"}
    job = desk.client.post(f"/api/recordings/{own}/export", json=wish).json()
    assert job["name"] == "my song (tuba mute, violin -6 dB).flac"
    made = desk.waited(f"/api/exports/{job['job']}", busy=202)
    assert "my%20song" in made.headers["content-disposition"]
    samples, rate_hz = soundfile.read(io.BytesIO(made.content))
    assert (rate_hz, len(samples)) == (44_100, probe_audio(song).num_samples)
    assert np.abs(samples.T - read_audio(song)[0]).max() > 0.01


def test_a_remix_with_nothing_wished_is_the_recording(desk: Desk, song: Path) -> None:
    own = desk.drop(song)["id"]
    job = desk.client.post(f"/api/recordings/{own}/export", json={"gains": {"tuba": 0}}).json()
    assert job["name"] == "song (unchanged).wav"
    assert desk.waited(f"/api/exports/{job['job']}", busy=202).content == song.read_bytes()


def test_the_wishes_become_a_plan_that_the_batch_reads(desk: Desk) -> None:
    answer = desk.client.post("/api/plan", json={"gains": {"tuba": "mute", "violin": -6.5}})
    assert "remix.yaml" in answer.headers["content-disposition"]
    assert parse_plan(answer.text, "remix.yaml").gains == {"tuba": "mute", "violin": -6.5}


def test_pictures_of_a_recording_share_a_grid(desk: Desk, tmp_path: Path) -> None:
    facts = desk.drop(write_tones(tmp_path / "tones.wav", names=["violin"], seconds=3, num_channels=2))
    own = f"/api/recordings/{facts['id']}"
    desk.hear(facts["id"], ["tuba"])
    sizes = []
    for name in ("spectrogram", "masks/tuba"):
        picture = Image.open(io.BytesIO(desk.client.get(f"{own}/{name}.png").content))
        assert picture.mode == "L"
        sizes.append(picture.size)
    assert sizes[0] == sizes[1] == (259, 256)
    spectrogram = np.array(Image.open(io.BytesIO(desk.client.get(f"{own}/spectrogram.png").content)))
    loudest = np.argmax(spectrogram[:, 100])
    v = 1 - 2 * loudest / 255  # of the row, from the lowest at -1
    assert (21 ** ((v + 1) / 2) - 1) / 20 * 22_050 == pytest.approx(1_000, rel=0.06)  # the violin's tone
    peaks = np.array(desk.client.get(f"{own}/waveform").json()["peaks"])
    assert peaks.min() == pytest.approx(-0.15, abs=0.01)
    assert peaks.max() == pytest.approx(0.15, abs=0.01)


def test_events_tell_all_states_at_once(desk: Desk, song: Path) -> None:
    own = desk.drop(song)["id"]
    before = desk.client.get(f"/api/recordings/{own}").json()["edition"]
    desk.hear(own, ALL)
    with desk.client.stream("GET", f"/api/recordings/{own}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    told = json.loads(line.removeprefix("data: "))
    assert [state["target"] for state in told["targets"]] == ALL
    assert {state["state"] for state in told["targets"]} == {"stored"}
    assert all(state["does_seem_to_play"] for state in told["targets"])
    assert told["edition"][0] == before[0], "one process"
    assert told["edition"][1] > before[1], "the later edition counts"


def test_a_dropped_recording_is_forgotten_and_one_of_the_library_is_not(
    open_desk: OpenDesk, library: Path, song: Path, catalog: Catalog
) -> None:
    write_tones(library / "folk" / "tones.wav")
    desk = open_desk(library=library)
    dropped = desk.drop(song)["id"]
    assert [entry["folder"] for entry in desk.client.get("/api/recordings").json()] == ["", "folk"]
    (kept,) = (entry["id"] for entry in desk.client.get("/api/recordings").json() if entry["is_library"])
    assert desk.client.delete(f"/api/recordings/{kept}").status_code == 403
    assert desk.client.get(f"/api/recordings/{kept}").json()["name"] == "tones.wav"
    assert desk.client.delete(f"/api/recordings/{dropped}").status_code == 200
    assert desk.client.get(f"/api/recordings/{dropped}").status_code == 404
    assert visible_files(catalog.home.dropped) == []
    assert (library / "folk" / "tones.wav").exists()


@pytest.mark.parametrize(
    ("content", "name", "status", "said"),
    [
        (b"just words", "song.mp3", 415, "song.mp3"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "song.wav", 415, "song.wav"),
        (b"", "song.wav", 422, "empty"),
        (b"fLaC" + bytes(60), "song.flac", 422, "song.flac"),
    ],
)
def test_what_is_no_recording_is_refused_in_words_and_leaves_nothing(
    desk: Desk, catalog: Catalog, content: bytes, name: str, status: int, said: str
) -> None:
    answer = desk.client.post("/api/recordings", params={"name": name}, content=content)
    assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text
    assert visible_files(catalog.home.root / "desk") == []
    assert desk.client.get("/api/recordings").json() == []


def test_what_is_no_picture_is_refused_in_words_and_leaves_nothing(desk: Desk, catalog: Catalog) -> None:
    for content, status in ((b"no picture", 415), (b"", 422), (b"\xff\xd8\xff\xe0" + bytes(40), 415)):
        answer = desk.client.post("/api/pictures?name=x.jpg", content=content)
        assert answer.status_code == status, answer.text
    assert visible_files(catalog.home.root / "desk") == []


def test_a_place_that_no_recording_has_is_refused(desk: Desk, song: Path) -> None:
    own = f"/api/recordings/{desk.drop(song)['id']}"
    for place in ("-1", "1e308", f"1{'0' * 400}", "true", '"soon"'):
        answer = desk.client.post(f"{own}/listen", content=f'{{"at_s": {place}}}')
        assert (answer.status_code, "a place in seconds" in answer.json()["error"]) == (422, True), place


def test_a_recording_of_any_kind_may_lack_its_suffix(desk: Desk, tmp_path: Path) -> None:
    song = tmp_path / "song.caf"
    soundfile.write(song, np.zeros((44_100, 1)), 44_100)
    assert desk.drop(song, "song")["title"] == "song"


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_recording_that_is_too_large_is_refused(
    desk: Desk, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, is_announced: bool
) -> None:
    monkeypatch.setattr("desk.routes.recordings.MAX_RECORDING_BYTES", 100_000)
    pieces = (bytes(10_000) for _ in range(30))
    content = bytes(300_000) if is_announced else pieces
    try:
        answer = desk.client.post("/api/recordings", content=content)
        assert (answer.status_code, "larger" in answer.json()["error"]) == (413, True)
    except httpx.TransportError:
        assert not is_announced  # the desk hangs up on who goes on sending
    assert visible_files(catalog.home.root / "desk") == []


def test_a_full_disk_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.uploads.write_piece", _no_room)
    answer = desk.client.post("/api/recordings", content=b"x" * 1000)
    assert (answer.status_code, "full" in answer.json()["error"]) == (507, True)


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_recording_that_changes_meanwhile_is_looked_at_anew(open_desk: OpenDesk, library: Path) -> None:
    path = write_tones(library / "tones.wav", seconds=1)
    desk = open_desk(recording=path)
    own = desk.client.get("/api/health").json()["opened"]
    assert desk.client.get(f"/api/recordings/{own}").json()["num_segments"] == 1
    write_tones(path, seconds=6)
    assert desk.client.get(f"/api/recordings/{own}").json()["num_segments"] == 2
    path.unlink()
    assert desk.client.get(f"/api/recordings/{own}").status_code == 404


def test_what_cannot_be_heard_to_its_end_is_said(open_desk: OpenDesk, library: Path) -> None:
    cut = write_tones(library / "cut.flac", seconds=9)
    cut.write_bytes(cut.read_bytes()[:-3000])
    desk = open_desk(recording=cut)
    own = desk.client.get("/api/health").json()["opened"]
    assert desk.waited(f"/api/recordings/{own}/audio/0.flac").status_code == 200
    answer = desk.client.get(f"/api/recordings/{own}/audio/1.flac")
    assert (answer.status_code, "cut off" in answer.json()["error"]) == (422, True)
    desk.hear(own, ["tuba"])
    (tuba,) = (
        target for target in desk.client.get(f"/api/recordings/{own}").json()["targets"] if target["target"] == "tuba"
    )
    assert (tuba["state"], "cut off" in tuba["reason"]) == ("failed", True)
    answer = desk.client.get(f"/api/recordings/{own}/stems/tuba/0.flac")
    assert (answer.status_code, "cut off" in answer.json()["error"]) == (422, True)


def test_what_was_not_listened_to_makes_room_and_comes_back(
    desk: Desk, song: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("desk.segments._MAX_CACHE_BYTES", 1_000)
    facts = desk.drop(song)
    original = desk.signal(facts, "audio")
    num_before = len(visible_files(tmp_path / "work-0"))
    desk.hear(facts["id"], ["tuba"])
    desk.signal(facts, "stems/tuba")
    assert num_before == len(visible_files(tmp_path / "work-0")) == facts["num_segments"]
    np.testing.assert_array_equal(desk.signal(facts, "audio"), original)


@pytest.mark.parametrize("grid", [PAPER_GRID, PAPER_GRID.on_bins(), FINE_GRID])
def test_pieces_of_masks_are_read_as_they_will_be_stored(tmp_path: Path, grid: Grid) -> None:
    masks = np.random.default_rng(1).random((2, grid.num_rows, 700), dtype=np.float32)
    header = header_of(grid, "tuba", "flute", num_frames=700)
    write_masks(tmp_path / "masks.parquet", header, [masks])
    growing = GrowingMasks(header.queries, tmp_path)
    for first in (0, 10, 600):
        growing.add(header, masks[..., first : {0: 10, 10: 600, 600: 700}[first]])
    growing.close()
    assert growing.grid == grid
    with MaskReader(tmp_path / "masks.parquet") as reader:
        stored = np.concatenate(list(reader.blocks(["flute", "tuba"])), axis=-1)
    np.testing.assert_array_equal(np.concatenate(list(growing.blocks(["flute", "tuba"])), axis=-1), stored)


def test_who_waits_for_masks_hears_why_none_come(tmp_path: Path) -> None:
    growing = GrowingMasks(["tuba"], tmp_path)
    growing.close("the recording is cut off")
    with pytest.raises(HearingError, match="cut off"):
        list(growing.blocks(["tuba"]))
    with pytest.raises(HearingError, match="cut off"):
        _ = growing.grid


def test_who_asks_on_which_grid_masks_lie_waits_for_the_first_of_them(tmp_path: Path) -> None:
    growing = GrowingMasks(["tuba"], tmp_path)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: growing.grid)
        assert not wait([asked], timeout=0.2).done
        growing.add(header_of(FINE_GRID, "tuba", num_frames=9), np.zeros((1, 512, 1), dtype=np.float32))
        assert asked.result(600) == FINE_GRID


def header_of(grid: Grid, *names: str, num_frames: int) -> MaskHeader:
    return MaskHeader(
        content_digest="",
        num_frames=num_frames,
        bits=4,
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=names,
        makers=(Maker(name="noise", version="", digest=""),) * len(names),
    )


@pytest.mark.parametrize("seconds", [3.0, 0.01, 40.0])
@pytest.mark.parametrize("hop_samples", [128, 512, 1024])
def test_masks_of_any_hop_are_drawn_in_the_columns_of_the_spectrogram(
    desk: Desk, tmp_path: Path, hop_samples: int, seconds: float
) -> None:
    rate_hz = 8_000
    samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate_hz))
    onset = round(0.4 * len(samples))  # nothing sounds before
    samples[:onset] = 0
    soundfile.write(tmp_path / "onset.wav", samples, rate_hz)
    recording = desk.studio.shelf.put(tmp_path / "onset.wav")
    grid = replace(FINE_GRID, hop_samples=hop_samples)
    num_frames = grid.num_frames(-(-len(samples) * RATE_HZ // rate_hz))
    is_heard = np.arange(num_frames) * hop_samples / RATE_HZ >= onset / rate_hz
    masks = np.broadcast_to(is_heard, (1, grid.num_rows, num_frames)).astype(np.float32)
    write_masks(tmp_path / "masks.parquet", header_of(grid, "tuba", num_frames=num_frames), [masks])
    views, drawn = Views(tmp_path), Masks(tmp_path / "masks.parquet", ["tuba"])
    spectrogram, mask = (
        np.array(Image.open(io.BytesIO(png))) for png in (views.spectrogram(recording), views.mask(recording, drawn))
    )
    assert spectrogram.shape == mask.shape
    assert mask.shape[1] <= 2000
    if seconds > 1:
        first_heard, first_claimed = (int(np.argmax(picture.max(axis=0) > 128)) for picture in (spectrogram, mask))
        samples_a_column = seconds * RATE_HZ / mask.shape[1]
        assert abs(first_heard - first_claimed) <= 1 + hop_samples / samples_a_column
        assert (mask[:, : first_claimed - 1] == 0).all()  # of the column before, some frames may be claimed
        assert (mask[:, first_claimed + 1 :] == 255).all()


@pytest.mark.parametrize("plant", [plant_old_masks, partial(plant_masks, grid=FINE_GRID)], ids=["format 1", "fine"])
def test_stored_masks_serve_at_the_desk_on_their_own_grid(
    open_desk: OpenDesk, catalog: Catalog, library: Path, plant: Callable[..., Path]
) -> None:
    source = write_tones(library / "tones.wav", seconds=2, num_channels=2, subtype="PCM_24")
    plant(catalog, scanned(catalog, library)[0], "small")
    desk = open_desk(recording=source)
    facts = desk.client.get(f"/api/recordings/{desk.client.get('/api/health').json()['opened']}").json()
    assert [target["state"] for target in facts["targets"]] == ["stored"] * 3
    stems = desk.stems(facts, ALL)
    np.testing.assert_allclose(sum(stems), read_audio(source)[0], atol=1e-3)
    middle = slice(22_050, 66_150)
    for name, stem in zip(ALL, stems, strict=True):
        expected = 0.15 * np.sin(2 * np.pi * TONES_HZ[name] * np.arange(88_200) / RATE_HZ)
        assert np.abs(stem[:, middle] - expected[middle]).max() < 0.005
    sizes = [
        Image.open(io.BytesIO(desk.client.get(f"/api/recordings/{facts['id']}/{name}.png").content)).size
        for name in ("spectrogram", "masks/tuba")
    ]
    assert sizes[0] == sizes[1]


def test_the_original_comes_first_from_where_somebody_waits_for_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(path: Path, samples: np.ndarray, rate_hz: int) -> int:
        written.append(path.name)
        return write_segment(path, samples, rate_hz)

    write_segment = segments._write_segment
    monkeypatch.setattr("desk.segments._write_segment", write)
    recording = desk.studio.shelf.put(write_noise(tmp_path / "long.wav", rate_hz=8000, num_channels=1, seconds=28))
    rendering = segments.Rendering(recording, segments.Company(), None, tmp_path / "cuts")
    assert not rendering.has(4)
    assert not rendering.has(3)
    with ThreadPoolExecutor(1) as writers:
        rendering.run(writers)
    assert written == [f"0-{number}.flac" for number in (3, 4, 5, 0, 1, 2)]
    assert all(rendering.has(number) for number in range(6))


def test_what_lies_before_the_damage_is_served_whoever_waits_for_what_lies_behind(desk: Desk, tmp_path: Path) -> None:
    path = write_noise(tmp_path / "long.wav", rate_hz=8000, num_channels=1, seconds=28)
    content = path.read_bytes()
    path.write_bytes(
        content[: len(content) // 8 * 4] + np.float32(np.nan).tobytes() + content[len(content) // 8 * 4 + 4 :]
    )
    recording = desk.studio.shelf.put(path)
    rendering = segments.Rendering(recording, segments.Company(), None, tmp_path / "cuts")
    assert not rendering.has(5)
    with ThreadPoolExecutor(1) as writers, pytest.raises(MediaError, match="finite numbers are expected"):
        rendering.run(writers)
    assert [rendering.has(number) for number in range(6)] == [True, True, False, False, False, True]


def test_a_file_that_is_refused_is_called_by_its_name(desk: Desk) -> None:
    letter = b"Dear all, this is no music. " * 40
    for name, content, path in (
        ("letter.pdf", letter, "recordings"),
        ("letter.wav", letter, "recordings"),
        ("letter.jpg", letter, "pictures"),
        ("nothing.wav", b"", "recordings"),
    ):
        answer = desk.client.post(f"/api/{path}", params={"name": name}, content=content)
        assert answer.is_client_error
        assert answer.json()["error"].count(name) == 1, answer.json()


def test_how_deep_mutes_will_be_is_told_of_what_was_heard(desk: Desk, song: Path) -> None:
    own = f"/api/recordings/{desk.drop(song)['id']}"
    assert desk.client.get(f"{own}/depths?of=tuba").status_code == 202
    desk.hear(own.rpartition("/")[2], ALL)
    told = desk.waited(f"{own}/depths?of=tuba,violin").json()
    assert [*told] == ["tuba", "violin"]
    for depths in told.values():
        assert [depth["exponent"] for depth in depths] == [*EXPONENTS]
        mutes_db = [depth["mute_db"] for depth in depths]
        assert mutes_db == sorted(mutes_db)
        assert all(depth["deepest_db"] <= depth["mute_db"] <= depth["least_db"] for depth in depths)


@pytest.mark.parametrize("exponent", ["nan", "0.1", "5", "much", ""])
def test_a_mask_exponent_that_cannot_be_is_refused(desk: Desk, song: Path, exponent: str) -> None:
    own = desk.drop(song)["id"]
    answer = desk.client.get(f"/api/recordings/{own}/stems/tuba/0.flac?exponent={exponent or 'x'}")
    assert (answer.status_code, answer.json()["error"]) == (422, "The mask exponent is a number from 0.25 to 4.")
    wish = {"gains": {"tuba": -3}, "mask_exponent": exponent}
    assert desk.client.post("/api/plan", json=wish).status_code == 422
