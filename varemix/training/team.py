"""Several processes that train one separator together, as torchrun starts them; alone, nothing is any different.

Each process learns from its part of every batch. Gradients, the statistics of batch normalisation, and losses are
those of the whole batch, so the losses are the same however many processes share it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from varemix.errors import TrainingError

_PATIENCE = timedelta(hours=12)  # the first process may look at pictures for long; one that fails ends all the others


class Team:
    """The processes of this run; `rank` is this one's place among `size`."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and tells of progress."""
        return self.rank == 0

    def part(self, num_examples: int) -> range:
        """Return which examples of a batch are this process's; a batch that cannot be parted evenly is everybody's."""
        if num_examples % self.size:
            return range(num_examples)
        share = num_examples // self.size
        return range(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over the processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Let the first process make what lies in files before the others read it."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def share(self, module: nn.Module) -> nn.Module:
        """Return the module as the processes train it together; its parameters stay the module's own."""
        if self.size == 1:
            return module
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(module, broadcast_buffers=False)


@contextmanager
def joined_team(device: torch.device) -> Iterator[Team]:
    """Give the team that torchrun started this process in, or a team of one.

    On GPUs each process takes the one of its own number. Raises TrainingError when there are fewer GPUs than processes,
    or one for all was asked for. After an error nobody is waited for: torchrun ends the others.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(0, 1)
        return
    if device.type == "cuda":
        _take_own_gpu(device, int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"  # the time is told by numbers on the processor
    dist.init_process_group(backend, timeout=_PATIENCE)
    yield Team(dist.get_rank(), size)
    dist.destroy_process_group()


def _take_own_gpu(device: torch.device, number: int) -> None:
    if device.index is not None:
        raise TrainingError(
            f"Several processes cannot share '{device}'; ask for cuda, and each takes a GPU of its own."
        )
    num_gpus = torch.cuda.device_count()
    if number >= num_gpus:
        raise TrainingError(
            f"Process {number + 1} of a training finds only {num_gpus} GPUs; each process needs one of its own. "
            f"Start {num_gpus} processes, or train on the cpu."
        )
    torch.cuda.set_device(number)


def with_shared_statistics(module: nn.Module) -> nn.Module:
    """Make every batch normalisation in the module take its statistics from all processes; weights stay as they are."""
    for child in module.modules():
        if type(child) is nn.BatchNorm2d:
            child.__class__ = SharedBatchNorm2d
    return module


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes; torch's own does this on GPUs only."""

    def forward(self, input: Tensor) -> Tensor:
        """Return features [B, C, H, W] normalised."""
        if not self.training:
            return super().forward(input)
        values = input.float()
        sums = torch.stack([values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))])
        mean, square = (all_reduce(sums) / dist.get_world_size()).unbind()
        variance = (square - mean.square()).clamp_min(0)
        self._remember(mean.detach(), variance.detach(), values.numel() // values.shape[1] * dist.get_world_size())
        scale = torch.rsqrt(variance + self.eps) * self.weight
        normalised = values * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]
        return normalised.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        momentum = self.momentum or 0.1
        with torch.no_grad():
            self.running_mean.lerp_(mean, momentum)  # type: ignore[union-attr]
            self.running_var.lerp_(variance * count / (count - 1), momentum)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
