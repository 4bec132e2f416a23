"""A picture of what a remix changed: the spectrograms before and after, and by how many dB each bin differs.

Belongs here: from samples to JPEG. Stays out: which part of which recording is shown (`tasks.spectrogram`).
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from varemix.evaluation.drawing import INK, USUAL, canvas, name_axes, png
from varemix.signal.spectrogram import HOP_SAMPLES, RATE_HZ

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUM_ROWS = 256
_FLOOR_DB, _MOST_CHANGE_DB = -70.0, 24.0
_TICKS_HZ = (100, 300, 1_000, 3_000, 10_000)


def remix_figure(before: NDArray[np.float32], after: NDArray[np.float32], *, title: str, start_s: float = 0.0) -> bytes:
    """Return as a JPEG picture what differs between two mono recordings [S] of one length at 44.1 kHz.

    `start_s` says where in the recording they begin. What is silent in both is shown as unchanged.
    """
    levels_db = [_level_db(samples) for samples in (before, after)]
    top_db = max(float(level_db.max()) for level_db in levels_db)
    change_db = np.maximum(levels_db[1], top_db + _FLOOR_DB) - np.maximum(levels_db[0], top_db + _FLOOR_DB)
    figure, panels = canvas(title, width_in=12, height_in=3.6, panels=(1, 1, 1.12), is_shared=True)
    end_s = start_s + levels_db[0].shape[1] * HOP_SAMPLES / RATE_HZ
    for axes, level_db, name in zip(panels, levels_db, ("before", "after"), strict=False):
        _draw(axes, level_db - top_db, name, (start_s, end_s), cmap="magma", vmin=_FLOOR_DB, vmax=0)
    ends = {"vmin": -_MOST_CHANGE_DB, "vmax": _MOST_CHANGE_DB}
    image = _draw(panels[2], change_db, "change [dB]", (start_s, end_s), cmap="RdBu_r", **ends)
    figure.colorbar(image, ax=panels[2], ticks=[-24, -12, 0, 12, 24])
    return _small(png(figure))


def _draw(axes: "Axes", values: NDArray[np.float32], name: str, span_s: tuple[float, float], **style: Any) -> Any:
    axes.set_title(name, fontsize=USUAL, color=INK, loc="left")
    name_axes(axes, x="time [s]")
    axes.grid(visible=False)
    rows = [_row_of(frequency_hz) for frequency_hz in _TICKS_HZ]
    axes.set_yticks(rows, [f"{hz // 1000} kHz" if hz >= 1_000 else f"{hz} Hz" for hz in _TICKS_HZ])
    return axes.imshow(values, origin="lower", aspect="auto", extent=(*span_s, 0, _NUM_ROWS), **style)


def _small(picture: bytes) -> bytes:
    """Return a picture as JPEG, which takes a sixth of the room: it is kept in a database every night."""
    from PIL import Image

    smaller = BytesIO()
    Image.open(BytesIO(picture)).convert("RGB").save(smaller, "JPEG", quality=85)
    return smaller.getvalue()


def _level_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level [L, T] of log-frequency rows over time, in dB."""
    import torch

    from varemix.signal.frequency_grid import to_log_rows
    from varemix.signal.spectrogram import stft

    magnitude = to_log_rows(stft(torch.from_numpy(np.ascontiguousarray(samples, np.float32))).abs(), _NUM_ROWS).numpy()
    level_db: NDArray[np.float32] = 20 * np.log10(magnitude + 1e-9)
    return level_db


def _row_of(frequency_hz: float) -> float:
    """Return the row that a frequency lies on; see `varemix.signal.frequency_grid`."""
    return float(np.log(40 * frequency_hz / RATE_HZ + 1) / np.log(21) * (_NUM_ROWS - 1))
