"""Who starts programs, and what reaches them: no shell, and nothing of a stranger's as an option or an address."""

import ast
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.errors import CatalogError
from catalog.files import Home
from catalog.ids import checked_video_id
from catalog.sources import SourceVideo, with_url_template
from varemix.errors import VaremixError
from varemix.media import video as video_module
from varemix.media.download import DownloadOptions, _address
from varemix.media.fetching import Order

ROOT = Path(__file__).parent.parent

# Who may start a process, and what it starts.
STARTERS = {
    "varemix/media/programs.py": "ffmpeg, and whatever is run through it: by path, in a group, on a leash",
    "varemix/media/leash.py": "becomes the program that programs.py names",
    "service/__main__.py": "becomes Prefect's server, or a worker",
    "service/host.py": "the parts of service, each in the foreground of a process of its own",
    "service/processes.py": "a part of service that goes on when the terminal is closed",
    "service/setup.py": "Prefect's command, which deploys",
    "varemix/training/launch.py": "torchrun of this Python, with an order of ours in a file",
}
STARTING = {"Popen", "run", "call", "check_call", "check_output", "system", "popen", "execv", "execve", "spawnv"}
HARM = st.sampled_from(
    [
        *(
            "-rf",
            "--exec=touch x",
            "-i",
            "../../etc/passwd",
            "..",
            "/etc/passwd",
            "a/b",
            "a\nb",
            "a\0b",
            "$(id)",
            "`id`",
        ),
        *("a;id", "a|id", "%(title)s", "concat:a|b", "file:///etc/passwd", "pipe:0", "C:\\x", "", "é", "a b", "'", '"'),
    ]
)
STRANGE = HARM | st.text(max_size=80)


def starters() -> set[str]:
    """Return the files of the program that start a process."""
    found = set()
    for room in ("flows", "tasks", "varemix", "catalog", "desk", "service"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STARTING:
                    owner = node.func.value
                    if isinstance(owner, ast.Name) and owner.id in {"subprocess", "os", "asyncio"}:
                        found.add(path.relative_to(ROOT).as_posix())
    return found


def test_only_those_who_are_known_start_processes_and_none_through_a_shell() -> None:
    assert starters() == set(STARTERS)
    for place in STARTERS:
        assert "shell=True" not in (ROOT / place).read_text()


@given(name=STRANGE)
def test_an_id_becomes_a_file_within_its_room_or_nothing(name: str) -> None:
    home = Home(Path("/home/of/varemix"))
    for place in (home.video, home.wav, home.frames, home.checkpoint, home.masks):
        try:
            path = place(name)
        except CatalogError:
            continue
        room = path.relative_to(home.root).parts[0]
        assert path == home.root / Path(*path.relative_to(home.root).parts)
        assert ".." not in path.parts
        assert room in {"videos", "clips", "checkpoints", "masks"}
        assert not path.name.startswith(("-", "."))


@given(text=STRANGE)
def test_a_stored_path_stays_within_the_home_or_is_refused(text: str) -> None:
    home = Home(Path("/home/of/varemix"))
    try:
        path = home.absolute(text)
    except CatalogError:
        return
    assert path.is_relative_to(home.root)
    assert ".." not in path.parts


@given(url=STRANGE | st.builds("{}{}".format, st.sampled_from(["http://", "HTTPS://", "ftp://", "file://"]), STRANGE))
@example(url="http://h/\nfile:///etc/passwd")
@example(url="http://h:x/")
@example(url="http://[x/")
@example(url="http:///etc/passwd")
def test_only_addresses_of_the_web_pass(url: str) -> None:
    try:
        [video] = with_url_template([SourceVideo(video_id="a", instrument="x", split="val")], url + "{video_id}")
        address = _address("a", video.url)
    except (CatalogError, VaremixError):
        return
    assert address.lower().startswith(("http://", "https://"))
    assert not set(address) & set("\r\n\t\0 ")


@given(name=STRANGE)
def test_ffmpeg_gets_files_as_files_and_no_option_of_a_stranger(name: str) -> None:
    if "\0" in name or "/" in name or not name:
        return
    path = Path("/home/of/varemix") / name
    assert video_module._address(path).startswith("file:")


@given(video_id=STRANGE, url=STRANGE)
def test_what_a_list_says_reaches_the_fetching_process_as_data(video_id: str, url: str) -> None:
    options = DownloadOptions()
    order = Order(
        video_id=video_id,
        address=url,
        folder="/tmp/x",
        ffmpeg="/usr/bin/ffmpeg",
        format=options.format,
        socket_timeout_s=1,
        time_limit_s=1,
        max_bytes=1,
        max_duration_s=1,
        fragment_retries=0,
        rate_limit_bytes_per_s=None,
        cookies=None,
        proxy=None,
    )
    import json

    assert json.loads(order.as_json())["address"] == url


@pytest.mark.parametrize("video_id", ["-rf", "--exec=touch x", "a/b", "a\nb", "../x", "a.b", ""])
def test_a_list_names_videos_in_plain_letters(video_id: str) -> None:
    if video_id == "-rf":
        assert checked_video_id(video_id) == video_id  # YouTube's ids may begin so: files put a word before it
        return
    with pytest.raises(CatalogError):
        checked_video_id(video_id)


def test_prefects_server_listens_on_loopback_unless_told() -> None:
    from prefect.settings.models.server.api import ServerAPISettings

    assert ServerAPISettings.model_fields["host"].default == "127.0.0.1"
