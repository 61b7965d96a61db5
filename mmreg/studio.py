"""A face model and an encoder together: from coefficients to what the encoder says of their pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import keras
import numpy as np
from tqdm import tqdm

from mmreg.arrays import Array, Float
from mmreg.data.nuisances import Nuisances, worn
from mmreg.data.synthetic import Scene, photograph, sample_scenes, visible_part
from mmreg.devices import shared_out
from mmreg.encoders.registry import Encoder, Encoding
from mmreg.face.coefficients import Coefficients
from mmreg.face.linear_space import LinearSpace
from mmreg.face.morphable_model import MorphableModel
from mmreg.face.population import Population
from mmreg.face.simplification import simplified
from mmreg.regressor import DomainStatistics

__all__ = ["Studio", "random_renderings", "rendering_statistics", "step_seed", "take_rows"]


@dataclass(frozen=True, eq=False)
class Studio:
    """A face model and an encoder: everything that turns coefficients into what the encoder says of their picture.

    Attributes:
        pair_budget: see `rendering.rasterize`; what one device renders at once must fit.
        devices: how many of the backend's share the pictures of a batch (see `mmreg.devices`).
        triangles: of the mesh that pictures are rendered from, about, where that is fewer than the model's; None keeps all.
    """

    model: MorphableModel
    encoder: Encoder
    pair_budget: int | None = None
    devices: int = 1
    triangles: int | None = None
    visible: MorphableModel = field(init=False)  # what the encoder never sees costs time and says nothing

    def __post_init__(self) -> None:
        visible = visible_part(self.model, self.encoder.template, self.encoder.image_size)
        if self.triangles is not None:
            visible = simplified(visible, self.triangles).in_picture_order()
        object.__setattr__(self, "visible", visible)

    def encode(
        self,
        coefficients: Coefficients,
        scene: Scene,
        nuisances: Nuisances | None = None,
        as_photographs: bool = False,
    ) -> Encoding:
        """Photographs the faces, each in as many of the scenes, and encodes the pictures; differentiable in the coefficients.

        Args:
            nuisances: what the pictures suffer before they are encoded; no gradient passes them.
            as_photographs: whether the encoder sees them from both sides where it sees photographs so (`Encoder.both_sides`).
        """
        encoder = self.encoder.as_photographs if as_photographs else self.encoder

        def pictures_encoded(coefficients: Coefficients, scene: Scene, nuisances: Nuisances | None) -> Encoding:
            pictures = self.photograph(coefficients, scene)
            return encoder(pictures if nuisances is None else worn(pictures, nuisances))

        return shared_out(pictures_encoded, self.devices, coefficients.shape.shape[0], coefficients, scene, nuisances)

    def photograph(self, coefficients: Coefficients, scene: Scene) -> Float[Array, "batch height width 3"]:
        """The faces' pictures, framed for the encoder, sRGB in [0, 1]."""
        encoder = self.encoder
        return photograph(
            self.visible, coefficients, scene, encoder.template, encoder.image_size, pair_budget=self.pair_budget
        )

    @cached_property
    def skin(self) -> LinearSpace:
        """The mean colour (sRGB) of the face proper as a space of its own: three numbers for a face."""
        region = self.model.face_region
        return self.model.albedo.mixed((region / region.sum())[None])

    @cached_property
    def compiled_encode(self) -> Callable[..., Encoding]:
        """`encode` as one compiled graph; compiled anew for every batch size and way of seeing."""
        return _compiled(self.encode)

    @cached_property
    def compiled_photograph(self) -> Callable[[Coefficients, Scene], Float[Array, "batch height width 3"]]:
        """`photograph` as one compiled graph; compiled anew for every batch size."""
        return _compiled(self.photograph)

    def encode_many(self, coefficients: Coefficients, scene: Scene, batch: int = 16) -> Encoding:
        """`encode` for any number of pictures, `batch` at a time (numpy, no gradients)."""
        encodings = []
        for start in range(0, scene.batch, batch):
            rows = np.arange(start, start + batch) % scene.batch  # the last batch is filled up with the first pictures
            encodings.append(self.compiled_encode(*take_rows((coefficients, scene), rows)))
        return Encoding(*(np.concatenate([np.asarray(e[k]) for e in encodings])[: scene.batch] for k in (0, 1)))


def take_rows(record, rows: np.ndarray | slice):
    """The chosen faces or pictures of a record of arrays, such as Coefficients or a Scene."""
    return keras.tree.map_structure(lambda array: None if array is None else array[rows], record)


def random_renderings(
    studio: Studio,
    count: int,
    seed: int,
    batch: int = 16,
    population: Population | None = None,
    as_photographs: bool = False,
) -> Encoding:
    """What the encoder says of `count` random faces in random scenes, to the next whole batch (numpy).

    Args:
        population: whose faces; None is the model's own.
        as_photographs: see `Studio.encode`.
    """
    population = population or Population.of_model(studio.model)
    encodings = []
    for start in tqdm(
        range(0, count, batch), desc="what renderings look like to the encoder", unit="batch", leave=False
    ):
        batch_seed = step_seed(seed, 0, start)
        encodings.append(
            studio.compiled_encode(
                population.sample(studio.model, batch, batch_seed),
                sample_scenes(batch, batch_seed + 1),
                as_photographs=as_photographs,
            )
        )
    return Encoding(*(np.concatenate([np.asarray(e[k]) for e in encodings]) for k in (0, 1)))


def rendering_statistics(
    studio: Studio, count: int, seed: int, batch: int = 16, population: Population | None = None
) -> DomainStatistics:
    """Means and deviations of the encoder's output over random faces in random scenes; as `random_renderings`."""
    return DomainStatistics.of(*random_renderings(studio, count, seed, batch, population))


def step_seed(*parts: int) -> int:
    """One seed from several numbers; a step's data depend on nothing but these, so that runs resume exactly."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _compiled(function: Callable) -> Callable:
    """`function` as one compiled graph on TensorFlow; as it is elsewhere."""
    if keras.config.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)
