"""The flow of a shard, which waits in its middle where its worker was told so."""

from flows.shard import shard
from tests.middles import wait_in_the_middle

__all__ = ["shard"]

wait_in_the_middle()
