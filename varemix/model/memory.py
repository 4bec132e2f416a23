"""What a network worked with, given back to the system when it is done."""

import ctypes
from contextlib import suppress


def give_back_memory() -> None:
    """Have the C library let go of what it holds for later, some hundred MB after a network ran; it takes milliseconds.

    Only glibc can; elsewhere nothing happens.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
