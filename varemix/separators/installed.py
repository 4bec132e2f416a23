"""Which separators this host has: those of its own settings, and those of installed packages. Nothing heavy is loaded.

The settings are a YAML file of the host's, at $VAREMIX_SEPARATORS or ~/.config/varemix/separators.yaml: by name, the
`kind` of a separator and what it needs, such as its weights or its command line. A plan, a rule or the desk only names
one. Kinds are `demucs` and `command`, and what packages bring by the entry point `varemix.separators`: something that,
called with the settings of one, returns it. One that needs no settings is there by the name of its kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from varemix.errors import SeparatorError, UsageError

if TYPE_CHECKING:
    from varemix.separators.interface import MaskMaker

VARIABLE = "VAREMIX_SEPARATORS"
GROUP = "varemix.separators"
OURS = "varemix"
"""What a plan calls our own network."""

_OWN = {"demucs": "varemix.separators.demucs:Demucs", "command": "varemix.separators.command:Command"}
_MOST_BYTES = 100_000
_OPENING = Lock()  # several shards begin at once: one of them loads, for all


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A separator of this host: what plans call it, its kind, its settings, and where they stand."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def settings_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where this host's settings of separators are, or would be."""
    if named := environment.get(VARIABLE):
        return Path(named).expanduser()
    folder = environment.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path("~/.config").expanduser()) / "varemix" / "separators.yaml"


def installed_separators() -> dict[str, Installed]:
    """Return the separators of this host by name. Raises SeparatorError for settings that cannot be."""
    path = settings_file()
    by_package = {
        point.name: Installed(name=point.name, kind=point.name, source=_package(point)) for point in _entry_points()
    }
    return by_package | {name: _checked(name, values, path) for name, values in _read_settings(path).items()}


def separator(name: str) -> MaskMaker:
    """Return a separator of this host, set up once a process.

    Raises UsageError where there is none of that name, and SeparatorError where it cannot be set up.
    """
    known = installed_separators()
    if name not in known:
        there = ", ".join(known) or "none"
        raise UsageError(
            f"There is no separator '{name[:200]}' on this host; there is {there}. Name one of them, or set it up in "
            f"'{settings_file()}' (docs/separators.md)."
        )
    one = known[name]
    with _OPENING:
        return _set_up(one.name, one.kind, repr(sorted(one.settings.items(), key=repr)), _Held(one))


def described_separators() -> list[dict[str, Any]]:
    """Return what is known of each separator after it is set up; of one that cannot be set up the reason.

    No weights are loaded. Raises SeparatorError for settings that cannot be.
    """
    found: list[dict[str, Any]] = []
    for name, one in installed_separators().items():
        facts = {"name": name, "kind": one.kind, "weights": one.settings.get("weights"), "from": one.source}
        try:
            made = separator(name)
            own = made.identity
            facts |= {"hears": list(made.instruments), "program": own.name, "version": own.version, "reason": None}
            facts["digest"] = own.digest
        except SeparatorError as error:
            facts |= {"hears": [], "program": None, "version": None, "digest": None, "reason": str(error)}
        found.append(facts)
    return found


@dataclass(frozen=True)
class _Held:
    """Settings beside a key; equal to all others, so that a cache goes by the key."""

    one: Installed = field(compare=False, hash=False)


@lru_cache(maxsize=8)
def _set_up(name: str, kind: str, key: str, held: _Held) -> MaskMaker:
    try:
        made: MaskMaker = _factory(kind)(held.one.settings)
    except ImportError as error:
        raise SeparatorError(
            f"The separator '{name}' needs what is not installed: {error}. Install its package"
            f"{_extra(kind)}, or name another."
        ) from error
    except (SeparatorError, UsageError) as error:
        raise SeparatorError(f"The separator '{name}' cannot be set up: {error}") from error
    except Exception as error:  # a package of others may break in any way
        raise SeparatorError(
            f"The separator '{name}' cannot be set up ({type(error).__name__}: {error}). Correct its settings or its "
            "package, or name another."
        ) from error
    return made


def _extra(kind: str) -> str:
    return " with `pip install 'varemix[demucs]'`" if kind == "demucs" else ""


def _factory(kind: str) -> Callable[[Mapping[str, Any]], MaskMaker]:
    if kind in _OWN:
        module, _, name = _OWN[kind].partition(":")
        found: Callable[[Mapping[str, Any]], MaskMaker] = getattr(import_module(module), name)
        return found
    points = {point.name: point for point in _entry_points()}
    if kind not in points:
        raise SeparatorError(f"there is no kind '{kind}'; it is one of {', '.join([*_OWN, *points])}.")
    loaded: Callable[[Mapping[str, Any]], MaskMaker] = points[kind].load()
    return loaded


def _entry_points() -> list[EntryPoint]:
    """Return what packages bring; our own kinds cannot be replaced."""
    return [point for point in entry_points(group=GROUP) if point.name not in (*_OWN, OURS)]


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name} {point.dist.version}" if point.dist else "a package"


def _read_settings(path: Path) -> dict[str, Any]:
    import yaml

    if not path.exists():
        if os.environ.get(VARIABLE):
            raise SeparatorError(f"${VARIABLE} names '{path}', which is not there. Correct or unset it.")
        return {}
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        values = yaml.safe_load(content.decode()) if len(content) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no text, or a 31st of June
        raise SeparatorError(f"The settings '{path}' cannot be read: {error}. Mend the file.") from error
    if values is None and not content.strip():
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise SeparatorError(f"The settings '{path}' are no list of separators by name. See docs/separators.md.")
    return values


def _checked(name: str, values: Any, path: Path) -> Installed:
    if name == OURS:
        raise SeparatorError(f"In '{path}' a separator is called '{OURS}', as our own network is. Call it otherwise.")
    if not isinstance(values, dict) or not isinstance(values.get("kind", name), str):
        raise SeparatorError(f"In '{path}' '{name}' has no settings; write at least `kind: demucs` or `kind: command`.")
    settings = {key: value for key, value in values.items() if key != "kind"}
    return Installed(name=name, kind=values.get("kind", name), settings=settings, source=str(path))
