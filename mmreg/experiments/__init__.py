"""The paper's experiments: each is a module with `run`, which does the work, and `evaluate`, which `mmreg evaluate` calls by its name."""

from __future__ import annotations

from mmreg.experiments import fairness, geometry, recall, similarity
from mmreg.experiments.base import Experiment, Result, Setting

__all__ = ["EXPERIMENTS", "Experiment", "Result", "Setting"]

EXPERIMENTS: dict[str, Experiment] = {
    "geometry": geometry.evaluate,
    "fairness": fairness.evaluate,
    "similarity": similarity.evaluate,
    "recall": recall.evaluate,
}
