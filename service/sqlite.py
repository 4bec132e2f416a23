"""Prefect's server, which begins what will write to SQLite as a writer.

Prefect 3.8.8 begins such transactions as readers. Where another writes in between, SQLite refuses them at once,
whatever its timeout ("database is locked"), and the event that was being looked at is lost: of runs that crashed side
by side some were not started again. Begun as writers, they wait for each other. Postgres has no such trouble.
"""

import runpy
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


def serve(arguments: list[str]) -> None:
    """Become Prefect's command with these arguments; its settings are those of the environment."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    @asynccontextmanager
    async def begin_as_writer(self: Any, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign]
    sys.argv = ["prefect", "--no-prompt", *arguments]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    serve(sys.argv[1:])
