from dataclasses import replace

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmreg.data.photographs import photo_like_features
from mmreg.objective import Trainer
from mmreg.observation import Observer, gradient_norms, moments, term_gradients
from mmreg.profiles import QUICK
from mmreg.regressor import DomainStatistics, fresh_regressor
from mmreg.studio import Studio
from mmreg.training import stage_two_batch, train_run

TINY = replace(
    QUICK,
    name="tiny",
    encoder="dlib",
    stage_one_steps=1,
    stage_one_batch=2,
    stage_two_steps=3,
    photos_per_step=2,
    views_per_photo=1,
    distribution_photos=20,
    synthetic_per_step=2,
    statistics_renderings=16,
    weights=replace(QUICK.weights, skin_tone=0.0),
)


@pytest.fixture(scope="module")
def studio(open_model, encoder):
    return Studio(open_model, encoder)


@pytest.fixture(scope="module")
def photos():
    return photo_like_features(60, 0)


@pytest.fixture(scope="module")
def events(studio, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train_run(studio, photos, TINY, 0, folder, observer=Observer(studio, photos, TINY, 0, every=2))
    log = EventAccumulator(str(folder / "tensorboard/stage_two"), {"tensors": 0})
    log.Reload()
    return {tag: log.Tensors(tag) for tag in log.Tags()["tensors"]}


def steps_of(events, tag):
    return [event.step for event in events[tag]]


def test_a_run_shows_terms_at_every_step_and_the_rest_seldom(events):
    assert steps_of(events, "identity") == [1, 2, 3]
    assert steps_of(events, "moments/shape_deviation") == [1, 2]
    assert steps_of(events, "faces") == [1, 2]
    for term in ("parameter", "identity", "batch_distribution", "loopback", "total"):
        assert steps_of(events, f"gradient/{term}") == [2]


def test_a_strip_shows_the_faces_of_six_people_side_by_side(events):
    width, height, picture = events["faces"][0].tensor_proto.string_val[:3]
    assert (int(width), int(height)) == (6 * 160, 160)
    assert picture.startswith(b"\x89PNG")


def test_a_small_step_against_a_gradient_lowers_its_term_by_the_square_of_its_length(studio, photos):
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    domains = {"photograph": statistics, "rendering": statistics}
    regressor = fresh_regressor(studio.model, studio.encoder, domains, 0)
    trainer = Trainer(regressor, studio, TINY.weights)
    batch = stage_two_batch(studio, photos, TINY, 0, 0)
    gradients = term_gradients(trainer)(batch)
    norms = gradient_norms(gradients)
    before = {name: float(value) for name, value in trainer.call(batch).items()}
    weights = regressor.get_weights()
    for term in ("parameter", "batch_distribution"):  # what goes through pictures lacks the derivative at silhouettes
        step = 1e-3 * before[term] * getattr(TINY.weights, term) / norms[term] ** 2
        regressor.set_weights([w - step * np.asarray(g) for w, g in zip(weights, gradients[term], strict=True)])
        lowered = getattr(TINY.weights, term) * (before[term] - float(trainer.call(batch)[term]))
        assert lowered == pytest.approx(step * norms[term] ** 2, rel=0.1), term


def test_the_total_is_the_length_of_the_sum():
    gradients = {"a": [np.array([3.0, 0.0]), np.array([1.0])], "b": [np.array([0.0, 4.0]), np.array([-1.0])]}
    found = gradient_norms(gradients)
    assert found["a"] == pytest.approx(10**0.5)
    assert found["total"] == pytest.approx(5.0)


def test_the_model_s_own_people_have_its_moments_and_a_collapsed_crowd_has_not():
    shape, albedo = np.random.default_rng(0).normal(size=(2, 4000, 50))
    own = moments(shape, albedo)
    assert own["shape_deviation"] == pytest.approx(1.0, abs=0.02)
    assert own["albedo_beyond_3"] == pytest.approx(0.0027, abs=0.001)
    collapsed = moments(0 * shape + 4.0, albedo)
    assert (collapsed["shape_offset"], collapsed["shape_deviation"], collapsed["shape_beyond_3"]) == (4.0, 0.0, 1.0)
