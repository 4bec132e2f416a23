"""How fast scores are made: BSS Eval beside mir_eval's, and PEAQ beside the sound it grades: `make bench-eval`.

Both BSS Evals score the same pairs of the demonstration's clips, cut out of their mix by ideal binary masks, pair by
pair in turns, and their scores are compared. PEAQ grades the same sounds on one thread.
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.clips import Clips, clips_of
from benchmarks.rounds import say
from varemix.errors import VaremixError
from varemix.evaluation.bss import bss_eval
from varemix.evaluation.conditions import known_masks
from varemix.evaluation.mixtures import draw_mixtures, read_sources
from varemix.evaluation.peaq import peaq
from varemix.remix.mixer import separate
from varemix.signal.grid import PAPER_GRID, RATE_HZ

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]
_NUM_GRADED = 8


@dataclass
class Timed:
    """A scorer with the seconds that each pair took it, and the scores [3, N] that it gave."""

    name: str
    score: Scorer
    seconds: list[float] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)

    def take(self, references: np.ndarray, estimates: np.ndarray) -> None:
        """Score a pair."""
        started = time.perf_counter()
        self.scores.append(self.score(references, estimates))
        self.seconds.append(time.perf_counter() - started)


def ours(references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Return SDR, SIR and SAR [3, N] by varemix."""
    found = bss_eval(references, estimates)
    return np.stack([found.sdr_db, found.sir_db, found.sar_db])


def mir_eval(references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Return SDR, SIR and SAR [3, N] by mir_eval."""
    from mir_eval.separation import bss_eval_sources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # mir_eval 0.9 will not have it
        return np.stack(bss_eval_sources(references, estimates, compute_permutation=False)[:3])


def separated(clips: Clips, num_pairs: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return sources and estimates [2, S] of so many pairs."""
    pairs = []
    for mixture in draw_mixtures([*clips.train, *clips.val], num_pairs, seed=0):
        sources = read_sources(mixture)
        masks = known_masks(sources, PAPER_GRID, seed=0)["ideal_binary"]
        estimates = separate(sources.sum(axis=0)[None], masks)[:, 0]
        if np.abs(sources).max(axis=1).all() and np.abs(estimates).max(axis=1).all():
            pairs.append((sources.astype(np.float64), estimates.astype(np.float64)))
    return pairs


def measure_bss(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Time both BSS Evals in turns and print how they compare."""
    scorers = [Timed("varemix", ours), Timed("mir_eval", mir_eval)]
    for scorer in scorers:
        scorer.score(*pairs[0])  # not counted
    for number, (references, estimates) in enumerate(pairs):
        for scorer in scorers if number % 2 else reversed(scorers):
            scorer.take(references, estimates)
    own, other = scorers
    for scorer in scorers:
        middle = statistics.median(scorer.seconds)
        seconds = f"{sum(scorer.seconds):7.1f} s for {len(pairs)} pairs, median {1000 * middle:.0f} ms"
        say(f"{scorer.name:9} {seconds}")
    apart = max(float(np.abs(a - b).max()) for a, b in zip(own.scores, other.scores, strict=True))
    faster = sum(other.seconds) / sum(own.seconds)
    say(f"varemix is {faster:.1f} times as fast; scores differ by {apart:.1e} dB at most.")


def measure_peaq(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Time PEAQ on one thread beside the length of what it grades."""
    graded = [(sources[:1], estimates[:1]) for sources, estimates in pairs[:_NUM_GRADED]]
    peaq(*graded[0], RATE_HZ)  # not counted
    started = time.thread_time()
    for reference, test in graded:
        peaq(reference, test, RATE_HZ)
    seconds = time.thread_time() - started
    sound_s = sum(reference.shape[-1] for reference, _ in graded) / RATE_HZ
    say(f"PEAQ grades at {sound_s / seconds:.1f} times real time on one core (mono, {len(graded)} recordings).")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__.split("\n")[0])
    parser.add_argument("--clips", metavar="HOME", help="a data folder whose clips are used; else the demonstration's")
    parser.add_argument("--pairs", type=int, default=50, help="how many pairs are scored")
    options = parser.parse_args()
    try:
        with clips_of(options.clips) as clips:
            pairs = separated(clips, options.pairs)
            measure_bss(pairs)
            measure_peaq(pairs)
    except VaremixError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
