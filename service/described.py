"""Where the files lie that say what a server is to be told: in the checkout, or within an installed package."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The folder that the rooms lie in; runs of deployments begin there."""

_PACKED = Path(__file__).with_name("described")  # pyproject.toml puts them there in a wheel
_IN_WHEEL = _PACKED.is_dir()

DEPLOYMENTS = (_PACKED if _IN_WHEEL else ROOT) / "prefect.yaml"
AUTOMATIONS = (_PACKED if _IN_WHEEL else ROOT / "deploy") / "automations"
