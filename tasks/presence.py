"""Whether what is asked for plays in a recording: as rows of `masks` know it, and in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.queries import Query
from varemix.signal.presence import Presence


def presence_of(row: Mapping[str, Any]) -> Presence:
    """Return what was measured when the masks of a row of `masks` were made."""
    shares_db = dict(zip(row["queries"], row["presences_db"], strict=True))
    own = list(row.get("group_presences_db") or ())
    num_groups = len(own) // len(row["queries"])
    of_groups = {name: own[i * num_groups : (i + 1) * num_groups] for i, name in enumerate(row["queries"]) if own}
    return Presence(shares_db=shares_db, threshold_db=row["presence_threshold_db"], group_shares_db=of_groups)


def absent(presence: Presence, queries: Sequence[Query]) -> list[Query]:
    """Return the queries whose instruments do not play."""
    return [query for query in queries if not presence.plays(query.name)]


def measured(presence: Presence, queries: Sequence[Query]) -> str:
    """Return what was measured of the queries, in words."""
    needed_db = presence.threshold_db
    return ", ".join(
        f"{query.title} (share of the sound {presence.shares_db[query.name]:.1f} dB, needs {needed_db:.1f} dB)"
        for query in queries
    )
