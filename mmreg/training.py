"""The two stages (section 3.3): synthetic faces alone, then photographs and synthetic faces together.

What a step is given, and what a run does before, between and after its steps. What a step makes of it is the objective's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from mmreg.arrays import atomic_path
from mmreg.data.feature_store import FeatureStore
from mmreg.data.nuisances import sample_nuisances
from mmreg.data.synthetic import DEFAULT_SCENES, SceneSettings, sample_scenes
from mmreg.encoders.registry import Encoder
from mmreg.face.coefficients import Coefficients
from mmreg.face.population import get_population
from mmreg.objective import Batch, Trainer
from mmreg.optimizer import FusedAdamW
from mmreg.profiles import LossWeights, Profile
from mmreg.regressor import DomainStatistics, Regressor, fresh_regressor
from mmreg.results import Data, Provenance, write_result
from mmreg.run import Run, TrainingError, Watch, seconds_spent
from mmreg.studio import Studio, random_renderings, rendering_statistics, step_seed

STAGES = ("stage_one", "stage_two")
# Of what a photograph's skin deviates from alike people's, how much the reading of its lightness is fitted to. Less scatters less and keeps people's
# order less well: chosen on training people left out of the fit (`tools/skin_tone_bound.py`). Ours
LIGHTNESS_SHARE = 0.13


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
        predictions_both_sides=profile.predictions_both_sides,
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
    if not (folder / "stage_one.npz").exists():  # its record's seconds are stage one's, and a resumed run's are of both
        regressor.save_file(folder / "stage_one.npz", provenance.to_dict())
    regressor.calibrations.clear()  # training goes on with what the layers say themselves
    people = photos.person_share if profile.each_person_once else None
    if profile.tone_reading:
        lightness = photos.tone_in_average_light(LIGHTNESS_SHARE)[:, 0]
        regressor.read_tone(photos.features, lightness, studio.skin, people)
    history["stage_two"] = train_stage_two(studio, regressor, photos, profile, seed, folder, watches["stage_two"])
    if profile.weights.batch_distribution and profile.stage_two_steps:
        if profile.tone_reading:
            regressor.match_lightness(photos.features, people)
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
