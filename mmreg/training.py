"""The two stages (section 3.3): synthetic faces alone, then photographs and synthetic faces together.

This is the one place that wires the studio (face model, renderer, encoder), the regressor and the losses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from mmreg import losses
from mmreg.arrays import Array, Float, atomic_path
from mmreg.color import srgb_to_linear, tone
from mmreg.data.feature_store import FeatureStore
from mmreg.data.nuisances import Nuisances, sample_nuisances
from mmreg.data.synthetic import DEFAULT_SCENES, Scene, SceneSettings, sample_scenes
from mmreg.encoders.registry import Encoder, Encoding
from mmreg.face.coefficients import Coefficients
from mmreg.face.population import get_population
from mmreg.face.surface_form import surface_form
from mmreg.optimizer import FusedAdamW
from mmreg.profiles import LossWeights, Profile
from mmreg.regressor import DOMAINS, DomainStatistics, Regressor, fresh_regressor
from mmreg.results import Data, Provenance, write_result
from mmreg.run import Run, TrainingError, Watch, seconds_spent
from mmreg.studio import Studio, random_renderings, rendering_statistics, step_seed

TERMS = ("parameter", "identity", "batch_distribution", "loopback")  # the paper's
OUR_TERMS = ("skin_tone",)
IDENTITY_CENTRES = ("domain", "batch")
STAGES = ("stage_one", "stage_two")


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
        identity_centre, held_variance, mean_weight, deviation_power, surface_errors, identity_features: as in `Profile`.
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
        encoding = self.studio.value.encode(faces, batch.photo_scene)
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


def stage_one_batch(studio: Studio, profile: Profile, seed: int, step: int) -> Batch:
    """Synthetic faces with shape, albedo, pose and light drawn independently (section 3.3), fresh for every step."""
    return _synthetic_batch(studio, profile, profile.stage_one_batch, step_seed(seed, 1, step))


def stage_two_batch(studio: Studio, photos: FeatureStore, profile: Profile, seed: int, step: int) -> Batch:
    """Synthetic faces, and photographs of which the first are rendered in several scenes each."""
    batch_seed = step_seed(seed, 2, step)
    rng = np.random.default_rng(batch_seed)
    wanted = min(profile.photos_per_step + profile.distribution_photos, len(photos))
    share = photos.person_share if profile.each_person_once else None
    chosen = rng.choice(len(photos), wanted, replace=False, p=share)
    rendered = min(profile.photos_per_step, wanted)
    return _synthetic_batch(studio, profile, profile.synthetic_per_step, batch_seed + 1)._replace(
        photo_features=photos.features[chosen],
        photo_tone=photos.person_tone[chosen] if profile.weights.skin_tone else None,
        photo_embedding=photos.embedding[chosen[:rendered]],
        photo_scene=sample_scenes(rendered * profile.views_per_photo, batch_seed + 2, _scenes(profile)),
    )


def _synthetic_batch(studio: Studio, profile: Profile, count: int, seed: int) -> Batch:
    faces = Coefficients.sample(studio.model, count, seed, expression=profile.expression_deviation > 0.0)
    if faces.expression is not None:
        faces = faces._replace(expression=np.float32(profile.expression_deviation) * faces.expression)
    nuisances = sample_nuisances(count, studio.encoder.image_size, seed + 2) if profile.nuisances else None
    return Batch(faces, sample_scenes(count, seed + 1, _scenes(profile)), nuisances)


def _scenes(profile: Profile) -> SceneSettings:
    return replace(
        DEFAULT_SCENES, crop_scale_jitter=profile.crop_scale_jitter, crop_offset_jitter=profile.crop_offset_jitter
    )


def trainer_of(studio: Studio, regressor: Regressor, profile: Profile, stage: str) -> Trainer:
    """The trainer of "stage_one" or "stage_two" as the profile wants it, not compiled yet.

    The weights are stage two's; stage one has one term, and trains by it even where stage two is to do without.
    """
    if stage == "stage_one":
        return Trainer(
            regressor,
            studio,
            LossWeights(),
            deviation_power=profile.deviation_power,
            surface_errors=profile.surface_errors,
        )
    return Trainer(
        regressor,
        studio,
        profile.weights,
        views_per_photo=profile.views_per_photo,
        identity_centre=profile.identity_centre,
        held_variance=profile.held_variance,
        mean_weight=profile.mean_weight,
        deviation_power=profile.deviation_power,
        surface_errors=profile.surface_errors,
        identity_features=profile.identity_features,
    )


def train_stage_one(
    studio: Studio, regressor: Regressor, profile: Profile, seed: int, folder: Path, watch: Watch | None = None
) -> list[dict]:
    """Supervised training on synthetic faces alone; changes the regressor, returns the terms of every step."""
    trainer = trainer_of(studio, regressor, profile, "stage_one")
    schedule = keras.optimizers.schedules.CosineDecay(profile.stage_one_learning_rate, max(1, profile.stage_one_steps))
    compile_trainer(trainer, schedule, profile)
    run = Run(folder, "stage_one", trainer, partial(stage_one_batch, studio, profile, seed))
    return run.train(profile.stage_one_steps, watch=watch)


def train_stage_two(
    studio: Studio,
    regressor: Regressor,
    photos: FeatureStore,
    profile: Profile,
    seed: int,
    folder: Path,
    watch: Watch | None = None,
) -> list[dict]:
    """Training with photographs, known by their stored encodings only; changes the regressor, returns the terms.

    Raises:
        TrainingError: fewer than two photographs: a batch must have a variance.
    """
    if len(photos) < 2:
        raise TrainingError(f"Stage two needs at least two photographs, but {photos.source} holds {len(photos)}.")
    trainer = trainer_of(studio, regressor, profile, "stage_two")
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, profile.stage_two_steps - profile.warmup_steps),
        alpha=0.05,
        warmup_target=profile.stage_two_learning_rate,
        warmup_steps=profile.warmup_steps,
    )
    compile_trainer(trainer, schedule, profile)
    run = Run(folder, "stage_two", trainer, partial(stage_two_batch, studio, photos, profile, seed))
    return run.train(profile.stage_two_steps, watch=watch)


def train_run(
    studio: Studio,
    photos: FeatureStore,
    profile: Profile,
    seed: int,
    folder: Path,
    resume: bool = False,
    observer: Callable[[str], Watch] | None = None,
) -> Regressor:
    """Both stages, in a folder that then holds `stage_one.npz`, `regressor.npz` and `run.json`.

    Args:
        observer: makes what looks on, by the stage's name ("stage_one", "stage_two").

    Raises:
        TrainingError: the folder holds a run and `resume` isn't asked for; or it holds a run of other settings; or the
            photographs were encoded by another encoder.
    """
    _check_encoder(photos, studio.encoder)
    folder = Path(folder)
    provenance = _provenance(photos, profile, seed)
    _open_run(folder, studio, provenance, resume)
    provenance.started -= sum(seconds_spent(folder, stage) for stage in STAGES)
    population = get_population(profile.population, studio.model)
    statistics = {
        "photograph": DomainStatistics.of(photos.features, photos.embedding),
        "rendering": rendering_statistics(studio, profile.statistics_renderings, seed, population=population),
    }
    regressor = fresh_regressor(studio.model, studio.encoder, statistics, seed, population)
    watches = {stage: observer(stage) if observer else None for stage in STAGES}
    history = {"stage_one": train_stage_one(studio, regressor, profile, seed, folder, watches["stage_one"])}
    held = tuple(space.leading(profile.held_variance) for space in (studio.model.shape, studio.model.albedo))
    renderings = random_renderings(
        studio, profile.statistics_renderings, step_seed(seed, 3), as_photographs=True
    ).features
    regressor.match_moments(renderings, *held, domain="rendering")
    regressor.save_file(folder / "stage_one.npz", provenance.to_dict())
    regressor.calibrations.clear()  # training goes on with what the layers say themselves
    history["stage_two"] = train_stage_two(studio, regressor, photos, profile, seed, folder, watches["stage_two"])
    if profile.weights.batch_distribution and profile.stage_two_steps:
        people = photos.person_share if profile.each_person_once else None
        if profile.mean_weight < 1.0:
            regressor.fit_population_mean(photos.features, studio.skin, people)
        regressor.match_moments(photos.features, *held, people)
    if profile.weights.parameter:  # synthetic faces had a say
        regressor.match_moments(renderings, *held, domain="rendering")
    regressor.save_file(folder / "regressor.npz", provenance.to_dict())
    write_result(folder / "run.json", {"history": history}, provenance)
    return regressor


def _check_encoder(photos: FeatureStore, encoder: Encoder) -> None:
    if photos.encoder_checksum != encoder.checksum:
        raise TrainingError(
            f"{photos.source} was encoded by weights {photos.encoder_checksum[:12]}…, but the encoder in use has "
            f"{encoder.checksum[:12]}…; encode the photographs anew with `mmreg data encode`."
        )


def _provenance(photos: FeatureStore, profile: Profile, seed: int) -> Provenance:
    names = hashlib.sha256("\n".join(photos.names).encode()).hexdigest()
    return Provenance([Data(photos.source, len(photos), names, photos.stand_in)], profile.to_dict(), seed)


def _open_run(folder: Path, studio: Studio, provenance: Provenance, resume: bool) -> None:
    """Writes what the run is to `settings.json`, or holds a run to be resumed to it."""
    record = provenance.to_dict()
    settings = {
        "data": record["data"],
        "profile": record["profile"],
        "seed": record["seed"],
        "model": studio.model.checksum,
        "encoder": studio.encoder.checksum,
    }
    path = folder / "settings.json"
    if not path.exists():
        with atomic_path(path) as partial_path:
            partial_path.write_text(json.dumps(settings, indent=1) + "\n")
        return
    if not resume:
        raise TrainingError(
            f"{folder} holds a run already; go on with it by --resume, or choose another folder with --out."
        )
    former = json.loads(path.read_text())
    differing = [name for name in settings if former.get(name) != settings[name]]
    if differing:
        raise TrainingError(
            f"{folder} holds a run with another {', another '.join(differing)}; resume with the same settings, or choose "
            "another folder with --out."
        )


def compile_trainer(trainer: Trainer, schedule, profile: Profile) -> None:
    """Gives the trainer its optimiser, with a learning rate or a schedule of it."""
    # Paper: optimiser, learning rate and weight decay aren't stated; AdamW and these values are ours
    optimizer = FusedAdamW(schedule, weight_decay=profile.weight_decay, global_clipnorm=profile.gradient_clip)
    trainer.compile(optimizer=optimizer, jit_compile=keras.config.backend() == "jax")
