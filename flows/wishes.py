"""What a person wishes on the command line, as a plan: a file or a preset, and options in its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.who_hears import parsed_separators
from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.plan_yaml import load_plan
from varemix.remix.presets import preset
from varemix.signal.smoothing_time import smoothing_of


def wished_plan(
    gains: Sequence[str],
    *,
    file: Path | None = None,
    preset_name: str | None = None,
    targets: Sequence[str] = (),
    others: Sequence[str] = (),
    smoothing_s: float | None = None,
    decay: float | None = None,
    separators: Sequence[str] = (),
    **settings: Any,
) -> RemixPlan:
    """Return the plan of a file, or of a preset for targets and others, with gains and settings in its place.

    A `decay` is how smoothing used to be given; `separators`, written as INSTRUMENT=NAME, come in the place of the
    plan's for the same instruments. Raises UsageError for what cannot be.
    """
    if file and preset_name:
        raise UsageError("A plan and a preset were given; give one of them. Presets can be copied and made one's own.")
    if not preset_name and (targets or others):
        raise UsageError("--target and --others say what a preset is for; give --preset too, or --gain.")
    base = with_pictures_beside(load_plan(file), file.parent) if file else None
    if preset_name:
        base = preset(preset_name, targets, others)
    if separators:
        settings["separator"] = (base.separator if base else {}) | parsed_separators(separators)
    return plan_of(gains, base=base, smoothing_s=_smoothing_s(smoothing_s, decay), **settings)


def _smoothing_s(smoothing_s: float | None, decay: float | None) -> float | None:
    """Return the time constant of the smoothing that is wished, None where none is."""
    if decay is None:
        return smoothing_s
    if smoothing_s is not None:
        raise UsageError("--smoothing and --decay were given, which are the same; give --smoothing alone, in seconds.")
    if not 0 <= decay < 1:
        raise UsageError(f"A decay of {decay} is out of range; give 0 to below 1, or --smoothing in seconds.")
    return smoothing_of(decay)


def with_pictures_beside(plan: RemixPlan, folder: Path) -> RemixPlan:
    """Return the plan with the pictures found from its file's folder, wherever it is used."""

    def found(values: dict[str, Any]) -> dict[str, Any]:
        given = values["gains"] or {}
        gains = {_found(target, folder): gain for target, gain in given.items()}
        if len(gains) < len(given):
            raise UsageError(f"One picture has two gains among {', '.join(given)}; give each one.")
        return values | ({"gains": gains} if gains else {})

    values = found(plan.model_dump())
    return RemixPlan.model_validate(values | {"rules": [found(rule) for rule in values["rules"]]})


def _found(target: str, folder: Path) -> str:
    """Return the path of a picture that lies beside the plan, or the target as it is."""
    place = folder / target
    try:
        return str(place.resolve()) if place.suffix and place.is_file() else target
    except OSError:  # a name that is too long; who asks for it is told
        return target
