"""Weights of Demucs that can be fetched: where its makers put them, what they hear, under which licence.

Nothing is fetched here. The files are those that the package itself would take by these names.
"""

from dataclasses import dataclass

_SITE = "https://huggingface.co/adefossez"
LICENCE = "MIT, as the package says; learnt from MUSDB-HQ and 800 further songs of its makers"


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """A model by the name that the package has for it: its place, the signatures of its files, what it hears."""

    name: str
    repository: str
    signatures: tuple[str, ...]
    hears: str

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files, the one that a person names in the settings first."""
        return (f"{self.name}.yaml", *(f"{signature}.safetensors" for signature in self.signatures))

    def address(self, file: str) -> str:
        """Return where a file lies."""
        return f"{_SITE}/{self.repository}/resolve/main/{file}"

    def pointer_address(self, file: str) -> str:
        """Return where it is told which bytes a file of weights has: its size and its SHA-256."""
        return f"{_SITE}/{self.repository}/raw/main/{file}"


KNOWN_WEIGHTS = {
    one.name: one
    for one in (
        KnownWeights(
            name="htdemucs", repository="HTDemucs", signatures=("955717e8",), hears="voice, drums, bass, double_bass"
        ),
        KnownWeights(
            name="htdemucs_ft",
            repository="HTDemucs-ft",
            signatures=("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
            hears="the same, better, in four times the time",
        ),
        KnownWeights(
            name="htdemucs_6s",
            repository="HTDemucs-6s",
            signatures=("5c90dfd2",),
            hears="piano and guitars too, which its users find poor",
        ),
    )
}
