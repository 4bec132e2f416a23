"""What the desk is, whether it is ready, and what can be chosen at it."""

import asyncio
from importlib.metadata import version
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desk import PAGE
from desk.routes.answers import route
from desk.routes.requests import serving_of, studio_of


async def health(request: Request) -> Response:
    """Say what the desk is, and whether it is ready."""
    loading = serving_of(request).loading
    if not loading.studio.done():
        state: dict[str, Any] = {"state": "loading", "checkpoint": None, "formats": [], "opened": None}
    elif error := loading.studio.exception():
        state = {"state": "failed", "reason": str(error), "checkpoint": None, "formats": [], "opened": None}
    else:
        state = {"state": "ready", **await run_in_threadpool(loading.studio.result().health)}
    return JSONResponse({"version": version("varemix"), "reason": "", "doing": loading.doing, **state})


async def instruments(request: Request) -> Response:
    """List the instruments that are known by name, with their pictures and how well each is heard."""
    every = await asyncio.shield(asyncio.wrap_future(serving_of(request).loading.known))
    return JSONResponse([known | {"picture": _picture(known["name"])} for known in every])


async def separators(request: Request) -> Response:
    """List the separators that can be chosen besides our network."""
    studio = await studio_of(request)
    return JSONResponse(await run_in_threadpool(studio.separators))


def _picture(name: str) -> str | None:
    """Return where the page finds the picture of an instrument that came with it."""
    found = sorted(path for path in (PAGE / "pictures").glob(f"{name}.*"))
    return f"/pictures/{found[0].name}" if found else None


ROUTES = [
    route("/api/health", health),
    route("/api/instruments", instruments),
    route("/api/separators", separators),
]
