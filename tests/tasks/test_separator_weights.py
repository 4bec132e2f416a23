"""Weights of a separator are fetched where a person asks, whole, held against what their place tells of them."""

import hashlib
from pathlib import Path

import pytest

from catalog.store import Catalog
from tasks import separator_weights
from tasks.separator_weights import fetch_weights
from varemix.errors import DownloadError, DownloadInterruptedError, UsageError, VideoUnavailableError
from varemix.media.download import DownloadOptions
from varemix.separators.known_weights import KNOWN_WEIGHTS

FILES = list(KNOWN_WEIGHTS["htdemucs"].files)
CONTENT = b"weights"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | DownloadError]:
    """Return what lies where, by the ends of addresses."""
    pointer = f"version 1\noid sha256:{hashlib.sha256(CONTENT).hexdigest()}\nsize {len(CONTENT)}\n".encode()
    lies: dict[str, bytes | DownloadError] = {
        "resolve/main/htdemucs.yaml": b"models: ['955717e8']",
        "raw/main/955717e8.safetensors": pointer,
        "resolve/main/955717e8.safetensors": CONTENT,
    }

    def fetch(address: str, target: Path, *, options: DownloadOptions) -> None:
        assert address.startswith("https://")
        found = next(content for end, content in lies.items() if address.endswith(end))
        if isinstance(found, DownloadError):
            raise found
        target.write_bytes(found)

    monkeypatch.setattr(separator_weights, "fetch_file", fetch)
    return lies


def fetched(catalog: Catalog, folder: Path) -> dict[str, tuple[str, str]]:
    made = fetch_weights.fn(items=FILES, shard="1", home=str(catalog.home.root), model="htdemucs", folder=folder)
    return {outcome.item: (outcome.status, outcome.reason) for outcome in made}


def test_files_are_fetched_once_and_again_where_they_are_damaged(
    catalog: Catalog, tmp_path: Path, web: dict[str, bytes | DownloadError]
) -> None:
    folder = tmp_path / "weights"
    assert {status for status, _ in fetched(catalog, folder).values()} == {"done"}
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {status for status, _ in fetched(catalog, folder).values()} == {"skipped"}
    (folder / "955717e8.safetensors").write_bytes(b"cut")
    assert fetched(catalog, folder)["955717e8.safetensors"][0] == "done"
    assert (folder / "955717e8.safetensors").read_bytes() == CONTENT


def test_other_bytes_than_were_told_of_never_lie_there(
    catalog: Catalog, tmp_path: Path, web: dict[str, bytes | DownloadError]
) -> None:
    web["resolve/main/955717e8.safetensors"] = b"something else"
    assert fetched(catalog, tmp_path / "w")["955717e8.safetensors"][0] == "failed"
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["htdemucs.yaml"]
    web["raw/main/955717e8.safetensors"] = b"<html>"
    assert "does not tell the SHA-256" in fetched(catalog, tmp_path / "w")["955717e8.safetensors"][1]


def test_an_interruption_is_tried_again_and_what_is_gone_is_told(
    catalog: Catalog, tmp_path: Path, web: dict[str, bytes | DownloadError], monkeypatch: pytest.MonkeyPatch
) -> None:
    web["resolve/main/955717e8.safetensors"] = DownloadInterruptedError("lost")
    monkeypatch.setattr(separator_weights, "is_last_try", lambda: False)
    with pytest.raises(DownloadInterruptedError):
        fetched(catalog, tmp_path / "w")
    web["resolve/main/955717e8.safetensors"] = VideoUnavailableError("is gone")
    assert fetched(catalog, tmp_path / "w")["955717e8.safetensors"] == ("failed", "is gone")


def test_only_known_models_are_fetched() -> None:
    from flows.weights import checked_model

    with pytest.raises(UsageError, match="there are htdemucs, htdemucs_ft, htdemucs_6s"):
        checked_model("../x")
