"""Wall and processor time of functions that take turns, so that what disturbs a machine disturbs them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

ROUNDS, FEWEST_ROUNDS = 7, 3


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call: median and minimum of the wall's clock, minimum of the process's processor time over all its threads."""

    wall_ms: float
    least_wall_ms: float
    cpu_ms: float
    calls: int


def take_turns(functions: Mapping[str, Callable[[], object]], seconds: float, patience: float) -> dict[str, Timing]:
    """Times each function for at least `seconds` in all, in `ROUNDS` rounds in which every function has its turn.

    The first calls, which compile, aren't counted.

    Args:
        patience: seconds after which no further round begins (but for `FEWEST_ROUNDS`), for slow functions.
    """
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for function in functions.values():
        began = time.perf_counter()
        function()
        if time.perf_counter() - began < 1.0:  # memory is asked for in the first call after the compilation
            function()
    began = time.perf_counter()
    for number in range(ROUNDS):
        if number >= FEWEST_ROUNDS and time.perf_counter() - began > patience:
            break
        for name, function in functions.items():
            turn = time.perf_counter()
            while True:
                wall, cpu = time.perf_counter(), time.process_time()
                function()
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                samples[name].append((wall, cpu))
                if time.perf_counter() - turn >= seconds / ROUNDS:
                    break
    found = {}
    for name, times in samples.items():
        wall, cpu = ([1000.0 * clock for clock in clocks] for clocks in zip(*times, strict=True))
        found[name] = Timing(median(wall), min(wall), min(cpu), len(times))
    return found


def memory_bandwidth(threads: int, seconds: float) -> float:
    """GB/s that copying a large array reads and writes together, with so many threads: the best of several copies."""
    from concurrent.futures import ThreadPoolExecutor

    size = 128 * 2**20 // 4  # far more than any cache holds
    source, target = np.ones(size, np.float32), np.zeros(size, np.float32)
    parts = [slice(k * size // threads, (k + 1) * size // threads) for k in range(threads)]
    copies: list[float] = []
    with ThreadPoolExecutor(threads) as pool:
        # the first copy is given its memory by the system page by page, and isn't counted
        while len(copies) < 6 or sum(copies) < seconds:
            began = time.perf_counter()
            list(
                pool.map(lambda part: np.copyto(target[part], source[part]), parts)
            )  # numpy lets go of the interpreter
            copies.append(time.perf_counter() - began)
    return 2.0 * source.nbytes / min(copies[1:]) / 1e9
