"""The open stand-in for photographs: features drawn from the statistics of 8,128 photographs; nobody's features.

Stage two of the training reads stored features of photographs, and those of the photographs used here can't be passed on.
What can be is their distribution, as a Gaussian copula: a quantile function for each of the 256 features and of the 3
channels of the skin's colour, and the correlations between them. Draws have the photographs' means, deviations and
covariance; what they lack is whatever the correlations of pairs don't tell, and people: no two draws are of one person.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError, atomic_path
from mmreg.data.feature_store import FeatureStore
from mmreg.encoders.registry import Encoder, load_encoder
from mmreg.encoders.skin import SKIN

__all__ = [
    "STAND_IN",
    "LayerStatistics",
    "PhotoStatistics",
    "load_layer_statistics",
    "load_photo_statistics",
    "photo_like_features",
]

PATH = Path(__file__).with_name("photo_statistics.npz")
LAYERS_PATH = Path(__file__).with_name("photo_statistics_layers.npz")
STAND_IN = "drawn from the statistics of {count:,} photographs; nobody's features"
SKIN_CHANNELS = 3


@dataclass(frozen=True, eq=False)
class PhotoStatistics:
    """The distribution of photographs' features and skin colours.

    The last three of the `dimension`s are the skin's linear RGB, the others are features.

    Attributes:
        levels: (level,) standard normal deviates at which the quantiles are given, increasing.
        quantiles: (dimension, level) the values at those levels, not decreasing along them.
        correlation: (dimension, dimension) of the standard normal deviates; positive definite.
        feature_mean, feature_deviation: (feature,) of the photographs themselves.
        embedding_mean: (embedding,) of the photographs themselves.
        count: how many photographs.
        encoder: the name of the encoder that made the features.
        encoder_checksum: SHA-256 of its weights.
        source: what the photographs are.
    """

    levels: np.ndarray
    quantiles: np.ndarray
    correlation: np.ndarray
    feature_mean: np.ndarray
    feature_deviation: np.ndarray
    embedding_mean: np.ndarray
    count: int
    encoder: str
    encoder_checksum: str
    source: str

    def draw(self, count: int, seed: int) -> tuple[Float[np.ndarray, "count feature"], Float[np.ndarray, "count 3"]]:
        """Features and skin colours: z ~ N(0, R), and each dimension's quantile function at its z. None is negative."""
        return self.values(self.deviates(count, seed))

    def deviates(self, count: int, seed: int) -> Float[np.ndarray, "count dimension"]:
        """z ~ N(0, R)."""
        independent = np.random.default_rng(seed).standard_normal((count, len(self.quantiles)), np.float32)
        return independent @ np.linalg.cholesky(self.correlation).T.astype(np.float32)

    def values(
        self, deviates: Float[np.ndarray, "count dimension"]
    ) -> tuple[Float[np.ndarray, "count feature"], Float[np.ndarray, "count 3"]]:
        """Features and skin colours at these deviates."""
        values = self.at(deviates).astype(np.float32)
        return values[:, :-SKIN_CHANNELS], np.minimum(values[:, -SKIN_CHANNELS:], 1.0)

    def at(self, deviates: Float[np.ndarray, "count dimension"]) -> Float[np.ndarray, "count dimension"]:
        """Each dimension's quantile function at these deviates, as by `_quantiles_at`."""
        return _quantiles_at(self.levels, self.quantiles, deviates)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file of about 200 kB; of the correlation only what lies above its diagonal."""
        with atomic_path(path) as partial:
            np.savez_compressed(
                partial,
                levels=self.levels.astype(np.float32),
                quantiles=self.quantiles.astype(np.float32),
                correlation=self.correlation[np.triu_indices(len(self.correlation), 1)].astype(np.float32),
                feature_mean=self.feature_mean.astype(np.float32),
                feature_deviation=self.feature_deviation.astype(np.float32),
                embedding_mean=self.embedding_mean.astype(np.float32),
                count=np.array(self.count),
                encoder=np.array(self.encoder),
                encoder_checksum=np.array(self.encoder_checksum),
                source=np.array(self.source),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PhotoStatistics:
        """Reads what `save` wrote.

        Raises:
            InputError: the file is missing or holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                quantiles = file["quantiles"]
                size = len(quantiles)
                correlation = np.zeros((size, size))
                correlation[np.triu_indices(size, 1)] = file["correlation"]
                return cls(
                    file["levels"],
                    quantiles,
                    correlation + correlation.T + np.eye(size),
                    file["feature_mean"],
                    file["feature_deviation"],
                    file["embedding_mean"],
                    int(file["count"]),
                    str(file["encoder"]),
                    str(file["encoder_checksum"]),
                    str(file["source"]),
                )
        except (OSError, KeyError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} holds no statistics of photographs ({error}); reinstall mmreg.") from error


def _quantiles_at(
    levels: Float[np.ndarray, " level"],
    quantiles: Float[np.ndarray, "dimension level"],
    deviates: Float[np.ndarray, "count dimension"],
) -> Float[np.ndarray, "count dimension"]:
    """Quantile functions, linear between the levels and beyond the outer ones, and at least 0."""
    upper = np.clip(np.searchsorted(levels, deviates), 1, len(levels) - 1)
    dimension = np.arange(len(quantiles))
    low, high = quantiles[dimension, upper - 1], quantiles[dimension, upper]
    along = (deviates - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
    return np.maximum(low + (high - low) * along, 0.0)


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """What the encoder "dlib-layers" tells behind the features of "dlib", given those: 2,048 numbers from halfway through the network.

    Their normal deviates are a linear map of the others', and what that leaves is a few common factors and noise of each one's own.

    Attributes:
        levels: (level,) as in `PhotoStatistics`.
        quantiles: (number, level).
        slopes: (number, dimension) on the deviates of `PhotoStatistics`.
        factors: (number, factor) loadings on independent normal factors.
        own: (number,) deviation of each one's own noise.
        encoder_checksum: of "dlib-layers".
    """

    levels: np.ndarray
    quantiles: np.ndarray
    slopes: np.ndarray
    factors: np.ndarray
    own: np.ndarray
    encoder_checksum: str

    def draw(self, deviates: Float[np.ndarray, "count dimension"], seed: int) -> Float[np.ndarray, "count number"]:
        """The numbers that go with what was drawn from `PhotoStatistics` at these deviates."""
        generator = np.random.default_rng([seed, 1])
        common = generator.standard_normal((len(deviates), self.factors.shape[1]), np.float32)
        z = deviates @ self.slopes.T + common @ self.factors.T
        z += self.own * generator.standard_normal(z.shape, np.float32)
        return _quantiles_at(self.levels, self.quantiles, z).astype(np.float32)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file of about 1.5 MB, 16-bit floats."""
        arrays = {name: getattr(self, name).astype(np.float16) for name in ("quantiles", "slopes", "factors", "own")}
        with atomic_path(path) as partial:
            np.savez_compressed(
                partial,
                levels=self.levels.astype(np.float32),
                encoder_checksum=np.array(self.encoder_checksum),
                **arrays,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LayerStatistics:
        """Reads what `save` wrote.

        Raises:
            InputError: the file is missing or holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = (file[name].astype(np.float32) for name in ("levels", "quantiles", "slopes", "factors", "own"))
                return cls(*arrays, str(file["encoder_checksum"]))
        except (OSError, KeyError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} holds no statistics of photographs ({error}); reinstall mmreg.") from error


@cache
def load_layer_statistics() -> LayerStatistics:
    """The statistics that come with the package, of the same photographs seen by the encoder "dlib-layers"."""
    return LayerStatistics.load(LAYERS_PATH)


@cache
def load_photo_statistics() -> PhotoStatistics:
    """The statistics that come with the package, of photographs seen by the encoder "dlib"."""
    return PhotoStatistics.load(PATH)


def photo_like_features(count: int, seed: int, encoder: Encoder | None = None) -> FeatureStore:
    """`count` draws in place of photographs, marked as a stand-in.

    The embedding is what the encoder's own last layer, a linear map, makes of the drawn features.

    Args:
        count: how many, at least 1.
        seed: the same seed draws the same.
        encoder: "dlib", "dlib-layers" or either with the skin's tone; None is the first.

    Raises:
        InputError: the count isn't positive, or the statistics belong to another encoder.
    """
    if count < 1:
        raise InputError(f"The number of photo-like features should be at least 1, got {count}.")
    statistics = load_photo_statistics()
    encoder = encoder or load_encoder(statistics.encoder)
    if encoder.name.endswith(SKIN):
        plain = load_encoder(encoder.name.removesuffix(SKIN))
        return photo_like_features(count, seed, plain).with_skin_tone(encoder.checksum)
    deviates = statistics.deviates(count, seed)
    features, skin = statistics.values(deviates)
    weights = np.asarray(load_encoder(statistics.encoder).network.get_layer("embedding").kernel)
    embedding = features @ weights
    layers = load_layer_statistics()
    if encoder.checksum == layers.encoder_checksum:
        features = np.concatenate([features, layers.draw(deviates, seed)], axis=1)
    elif encoder.checksum != statistics.encoder_checksum:
        raise InputError(
            f"The stand-in for photographs was made for the encoder {statistics.encoder!r} and its weights "
            f"{statistics.encoder_checksum[:12]}, not for {encoder.name!r}; encode photographs of your own."
        )
    return FeatureStore(
        features,
        embedding,
        skin,
        tuple(f"draw {index}" for index in range(count)),
        encoder.checksum,
        STAND_IN.format(count=statistics.count),
        stand_in=True,
    )
