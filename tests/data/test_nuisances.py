"""Covers, blur, noise and compression: each does what it says, and none does what another does."""

import numpy as np
import pytest

from mmreg.data.nuisances import UNSPOILT, Nuisances, NuisanceSettings, sample_nuisances, worn

SIZE = (150, 150)


@pytest.fixture(scope="module")
def pictures():
    """Smooth pictures with some detail, sRGB."""
    y, x = np.mgrid[:150, :150] / 150
    one = 0.5 + 0.3 * np.sin(9 * x + 4 * y)[..., None] * np.array([1.0, 0.6, -0.5]) + 0.08 * np.sin(90 * x)[..., None]
    return np.stack([one, one[::-1]]).astype(np.float32)


def changed(pictures, **settings) -> np.ndarray:
    from dataclasses import replace

    return np.asarray(worn(pictures, sample_nuisances(2, SIZE, 5, replace(UNSPOILT, **settings))))


def test_without_nuisances_a_picture_stays_as_it_is(pictures):
    np.testing.assert_allclose(changed(pictures), pictures, atol=1e-6)


def test_the_same_seed_draws_the_same(pictures):
    for a, b in zip(sample_nuisances(3, SIZE, 1), sample_nuisances(3, SIZE, 1), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_cover_hides_what_is_behind_it_and_nothing_else(pictures):
    nuisances = sample_nuisances(2, SIZE, 5, NuisanceSettings(1.0, blurred_share=0.0, noise=0.0, compressed_share=0.0))
    found, hidden = np.asarray(worn(pictures, nuisances)), nuisances.cover == 1
    assert 0.005 < hidden.mean() < 0.5
    np.testing.assert_allclose(found[~hidden], pictures[~hidden], atol=1e-6)
    for picture, mask, color in zip(found, hidden, nuisances.cover_color, strict=True):
        np.testing.assert_allclose(picture[mask], np.broadcast_to(np.clip(color, 0, 1), (mask.sum(), 3)), atol=1e-6)


def test_blur_keeps_the_mean_and_takes_the_detail(pictures):
    found = changed(pictures, blurred_share=1.0, blur_pixels=(2.5, 2.5))
    inner = (slice(None), slice(20, -20), slice(20, -20))
    np.testing.assert_allclose(found[inner].mean(), pictures[inner].mean(), atol=0.005)
    detail = [np.abs(np.diff(p[inner], axis=2)).mean() for p in (found, pictures)]
    assert detail[0] < 0.5 * detail[1]


def test_blur_of_a_point_is_a_gaussian_of_its_deviation():
    point = np.zeros((1, *SIZE, 3), np.float32)
    point[0, 75, 75] = 1.0
    nuisances = sample_nuisances(
        1, SIZE, 0, NuisanceSettings(0.0, blurred_share=1.0, blur_pixels=(2.0, 2.0), noise=0.0)
    )
    nuisances = nuisances._replace(coarseness=np.zeros(1, np.float32))
    found = np.asarray(worn(point, nuisances))[0, :, :, 0]
    offset = np.arange(150) - 75.0
    assert np.sqrt((found * offset[:, None] ** 2).sum()) == pytest.approx(2.0, rel=0.01)


def test_noise_is_as_strong_as_it_says(pictures):
    settings = NuisanceSettings(covered_share=0.0, blurred_share=0.0, compressed_share=0.0)
    nuisances = sample_nuisances(2, SIZE, 3, settings)
    assert nuisances.noise.std(axis=(1, 2)).max() <= 1.05 * settings.noise
    np.testing.assert_allclose(
        np.asarray(worn(pictures, nuisances)) - pictures, np.repeat(nuisances.noise[..., None], 3, -1), atol=1e-5
    )


def test_compression_loses_more_the_coarser_it_is(pictures):
    lost = [
        np.abs(changed(pictures, compressed_share=1.0, coarseness=(c, c)) - pictures).mean() for c in (0.2, 1.0, 2.5)
    ]
    assert 0 < lost[0] < lost[1] < lost[2] < 0.1


def test_compression_rounds_as_the_common_encoder_does(pictures):
    """A grey picture, compressed by Pillow with the standard's own table, differs by rounding to whole numbers only."""
    import io

    from PIL import Image

    grey = np.round(255 * pictures[0, :144, :144, 0])
    file = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(file, "JPEG", quality=50)  # the table itself
    theirs = np.asarray(Image.open(file), np.float32)
    ones = np.ones(1, np.float32)
    nothing = np.zeros((1, 144, 144), np.float32)
    plain = Nuisances(nothing, np.zeros((1, 3), np.float32), np.zeros(1, np.float32), nothing, ones)
    ours = np.asarray(worn(np.repeat(grey[None, ..., None], 3, -1).astype(np.float32) / 255, plain))[0, ..., 0]
    difference = np.abs(255 * ours - theirs)
    assert np.median(difference) <= 1.0
    assert difference.mean() < 0.5 * np.abs(grey - theirs).mean() + 1.0


def test_sizes_that_are_no_multiple_of_a_block_are_kept():
    pictures = np.full((1, 61, 43, 3), 0.5, np.float32)
    assert np.asarray(worn(pictures, sample_nuisances(1, (61, 43), 0))).shape == pictures.shape


@pytest.mark.parametrize("size", [SIZE, (61, 43)])
def test_the_compiled_kernel_does_what_the_operations_do(size):
    """All but the rounding of compression, where a number halfway between two steps may go either way."""
    count = 12
    pictures = np.random.default_rng(0).random((count, *size, 3), np.float32)
    nuisances = sample_nuisances(count, size, 1)
    plain, compiled = (np.asarray(worn(pictures, nuisances, path)) for path in ("ops", "native"))
    compressed = nuisances.coarseness > 0
    assert 0 < compressed.sum() < count
    assert 0 < (nuisances.blur_pixels > 0).sum() < count
    np.testing.assert_allclose(compiled[~compressed], plain[~compressed], atol=2e-6)
    assert (np.abs(compiled - plain)[compressed] > 1e-4).mean() < 0.005


def test_the_compiled_kernel_is_worn_inside_a_graph_for_any_batch(pictures):
    import tensorflow as tf

    nuisances = sample_nuisances(2, SIZE, 5)

    def signature(array):
        return tf.TensorSpec((None, *np.shape(array)[1:]))

    inside = tf.function(worn, input_signature=[signature(pictures), Nuisances(*map(signature, nuisances))])
    for count in (1, 2):
        some = Nuisances(*(tf.constant(part[:count]) for part in nuisances))
        np.testing.assert_array_equal(inside(tf.constant(pictures[:count]), some), worn(pictures, nuisances)[:count])


@pytest.mark.parametrize("path", ["ops", "native"])
def test_no_gradient_passes_whichever_way_they_are_worn(pictures, path):
    import tensorflow as tf

    seen = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(seen)
        total = tf.reduce_sum(worn(seen, sample_nuisances(2, SIZE, 5, UNSPOILT), path))
    assert tape.gradient(total, seen) is None
