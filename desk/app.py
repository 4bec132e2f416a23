"""The desk's web application: its routes, its page, and who may ask."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from desk import PAGE
from desk.guards import Guards, is_loopback
from desk.loading import Loading
from desk.routes import about, exports, hearing, pictures, recordings, segments, sessions, views
from desk.routes.answers import http_error
from desk.routes.requests import Serving

_SUBJECTS = (about, recordings, views, segments, hearing, sessions, pictures, exports)


def create_app(
    loading: Loading, *, host: str, token: str | None = None, is_over: Callable[[], bool] = lambda: False
) -> Starlette:
    """Return the desk's application; `host` is what its server listens on, which tells by `is_over` that it stops."""
    app = Starlette(
        routes=[
            *(route for subject in _SUBJECTS for route in subject.ROUTES),
            Mount("/", _Page(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(Guards, host=host, token=token)],
        exception_handlers={HTTPException: http_error},
    )
    app.state.serving = Serving(loading=loading, is_over=is_over, is_own=is_loopback(host))
    return app


class _Page(StaticFiles):
    """The page's own files, asked for anew each time, so that a newer version shows."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
