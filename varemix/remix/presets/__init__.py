"""Plans to start from, as files that a person can read and copy.

Each is a plan (`remix.plan_yaml`) in which `target` stands for what it is about and `others` for the rest. Its first
comment says what it is for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan
from varemix.remix.plan_yaml import load_plan

_FOLDER = Path(__file__).parent
_TARGET = "target"
_OTHERS = "others"


def presets() -> dict[str, str]:
    """Return the names of the presets, each with what it is for."""
    return {path.stem: _description(path) for path in sorted(_FOLDER.glob("*.yaml"))}


def preset_text(name: str) -> str:
    """Return the file of a preset, to be copied. Raises UsageError for an unknown name."""
    return _path(name).read_text(encoding="utf-8")


def preset(name: str, targets: Sequence[str], others: Sequence[str] = ()) -> RemixPlan:
    """Return the plan of a preset for instruments or pictures: those it is about, and the rest where it says of them.

    Raises UsageError for an unknown name, without a target, and for one that is also among the others.
    """
    plan = load_plan(_path(name))
    if not targets:
        raise UsageError(f"Preset '{name}' needs an instrument or a picture that it is for; give one, such as violin.")
    both = sorted(set(targets) & set(others))
    if both:
        raise UsageError(f"'{both[0]}' is both what preset '{name}' is for and among the others; give it once.")
    stands_for = {_TARGET: targets, _OTHERS: others}
    gains = {member: gain for part, gain in plan.gains.items() for member in stands_for[part]}
    values: dict[str, Any] = plan.model_dump() | {"gains": gains}
    return RemixPlan.model_validate(values)


def _path(name: str) -> Path:
    if name not in presets():
        raise UsageError(f"'{name}' is no preset; one of {', '.join(presets())} is expected.")
    return _FOLDER / f"{name}.yaml"


def _description(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
