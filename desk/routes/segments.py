"""What is played: segments of a recording, and of what falls to each of those on the desk."""

import asyncio
import math
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from desk.errors import DeskError, not_found, not_yet
from desk.routes.answers import kept, route
from desk.routes.requests import chosen_of, names_of, recording_of, studio_of

if TYPE_CHECKING:
    from desk.segments import Company

_WAIT_S, _POLL_S = 2.0, 0.02


async def original_segment(request: Request) -> Response:
    """Give a segment of the recording."""
    studio = await studio_of(request)
    return await _segment(request, studio.company([], [], 1, studio.chosen().who), "")


async def stem_segment(request: Request) -> Response:
    """Give a segment of what falls to one of those on the desk."""
    studio = await studio_of(request)
    target = request.path_params["target"]
    company = studio.company(
        [target, *names_of(request, "with")],
        names_of(request, "moved"),
        request.query_params.get("exponent", "1"),
        (await chosen_of(request, studio)).who,
    )
    return await _segment(request, company, target)


async def _segment(request: Request, company: "Company", target: str) -> Response:
    """Give a segment, or say that it is not there yet after waiting a moment."""
    studio, recording = await recording_of(request)
    number = request.path_params["number"]
    if number >= recording.num_segments:
        raise not_found("segment")
    for _ in range(math.ceil(_WAIT_S / _POLL_S)):
        rendering = await run_in_threadpool(studio.segments.rendering, recording, company)
        if rendering is not None and rendering.has(number):
            try:
                content = await run_in_threadpool(rendering.place(target, number).read_bytes)
            except FileNotFoundError:  # it was removed to make room just now
                break
            return Response(content, 200, kept(company.who), "audio/flac")
        if rendering is not None and rendering.reason:
            raise DeskError(422, rendering.reason)
        await asyncio.sleep(_POLL_S)
    raise not_yet("The segment")


ROUTES = [
    route("/api/recordings/{own}/audio/{number:int}.flac", original_segment),
    route("/api/recordings/{own}/stems/{target}/{number:int}.flac", stem_segment),
]
