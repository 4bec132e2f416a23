"""What makes the demo and the page to listen to: where something is missing, it says so and leaves all as it was."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_without_the_program_that_plays_notes_it_says_so_and_leaves_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page" / "index.html"
    page.parent.mkdir()
    page.write_text("made before")
    command = [sys.executable, "-m", "demo.listening", str(page.parent)]
    nothing = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=nothing, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "fluidsynth" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert page.read_text() == "made before"


def test_without_the_package_that_paints_drawings_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "cairosvg.py").write_text("raise ImportError")
    cards = tmp_path / "cards"
    cards.mkdir()
    command = [sys.executable, "-m", "demo.cards", str(cards)]
    lacking = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=lacking, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "cairosvg" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(cards.iterdir())
