"""The terminal of this process: what is shown there at the same time, spinner and bars, goes through one console."""

from rich.console import Console

CONSOLE = Console(stderr=True)
"""Standard error, which is for people; results go to standard output."""
