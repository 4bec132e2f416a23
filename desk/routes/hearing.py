"""Having instruments heard in a recording, and being told how far that is."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from desk.errors import DeskError
from desk.routes.answers import route
from desk.routes.requests import chosen_of, place_of, recording_of, serving_of
from desk.uploads import receive_json

_MAX_LISTENERS = 100
_EVENT_POLL_S, _HEARTBEAT_S = 0.1, 15.0


async def hear(request: Request) -> Response:
    """Have instruments heard in a recording."""
    studio, recording = await recording_of(request)
    body = await receive_json(request)
    here = await run_in_threadpool(studio.chosen, body.get("separator"))
    queries = list((await run_in_threadpool(studio.asked, body.get("targets"), body, here.who)).values())
    await run_in_threadpool(studio.hearing.ask, recording, queries, who=here.who, place_s=place_of(body))
    return JSONResponse(await run_in_threadpool(studio.facts, recording, here), 202)


async def listen(request: Request) -> Response:
    """Take note of where somebody listens."""
    studio, recording = await recording_of(request)
    studio.hearing.listen_at(recording, place_of(await receive_json(request)))
    return JSONResponse({})


async def events(request: Request) -> Response:
    """Tell how far hearing is, as it goes on: always all that is known, whenever any of it changes."""
    studio, recording = await recording_of(request)
    here = await chosen_of(request, studio)
    serving = serving_of(request)
    if serving.num_listeners >= _MAX_LISTENERS:
        raise DeskError(503, "Too many pages listen already. Close some.", {"Retry-After": "10"})

    async def told() -> AsyncIterator[str]:
        serving.num_listeners += 1
        known: object = None
        quiet_s = 0.0
        try:
            yield "retry: 1000\n\n"
            while not serving.is_over():
                told = await run_in_threadpool(studio.told, recording, here)
                is_new, known = told["targets"] != known, told["targets"]
                quiet_s = 0.0 if is_new else quiet_s + _EVENT_POLL_S
                if is_new:
                    yield f"data: {json.dumps(told)}\n\n"
                elif quiet_s >= _HEARTBEAT_S:
                    quiet_s = 0.0
                    yield ": still here\n\n"
                await asyncio.sleep(_EVENT_POLL_S)
        finally:
            serving.num_listeners -= 1

    return StreamingResponse(told(), media_type="text/event-stream")


ROUTES = [
    route("/api/recordings/{own}/hear", hear, "POST"),
    route("/api/recordings/{own}/listen", listen, "POST"),
    route("/api/recordings/{own}/events", events),
]
