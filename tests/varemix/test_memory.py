"""Memory that is freed goes back to the system, and what stays is not looked through for garbage again and again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Blocks between which others stay: freed, they are gaps in a heap, unless they never were in one.
_PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from varemix.memory import give_back_gaps, give_back_what_is_freed
if "settings" in sys.argv:
    give_back_what_is_freed()
block_bytes = int(sys.argv[1])

def own_mib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024

for _ in range(2):
    np.ones(24 * 2**20, np.uint8)  # from then on, C's allocator takes blocks of this size from its heap
before = own_mib()
blocks = [(np.ones(block_bytes, np.uint8), np.ones(block_bytes // 8, np.uint8)) for _ in range(2**27 // block_bytes)]
stay = [small for _, small in blocks]
del blocks
if "gaps" in sys.argv:
    give_back_gaps()
print(own_mib() - before)
"""


def kept_mib(block_bytes: int, *how: str) -> float:
    """Return what a process keeps of 128 MiB of blocks that it freed, and the 16 MiB that it still uses."""
    command = [sys.executable, "-c", _PROGRAM, str(block_bytes), *how]
    # Dask leaves a setting of the allocator in the environment of a process that started its workers.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read as Linux tells it")
@pytest.mark.parametrize(("block_bytes", "how"), [(8 * 2**20, "settings"), (2**18, "gaps")])
def test_blocks_that_are_freed_go_back_to_the_system(block_bytes: int, how: str) -> None:
    assert kept_mib(block_bytes) > 80  # what it is there for
    assert kept_mib(block_bytes, how) < 32


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read as Linux tells it")
def test_libraries_that_were_loaded_are_given_back_and_serve_as_before() -> None:
    program = """
from pathlib import Path
import torch
from varemix.memory import give_back_files

def of_files_mib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    told = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return (told["Rss"] - told["Anonymous"]) / 1024

before = of_files_mib()
give_back_files()
after = of_files_mib()
print(before, after, float((torch.eye(3) @ torch.ones(3)).sum()))
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    before, after, total = map(float, told.split())
    assert total == 3
    assert after < 0.2 * before


def test_what_is_loaded_is_seldom_looked_through_for_garbage() -> None:
    program = "import gc, sys; from varemix.memory import look_for_garbage_seldom\n"
    program += "if sys.argv[1:]: look_for_garbage_seldom()\n"
    program += "loaded = [[] for _ in range(10**6)]; print(sum(told['collections'] for told in gc.get_stats()))"
    often, seldom = (
        int(subprocess.run([sys.executable, "-c", program, *how], capture_output=True, text=True, check=True).stdout)
        for how in ([], ["seldom"])
    )
    assert seldom < 50 < often
