"""Threads that do shards, and how they end when a worker is stopped or a run is cancelled."""

import os
import signal
import threading
from typing import Any

from prefect._internal.control_listener import get_intent  # what a worker's signal is meant to do; pinned with Prefect
from prefect.exceptions import TerminationSignal
from prefect.task_runners import ThreadPoolTaskRunner

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which on Windows cannot be refused either
_CANCEL_GRACE_S = 3.0


class Shards(ThreadPoolTaskRunner[Any]):
    """Threads for shards. When the worker stops, those under way come to their end; when the run is cancelled, no more.

    A thread cannot be ended from outside, so a cancelled run ends as a whole, and with it what it started: see
    `varemix.media.leash`. Nothing half-made is ever seen.
    """

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Wait for the shards under way; in a cancelled run, for a moment only."""
        if isinstance(exc_value, TerminationSignal) and get_intent() == "cancel":
            end = threading.Timer(_CANCEL_GRACE_S, os.kill, args=(os.getpid(), _KILL))
            end.daemon = True
            end.start()
        super().__exit__(exc_type, exc_value, traceback)
