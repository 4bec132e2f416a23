"""Whom alerts reach: a block of Prefect that knows the address, and an automation that uses it.

The automations are files, `deploy/automations/alerts/*.yaml`, for those who would rather create them by hand.
"""

from typing import Any
from urllib.parse import urlsplit

import yaml
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL
from prefect.types import SecretDict
from pydantic import SecretStr

from service.described import AUTOMATIONS
from varemix.errors import UsageError

TEMPLATES = AUTOMATIONS / "alerts"
_BLOCK_ID = "BLOCK_ID"
_JSON = {"Content-Type": "application/json"}
_WEB, _MAIL = ("http", "https"), ("mailto", "mailtos")
_BLOCK = "varemix-alerts"


def alert_to(address: str) -> list[str]:
    """Let alerts reach an address, and return what the automations are called; those of that name are replaced.

    A web address is called with JSON; any other is one that Apprise knows, such as mailto: ones. It is kept in a block
    of Prefect, which shows it to nobody. Raises UsageError for what is no address, and without a server.
    """
    scheme = urlsplit(address).scheme
    if scheme not in {*_WEB, *_MAIL}:
        raise UsageError(f"'{scheme}:' begins the address; expected https:, http:, mailtos: or mailto:.")
    if not PREFECT_API_URL.value():
        raise UsageError("Alerts come from a Prefect server, and none is set. Start one, and set PREFECT_API_URL.")
    if scheme in _WEB:
        block = Webhook(url=SecretStr(address), method="POST", headers=SecretDict(_JSON))
        return _created("webhook", str(block.save(_BLOCK, overwrite=True)))
    return _created("mail", str(SlackWebhook(url=SecretStr(address)).save(_BLOCK, overwrite=True)))


def automations_of(kind: str, block_id: str) -> list[dict[str, Any]]:
    """Return the automations of a template, `webhook` or `mail`, that use a block."""
    template = TEMPLATES / f"{kind}.yaml"
    if not template.is_file():
        raise UsageError(f"There is no '{template}': it comes with the sources of varemix, not with the package.")
    found: list[dict[str, Any]] = yaml.safe_load(template.read_text().replace(_BLOCK_ID, block_id))["automations"]
    return found


def _created(kind: str, block_id: str) -> list[str]:
    names = []
    with get_client(sync_client=True) as client:
        for written in automations_of(kind, block_id):
            automation = AutomationCore.model_validate(written)
            for old in client.read_automations_by_name(automation.name):
                client.delete_automation(old.id)
            client.create_automation(automation)
            names.append(automation.name)
    return names
