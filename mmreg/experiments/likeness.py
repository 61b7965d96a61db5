"""Who a rendering is to a network: directions of embeddings of frontal renderings in the book's own light."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from mmreg.arrays import Float
from mmreg.data.synthetic import studio_scene
from mmreg.encoders import Encoder
from mmreg.evaluation.identity import directions
from mmreg.face import Coefficients, MorphableModel
from mmreg.studio import Studio

__all__ = ["Likeness"]

POPULATION = 64  # random faces whose mean embedding is what all renderings have in common


class Likeness:
    """A network's view of faces of a model.

    Args:
        encoder: the judge, or for want of one the network in the loss.
    """

    def __init__(self, model: MorphableModel, encoder: Encoder):
        self.model, self.encoder = model, encoder

    @cached_property
    def studio(self) -> Studio:
        """Where the faces are photographed."""
        return Studio(self.model, self.encoder)

    @cached_property
    def mean(self) -> Float[np.ndarray, " embedding"]:
        """The mean embedding of renderings of random faces of the model."""
        return self._embed(Coefficients.sample(self.model, POPULATION, seed=0)).mean(axis=0)

    def directions(self, faces: Coefficients) -> Float[np.ndarray, "face embedding"]:
        """Embeddings of the faces' renderings about that mean, of unit length: their products are cosines."""
        return directions(self._embed(faces), self.mean)

    def _embed(self, faces: Coefficients) -> Float[np.ndarray, "face embedding"]:
        return self.studio.encode_many(faces, studio_scene(len(faces.shape))).embedding
