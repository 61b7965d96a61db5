from dataclasses import replace

import numpy as np
import pytest

from mmreg.comparison import predict, short_profile, short_run, similarities
from mmreg.data.photographs import photo_like_features
from mmreg.data.synthetic import sample_scenes, studio_scene
from mmreg.encoders import centred_unit, cosine
from mmreg.profiles import FULL, QUICK, SHORT
from mmreg.regressor import DomainStatistics, fresh_regressor
from mmreg.studio import Studio, take_rows

TINY = replace(
    short_profile(replace(QUICK, encoder="dlib"), photos=2, synthetic=1),
    stage_two_steps=3,
    distribution_photos=20,
    weights=replace(QUICK.weights, skin_tone=0.0),
)


@pytest.fixture(scope="module")
def studio(open_model, encoder):
    return Studio(open_model, encoder)


@pytest.fixture(scope="module")
def photos():
    return photo_like_features(40, 0)


@pytest.fixture(scope="module")
def start(studio, photos, tmp_path_factory):
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    domains = {"photograph": statistics, "rendering": statistics}
    path = tmp_path_factory.mktemp("start") / "stage_one.npz"
    fresh_regressor(studio.model, studio.encoder, domains, 0).save_file(path, {})
    return path


@pytest.fixture(scope="module")
def runs(studio, photos, start):
    """A run, and one that always sees its faces from the front."""

    def frontal(batch):
        return batch._replace(photo_scene=studio_scene(batch.photo_scene.batch))

    changes = {"first": None, "frontal": frontal}
    return {name: short_run(studio, photos, TINY, 0, start, change) for name, change in changes.items()}


def test_a_profile_is_shortened_and_keeps_its_weights():
    assert short_profile(QUICK).stage_two_steps < QUICK.stage_two_steps
    assert short_profile(FULL, photos=6, views=2).stage_two_steps == SHORT.stage_two_steps
    assert (short_profile(FULL, photos=6, views=2).photos_per_step, short_profile(FULL).weights) == (6, FULL.weights)


def test_runs_of_one_seed_see_the_same_data_but_for_what_is_changed(runs):
    first, frontal = (runs[name].history[0] for name in ("first", "frontal"))
    for term in ("parameter", "batch_distribution"):
        assert frontal[term] == pytest.approx(first[term], rel=1e-5)
    assert abs(frontal["identity"] - first["identity"]) > 1e-4


def test_a_run_starts_from_the_file_and_leaves_it_alone(runs, studio, photos, start):
    from mmreg.regressor import load_regressor

    kept = load_regressor(start).regressor
    before = predict(kept, photos.features)
    assert runs["first"].faces.shape.shape == (40, studio.model.shape.component_count)
    assert np.abs(runs["first"].faces.shape - before.shape).max() > 1e-4
    assert np.abs(runs["first"].faces.shape - before.shape).max() < 1.0


def test_similarities_are_photograph_by_view(runs, studio, photos):
    run, three = runs["first"], photos.select(np.arange(3))
    scenes = sample_scenes(6, 1)
    found = similarities(studio, three, run.regressor, run.faces, scenes)
    assert found.shape == (3, 2)
    means = run.regressor.statistics
    alone = studio.encode_many(take_rows(run.faces, slice(1, 2)), take_rows(scenes, slice(3, 4))).embedding
    expected = cosine(
        centred_unit(three.embedding[1:2], means["photograph"].embedding_mean),
        centred_unit(alone, means["rendering"].embedding_mean),
    )
    assert found[1, 1] == pytest.approx(float(np.asarray(expected)[0]), abs=1e-3)
