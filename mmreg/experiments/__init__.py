"""The paper's experiments: each is a module with `run`, which does the work, and `evaluate`, which `mmreg evaluate` calls by its name."""

from __future__ import annotations

<<<<<<< HEAD
from mmreg.experiments import recall, similarity
=======
from mmreg.experiments import geometry
>>>>>>> helper-c
from mmreg.experiments.base import Experiment, Result, Setting

__all__ = ["EXPERIMENTS", "Experiment", "Result", "Setting"]

<<<<<<< HEAD
EXPERIMENTS: dict[str, Experiment] = {"similarity": similarity.evaluate, "recall": recall.evaluate}
=======
EXPERIMENTS: dict[str, Experiment] = {
    "geometry": geometry.evaluate,
}
>>>>>>> helper-c
