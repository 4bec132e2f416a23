"""How this process takes memory of the system, gives it back, and looks for garbage.

C's allocator keeps what is freed for what comes next: by default blocks of up to 32 MiB, for each thread apart. Where
several threads work on blocks of several sizes, that comes to hundreds of MiB that nothing needs.
"""

import ctypes
import gc
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_KEPT_BYTES = 4 * 2**20
_NUM_HEAPS = 2
# So many new objects there must be before garbage is looked for among them. What is loaded are a million, and all
# stay: to look through them as often as Python would takes a quarter of the start of a command or a run.
_GARBAGE = (50_000, 20, 10)


def give_back_what_is_freed() -> None:
    """Let blocks of 4 MiB and more go back to the system when they are freed. Only GNU's C library can be told."""
    for option, value in ((_MMAP_THRESHOLD, _KEPT_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, _NUM_HEAPS)):
        _call("mallopt", option, value)


def give_back_gaps() -> None:
    """Give back what was freed in smaller blocks, too: worth its hundredths of a second after work of another kind."""
    _call("malloc_trim", 0)


def look_for_garbage_seldom() -> None:
    """Let Python look for objects that only hold each other when there are many new ones; all others go as ever."""
    gc.set_threshold(*_GARBAGE)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
