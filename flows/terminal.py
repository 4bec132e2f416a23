"""What people and programs see of a command: lines, tables, JSON, errors in words, and the exit code."""

import errno
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from rich.markdown import Markdown

from catalog.errors import CatalogError
from varemix.errors import UsageError, VaremixError

if TYPE_CHECKING:
    from flows.summary import Summary

NOTHING_DONE, _WRONG_USAGE = 1, 2
_PLAIN_WIDTH = 120  # where the output is no terminal


class _Page(Console):
    """A console that a reader may leave at any time."""

    def on_broken_pipe(self) -> None:
        """Print nowhere from now on; the exit code tells of the work."""
        _print_nowhere()


_out = _Page(width=None if sys.stdout is not None and sys.stdout.isatty() else _PLAIN_WIDTH)
_err = Console(stderr=True)


def finish_run(run: Callable[[], "Summary | list[Summary]"], *, as_json: bool) -> NoReturn:
    """Run a flow and finish with what it did, also where that was nothing."""
    from flows.ending import done_by

    found = done_by(run)
    finish(found if isinstance(found, list) else [found], as_json=as_json)


def finish(summaries: Sequence["Summary"], *, as_json: bool) -> NoReturn:
    """Show what was done, of several stages the last, which sums up; end with the exit code that tells it."""
    from flows.summary import overall_exit_code, page

    if as_json:
        print_json({"stages": [summary.as_dict() for summary in summaries]})
    else:
        show_page(page(summaries[-1]))
    raise typer.Exit(overall_exit_code(summaries))


def print_json(facts: Mapping[str, Any]) -> None:
    """Print one JSON object; what JSON cannot say is null."""
    is_unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    text = json.dumps(_plain(dict(facts)), indent=2, default=str, ensure_ascii=not is_unicode, allow_nan=False)
    with _printing():
        typer.echo(text)


def _plain(value: Any) -> Any:
    """Return what JSON can say: a level of silence, or a mean of nothing, is null."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(*lines: object) -> None:
    """Print lines as they are: names of files are no markup."""
    with _printing():
        for line in lines:
            _out.print(str(line), markup=False, highlight=False, soft_wrap=True)


def show_page(markdown: str) -> None:
    """Print a page of Markdown."""
    with _printing():
        _out.print(Markdown(markdown))


@contextmanager
def _printing() -> Iterator[None]:
    """Let output that nobody takes, or that finds no room, go nowhere: the exit code tells what was done."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.errno != errno.EPIPE:
            _err.print(
                f"varemix: What is to be said cannot be written: {error.strerror}.", markup=False, soft_wrap=True
            )
        _print_nowhere()


def _print_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Say errors that a person can mend in one line, without a traceback, and end with their exit code."""
    try:
        yield
    except UsageError as error:
        _fail(error, _WRONG_USAGE)
    except (VaremixError, CatalogError) as error:
        _fail(error, NOTHING_DONE)
    except OSError as error:
        _fail(error, NOTHING_DONE)


def _fail(error: Exception, code: int) -> None:
    _err.print(f"varemix: {error}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)
