"""The decoder of the paper's section 3.2: from a recogniser's features to coefficients of a face model."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError, atomic_path
from mmreg.face.linear_space import LinearSpace
from mmreg.face.population import Population
from mmreg.tone_reading import ToneReading, fit_tone_reading

HIDDEN_UNITS = 1024  # section 3.2: two fully connected layers of 1,024 units with ReLU
DOMAINS = ("photograph", "rendering")
MOMENTS_REACH = 2.0  # see `Regressor.match_moments`; ours
# How much of the way a deviation is brought to what it should be, by domain; 1 is all, .5 the square root of the ratio. Ours; renderings'
# was chosen from 0, .5 and 1 on the known people of `tools/known_people.py`. See `Regressor.match_moments`
STRETCH = {"photograph": 1.0, "rendering": 0.5}
FORMAT = 3  # of weights' files; 1 had no calibrations, 2 no reading of the skin's tone


class RegressorError(InputError):
    """A weights file can't be used: it isn't one, or it belongs to another face model or encoder."""


class DomainStatistics(NamedTuple):
    """What one kind of image (photographs, or renderings) looks like to the encoder, on average.

    Photographs and renderings of the same people differ in their mean features more than people do; each kind is
    standardised by its own statistics before the regressor reads it. Ours: the paper's encoder needed no such step.
    """

    feature_mean: Float[np.ndarray, " feature"]
    feature_deviation: Float[np.ndarray, " feature"]
    embedding_mean: Float[np.ndarray, " embedding"]

    @classmethod
    def of(cls, features: Float[np.ndarray, "count feature"], embeddings: Float[np.ndarray, "count embedding"]):
        """The statistics of a collection. Deviations are floored at a thousandth of their mean: some features never fire."""
        deviation = np.std(features, axis=0)
        floor = 1e-3 * float(deviation.mean()) + 1e-12
        arrays = (np.mean(features, axis=0), np.maximum(deviation, floor), np.mean(embeddings, axis=0))
        return cls(*(np.asarray(a, np.float32) for a in arrays))


class Calibration(NamedTuple):
    """What becomes of the coefficients that the layers predict for one kind of image: stretched, then shifted."""

    stretch: Float[np.ndarray, " coefficient"]
    offset: Float[np.ndarray, " coefficient"]


@dataclass(frozen=True)
class Identity:
    """What a regressor was trained for; it means nothing with another face model or another encoder."""

    model_name: str
    model_checksum: str
    encoder_name: str
    encoder_checksum: str
    shape_count: int
    albedo_count: int


@keras.saving.register_keras_serializable("mmreg")
class Regressor(keras.Model):
    """Two layers of 1,024 ReLU units, then one linear layer whose outputs are the shape and albedo coefficients.

    Its weights are pulled towards zero by the optimiser's weight decay (section 3.2).

    Args:
        identity: the face model and the encoder that it serves.
        statistics: of each domain, by its name ("photograph", "rendering").
        population: the prior in training; None is the face model's own.
        calibrations: of each domain that has one (see `match_moments`), by its name.
        tone_reading: what photographs' albedo gets its lightness from (see `read_tone`); None is from the layers, as all the rest.
    """

    def __init__(
        self,
        identity: Identity,
        statistics: dict[str, DomainStatistics],
        population: Population | None = None,
        calibrations: dict[str, Calibration] | None = None,
        tone_reading: ToneReading | None = None,
        **kwargs,
    ):
        super().__init__(name="regressor", **kwargs)
        self.identity = identity
        self._population = _Constant(population or Population.standard(identity.shape_count, identity.albedo_count))
        self._statistics = _Constant(statistics)
        self._calibrations = _Constant(dict(calibrations or {}))
        self._tone_reading = _Constant(tone_reading)
        self.hidden = [
            keras.layers.Dense(HIDDEN_UNITS, activation="relu", name=f"hidden_{k}", kernel_initializer="he_normal")
            for k in (1, 2)
        ]
        self.coefficients = keras.layers.Dense(identity.shape_count + identity.albedo_count, name="coefficients")
        self.build((None, len(statistics["photograph"].feature_mean)))

    @property
    def population(self) -> Population:
        """The mean and deviation that predictions for photographs were held to in training."""
        return self._population.value

    @property
    def statistics(self) -> dict[str, DomainStatistics]:
        """Each domain's statistics by its name."""
        return self._statistics.value

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """What `match_moments` found, by domain; training goes on without."""
        return self._calibrations.value

    @property
    def tone_reading(self) -> ToneReading | None:
        """What `read_tone` found."""
        return self._tone_reading.value

    def build(self, input_shape):
        """Makes the weights for features of `input_shape[-1]` numbers."""
        for layer, units in zip(
            [*self.hidden, self.coefficients], (input_shape[-1], HIDDEN_UNITS, HIDDEN_UNITS), strict=True
        ):
            layer.build((None, units))
        self.built = True

    def call(
        self, features: Float[Array, "batch feature"], domain: str = "photograph"
    ) -> tuple[Float[Array, "batch shape"], Float[Array, "batch albedo"]]:
        """(shape, albedo) coefficients, standard normal by intent, from the encoder's raw features of one domain."""
        x = self._uncalibrated(features, domain)
        if domain in self.calibrations:
            stretch, offset = self.calibrations[domain]
            x = stretch * x + offset
        return x[:, : self.identity.shape_count], x[:, self.identity.shape_count :]

    def _standardised(self, features, domain: str):
        mean, deviation, _ = self.statistics[domain]
        return (features - mean) / deviation

    def _uncalibrated(self, features, domain: str):
        standardised = x = self._standardised(features, domain)
        for layer in self.hidden:
            x = layer(x)
        x = self.coefficients(x)
        if domain != "photograph" or self.tone_reading is None:
            return x
        shape, albedo = x[:, : self.identity.shape_count], x[:, self.identity.shape_count :]
        return ops.concatenate([shape, self.tone_reading.applied(albedo, standardised)], axis=1)

    def read_tone(
        self,
        features: Float[Array, "batch feature"],
        lightness: Float[np.ndarray, " batch"],
        skin: LinearSpace,
        weights: Float[np.ndarray, " batch"] | None = None,
    ) -> None:
        """From here on, how light the skin of photographed people is comes from a weighted sum of features, and not from the layers. Ours.

        Args:
            lightness, skin, weights: as `fit_tone_reading` asks for them.
        """
        standardised = self._standardised(features, "photograph")
        self._tone_reading.value = fit_tone_reading(standardised, lightness, self.population, skin, weights)

    def match_lightness(
        self, features: Float[Array, "batch feature"], weights: Float[np.ndarray, " batch"] | None = None
    ) -> None:
        """Bends what `read_tone` reads, so that over photographs with these features dark skin is as dark as the population's, and as often. Ours.

        Args:
            weights: how much each photograph counts; None is all the same.
        """
        standardised = self._standardised(features, "photograph")
        self._tone_reading.value = self.tone_reading.with_fewer_blackest(standardised, weights)

    def match_moments(
        self,
        features: Float[Array, "batch feature"],
        held_shape: int | None = None,
        held_albedo: int | None = None,
        weights: Float[np.ndarray, " batch"] | None = None,
        domain: str = "photograph",
    ) -> None:
        """Shifts and stretches each coefficient predicted for one kind of image, so that over images with these features it has the mean
        and deviation of whom they show: photographs the population, renderings the face model's own people, standard normal.

        Photographs' deviations are matched, renderings' half way (the square root of the ratio): what a picture doesn't tell is best
        answered by the mean, so that predictions differ less than people do and have the smallest error; a population of such answers lacks faces
        that there are. A deviation is changed by at most `MOMENTS_REACH`. Replaces the domain's calibration.

        Args:
            held_shape, held_albedo: as in `batch_distribution_loss`: the components after these are never stretched, only shrunk.
            weights: how much each image counts; None is all the same.

        Ours: the losses ask for both, but the batch distribution's is heard through a batch's noise, and says nothing of renderings, whose predictions come
        from the same layers. A regressor that didn't learn to spread its predictions stays timid: stretching further would only
        enlarge its errors.
        """
        found = self._predictions(features, domain, calibrated=False)
        found_mean = np.average(found, axis=0, weights=weights)
        found_deviation = np.sqrt(np.average((found - found_mean) ** 2, axis=0, weights=weights))
        own = Population.standard(self.identity.shape_count, self.identity.albedo_count)
        wanted = self.population if domain == "photograph" else own
        mean = np.concatenate([wanted.shape_mean, wanted.albedo_mean])
        deviation = np.concatenate([wanted.shape_deviation, wanted.albedo_deviation])
        reach = np.concatenate(
            [
                np.where(np.arange(count) < (count if held is None else held), MOMENTS_REACH, 1.0)
                for count, held in ((len(wanted.shape_mean), held_shape), (len(wanted.albedo_mean), held_albedo))
            ]
        )
        stretch = np.clip(deviation / np.maximum(found_deviation, 1e-6), 1 / MOMENTS_REACH, reach) ** STRETCH[domain]
        self.calibrations[domain] = Calibration(
            stretch.astype(np.float32), (mean - found_mean * stretch).astype(np.float32)
        )

    def fit_population_mean(
        self,
        features: Float[Array, "batch feature"],
        skin: LinearSpace,
        weights: Float[np.ndarray, " batch"] | None = None,
    ) -> None:
        """Takes the mean prediction for photographs with these features for the mean of their population, but for the colour of its skin.

        Where training held the mean loosely it has settled between the prior's and what the photographs' losses wanted, so that this is what
        is believed of the photographed from then on. Deviations stay the prior's, and so does the mean colour of the skin, since no photograph tells how
        bright its light was: the mean is moved to that colour by as few of the population's deviations as possible. Ours.

        Args:
            skin: the mean colour of a face's skin, from albedo coefficients.
            weights: how much each photograph counts; None is all the same.
        """
        predicted = np.average(self._predictions(features, "photograph"), axis=0, weights=weights)
        shape, albedo = np.split(predicted, [self.identity.shape_count])
        before = self.population
        slopes = skin.basis * skin.standard_deviations * before.albedo_deviation
        missing = slopes @ ((before.albedo_mean - albedo) / before.albedo_deviation)
        albedo = albedo + before.albedo_deviation * (np.linalg.pinv(slopes) @ missing)
        self._population.value = before._replace(
            shape_mean=shape.astype(np.float32), albedo_mean=albedo.astype(np.float32)
        )

    def _predictions(self, features, domain: str, calibrated: bool = True) -> Float[np.ndarray, "batch coefficient"]:
        """Shape's and albedo's coefficients of images of one domain, of as many as there are."""

        def predict(rows):
            return np.concatenate(self(rows, domain=domain), axis=1) if calibrated else self._uncalibrated(rows, domain)

        return np.concatenate([np.asarray(predict(features[k : k + 1024])) for k in range(0, len(features), 1024)])

    def save_file(self, path: str | Path, provenance: dict) -> None:
        """Writes weights (16-bit floats), statistics, calibrations, identity and provenance to one `.npz`, whole or not at all."""
        arrays = {f"weight_{k}": np.asarray(w, np.float16) for k, w in enumerate(self.get_weights())}
        for domain, statistics in self.statistics.items():
            arrays |= {f"{domain}_{name}": value for name, value in statistics._asdict().items()}
        for domain, calibration in self.calibrations.items():
            arrays |= {f"{domain}_{name}": value for name, value in calibration._asdict().items()}
        arrays |= {f"population_{name}": value for name, value in self.population._asdict().items()}
        if self.tone_reading is not None:
            arrays |= {f"tone_{name}": value for name, value in self.tone_reading._asdict().items()}
        header = json.dumps({"format": FORMAT, "identity": self.identity.__dict__, "provenance": provenance})
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, header=np.frombuffer(header.encode(), np.uint8), **arrays)


class _Constant:
    """Holds a value out of sight of Keras, which would otherwise take dictionaries of arrays for its own state."""

    def __init__(self, value):
        self.value = value


class LoadedRegressor(NamedTuple):
    """A regressor from a file, what is known of its making, and the file's checksum (SHA-256, hexadecimal)."""

    regressor: Regressor
    provenance: dict
    checksum: str


def load_regressor(
    path: str | Path, model_checksum: str | None = None, encoder_checksum: str | None = None
) -> LoadedRegressor:
    """Reads a regressor, and refuses one that belongs to another face model or encoder.

    Raises:
        RegressorError: the file is missing, isn't a regressor, or its checksums differ from those given.
    """
    path = Path(path)
    if not path.is_file():
        raise RegressorError(f"{path} isn't there; train a regressor with `mmreg train`, or leave --weights out.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(arrays["header"].tobytes().decode())
        if header["format"] > FORMAT:
            raise RegressorError(
                f"{path} was written by a newer mmreg (format {header['format']}, this one reads up to {FORMAT}); install the newer one."
            )
        identity = Identity(**header["identity"])
        statistics = {
            domain: DomainStatistics(
                *(arrays[f"{domain}_{name}"].astype(np.float32) for name in DomainStatistics._fields)
            )
            for domain in DOMAINS
        }
        calibrations = {
            domain: Calibration(*(arrays[f"{domain}_{name}"].astype(np.float32) for name in Calibration._fields))
            for domain in DOMAINS
            if f"{domain}_{Calibration._fields[0]}" in arrays
        }
        population = None
        if f"population_{Population._fields[0]}" in arrays:
            population = Population(*(arrays[f"population_{name}"].astype(np.float32) for name in Population._fields))
        reading = None
        if f"tone_{ToneReading._fields[0]}" in arrays:
            reading = ToneReading(*(arrays[f"tone_{name}"].astype(np.float32) for name in ToneReading._fields))
        weights = [arrays[f"weight_{k}"].astype(np.float32) for k in range(6)]
    except RegressorError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise RegressorError(
            f"{path} isn't a regressor of mmreg: expected the .npz that `mmreg train` writes ({type(error).__name__})."
        ) from error
    if model_checksum is not None:
        check_model(path, identity, model_checksum)
    if encoder_checksum is not None:
        check_encoder(path, identity, encoder_checksum)
    regressor = Regressor(identity, statistics, population, calibrations, reading)
    expected = [tuple(w.shape) for w in regressor.weights]
    if [w.shape for w in weights] != expected:
        raise RegressorError(f"{path} holds weights of shapes {[w.shape for w in weights]}, expected {expected}.")
    regressor.set_weights(weights)
    return LoadedRegressor(regressor, header["provenance"], hashlib.sha256(path.read_bytes()).hexdigest())


def check_model(path: str | Path, identity: Identity, checksum: str) -> None:
    """Raises RegressorError if the weights at `path` are another face model's than the one with this checksum."""
    _check(path, f"the face model {identity.model_name!r}", identity.model_checksum, checksum)


def check_encoder(path: str | Path, identity: Identity, checksum: str) -> None:
    """Raises RegressorError if the weights at `path` are another encoder's than the one with this checksum."""
    _check(path, f"the encoder {identity.encoder_name!r}", identity.encoder_checksum, checksum)


def _check(path, kind: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise RegressorError(
            f"{path} was trained for {kind} with checksum {found[:12]}…, but the one in use has {wanted[:12]}…; "
            "use the weights trained for it, or train anew with `mmreg train`."
        )


def fresh_regressor(
    model, encoder, statistics: dict[str, DomainStatistics], seed: int, population: Population | None = None
) -> Regressor:
    """An untrained regressor for a face model and an encoder. Its last layer starts small, near the mean face of a population.

    Args:
        model: has `name`, `checksum`, `shape` and `albedo` spaces.
        encoder: has `name` and `checksum`.
        population: whom the photographs show; None is the model's own.
    """
    keras.utils.set_random_seed(seed)
    identity = Identity(
        model.name,
        model.checksum,
        encoder.name,
        encoder.checksum,
        model.shape.component_count,
        model.albedo.component_count,
    )
    regressor = Regressor(identity, statistics, population)
    kernel = regressor.coefficients.kernel
    kernel.assign(ops.multiply(kernel, 0.1))
    middle = regressor.population
    regressor.coefficients.bias.assign(np.concatenate([middle.shape_mean, middle.albedo_mean]))
    return regressor
