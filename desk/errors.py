"""What goes wrong at the desk, with the HTTP status that says so."""

from collections.abc import Mapping


class DeskError(Exception):
    """A request that cannot be served, in a sentence for a person."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def not_found(what: str) -> DeskError:
    """Return the error for something that is not there."""
    return DeskError(404, f"There is no such {what}; it may have been removed. Load the page again.")


def not_yet(what: str, *, retry_s: int = 1) -> DeskError:
    """Return the answer for something that is still being made: no error, and no reason to report one."""
    return DeskError(202, f"{what} is not ready yet; ask again.", {"Retry-After": str(retry_s)})
