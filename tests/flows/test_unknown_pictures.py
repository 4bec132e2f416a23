"""A picture of none of the known instruments is told as such before anything is done, and used where that is wished."""

from pathlib import Path

import pytest

from tests.flows.test_cli import Run, run  # noqa: F401 - a fixture
from tests.tasks.pictured import write_picture, write_recogniser
from tests.tasks.planted import open_catalog, register_checkpoint, write_tones

TOLD = "shows none of the instruments that the model knows; it is most like "


@pytest.fixture(scope="module")
def recogniser_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a checkpoint that knows a red flute and a green tuba."""
    return write_recogniser(tmp_path_factory.mktemp("recogniser") / "recogniser.safetensors")


@pytest.fixture
def world(tmp_path: Path, recogniser_file: Path) -> Path:
    """Return a folder with a library, a home that such a checkpoint serves, and pictures."""
    write_tones(tmp_path / "library" / "song.wav")
    register_checkpoint(open_catalog(tmp_path / "home"), recogniser_file, "small", "champion")
    write_picture(tmp_path / "tuba.png", "tuba")
    write_picture(tmp_path / "stranger.png", "stranger")
    return tmp_path


def test_one_recording_is_not_remixed_by_it_until_a_person_says_so(run: Run, world: Path) -> None:  # noqa: F811
    song, out = world / "library" / "song.wav", world / "o.wav"
    command = ("remix", song, "--out", out, "--home", world / "home")
    refused = run(*command, "--gain", f"{world / 'stranger.png'}=-6")
    assert refused.code != 0
    assert f"'stranger.png' {TOLD}" in refused.err
    assert "flute (" in refused.err and "tuba (" in refused.err and "--even-if-unknown" in refused.err  # noqa: PT018
    assert not out.exists()
    made = run(*command, "--gain", f"{world / 'stranger.png'}=-6", "--even-if-unknown", "--json")
    assert made.facts["status"] == "remixed"
    assert made.facts["reason"].startswith(f"stranger.png {TOLD}")
    assert run(*command, "--gain", f"{world / 'tuba.png'}=-6", "--json").facts.get("reason", "") == ""


def test_a_stem_of_it_is_cut_only_where_a_person_says_so_and_tells(run: Run, world: Path) -> None:  # noqa: F811
    song = world / "library" / "song.wav"
    command = ("separate", song, "--out", world / "stems", "--image", world / "stranger.png", "--home", world / "home")
    assert TOLD in run(*command).err
    assert not [*world.glob("stems/*.wav")]
    assert f"stranger.png {TOLD}" in run(*command, "--even-if-unknown").out


@pytest.mark.parametrize(
    "command",
    [
        ("masks", "library", "--image", "stranger.png"),
        ("separate", "library", "--out", "stems", "--image", "stranger.png"),
        ("remix", "library", "--out", "out", "--gain", "stranger.png=-6"),
        ("remix", "library", "--out", "out", "--plan", "careful.yaml"),
    ],
)
def test_no_work_on_a_library_starts_with_it(
    run: Run,  # noqa: F811
    world: Path,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(world)
    (world / "careful.yaml").write_text(
        "gains: {tuba: -6}\nrules: [{name: odd, match: {folder: odd}, gains: {stranger.png: mute}}]\n"
    )
    refused = run(*command, "--home", "home")
    assert refused.code != 0
    assert TOLD in refused.err


def test_a_plan_s_own_field_says_that_it_is_used(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.chdir(world)
    (world / "bold.yaml").write_text("gains: {stranger.png: -6}\neven_if_unknown: true\n")
    made = run("remix", "library/song.wav", "--out", "o.wav", "--plan", "bold.yaml", "--home", "home", "--json")
    assert made.facts["status"] == "remixed"
