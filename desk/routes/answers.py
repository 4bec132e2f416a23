"""How routes answer: in JSON what went wrong, and for how long a browser keeps what it was given."""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from catalog.errors import CatalogError
from desk.errors import DeskError
from varemix.errors import UsageError, VaremixError

if TYPE_CHECKING:
    from tasks.who_hears import WhoHears

KEPT = {"Cache-Control": "private, max-age=3600"}

_log = logging.getLogger(__name__)
_Handler = Callable[[Request], Awaitable[Response]]


def route(path: str, handler: _Handler, method: str = "GET") -> Route:
    """Return the route to a handler that says in JSON what went wrong."""

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

    return Route(path, answer, methods=[method])


def kept(who: "WhoHears") -> dict[str, str]:
    """Return whether a browser keeps what they made: not where others did, whose names mean what settings say now."""
    return {"Cache-Control": "no-store"} if who.others else KEPT


async def http_error(request: Request, error: Exception) -> Response:
    """Say that a request found no route."""
    assert isinstance(error, HTTPException)
    said = {404: "There is nothing here.", 405: "This cannot be done here."}
    return JSONResponse({"error": said.get(error.status_code, error.detail)}, error.status_code, error.headers)
