"""How large a run is: QUICK runs anywhere in minutes, SHORT compares variants, FULL is for a regressor to be used, PAPER is the paper's setting.

Values that the paper states are cited; what it is silent about begins `ours`.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from mmreg.arrays import InputError


@dataclass(frozen=True)
class LossWeights:
    """Weights of the objective L = ω_param L_param + ω_id L_id + ω_batch L_batchdistr + ω_loop L_loopback + ω_skin L_skin."""

    parameter: float = 1.0  # section 3.3: L_param enters as it is
    identity: float = 1.0  # section 3.3: L_id enters as it is
    batch_distribution: float = 10.0  # section 3.3
    loopback: float = 0.07  # section 3.3
    skin_tone: float = 0.0  # ours: the paper has no such term


@dataclass(frozen=True)
class Profile:
    """Everything that decides a training run, save the data and the seed."""

    name: str
    encoder: str  # by its name in `encoders.load_encoder`
    # stage one: synthetic faces alone
    stage_one_steps: int
    stage_one_batch: int
    stage_one_learning_rate: float
    # stage two: photographs and synthetic faces in each batch
    stage_two_steps: int
    photos_per_step: int
    views_per_photo: int  # section 3.3.2: three
    distribution_photos: int  # photographs a step whose features alone enter L_batchdistr
    synthetic_per_step: int
    stage_two_learning_rate: float
    warmup_steps: int
    weights: LossWeights
    weight_decay: float
    gradient_clip: float  # global norm
    statistics_renderings: int  # renderings from which the synthetic domain's mean and deviation are measured, and at the end its predictions'
    # ours: synthetic faces wear what photographs do; their targets stay neutral (section 3.1 predicts neutral faces)
    expression_deviation: float = 0.0  # of the synthetic faces' expression coefficients
    nuisances: bool = False  # whether synthetic faces' pictures are covered, blurred, noisy and compressed now and then
    deviation_power: float = 0.0  # of a component's deviation, by which L_param and L_loopback weigh it; 0 is all alike
    surface_errors: bool = False  # whether these two measure a shape's error where it moves the face's surface, and not coefficient by coefficient
    held_variance: float = 1.0  # of the model's, whose components L_batchdistr holds to the prior's deviation
    mean_weight: float = 1.0  # of L_batchdistr's terms of the means beside those of the variances; below 1 the population's mean is fitted
    identity_centre: str = "domain"  # what L_id measures directions from: the means of each "domain", or of the "batch"
    identity_features: float = (
        0.0  # the share of L_id that compares the recogniser's last features; the rest compares embeddings
    )
    predictions_both_sides: bool = False  # whether predictions' pictures are seen from both sides where photographs are; synthetic faces' always are
    tone_reading: bool = (
        False  # whether a weighted sum of features says how light a photograph's skin is: `mmreg.tone_reading`
    )
    population: str = "model"  # whom the photographs show, by its name in `face.population`: the prior of L_batchdistr
    each_person_once: bool = (
        False  # whether photographs are drawn so that people count alike, however many photographs each has
    )
    triangles: int | None = None  # of the mesh in training, about; None is all that an encoder can see
    # ours: how far the framing of a rendering strays; meant to keep from learning what holds in one framing alone
    crop_scale_jitter: float = 0.03  # standard deviation of the logarithm of its size
    crop_offset_jitter: float = 2.0  # pixels

    def to_dict(self) -> dict:
        """Every value, for the provenance of a result."""
        return asdict(self)


# ours: L_param is a sum over coefficients, near 80 for the mean face, and L_id at most 2, so that a weight of 1 is hardly heard;
# L_skin is at most 2 as well. Chosen by short trials; the runs of results/training say what some of the weights are worth. That of
# synthetic faces is meant to keep stage one's shapes.
_TUNED = LossWeights(parameter=150.0, identity=20_000.0, batch_distribution=5.0, skin_tone=6000.0)

FULL = Profile(
    name="full",
    encoder="dlib-layers+skin",  # ours: the recogniser's features, a coarse map from halfway to them, and the colour of the cheeks; of both sides
    stage_one_steps=2000,
    stage_one_batch=32,
    stage_one_learning_rate=5e-4,
    stage_two_steps=2600,
    photos_per_step=32,
    views_per_photo=1,  # Paper: three; ours spends the same rendering on more photographs, not yet compared at length
    distribution_photos=128,
    synthetic_per_step=32,
    stage_two_learning_rate=1e-3,
    warmup_steps=30,
    weights=_TUNED,
    weight_decay=1e-4,
    gradient_clip=1e4,
    statistics_renderings=1024,
    expression_deviation=0.7,
    nuisances=True,
    deviation_power=0.8,  # Paper: 0; ours listens to what moves the face, since most components' errors are noise
    surface_errors=True,  # Paper: False; ours measures shapes as section 6.2 does
    held_variance=0.95,  # Paper: all components; ours doesn't ask for what features can't tell
    mean_weight=0.05,  # Paper: 1; ours lets the mean of the photographed be learnt, near that of the population below
    identity_centre="batch",
    predictions_both_sides=True,  # ours: like is compared with like
    tone_reading=True,  # ours: the layers' own lightness follows a photograph's light
    identity_features=0.5,  # Paper: 0, embeddings alone; meant to please less the taste of one layer
    population="press",  # ours: LFW's people, of whom the photographs at hand are
    each_person_once=True,  # a population is of people; a president of whom the press has 530 photographs is one of them
    triangles=16_000,  # about one for every pixel of a face
    crop_scale_jitter=0.08,
    crop_offset_jitter=5.0,
)

# ours: for comparing variants. It is smaller, and does without two things that `full` has and two variants have to show: predictions are seen
# from one side, which takes a quarter less time, and skin's lightness is the layers' own
SHORT = replace(
    FULL,
    name="short",
    stage_one_steps=400,
    stage_two_steps=200,
    synthetic_per_step=24,
    weights=replace(_TUNED, parameter=100.0),
    predictions_both_sides=False,
    tone_reading=False,
)

QUICK = replace(
    FULL,
    name="quick",
    encoder="dlib+skin",  # 256 features, which take fewer faces to learn from
    stage_one_steps=100,
    stage_one_batch=32,
    stage_one_learning_rate=1e-3,
    stage_two_steps=60,
    photos_per_step=6,
    distribution_photos=512,
    views_per_photo=3,  # section 3.3.2
    synthetic_per_step=8,
    stage_two_learning_rate=3e-4,
    warmup_steps=10,
    weights=LossWeights(identity=2000.0, skin_tone=400.0),  # gentler than in `FULL`, as 60 steps are few
    statistics_renderings=128,
    deviation_power=0.0,  # section 3.3.1
    surface_errors=False,  # section 3.3.1
    held_variance=1.0,  # section 3.3.3
    mean_weight=1.0,  # section 3.3.3
    identity_features=0.0,  # section 3.3.2
    predictions_both_sides=False,
    tone_reading=False,
    identity_centre="domain",  # six photographs have no mean to speak of
    population="model",  # section 3.3.3: the pages show the paper's prior first
    each_person_once=False,  # nor has the stand-in's crowd anybody twice
    triangles=None,
)

PAPER = replace(
    FULL,
    name="paper",
    encoder="dlib",
    stage_one_steps=20_000,  # ours: not stated
    stage_one_batch=64,  # ours: not stated
    stage_one_learning_rate=1e-3,  # ours: not stated
    stage_two_steps=200_000,  # ours: not stated, "to convergence"
    photos_per_step=64,  # ours: not stated
    views_per_photo=3,  # section 3.3.2
    distribution_photos=0,  # section 3.3.3: the statistics of each training batch
    synthetic_per_step=64,  # ours: not stated
    stage_two_learning_rate=3e-4,  # ours: not stated
    weights=LossWeights(),
    statistics_renderings=4096,
    expression_deviation=0.0,  # section 3.3.1 draws shape, albedo, pose and light
    nuisances=False,  # as the line before
    deviation_power=0.0,  # section 3.3.1
    surface_errors=False,  # section 3.3.1
    held_variance=1.0,  # section 3.3.3
    mean_weight=1.0,  # section 3.3.3
    identity_features=0.0,  # section 3.3.2
    predictions_both_sides=False,
    tone_reading=False,
    identity_centre="domain",  # for FaceNet it would be none: see `losses.identity_loss`
    population="model",  # section 3.3.3
    each_person_once=False,
    triangles=None,
)

PROFILES = {profile.name: profile for profile in (QUICK, SHORT, FULL, PAPER)}


def get_profile(name: str) -> Profile:
    """The profile called `name`.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise InputError(f"There is no profile {name!r}; choose one of {', '.join(PROFILES)}.") from None


@dataclass(frozen=True)
class Variant:
    """A profile with a few values changed, and how tables call the run."""

    name: str
    what: str
    profile: Profile


def variant_names() -> list[str]:
    """The runs that `variants.toml` lists, in its order."""
    return list(_listed())


def get_variant(name: str, profile: Profile) -> Variant:
    """The run of that name in `variants.toml`, at the profile's size.

    Raises:
        InputError: there is none of that name, or it names what a profile doesn't have.
    """
    listed = _listed()
    if name not in listed:
        raise InputError(f"There is no variant {name!r}; choose one of {', '.join(listed)}.")
    changes = dict(listed[name])
    what, weights = changes.pop("what"), changes.pop("weights", {})
    try:
        changed = replace(profile, weights=replace(profile.weights, **weights), **changes)
    except TypeError as error:
        raise InputError(
            f"variants.toml, {name}: {error}; its keys must be fields of Profile and LossWeights."
        ) from error
    return Variant(name, what, replace(changed, name=f"{profile.name}, {name}"))


@cache
def _listed() -> dict[str, dict]:
    return tomllib.loads(Path(__file__).with_name("variants.toml").read_text(encoding="utf-8"))
