"""Any program as a separator: what it writes becomes masks; what it does wrong is told, and stops nothing else."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.varemix.separators.planted import HZ, mix_of, tone
from varemix.errors import MediaError, ProgramError, SeparatorError
from varemix.remix.mixer import separate
from varemix.separators.command import Command
from varemix.separators.interface import Mix
from varemix.signal.grid import RATE_HZ
from varemix.signal.masks import Masks

MIX = mix_of("voice", "drums", "violin")
PROGRAM = """
import sys, numpy as np, soundfile
recording, folder, rate_hz, channels, extra = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
samples, own_hz = soundfile.read(recording, always_2d=True)
assert own_hz == 44100 and samples.shape[1] == 2, (own_hz, samples.shape)
length = round(len(samples) * rate_hz / own_hz) + extra
for name, hz in {hz!r}.items():
    wave = 0.2 * np.sin(2 * np.pi * hz * np.arange(length) / rate_hz)
    soundfile.write(f"{{folder}}/{{name}}.wav", np.tile(wave[:, None], (1, channels)), rate_hz)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(hz={name: HZ[name] for name in ("voice", "violin")}))
    return path


def command(program: Path, *arguments: object, **settings: object) -> Command:
    words = [sys.executable, str(program), "{input}", "{output}", *map(str, arguments)]
    return Command({"command": words, "stems": {"voice.wav": "voice", "violin.wav": None}} | settings)


def masks_of(maker, mix=MIX):
    """Return the masks of the first channel: the tones are the same in both."""
    made = np.concatenate(list(maker.mask_blocks(Mix.of(mix), ["voice"])), axis=-1)
    return Masks(values=made[:, 0], grid=maker.grid)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "extra"),
    [(44_100, 2, 0), (44_100, 1, 0), (48_000, 2, 0), (32_000, 1, 1_100), (44_100, 2, -999)],
)
def test_stems_of_any_rate_and_channels_and_a_little_longer_or_shorter_become_masks(program, rate_hz, channels, extra):
    masks = masks_of(command(program, rate_hz, channels, extra))
    [cut] = separate(MIX, masks)
    middle = slice(RATE_HZ // 2, -RATE_HZ // 2)
    assert np.sqrt(np.square((cut - tone("voice", MIX.shape[-1]))[:, middle]).mean()) < 0.01


def test_one_mask_for_all_channels_is_a_setting(program):
    each, one = command(program, 44_100, 2, 0), command(program, 44_100, 2, 0, per_channel=False)
    shapes = [next(maker.mask_blocks(Mix.of(MIX), ["voice"])).shape[:-1] for maker in (each, one)]
    assert shapes == [(1, 2, 512), (1, 512)]
    with pytest.raises(SeparatorError, match="'per_channel' is 'no'; true or false is expected"):
        command(program, 44_100, 2, 0, per_channel="no")


def test_a_program_that_writes_too_few_stems_is_told_with_what_it_wrote(program):
    maker = command(program, 44_100, 2, 0, stems={"voice.wav": "voice", "drums.wav": "drums"})
    with pytest.raises(
        SeparatorError, match=r"wrote 0 files 'drums\.wav', and one is expected; it wrote violin.wav, voice.wav"
    ):
        masks_of(maker)


def test_a_pattern_that_fits_two_stems_is_told(program):
    with pytest.raises(SeparatorError, match=r"wrote 2 files 'v\*\.wav'"):
        masks_of(command(program, 44_100, 2, 0, stems={"v*.wav": "voice"}))


def test_stems_of_quite_another_length_are_refused(program):
    with pytest.raises(SeparatorError, match=r"are 4\.0 s long, the recording 2\.0 s"):
        masks_of(command(program, 44_100, 2, 2 * RATE_HZ))


def test_how_far_a_program_is_is_read_off_its_percentages_wherever_it_writes_them(tmp_path):
    telling = tmp_path / "tells.py"
    bars = (
        "import sys, time\n"
        "for share in (7, 50):\n"
        "    print(f'\\r{share:3d}%|###   | 3.5/9.9', end='', file=sys.stderr, flush=True)\n"
        "    time.sleep(0.2)\n"
        "print('done 100.0 %, 250 % faster than before', flush=True)\n"
    )
    telling.write_text(bars + PROGRAM.format(hz={name: HZ[name] for name in ("voice", "violin")}))
    told: list[float] = []
    mix = replace(Mix.of(MIX), tell=told.append)
    list(command(telling, 44_100, 2, 0).mask_blocks(mix, ["voice"]))
    assert told == [0.07, 0.5, 1.0]


def test_recordings_and_stems_of_killed_processes_are_removed_and_those_of_others_stay(program, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, fresh, running = (
        tmp_path / f"varemix-stems-{process_id}-{name}"
        for process_id, name in ((ended.pid, "old"), (ended.pid, "new"), (os.getpid(), "mine"))
    )
    for folder in (left, fresh, running):
        folder.mkdir()
        (folder / "recording.wav").write_bytes(b"x")
    for folder in (left, running):
        os.utime(folder, (time.time() - 2 * 24 * 3600,) * 2)
    masks_of(command(program, 44_100, 2, 0))
    assert {path.name for path in tmp_path.glob("varemix-stems-*")} == {fresh.name, running.name}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size stands for a full disk there")
def test_a_recording_that_finds_no_room_for_a_program_is_told_and_nothing_is_left(program, tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(MediaError, match=r"'recording\.wav' cannot be written for another program: .* Make room"):
            masks_of(command(program, 44_100, 2, 0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("varemix-stems-*"))


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path):
    hanging = tmp_path / "hangs.py"
    hanging.write_text("import subprocess, sys, time\nsubprocess.Popen(['sleep', '321.5'])\ntime.sleep(300)\n")
    started = time.monotonic()
    with pytest.raises(ProgramError, match=r"took longer than 3 s and was ended"):
        masks_of(command(hanging, time_limit_s=3))
    assert time.monotonic() - started < 60
    assert not [p for p in psutil.process_iter(["cmdline"]) if "321.5" in (p.info["cmdline"] or [])]


def test_a_program_that_fails_says_why_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing = tmp_path / "fails.py"
    failing.write_text("raise SystemExit('no weights were found')")
    with pytest.raises(ProgramError, match="no weights were found"):
        masks_of(command(failing))
    assert [path.name for path in tmp_path.iterdir()] == ["fails.py"]


def test_a_program_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ProgramError, match="was not found"):
        masks_of(Command({"command": "no-such-program {input} {output}", "stems": {"v.wav": "voice"}}))


def test_silence_claims_nothing(program):
    masks = masks_of(command(program, 44_100, 2, 0), np.zeros((2, 2 * RATE_HZ), np.float32))
    assert masks.values.max() == 0


def test_who_it_is_follows_from_command_line_stems_and_version():
    base = {"command": "p {input} {output}", "stems": {"v.wav": "voice"}}
    changes = [{}, {"command": "p -x {input} {output}"}, {"stems": {"v.wav": "piano"}}, {"version": 2}]
    assert len({Command(base | change).identity for change in changes}) == 4
    assert Command(base).identity == Command(base | {"time_limit_s": 5}).identity


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"command": "p {input}"}, r"has no \{output\} in it"),
        ({"command": "'p"}, "cannot be split"),
        ({"command": []}, "a command line, or a list"),
        ({"stems": {}}, "says nothing"),
        ({"stems": {"../v.wav": "voice"}}, "a file's name"),
        ({"stems": {"v.wav": 3}}, "an instrument's name"),
        ({"stems": {"a.wav": "voice", "b.wav": ["voice"]}}, "on two stems"),
        ({"time_limit_s": 0}, "above 0"),
        ({"time_limit_s": 1e12}, "of at most 2592000"),
        ({"shell": True}, "no setting of it"),
    ],
)
def test_settings_that_cannot_be_are_told(change, reason):
    with pytest.raises(SeparatorError, match=reason):
        Command({"command": "p {input} {output}", "stems": {"v.wav": "voice"}} | change)


def test_a_command_line_is_no_shells(tmp_path):
    stems = {"v.wav": "voice"}
    maker = Command({"command": "echo {input} {output} ; touch " + str(tmp_path / "x"), "stems": stems})
    with pytest.raises(SeparatorError, match="wrote 0 files"):
        masks_of(maker)
    assert not (tmp_path / "x").exists()
