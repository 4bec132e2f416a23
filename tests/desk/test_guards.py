"""Who may talk to the desk."""

import httpx
import pytest

from desk.app import create_app
from desk.guards import is_loopback
from desk.loading import Loading
from tests.desk.conftest import serving_desk

HERE = "127.0.0.1:8765"


def asked(
    path: str = "/api/health", *, host: str = "127.0.0.1", token: str | None = None, method: str = "GET", **headers: str
) -> httpx.Response:
    """Return what a desk that is still loading answers."""
    with serving_desk(create_app(Loading(), host=host, token=token)) as address:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        port = address.rpartition(":")[2]
        named = {name: value.replace("PORT", port) for name, value in named.items()}
        return httpx.request(method, address + path, headers=named)


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT", "LOCALHOST"])
def test_its_own_names_are_served(host: str) -> None:
    answer = asked(Host=host)
    assert answer.status_code == 200
    assert answer.json()["state"] == "loading"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example", "localhost@evil", "192.168.1.7", "localhost:x"],
)
def test_a_name_that_somebody_lets_point_here_is_refused(host: str) -> None:
    answer = asked(Host=host)
    assert answer.status_code == 421
    assert "error" in answer.json()


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:1", "https://127.0.0.1:PORT", "null", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_is_refused(origin: str, method: str) -> None:
    assert (
        asked(method=method, path="/api/plan" if method == "POST" else "/api/health", Origin=origin).status_code == 403
    )


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_what_another_site_embeds_is_refused(site: str) -> None:
    assert asked(Sec_Fetch_Site=site).status_code == 403
    assert asked("/", Sec_Fetch_Site=site).status_code == 200  # a link to the desk is none of its own requests


def test_its_own_page_may_ask() -> None:
    assert asked(Origin="http://127.0.0.1:PORT", Sec_Fetch_Site="same-origin").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    assert asked(method=method).status_code == 405


def test_without_the_token_nothing_is_served_where_others_can_reach_it() -> None:
    for path in ("/", "/api/health", "/app.js", "/?token=wrong"):
        assert asked(path, host="0.0.0.0", token="secret").status_code == 401
    assert asked(host="0.0.0.0", token="secret", Authorization="Bearer wrong").status_code == 401
    assert asked(host="0.0.0.0", token="secret", Cookie="varemix_token=wrong").status_code == 401
    assert asked(host="0.0.0.0", token="secret", Authorization="Bearer secret").status_code == 200


def test_an_address_of_too_many_parameters_is_refused() -> None:
    answer = asked("/?" + "&".join(["a=b"] * 200), host="0.0.0.0", token="secret")
    assert answer.status_code == 400
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_token_in_the_address_becomes_a_cookie_that_scripts_cannot_read() -> None:
    answer = asked("/?token=secret", host="0.0.0.0", token="secret")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert asked(host="0.0.0.0", token="secret", Cookie=cookie.partition(";")[0]).status_code == 200


def test_an_address_is_a_name_of_its_own_where_others_can_reach_it() -> None:
    bearer = {"Authorization": "Bearer secret"}
    assert asked(host="0.0.0.0", token="secret", Host="192.168.1.7:PORT", **bearer).status_code == 200
    assert asked(host="0.0.0.0", token="secret", Host="evil.example", **bearer).status_code == 421


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/nothing", "/nothing.js"])
def test_every_answer_forbids_foreign_scripts_and_guessing_of_types(path: str) -> None:
    headers = asked(path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/app.py", "/..%2fapp.py", "//etc/passwd", "/pictures/../../app.py"]
)
def test_no_file_outside_the_page_is_served(path: str) -> None:
    assert asked(path).status_code in (404, 405)


def test_loopback_is_known_by_its_names() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.7", "example.org", ""]))
