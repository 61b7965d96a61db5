"""The objective of section 3.3 as a Keras model: this is the one place that wires the studio (face model, renderer, encoder), the
regressor and the losses.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from mmreg import losses
from mmreg.arrays import Array, Float
from mmreg.color import srgb_to_linear, tone
from mmreg.data.nuisances import Nuisances
from mmreg.data.synthetic import Scene
from mmreg.encoders.registry import Encoding
from mmreg.face.coefficients import Coefficients
from mmreg.face.surface_form import surface_form
from mmreg.profiles import LossWeights
from mmreg.regressor import DOMAINS, Regressor
from mmreg.run import TrainingError
from mmreg.studio import Studio

TERMS = ("parameter", "identity", "batch_distribution", "loopback")  # the paper's
OUR_TERMS = ("skin_tone",)
IDENTITY_CENTRES = ("domain", "batch")


class Batch(NamedTuple):
    """The input of one step; the photographs' parts are None in stage one.

    `synthetic` holds true coefficients of synthetic faces, `synthetic_scene` their pictures' scenes and `nuisances` what those pictures
    suffer, None for nothing. The first photographs
    are rendered, each in as many of `photo_scene`'s scenes as there are views; the others enter L_batchdistr and L_skin alone.
    """

    synthetic: Coefficients
    synthetic_scene: Scene
    nuisances: Nuisances | None = None
    photo_features: Float[Array, "photo feature"] | None = None
    photo_tone: Float[Array, "photo 3"] | None = None
    photo_embedding: Float[Array, "rendered embedding"] | None = None
    photo_scene: Scene | None = None


class Trainer(keras.Model):
    """One stage of training as a Keras model whose `compute_loss` is the paper's objective.

    Args:
        weights: of the terms; in stage one only L_param is computed.
        views_per_photo: in how many scenes each photograph's face is rendered.
        identity_centre, held_variance, mean_weight, deviation_power, surface_errors, identity_features, predictions_both_sides: as in `Profile`.
    """

    def __init__(
        self,
        regressor: Regressor,
        studio: Studio,
        weights: LossWeights,
        views_per_photo: int = 1,
        identity_centre: str = "domain",
        held_variance: float = 1.0,
        mean_weight: float = 1.0,
        deviation_power: float = 0.0,
        surface_errors: bool = False,
        identity_features: float = 0.0,
        predictions_both_sides: bool = False,
    ):
        super().__init__(name="trainer")
        if identity_centre not in IDENTITY_CENTRES:
            raise TrainingError(
                f"L_id can't be centred by {identity_centre!r}; choose one of {', '.join(IDENTITY_CENTRES)}."
            )
        self.regressor = regressor
        self.studio = _Untracked(studio)
        self.loss_weights = weights
        self.views_per_photo = views_per_photo
        self.identity_centre = identity_centre
        self.mean_weight = mean_weight
        self.identity_features = identity_features
        self.predictions_both_sides = predictions_both_sides
        shape, albedo = studio.model.shape, studio.model.albedo
        shape_weights = (
            surface_form(studio.model, deviation_power)
            if surface_errors
            else losses.component_weights(shape.standard_deviations, deviation_power)
        )
        albedo_weights = losses.component_weights(albedo.standard_deviations, deviation_power)
        self.error_weights = losses.SHAPE_WEIGHT * shape_weights, losses.ALBEDO_WEIGHT * albedo_weights
        self.held = shape.leading(held_variance), albedo.leading(held_variance)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in (*TERMS, *OUR_TERMS, "total")}
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The mean of each term since the last reset."""
        return list(self.trackers.values())

    def call(self, batch: Batch) -> dict[str, Float[Array, ""]]:
        """The objective's terms, unweighted."""
        terms = {"parameter": self._parameter_term(batch)}
        if batch.photo_features is not None:
            terms |= self._photo_terms(batch)
        return terms

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """L = ω_param L_param + ω_id L_id + ω_batch L_batchdistr + ω_loop L_loopback (section 3.3) + ω_skin L_skin (ours)."""
        total = sum(getattr(self.loss_weights, name) * value for name, value in y_pred.items())
        for name, value in {**y_pred, "total": total}.items():
            self.trackers[name].update_state(value)
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        """Every term that was computed, and their weighted sum."""
        return {name: self.trackers[name].result() for name in (*y_pred, "total")}

    def _parameter_term(self, batch: Batch):
        encoding = self.studio.value.encode(
            batch.synthetic, batch.synthetic_scene, batch.nuisances, as_photographs=True
        )
        shape, albedo = self.regressor(ops.stop_gradient(encoding.features), domain="rendering")
        return losses.parameter_loss(shape, albedo, batch.synthetic.shape, batch.synthetic.albedo, *self.error_weights)

    def _photo_terms(self, batch: Batch):
        shape, albedo = self.regressor(batch.photo_features, domain="photograph")
        rendered = batch.photo_embedding.shape[0]
        seen_shape = ops.repeat(shape[:rendered], self.views_per_photo, axis=0)
        seen_albedo = ops.repeat(albedo[:rendered], self.views_per_photo, axis=0)
        photo_embedding = ops.repeat(batch.photo_embedding, self.views_per_photo, axis=0)

        faces = Coefficients(shape[:rendered], albedo[:rendered])
        encoding = self.studio.value.encode(faces, batch.photo_scene, as_photographs=self.predictions_both_sides)
        second_shape, second_albedo = self.regressor(encoding.features, domain="rendering")
        terms = {
            "identity": self._identity_term(batch.photo_features[:rendered], photo_embedding, encoding),
            "batch_distribution": losses.batch_distribution_loss(
                *self.regressor.population.standardised(shape, albedo), *self.held, self.mean_weight
            ),
            "loopback": losses.loopback_loss(seen_shape, seen_albedo, second_shape, second_albedo, *self.error_weights),
        }
        if self.loss_weights.skin_tone:
            albedo_tone = tone(srgb_to_linear(self.studio.value.skin(albedo)))
            terms["skin_tone"] = losses.skin_tone_loss(batch.photo_tone, albedo_tone)
        return terms

    def _identity_term(self, photo_features, photo_embedding, encoding: Encoding):
        """L_id of the embeddings and, for their share, of the recogniser's last features, each in its deviations over photographs.

        Features have more directions than the embedding that is made of them. A rendering that is like its photograph in these as well owes less to
        the taste of one layer. Ours.
        """
        embedding_means = (self.regressor.statistics[domain].embedding_mean for domain in DOMAINS)
        term = losses.identity_loss(
            photo_embedding,
            encoding.embedding,
            *self._identity_means(photo_embedding, encoding.embedding, embedding_means),
        )
        if not self.identity_features:
            return term
        count = self.studio.value.encoder.last_features or photo_features.shape[1]
        deviation = self.regressor.statistics["photograph"].feature_deviation[:count]
        deviation = deviation + np.float32(0.05 * deviation.mean())  # some features hardly ever fire
        photos = ops.repeat(photo_features[:, :count] / deviation, self.views_per_photo, axis=0)
        renderings = encoding.features[:, :count] / deviation
        means = (self.regressor.statistics[domain].feature_mean[:count] / deviation for domain in DOMAINS)
        of_features = losses.identity_loss(photos, renderings, *self._identity_means(photos, renderings, means))
        return (1.0 - self.identity_features) * term + self.identity_features * of_features

    def _identity_means(self, photo_embedding, rendering_embedding, domain_means):
        """What the directions of photographs and of renderings are measured from.

        The mean rendering of random faces isn't the mean rendering of predicted ones. Held to it, predictions lean until it is,
        and L_batchdistr pulls the other way. Measured from the batch's own means, faces have to differ from each other as the photographs
        do, and where their middle lies is left to L_batchdistr. Ours.
        """
        if self.identity_centre == "batch":
            return ops.mean(photo_embedding, axis=0), ops.mean(rendering_embedding, axis=0)
        return tuple(domain_means)


class _Untracked:
    """Keeps frozen networks out of the trainer's weights."""

    def __init__(self, value):
        self.value = value
