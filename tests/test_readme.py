"""What the README shows can be done as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import varemix.weights

SHIPPED = Path(varemix.weights.__file__).parent / "reference.safetensors"
README = Path(__file__).parent.parent / "README.md"


def test_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [program] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "checkpoint.safetensors").symlink_to(SHIPPED)
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(0).normal(0, 0.1, (44_100, 2)), 44_100)
    Image.new("RGB", (64, 64), "brown").save(tmp_path / "violin.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(program, names)
    assert np.shape(names["softer"]) == (2, 44_100)
