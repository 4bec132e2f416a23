"""Start a program that dies with its parent: `python -I -S leash.py PARENT_PID PROGRAM [ARGUMENT]...`.

Run as a script by `varemix.media.programs` on Linux, and never imported. It asks the kernel to kill this
process when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG), then becomes the program. A small
launcher, since the other way (a function run between fork and exec) can deadlock in a parent that has
threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the death signal and become the program; exit code 127 when it cannot be started."""
    parent_pid, program = int(sys.argv[1]), sys.argv[2]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before the request
        sys.exit(1)
    try:
        os.execv(program, sys.argv[2:])  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.exit(f"{program}: {error.strerror}")


if __name__ == "__main__":
    main()
