"""A shard as an order: what another process needs to do it lies in the home as JSON, and so does what became of it.

Parameters of runs stay small so: they name the order. The types that a step's function declares say how its arguments
are written and read. A path within the home is written relative to it, and fetched where it is read.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from catalog.errors import CatalogError
from catalog.files import Home, write_atomically
from tasks.shards import Outcome

_IN_HOME = "path in the data folder"
_NOT_SENT = ("shard", "home", "return")  # they travel as parameters


def write_order(home: Home, step: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """Write the arguments of a shard of a step; return the name of the order."""
    types = _types(step)
    sent = {name: types[name].dump_python(value) for name, value in arguments.items()}
    name = secrets.token_hex(10)
    _write(home, home.order(name), sent)
    return name


def read_order(home: Home, step: Callable[..., Any], name: str) -> dict[str, Any]:
    """Return the arguments of the shard that an order is about. Raises CatalogError where it is not there."""
    types = _types(step)
    return {key: types[key].validate_python(value) for key, value in _read(home, home.order(name)).items()}


def write_answer(home: Home, name: str, result: list[Outcome] | str) -> None:
    """Write what became of an order: an outcome for each item, or why there is none."""
    _write(home, home.answer(name), _ANSWER.dump_python(result))


def read_answer(home: Home, name: str) -> list[Outcome] | str:
    """Return what became of an order. Raises CatalogError where nothing is told."""
    return _ANSWER.validate_python(_read(home, home.answer(name)))


def forget_order(home: Home, name: str) -> None:
    """Remove an order and its answer."""
    for path in (home.order(name), home.answer(name)):
        home.remove(home.relative(path))


_ANSWER: TypeAdapter[list[Outcome] | str] = TypeAdapter(list[Outcome] | str)


@lru_cache(maxsize=32)
def _types(step: Callable[..., Any]) -> dict[str, TypeAdapter[Any]]:
    """Return how each argument of a step's function is written and read."""
    return {name: TypeAdapter(kind) for name, kind in get_type_hints(step).items() if name not in _NOT_SENT}


def _write(home: Home, path: Path, content: Any) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, Path) and value.is_relative_to(home.root):
            return {_IN_HOME: home.relative(value)}
        return str(value)  # paths and times

    write_atomically(path, json.dumps(content, default=plain).encode())
    home.keep(path)


def _read(home: Home, path: Path) -> Any:
    def found(values: dict[str, Any]) -> Any:
        return str(home.fetched(values[_IN_HOME])) if values.keys() == {_IN_HOME} else values

    try:
        return json.loads(home.fetched(home.relative(path)).read_bytes(), object_hook=found)
    except FileNotFoundError as error:
        raise CatalogError(f"The order '{path.name}' is not there any more. Run again what gave it.") from error
