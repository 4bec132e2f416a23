"""How this process takes memory of the system, and gives it back.

C's allocator keeps what is freed for what comes next: by default blocks of up to 32 MiB, for each thread apart. Where
several threads work on blocks of several sizes, that comes to hundreds of MiB that nothing needs.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_KEPT_BYTES = 4 * 2**20
_NUM_HEAPS = 2


def give_back_what_is_freed() -> None:
    """Let blocks of 4 MiB and more go back to the system when they are freed. Only GNU's C library can be told."""
    for option, value in ((_MMAP_THRESHOLD, _KEPT_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, _NUM_HEAPS)):
        _call("mallopt", option, value)


def give_back_gaps() -> None:
    """Give back what was freed in smaller blocks, too: worth its hundredths of a second after work of another kind."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
