"""How much others use the processor, for the few promises that are told in seconds."""

import time

_SAMPLE_S = 0.3


def crowding() -> float:
    """Return how many times as long a computation takes as the processor time that it needs; 1 on a calm machine."""
    began, began_cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - began_cpu < _SAMPLE_S:
        sum(range(10_000))
    return max(1.0, (time.perf_counter() - began) / _SAMPLE_S)
