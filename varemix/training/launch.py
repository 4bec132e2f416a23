"""Training in several processes of one machine or of many: torchrun is started, listened to, and ended with its caller.

What is to be trained travels as a JSON file, an order, which `python -m varemix.training` carries out; so does who
starts torchrun by hand:

    torchrun --nproc-per-node 8 -m varemix.training order.json

Of several machines each makes its own call of `launch`, with the same recipe and material. The first one's folder gets
the checkpoint; the others help and get nothing.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from varemix.errors import TrainingError, VaremixError
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.training.loop import train
from varemix.training.material import Material
from varemix.training.nodes import Nodes
from varemix.training.pace import FULL_PACE, Pace
from varemix.training.recipe import Recipe
from varemix.training.run import Progress
from varemix.training.state import History

WHILE_HELD = "--while-held"
"""Makes a process end when its standard input does: when the caller has gone, however that came."""

_PROGRESS_MARK = "varemix-progress "
_HISTORY_FILE, _REASON_FILE = "history.json", "reason.txt"
_LAST_LINES = 15
_GRACE_S = 20.0
_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What `train` is asked for; `reports` is a folder for its outcome, if somebody wants to read it there."""

    recipe: Recipe
    material: Material
    folder: Path
    start: Path | None = None
    device: str = "auto"
    pace: Pace = FULL_PACE
    reports: Path | None = None

    def as_json(self) -> str:
        """Return the order as JSON."""
        return json.dumps(asdict(self) | {"recipe": self.recipe.as_dict()}, default=str, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Return the order that `as_json` told. Raises TrainingError for other text."""
        try:
            values = json.loads(text)
            parts = {
                "recipe": Recipe.from_dict(values["recipe"]),
                "material": _material(values["material"]),
                "pace": Pace(**values["pace"]),
            }
            paths = {name: Path(values[name]) for name in ("folder", "start", "reports") if values.get(name)}
            return cls(**values | parts | paths)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TrainingError(
                f"The order to train cannot be read ({error!r}); see varemix.training.launch."
            ) from error


def launch(
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    num_processes: int = 1,
    nodes: Nodes | None = None,
    start: Path | None = None,
    device: str = "auto",
    pace: Pace = FULL_PACE,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History | None:
    """Train as `train` does, in `num_processes` processes on each of the nodes that share every batch; one trains here.

    The processes end when this call does, however it ends. Returns None on a host that only helped. Raises
    TrainingError as `train` does, and with the last lines of a process that failed.
    """
    nodes = nodes or Nodes()
    num_all = num_processes * nodes.count
    if num_all == 1:
        return train(recipe, material, folder, start=start, device=device, pace=pace, report=report)
    if num_processes < 1 or recipe.batch_size % num_all:
        raise TrainingError(
            f"{num_all} processes cannot share batches of {recipe.batch_size} mixes evenly, as recipe "
            f"'{recipe.name}' makes them. Start a number of processes that divides {recipe.batch_size}."
        )
    with tempfile.TemporaryDirectory(prefix="varemix-") as reports:
        order = Order(
            recipe=recipe,
            material=material,
            folder=folder.absolute(),
            start=start and start.absolute(),
            device=device,
            pace=pace,
            reports=Path(reports),
        )
        path = Path(reports) / "order.json"
        path.write_text(order.as_json())
        with _running(_command(path, num_processes, nodes, _subject(order)), num_processes) as process:
            last_lines = _followed(process, report)
            code = process.wait()
        return _outcome(Path(reports), code, last_lines) if nodes.is_first or code else None


def carry_out(order: Order) -> None:
    """Train in this process, which torchrun may have started; the first of them tells on standard output."""
    try:
        history = train(
            order.recipe,
            order.material,
            order.folder,
            start=order.start,
            device=order.device,
            pace=order.pace,
            report=_tell,
        )
    except VaremixError as error:
        if order.reports:
            (order.reports / _REASON_FILE).write_text(str(error))
        raise
    if order.reports and os.environ.get("RANK", "0") == "0":
        (order.reports / _HISTORY_FILE).write_text(json.dumps(asdict(history)))


def end_with_caller() -> None:
    """End this process as soon as its standard input ends."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _tell(progress: Progress) -> None:
    sys.stdout.write(_PROGRESS_MARK + json.dumps(asdict(progress)) + "\n")
    sys.stdout.flush()


def _material(values: Mapping[str, Any]) -> Material:
    return Material(
        clips={split: [_with_paths(Clip, clip) for clip in members] for split, members in values["clips"].items()},
        sounds=[_with_paths(Sound, sound) for sound in values["sounds"]],
        photos={name: [Path(path) for path in paths] for name, paths in values["photos"].items()},
        strangers=[Path(path) for path in values["strangers"]],
    )


def _with_paths(made: Callable[..., _Made], values: Mapping[str, Any]) -> _Made:
    """Return what is made of values, of which those named after paths are paths."""
    return made(**{name: Path(value) if name.endswith("path") else value for name, value in values.items()})


def _command(order: Path, num_processes: int, nodes: Nodes, subject: str) -> list[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(num_processes)]
    endpoint = ["--nnodes", str(nodes.count), "--node-rank", str(nodes.rank)]
    endpoint += ["--rdzv-backend", "static", "--rdzv-endpoint", nodes.endpoint, "--rdzv-id", subject]
    where = ["--standalone"] if nodes.count == 1 else endpoint
    return [*torchrun, *where, "-m", "varemix.training", WHILE_HELD, str(order)]


def _subject(order: Order) -> str:
    """Return what tells trainings apart: nodes that would train different things do not meet."""
    clips = [clip.clip_id for split in ("train", "val") for clip in order.material.clips[split]]
    sounds = [sound.sound_id for sound in order.material.sounds]
    return hashlib.sha256(json.dumps([order.recipe.as_dict(), clips, sounds]).encode()).hexdigest()[:16]


@contextmanager
def _running(command: Sequence[str], num_processes: int) -> Iterator[subprocess.Popen[str]]:
    """Give the started command, its errors in its output; it ends with the block."""
    threads = str(max(1, (os.cpu_count() or 1) // num_processes))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={"OMP_NUM_THREADS": threads, **os.environ},
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the command and what it started, if it has not ended: without an input they end by themselves."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()


def _followed(process: subprocess.Popen[str], report: Callable[[Progress], None]) -> list[str]:
    """Hand on the progress until the output ends; return the last of its other lines."""
    assert process.stdout is not None
    others: deque[str] = deque(maxlen=_LAST_LINES)
    for line in process.stdout:
        if line.startswith(_PROGRESS_MARK):
            report(Progress(**json.loads(line.removeprefix(_PROGRESS_MARK))))
        elif line.strip():
            others.append(line.rstrip())
    return list(others)


def _outcome(reports: Path, code: int, last_lines: Sequence[str]) -> History:
    history, reason = reports / _HISTORY_FILE, reports / _REASON_FILE
    if code == 0 and history.exists():
        return History.of(json.loads(history.read_text()))
    if reason.exists():
        raise TrainingError(reason.read_text())
    raise TrainingError(
        f"The processes that trained ended with code {code}. Their last lines:\n" + "\n".join(last_lines)
    )
