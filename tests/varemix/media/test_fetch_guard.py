"""Who fetches reaches the web, and what was named; nothing behind it."""

import pytest

from varemix.media.fetch_guard import Guard, RefusedError, is_inside

OUTSIDE = "http://93.184.216.34/a.mp4"


def refused(guard: Guard, event: str, *args: object) -> bool:
    try:
        guard.check(event, args)
    except RefusedError:
        return True
    return False


@pytest.mark.parametrize(
    "place",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "224.0.0.1", "255.255.255.255", "::"),
    ],
)
def test_addresses_of_this_machine_and_of_private_networks_are_inside(place: str) -> None:
    assert is_inside(place)
    assert refused(Guard(OUTSIDE, []), "socket.connect", None, (place, 80))
    assert not refused(
        Guard(f"http://{'[' + place + ']' if ':' in place else place}/", []), "socket.connect", None, (place, 80)
    ) or place in ("::", "fe80::1%eth0")


@pytest.mark.parametrize("place", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_not(place: str) -> None:
    assert not is_inside(place)
    assert not refused(Guard(OUTSIDE, []), "socket.connect", None, (place, 443))


def test_a_proxy_may_lie_inside_and_nothing_else_there(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(OUTSIDE, ["http://me:pw@10.0.0.7:3128"])
    assert not refused(guard, "socket.connect", None, ("10.0.0.7", 3128))
    assert refused(guard, "socket.connect", None, ("10.0.0.8", 3128))
    assert guard.refused == "an address inside this machine's network"


@pytest.mark.parametrize(
    ("event", "args"),
    [
        ("socket.connect", (None, "/run/docker.sock")),
        ("urllib.Request", ("file:///etc/passwd", None, {}, "GET")),
        ("urllib.Request", ("ftp://93.184.216.34/a", None, {}, "GET")),
        ("urllib.Request", ("data:,a", None, {}, "GET")),
        ("ftplib.connect", (None, "93.184.216.34", 21)),
        ("subprocess.Popen", ("ffmpeg", ["ffmpeg", "-i", OUTSIDE], None, None)),
    ],
)
def test_other_ways_out_are_refused_wherever_they_lead(event: str, args: tuple[object, ...]) -> None:
    assert refused(Guard("http://127.0.0.1/", []), event, *args)


@pytest.mark.parametrize(
    ("event", "args"),
    [
        ("urllib.Request", (OUTSIDE, None, {}, "GET")),
        ("subprocess.Popen", ("ffmpeg", ["ffmpeg", "-i", "file:/home/video.mp4"], None, None)),
        ("open", ("/etc/hosts", "r", 0)),
    ],
)
def test_what_fetching_needs_is_let_through(event: str, args: tuple[object, ...]) -> None:
    assert not refused(Guard(OUTSIDE, []), event, *args)
