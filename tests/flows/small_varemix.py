"""`varemix` with a recipe that is over in seconds, none shipped: `python -m tests.flows.small_varemix ARGUMENTS`.

`started` runs it in a process that is forked from one that has imported everything, as most of a start is that.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from flows.cli import main
from tests.middles import wait_in_the_middle
from tests.tasks.small_recipe import small
from varemix import weights
from varemix.training import recipe


def small_varemix() -> None:
    """Do what the arguments of this process ask for, and end it."""
    recipe.RECIPES["small"] = small
    weights.REFERENCE = Path("nowhere.safetensors")
    wait_in_the_middle()
    main()


def started(arguments: Sequence[object], environment: Mapping[str, str], log: Path) -> BaseProcess:
    """Start it in a process group of its own; what it says goes to the end of a file."""
    from benchmarks.endurance import PRELOADED

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_forked, args=([*map(str, arguments)], dict(environment), log))
    process.start()
    return process


def _forked(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    from prefect.context import refresh_global_settings_context

    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.environ.clear()
    os.environ.update(environment)
    refresh_global_settings_context()
    sys.argv = ["varemix", *arguments]
    small_varemix()


if __name__ == "__main__":
    small_varemix()
