"""What a run shows of itself in TensorBoard beside its losses: how hard each term pulls, how people are spread, what they look like.

Seldom enough to cost nothing that counts: every look is about two steps' work, and one in two hundred.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float
from mmreg.data.feature_store import FeatureStore
from mmreg.face import Coefficients
from mmreg.objective import Batch, Trainer
from mmreg.profiles import Profile
from mmreg.reconstruct import portrait
from mmreg.regressor import Regressor
from mmreg.run import Watch
from mmreg.studio import Studio
from mmreg.training import stage_one_batch, stage_two_batch, trainer_of

__all__ = ["Observer", "gradient_norms", "moments", "term_gradients"]

PEOPLE = 2048  # photographs over which moments are taken, at most
FACES, FACE_PIXELS = 6, 160


class Observer:
    """Makes the watch of each stage (see `training.train_run`), which writes into the run's TensorBoard log.

    Photographs are never shown: a strip holds renderings of the faces predicted from a few of them.

    Args:
        every: steps between two looks; faces and moments are also shown after the first step.
    """

    def __init__(self, studio: Studio, photos: FeatureStore, profile: Profile, seed: int, every: int = 200):
        self.studio, self.photos, self.profile, self.seed, self.every = studio, photos, profile, seed, every

    def __call__(self, stage: str) -> Watch:
        """The watch of "stage_one" or "stage_two"."""
        return _Watch(self, stage)

    def batch(self, stage: str, step: int) -> Batch:
        """The data that this step was trained on, made again."""
        if stage == "stage_one":
            return stage_one_batch(self.studio, self.profile, self.seed, step)
        return stage_two_batch(self.studio, self.photos, self.profile, self.seed, step)

    @cached_property
    def features(self) -> Float[np.ndarray, "people feature"]:
        """The same photographs' features at every look; the first are the strip's."""
        order = np.random.default_rng(self.seed).permutation(len(self.photos))
        return self.photos.features[order[:PEOPLE]]


class _Watch:
    def __init__(self, observer: Observer, stage: str):
        self.observer, self.stage = observer, stage
        self.gradients: Any = None

    def __call__(self, step: int, regressor: Regressor) -> None:
        looks = step % self.observer.every == 0
        if not looks and step != 1:
            return
        import tensorflow as tf

        shape, albedo = (np.asarray(part) for part in regressor(self.observer.features, domain="photograph"))
        for name, value in moments(shape, albedo).items():
            tf.summary.scalar(f"moments/{name}", value, step=step)
        few = Coefficients(shape[:FACES], albedo[:FACES])
        pictures = portrait(self.observer.studio.model, few, self.observer.studio.encoder, size=FACE_PIXELS)
        tf.summary.image("faces", np.concatenate(list(np.clip(pictures, 0.0, 1.0)), axis=1)[None], step=step)
        if looks:
            for name, value in self._norms(step, regressor).items():
                tf.summary.scalar(f"gradient/{name}", value, step=step)

    def _norms(self, step: int, regressor: Regressor) -> dict[str, float]:
        of = self.observer
        if self.gradients is None:
            self.gradients = term_gradients(trainer_of(of.studio, regressor, of.profile, self.stage))
        return gradient_norms(self.gradients(of.batch(self.stage, step - 1)))


def moments(shape: Float[np.ndarray, "people s"], albedo: Float[np.ndarray, "people t"]) -> dict[str, float]:
    """How people are spread beside the face model's own: means 0, deviations 1, 0.3 % of the coefficients beyond 3."""
    found = {}
    for name, part in (("shape", shape), ("albedo", albedo)):
        found |= {
            f"{name}_offset": float(np.sqrt((part.mean(axis=0) ** 2).mean())),  # root mean square of the means
            f"{name}_deviation": float(part.std(axis=0).mean()),
            f"{name}_beyond_3": float((np.abs(part) > 3.0).mean()),
        }
    return found


def term_gradients(trainer: Trainer):
    """A compiled function of a batch: the gradients of every weighted term in the regressor's weights, by the term's name."""
    weights = trainer.loss_weights
    if keras.config.backend() == "jax":
        return _by_jax(trainer)
    import tensorflow as tf

    variables = [v.value for v in trainer.trainable_variables]

    @tf.function
    def gradients(batch):
        with tf.GradientTape(persistent=True) as tape:
            terms = {name: getattr(weights, name) * value for name, value in trainer.call(batch).items()}
        zero = tf.UnconnectedGradients.ZERO
        return {name: tape.gradient(value, variables, unconnected_gradients=zero) for name, value in terms.items()}

    return gradients


def _by_jax(trainer: Trainer):
    import jax

    def terms_of(values, batch):
        terms = trainer.stateless_call(values, [v.value for v in trainer.non_trainable_variables], batch)[0]
        return {name: getattr(trainer.loss_weights, name) * value for name, value in terms.items()}

    @jax.jit
    def gradients(values, batch):
        terms, pull = jax.vjp(lambda values: terms_of(values, batch), values)
        only = {name: {other: ops.cast(other == name, "float32") for other in terms} for name in terms}
        return {name: pull(chosen)[0] for name, chosen in only.items()}

    return lambda batch: gradients([v.value for v in trainer.trainable_variables], batch)


def gradient_norms(gradients: dict[str, list[Array]]) -> dict[str, float]:
    """The length of each term's gradient over all weights, and of their sum ("total"), before it is clipped."""
    flat = {name: np.concatenate([np.ravel(g) for g in parts]) for name, parts in gradients.items()}
    found = {name: float(np.linalg.norm(vector)) for name, vector in flat.items()}
    return found | {"total": float(np.linalg.norm(np.sum(list(flat.values()), axis=0)))}
