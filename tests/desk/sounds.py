"""A desk as a page uses it: what it drops, asks for, and mixes."""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from httpx import Client, Response

from desk.recordings import FULL_SCALE
from desk.studio import Studio
from varemix.media.audio import AudioInfo, AudioWriter

_PATIENCE_S = 600


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The desk's application, and what it works with."""

    client: Client
    studio: Studio

    def drop(self, file: Path, name: str | None = None) -> dict[str, Any]:
        """Drop a recording; return what the desk says of it."""
        answer = self.client.post("/api/recordings", params={"name": name or file.name}, content=file.read_bytes())
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def hear(self, recording: str, targets: Sequence[str], separator: Mapping[str, str] | None = None) -> None:
        """Have instruments heard, and wait until they are."""
        asked = {"targets": list(targets), "separator": separator}
        answer = self.client.post(f"/api/recordings/{recording}/hear", json=asked)
        assert answer.status_code == 202, answer.text
        who = self.studio.chosen(separator).who
        queries = [self.studio.query(target, who) for target in targets]
        self.studio.hearing.ask(self.studio.shelf.recording(recording), queries, who=who).result(_PATIENCE_S)

    def waited(self, url: str, *, busy: int = 202) -> Response:
        """Return what is at a URL as soon as it is there."""
        end = time.monotonic() + _PATIENCE_S
        while (answer := self.client.get(url)).status_code == busy and time.monotonic() < end:
            time.sleep(0.05)
        assert answer.status_code == 200, answer.text
        return answer

    def signal(self, facts: Mapping[str, Any], path: str, query: str = "") -> np.ndarray:
        """Return the segments below a path, joined: samples [C, S] as the page plays them."""
        pieces = []
        for number in range(facts["num_segments"]):
            answer = self.waited(f"/api/recordings/{facts['id']}/{path}/{number}.flac{query}")
            samples, rate_hz = soundfile.read(io.BytesIO(answer.content), always_2d=True)
            assert rate_hz == facts["rate_hz"]
            pieces.append(samples.T * FULL_SCALE)
        lengths = [piece.shape[1] for piece in pieces]
        assert lengths[:-1] == [facts["segment_samples"]] * (len(pieces) - 1)
        return np.concatenate(pieces, axis=1)

    def stems(self, facts: Mapping[str, Any], targets: Sequence[str], more: str = "") -> list[np.ndarray]:
        """Return what falls to each of those on the desk; `more` is said of their company."""
        return [self.signal(facts, f"stems/{target}", f"?with={','.join(targets)}{more}") for target in targets]

    def exported(self, facts: Mapping[str, Any], wish: Mapping[str, Any]) -> bytes:
        """Return the file that is exported of a wish."""
        answer = self.client.post(f"/api/recordings/{facts['id']}/export", json=wish)
        assert answer.status_code == 202, answer.text
        return self.waited(f"/api/exports/{answer.json()['job']}").content


def write_noise(path: Path, *, rate_hz: int = 44_100, num_channels: int = 2, seconds: float = 6.3) -> Path:
    """Write a recording of noise in 32-bit floating point."""
    samples = np.random.default_rng(7).uniform(-0.4, 0.4, (num_channels, round(seconds * rate_hz)))
    info = AudioInfo(
        container="WAV", subtype="FLOAT", rate_hz=rate_hz, num_channels=num_channels, num_samples=samples.shape[1]
    )
    with AudioWriter(path, info) as writer:
        writer.write(samples)
    return path


def noise_bytes(*, seed: int, seconds: float) -> bytes:
    """Return a WAV of noise that the seed draws."""
    samples = np.random.default_rng(seed).uniform(-0.4, 0.4, round(seconds * 44_100))
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, "PCM_16", format="WAV")
    return file.getvalue()
