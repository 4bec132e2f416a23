"""What is installed, found and reachable, and how to mend what is not."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from catalog.errors import CatalogError
from catalog.files import Home
from tasks.runners import ADDRESS_VARIABLE, DASK, RUNNER_VARIABLE, chosen_runner
from varemix.errors import CheckpointError, MediaError, UsageError
from varemix.media.programs import find_ffmpeg, run_program
from varemix.weights import shipped_checkpoint

_PYTHONS = ((3, 11), (3, 13))
_PACKAGES = {"prefect": "3.8.8", "fastapi": "", "torch": "2.11", "torchvision": "0.26", "deltalake": "", "yt-dlp": ""}
_REINSTALL = "Run `make install` in the project's folder."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: whether it will do, what was found, and how to mend it where it will not."""

    what: str
    is_well: bool
    found: str
    remedy: str = ""


def looks(home: str | None = None) -> list[tuple[str, Callable[[], list[Finding]]]]:
    """Return what is looked at, everything that varemix leans on, and how, the quick ones first."""
    return [
        ("the installed packages", lambda: [_python(), *map(_package, _PACKAGES)]),
        ("the data folder", lambda: [_home(home)]),
        ("the built-in model", lambda: [_checkpoint()]),
        ("the Prefect server", lambda: [_prefect()]),
        ("the runner of shards", lambda: [_runner()]),
        ("ffmpeg", lambda: [_ffmpeg()]),
        ("torch at work", lambda: [_torch()]),
    ]


def in_words(finding: Finding) -> list[str]:
    """Return a finding for people, and, where something will not do, how to mend it."""
    line = f"{'well' if finding.is_well else 'BAD '}  {finding.what}: {finding.found}"
    return [line] if finding.is_well else [line, f"      {finding.remedy}"]


def as_dicts(findings: list[Finding]) -> list[dict[str, object]]:
    """Return the findings for programs."""
    return [asdict(finding) for finding in findings]


def _python() -> Finding:
    found = sys.version_info[:2]
    lowest, highest = (".".join(map(str, edge)) for edge in _PYTHONS)
    return Finding(
        what="Python",
        is_well=_PYTHONS[0] <= found <= _PYTHONS[1],
        found=".".join(map(str, sys.version_info[:3])),
        remedy=f"Install Python {lowest} to {highest} and run `make install PYTHON=python{highest}`.",
    )


def _package(name: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(what=name, is_well=False, found="not installed", remedy=_REINSTALL)
    least = _PACKAGES[name]
    is_well = not least or _numbers(found) >= _numbers(least)
    return Finding(what=name, is_well=is_well, found=found, remedy=f"At least {least} is needed. {_REINSTALL}")


def _torch() -> Finding:
    try:
        import torch

        # A mismatched pair fails here. All of torchvision would take longer than everything else that is looked at.
        for folder in _folders("torchvision"):
            for operators in folder.glob("_C*.so"):
                torch.ops.load_library(operators)
    except (ImportError, RuntimeError, OSError) as error:
        return Finding(what="torch at work", is_well=False, found=str(error).splitlines()[0], remedy=_REINSTALL)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU; the CPU serves"
    return Finding(what="torch at work", is_well=True, found=f"{torch.get_num_threads()} threads, {gpu}")


def _ffmpeg() -> Finding:
    try:
        path = find_ffmpeg()
        first_line = run_program([path, "-version"], timeout_s=20).decode(errors="replace").splitlines()[0]
    except MediaError as error:
        return Finding(what="ffmpeg", is_well=False, found="none that works", remedy=str(error))
    return Finding(what="ffmpeg", is_well=True, found=f"{path} ({' '.join(first_line.split()[:3])})")


def _home(home: str | None) -> Finding:
    try:
        place = Home.open(home)
        mirrored = f"{place.address}, where two writers lose nothing; mirrored in {place.root}"
        return Finding(what="data folder", is_well=True, found=mirrored if place.bucket else place.address)
    except CatalogError as error:
        return Finding(what="data folder", is_well=False, found="not usable", remedy=str(error))


def _checkpoint() -> Finding:
    what = "built-in model"
    path = shipped_checkpoint()
    if path is None:
        return Finding(what=what, is_well=True, found="none; `varemix nightly` trains one")
    try:
        from varemix.model.header import read_header

        num_instruments = len(read_header(path)["instruments"])
    except (CheckpointError, ImportError, RuntimeError, OSError) as error:
        return Finding(what=what, is_well=False, found=str(error).splitlines()[0], remedy=_REINSTALL)
    return Finding(what=what, is_well=True, found=f"{path}, which knows {num_instruments} instruments by name")


def _prefect() -> Finding:
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return Finding(what="Prefect server", is_well=True, found="embedded, started with each run")
    import httpx

    try:
        httpx.get(f"{address}/health", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        remedy = "Start it with `prefect server start`, or unset PREFECT_API_URL to use the embedded one."
        return Finding(what="Prefect server", is_well=False, found=f"{address}: {error}", remedy=remedy)
    return Finding(what="Prefect server", is_well=True, found=address)


def _runner() -> Finding:
    what = "runner of shards"
    try:
        chosen = chosen_runner()
    except UsageError as error:
        return Finding(what=what, is_well=False, found=os.environ[RUNNER_VARIABLE], remedy=str(error))
    address = os.environ.get(ADDRESS_VARIABLE)
    where = f", the cluster at {address}" if address and chosen == DASK else ""
    return Finding(what=what, is_well=True, found=chosen + where)


def _folders(package: str) -> list[Path]:
    """Return where a package lies, without loading it."""
    spec = find_spec(package)
    return [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or []]


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.partition("+")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
