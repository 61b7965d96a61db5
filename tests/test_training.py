import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mmreg import training
from mmreg.color import srgb_to_linear, tone
from mmreg.data.photographs import photo_like_features
from mmreg.data.synthetic import sample_scenes
from mmreg.face import Coefficients
from mmreg.face.population import Population
from mmreg.face.surface_form import surface_form
from mmreg.losses import ALBEDO_WEIGHT, SHAPE_WEIGHT, component_weights, loopback_loss, parameter_loss
from mmreg.objective import Trainer
from mmreg.profiles import QUICK
from mmreg.regressor import DomainStatistics, fresh_regressor, load_regressor
from mmreg.run import seconds_spent
from mmreg.studio import Studio, random_renderings, rendering_statistics, step_seed
from mmreg.training import (
    TrainingError,
    stage_one_batch,
    stage_two_batch,
    train_run,
    train_stage_one,
    train_stage_two,
    trainer_of,
)

TINY = replace(
    QUICK,
    name="tiny",
    stage_one_steps=12,
    stage_one_batch=8,
    stage_two_steps=4,
    photos_per_step=2,
    views_per_photo=2,
    distribution_photos=30,
    synthetic_per_step=2,
    warmup_steps=1,
    stage_two_learning_rate=1e-3,
    statistics_renderings=16,
)


@pytest.fixture(scope="module")
def studio(open_model, encoder):
    return Studio(open_model, encoder)


@pytest.fixture(scope="module")
def photos():
    return photo_like_features(200, 0)


@pytest.fixture(scope="module")
def tiny_run(studio, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train_run(studio, photos, TINY, 0, folder)
    return folder


def history(folder):
    return json.loads((folder / "run.json").read_text())["history"]


def test_a_whole_tiny_run_lowers_its_losses(tiny_run):
    stages = history(tiny_run)
    assert [len(stages["stage_one"]), len(stages["stage_two"])] == [12, 4]
    moments = [step["batch_distribution"] for step in stages["stage_two"]]
    assert moments[-1] < moments[0] - 0.5  # the other terms are of two photographs, other ones at every step
    terms = {"parameter", "identity", "batch_distribution", "loopback", "skin_tone"}
    assert set(stages["stage_two"][0]) == {"step", "total", *terms}
    total = stages["stage_two"][1]
    weighted = sum(getattr(TINY.weights, term) * total[term] for term in terms)
    assert TINY.weights.identity == 2000.0
    assert total["total"] == pytest.approx(weighted, rel=1e-3)


def test_skin_is_as_light_as_is_read_where_the_profile_says_so(studio, photos, tiny_run, tmp_path):
    assert load_regressor(tiny_run / "regressor.npz").regressor.tone_reading is None
    profile = replace(TINY, stage_one_steps=1, stage_two_steps=1, tone_reading=True)
    train_run(studio, photos, profile, 0, tmp_path)
    regressor = load_regressor(tmp_path / "regressor.npz").regressor
    assert len(regressor.tone_reading.knots) > 1  # the curve of dark skin was fitted at the end
    mean, deviation, _ = regressor.statistics["photograph"]
    read = np.asarray(regressor.tone_reading.read((photos.features - mean) / deviation))
    colors = np.asarray(studio.skin(np.asarray(regressor(photos.features)[1])))
    light = np.asarray(tone(srgb_to_linear(colors)))[:, 0]
    assert np.corrcoef(read, light)[0, 1] > 0.95
    assert np.corrcoef(read, photos.tone_in_average_light(training.LIGHTNESS_SHARE)[:, 0])[0, 1] > 0.8


def test_stage_one_learns_to_tell_faces_it_has_seen(studio, encoder):
    """With one batch over and over, L_param must fall far: the gradient reaches the regressor, and only it."""
    seen = stage_one_batch(studio, TINY, 0, 0)
    encoding = encoder(studio.photograph(seen.synthetic, seen.synthetic_scene))
    statistics = DomainStatistics.of(np.asarray(encoding.features), np.asarray(encoding.embedding))
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, seed=0)
    before = [np.array(w) for w in encoder.network.get_weights()[:3]]

    trainer = Trainer(regressor, studio, TINY.weights)
    training.compile_trainer(trainer, 1e-3, TINY)
    losses = [float(trainer.train_on_batch(seen, return_dict=True)["parameter"]) for _ in range(1)]
    for _ in range(15):
        trainer.reset_metrics()
        losses.append(float(trainer.train_on_batch(seen, return_dict=True)["parameter"]))
    assert losses[-1] < 0.3 * losses[0]
    for old, new in zip(before, encoder.network.get_weights()[:3], strict=True):
        np.testing.assert_array_equal(old, new)


def test_identity_measured_from_the_batch_hears_no_offset_of_all_renderings(studio, photos):
    statistics = {
        domain: DomainStatistics.of(photos.features, photos.embedding) for domain in ("photograph", "rendering")
    }
    batch = stage_two_batch(studio, photos, TINY, 0, 0)

    def identity(centre, offset):
        moved = statistics["rendering"]._replace(embedding_mean=statistics["rendering"].embedding_mean + offset)
        regressor = fresh_regressor(studio.model, studio.encoder, statistics | {"rendering": moved}, seed=0)
        trainer = Trainer(regressor, studio, TINY.weights, TINY.views_per_photo, centre)
        return float(trainer.call(batch)["identity"])

    assert identity("batch", 0.1) == pytest.approx(identity("batch", 0.0), abs=1e-6)
    assert abs(identity("domain", 0.1) - identity("domain", 0.0)) > 0.01


def test_a_lightly_held_mean_becomes_the_populations(studio, photos, tmp_path):
    small = replace(
        TINY, stage_one_steps=1, stage_two_steps=1, mean_weight=0.1, held_variance=0.95, identity_centre="batch"
    )
    regressor = train_run(studio, photos, small, 0, tmp_path)
    shape, albedo = (np.asarray(part) for part in regressor(photos.features))
    kept = load_regressor(tmp_path / "regressor.npz").regressor.population
    assert np.abs(kept.shape_mean).max() > 1e-3  # the model's own is 0
    np.testing.assert_allclose(shape.mean(axis=0), kept.shape_mean, atol=1e-4)
    np.testing.assert_allclose(albedo.mean(axis=0), kept.albedo_mean, atol=1e-4)
    assert not load_regressor(tmp_path / "stage_one.npz").regressor.population.shape_mean.any()


def test_the_final_fit_counts_people_alike_and_keeps_the_skin(studio, photos, tmp_path):
    many = photos.select(np.concatenate([np.zeros(60, int), np.arange(60)]))  # the first has half the photographs
    profile = replace(TINY, stage_one_steps=1, stage_two_steps=1, mean_weight=0.1, each_person_once=True)
    regressor = train_run(studio, many, profile, 0, tmp_path)
    shape, _ = (np.asarray(part) for part in regressor(many.features))
    by_person = np.average(shape, axis=0, weights=many.person_share)
    np.testing.assert_allclose(by_person, regressor.population.shape_mean, atol=1e-3)
    assert np.abs(shape.mean(axis=0) - regressor.population.shape_mean).max() > 0.01
    prior = np.zeros_like(regressor.population.albedo_mean)
    colours = [np.asarray(studio.skin(mean[None])) for mean in (prior, regressor.population.albedo_mean)]
    np.testing.assert_allclose(*colours, atol=1e-4)


def test_stage_two_hears_how_its_profile_holds_the_population(studio, photos, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    batch = stage_two_batch(studio, photos, TINY, 0, 0)
    shape, albedo = (np.asarray(part) for part in regressor(batch.photo_features))
    means = float((shape.mean(axis=0) ** 2).sum() + (albedo.mean(axis=0) ** 2).sum())

    def measured(**changes):
        trainer = trainer_of(studio, regressor, replace(TINY, **changes), "stage_two")
        return float(trainer.call(batch)["batch_distribution"])

    assert measured() - measured(mean_weight=0.1) == pytest.approx(0.9 * means, rel=1e-2)
    assert measured(held_variance=0.5) < measured() - 1.0  # many of so short a run's predictions vary too little


def test_a_centre_that_there_is_not_is_refused(studio, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    with pytest.raises(TrainingError, match="domain, batch"):
        Trainer(regressor, studio, TINY.weights, identity_centre="median")


def test_a_run_leaves_regressors_settings_logs_and_provenance(tiny_run, open_model, encoder):
    names = {path.name for path in tiny_run.iterdir()}
    assert {"settings.json", "stage_one.npz", "regressor.npz", "run.json", "tensorboard"} <= names
    assert not [name for name in names if "partial" in name]
    assert list((tiny_run / "tensorboard" / "stage_two").iterdir())
    loaded = load_regressor(tiny_run / "regressor.npz", open_model.checksum, encoder.checksum)
    assert loaded.provenance["profile"]["name"] == "tiny"
    assert loaded.provenance["data"][0]["stand_in"] is True
    assert loaded.provenance["seed"] == 0


def test_a_run_ends_with_renderings_calibrated_and_trains_without(studio, photos, tmp_path, tiny_run):
    domains = [sorted(load_regressor(tiny_run / f"{n}.npz").regressor.calibrations) for n in ("stage_one", "regressor")]
    assert domains == [["rendering"], ["photograph", "rendering"]]
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    held = [space.leading(TINY.held_variance) for space in (studio.model.shape, studio.model.albedo)]
    others = random_renderings(studio, TINY.statistics_renderings, step_seed(0, 3), as_photographs=True).features
    before = regressor.calibrations["rendering"]
    regressor.match_moments(others, *held, domain="rendering")
    np.testing.assert_allclose(before.offset, regressor.calibrations["rendering"].offset, atol=0.05)  # 16-bit weights

    seen = []
    unsupervised = replace(TINY, weights=replace(TINY.weights, parameter=0.0))
    train_run(
        studio, photos, unsupervised, 0, tmp_path / "run",
        observer=lambda stage: lambda step, regressor: seen.append(dict(regressor.calibrations)),
    )  # fmt: skip
    assert seen
    assert not any(seen)
    assert sorted(load_regressor(tmp_path / "run" / "regressor.npz").regressor.calibrations) == ["photograph"]


def test_renderings_are_read_from_both_sides_where_photographs_are(open_model, encoder):
    both = Studio(open_model, replace(encoder, both_sides=True))
    in_training, as_photographs = (
        random_renderings(both, 4, 7, 4, as_photographs=read).features for read in (False, True)
    )
    seed = step_seed(7, 0, 0)
    faces, scene = Population.of_model(open_model).sample(open_model, 4, seed), sample_scenes(4, seed + 1)
    pictures = np.asarray(both.photograph(faces, scene))
    one, other = (np.asarray(encoder(sides).features) for sides in (pictures, pictures[:, :, ::-1]))
    np.testing.assert_allclose(in_training, one, atol=1e-3)
    np.testing.assert_allclose(as_photographs, (one + other) / 2, atol=1e-3)
    assert np.abs(one - other).max() > 0.05


def test_synthetic_faces_are_read_from_both_sides_where_photographs_are(studio, photos, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    both = Studio(studio.model, replace(studio.encoder, both_sides=True))
    batch = stage_one_batch(studio, replace(TINY, nuisances=False), 0, 0)
    pictures = np.asarray(studio.photograph(batch.synthetic, batch.synthetic_scene))
    one, other = (np.asarray(studio.encoder(sides).features) for sides in (pictures, pictures[:, :, ::-1]))
    prices = []
    for features, seen in ((one, studio), ((one + other) / 2, both)):
        shape, albedo = regressor(features, domain="rendering")
        prices.append(float(parameter_loss(shape, albedo, batch.synthetic.shape, batch.synthetic.albedo)))
        found = trainer_of(seen, regressor, TINY, "stage_one").call(batch)["parameter"]
        assert float(found) == pytest.approx(prices[-1], rel=1e-4)
    assert prices[1] != pytest.approx(prices[0], rel=1e-3)


def test_predictions_are_read_from_both_sides_where_the_profile_says_so(studio, photos, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    both = Studio(studio.model, replace(studio.encoder, both_sides=True))
    profile = replace(TINY, views_per_photo=1)
    batch = stage_two_batch(both, photos, profile, 0, 0)
    rendered = profile.photos_per_step
    shape, albedo = (np.asarray(part)[:rendered] for part in regressor(batch.photo_features, domain="photograph"))
    pictures = np.asarray(both.photograph(Coefficients(shape, albedo), batch.photo_scene))
    one, other = (np.asarray(studio.encoder(sides).features) for sides in (pictures, pictures[:, :, ::-1]))
    prices = []
    for features, sides in ((one, False), ((one + other) / 2, True)):
        prices.append(float(loopback_loss(shape, albedo, *regressor(features, domain="rendering"))))
        trainer = trainer_of(both, regressor, replace(profile, predictions_both_sides=sides), "stage_two")
        assert float(trainer.call(batch)["loopback"]) == pytest.approx(prices[-1], rel=1e-3)
    assert prices[1] != pytest.approx(prices[0], rel=2e-3)  # twice what they may differ by above


def test_a_resumed_run_equals_an_uninterrupted_one(studio, photos, tmp_path, tiny_run):
    class Stopped(Exception):
        pass

    statistics = {
        "photograph": DomainStatistics.of(photos.features, photos.embedding),
        "rendering": rendering_statistics(studio, 16, 0),
    }

    def fresh():
        return fresh_regressor(studio.model, studio.encoder, statistics, 0)

    whole = fresh()
    uninterrupted = train_stage_two(studio, whole, photos, TINY, 0, tmp_path / "whole")

    def stop_after_two(steps, _):
        if steps == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train_stage_two(studio, fresh(), photos, TINY, 0, tmp_path / "parts", watch=stop_after_two)
    resumed = fresh()
    continued = train_stage_two(studio, resumed, photos, TINY, 0, tmp_path / "parts")
    assert [h["step"] for h in continued] == [1, 2, 3, 4]
    for a, b in zip(uninterrupted, continued, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_resumed_runs_record_counts_all_its_sittings(studio, photos, tmp_path, tiny_run):
    folder = tmp_path / "again"
    shutil.copytree(tiny_run, folder)
    assert 0.0 < seconds_spent(folder, "stage_two") < 600.0
    with np.load(folder / "stage_two.checkpoint.npz", allow_pickle=False) as file:
        arrays = dict(file)
    np.savez(folder / "stage_two.checkpoint.npz", **(arrays | {"seconds": 5000.0}))
    stage_one = load_regressor(folder / "stage_one.npz")
    train_run(studio, photos, TINY, 0, folder, resume=True)
    assert load_regressor(folder / "stage_one.npz").provenance == stage_one.provenance
    assert 5000.0 < json.loads((folder / "run.json").read_text())["provenance"]["seconds"] < 5600.0
    assert seconds_spent(folder, "no_stage") == 0.0


def test_a_folder_with_a_run_is_not_trained_over(tiny_run, studio, photos):
    with pytest.raises(TrainingError, match="--resume"):
        train_run(studio, photos, TINY, 0, tiny_run)
    with pytest.raises(TrainingError, match="another profile"):
        train_run(studio, photos, replace(TINY, stage_two_steps=9), 0, tiny_run, resume=True)
    with pytest.raises(TrainingError, match="another seed"):
        train_run(studio, photos, TINY, 1, tiny_run, resume=True)


def test_divergence_stops_with_the_step_and_the_term(studio, encoder, tmp_path):
    statistics = DomainStatistics(np.zeros(256, np.float32), np.full(256, 1e-30, np.float32), np.zeros(128, np.float32))
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, 0)
    with pytest.raises(TrainingError, match="diverged at step 1: parameter, total"):
        train_stage_one(studio, regressor, TINY, 0, tmp_path)


def test_steps_see_fresh_data_that_depend_on_seed_and_step_alone(studio, photos):
    a, again, b = (stage_two_batch(studio, photos, TINY, 3, step) for step in (5, 5, 6))
    np.testing.assert_array_equal(a.synthetic.shape, again.synthetic.shape)
    np.testing.assert_array_equal(a.photo_features, again.photo_features)
    assert not np.array_equal(a.synthetic.shape, b.synthetic.shape)
    assert not np.array_equal(a.photo_features, b.photo_features)
    assert a.photo_features.shape == (32, 256)
    assert a.photo_embedding.shape == (2, 128)
    assert a.photo_scene.batch == 4


def test_everybody_is_drawn_alike_where_the_profile_says_so(studio, photos):
    many = photos.select(np.concatenate([np.zeros(100, int), np.arange(100)]))  # the first has half the photographs
    first = photos.features[0]

    def share(once: bool) -> float:
        profile = replace(TINY, each_person_once=once)
        drawn = [stage_two_batch(studio, many, profile, 0, step).photo_features for step in range(20)]
        return float((np.concatenate(drawn) == first).all(axis=1).mean())

    assert share(False) == pytest.approx(0.5, abs=0.1)
    assert share(True) < 0.05


def test_the_skin_is_the_mean_colour_of_the_face_proper(studio, open_model):
    albedo = Coefficients.sample(open_model, 3, 0).albedo
    expected = np.asarray(open_model.albedos(albedo))[:, open_model.face_region].mean(axis=1)
    np.testing.assert_allclose(np.asarray(studio.skin(albedo)), expected, atol=1e-4)


def test_photographs_of_another_encoder_are_refused(studio, photos, tmp_path):
    with pytest.raises(TrainingError, match="encode the photographs anew"):
        train_run(studio, replace(photos, encoder_checksum="0" * 64), TINY, 0, tmp_path)


def test_two_renders_of_one_person_are_nearer_than_of_two(studio, open_model):
    from mmreg.evaluation.verification import area_under_curve

    people = Coefficients.sample(open_model, 8, 0)
    a, b = (np.asarray(studio.encode(people, sample_scenes(8, seed)).embedding) for seed in (1, 2))
    mean = np.concatenate([a, b]).mean(0)
    a, b = ((x - mean) / np.linalg.norm(x - mean, axis=1, keepdims=True) for x in (a, b))
    similarity = a @ b.T
    assert area_under_curve(np.diag(similarity), similarity[~np.eye(8, dtype=bool)]) > 0.9


def test_a_stage_of_no_steps_changes_nothing(studio, photos, encoder, tmp_path):
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, seed=0)
    before = [np.array(w) for w in regressor.get_weights()]
    assert train_stage_one(studio, regressor, replace(TINY, stage_one_steps=0), 0, tmp_path) == []
    for old, new in zip(before, regressor.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_stage_one_trains_even_where_stage_two_does_without_its_term(studio, photos, encoder):
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, seed=0)
    settings = replace(TINY, weights=replace(TINY.weights, parameter=0.0))
    terms = {"parameter": 3.0}
    assert trainer_of(studio, regressor, settings, "stage_one").compute_loss(y_pred=terms) == 3.0
    assert trainer_of(studio, regressor, settings, "stage_two").compute_loss(y_pred=terms) == 0.0


def test_a_failure_in_the_first_step_leaves_nothing_that_a_resumption_trips_over(studio, photos, encoder, tmp_path):
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(studio.model, encoder, {"photograph": statistics, "rendering": statistics}, seed=0)

    def fail(*_):
        raise RuntimeError("the first batch")

    settings = replace(TINY, stage_one_steps=1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="the first batch"):
        patch.setattr(training, "stage_one_batch", fail)
        train_stage_one(studio, regressor, settings, 0, tmp_path)
    assert len(train_stage_one(studio, regressor, settings, 0, tmp_path)) == 1


def test_synthetic_faces_wear_expressions_and_their_targets_are_neutral(studio):
    batch = stage_one_batch(studio, replace(TINY, expression_deviation=0.7), 0, 0)
    plain = stage_one_batch(studio, replace(TINY, expression_deviation=0.0), 0, 0)
    assert plain.synthetic.expression is None
    np.testing.assert_array_equal(batch.synthetic.shape, plain.synthetic.shape)
    assert batch.synthetic.expression.std() == pytest.approx(0.7, rel=0.1)


def test_the_framing_strays_as_far_as_the_profile_says(studio):
    scenes = [
        stage_one_batch(studio, replace(TINY, stage_one_batch=200, crop_offset_jitter=jitter), 0, 0).synthetic_scene
        for jitter in (2.0, 6.0)
    ]
    for scene, jitter in zip(scenes, (2.0, 6.0), strict=True):
        assert scene.crop_offset_pixels.std() == pytest.approx(jitter, rel=0.1)


@pytest.mark.parametrize("stage", ["stage_one", "stage_two"])
def test_both_stages_weigh_errors_by_what_they_move(stage, studio, photos, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    batch = stage_one_batch(studio, TINY, 0, 0) if stage == "stage_one" else stage_two_batch(studio, photos, TINY, 0, 0)
    encoding = studio.encode(batch.synthetic, batch.synthetic_scene, batch.nuisances)
    shape, albedo = (np.asarray(part) for part in regressor(encoding.features, domain="rendering"))
    squared_mm = ((studio.model.shape.standard_deviations * (shape - batch.synthetic.shape)) ** 2).sum(axis=1).mean()
    paint = ((studio.model.albedo.standard_deviations * (albedo - batch.synthetic.albedo)) ** 2).sum(axis=1).mean()
    wanted = SHAPE_WEIGHT * squared_mm / (studio.model.shape.standard_deviations**2).mean()
    wanted += ALBEDO_WEIGHT * paint / (studio.model.albedo.standard_deviations**2).mean()
    terms = trainer_of(studio, regressor, replace(TINY, deviation_power=2.0), stage).call(batch)
    assert float(terms["parameter"]) == pytest.approx(float(wanted), rel=1e-3)
    plain = trainer_of(studio, regressor, TINY, stage).call(batch)
    assert abs(float(plain["parameter"]) / float(terms["parameter"]) - 1.0) > 0.01
    surface = trainer_of(studio, regressor, replace(TINY, deviation_power=0.8, surface_errors=True), stage).call(batch)
    error = shape - batch.synthetic.shape
    wanted = SHAPE_WEIGHT * ((error @ surface_form(studio.model, 0.8)) * error).sum(axis=1).mean()
    weights = component_weights(studio.model.albedo.standard_deviations, 0.8)
    wanted += (ALBEDO_WEIGHT * weights * (albedo - batch.synthetic.albedo) ** 2).sum(axis=1).mean()
    assert float(surface["parameter"]) == pytest.approx(float(wanted), rel=1e-3)
    if stage == "stage_two":
        assert abs(float(plain["loopback"]) / float(terms["loopback"]) - 1.0) > 0.01
        predicted = regressor(batch.photo_features[: len(batch.photo_embedding)])
        seen = np.asarray(studio.encode(Coefficients(*predicted), batch.photo_scene).features)
        (s, t), (s2, t2) = (
            (np.repeat(p, TINY.views_per_photo, axis=0) for p in map(np.asarray, predicted)),
            regressor(seen, domain="rendering"),
        )
        wanted = loopback_loss(s, t, s2, t2, SHAPE_WEIGHT * surface_form(studio.model, 0.8), ALBEDO_WEIGHT * weights)
        assert float(surface["loopback"]) == pytest.approx(float(wanted), rel=1e-3)


def test_identity_may_hear_the_last_features_as_well(studio, photos, tiny_run):
    regressor = load_regressor(tiny_run / "regressor.npz").regressor
    batch = stage_two_batch(studio, photos, TINY, 0, 0)

    def identity(share, last_features=None):
        seen = replace(studio, encoder=replace(studio.encoder, last_features=last_features))
        trainer = trainer_of(seen, regressor, replace(TINY, identity_features=share), "stage_two")
        return float(trainer.call(batch)["identity"])

    assert identity(0.5) == pytest.approx((identity(0.0) + identity(1.0)) / 2, abs=1e-4)
    assert abs(identity(0.0) - identity(1.0)) > 1e-3
    shape, albedo = regressor(batch.photo_features[: len(batch.photo_embedding)])
    rendered = np.asarray(studio.encode(Coefficients(shape, albedo), batch.photo_scene).features)
    given = np.repeat(batch.photo_features[: len(batch.photo_embedding)], TINY.views_per_photo, axis=0)
    deviation = regressor.statistics["photograph"].feature_deviation
    for count in (None, 40):
        scale = deviation[:count] + 0.05 * deviation[:count].mean()
        directions = [
            (features - regressor.statistics[domain].feature_mean)[:, :count] / scale
            for domain, features in (("photograph", given), ("rendering", rendered))
        ]
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in directions)
        assert identity(1.0, count) == pytest.approx(1.0 - (a * b).sum(axis=1).mean(), abs=1e-3)
