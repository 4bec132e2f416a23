"""The course of a training, as a table, a line and a picture."""

import csv
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from varemix.training.curves import draw_curves, in_words, write_curves
from varemix.training.loop import Progress
from varemix.training.state import History

HISTORY = History(losses=[3.0, 2.0, 1.5, 1.25], validation_losses=[(2, 2.5), (4, 1.75)], seconds=9.0)


def progress(**changes: float | None) -> Progress:
    values = {"step": 5, "num_steps": 20, "loss": 0.5, "validation_loss": None, "rate": 1e-3, "examples_per_s": 12.34}
    return Progress(**{**values, "seconds_left": 75.0, **changes})


def test_the_table_has_every_step_and_the_validation_where_there_was_one(tmp_path: Path) -> None:
    write_curves(tmp_path / "curves.csv", HISTORY)
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["step"]), float(row["loss"])) for row in rows] == list(enumerate(HISTORY.losses, start=1))
    assert [row["validation_loss"] for row in rows] == ["", "2.5", "", "1.75"]
    assert [path.name for path in tmp_path.iterdir()] == ["curves.csv"]


@pytest.mark.parametrize(("seconds", "left"), [(75, "1 min 15 s"), (9, "0 min 09 s"), (7_325.4, "2 h 02 min")])
def test_a_line_says_where_training_stands(seconds: float, left: str) -> None:
    line = in_words(progress(seconds_left=seconds))
    assert line == f"Step 5 of 20: loss 0.5000, rate 1.0e-03, 12.3 examples/s, {left} left."
    assert "loss 0.5000, validation 0.2500, rate" in in_words(progress(validation_loss=0.25))


@pytest.mark.parametrize("history", [HISTORY, History(losses=[1.0])], ids=["several", "a single step"])
def test_the_picture_shows_something(history: History) -> None:
    picture = Image.open(BytesIO(draw_curves(history)))
    assert picture.format == "PNG"
    assert len(np.unique(np.asarray(picture.convert("L")))) > 20
