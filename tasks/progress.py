"""How far long work has come: a bar on a terminal, and where Prefect runs it, an artifact that grows in its UI."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.origin import run_id
from tasks.terminal_bar import Advance, terminal_bar

_SHORT_S = 3.0  # work that is over by then gets no artifact: it would cost more than it tells
_EVERY_S = 1.0
_ON_TERMINAL: list[Advance] = []  # the bars of the steps that this process runs, the innermost last


@contextmanager
def bar(what: str, total: int) -> Iterator[Advance]:
    """Give a function that moves on the bar in the terminal, and the one in the Prefect UI."""
    shown: list[Advance] = []
    with ExitStack() as stack:
        shown.append(stack.enter_context(terminal_bar(what, total)))
        if run_id() is not None:
            shown.append(stack.enter_context(_artifact_bar(what, total)))

        def advance(num_items: int, note: str = "") -> None:
            for move in shown:
                move(num_items, note)

        _ON_TERMINAL.append(shown[0])
        stack.callback(_ON_TERMINAL.remove, shown[0])
        yield advance


@contextmanager
def share_of(item: str, shard: str) -> Iterator[Callable[[float], None]]:
    """Give a function that tells from any thread how far one item of a shard is, 0 to 1, if it takes long.

    It is noted behind the bar of the step, where that is in this process, and is a bar of its own in the Prefect UI.
    """
    percent, begun = 0, copy_context()  # Prefect knows by the context which run it is
    with ExitStack() as stack:
        in_prefect = (
            stack.enter_context(_artifact_bar(item, 100, key=f"item of shard {shard}"))
            if run_id() is not None
            else None
        )

        def tell(share: float) -> None:
            nonlocal percent
            step, percent = round(100 * share) - percent, round(100 * share)
            with suppress(Exception):  # to be shown is not worth that anything breaks
                for advance in _ON_TERMINAL[-1:]:
                    advance(0, f"{item}: {percent} %" if percent < 100 else "")
                if in_prefect:
                    begun.copy().run(in_prefect, step)

        yield tell


@contextmanager
def _artifact_bar(what: str, total: int, key: str = "") -> Iterator[Advance]:
    """Give a function that moves on a progress artifact, of long work only and not oftener than once a second."""
    started = told_at = time.monotonic()
    done = 0
    artifact: UUID | None = None

    def tell(note: str) -> None:
        nonlocal artifact, told_at
        percent, told_at = 100.0 * done / total, time.monotonic()
        text = f"{what}: {done} of {total}{f', {note}' if note else ''}"
        if artifact is None:
            called = f"progress-{re.sub('[^a-z0-9]+', '-', (key or what).lower()).strip('-')}"
            artifact = create_progress_artifact(progress=percent, key=called, description=text)  # type: ignore[assignment]
        else:
            update_progress_artifact(artifact, progress=percent, description=text)

    def advance(num_items: int, note: str = "") -> None:
        nonlocal done
        done += num_items
        now = time.monotonic()
        is_over = done >= total and artifact is not None
        if is_over or (done < total and now - started > _SHORT_S and now - told_at > _EVERY_S):
            tell(note)

    yield advance
