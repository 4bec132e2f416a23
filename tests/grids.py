"""Grids that things are tested on beside the paper's."""

from varemix.signal.grid import PAPER_GRID, Grid

FINE_GRID = Grid(window_samples=4096, hop_samples=1024, log_rows=512, floor=4e-3)
"""Four times the paper's window, in which a hop lies in four frames, on twice its rows."""

SMALL_GRID = Grid(window_samples=1024, hop_samples=256, log_rows=64, floor=4e-3)
"""One whose frames reach two hops as well, with so few rows that networks on it are quick."""

GRIDS = {
    "paper": PAPER_GRID,
    "fine": FINE_GRID,
    "2048/512": Grid(window_samples=2048, hop_samples=512, log_rows=256, floor=4e-3),
    "1024/512": Grid(window_samples=1024, hop_samples=512, log_rows=256, floor=4e-3),
}
"""What holds on any grid is tested on these."""
