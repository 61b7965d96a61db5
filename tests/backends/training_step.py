"""One step of each stage on the backend that Keras is set to: `python training_step.py FOLDER` writes FOLDER/BACKEND.json.

A program of its own, since a process has one backend.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from mmreg.data.photographs import photo_like_features
from mmreg.encoders import load_encoder
from mmreg.face import load
from mmreg.objective import Trainer
from mmreg.profiles import QUICK
from mmreg.regressor import DomainStatistics, fresh_regressor
from mmreg.studio import Studio
from mmreg.training import compile_trainer, stage_one_batch, stage_two_batch

TINY = replace(
    QUICK,
    name="tiny",
    stage_one_batch=2,
    photos_per_step=1,
    views_per_photo=2,
    distribution_photos=12,
    synthetic_per_step=2,
)


def main(folder: Path) -> None:
    encoder = load_encoder(TINY.encoder)
    studio, photos = Studio(load("open"), encoder), photo_like_features(60, 0, encoder)
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, 0)
    random = np.random.default_rng(0)  # another backend draws other weights
    for layer in (*regressor.hidden, regressor.coefficients):
        layer.kernel.assign(0.03 * random.standard_normal(layer.kernel.shape).astype(np.float32))
    found = {}
    for name, batch, views in (
        ("stage_one", stage_one_batch(studio, TINY, 0, 0), 1),
        ("stage_two", stage_two_batch(studio, photos, TINY, 0, 0), TINY.views_per_photo),
    ):
        trainer = Trainer(regressor, studio, TINY.weights, views)
        compile_trainer(trainer, 1e-4, TINY)
        for step in ("first", "second"):
            trainer.reset_metrics()
            logs = trainer.train_on_batch(batch, return_dict=True)
            found[f"{name}, {step}"] = {term: float(value) for term, value in logs.items()}
    (folder / f"{keras.config.backend()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
