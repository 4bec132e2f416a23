"""What people and programs see of a command: what it is doing, lines, tables, JSON, errors in words, the exit code."""

import errno
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.markup import escape

from catalog.errors import CatalogError
from tasks.terminal import CONSOLE, Page, print_nowhere
from varemix.errors import UsageError, VaremixError

if TYPE_CHECKING:
    from flows.summary import Summary

NOTHING_DONE, _WRONG_USAGE = 1, 2
_PLAIN_WIDTH = 120  # where the output is no terminal
_out = Page(width=None if sys.stdout is not None and sys.stdout.isatty() else _PLAIN_WIDTH)
_doing = ExitStack()


def doing(what: str) -> None:
    """Say what is being done until there is something to print: by a spinner on a terminal, elsewhere by one line."""
    _doing.close()
    if sys.stderr.isatty():
        _doing.enter_context(CONSOLE.status(escape(what)))
    else:
        _tell(what)


def finish_run(run: Callable[[], "Summary | list[Summary]"], *, as_json: bool) -> NoReturn:
    """Run a flow and finish with what it did, also where that was nothing."""
    from flows.ending import done_by
    from service.own_server import own_server

    with own_server():
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
    _doing.close()
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
    _doing.close()
    with _printing():
        for line in lines:
            _out.print(str(line), markup=False, highlight=False, soft_wrap=True)


def show_page(markdown: str) -> None:
    """Print a page of Markdown."""
    from rich.markdown import Markdown  # with its colours for programs, a third of what a command starts with

    _doing.close()
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
            _tell(f"What is to be said cannot be written: {error.strerror}.")
        print_nowhere(sys.stdout)


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
    finally:
        _doing.close()


def _fail(error: Exception, code: int) -> None:
    _doing.close()
    _tell(str(error))
    sys.exit(code)


def _tell(what: str) -> None:
    try:
        CONSOLE.print(f"varemix: {what}", markup=False, highlight=False, soft_wrap=True)
    except OSError:  # standard error finds no room
        print_nowhere(sys.stderr)
