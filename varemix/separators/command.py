"""Any program that takes a recording and writes stems, run in a process and an environment of its own.

Its command line stands in the host's settings alone. It is given the recording as a WAV file at 44.1 kHz, of more than
two channels each group of them by itself, and an empty folder; what it wrote there is read at whatever rate, length
and channels it has. Memory here is bounded by a block, whatever the program takes; the disk holds recording and stems
for so long. How far it is, is read off the percentages that such programs write.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from varemix.errors import MediaError, SeparatorError
from varemix.media.audio import AudioReader
from varemix.media.plain_wav import write_wav
from varemix.media.programs import stream_program
from varemix.media.resampling import of_length, resampled_blocks
from varemix.separators.interface import Identity, Mix
from varemix.separators.settings import check_keys, flag, seconds, text
from varemix.separators.stems import StemSeparator
from varemix.signal.grid import RATE_HZ
from varemix.signal.streams import side_by_side

_INPUT, _OUTPUT = "{input}", "{output}"
_TIME_LIMIT_S = 3600.0
_BLOCK_SAMPLES = 1 << 17
_MOST_LISTED = 10
_PREFIX, _LEFT_FOR_S = "varemix-stems-", 24 * 3600
_PERCENTAGE = re.compile(rb"(?<![\d.])(\d{1,3})(?:\.\d+)? ?%")
_LONGEST_PERCENTAGE = 16


class Command(StemSeparator):
    """A separator that is a command line with {input} and {output}.

    `stems` says by patterns of file names which instruments each stem holds. `version` is what its maker calls it:
    raise it when the program or its weights change, so that masks are made again.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        check_keys(settings, needed=("command", "stems"), known=("time_limit_s", "version", "per_channel"))
        self._arguments = _arguments(settings["command"])
        self.stems = _stems(settings["stems"])
        self._time_limit_s = seconds(settings, "time_limit_s", _TIME_LIMIT_S)
        self.per_channel = flag(settings, "per_channel", self.per_channel)
        decides = json.dumps([self._arguments, self.stems], sort_keys=True)
        self.identity = Identity(
            name=Path(self._arguments[0]).name,
            version=text(settings, "version"),
            digest=hashlib.sha256(decides.encode()).hexdigest(),
        )

    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        """Yield the stems [N, C, S_b]. Raises ProgramError where the program fails, SeparatorError without a stem."""
        _remove_what_killed_ones_left()
        with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as place:
            recording, folder = Path(place, "recording.wav"), Path(place, "stems")
            folder.mkdir()
            write_wav(recording, mix.pair(), RATE_HZ, num_samples=mix.num_samples)
            named = {_INPUT: str(recording), _OUTPUT: str(folder)}
            self._run([_filled(one, named) for one in self._arguments], mix.tell)
            files = [self._stem_file(folder, pattern) for pattern in self.stems]
            yield from _read_side_by_side(files)

    def _run(self, arguments: list[str], tell: Callable[[float], None]) -> None:
        watch = _percent_watch(tell)
        written = stream_program(arguments, timeout_s=self._time_limit_s, on_stderr=_percent_watch(tell))
        for chunk in written:
            watch(chunk)

    def _stem_file(self, folder: Path, pattern: str) -> Path:
        found = sorted(path for path in folder.rglob(pattern) if path.is_file())
        if len(found) != 1:
            written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
            listed = ", ".join(written[:_MOST_LISTED]) or "nothing"
            raise SeparatorError(
                f"{self.identity.name} wrote {len(found)} files '{pattern}', and one is expected; it wrote {listed}. "
                "Correct the patterns of its stems, or its command line."
            )
        return found[0]


def _remove_what_killed_ones_left() -> None:
    """Remove recordings and stems that processes left which were killed a day ago or longer."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        process_id = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError, ValueError):
            is_old = time.time() - folder.stat().st_mtime > _LEFT_FOR_S
            if is_old and not psutil.pid_exists(int(process_id)):
                shutil.rmtree(folder, ignore_errors=True)


def _percent_watch(tell: Callable[[float], None]) -> Callable[[bytes], None]:
    """Return what is shown all that a program writes, and tells the last percentage in it as a share."""
    rest = b""

    def watch(chunk: bytes) -> None:
        nonlocal rest
        *shares, written = _PERCENTAGE.split(rest + chunk)
        rest = written[-_LONGEST_PERCENTAGE:]
        if found := [share for number in shares[1::2] if (share := int(number) / 100) <= 1]:
            tell(found[-1])

    return watch


def _read_side_by_side(files: list[Path]) -> Iterator[np.ndarray]:
    """Yield stems [N, C, S_b] at 44.1 kHz; those of one channel lie in both where others have two."""
    with ExitStack() as stack:
        try:
            readers = [stack.enter_context(AudioReader(file)) for file in files]
            num_channels = max(min(2, reader.info.num_channels) for reader in readers)
            for blocks in side_by_side(*(_at_our_rate(reader) for reader in readers)):
                yield np.stack([np.broadcast_to(block, (num_channels, block.shape[-1])) for block in blocks])
        except MediaError as error:
            raise SeparatorError(f"A stem cannot be read: {error}") from error


def _at_our_rate(reader: AudioReader) -> Iterator[np.ndarray]:
    info = reader.info
    front = (block[:2].astype(np.float32) for block in reader.blocks(_BLOCK_SAMPLES))
    length = -(-info.num_samples * RATE_HZ // info.rate_hz)
    return of_length(resampled_blocks(front, info.rate_hz, RATE_HZ), length)


def _arguments(command: Any) -> list[str]:
    """Return the program and its arguments; a text is split as a shell would, but no shell runs it."""
    try:
        found = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise SeparatorError(f"'command' cannot be split: {error}. Mend its quotes.") from error
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise SeparatorError(f"'command' is {command!r}; a command line, or a list of its words, is expected.")
    for needed in (_INPUT, _OUTPUT):
        if not any(needed in one for one in found[1:]):
            raise SeparatorError(f"'command' has no {needed} in it; the program must be told where that is.")
    return found


def _filled(argument: str, named: Mapping[str, str]) -> str:
    for place, value in named.items():
        argument = argument.replace(place, value)
    return argument


def _stems(given: Any) -> dict[str, tuple[str, ...]]:
    """Return the instruments of each pattern of a stem's file."""
    if not isinstance(given, dict) or not given:
        raise SeparatorError("'stems' says nothing; it maps file names to instruments, such as `vocals.wav: voice`.")
    found = {}
    for pattern, held in given.items():
        names = [] if held is None else [held] if isinstance(held, str) else held
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SeparatorError(f"'stems' has {held!r} for '{pattern}'; an instrument's name, or a list, is expected.")
        if not isinstance(pattern, str) or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise SeparatorError(
                f"'stems' has the pattern {pattern!r}; a file's name, such as 'vocals.wav', is expected."
            )
        found[pattern] = tuple(names)
    every = [name for names in found.values() for name in names]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        raise SeparatorError(f"'stems' has '{twice[0]}' on two stems; give it one.")
    return found
