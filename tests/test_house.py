"""The house: which room may use which, and what no room may hold.

Read from the source text, so that no package need be installed. Imports inside functions count as well, but for the
light modules: those only may not load heavy packages when they are imported themselves.
"""

import ast
from collections.abc import Iterator, Set
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each room, and the rooms that it may use besides itself.
HOUSE = {
    "flows": {"tasks", "varemix", "catalog", "desk", "service"},  # the command line opens the desk, starts the service
    "service": {"varemix", "catalog"},
    "tasks": {"varemix", "catalog"},
    "desk": {"tasks", "varemix", "catalog"},  # what it plays and writes is made by the steps of a night
    "varemix": set(),
    "catalog": set(),
    "demo": {"flows", "tasks", "varemix", "catalog"},
    "benchmarks": {"flows", "tasks", "varemix", "catalog", "desk"},
}
# The same inside varemix; what lies directly in varemix is the ground floor, which all may use.
LIBRARY = {
    "varemix.media": set(),
    "varemix.signal": set(),
    "varemix.model": {"varemix.media", "varemix.signal"},
    "varemix.training": {"varemix.media", "varemix.signal", "varemix.model"},
    "varemix.bundle": {"varemix.model", "varemix.training"},
    "varemix.separators": {"varemix.media", "varemix.signal", "varemix.model", "varemix.remix"},
    "varemix.remix": {"varemix.media", "varemix.signal"},
    "varemix.evaluation": {"varemix.media", "varemix.signal"},
    "varemix": set(),
}
# Modules that start light, and the packages that they, and what they import, may not load.
_ENGINES = {"torch", "prefect", "yt_dlp"}
_ARRAYS = {"numpy", "scipy", "pandas", "pyarrow", "deltalake", "matplotlib", "soundfile", "av"}
LIGHT = {
    "catalog": _ENGINES,
    "desk.server": _ENGINES | _ARRAYS,
    "desk.studio": _ENGINES | {"scipy", "matplotlib"},
    "flows.cli": _ENGINES | _ARRAYS,
    "flows.judgement": _ENGINES | _ARRAYS,
    "flows.wishes": _ENGINES | _ARRAYS,
    "flows.status": _ENGINES | {"scipy", "matplotlib"},
    "flows.check": _ENGINES | {"scipy", "matplotlib"},
    "flows.remix": {"torch", "yt_dlp", "scipy", "matplotlib"},
    "flows.nightly": {"yt_dlp", "scipy.signal", "pyloudnorm", "matplotlib"},
    "flows.one_file": {"prefect", "yt_dlp", "pandas", "deltalake", "scipy", "matplotlib"},
}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}


def broken_rules(root: Path) -> list[str]:
    """Return what is out of place in the packages under `root`, each as 'file:line: what; rule'."""
    modules = {path: _module_name(path, root) for room in HOUSE for path in sorted((root / room).rglob("*.py"))}
    trees = {path: ast.parse(path.read_bytes()) for path in modules}
    broken = [*_packages_out_of_place(root, trees), *_nameless(root)]
    for path, module in modules.items():
        place = path.relative_to(root).as_posix()
        for line, imported in _imports(trees[path]):
            rule = _forbidding_rule(module, imported)
            if rule:
                broken.append(f"{place}:{line}: imports {imported or 'by a relative name'}; {rule}")
    return broken + _heavy_imports_of_light_modules(root, {name: trees[path] for path, name in modules.items()})


def _packages_out_of_place(root: Path, trees: dict[Path, ast.Module]) -> Iterator[str]:
    for init in sorted(root.glob("*/__init__.py")):
        if init.parent.name not in {*HOUSE, "tests"}:
            yield f"{init.parent.name}/__init__.py:1: is no room of the house; add it to HOUSE with what it may use"
    for folder in sorted({path.parent for path in trees}):
        place = (folder / "__init__.py").relative_to(root).as_posix()
        tree = trees.get(folder / "__init__.py")
        if tree is None:
            yield f"{place}:1: is missing; every package has one"
        elif not ast.get_docstring(tree):
            yield f"{place}:1: has no docstring; a package says what belongs in it and what stays out"


def _nameless(root: Path) -> Iterator[str]:
    for room in (*HOUSE, "tests"):
        for path in sorted((root / room).rglob("*.py")):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            if name in NAMELESS:
                place = path.relative_to(root).as_posix()
                yield f"{place}:1: is named '{name}'; a module is named after its one subject"


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of all that is imported, anywhere; a relative name is empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from varemix import model` imports varemix.model
            names = [f"{node.module}.{alias.name}" for alias in node.names] if not node.level else [""]
            yield from ((node.lineno, name) for name in names)


def _forbidding_rule(module: str, imported: str) -> str | None:
    """Return the rule that forbids the import, or None."""
    if not imported:
        return "imports are absolute, so that they can be searched for"
    user, used = _room_of(module, HOUSE), _room_of(imported, HOUSE)
    if _room_of(imported, {"tests": set()}):
        return "nothing but the tests uses the tests"
    if used and used != user and used not in HOUSE[user]:
        return f"{user} may use {_listed(HOUSE[user])}: imports run one way"
    user, used = _room_of(module, LIBRARY), _room_of(imported, LIBRARY)
    if user and used not in {None, user, "varemix", *LIBRARY[user]}:
        return f"{user} may use {_listed(LIBRARY[user])}: imports run one way inside varemix"
    return None


def _room_of(name: str, rooms: dict[str, set[str]]) -> str | None:
    """Return the innermost of the rooms that holds the module."""
    return max((room for room in rooms if f"{name}.".startswith(f"{room}.")), key=len, default=None)


def _listed(rooms: set[str]) -> str:
    return f"only {', '.join(sorted(rooms))}" if rooms else "no other room"


def _heavy_imports_of_light_modules(root: Path, trees: dict[str, ast.Module]) -> list[str]:
    """Return the light modules that load a heavy package when imported, with the way it comes in."""
    broken = []
    for module in trees:
        heavy = [packages for light, packages in LIGHT.items() if f"{module}.".startswith(f"{light}.")]
        for way in _ways_to_heavy([module], trees, frozenset().union(*heavy), seen=set()):
            place = _place(root, way[0])
            broken.append(f"{place}:1: loads {' -> '.join(way)}; {module} starts light: import it inside a function")
    return broken


def _ways_to_heavy(
    way: list[str], trees: dict[str, ast.Module], heavy: Set[str], seen: set[str]
) -> Iterator[list[str]]:
    """Yield the chains of imports, run at import, from the module at the end of `way` to a heavy package."""
    for imported in _imported_at_once(trees[way[-1]].body):
        parents = [imported.rsplit(".", up)[0] for up in range(imported.count(".") + 1)]
        yield from ([*way, name] for name in parents if name in heavy)
        for name in parents:
            if name in trees and name not in seen:
                seen.add(name)
                yield from _ways_to_heavy([*way, name], trees, heavy, seen)


def _imported_at_once(statements: list[ast.stmt]) -> Iterator[str]:
    """Yield what statements import as they run: not in functions, not for type checkers only."""
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (name for _, name in _imports(node))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imported_at_once(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in ("body", "orelse", "finalbody", "handlers"):
                yield from _imported_at_once(getattr(node, part, []))


def _place(root: Path, module: str) -> str:
    path = Path(*module.split("."))
    return (path / "__init__.py" if (root / path).is_dir() else path.with_suffix(".py")).as_posix()


def test_every_module_keeps_the_rules_of_the_house() -> None:
    assert (ROOT / "varemix" / "__init__.py").exists()
    broken = broken_rules(ROOT)
    assert not broken, "The house is out of order:\n" + "\n".join(broken)


# The rules themselves, on a house that is put up for the purpose


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for package in ("flows", "tasks", "catalog", *LIBRARY):
        folder = tmp_path.joinpath(*package.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text('"""A room."""\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "flows" / "cli.py").write_text("import json\n")
    (tmp_path / "varemix" / "errors.py").write_text("")
    return tmp_path


def with_module(house: Path, place: str, text: str) -> list[str]:
    (house / place).write_text(text)
    return broken_rules(house)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (
            "flows/night.py",
            "import prefect\nfrom tasks import shards\nfrom varemix.model import sound\nimport catalog.files",
        ),
        ("flows/cli.py", "def main():\n    import prefect\n    from flows import night\n"),
        ("flows/cli.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"),
        ("tasks/train.py", "from catalog.store import Catalog\nfrom varemix.training.loop import train\n"),
        (
            "varemix/model/sound.py",
            "import torch\nfrom varemix.media import audio\nfrom varemix.errors import UsageError\n",
        ),
        ("varemix/training/loop.py", "from varemix.model.sound import ResidualUNet\n"),
        ("varemix/remix/mixer.py", "from varemix.signal import masks\nfrom varemix.media.audio import mono\n"),
        ("catalog/store.py", "import numpy\nfrom catalog.files import Home\n"),
        ("catalog/store.py", "import torchlight\nfrom varemixer import x\n"),
        ("flows/one_file.py", "import numpy\nimport torch\nimport pyarrow\n"),
    ],
)
def test_what_the_rules_allow_passes(house: Path, place: str, text: str) -> None:
    assert with_module(house, place, text) == []


@pytest.mark.parametrize(
    ("place", "text", "rule"),
    [
        ("tasks/a.py", "import flows.night", "tasks may use only catalog, varemix"),
        ("catalog/a.py", "from varemix.errors import VaremixError", "catalog may use no other room"),
        ("varemix/a.py", "\ndef f():\n    from catalog import ids", "varemix may use no other room"),
        ("varemix/media/a.py", "import varemix.signal.masks", "varemix.media may use no other room"),
        ("varemix/signal/a.py", "from varemix.media import audio", "varemix.signal may use no other room"),
        (
            "varemix/model/a.py",
            "from varemix import training",
            "varemix.model may use only varemix.media, varemix.signal",
        ),
        ("varemix/remix/a.py", "from varemix.model.sound import X", "varemix.remix may use"),
        ("varemix/evaluation/a.py", "import varemix.training.loop", "varemix.evaluation may use"),
        ("varemix/remix/a.py", "from varemix.evaluation import bss", "varemix.remix may use"),
        ("varemix/a.py", "from varemix.media import audio", "varemix may use no other room"),
        ("varemix/media/a.py", "from . import audio", "imports are absolute"),
        ("flows/a.py", "import demo.run", "flows may use"),
        ("tasks/a.py", "from benchmarks.rounds import say", "tasks may use"),
        ("tasks/a.py", "from tests.solos import Solos", "nothing but the tests uses the tests"),
        ("tasks/utils.py", "", "a module is named after its one subject"),
        ("tests/helpers.py", "", "a module is named after its one subject"),
        ("catalog/a.py", "import torch", "starts light"),
        ("catalog/a.py", "try:\n    import yt_dlp.utils\nexcept ImportError:\n    pass", "starts light"),
        ("flows/cli.py", "class A:\n    from prefect import flow", "starts light"),
        ("flows/judgement.py", "import numpy as np", "starts light"),
        ("flows/one_file.py", "from pandas import DataFrame", "starts light"),
    ],
)
def test_what_the_rules_forbid_is_named_with_file_and_rule(house: Path, place: str, text: str, rule: str) -> None:
    found = with_module(house, place, text)
    assert len(found) == 1
    assert found[0].startswith(f"{place}:")
    assert rule in found[0]


def test_a_heavy_package_that_comes_in_by_another_room_is_found_with_its_way(house: Path) -> None:
    (house / "varemix" / "model" / "__init__.py").write_text('"""A room."""\nimport torch\n')
    (house / "varemix" / "model" / "sound.py").write_text("")
    found = with_module(house, "flows/cli.py", "from varemix.model.sound import ResidualUNet\n")
    assert len(found) == 1
    assert found[0].startswith("flows/cli.py:1: loads flows.cli -> varemix.model -> torch;")


def test_a_package_without_its_docstring_or_its_init_is_named(house: Path) -> None:
    (house / "tasks" / "__init__.py").write_text("import os\n")
    (house / "varemix" / "media" / "__init__.py").unlink()
    (house / "varemix" / "media" / "audio.py").write_text("")
    first, second = broken_rules(house)
    assert first.startswith("tasks/__init__.py:1: has no docstring")
    assert second.startswith("varemix/media/__init__.py:1: is missing")


def test_a_room_that_nobody_knows_is_named(house: Path) -> None:
    (house / "cellar").mkdir()
    found = with_module(house, "cellar/__init__.py", '"""Dark."""\n')
    assert found == ["cellar/__init__.py:1: is no room of the house; add it to HOUSE with what it may use"]
