"""Memory that is freed goes back to the system."""

import subprocess
import sys
from pathlib import Path

import pytest

# Blocks between which others stay: freed, they are gaps in a heap, unless they never were in one.
_PROGRAM = """
import sys
from pathlib import Path
import numpy as np
if sys.argv[1:]:
    from varemix.memory import give_back_what_is_freed
    give_back_what_is_freed()

def own_mib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024

for _ in range(2):
    np.ones(24 * 2**20, np.uint8)  # from then on, C's allocator takes blocks of this size from its heap
before = own_mib()
blocks = [(np.ones(8 * 2**20, np.uint8), np.ones(2**20, np.uint8)) for _ in range(16)]
stay = [small for _, small in blocks]
del blocks
print(own_mib() - before)
"""


def kept_mib(*arguments: str) -> float:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read as Linux tells it")
def test_blocks_that_are_freed_go_back_to_the_system() -> None:
    assert kept_mib() > 80  # what it is there for
    assert kept_mib("given back") < 32  # 16 of them are in use
