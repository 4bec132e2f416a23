"""A person's cookies are looked at, copied and kept to themselves."""

import stat
from pathlib import Path

import pytest

from varemix.errors import UsageError
from varemix.media.cookies import copy_cookies

COOKIE = ".host.org\tTRUE\t/\tTRUE\t0\tSID\tplanted"


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    path = tmp_path / "cookies.txt"
    path.write_text(f"# Netscape HTTP Cookie File\n\n{COOKIE}\n#HttpOnly_{COOKIE}\n")
    path.chmod(0o600)
    return path


def test_the_copy_holds_every_cookie_and_only_its_owner_can_read_it(cookies: Path, tmp_path: Path) -> None:
    before = cookies.read_bytes()
    copy_cookies(cookies, tmp_path / "copy")
    assert (tmp_path / "copy").read_text().splitlines()[1:] == [COOKIE, f"#HttpOnly_{COOKIE}"]
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert cookies.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_use_is_refused(cookies: Path, tmp_path: Path, mode: int) -> None:
    cookies.chmod(mode)
    with pytest.raises(UsageError, match=rf"may be used by others \(mode {mode:o}\).*chmod 600"):
        copy_cookies(cookies, tmp_path / "copy")


@pytest.mark.parametrize(
    "content",
    [b"SID=planted\n", b"\xff\xfeplanted", b'{"SID": "planted"}', COOKIE.replace("\t0\t", "\tplanted\t").encode()],
)
def test_what_is_no_file_of_cookies_is_told_without_what_it_says(cookies: Path, tmp_path: Path, content: bytes) -> None:
    cookies.write_bytes(content)
    with pytest.raises(UsageError, match="Netscape's format") as caught:
        copy_cookies(cookies, tmp_path / "copy")
    assert "planted" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        copy_cookies(tmp_path / "nothing.txt", tmp_path / "copy")
