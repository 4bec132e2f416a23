"""The parameters of flows as forms: what the Prefect UI offers to choose from, and which numbers it takes.

A deployment refuses other values; from Python they reach the flow, which tells what is wrong in its own words.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

RecipeName = Annotated[
    str, WithJsonSchema({"type": "string", "enum": ["reference", "clean", "coarse", "paper", "tiny"]})
]
Device = Annotated[str, WithJsonSchema({"type": "string", "enum": ["auto", "cpu", "cuda"]})]
Split = Annotated[str, WithJsonSchema({"type": "string", "enum": ["val", "test", "train"]})]
NumMixes = Annotated[int, Field(ge=1, le=100_000)]
NumSources = Annotated[int, Field(ge=2, le=8)]
NumImages = Annotated[int, Field(ge=1, le=100)]
NumStudied = Annotated[int, Field(ge=0, le=100_000)]
Minutes = Annotated[float | None, Field(gt=0, le=100_000)]
NumProcesses = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Limit = Annotated[int, Field(ge=1)]


def several(value: str | Sequence[str]) -> list[str]:
    """Return one or several as a list."""
    return [value] if isinstance(value, str) else list(value)


_LISTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
Sources = Annotated[
    list[str],
    BeforeValidator(several),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_LISTS, {"type": "string"}]}),  # schedules of before name one list
]
