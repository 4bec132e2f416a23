"""The desk with a separator that has learnt nothing, asked as a browser would ask it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from catalog.store import Catalog
from desk.app import create_app
from desk.loading import Loading, Opened
from desk.studio import Studio
from tests.desk.browser import chromium
from tests.desk.sounds import Desk
from tests.tasks.conftest import catalog, champion, checkpoint_file, library, one_thread  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OpenDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Give a browser."""
    with chromium() as program:
        yield program


@pytest.fixture
def open_desk(catalog: Catalog, champion: str, tmp_path: Path) -> Iterator[OpenDesk]:  # noqa: F811
    """Return what opens a desk on the catalog, as often as it is called."""
    studios: list[Studio] = []

    def opened(*, host: str = "127.0.0.1", token: str | None = None, **settings: Path | str | None) -> Desk:
        folder = tmp_path / f"work-{len(studios)}"
        folder.mkdir()
        studio = Studio(Opened(home=catalog.home, **settings), folder)  # type: ignore[arg-type]
        studios.append(studio)
        address = stack.enter_context(serving_desk(create_app(Loading.done(studio), host=host, token=token)))
        return Desk(client=stack.enter_context(httpx.Client(base_url=address, timeout=600)), studio=studio)

    with ExitStack() as stack:
        yield opened
    for studio in studios:
        studio.close()


@contextmanager
def serving_desk(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port of loopback; give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """Return a desk."""
    return open_desk()
