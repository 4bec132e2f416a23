"""The machines that train one separator together, as torchrun calls them: nodes."""

import re
from dataclasses import dataclass

from varemix.errors import TrainingError

_ENDPOINT = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """The machines that train together; this one is number `rank` of `count`, from 0 on, and all meet at the first one.

    `endpoint` is HOST:PORT, a free port of the first machine that all can reach.
    """

    count: int = 1
    rank: int = 0
    endpoint: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise TrainingError(
                f"This is node {self.rank} of {self.count}; nodes are numbered from 0 to {self.count - 1}."
            )
        if self.count > 1 and not _ENDPOINT.fullmatch(self.endpoint):
            raise TrainingError(
                f"The nodes cannot meet at '{self.endpoint}'; give HOST:PORT, a free port of node 0 that all can reach."
            )

    @property
    def is_first(self) -> bool:
        """Whether this machine gets the checkpoint."""
        return self.rank == 0
