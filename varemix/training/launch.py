"""Training in several processes of one machine or of many: torchrun is started, listened to, and ended with its caller.

What is to be trained travels as a JSON file, an order, which `python -m varemix.training` carries out; so does who
starts torchrun by hand:

    torchrun --nproc-per-node 8 -m varemix.training order.json

Of several machines each makes its own call of `launch`, with the same recipe and clips. The first one's folder gets the
checkpoint; the others help and get nothing.
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
from typing import Any

from varemix.errors import TrainingError, VaremixError
from varemix.media.clips import Clip
from varemix.training.loop import Progress, train
from varemix.training.nodes import Nodes
from varemix.training.pictures import Photos
from varemix.training.recipe import Recipe
from varemix.training.state import History

WHILE_HELD = "--while-held"
"""Makes a process end when its standard input does: when the caller has gone, however that came."""

_PROGRESS_MARK = "varemix-progress "
_HISTORY_FILE, _REASON_FILE = "history.json", "reason.txt"
_LAST_LINES = 15
_GRACE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """What `train` is asked for; `reports` is a folder for its outcome, if somebody wants to read it there."""

    recipe: Recipe
    train_clips: Sequence[Clip]
    val_clips: Sequence[Clip]
    folder: Path
    photos: Photos
    start: Path | None = None
    device: str = "auto"
    save_every_steps: int = 50
    most_steps: int | None = None
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
                "train_clips": [_clip(clip) for clip in values["train_clips"]],
                "val_clips": [_clip(clip) for clip in values["val_clips"]],
                "photos": {name: [Path(path) for path in paths] for name, paths in values.get("photos", {}).items()},
            }
            paths = {name: Path(values[name]) for name in ("folder", "start", "reports") if values.get(name)}
            return cls(**values | parts | paths)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TrainingError(
                f"The order to train cannot be read ({error!r}); see varemix.training.launch."
            ) from error


def launch(
    recipe: Recipe,
    train_clips: Sequence[Clip],
    val_clips: Sequence[Clip],
    folder: Path,
    *,
    num_processes: int = 1,
    nodes: Nodes | None = None,
    photos: Photos | None = None,
    start: Path | None = None,
    device: str = "auto",
    save_every_steps: int = 50,
    most_steps: int | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History | None:
    """Train as `train` does, in `num_processes` processes on each of the nodes that share every batch; one trains here.

    The processes end when this call does, however it ends. Returns None on a host that only helped. Raises
    TrainingError as `train` does, and with the last lines of a process that failed.
    """
    nodes = nodes or Nodes()
    num_all = num_processes * nodes.count
    if num_all == 1:
        return train(
            recipe,
            train_clips,
            val_clips,
            folder,
            photos=photos,
            start=start,
            device=device,
            save_every_steps=save_every_steps,
            most_steps=most_steps,
            report=report,
        )
    if num_processes < 1 or recipe.batch_size % num_all:
        raise TrainingError(
            f"{num_all} processes cannot share batches of {recipe.batch_size} mixes evenly, as recipe "
            f"'{recipe.name}' makes them. Start a number of processes that divides {recipe.batch_size}."
        )
    with tempfile.TemporaryDirectory(prefix="varemix-") as reports:
        order = Order(
            recipe=recipe,
            train_clips=train_clips,
            val_clips=val_clips,
            folder=folder.absolute(),
            photos=photos or {},
            start=start and start.absolute(),
            device=device,
            save_every_steps=save_every_steps,
            most_steps=most_steps,
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
            order.train_clips,
            order.val_clips,
            order.folder,
            photos=order.photos,
            start=order.start,
            device=order.device,
            save_every_steps=order.save_every_steps,
            most_steps=order.most_steps,
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


def _clip(values: Mapping[str, Any]) -> Clip:
    return Clip(**{**values, "wav_path": Path(values["wav_path"]), "frames_path": Path(values["frames_path"])})


def _command(order: Path, num_processes: int, nodes: Nodes, subject: str) -> list[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(num_processes)]
    endpoint = ["--nnodes", str(nodes.count), "--node-rank", str(nodes.rank)]
    endpoint += ["--rdzv-backend", "static", "--rdzv-endpoint", nodes.endpoint, "--rdzv-id", subject]
    where = ["--standalone"] if nodes.count == 1 else endpoint
    return [*torchrun, *where, "-m", "varemix.training", WHILE_HELD, str(order)]


def _subject(order: Order) -> str:
    """Return what tells trainings apart: nodes that would train different things do not meet."""
    clips = [[clip.clip_id for clip in split] for split in (order.train_clips, order.val_clips)]
    return hashlib.sha256(json.dumps([order.recipe.as_dict(), clips]).encode()).hexdigest()[:16]


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
        values = json.loads(history.read_text())
        values["validation_losses"] = [tuple(entry) for entry in values["validation_losses"]]
        return History(**values)
    if reason.exists():
        raise TrainingError(reason.read_text())
    raise TrainingError(
        f"The processes that trained ended with code {code}. Their last lines:\n" + "\n".join(last_lines)
    )
