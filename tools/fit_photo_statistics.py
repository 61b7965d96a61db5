"""Fits the statistics of photographs' features that ship with the package, and measures how near draws come to them.

    python tools/fit_photo_statistics.py STORE.npz [--held-out STORE.npz] [--statistics FILE.npz] [--results FILE.json]

STORE is a feature store of real photographs (tools/encode_lfw.py). What is written holds no photograph's features:
only means, correlations, and quantiles of single dimensions, beyond the outermost of which at least ten photographs lie.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
from scipy.special import ndtr, ndtri

from mmreg.arrays import atomic_path
from mmreg.data.feature_store import FeatureStore
from mmreg.data.photo_statistics import PATH, PhotoStatistics
from mmreg.encoders import load_encoder

LEVELS = np.linspace(-3.0, 3.0, 61)
REFINEMENTS, REFINING_DRAWS, SMALLEST_EIGENVALUE = 8, 40_000, 1e-4
PAIRS = 200_000
SEED = 0


def joint(store: FeatureStore) -> np.ndarray:
    """(count, dimension): features, then skin colours."""
    return np.concatenate([store.features, store.skin], axis=1).astype(np.float64)


def nearest_correlation(matrix: np.ndarray) -> np.ndarray:
    """Symmetric, positive definite, ones on the diagonal."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (vectors * np.maximum(values, SMALLEST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(matrix))
    return matrix / np.outer(scale, scale)


def fit(store: FeatureStore, encoder_name: str) -> PhotoStatistics:
    """Quantiles at the levels; the correlation of the normal scores, refined until draws have the values' own correlation."""
    values = joint(store)
    quantiles = np.maximum.accumulate(np.quantile(values, ndtr(LEVELS), axis=0).T, axis=1)
    rank = values.argsort(axis=0).argsort(axis=0)
    scores = ndtri((rank + 0.5) / len(values))
    target = np.corrcoef(values.T)
    correlation = nearest_correlation(np.corrcoef(scores.T))
    for round_number in range(REFINEMENTS + 1):
        statistics = PhotoStatistics(
            LEVELS,
            quantiles,
            correlation,
            store.features.mean(axis=0),
            store.features.std(axis=0),
            store.mean_embedding,
            len(store),
            encoder_name,
            store.encoder_checksum,
            store.source,
        )
        features, skin = statistics.draw(REFINING_DRAWS, SEED + round_number)
        missing = target - np.corrcoef(np.concatenate([features, skin], axis=1).T)
        print(f"round {round_number}: correlation error, root mean square {np.sqrt((missing**2).mean()):.4f}")
        if round_number < REFINEMENTS:
            correlation = nearest_correlation(correlation + missing / (1 + round_number / 2))
    return statistics


def cosines_between_people(store: FeatureStore) -> np.ndarray:
    """Centred cosines of random pairs of different people: the folders of real photographs; every draw is one of its own."""
    generator = np.random.default_rng(SEED)
    people = np.array(store.names if store.stand_in else [str(Path(name).parent) for name in store.names])
    first, second = generator.integers(0, len(store), (2, PAIRS))
    different = people[first] != people[second]
    unit = store.embedding - store.mean_embedding
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    return (unit[first] * unit[second]).sum(axis=1)[different]


def describe(values: np.ndarray) -> dict[str, float]:
    return {
        "mean": round(float(values.mean()), 4),
        "deviation": round(float(values.std()), 4),
        **{
            f"quantile_{level:g}": round(float(np.quantile(values, level)), 4)
            for level in (0.001, 0.05, 0.5, 0.95, 0.999)
        },
    }


def nearness(real: FeatureStore, drawn: FeatureStore) -> dict[str, object]:
    """How far the draws are from the real ones: errors in units of each dimension's deviation, and cosines."""
    a, b = joint(real), joint(drawn)
    deviation = a.std(axis=0)
    covariance_a, covariance_b = (np.cov(x.embedding.T.astype(np.float64)) for x in (real, drawn))
    return {
        "count": len(real),
        "mean_error_in_deviations": describe(np.abs(b.mean(axis=0) - a.mean(axis=0)) / deviation),
        "deviation_ratio": describe(b.std(axis=0) / deviation),
        "correlation_error_root_mean_square": round(
            float(np.sqrt(((np.corrcoef(a.T) - np.corrcoef(b.T)) ** 2).mean())), 4
        ),
        "embedding_covariance_relative_error": round(
            float(np.linalg.norm(covariance_b - covariance_a) / np.linalg.norm(covariance_a)), 4
        ),
        "embedding_mean_distance": round(float(np.linalg.norm(real.mean_embedding - drawn.mean_embedding)), 4),
        "centred_embedding_length_real": describe(np.linalg.norm(real.embedding - real.mean_embedding, axis=1)),
        "centred_embedding_length_drawn": describe(np.linalg.norm(drawn.embedding - drawn.mean_embedding, axis=1)),
        "different_people_cosine_real": describe(cosines_between_people(real)),
        "different_people_cosine_drawn": describe(cosines_between_people(drawn)),
        "fraction_negative": float((drawn.features < 0).mean()),
        "fraction_zero": round(float((drawn.features == 0).mean()), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--held-out", type=Path, help="a store of other people, to compare the draws with as well")
    parser.add_argument("--statistics", type=Path, default=PATH)
    parser.add_argument("--results", type=Path, default=Path("results/photo_statistics.json"))
    arguments = parser.parse_args()

    started = time.perf_counter()
    encoder = load_encoder()
    real = FeatureStore.load(arguments.store, encoder.checksum)
    fit(real, encoder.name).save(arguments.statistics)
    statistics = PhotoStatistics.load(arguments.statistics)
    features, skin = statistics.draw(len(real), SEED + 1)
    kernel = np.asarray(encoder.network.get_layer("embedding").kernel)
    drawn = FeatureStore(
        features, features @ kernel, skin, tuple(map(str, range(len(real)))), encoder.checksum, "draws", stand_in=True
    )
    report: dict[str, object] = {"fitted_to": nearness(real, drawn)}
    if arguments.held_out:
        held_out = FeatureStore.load(arguments.held_out, encoder.checksum)
        report["held_out_people"] = nearness(held_out, drawn)
        report["held_out_people_against_fitted"] = nearness(held_out, real)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    report["size_bytes"] = arguments.statistics.stat().st_size
    report["provenance"] = {
        "data": {
            "name": real.source,
            "count": len(real),
            "checksum": hashlib.sha256("\n".join(real.names).encode()).hexdigest(),
            "checksum_of": "the photographs' names, one a line",
            "left_out": [list(entry) for entry in real.skipped],
            "stand_in": False,
        },
        "encoder": {"name": encoder.name, "checksum": encoder.checksum},
        "statistics_checksum": hashlib.sha256(arguments.statistics.read_bytes()).hexdigest(),
        "profile": {
            "levels": len(LEVELS),
            "refinements": REFINEMENTS,
            "refining_draws": REFINING_DRAWS,
            "pairs": PAIRS,
        },
        "seed": SEED,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "keras": keras.__version__},
        "commit": commit if commit and commit != "HEAD" else None,
        "machine": f"{platform.machine()}, {platform.system()}",
        "seconds": round(time.perf_counter() - started, 1),
    }
    with atomic_path(arguments.results) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n")
    json.dump(report, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
