"""The paper's experiments: each is a module with `run`, which does the work, and `evaluate`, which `mmreg evaluate` calls by its name."""

from __future__ import annotations

from mmreg.experiments import art, fairness, geometry, recall, similarity, stress
from mmreg.experiments.base import Experiment, Result, Setting

__all__ = ["EXPERIMENTS", "Experiment", "Result", "Setting"]

EXPERIMENTS: dict[str, Experiment] = {
    "geometry": geometry.evaluate,
    "similarity": similarity.evaluate,
    "recall": recall.evaluate,
    "stress": stress.evaluate,
    "art": art.evaluate,
    "fairness": fairness.evaluate,
}
