"""What routes read off a request: the desk that serves it, its recording, and what its address says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from catalog.files import temporary_folder
from desk.errors import DeskError
from desk.loading import Loading
from desk.mixes import LAST_S
from desk.uploads import harmless_name, receive_file
from tasks.who_hears import parsed_separators

if TYPE_CHECKING:
    from desk.recordings import Recording
    from desk.separators import Chosen
    from desk.studio import Studio

_MAX_UPLOADS = 4


@dataclass(kw_only=True)
class Serving:
    """What serves: `loading` gives the desk's workroom when it is loaded; `is_over` says when to end, `is_own` whether
    only this machine's pages ask.
    """

    loading: Loading
    is_over: Callable[[], bool]
    is_own: bool
    num_listeners: int = 0
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_UPLOADS))


def serving_of(request: Request) -> Serving:
    """Return what serves the request."""
    return cast("Serving", request.app.state.serving)


async def studio_of(request: Request) -> "Studio":
    """Return the desk's workroom, when it is loaded."""
    return await asyncio.shield(asyncio.wrap_future(serving_of(request).loading.studio))


async def recording_of(request: Request) -> tuple["Studio", "Recording"]:
    """Return the workroom and the recording of the request's address."""
    studio = await studio_of(request)
    return studio, await run_in_threadpool(studio.shelf.recording, request.path_params["own"])


@asynccontextmanager
async def received(request: Request, place: Path, *, default: str, max_bytes: int) -> AsyncIterator[Path]:
    """Give the file that is sent, in a temporary folder within `place`; it takes its turn among the uploads.

    Raises DeskError for one that cannot be taken, see `receive_file`.
    """
    name = harmless_name(request.query_params.get("name", ""), default=default)
    async with serving_of(request).uploads:
        with temporary_folder(place) as folder:
            await receive_file(request, folder / name, max_bytes=max_bytes)
            yield folder / name


async def chosen_of(request: Request, studio: "Studio") -> "Chosen":
    """Return who separates by the request's address, in which INSTRUMENT=NAME may stand several times."""
    named = parsed_separators(request.query_params.getlist("separator"))
    return await run_in_threadpool(studio.chosen, named)


def names_of(request: Request, parameter: str) -> list[str]:
    """Return the names in a parameter of the request's address, which have commas between them."""
    return [name for name in request.query_params.get(parameter, "").split(",") if name]


def number_of(text: str, lowest: int, highest: int) -> int:
    """Return a whole number, at least `lowest`, at most `highest`. Raises DeskError for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise DeskError(422, f"A whole number from {lowest} to {highest} is expected.")
    return min(highest, max(lowest, int(text)))


def place_of(body: Mapping[str, Any]) -> float:
    """Return the place in seconds at which somebody listens. Raises DeskError for what is none."""
    place_s = body.get("at_s", 0)
    if isinstance(place_s, bool) or not isinstance(place_s, int | float) or not 0 <= place_s <= LAST_S:
        raise DeskError(422, "`at_s` is a place in seconds.")
    return float(place_s)
