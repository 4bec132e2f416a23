"""How this process takes memory of the system, gives it back, and looks for garbage.

C's allocator keeps what is freed for what comes next: by default blocks of up to 32 MiB, for each thread apart. Where
several threads work on blocks of several sizes, that comes to hundreds of MiB that nothing needs. And to load PyTorch
for GPUs touches 250 MiB of its libraries, most of them never again.
"""

import ctypes
import gc
import mmap
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_KEPT_BYTES = 4 * 2**20
_NUM_HEAPS = 2
# So many new objects there must be before garbage is looked for among them. What is loaded are a million, and all
# stay: to look through them as often as Python would takes a quarter of the start of a command or a run.
_GARBAGE = (50_000, 20, 10)
# An entry of proc_pid_smaps(5): addresses, rights, inode, and the lines below.
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)[^\n]*\n((?:[A-Z][^\n]*\n)+)", re.MULTILINE)
_NOTHING_CHANGED = re.compile(r"^Anonymous: +0 kB$", re.MULTILINE)
_ONLY_READ = ("r--p", "r-xp")


def give_back_what_is_freed() -> None:
    """Let blocks of 4 MiB and more go back to the system when they are freed. Only GNU's C library can be told."""
    for option, value in ((_MMAP_THRESHOLD, _KEPT_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, _NUM_HEAPS)):
        _call("mallopt", option, value)


def give_back_gaps() -> None:
    """Give back what was freed in smaller blocks, too: worth its hundredths of a second after work of another kind."""
    _call("malloc_trim", 0)


def give_back_files() -> None:
    """Take pages of libraries out of this process that are as they lie on disk, and cannot be written.

    What is needed of them is there again at once, as the system keeps it as long as it has room. Takes some hundredths
    of a second; only Linux is asked.
    """
    if (advise := _function("madvise")) is None:
        return
    with suppress(OSError):
        for begin, length in _unchanged_files(Path("/proc/self/smaps").read_text()):
            advise(ctypes.c_size_t(begin), ctypes.c_size_t(length), mmap.MADV_DONTNEED)


def _unchanged_files(smaps: str) -> Iterator[tuple[int, int]]:
    """Yield begin and length of each mapping of a file that only this process has, and has changed nothing of."""
    for begin, end, rights, inode, facts in _MAPPING.findall(smaps):
        if rights in _ONLY_READ and inode != "0" and _NOTHING_CHANGED.search(facts):
            yield int(begin, 16), int(end, 16) - int(begin, 16)


def look_for_garbage_seldom() -> None:
    """Let Python look for objects that only hold each other when there are many new ones; all others go as ever."""
    gc.set_threshold(*_GARBAGE)


def _call(name: str, *arguments: int) -> None:
    function = _function(name)
    if function is not None:
        function(*arguments)


def _function(name: str) -> Any:
    """Return a function of the C library, None where it has none of that name, or where this is not Linux."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
