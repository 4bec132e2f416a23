"""The recordings: which there are, what each is, taking one in and forgetting it."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from desk.routes.answers import route
from desk.routes.requests import chosen_of, number_of, received, recording_of, studio_of
from desk.uploads import MAX_RECORDING_BYTES

_MAX_SEARCH_CHARACTERS = 200
_MAX_LISTED = 1000


async def recordings(request: Request) -> Response:
    """List recordings."""
    studio = await studio_of(request)
    search = request.query_params.get("search", "")[:_MAX_SEARCH_CHARACTERS]
    limit = number_of(request.query_params.get("limit", "200"), 1, _MAX_LISTED)
    return JSONResponse(await run_in_threadpool(studio.listed, search, limit))


async def put_recording(request: Request) -> Response:
    """Take a recording that is dropped."""
    studio = await studio_of(request)
    place = studio.catalog.home.dropped
    async with received(request, place, default="recording", max_bytes=MAX_RECORDING_BYTES) as file:
        recording = await run_in_threadpool(studio.shelf.put, file)
    return JSONResponse(await run_in_threadpool(studio.facts, recording, studio.chosen()), 201)


async def example(request: Request) -> Response:
    """Take the recording that comes along."""
    studio = await studio_of(request)
    recording = await run_in_threadpool(studio.example)
    return JSONResponse(await run_in_threadpool(studio.facts, recording, studio.chosen()), 201)


async def facts(request: Request) -> Response:
    """Tell what a recording is, and what was heard in it."""
    studio, recording = await recording_of(request)
    here = await chosen_of(request, studio)
    return JSONResponse(await run_in_threadpool(studio.facts, recording, here))


async def forget(request: Request) -> Response:
    """Remove a dropped recording."""
    studio = await studio_of(request)
    await run_in_threadpool(studio.shelf.forget, request.path_params["own"])
    return JSONResponse({})


async def audio(request: Request) -> Response:
    """Give the recording as it is, also parts of it."""
    _, recording = await recording_of(request)
    return FileResponse(recording.path, filename=recording.path.name, content_disposition_type="inline")


ROUTES = [
    route("/api/recordings", recordings, "GET"),
    route("/api/recordings", put_recording, "POST"),
    route("/api/example", example, "POST"),
    route("/api/recordings/{own}", facts, "GET"),
    route("/api/recordings/{own}", forget, "DELETE"),
    route("/api/recordings/{own}/audio", audio),
]
