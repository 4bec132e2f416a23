"""What the command line says and returns; what it does with whole libraries is tested in `test_nightly`."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from prefect import Flow

from flows.cli import main
from flows.listed import read_lists
from flows.options import SmoothingOption
from tasks.decisions import record
from tests.tasks.planted import TONES_HZ, open_catalog, register_checkpoint, visible_files, write_tones
from tests.tasks.untrained import write_checkpoint
from varemix.media.audio import read_audio
from varemix.remix.presets import preset_text
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S

VAREMIX = Path(sys.executable).with_name("varemix")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """The JSON object that was printed."""
        found: dict[str, Any] = json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        return found


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a runner of `varemix` within this process, in which no flow may start."""

    def start(flow: Flow[..., Any], *args: object, **options: object) -> None:
        pytest.fail(f"the flow {flow.name} was started")

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["varemix", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Said(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    monkeypatch.setattr(Flow, "__call__", start)
    return run


@pytest.fixture(scope="session")
def file_without_rivals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a checkpoint in which every instrument is heard by itself."""
    return write_checkpoint(tmp_path_factory.mktemp("alone") / "alone.safetensors", sorted(TONES_HZ), has_rivals=False)


@pytest.fixture
def world(tmp_path: Path, checkpoint_file: Path, file_without_rivals: Path) -> Path:
    """Return a folder that holds all that the bad and the good commands name."""
    write_tones(tmp_path / "library" / "deep" / "song.wav")
    catalog = open_catalog(tmp_path / "home")
    register_checkpoint(catalog, checkpoint_file, "small", "champion")
    register_checkpoint(catalog, file_without_rivals, "alone")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "library")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "picture.png")
    for name in ("words.jpg", "words.wav", "words.safetensors"):
        (tmp_path / name).write_text("these are words")
    lists = {
        "good": "video_id,instrument,split\n-dash_1,flute,train\n",
        "missing": "video_id,instrument\nabc,flute\n",
        "evil": "video_id,instrument,split\n../../etc/passwd,flute,train\n",
        "nobody": "video_id,instrument,split\n",
        "split": "video_id,instrument,split\nabc,flute,night\n",
    }
    for name, text in lists.items():
        (tmp_path / f"{name}.csv").write_text(text)
    plans = {
        "good": "gains: {violin: -6}\nrules: [{name: deep, match: {folder: deep}, skip: true}]\n",
        "bad": "gains: {violin: -6}\nloudnes: match\n",
        "stranger": "gains: {violin: -6}\nrules: [{name: deep, match: {folder: deep}, gains: {theremin: 3}}]\n",
        "alone": "gains: {violin: -6}\nrules: [{name: deep, match: {folder: deep}, exclusive: true}]\n",
    }
    for name, text in plans.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


SONG = "library/deep/song.wav"
ALONE = "--exclusive --model alone"
NIGHT = ("nightly", "--source", "good.csv")
BAD_WISHES = {
    "unknown instrument": (2, "'theremin' is neither an instrument", "masks library --instrument theremin"),
    "missing picture": (2, "There is no picture 'lost.jpg'", "masks library --image lost.jpg"),
    "unreadable picture": (1, "'words.jpg' is no picture", "masks library --image words.jpg"),
    "picture in a gain": (1, "'words.jpg' is no picture", "remix library --out out --gain words.jpg=3"),
    "gain that is no number": (2, "'loud' for 'violin' is no number", "remix library --out out --gain violin=loud"),
    "gain that is no finite number": (2, "out of range", "remix library --out out --gain violin=nan"),
    "gain without a value": (2, "no NAME=DB form", "remix library --out out --gain violin"),
    "gain out of range": (2, "out of range", "remix library --out out --gain violin=90"),
    "no gain": (2, "No gain was given", "remix library --out out"),
    "a file for the remixes of a folder": (2, "is a file; the remixes", f"remix library --out {SONG} --gain violin=3"),
    "two gains for one": (2, "more than one gain", "remix library --out out --gain violin=3 --gain violin=4"),
    "smoothing out of range": (
        2,
        "For smoothing s '11.0' was given",
        "remix library --out out --gain violin=3 --smoothing 11",
    ),
    "decay out of range": (
        2,
        "A decay of 1.5 is out of range",
        "remix library --out out --plan good.yaml --decay 1.5",
    ),
    "smoothing in two ways": (
        2,
        "give --smoothing alone",
        "remix library --out out --gain violin=3 --smoothing 0.05 --decay 0.8",
    ),
    "plan with a mistake": (
        2,
        "'bad.yaml', line 2: loudnes is no known key. Did you mean loudness?",
        "remix library --out out --plan bad.yaml",
    ),
    "plan that is not there": (2, "'lost.yaml' cannot be read", "remix library --out out --plan lost.yaml"),
    "rule for nobody's instrument": (2, "'theremin' is neither", "remix library --out out --plan stranger.yaml"),
    "rule without rivals": (2, "by itself", "remix library --out out --plan alone.yaml --model alone"),
    "plan and preset": (
        2,
        "A plan and a preset were given",
        "remix library --out out --plan good.yaml --preset karaoke --target violin",
    ),
    "preset without a target": (2, "needs an instrument", "remix library --out out --preset practice"),
    "target without a preset": (2, "give --preset too", "remix library --out out --gain violin=3 --target violin"),
    "unknown preset": (2, "'polka' is no preset", "remix library --out out --preset polka --target violin"),
    "text of an unknown preset": (2, "'polka' is no preset", "presets polka"),
    "unknown format": (2, "For format 'xyz' was given", "remix library --out out --gain violin=3 --format xyz"),
    "loudness in words": (2, "For loudness 'loud'", "remix library --out out --gain violin=3 --loudness loud"),
    "true peak out of range": (2, "For true peak db '3'", "remix library --out out --gain violin=3 --true-peak 3"),
    "more than all of a change": (2, "For dry wet '1.5'", "remix library --out out --gain violin=3 --dry-wet 1.5"),
    "preview for nobody's instrument": (
        2,
        "'theremin' is neither",
        "remix library --out out --gain theremin=3 --dry-run",
    ),
    "preview into the library": (2, "within one another", "remix library --out library/x --gain violin=3 --dry-run"),
    "preview of one file": (2, "--dry-run is for folders", f"remix {SONG} --out out.wav --gain violin=3 --dry-run"),
    "empty library": (1, "holds no recordings", "remix empty --out out --gain violin=3"),
    "missing library": (2, "no recording or folder 'lost'", "remix lost --out out --gain violin=3"),
    "missing library for masks": (2, "There is no folder", "masks lost"),
    "output within the library": (2, "within one another", "remix library --out library/out --gain violin=3"),
    "library within the output": (2, "within one another", "remix library/deep --out library --gain violin=3"),
    "output is the library": (2, "within one another", "remix library --out library/deep/.. --gain violin=3"),
    "output within it by a link": (2, "within one another", "remix library --out link/out --gain violin=3"),
    "unknown model": (1, "no model 'lost'", "remix library --out out --gain violin=3 --model lost"),
    "data folder within the library": (2, "The data folder", "remix library --out out --gain violin=3 --home library"),
    "data folder within it, for masks": (2, "The data folder", "masks library --home library"),
    "data folder within it, for stems": (
        2,
        "data folder",
        "separate library --out out --instrument tuba --home library",
    ),
    "stems of nothing": (2, "No instrument was given", "separate library --out out"),
    "stems within the library": (2, "within one another", "separate library --out library/x --instrument violin"),
    "stems of an unknown one": (2, "'theremin' is neither", "separate library --out out --instrument theremin"),
    "list without a column": (1, "lacks the column split", "refresh --source missing.csv"),
    "list that is not there": (1, "'lost.csv' cannot be read", "refresh --source lost.csv"),
    "list with a path for an id": (1, "'../../etc/passwd' is not one", "refresh --source evil.csv"),
    "list without videos": (1, "names no video", "refresh --source nobody.csv"),
    "list with another split": (1, "the split is 'night'", "refresh --source split.csv"),
    "template without a place": (1, "lacks {video_id}", "refresh --source good.csv --url-template http://x/y.mp4"),
    "template of a file": (
        1,
        "expected one of http:// or https://",
        "refresh --source good.csv --url-template file:///{video_id}",
    ),
    "limit of none": (2, "--limit", "refresh --limit 0"),
    "unknown recipe": (2, "no recipe 'huge'", "train --recipe huge"),
    "no such device": (1, "no device 'abacus'", "train --device abacus"),
    "nothing to train on": (1, "train split has usable clips of 0 instruments", "train"),
    "unknown split": (2, "'nights'", "evaluate --split nights"),
    "nothing to evaluate on": (1, "Mixes of 2 sources need clips of 2 instruments", "evaluate"),
    "negative seed": (2, "--seed", "evaluate --seed -1"),
    "no pairs": (2, "--pairs", "evaluate --pairs 0"),
    "mixes of one": (2, "--sources", "evaluate --sources 1"),
    "mixes of more than there are": (1, "need clips of 3 instruments", "evaluate --sources 3"),
    "no image": (2, "--images-per-source", "evaluate --images-per-source 0"),
    "no built-in model": (1, "shipped without", "remix library --out out --gain violin=3 --model shipped"),
    "data folder below a file": (1, "cannot be written", "status --home words.jpg/home"),
    "unknown command": (2, "dance", "dance"),
    "unknown option": (2, "--loud", "status --loud"),
    "no output": (2, "--out", "remix library --gain violin=3"),
    "night without a library": (2, "There is no folder", "nightly --library lost --out out --gain violin=3"),
    "night without a gain": (2, "No gain was given", "nightly --library library --out out --source good.csv"),
    "night by a bad plan": (
        2,
        "'bad.yaml', line 2",
        "nightly --library library --out out --source good.csv --plan bad.yaml",
    ),
    "night into the library": (2, "within one another", "nightly --library library --out library/x --gain violin=3"),
    "night of an unknown recipe": (
        2,
        "no recipe 'huge'",
        "nightly --library library --out out --gain violin=3 --source good.csv --recipe huge",
    ),
    "night of a bad list": (
        1,
        "lacks the column",
        "nightly --library library --out out --gain violin=3 --source missing.csv",
    ),
    "night for nobody's instrument": (
        2,
        "'theremin' is neither",
        "nightly --library library --out out --gain theremin=3 --source good.csv",
    ),
    "night with a bad picture": (
        1,
        "'words.jpg' is no picture",
        "nightly --library library --out out --gain words.jpg=3 --source good.csv",
    ),
    "night without stills": (
        1,
        "holds no pictures",
        "nightly --library library --out out --gain flute=3 --source good.csv --stills empty",
    ),
    "night on no device": (
        1,
        "no device 'abacus'",
        "nightly --library library --out out --gain flute=3 --source good.csv --device abacus",
    ),
    "file that is no recording": (1, "holds no WAV or FLAC", "remix words.wav --out out.wav --gain violin=3"),
    "output of no kind": (2, "stands for no format", f"remix {SONG} --out out.xyz --gain violin=3"),
    "output is the source": (2, "overwrite its source", f"remix {SONG} --out link/deep/song.wav --gain violin=3"),
    "output is a folder": (2, "is a folder", f"remix {SONG} --out empty --gain violin=3"),
    "model of words": (
        1,
        "'words.safetensors' is not a model",
        f"remix {SONG} --out out.wav --gain violin=3 --model words.safetensors",
    ),
    "one file, gain that is no number": (2, "is no number", f"remix {SONG} --out out.wav --gain violin=loud"),
    "one file, another name than its format": (
        2,
        "'out.wav' is no name for flac; name it out.flac",
        f"remix {SONG} --out out.wav --gain violin=3 --format flac",
    ),
    "one file, no gain": (2, "No gain was given", f"remix {SONG} --out out.wav"),
    "one file, unknown instrument": (2, "'theremin' is neither", f"separate {SONG} --out out --instrument theremin"),
    "sharing without rivals": (2, "by itself", f"remix library {ALONE} --out out --gain tuba=3"),
    "masks without rivals": (2, "by itself", f"masks library {ALONE}"),
    "stems without rivals": (2, "by itself", f"separate library {ALONE} --out out --instrument tuba"),
    "one file without rivals": (2, "by itself", f"remix {SONG} {ALONE} --out out.wav --gain tuba=3"),
    "one file's stems without rivals": (2, "by itself", f"separate {SONG} {ALONE} --out out --instrument tuba"),
    "one file below a file": (1, "words.jpg", f"remix {SONG} --out words.jpg/out.wav --gain violin=3"),
    "one file into a file": (1, "words.jpg", f"separate {SONG} --out words.jpg --instrument violin"),
}


@pytest.mark.parametrize(("code", "words", "command"), BAD_WISHES.values(), ids=list(BAD_WISHES))
def test_bad_wishes_end_with_one_line_and_the_right_exit_code_and_write_nothing(
    run: Run, world: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, command: str
) -> None:
    monkeypatch.chdir(world)
    monkeypatch.setenv("VAREMIX_HOME", str(world / "home"))
    before = visible_files(world)
    said = run(*command.split())
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert said.code == code
    assert visible_files(world) == before


def test_names_that_look_like_options_and_are_no_utf8_end_without_a_traceback(
    run: Run, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    odd = Path(os.fsdecode(b"caf\xe9.wav"))
    odd.write_bytes((world / SONG).read_bytes())
    said = run("remix", odd, "--out", "out.wav", "--gain", "violin=3", "--home", "home")
    assert said.code in (0, 1, 2)
    assert "Traceback" not in said.err
    (world / "-v.wav").write_bytes((world / SONG).read_bytes())
    assert run("remix", "--out", "out.wav", "--gain", "violin=0", "--home", "home", "--", "-v.wav").code == 0
    assert (world / "out.wav").read_bytes() == (world / SONG).read_bytes()


def test_an_id_that_begins_like_an_option_is_an_id(world: Path) -> None:
    [[video]] = read_lists([str(world / "good.csv")], "http://localhost/{video_id}.mp4").videos.values()
    assert (video.video_id, video.url) == ("-dash_1", "http://localhost/-dash_1.mp4")


def test_without_a_champion_a_person_is_told_how_to_get_one(run: Run, world: Path) -> None:
    said = run("remix", world / "library", "--out", world / "out", "--gain", "violin=3", "--home", world / "new")
    assert said.code == 1
    assert "There is no champion yet. Run `varemix nightly`" in said.err


def test_a_new_home_holds_nothing_and_says_so(run: Run, tmp_path: Path) -> None:
    said = run("status", "--home", tmp_path / "home", "--json")
    assert said.code == 0
    assert (said.facts["num_checkpoints"], said.facts["champion"], said.facts["failures"]) == (0, None, [])
    assert set(said.facts["counts"]) == {"videos", "clips", "sounds", "photos", "tracks", "masks", "remixes"}
    assert not any(said.facts["counts"].values())
    assert "none yet" in run("status", "--home", tmp_path / "home").out


def test_a_champion_is_promoted_and_rolled_back_only_where_that_can_be(run: Run, world: Path) -> None:
    said = run("promote", "nobody", "--home", world / "home")
    assert (said.code, "There is no model 'nobody'" in said.err) == (1, True)
    said = run("rollback", "--home", world / "home")
    assert (said.code, "small is the first champion; nothing served before it" in said.err) == (1, True)
    said = run("rollback", "--home", world / "new")
    assert (said.code, "There is no champion that one could go back from" in said.err) == (1, True)


def test_status_tells_what_was_decided(run: Run, world: Path) -> None:
    record(open_catalog(world / "home"), "not_retrained", "nothing is new", before="small", after="small")
    [decision] = run("status", "--home", world / "home", "--json").facts["decisions"]
    assert (decision["kind"], decision["champion_after_id"], decision["reason"]) == (
        *("not_retrained", "small", "nothing is new"),
    )
    page = run("status", "--home", world / "home").out
    assert "not trained again" in page
    assert "nothing is new" in page


def test_status_tells_what_failed_and_why(run: Run, world: Path) -> None:
    catalog = open_catalog(world / "home")
    row = {"track_id": "1", "library": "/music", "track_path": "a|b\nc.wav", "status": "failed", "reason": "is empty"}
    catalog.merge("tracks", [row, row | {"track_id": "2", "status": "ready", "reason": None}])
    said = run("status", "--home", world / "home", "--json")
    assert said.facts["failures"] == [{"table": "tracks", "item": "a|b\nc.wav", "reason": "is empty"}]
    assert said.facts["counts"]["tracks"] == {"failed": 1, "ready": 1}
    assert said.facts["champion"]["checkpoint_id"] == "small"
    page = run("status", "--home", world / "home").out
    assert "a|b c.wav" in page
    assert "is empty" in page


def test_the_doctor_finds_everything_well_here(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    said = run("doctor", "--home", tmp_path / "home", "--json")
    assert [finding for finding in said.facts["findings"] if not finding["is_well"]] == []
    assert {"Python", "torch", "ffmpeg", "data folder", "Prefect server"} <= {
        finding["what"] for finding in said.facts["findings"]
    }
    assert said.code == 0


def test_the_doctor_tells_how_to_mend_what_is_not_well(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAREMIX_FFMPEG", str(world / "words.jpg"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    said = run("doctor", "--home", world / "words.jpg" / "home")
    assert said.code == 1
    bad = [line for line in said.out.splitlines() if line.startswith("BAD")]
    assert [line.split(":")[0] for line in bad] == ["BAD   data folder", "BAD   Prefect server", "BAD   ffmpeg"]
    assert "Correct or unset it." in said.out
    assert "prefect server start" in said.out


def test_one_recording_is_remixed_at_once(run: Run, world: Path) -> None:
    out = world / "new" / "folder" / "remix.wav"
    said = run("remix", world / SONG, "--out", out, "--gain", "Violin=-6", "--home", world / "home", "--json")
    assert said.code == 0
    assert (said.facts["out"], said.facts["status"], said.facts["num_clipped"]) == (str(out), "remixed", 0)
    (before, info), (after, info_after) = read_audio(world / SONG), read_audio(out)
    assert info_after == info
    assert np.abs(after - before).max() > 0.01
    assert visible_files(world / "new") == ["folder/remix.wav"]


def test_what_is_named_beside_nothing_else_shares_the_recording(run: Run, world: Path) -> None:
    command = ("remix", world / SONG, "--gain", "violin=-6", "--gain", "tuba=0", "--home", world / "home")
    for name, options in {"all.wav": [], "two.wav": ["--nothing-else"]}.items():
        assert run(*command, "--out", world / name, *options).code == 0
    assert (world / "all.wav").read_bytes() != (world / "two.wav").read_bytes()


def test_one_recording_is_copied_where_nothing_is_wished(run: Run, world: Path) -> None:
    said = run("remix", world / SONG, "--out", world / "o.wav", "--gain", "violin=0", "--home", world / "home")
    assert (said.code, said.out) == (0, f"{world / 'o.wav'}: unchanged; all gains are 0 dB\n")
    assert (world / "o.wav").read_bytes() == (world / SONG).read_bytes()


@pytest.fixture
def strict(world: Path) -> Path:
    """Return a checkpoint file to which nothing ever plays."""
    return write_checkpoint(world / "strict.safetensors", sorted(TONES_HZ), presence_threshold_db=1.0)


def test_one_recording_in_which_the_instrument_does_not_play_is_left_alone_and_that_is_said(
    run: Run, world: Path, strict: Path
) -> None:
    command = ("remix", world / SONG, "--out", world / "o.wav", "--gain", "violin=-6", "--checkpoint", strict)
    said = run(*command)
    assert said.out.startswith(f"{world / 'o.wav'}: unchanged; not detected: violin")
    assert (world / "o.wav").read_bytes() == (world / SONG).read_bytes()
    facts = run(*command, "--json").facts
    assert (facts["status"], facts["absent"]) == ("unchanged", ["violin"])
    assert "needs 1.0 dB" in facts["reason"]
    assert run(*command, "--even-if-absent", "--json").facts["status"] == "remixed"
    assert (world / "o.wav").read_bytes() != (world / SONG).read_bytes()


def test_a_stem_of_what_does_not_seem_to_play_is_made_and_says_so(run: Run, world: Path, strict: Path) -> None:
    command = ("separate", world / SONG, "--out", world / "stems", "--instrument", "tuba", "--checkpoint", strict)
    stem = str(world / "stems" / "song - tuba.wav")
    assert run(*command).out.startswith(f"{stem}: is not detected: tuba (share ")
    facts = run(*command, "--json").facts
    assert facts["stems"] == [stem]
    assert facts["reasons"][stem].startswith("is not detected: tuba")
    assert visible_files(world / "stems") == ["song - tuba.wav"]


def test_without_a_home_the_shipped_checkpoint_serves_one_recording(
    run: Run, world: Path, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("varemix.weights.REFERENCE", checkpoint_file)
    monkeypatch.chdir(world)
    for arguments in ([], ["--checkpoint", "shipped"]):
        said = run("remix", SONG, "--out", "o.wav", "--gain", "violin=-6", *arguments, "--json")
        assert (said.code, said.facts["status"]) == (0, "remixed")
    assert not (world / "data").exists()


def test_status_and_doctor_name_the_shipped_checkpoint(
    run: Run, world: Path, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("varemix.weights.REFERENCE", checkpoint_file)
    assert run("status", "--home", world / "new", "--json").facts["shipped_checkpoint"] == str(checkpoint_file)
    assert "the built-in model serves" in run("status", "--home", world / "new").out
    found = {finding["what"]: finding for finding in run("doctor", "--json").facts["findings"]}
    assert "knows 3 instruments" in found["built-in model"]["found"]
    monkeypatch.setattr("varemix.weights.REFERENCE", world / "words.safetensors")
    found = {finding["what"]: finding for finding in run("doctor", "--json").facts["findings"]}
    assert (found["built-in model"]["is_well"], "make install" in found["built-in model"]["remedy"]) == (
        False,
        True,
    )


def test_a_silent_recording_has_facts_that_are_json(run: Run, world: Path) -> None:
    write_tones(world / "silence.wav", names=[])
    said = run(
        *("remix", world / "silence.wav", "--out", world / "o.wav", "--gain", "violin=3"),
        *("--home", world / "home", "--json"),
    )
    assert said.code == 0
    assert said.facts["peak_db"] is None


def test_a_checkpoint_file_and_pictures_serve_without_a_home(
    run: Run, world: Path, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    said = run(
        *("separate", SONG, "--out", "stems", "--instrument", "flute", "--image", "picture.png"),
        *("--checkpoint", checkpoint_file, "--json"),
    )
    assert said.code == 0
    assert visible_files(world / "stems") == ["song - flute.wav", "song - picture.wav"]
    assert said.facts["stems"] == ["stems/song - flute.wav", "stems/song - picture.wav"]
    assert not (world / "data").exists()


def test_two_pictures_of_the_same_name_become_two_stems(run: Run, world: Path) -> None:
    for folder, colour in (("one", "red"), ("two", "blue")):
        (world / folder).mkdir()
        Image.new("RGB", (16, 16), colour).save(world / folder / "photo.png")
    images = [part for folder in ("one", "two") for part in ("--image", world / folder / "photo.png")]
    said = run("separate", world / SONG, "--out", world / "stems", *images, "--home", world / "home", "--json")
    assert said.code in (0, 2)
    assert len(visible_files(world / "stems")) == (2 if said.code == 0 else 0)


def test_one_recording_starts_no_server(world: Path) -> None:
    environment = os.environ | {"PREFECT_HOME": str(world / "prefect"), "VAREMIX_HOME": str(world / "home")}
    environment.pop("PREFECT_API_URL", None)
    arguments = [str(VAREMIX), "remix", str(world / SONG), "--out", str(world / "o.wav"), "--gain", "flute=mute"]
    ended = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=6000, check=False)
    assert (ended.returncode, ended.stderr) == (0, f"varemix: remixing {world / SONG}\n")
    assert ended.stdout.startswith(f"{world / 'o.wav'}: remixed; highest peak -")
    assert not (world / "prefect" / "prefect.db").exists()


def test_help_loads_nothing_heavy() -> None:
    program = """
import sys, typer.testing
from flows.cli import app
names = {command.name or command.callback.__name__ for command in app.registered_commands}
assert {"remix", "nightly", "presets"} <= names
for name in names:
    result = typer.testing.CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0 and ("--home" in result.output) == (name not in {"presets", "alerts"}), result.output
heavy = {"prefect", "torch", "pandas", "deltalake", "yt_dlp"}
print(*sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    command = [sys.executable, "-c", program]
    environment = os.environ | {"COLUMNS": "200", "TERM": "dumb"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")


def test_the_help_names_the_default_smoothing() -> None:
    [_, option] = get_args(SmoothingOption)
    assert f"; {DEFAULT_SMOOTHING_S:g} unless" in option.help


def test_smoothing_in_seconds_is_the_decay_that_it_used_to_be_and_changes_the_remix(run: Run, world: Path) -> None:
    command = ("remix", world / SONG, "--gain", "violin=mute", "--home", world / "home")
    smoothed = {
        "seconds": ["--smoothing", -512 / 44_100 / math.log(0.8)],
        "decay": ["--decay", 0.8],
        "plan": ["--plan", world / "smooth.yaml", "--decay", 0.8],
        "none": ["--smoothing", 0],
    }
    (world / "smooth.yaml").write_text("gains: {violin: mute}\nsmoothing_s: 0.5\n")
    for name, options in smoothed.items():
        assert run(*command, "--out", world / f"{name}.wav", *options).code == 0
    seconds, decay, plan, none = ((world / f"{name}.wav").read_bytes() for name in smoothed)
    assert seconds == decay == plan != none


def test_the_presets_are_listed_and_printed_to_be_copied(run: Run) -> None:
    listed = run("presets")
    assert listed.code == 0
    assert [line.partition(": ")[0] for line in listed.out.splitlines()] == ["hearing", "karaoke", "practice"]
    assert "karaoke: Take an instrument out, to play or sing in its place.\n" in listed.out
    printed = run("presets", "karaoke")
    assert (printed.code, printed.out) == (0, preset_text("karaoke"))


def test_a_copied_preset_does_what_the_preset_does(run: Run, world: Path) -> None:
    (world / "mine.yaml").write_text(run("presets", "karaoke").out.replace("target: ", "violin: "))
    for name, options in (
        ("preset", ["--preset", "karaoke", "--target", "violin"]),
        ("plan", ["--plan", world / "mine.yaml"]),
        ("other", ["--plan", world / "mine.yaml", "--dry-wet", 0.5]),
    ):
        said = run("remix", world / SONG, "--out", world / f"{name}.wav", "--home", world / "home", *options, "--json")
        assert (said.code, said.facts["status"]) == (0, "remixed")
    first, second, other = ((world / f"{name}.wav").read_bytes() for name in ("preset", "plan", "other"))
    assert first == second != other


def test_a_rule_of_a_plan_is_for_one_recording_too(run: Run, world: Path) -> None:
    (world / "good.yaml").write_text("gains: {violin: -6}\nrules: [{name: songs, match: {file: song*}, skip: true}]\n")
    said = run("remix", world / SONG, "--out", world / "o.wav", "--plan", world / "good.yaml", "--home", world / "home")
    assert said.out == f"{world / 'o.wav'}: unchanged; left as it is by the rule 'songs'\n"
    assert (world / "o.wav").read_bytes() == (world / SONG).read_bytes()


def test_one_recording_becomes_another_format(run: Run, world: Path) -> None:
    command = ("remix", world / SONG, "--out", world / "o.flac", "--format", "flac", "--home", world / "home")
    assert run(*command, "--json").facts["status"] == "unchanged"
    (before, _), (after, info) = read_audio(world / SONG), read_audio(world / "o.flac")
    assert info.container == "FLAC"
    np.testing.assert_array_equal(after, before)


def test_a_preview_says_what_would_be_done_and_does_nothing(run: Run, world: Path) -> None:
    write_tones(world / "library" / "other.wav")
    (world / "library" / "words.wav").write_text("these are words")
    command = ("remix", world / "library", "--out", world / "out", "--plan", world / "good.yaml", "--dry-run")
    before = visible_files(world)
    said = run(*command, "--home", world / "home", "--json")
    assert said.code == 0
    told = ("recordings", "to_copy", "to_write", "to_hear_before")
    assert [said.facts["total"][name] for name in told] == [2, 1, 1, 1]
    assert list(said.facts["by_rule"]) == ["deep", ""]
    assert list(said.facts["unreadable"]) == ["words.wav"]
    page = run(*command, "--home", world / "home")
    assert page.code == 0
    assert re.search(r"to hear before +1\b", page.out)
    assert "words.wav" in page.out
    assert visible_files(world) == before


@pytest.mark.parametrize("rank", [0, 1])
def test_of_nodes_that_train_together_only_the_first_one_starts_anew(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    forgotten = []
    plan = SimpleNamespace(forget_unfinished=lambda: forgotten.append(rank))
    monkeypatch.setattr("tasks.training_plan.plan_training", lambda *_: plan)
    monkeypatch.setattr("flows.commands.learning.finish_run", lambda *_, **__: None)
    together = ("--nodes", 2, "--node-rank", rank, "--rdzv-endpoint", "node0:29500")
    assert run("train", "--restart", "--device", "cpu", *together, "--home", tmp_path / "home").code == 0
    assert forgotten == [0][rank:]
