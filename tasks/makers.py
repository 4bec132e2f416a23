"""Who makes the masks of what is asked for, and the recording as it is given to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.queries import Query, query_vectors
from tasks.who_hears import OURS_ALONE, WhoHears
from varemix.separators.installed import OURS

if TYPE_CHECKING:
    from varemix.media.audio import AudioInfo
    from varemix.model.separator import Separator
    from varemix.separators.interface import MaskMaker, Mix


def maker_of(
    network: Separator,
    queries: Sequence[Query],
    *,
    who: WhoHears = OURS_ALONE,
    checkpoint_id: str = "",
    nothing_else: bool = False,
) -> MaskMaker:
    """Return what makes the masks of all these queries: our own network of a checkpoint, and those who hear beside it.

    With `nothing_else` the queries share a recording, or what others leave of it, among themselves. Raises
    SeparatorError where one of the others is not there.
    """
    from varemix.separators.interface import Identity
    from varemix.separators.ours import OurNetwork
    from varemix.separators.together import Together

    others = who.makers()
    named = [query for query in queries if query.name not in others]
    named += [Query(name=name) for name in _parted(others) if name in network.instruments]
    own = {query.name: query for query in named}
    vectors = dict(zip(own, query_vectors(network, list(own.values())), strict=True)) if own else {}
    identity = Identity(name=OURS, version=version(OURS), digest=checkpoint_id)
    ours = OurNetwork(network, vectors, identity, nothing_else=nothing_else)
    return Together(ours, others) if others else ours


def _parted(others: Mapping[str, MaskMaker]) -> list[str]:
    """Return the instruments that others give one mask for, which our network parts."""
    makers = dict.fromkeys(others.values())
    asked = {maker: [name for name, one in others.items() if one is maker] for maker in makers}
    return [name for maker, names in asked.items() for group in maker.alike(names).values() for name in group]


def group_mixes(source: Path, info: AudioInfo, tell: Callable[[float], None] = lambda share: None) -> list[Mix]:
    """Return each group of a recording's channels as it is heard, by itself.

    Separators, which hear them one after the other, may `tell` how far they are with all of them.
    """
    from varemix.remix.heard import mid_blocks, num_heard_samples, pair_blocks
    from varemix.separators.interface import Mix, part_of

    return [
        Mix(
            num_samples=num_heard_samples(info),
            mid=partial(mid_blocks, source, group, audio_stream=info.audio_stream),
            pair=partial(pair_blocks, source, group, audio_stream=info.audio_stream),
            is_part=len(info.groups) > 1,
            tell=part_of(tell, place, len(info.groups)),
        )
        for place, group in enumerate(info.groups)
    ]
