"""What is taken away from the desk: how loud it will be, a file, a plan, a remixed library."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from desk.errors import DeskError
from desk.routes.answers import route
from desk.routes.requests import recording_of, serving_of, studio_of
from desk.uploads import receive_json


async def loudness(request: Request) -> Response:
    """Tell how loud a recording and a mix of it are."""
    studio, recording = await recording_of(request)
    body = await receive_json(request)
    return JSONResponse(await run_in_threadpool(studio.loudness, recording, body))


async def export(request: Request) -> Response:
    """Have a remix written."""
    studio, recording = await recording_of(request)
    body = await receive_json(request)
    export = await run_in_threadpool(studio.begin_export, recording, body)
    return JSONResponse({"job": export.id, "name": export.path.name}, 202)


async def exported(request: Request) -> Response:
    """Give a remix that was written, also parts of it."""
    export = (await studio_of(request)).exports.export(request.path_params["job"])
    if not export.done.done():
        return JSONResponse({"state": "writing"}, 202, {"Retry-After": "1"})
    if export.reason:
        raise DeskError(422, export.reason)
    return FileResponse(export.path, filename=export.path.name)


async def export_state(request: Request) -> Response:
    """Tell how far a file is."""
    return JSONResponse((await studio_of(request)).exports.export(request.path_params["job"]).told())


async def plan(request: Request) -> Response:
    """Give the wishes as a plan for a whole library."""
    studio = await studio_of(request)
    text = await run_in_threadpool(studio.plan_text, await receive_json(request))
    headers = {"Content-Disposition": 'attachment; filename="remix.yaml"'}
    return Response(text, 200, headers, "application/yaml")


async def library_preview(request: Request) -> Response:
    """Tell what a mix would do to the library."""
    return await _of_library(request, "library_preview")


async def library_start(request: Request) -> Response:
    """Start to remix the library."""
    return await _of_library(request, "library_start")


async def _of_library(request: Request, what: str) -> Response:
    if not serving_of(request).is_own:
        raise DeskError(403, "A library is remixed from the machine that it lies on, not over the network.")
    studio = await studio_of(request)
    body = await receive_json(request)
    return JSONResponse(await run_in_threadpool(getattr(studio, what), body))


ROUTES = [
    route("/api/recordings/{own}/loudness", loudness, "POST"),
    route("/api/recordings/{own}/export", export, "POST"),
    route("/api/exports/{job}/state", export_state),
    route("/api/exports/{job}", exported),
    route("/api/plan", plan, "POST"),
    route("/api/library/preview", library_preview, "POST"),
    route("/api/library/start", library_start, "POST"),
]
