"""What is measured of a packed model: quantisation, loading, decoding, and how far two generations are apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mmreg.face import Coefficients, LinearSpace, MorphableModel

_LOADING = """
import json, sys, time
import numpy as np
import mmreg.face.open_face as open_face
from mmreg.face import Coefficients

def resident():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmRSS"))

before = resident()
start, processor = time.perf_counter(), time.process_time()
model = open_face.read_packed_model(sys.argv[1])
seconds, processor = time.perf_counter() - start, time.process_time() - processor
loaded = resident()
sample = Coefficients.sample(model, 1, 0, expression=True)
np.asarray(model.positions(sample.shape, sample.expression)), np.asarray(model.albedos(sample.albedo))
spaces = (model.shape, model.albedo, model.expression)
arrays = [a for s in spaces for a in (s.mean, s.basis, s.standard_deviations)] + [model.triangles]
print(json.dumps({
    "seconds": round(seconds, 3),
    "processor_seconds": round(processor, 3),
    "bytes_of_arrays": sum(a.nbytes for a in arrays),
    "resident_bytes_of_loaded": loaded - before,
    "resident_bytes_once_a_face_is_decoded": resident() - before,
}))
"""


def rms_errors(
    model: MorphableModel, packed: MorphableModel, names: Iterable[str], samples: int, seed: int
) -> dict[str, float]:
    """Root mean square difference of random faces: mm a vertex (distance), sRGB a channel."""
    generator = np.random.default_rng(seed)
    errors = {}
    for name in names:
        exact, coarse = getattr(model, name), getattr(packed, name)
        signs = np.sign((exact.basis * coarse.basis).sum(axis=0))  # a component's sign is a convention
        c = generator.normal(size=(samples, exact.component_count)).astype(np.float32)
        difference = (c * signs * exact.standard_deviations) @ exact.basis.T + exact.mean
        difference -= (c * coarse.standard_deviations) @ coarse.basis.T + coarse.mean
        per_number = float((difference.astype(np.float64) ** 2).mean())
        errors[name] = float(np.sqrt(per_number if name == "albedo" else 3 * per_number))
    return errors


def loading(path: Path, runs: int = 3) -> dict[str, float]:
    """Seconds that a new process takes to read the model (the best of some runs), and the memory."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", _LOADING, str(path)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
        for _ in range(runs)
    ]
    return min(found, key=lambda one: one["seconds"])


def decoding_milliseconds(model: MorphableModel, batch: int = 32, runs: int = 5) -> float:
    """Milliseconds a face for the positions and albedos of a batch, the best of some runs."""
    sample = Coefficients.sample(model, batch, seed=0)
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        for values in (model.positions(sample.shape), model.albedos(sample.albedo)):
            np.asarray(values)  # waits for the result
        seconds.append(time.perf_counter() - start)
    return round(1000 * min(seconds[1:]) / batch, 2)


def difference(one: LinearSpace, other: LinearSpace) -> dict[str, float]:
    """How far a space is from another generation of it, in standard deviations.

    A component of the other is expressed in the one's components; what isn't 1 of the same component is difference. What
    lies outside the one's space is told apart: quantisation puts a little there.
    """
    scaled = other.basis.astype(np.float64) * other.standard_deviations
    basis = one.basis.astype(np.float64)
    # column j: the coefficients, in the one's components, of a face that is the other's component j
    along = basis.T @ scaled / one.standard_deviations[:, None]
    mean = basis.T @ (other.mean.astype(np.float64) - one.mean) / one.standard_deviations
    own = basis.T @ (basis * one.standard_deviations) / one.standard_deviations[:, None]
    outside = np.linalg.norm(scaled - basis * one.standard_deviations, axis=0) / one.standard_deviations
    return {
        "components": float(np.abs(along - own).max()),
        "means": float(np.abs(mean).max()),
        "components_with_what_lies_outside": float(outside.max()),
    }
