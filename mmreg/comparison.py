"""Short runs of stage two that differ in one thing, to see what that thing does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float
from mmreg.data.feature_store import FeatureStore
from mmreg.data.synthetic import Scene
from mmreg.encoders import centred_unit, cosine
from mmreg.face import Coefficients
from mmreg.objective import Batch
from mmreg.profiles import SHORT, Profile
from mmreg.regressor import Regressor, load_regressor
from mmreg.run import Run
from mmreg.studio import Studio, take_rows
from mmreg.training import compile_trainer, stage_two_batch, trainer_of

__all__ = ["ShortRun", "predict", "short_profile", "short_run", "similarities"]

FEW = 40  # steps of a short run where the profile is quick


class ShortRun(NamedTuple):
    """A regressor, the terms of every step, and the faces that it makes of all photographs (numpy)."""

    regressor: Regressor
    history: list[dict]
    faces: Coefficients


def short_profile(profile: Profile, photos: int = 4, views: int = 1, synthetic: int = 4) -> Profile:
    """The profile with a stage two that a page can run several times: 40 steps in the quick one, as many as `short` has in others.

    A learning rate that has reached its height after five steps and doesn't fall, since nothing is meant to converge.
    """
    steps = FEW if profile.name == "quick" else SHORT.stage_two_steps
    return replace(
        profile,
        name=f"{profile.name}, {steps} steps",
        stage_two_steps=steps,
        photos_per_step=photos,
        views_per_photo=views,
        synthetic_per_step=synthetic,
        warmup_steps=5,
    )


def short_run(
    studio: Studio,
    photos: FeatureStore,
    profile: Profile,
    seed: int,
    start: Path,
    change: Callable[[Batch], Batch] | None = None,
) -> ShortRun:
    """Stage two from the regressor in the file `start`; runs of one seed and of equal sizes see the same data.

    Args:
        change: what else is done to every step's batch.
    """
    regressor = load_regressor(start, studio.model.checksum, studio.encoder.checksum).regressor
    trainer = trainer_of(studio, regressor, profile, "stage_two")
    compile_trainer(trainer, profile.stage_two_learning_rate, profile)
    make = partial(stage_two_batch, studio, photos, profile, seed)
    with tempfile.TemporaryDirectory() as folder:  # takes the checkpoint, which nobody needs afterwards
        run = Run(Path(folder), "stage_two", trainer, make if change is None else lambda step: change(make(step)))
        history = run.train(profile.stage_two_steps)
    return ShortRun(regressor, history, predict(regressor, photos.features))


def predict(regressor: Regressor, features: Float[np.ndarray, "face feature"], domain="photograph") -> Coefficients:
    """Coefficients of features (numpy)."""
    return Coefficients(*(np.asarray(part) for part in regressor(features, domain=domain)))


def similarities(
    studio: Studio, photos: FeatureStore, run: Regressor, faces: Coefficients, scenes: Scene
) -> Float[np.ndarray, "photo view"]:
    """Centred cosines between the first photographs' embeddings and those of their faces' pictures, a column a scene of each.

    By the network in the loss, so how far a loss was lowered and no measure of quality.

    Args:
        scenes: of as many photographs as wanted, times the views of each; the first ones are the first photograph's.
    """
    means = {name: statistics.embedding_mean for name, statistics in run.statistics.items()}
    count = len(photos)
    views = scenes.batch // count
    repeated = take_rows(Coefficients(faces.shape[:count], faces.albedo[:count]), np.repeat(np.arange(count), views))
    rendered = centred_unit(studio.encode_many(repeated, scenes).embedding, means["rendering"])
    seen = centred_unit(np.repeat(photos.embedding, views, axis=0), means["photograph"])
    return np.asarray(cosine(seen, rendered)).reshape(count, views)
