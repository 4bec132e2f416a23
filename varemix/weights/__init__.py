"""The checkpoint that comes with the software, so that music can be remixed before anything was trained.

Belongs here: that one file, `reference.safetensors`, what is known of its mutes, and where they lie. Stays out: loading
it (`model`).
"""

from pathlib import Path

SHIPPED = "shipped"
"""The stage in tables of the model that comes with the software."""

BUILT_IN = ("built-in", SHIPPED)
"""What that model may be called instead of by its id."""

REFERENCE = Path(__file__).parent / "reference.safetensors"

MUTE_DEPTH = Path(__file__).parent / "mute_depth.json"
"""What its mutes reached on validation mixes, by how sure its masks were; `make bench-mute` makes it."""


def shipped_checkpoint() -> Path | None:
    """Return the file of the checkpoint that was shipped, None where there is none."""
    return REFERENCE if REFERENCE.is_file() else None
