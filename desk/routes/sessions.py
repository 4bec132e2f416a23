"""Sessions: the mixes of a recording as they are kept."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desk.routes.answers import route
from desk.routes.requests import recording_of, studio_of
from desk.sessions import change_of
from desk.uploads import receive_json


async def open_session(request: Request) -> Response:
    """Give the session of a recording that was changed last, or a new one."""
    studio, recording = await recording_of(request)
    body = await receive_json(request)
    session = await run_in_threadpool(studio.opened_session, recording, body)
    return JSONResponse(session.told())


async def session(request: Request) -> Response:
    """Give a session."""
    studio = await studio_of(request)
    session = await run_in_threadpool(studio.sessions.session, request.path_params["own"])
    return JSONResponse(session.told())


async def change_session(request: Request) -> Response:
    """Change a session: its mix, its name, or a step back or on."""
    studio = await studio_of(request)
    body = await receive_json(request)
    session = await run_in_threadpool(studio.sessions.change, request.path_params["own"], change_of(body))
    return JSONResponse(session.told())


async def remove_session(request: Request) -> Response:
    """Remove a session."""
    studio = await studio_of(request)
    await run_in_threadpool(studio.sessions.remove, request.path_params["own"])
    return JSONResponse({})


ROUTES = [
    route("/api/recordings/{own}/session", open_session, "POST"),
    route("/api/sessions/{own}", session, "GET"),
    route("/api/sessions/{own}", change_session, "POST"),
    route("/api/sessions/{own}", remove_session, "DELETE"),
]
