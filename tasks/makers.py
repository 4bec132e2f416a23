"""Who makes the masks of what is asked for, and the recording as it is given to them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.queries import Query, query_vectors
from varemix.media.audio import probe_audio

if TYPE_CHECKING:
    from varemix.model.separator import Separator
    from varemix.separators.interface import MaskMaker, Mix

_OURS = "varemix"


def maker_of(
    network: Separator, queries: Sequence[Query], *, checkpoint_id: str = "", nothing_else: bool = False
) -> MaskMaker:
    """Return what makes the masks of all these queries: our own network of a checkpoint.

    With `nothing_else` the queries share a recording among themselves.
    """
    from varemix.separators.interface import Identity
    from varemix.separators.ours import OurNetwork

    vectors = dict(zip((query.name for query in queries), query_vectors(network, queries), strict=True))
    identity = Identity(name=_OURS, version=version(_OURS), digest=checkpoint_id)
    return OurNetwork(network, vectors, identity, nothing_else=nothing_else)


def recording_mix(source: Path) -> Mix:
    """Return a recording as it is heard. Raises MediaError when it cannot be read."""
    from varemix.remix.render import front_blocks, heard_blocks, num_heard_samples
    from varemix.separators.interface import Mix

    return Mix(
        num_samples=num_heard_samples(probe_audio(source)),
        mid=lambda: heard_blocks(source),
        pair=lambda: front_blocks(source),
    )
