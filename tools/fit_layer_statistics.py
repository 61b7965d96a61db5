"""Fits what the encoder "dlib-layers" tells of photographs beyond "dlib", given that, and measures how near draws come to it.

    python -m tools.fit_layer_statistics STORE.npz [--held-out STORE.npz] [--statistics FILE.npz] [--results FILE.json]

STORE is a feature store of real photographs by "dlib-layers" (tools/encode_lfw.py), the same that `tools/fit_photo_statistics.py` read. What
is written holds no photograph's features: only quantiles of single numbers, beyond the outermost of which at least ten photographs lie, and
how the numbers go with each other over thousands of photographs.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from mmreg.data.feature_store import FeatureStore
from mmreg.data.photo_statistics import LAYERS_PATH, LayerStatistics, load_photo_statistics, photo_like_features
from mmreg.encoders import load_encoder
from mmreg.results import Data, Provenance, file_checksum, write_result

LEVELS = np.linspace(-3.0, 3.0, 25)
FACTORS, RIDGE = 96, 30.0  # common factors of what the slopes leave; photographs' worth of shrinking the slopes
SEED = 0


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Each column's ranks as standard normal deviates."""
    rank = values.argsort(axis=0).argsort(axis=0)
    return ndtri((rank + 0.5) / len(values))


def fit(store: FeatureStore, pooled: int) -> LayerStatistics:
    """The linear map from the first numbers' normal scores (and the skin's) to the others', and factors of what it leaves."""
    known = normal_scores(np.concatenate([store.features[:, :pooled], store.skin], axis=1))
    values = store.features[:, pooled:].astype(np.float64)
    wanted = normal_scores(values)
    count = len(known)
    slopes = np.linalg.solve(known.T @ known + RIDGE * np.eye(known.shape[1]), known.T @ wanted).T
    left = wanted - known @ slopes.T
    _, spread, directions = np.linalg.svd(left / np.sqrt(count), full_matrices=False)
    factors = directions[:FACTORS].T * spread[:FACTORS]
    # The drawn deviates have a correlation of their own; each number's variance is made 1 beside it
    explained = np.einsum("ij,jk,ik->i", slopes, load_photo_statistics().correlation, slopes)
    own = np.sqrt(np.maximum(1.0 - explained - (factors**2).sum(axis=1), 0.0))
    quantiles = np.maximum.accumulate(np.quantile(values, ndtr(LEVELS), axis=0).T, axis=1)
    return LayerStatistics(LEVELS, quantiles, slopes, factors, own, store.encoder_checksum)


def nearness(real: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """How far the draws are from the real ones; errors of means in deviations."""
    deviation = real.std(axis=0)
    off = np.abs(drawn.mean(axis=0) - real.mean(axis=0)) / deviation
    error = np.corrcoef(real.T) - np.corrcoef(drawn.T)
    return {
        "count": len(real),
        "mean_error_in_deviations": float(off.mean()),
        "deviation_ratio_median": float(np.median(drawn.std(axis=0) / deviation)),
        "correlation_root_mean_square": float(np.sqrt((np.corrcoef(real.T) ** 2).mean())),
        "correlation_error_root_mean_square": float(np.sqrt((error**2).mean())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--held-out", type=Path, help="a store of other people, to compare the draws with as well")
    parser.add_argument("--statistics", type=Path, default=LAYERS_PATH)
    parser.add_argument("--results", type=Path, default=Path("results/photo_statistics_layers.json"))
    arguments = parser.parse_args()

    encoder, pooled = load_encoder("dlib-layers"), load_encoder("dlib").feature_size
    provenance = Provenance([], {"factors": FACTORS, "ridge": RIDGE, "levels": len(LEVELS)}, SEED)
    real = FeatureStore.load(arguments.store, encoder.checksum)
    fit(real, pooled).save(arguments.statistics)
    drawn = photo_like_features(len(real), SEED + 1, encoder).features
    report: dict[str, object] = {
        "what": "features of photographs by dlib-layers beside draws from the statistics that ship with the package",
        "fitted_to": nearness(real.features, drawn),
    }
    names = hashlib.sha256("\n".join(real.names).encode()).hexdigest()
    provenance.data = [Data(real.source, len(real), names)]
    if arguments.held_out:
        held_out = FeatureStore.load(arguments.held_out, encoder.checksum)
        report["held_out_people"] = nearness(held_out.features, drawn)
        report["held_out_people_against_fitted"] = nearness(held_out.features, real.features)
        provenance.data.append(Data(held_out.source, len(held_out), file_checksum(arguments.held_out)))
    report["size_bytes"] = arguments.statistics.stat().st_size
    report["statistics_checksum"] = file_checksum(arguments.statistics)
    write_result(arguments.results, report, provenance)
    print(report)


if __name__ == "__main__":
    main()
