"""Step: a model's name -> its weights on the disk, whole and as they were put there. Only where a person asks."""

import re
import tempfile
from pathlib import Path

from catalog.ids import file_digest
from tasks.shards import Outcome, is_last_try, shard_task
from varemix.errors import DownloadError, DownloadInterruptedError
from varemix.media.download import DownloadOptions
from varemix.media.web_files import fetch_file
from varemix.separators.known_weights import KNOWN_WEIGHTS

_POINTER = re.compile(r"oid sha256:([0-9a-f]{64})\s+size (\d+)")


@shard_task("fetch weights")
def fetch_weights(*, items: list[str], shard: str, home: str, model: str, folder: Path) -> list[Outcome]:
    """Fetch files of a known model into a folder; those that are there as they should be stay.

    The bytes of a file of weights are held against the size and the SHA-256 that their place tells.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for name in items:
        try:
            is_new = _fetched(model, name, folder / name)
        except DownloadInterruptedError:
            if not is_last_try():
                raise
            outcomes.append(Outcome(item=name, status="failed", reason="was interrupted again and again. Run again."))
        except DownloadError as error:
            outcomes.append(Outcome(item=name, status="failed", reason=str(error)))
        else:
            outcomes.append(Outcome(item=name, status="done" if is_new else "skipped"))
    return outcomes


def _fetched(model: str, name: str, target: Path) -> bool:
    """Fetch a file unless it is there; tell whether it was fetched."""
    known, options = KNOWN_WEIGHTS[model], DownloadOptions().or_of_environment()
    if not name.endswith(".safetensors"):
        if target.exists():
            return False
        fetch_file(known.address(name), target, options=options)
        return True
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as place:
        pointer, weights = Path(place, "pointer"), Path(place, name)
        fetch_file(known.pointer_address(name), pointer, options=options)
        told = _POINTER.search(pointer.read_text(errors="replace"))
        if told is None:
            raise DownloadError(
                f"'{known.pointer_address(name)}' does not tell the SHA-256 of '{name}'. Fetch it by hand."
            )
        if target.exists() and file_digest(target) == told[1]:
            return False
        fetch_file(known.address(name), weights, options=options)
        if file_digest(weights) != told[1]:
            raise DownloadInterruptedError(f"'{name}' has other bytes than its place tells. Run again.")
        weights.replace(target)
    return True
