"""What is wished of downloads is checked before a flow starts, and no secret comes into a run's parameters."""

from pathlib import Path

import pytest

from flows.listed import read_lists
from flows.refresh import check_cookies
from varemix.errors import UsageError


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "list.csv"
    path.write_text("video_id,instrument,split\na,flute,train\n")
    return str(path)


@pytest.mark.parametrize(
    "template", ["https://me:planted@host.org/{video_id}.mp4", "https://host.org/{video_id}.mp4?token=planted"]
)
def test_a_template_with_a_secret_is_refused_since_runs_show_their_parameters(source: str, template: str) -> None:
    with pytest.raises(UsageError, match="would be kept and shown") as caught:
        read_lists([source], template)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("template", ["https://host.org/{video_id}.mp4", "https://host.org/get?id={video_id}"])
def test_a_template_without_one_is_filled_in(source: str, template: str) -> None:
    [[video]] = read_lists([source], template).videos.values()
    assert video.url == template.replace("{video_id}", "a")


def test_cookies_and_a_rate_that_cannot_be_used_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_cookies(None)
    with pytest.raises(UsageError, match="cannot be read"):
        check_cookies(tmp_path / "nothing.txt")
    monkeypatch.setenv("VAREMIX_RATE_LIMIT", "fast")
    with pytest.raises(UsageError, match="VAREMIX_RATE_LIMIT is 'fast'"):
        check_cookies(None)
