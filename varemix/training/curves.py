"""The course of a training for people and programs: a table of its steps, a line of it, and a picture."""

import csv
from io import BytesIO
from pathlib import Path

import numpy as np

from varemix.training.run import Progress
from varemix.training.state import History

CURVES_FILE = "curves.csv"
_COLUMNS = ("step", "loss", "validation_loss")
_SMOOTHED_OVER = 1 / 50  # of a run


def write_curves(path: Path, history: History) -> None:
    """Write a row for each step: its loss, and the validation loss where there is one."""
    validation = dict(history.validation_losses)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows((step, loss, validation.get(step)) for step, loss in enumerate(history.losses, start=1))
    temporary.replace(path)


def in_words(progress: Progress) -> str:
    """Return where training stands, as one line."""
    validation = "" if progress.validation_loss is None else f", validation {progress.validation_loss:.4f}"
    return (
        f"Step {progress.step} of {progress.num_steps}: loss {progress.loss:.4f}{validation}, "
        f"rate {progress.rate:.1e}, {progress.examples_per_s:.1f} examples/s, {_duration(progress.seconds_left)} left."
    )


def in_numbers(progress: Progress) -> str:
    """Return speed, loss and learning rate, as short as they fit behind a progress bar."""
    return f"{progress.examples_per_s:.1f} examples/s  loss {progress.loss:.3f}  rate {progress.rate:.1e}"


def draw_curves(history: History) -> bytes:
    """Return the curves as a PNG picture: the loss smoothed, the validation loss and where it was best."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), dpi=110, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    width = max(1, int(len(history.losses) * _SMOOTHED_OVER))
    smoothed = np.convolve(history.losses, np.ones(width) / width, mode="valid")
    axes.plot(np.arange(len(smoothed)) + width, smoothed, label="training", color="0.65")
    if history.validation_losses:
        steps, losses = zip(*history.validation_losses, strict=True)
        best = int(np.argmin(losses))
        axes.plot(steps, losses, label="validation", color="tab:blue")
        axes.plot(steps[best], losses[best], "o", color="tab:blue", label=f"best, step {steps[best]}")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
