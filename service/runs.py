"""Runs of the deployments, started by asking the server over HTTP: whoever asks needs no Prefect."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from service.settings import Settings
from varemix.errors import UsageError

_PATIENCE_S = 20.0


def start_run(settings: Settings, name: str, parameters: Mapping[str, Any]) -> str:
    """Start a run of the deployment of a flow, both of that name; return where a person can watch it.

    Raises UsageError where the server does not answer, knows no such deployment, or refuses the parameters.
    """
    deployment = _asked(settings, f"deployments/name/{name}/{name}")
    run = _asked(settings, f"deployments/{deployment['id']}/create_flow_run", {"parameters": dict(parameters)})
    return f"{settings.ui_url}/runs/flow-run/{run['id']}"


def _asked(settings: Settings, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - checked: http
        f"{settings.api_url}/{path}", data=content, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - the same
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise UsageError("The service has no such deployment. Run `varemix up`, which deploys anew.") from error
        raise UsageError(f"The service refused it: {error.read().decode(errors='replace')[:300]}.") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"There is no service at {settings.ui_url} to do it. Start it with `varemix up`, or remix the library by "
            "the command that is shown."
        ) from error
