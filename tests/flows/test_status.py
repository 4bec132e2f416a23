"""What is told of failures: those that concern what there is today."""

from pathlib import Path

from flows.status import status
from tests.tasks.planted import open_catalog, scanned, write_tones


def test_what_failed_with_a_sound_that_no_track_holds_any_more_is_not_told(tmp_path: Path) -> None:
    catalog = open_catalog(tmp_path / "home")
    write_tones(tmp_path / "library" / "a.wav")
    [track] = scanned(catalog, tmp_path / "library")
    facts = {"track_id": track["track_id"], "wishes_json": "{}", "status": "failed"}
    for remix_id, digest in (("of today", track["content_digest"]), ("of before", "another sound")):
        row = facts | {"remix_id": remix_id, "content_digest": digest, "reason": remix_id, "out_path": "a.wav"}
        catalog.merge("remixes", [row])
    found = status(str(tmp_path / "home"))
    assert [failure["reason"] for failure in found["failures"]] == ["of today"]
    assert found["counts"]["remixes"] == {"failed": 1}
