import gc
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.ids import file_digest
from catalog.sources import SourceVideo
from catalog.store import Catalog
from tasks.download import download_videos
from tasks.shards import Outcome
from tests.tasks.planted import statuses
from tests.tasks.videos import write_video
from tests.tasks.web import Server, serving
from varemix.errors import DownloadInterruptedError, UsageError
from varemix.media.download import DownloadOptions

OPTIONS = DownloadOptions(socket_timeout_s=60, retries=0, proxy="")

# yt-dlp leaves the connections of failed requests to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_connections() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of videos that is served: two whole ones, and one that is none."""
    folder = tmp_path_factory.mktemp("web")
    whole = write_video(folder / "good.mp4", seconds=0.5).read_bytes()
    (folder / "-dash_1.mp4").write_bytes(whole)
    (folder / "page.mp4").write_bytes(b"<html>a login page that calls itself a video</html>")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as server:
        yield server


def download(catalog: Catalog, server: Server, *ids: str) -> list[Outcome]:
    return download_all(catalog, [video(server, video_id) for video_id in ids])


def download_all(catalog: Catalog, videos: Sequence[SourceVideo]) -> list[Outcome]:
    return download_videos.fn(
        items=list(videos), shard="1 of 1", home=str(catalog.home.root), source="test.csv", options=OPTIONS
    )


def video(server: Server, video_id: str) -> SourceVideo:
    return SourceVideo(video_id=video_id, instrument="flute", split="train", url=server.url(video_id))


def test_a_video_becomes_a_file_and_a_row_that_describes_it(catalog: Catalog, server: Server, folder: Path) -> None:
    assert statuses(download(catalog, server, "-dash_1")) == {"-dash_1": "done"}
    [row] = catalog.read_rows("videos")
    path = catalog.home.absolute(row["path"])
    assert path.read_bytes() == (folder / "-dash_1.mp4").read_bytes()
    assert (row["status"], row["digest"], row["num_bytes"]) == ("ready", file_digest(path), path.stat().st_size)
    assert (row["instrument"], row["split"], row["source"]) == ("flute", "train", "test.csv")


def test_a_video_that_is_gone_or_is_none_becomes_a_row_with_a_reason_and_stops_nobody(
    catalog: Catalog, server: Server
) -> None:
    outcomes = download(catalog, server, "missing", "page", "good")
    assert statuses(outcomes) == {"missing": "unavailable", "page": "unavailable", "good": "done"}
    reasons = {row["video_id"]: row["reason"] for row in catalog.read_rows("videos")}
    assert "HTTP 404" in reasons["missing"]
    assert "not a video" in reasons["page"]
    assert reasons == {outcome.item: outcome.reason or None for outcome in outcomes}


def test_what_is_there_or_gone_is_not_asked_for_again(catalog: Catalog, server: Server) -> None:
    download(catalog, server, "missing", "good")
    asked, version = server.asked.copy(), catalog.version("videos")
    again = {outcome.item: outcome for outcome in download(catalog, server, "missing", "good")}
    assert statuses(again.values()) == {"missing": "unavailable", "good": "skipped"}
    assert "HTTP 404" in again["missing"].reason
    assert server.asked == asked
    assert catalog.version("videos") == version


def test_what_was_gone_is_asked_for_again_after_a_day(catalog: Catalog, server: Server) -> None:
    download(catalog, server, "missing")
    [row] = catalog.read_rows("videos")
    catalog.merge("videos", [row | {"updated_at": row["updated_at"] - timedelta(days=2)}])
    num_asked = server.asked.total()
    assert statuses(download(catalog, server, "missing")) == {"missing": "unavailable"}
    assert server.asked.total() > num_asked


def test_a_server_in_trouble_means_another_try_while_there_are_some_left(
    catalog: Catalog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.troubles["good"] = [500, 500, 500]
    monkeypatch.setattr("tasks.download.is_last_try", lambda: False)
    with pytest.raises(DownloadInterruptedError, match="1 downloads were interrupted, the first is good"):
        download(catalog, server, "good", "-dash_1")
    assert {row["video_id"]: row["status"] for row in catalog.read_rows("videos")} == {
        "good": "failed",
        "-dash_1": "ready",
    }


def test_the_last_try_ends_as_a_failed_row_and_the_next_run_asks_for_it_alone(catalog: Catalog, server: Server) -> None:
    server.troubles["good"] = [503] * 10
    outcomes = {outcome.item: outcome for outcome in download(catalog, server, "good", "-dash_1", "missing")}
    assert outcomes["good"].status == "failed"
    assert "HTTP 503" in outcomes["good"].reason
    server.troubles.clear()
    server.asked.clear()
    again = download(catalog, server, "good", "-dash_1", "missing")
    assert statuses(again) == {"good": "done", "-dash_1": "skipped", "missing": "unavailable"}
    assert set(server.asked) == {"good"}
    [row] = catalog.read_rows("videos", where={"video_id": "good"})
    assert (row["status"], row["reason"]) == ("ready", None)


def test_a_whole_file_that_a_killed_run_left_without_a_row_is_taken_as_it_is(
    catalog: Catalog, server: Server, folder: Path
) -> None:
    path = catalog.home.video("good")
    path.parent.mkdir(parents=True)
    path.write_bytes((folder / "good.mp4").read_bytes())
    assert statuses(download(catalog, server, "good")) == {"good": "done"}
    assert not server.asked
    [row] = catalog.read_rows("videos")
    assert (row["status"], row["digest"]) == ("ready", file_digest(path))


def test_a_video_whose_file_was_removed_is_fetched_again(catalog: Catalog, server: Server) -> None:
    download(catalog, server, "good")
    catalog.home.video("good").unlink()
    assert statuses(download(catalog, server, "good")) == {"good": "done"}
    assert catalog.home.video("good").exists()


def test_a_video_that_is_gone_is_asked_for_again_where_another_address_is_given(
    catalog: Catalog, server: Server
) -> None:
    moved = replace(video(server, "elsewhere"), url=server.url("missing"))
    assert statuses(download_all(catalog, [moved])) == {"elsewhere": "unavailable"}
    assert statuses(download_all(catalog, [replace(moved, url=server.url("good"))])) == {"elsewhere": "done"}


def test_a_corrected_list_corrects_the_rows_without_fetching_again(catalog: Catalog, server: Server) -> None:
    download(catalog, server, "good")
    server.asked.clear()
    download_all(catalog, [replace(video(server, "good"), instrument="tuba", split="val")])
    [row] = catalog.read_rows("videos")
    assert (row["instrument"], row["split"], row["status"]) == ("tuba", "val", "ready")
    assert not server.asked


def test_no_row_and_no_outcome_holds_the_secrets_of_an_address(
    catalog: Catalog, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = {
        name: replace(video(server, name), url=server.url(name).replace("//", "//me:planted@") + "?token=planted")
        for name in ("missing", "good")
    }
    outcomes = download_all(catalog, list(secret.values()))
    assert statuses(outcomes) == {"missing": "unavailable", "good": "done"}
    rows = catalog.read_rows("videos")
    assert rows[0]["url"] == server.url("good").replace("//", "//***@") + "?token=***"
    assert "planted" not in str(rows) + str(outcomes) + caplog.text
    num_asked = server.asked.total()
    assert statuses(download_all(catalog, list(secret.values()))) == {"missing": "unavailable", "good": "skipped"}
    assert server.asked.total() == num_asked  # the address is known again without its secrets


def test_cookies_come_from_the_environment_and_may_be_renewed_while_a_run_goes_on(
    catalog: Catalog, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies = tmp_path / "cookies.txt"
    monkeypatch.setenv("VAREMIX_COOKIES", str(cookies))
    for name, value in (("good", "first"), ("-dash_1", "second")):
        cookies.write_text(f"127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\t{value}\n")
        cookies.chmod(0o600)
        before = cookies.read_bytes()
        assert statuses(download(catalog, server, name)) == {name: "done"}
        assert server.cookies[name] == f"SID={value}"
        assert cookies.read_bytes() == before
    left = [path.name for path in catalog.home.root.rglob("cookies.txt")]
    assert left == []


def test_cookies_that_others_can_read_are_not_used(
    catalog: Catalog, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tplanted\n")
    cookies.chmod(0o644)
    monkeypatch.setenv("VAREMIX_COOKIES", str(cookies))
    with pytest.raises(UsageError, match="may be used by others"):
        download(catalog, server, "good")
    assert not server.asked


def test_a_file_without_a_row_is_young_again_when_it_is_taken(catalog: Catalog, server: Server, folder: Path) -> None:
    path = catalog.home.video("good")
    path.parent.mkdir(parents=True)
    path.write_bytes((folder / "good.mp4").read_bytes())
    os.utime(path, (0, 0))
    download(catalog, server, "good")
    assert path.stat().st_mtime > time.time() - 60
