"""Begins a training on a bare host: `python -m varemix_bundle train` in the folder of a bundle.

Only Python, PyTorch and NumPy have to be there; this file needs Python alone, and unpacks what else is needed.
"""

import argparse
import importlib.util
import sys
import zipfile
from pathlib import Path

from varemix_bundle import parcels  # type: ignore[import-not-found]  # beside this file in a bundle

_WANTED = ("torch", "numpy")


def main() -> None:
    """Read the command line, look whether everything is there, and train."""
    parser = argparse.ArgumentParser(prog="python -m varemix_bundle", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, and write what comes of it to the folder 'result'")
    train.add_argument("--minutes", type=float, help="train so long, and end with a finished network")
    train.add_argument("--steps", type=int, help="make so many steps of the whole; a later call goes on")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda")
    train.add_argument("--state", choices=("whole", "half"), default="whole", help="half: smaller, for slow links")
    train.add_argument("--batch-size", type=int, help="instead of the recipe's")
    options = parser.parse_args()
    folder = Path.cwd()
    missing = [f"Python package '{name}'" for name in _WANTED if importlib.util.find_spec(name) is None]
    missing += parcels.lacking(folder)
    if missing:
        told = "\n".join(f"  {name}" for name in missing[:20])
        sys.exit(
            f"This bundle cannot train yet; {len(missing)} things are missing:\n{told}\nSend or install them again."
        )
    unpack(folder)
    from varemix.bundle import host
    from varemix.errors import VaremixError

    try:
        host.train(folder, options)
    except VaremixError as error:
        sys.exit(str(error))


def unpack(folder: Path) -> None:
    """Make the code and the packages of the bundle importable, those that are installed here first."""
    packages = folder / "work" / "packages"
    for name in parcels.names(folder):
        if name.startswith("wheels/"):
            with zipfile.ZipFile(folder / name) as wheel:
                wheel.extractall(packages)
    sys.path += [str(packages)]
    sys.path.insert(0, str(folder / "code.zip"))


if __name__ == "__main__":
    main()
