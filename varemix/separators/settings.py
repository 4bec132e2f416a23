"""Reading what a separator's settings say, with every mistake named."""

from collections.abc import Mapping
from typing import Any

from varemix.errors import SeparatorError

_MOST_S = 30 * 24 * 3600  # what any system's clocks can wait for


def check_keys(settings: Mapping[str, Any], *, needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Raise SeparatorError for a setting that is missing, or that is none."""
    for key in needed:
        if key not in settings:
            raise SeparatorError(f"'{key}' is missing among its settings; it needs {', '.join(needed)}.")
    for key in settings:
        if key not in (*needed, *known):
            raise SeparatorError(f"'{key}' is no setting of it; known are {', '.join((*needed, *known))}.")


def text(settings: Mapping[str, Any], key: str, default: str = "") -> str:
    """Return a text among settings."""
    value = settings.get(key, default)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise SeparatorError(f"'{key}' is {value!r}; a text is expected.")
    return str(value)


def flag(settings: Mapping[str, Any], key: str, default: bool) -> bool:
    """Return a yes or no among settings."""
    value = settings.get(key, default)
    if not isinstance(value, bool):
        raise SeparatorError(f"'{key}' is {value!r}; true or false is expected.")
    return value


def seconds(settings: Mapping[str, Any], key: str, default: float) -> float:
    """Return a time above 0 among settings."""
    value = settings.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= _MOST_S:
        raise SeparatorError(f"'{key}' is {value!r}; a number of seconds above 0 is expected, of at most {_MOST_S}.")
    return float(value)
