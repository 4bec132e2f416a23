"""Commands that start and stop the server and the workers of this host."""

from flows.options import HomeOption
from flows.terminal import say


def up(home: HomeOption = None) -> None:
    """Start the Prefect server and a worker of this host, with pools, limits, deployments and automations.

    What runs already is left alone. PREFECT_SERVER_DATABASE_CONNECTION_URL names a Postgres database to use.
    """
    from service.host import up
    from service.settings import read_settings

    up(read_settings(home), say)


def down(home: HomeOption = None) -> None:
    """Stop the workers and the server of this host; what a worker has begun starts again when it is up."""
    from service.host import down
    from service.settings import read_settings

    down(read_settings(home), say)
