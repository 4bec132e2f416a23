"""What a command is started in: streams that are closed or know few characters, a folder that is gone, `~` in options.

A command's work must not depend on these: `settle` makes them harmless before anything else happens.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

_STREAMS = ("stdin", "stdout", "stderr")
_NOWHERE = Path("/proc/self")  # where even the administrator can write nothing by a relative name
_HOME_IN_OPTION = re.compile(r"(--[\w-]+=)(~.*)", re.DOTALL)


def settle() -> None:
    """Make streams, the current folder and `~` in the arguments of this process harmless."""
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _leave_a_folder_that_is_gone()
    sys.argv[1:] = with_homes(sys.argv[1:])


def with_homes(arguments: Sequence[str]) -> list[str]:
    """Return arguments with the home folder in place of `~` in `--out=~/x`, where shells leave it as it is."""
    found = (_HOME_IN_OPTION.fullmatch(argument) for argument in arguments)
    return [
        match[1] + os.path.expanduser(match[2]) if match else argument  # noqa: PTH111 - Path would tidy what is no path
        for argument, match in zip(arguments, found, strict=True)
    ]


def _fill_closed_streams() -> None:
    """Let what is closed lead nowhere; else the next file opened would be what is printed into."""
    for number, name in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _leave_a_folder_that_is_gone() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir(_NOWHERE if _NOWHERE.is_dir() else Path(sys.executable).anchor)
        with contextlib.suppress(OSError):
            sys.stderr.write("varemix: The current folder is no longer there; relative names of files lead nowhere.\n")
