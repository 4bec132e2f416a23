"""The desk's HTTP face: routes in, JSON, pictures and sound out. What they are made of is behind `desk.studio`."""

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from catalog.errors import CatalogError
from catalog.files import temporary_folder
from desk.errors import DeskError, not_found, not_yet
from desk.guards import Guards, is_loopback
from desk.loading import Loading
from desk.sessions import change_of
from desk.uploads import MAX_RECORDING_BYTES, harmless_name, receive_file, receive_json
from tasks.who_hears import parsed_separators
from varemix.errors import UsageError, VaremixError
from varemix.media.pictures import MAX_BYTES as MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from desk.segments import Company
    from desk.separators import Chosen
    from desk.studio import Studio
    from tasks.who_hears import WhoHears

PAGE = Path(__file__).parent / "page"
_MAX_SEARCH_CHARACTERS = 200
_MAX_LISTED = 1000
_MAX_LISTENERS = 100
_MAX_UPLOADS = 4
_WAIT_S, _POLL_S = 2.0, 0.02
_EVENT_POLL_S, _HEARTBEAT_S = 0.1, 15.0
_KEPT = {"Cache-Control": "private, max-age=3600"}

_log = logging.getLogger(__name__)
_Handler = Callable[[Request], Awaitable[Response]]


class Face:
    """The handlers, one a route. `loading` gives the desk's workroom when it is loaded; `is_over` says when to end,
    `is_own` whether only this machine's pages ask.
    """

    def __init__(self, loading: Loading, is_over: Callable[[], bool], *, is_own: bool) -> None:
        self._is_own = is_own
        self._loading = loading
        self._studio = loading.studio
        self._is_over = is_over
        self._num_listeners = 0
        self._uploads = asyncio.Semaphore(_MAX_UPLOADS)

    async def health(self, request: Request) -> Response:
        """Say what the desk is, and whether it is ready."""
        if not self._studio.done():
            state: dict[str, Any] = {"state": "loading", "checkpoint": None, "formats": [], "opened": None}
        elif error := self._studio.exception():
            state = {"state": "failed", "reason": str(error), "checkpoint": None, "formats": [], "opened": None}
        else:
            state = {"state": "ready", **await run_in_threadpool(self._studio.result().health)}
        return JSONResponse({"version": version("varemix"), "reason": "", "doing": self._loading.doing, **state})

    async def instruments(self, request: Request) -> Response:
        """List the instruments that are known by name, with their pictures and how well each is heard."""
        every = await asyncio.shield(asyncio.wrap_future(self._loading.known))
        return JSONResponse([known | {"picture": _picture(known["name"])} for known in every])

    async def separators(self, request: Request) -> Response:
        """List the separators that can be chosen besides our network."""
        studio = await self._loaded()
        return JSONResponse(await run_in_threadpool(studio.separators))

    async def recordings(self, request: Request) -> Response:
        """List recordings."""
        studio = await self._loaded()
        search = request.query_params.get("search", "")[:_MAX_SEARCH_CHARACTERS]
        limit = _number(request.query_params.get("limit", "200"), 1, _MAX_LISTED)
        return JSONResponse(await run_in_threadpool(studio.listed, search, limit))

    async def put_recording(self, request: Request) -> Response:
        """Take a recording that is dropped."""
        studio = await self._loaded()
        name = harmless_name(request.query_params.get("name", ""), default="recording")
        async with self._uploads:
            with temporary_folder(studio.catalog.home.dropped) as folder:
                file = folder / name
                await receive_file(request, file, max_bytes=MAX_RECORDING_BYTES)
                recording = await run_in_threadpool(studio.shelf.put, file)
        return JSONResponse(await run_in_threadpool(studio.facts, recording, studio.chosen()), 201)

    async def example(self, request: Request) -> Response:
        """Take the recording that comes along."""
        studio = await self._loaded()
        recording = await run_in_threadpool(studio.example)
        return JSONResponse(await run_in_threadpool(studio.facts, recording, studio.chosen()), 201)

    async def facts(self, request: Request) -> Response:
        """Tell what a recording is, and what was heard in it."""
        studio, recording = await self._recording(request)
        here = await _chosen(request, studio)
        return JSONResponse(await run_in_threadpool(studio.facts, recording, here))

    async def forget(self, request: Request) -> Response:
        """Remove a dropped recording."""
        studio = await self._loaded()
        await run_in_threadpool(studio.shelf.forget, request.path_params["own"])
        return JSONResponse({})

    async def waveform(self, request: Request) -> Response:
        """Give the peaks of a recording."""
        studio, recording = await self._recording(request)
        return Response(await run_in_threadpool(studio.views.waveform, recording), 200, _KEPT, "application/json")

    async def axis(self, request: Request) -> Response:
        """Tell the frequencies of the rows of spectrograms and masks."""
        studio = await self._loaded()
        return JSONResponse({"rows_hz": await run_in_threadpool(studio.views.rows_hz)})

    async def spectrogram(self, request: Request) -> Response:
        """Give the spectrogram of a recording."""
        studio, recording = await self._recording(request)
        return Response(await run_in_threadpool(studio.views.spectrogram, recording), 200, _KEPT, "image/png")

    async def mask(self, request: Request) -> Response:
        """Give what an instrument's mask takes."""
        studio, recording = await self._recording(request)
        here = await _chosen(request, studio)
        query = studio.query(request.path_params["target"], here.who)
        masks = await run_in_threadpool(studio.hearing.masks, recording, [query.name], who=here.who)
        if masks is None or not masks.are_whole:
            raise not_yet("The mask")
        picture = await run_in_threadpool(studio.views.mask, recording, masks)
        return Response(picture, 200, _kept(here.who), "image/png")

    async def audio(self, request: Request) -> Response:
        """Give the recording as it is, also parts of it."""
        _, recording = await self._recording(request)
        return FileResponse(recording.path, filename=recording.path.name, content_disposition_type="inline")

    async def original_segment(self, request: Request) -> Response:
        """Give a segment of the recording."""
        studio = await self._loaded()
        return await self._segment(request, studio.company([], [], 1, studio.chosen().who), "")

    async def stem_segment(self, request: Request) -> Response:
        """Give a segment of what falls to one of those on the desk."""
        studio = await self._loaded()
        target = request.path_params["target"]
        company = studio.company(
            [target, *_named(request, "with")],
            _named(request, "moved"),
            request.query_params.get("exponent", "1"),
            (await _chosen(request, studio)).who,
        )
        return await self._segment(request, company, target)

    async def depths(self, request: Request) -> Response:
        """Tell how deep mutes will be."""
        studio, recording = await self._recording(request)
        here = await _chosen(request, studio)
        names = [query.name for query in studio.queries(_named(request, "of"), here.who).values()]
        masks = await run_in_threadpool(studio.hearing.masks, recording, names, who=here.who)
        if masks is None or not masks.are_whole:
            raise not_yet("The mask")
        return JSONResponse(await run_in_threadpool(studio.depths.told, recording, masks))

    async def hear(self, request: Request) -> Response:
        """Have instruments heard in a recording."""
        studio, recording = await self._recording(request)
        body = await receive_json(request)
        here = await run_in_threadpool(studio.chosen, body.get("separator"))
        queries = list((await run_in_threadpool(studio.asked, body.get("targets"), body, here.who)).values())
        await run_in_threadpool(studio.hearing.ask, recording, queries, who=here.who, place_s=place_of(body))
        return JSONResponse(await run_in_threadpool(studio.facts, recording, here), 202)

    async def listen(self, request: Request) -> Response:
        """Take note of where somebody listens."""
        studio, recording = await self._recording(request)
        studio.hearing.listen_at(recording, place_of(await receive_json(request)))
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """Tell how far hearing is, as it goes on: always all that is known, whenever any of it changes."""
        studio, recording = await self._recording(request)
        here = await _chosen(request, studio)
        if self._num_listeners >= _MAX_LISTENERS:
            raise DeskError(503, "Too many pages listen already. Close some.", {"Retry-After": "10"})

        async def told() -> AsyncIterator[str]:
            self._num_listeners += 1
            known: object = None
            quiet_s = 0.0
            try:
                yield "retry: 1000\n\n"
                while not self._is_over():
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
                self._num_listeners -= 1

        return StreamingResponse(told(), media_type="text/event-stream")

    async def put_picture(self, request: Request) -> Response:
        """Take a photo that is dropped."""
        studio = await self._loaded()
        name = harmless_name(request.query_params.get("name", ""), default="photo")
        async with self._uploads:
            with temporary_folder(studio.catalog.home.photos) as folder:
                file = folder / name
                await receive_file(request, file, max_bytes=MAX_PICTURE_BYTES)
                answer = await run_in_threadpool(studio.put_photo, file)
        return JSONResponse(answer, 201)

    async def put_together(self, request: Request) -> Response:
        """Take several photos for one instrument."""
        studio = await self._loaded()
        body = await receive_json(request)
        return JSONResponse(await run_in_threadpool(studio.photos_together, body.get("of")), 201)

    async def photo(self, request: Request) -> Response:
        """Tell what a photo is like."""
        studio = await self._loaded()
        query = await run_in_threadpool(studio.photos.query, request.path_params["own"])
        return JSONResponse(await run_in_threadpool(studio.photo, query))

    async def picture(self, request: Request) -> Response:
        """Show a photo that was dropped."""
        studio = await self._loaded()
        return Response(
            await run_in_threadpool(studio.photos.shown, request.path_params["own"]), 200, _KEPT, "image/jpeg"
        )

    async def open_session(self, request: Request) -> Response:
        """Give the session of a recording that was changed last, or a new one."""
        studio, recording = await self._recording(request)
        body = await receive_json(request)
        session = await run_in_threadpool(studio.opened_session, recording, body)
        return JSONResponse(session.told())

    async def session(self, request: Request) -> Response:
        """Give a session."""
        studio = await self._loaded()
        session = await run_in_threadpool(studio.sessions.session, request.path_params["own"])
        return JSONResponse(session.told())

    async def change_session(self, request: Request) -> Response:
        """Change a session: its mix, its name, or a step back or on."""
        studio = await self._loaded()
        body = await receive_json(request)
        session = await run_in_threadpool(studio.sessions.change, request.path_params["own"], change_of(body))
        return JSONResponse(session.told())

    async def remove_session(self, request: Request) -> Response:
        """Remove a session."""
        studio = await self._loaded()
        await run_in_threadpool(studio.sessions.remove, request.path_params["own"])
        return JSONResponse({})

    async def loudness(self, request: Request) -> Response:
        """Tell how loud a recording and a mix of it are."""
        studio, recording = await self._recording(request)
        body = await receive_json(request)
        return JSONResponse(await run_in_threadpool(studio.loudness, recording, body))

    async def export(self, request: Request) -> Response:
        """Have a remix written."""
        studio, recording = await self._recording(request)
        body = await receive_json(request)
        export = await run_in_threadpool(studio.begin_export, recording, body)
        return JSONResponse({"job": export.id, "name": export.path.name}, 202)

    async def exported(self, request: Request) -> Response:
        """Give a remix that was written, also parts of it."""
        export = (await self._loaded()).exports.export(request.path_params["job"])
        if not export.done.done():
            return JSONResponse({"state": "writing"}, 202, {"Retry-After": "1"})
        if export.reason:
            raise DeskError(422, export.reason)
        return FileResponse(export.path, filename=export.path.name)

    async def export_state(self, request: Request) -> Response:
        """Tell how far a file is."""
        return JSONResponse((await self._loaded()).exports.export(request.path_params["job"]).told())

    async def plan(self, request: Request) -> Response:
        """Give the wishes as a plan for a whole library."""
        studio = await self._loaded()
        text = await run_in_threadpool(studio.plan_text, await receive_json(request))
        headers = {"Content-Disposition": 'attachment; filename="remix.yaml"'}
        return Response(text, 200, headers, "application/yaml")

    async def library_preview(self, request: Request) -> Response:
        """Tell what a mix would do to the library."""
        return await self._of_library(request, "library_preview")

    async def library_start(self, request: Request) -> Response:
        """Start to remix the library."""
        return await self._of_library(request, "library_start")

    async def _of_library(self, request: Request, what: str) -> Response:
        if not self._is_own:
            raise DeskError(403, "A library is remixed from the machine that it lies on, not over the network.")
        studio = await self._loaded()
        body = await receive_json(request)
        return JSONResponse(await run_in_threadpool(getattr(studio, what), body))

    async def _loaded(self) -> "Studio":
        return await asyncio.shield(asyncio.wrap_future(self._studio))

    async def _recording(self, request: Request) -> tuple["Studio", Any]:
        studio = await self._loaded()
        return studio, await run_in_threadpool(studio.shelf.recording, request.path_params["own"])

    async def _segment(self, request: Request, company: "Company", target: str) -> Response:
        """Give a segment, or say that it is not there yet after waiting a moment."""
        studio, recording = await self._recording(request)
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
                return Response(content, 200, _kept(company.who), "audio/flac")
            if rendering is not None and rendering.reason:
                raise DeskError(422, rendering.reason)
            await asyncio.sleep(_POLL_S)
        raise not_yet("The segment")


def create_app(
    loading: Loading, *, host: str, token: str | None = None, is_over: Callable[[], bool] = lambda: False
) -> Starlette:
    """Return the desk's application; `host` is what its server listens on, which tells by `is_over` that it stops."""
    face = Face(loading, is_over, is_own=is_loopback(host))
    recording = "/api/recordings/{own:str}"
    routes = [
        Route("/api/health", _worded(face.health)),
        Route("/api/instruments", _worded(face.instruments)),
        Route("/api/separators", _worded(face.separators)),
        Route("/api/recordings", _worded(face.recordings), methods=["GET"]),
        Route("/api/recordings", _worded(face.put_recording), methods=["POST"]),
        Route("/api/example", _worded(face.example), methods=["POST"]),
        Route(recording, _worded(face.facts), methods=["GET"]),
        Route(recording, _worded(face.forget), methods=["DELETE"]),
        Route("/api/axis", _worded(face.axis)),
        Route(f"{recording}/waveform", _worded(face.waveform)),
        Route(f"{recording}/spectrogram.png", _worded(face.spectrogram)),
        Route(f"{recording}/masks/{{target}}.png", _worded(face.mask)),
        Route(f"{recording}/audio", _worded(face.audio)),
        Route(f"{recording}/audio/{{number:int}}.flac", _worded(face.original_segment)),
        Route(f"{recording}/stems/{{target}}/{{number:int}}.flac", _worded(face.stem_segment)),
        Route(f"{recording}/depths", _worded(face.depths)),
        Route(f"{recording}/hear", _worded(face.hear), methods=["POST"]),
        Route(f"{recording}/listen", _worded(face.listen), methods=["POST"]),
        Route(f"{recording}/events", _worded(face.events)),
        Route(f"{recording}/session", _worded(face.open_session), methods=["POST"]),
        Route("/api/sessions/{own}", _worded(face.session), methods=["GET"]),
        Route("/api/sessions/{own}", _worded(face.change_session), methods=["POST"]),
        Route("/api/sessions/{own}", _worded(face.remove_session), methods=["DELETE"]),
        Route(f"{recording}/loudness", _worded(face.loudness), methods=["POST"]),
        Route(f"{recording}/export", _worded(face.export), methods=["POST"]),
        Route("/api/pictures", _worded(face.put_picture), methods=["POST"]),
        Route("/api/pictures/together", _worded(face.put_together), methods=["POST"]),
        Route("/api/pictures/{own}.jpg", _worded(face.picture)),
        Route("/api/pictures/{own}", _worded(face.photo)),
        Route("/api/exports/{job}/state", _worded(face.export_state)),
        Route("/api/exports/{job}", _worded(face.exported)),
        Route("/api/library/preview", _worded(face.library_preview), methods=["POST"]),
        Route("/api/library/start", _worded(face.library_start), methods=["POST"]),
        Route("/api/plan", _worded(face.plan), methods=["POST"]),
        Mount("/", _Page(directory=PAGE, html=True)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guards, host=host, token=token)],
        exception_handlers={HTTPException: _http_error},
    )


class _Page(StaticFiles):
    """The page's own files, asked for anew each time, so that a newer version shows."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _worded(handler: _Handler) -> _Handler:
    """Return a handler that says in JSON what went wrong."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except DeskError as error:
            return JSONResponse({"error": str(error)}, error.status, error.headers)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 422)
        except (VaremixError, CatalogError) as error:
            _log.warning("%s %s: %s", request.method, request.url.path, error)
            return JSONResponse({"error": str(error)}, 422)

    return answer


def place_of(body: Mapping[str, Any]) -> float:
    """Return the place in seconds at which somebody listens. Raises DeskError for what is none."""
    place_s = body.get("at_s", 0)
    if isinstance(place_s, bool) or not isinstance(place_s, int | float) or not 0 <= place_s < math.inf:
        raise DeskError(422, "`at_s` is a place in seconds.")
    return float(place_s)


def _named(request: Request, parameter: str) -> list[str]:
    """Return the names in a parameter of a request's address, which have commas between them."""
    return [name for name in request.query_params.get(parameter, "").split(",") if name]


def _kept(who: "WhoHears") -> dict[str, str]:
    """Return whether a browser keeps what they made: not where others did, whose names mean what settings say now."""
    return {"Cache-Control": "no-store"} if who.others else _KEPT


async def _chosen(request: Request, studio: "Studio") -> "Chosen":
    """Return who separates by a request's address, in which INSTRUMENT=NAME may stand several times."""
    named = parsed_separators(request.query_params.getlist("separator"))
    return await run_in_threadpool(studio.chosen, named)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {404: "There is nothing here.", 405: "This cannot be done here."}
    return JSONResponse({"error": said.get(error.status_code, error.detail)}, error.status_code, error.headers)


def _number(text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise DeskError(422, f"A whole number from {lowest} to {highest} is expected.")
    return min(highest, max(lowest, int(text)))


def _picture(name: str) -> str | None:
    """Return where the page finds the picture of an instrument that came with it."""
    found = sorted(path for path in (PAGE / "pictures").glob(f"{name}.*"))
    return f"/pictures/{found[0].name}" if found else None
