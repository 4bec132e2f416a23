"""Whether Prefect can do its part, looked at before it is loaded, which takes seconds itself."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varemix.errors import ServiceError, UsageError

_TIMEOUT_S = 5.0


def check_server() -> None:
    """Raise ServiceError where Prefect's folder cannot be made, or the server that was set does not answer."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    _check_home(home)
    address = os.environ.get("PREFECT_API_URL") or _profile(home).get("PREFECT_API_URL")
    if address:
        _check_answers(str(address).rstrip("/"))


def _check_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        problem = None if os.access(home, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise ServiceError(
            f"Prefect's folder '{home}' cannot be made or written: {problem}. Set PREFECT_HOME to a folder that is "
            "yours, or unset it for ~/.prefect."
        )


def _check_answers(address: str) -> None:
    if not address.startswith(("http://", "https://")):
        raise UsageError(
            f"PREFECT_API_URL is '{address}'; give an address like http://127.0.0.1:4200/api, or unset it."
        )
    import urllib.error  # for this alone, and every command loads this module
    import urllib.request

    try:
        with urllib.request.urlopen(f"{address}/health", timeout=_TIMEOUT_S):  # noqa: S310 - http alone, see above
            return
    except urllib.error.HTTPError:
        return  # it answers; what it says of us, the client will tell
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ServiceError(
            f"The Prefect server at {address} (PREFECT_API_URL) does not answer: {reason}. Start it, for instance with "
            "`varemix up`, or unset PREFECT_API_URL to use the one that is started with each run."
        ) from error


def _profile(home: Path) -> Mapping[str, Any]:
    """Return what the active profile of Prefect sets; nothing where there is none that can be read."""
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text("utf-8"))
        name = os.environ.get("PREFECT_PROFILE") or profiles["active"]
        return dict(profiles["profiles"][name])
    except (OSError, ValueError, LookupError, TypeError):
        return {}
