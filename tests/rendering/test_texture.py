import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.arrays import InputError
from mmreg.geometry.camera import perspective_camera
from mmreg.rendering import interpolate, rasterize, sample_texture
from tests.rendering.oracle import directional_error

PATHS = ("native", "ops")
WRAPS = ("clamp", "repeat")


def random_case(seed, batch=2, size=(5, 7), channels=3, pixels=(6, 4), reach=(-1.5, 2.5)):
    rng = np.random.default_rng(seed)
    texture = rng.normal(size=(batch, *size, channels)).astype(np.float32)
    return texture, rng.uniform(*reach, (batch, *pixels, 2)).astype(np.float32)


def oracle(texture, uv, wrap):
    """Float64, texel by texel: tents of one texel's width around every texel's centre, over all tiles in reach."""
    texture, uv = texture.astype(np.float64), uv.astype(np.float64)
    out = np.zeros((*uv.shape[:3], texture.shape[-1]))
    for b, row, column in np.ndindex(uv.shape[:3]):
        u, v = uv[b, row, column]
        picture = texture[b % len(texture)]
        weights = []
        for position, size in ((1.0 - v, picture.shape[0]), (u, picture.shape[1])):
            if wrap == "clamp":
                centre = np.clip(position * size, 0.5, size - 0.5) - np.arange(size) - 0.5
                weights.append(np.maximum(1 - np.abs(centre), 0))
            else:
                tiles = [position * size - np.arange(size) - 0.5 - tile * size for tile in range(-4, 5)]
                weights.append(sum(np.maximum(1 - np.abs(t), 0) for t in tiles))
        out[b, row, column] = np.einsum("h,w,hwn->n", *weights, picture)
    return out


def centres(height, width):
    u, v = (np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height
    return np.stack(np.meshgrid(u, v), -1)[None].astype(np.float32)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("path", PATHS)
def test_texel_centres_return_texels_with_v_up(path, wrap):
    texture = random_case(0, batch=1)[0]
    sampled = np.asarray(sample_texture(texture, centres(5, 7), wrap, path))
    np.testing.assert_allclose(sampled, texture, atol=3e-6)
    top_left = np.asarray(sample_texture(texture, np.float32([[[[0.5 / 7, 1 - 0.5 / 5]]]]), wrap, path))
    np.testing.assert_allclose(top_left[0, 0, 0], texture[0, 0, 0], atol=3e-6)  # row 0 is the top, v = 1


@pytest.mark.parametrize("path", PATHS)
def test_the_middle_of_four_texels_is_their_mean(path):
    texture = random_case(1, batch=1, size=(2, 2))[0]
    middle = np.asarray(sample_texture(texture, np.full((1, 1, 1, 2), 0.5, np.float32), path=path))
    np.testing.assert_allclose(middle[0, 0, 0], texture.mean(axis=(0, 1, 2)), atol=1e-6)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("path", PATHS)
def test_a_linear_ramp_is_reproduced_between_the_outermost_centres(path, wrap):
    height, width = 8, 16
    grid = centres(height, width)
    ramp = np.stack([grid[..., 0], grid[..., 1], 3 * grid[..., 0] - 2 * grid[..., 1]], -1)
    uv = np.random.default_rng(2).uniform(
        [0.5 / width, 0.5 / height], [1 - 0.5 / width, 1 - 0.5 / height], (1, 9, 9, 2)
    )
    sampled = np.asarray(sample_texture(ramp, uv.astype(np.float32), wrap, path))
    expected = np.stack([uv[..., 0], uv[..., 1], 3 * uv[..., 0] - 2 * uv[..., 1]], -1)
    np.testing.assert_allclose(sampled, expected, atol=2e-6)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [(5, 7), (1, 4), (3, 1), (1, 1)])
def test_values_are_those_of_a_float64_scan_of_all_texels(path, wrap, size):
    texture, uv = random_case(3, size=size)
    sampled = np.asarray(sample_texture(texture, uv, wrap, path))
    assert np.ptp(sampled) > 0.1
    np.testing.assert_allclose(sampled, oracle(texture, uv, wrap), atol=2e-5)


@pytest.mark.parametrize("path", PATHS)
def test_clamping_continues_the_outermost_texels(path):
    texture = random_case(4, batch=1)[0]
    uv = np.float32([[[[-30.0, 2.0], [7.0, -1e30], [1e30, 1e30], [0.5 / 7, 9.0]]]])
    sampled = np.asarray(sample_texture(texture, uv, "clamp", path))[0, 0]
    expected = texture[0, [0, -1, 0, 0], [0, -1, -1, 0]]
    np.testing.assert_allclose(sampled, expected, atol=3e-6)


def away_from_centres(uv, height, width, margin=0.05):
    """Moves uv so that no finite step crosses a texel's centre, where the derivative jumps."""
    texel = uv * [width, height] - 0.5
    share = texel - np.floor(texel)
    return ((np.floor(texel) + margin + (1 - 2 * margin) * share + 0.5) / [width, height]).astype(np.float32)


def gradients(texture, uv, weight, wrap, path):
    texture, uv = tf.constant(texture), tf.constant(uv)
    with tf.GradientTape() as tape:
        tape.watch([texture, uv])
        value = tf.reduce_sum(weight * sample_texture(texture, uv, wrap, path))
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(value, [texture, uv])]  # the ops path's is sparse


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("path", PATHS)
def test_gradients_are_those_of_float64_finite_differences(path, wrap, shared):
    texture, uv = random_case(5)
    texture, uv = texture[:1] if shared else texture, away_from_centres(uv, 5, 7)
    weight = np.random.default_rng(6).normal(size=(*uv.shape[:3], 3)).astype(np.float32)
    d_texture, d_uv = gradients(texture, uv, weight, wrap, path)

    def of_texture(x):
        return (weight * oracle(x, uv, wrap)).sum()

    def of_uv(x):
        return (weight * oracle(texture, x, wrap)).sum()

    assert directional_error(of_texture, d_texture, texture.astype(np.float64)) < 1e-5
    assert directional_error(of_uv, d_uv, uv.astype(np.float64)) < 1e-5
    assert directional_error(of_uv, 1.001 * d_uv, uv.astype(np.float64)) > 1e-5  # a wrong gradient is seen


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("wrap", WRAPS)
def test_both_paths_have_the_same_values_and_gradients(wrap, shared):
    texture, uv = random_case(7, size=(33, 20), pixels=(31, 17))
    texture = texture[:1] if shared else texture
    weight = np.random.default_rng(8).normal(size=(2, 31, 17, 3)).astype(np.float32)
    native, ops = (np.asarray(sample_texture(texture, uv, wrap, path)) for path in PATHS)
    np.testing.assert_allclose(native, ops, atol=1e-6)
    for a, b in zip(*(gradients(texture, uv, weight, wrap, path) for path in PATHS), strict=True):
        assert np.linalg.norm(b) > 1
        assert np.linalg.norm(a - b) < 1e-6 * np.linalg.norm(b)


@pytest.mark.parametrize("path", PATHS)
def test_a_lookup_can_be_traced_into_a_graph(path):
    texture, uv = random_case(11)
    traced = tf.function(lambda t, x: sample_texture(t, x, "repeat", path))(tf.constant(texture), tf.constant(uv))
    assert traced.shape == (2, 6, 4, 3)
    np.testing.assert_allclose(traced, sample_texture(texture, uv, "repeat", path), atol=1e-6)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("path", PATHS)
def test_a_uv_that_is_no_number_gives_nan_there_and_no_gradient(path, wrap):
    texture, uv = random_case(9)
    uv[0, 0, 0, 0], uv[1, 2, 3, 1] = np.nan, np.inf
    sampled = np.asarray(sample_texture(texture, uv, wrap, path))
    bad = ~np.isfinite(uv).all(-1)
    assert np.isnan(sampled[bad]).all()
    assert np.isfinite(sampled[~bad]).all()
    d_texture, d_uv = gradients(texture, uv, np.where(bad, 0, 1)[..., None].astype(np.float32), wrap, path)
    assert np.isfinite(d_texture).all()
    assert (d_uv[bad] == 0).all()
    assert np.isfinite(d_uv).all()


textures = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))
each_path = st.sampled_from(PATHS)
each_wrap = st.sampled_from(WRAPS)
size = st.tuples(st.integers(1, 9), st.integers(1, 9))


def drawn(rng, size):
    return rng.normal(size=(2, *size, 2)).astype(np.float32), rng.uniform(-1.5, 2.5, (2, 4, 5, 2)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(textures, size, each_path, st.integers(-3, 3), st.integers(-3, 3))
def test_a_repeated_texture_is_the_same_a_whole_tile_further(rng, size, path, across, up):
    texture, uv = drawn(rng, size)
    here = np.asarray(sample_texture(texture, uv, "repeat", path))
    there = np.asarray(sample_texture(texture, uv + np.float32([across, up]), "repeat", path))
    np.testing.assert_allclose(there, here, atol=1e-4)  # uv itself is rounded further from 0


@settings(max_examples=40, deadline=None)
@given(textures, size, each_path, st.integers(0, 9), st.integers(0, 9))
def test_rolling_a_repeated_texture_moves_uv_by_texels(rng, size, path, columns, rows):
    texture, uv = drawn(rng, size)
    rolled = np.roll(texture, (rows, columns), axis=(1, 2))
    shift = np.float32([columns / size[1], -rows / size[0]])
    moved = np.asarray(sample_texture(rolled, uv + shift, "repeat", path))
    np.testing.assert_allclose(moved, np.asarray(sample_texture(texture, uv, "repeat", path)), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(textures, size, each_wrap, each_path)
def test_a_mirrored_texture_at_mirrored_uv_is_the_same(rng, size, wrap, path):
    texture, uv = drawn(rng, size)
    mirrored = np.asarray(sample_texture(texture[:, :, ::-1], uv * [-1, 1] + np.float32([1, 0]), wrap, path))
    np.testing.assert_allclose(mirrored, np.asarray(sample_texture(texture, uv, wrap, path)), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(textures, size, each_wrap, each_path)
def test_samples_stay_between_the_least_and_the_largest_texel_and_add_up_linearly(rng, size, wrap, path):
    texture, uv = drawn(rng, size)
    other = rng.normal(size=texture.shape).astype(np.float32)
    one, two = (np.asarray(sample_texture(t, uv, wrap, path)) for t in (texture, other))
    for channel in range(2):
        low, high = (f(texture[..., channel], axis=(1, 2))[:, None, None] for f in (np.min, np.max))
        assert (one[..., channel] >= low - 1e-5).all()
        assert (one[..., channel] <= high + 1e-5).all()
    both = np.asarray(sample_texture(2 * texture - 3 * other, uv, wrap, path))
    np.testing.assert_allclose(both, 2 * one - 3 * two, atol=1e-4)


def quad_view(size=(60, 80)):
    """A square of side 2 that leans away from the camera: (camera, corners, triangles, exact uv at the pixels)."""
    lean = np.deg2rad(50)
    corners = np.float32([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    corners = corners * np.float32([1, np.cos(lean), 1]) + corners[:, 1:2] * np.float32([0, 0, -np.sin(lean)])
    eye = np.array([0.3, 0.2, 4.0])
    fov_y = np.deg2rad(35)
    camera = perspective_camera(
        eye[None].astype(np.float32), np.zeros((1, 3), np.float32), np.float32([fov_y]), size, 0.1, 20.0
    )
    forward = -eye / np.linalg.norm(eye)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    upward = np.cross(right, forward)
    x = (np.arange(size[1]) + 0.5) * 2 / size[1] - 1
    y = 1 - (np.arange(size[0]) + 0.5) * 2 / size[0]
    x, y = np.meshgrid(x * np.tan(fov_y / 2) * size[1] / size[0], y * np.tan(fov_y / 2))
    ray = forward + x[..., None] * right + y[..., None] * upward
    c = corners.astype(np.float64)
    along_u, along_v = (c[1] - c[0]), (c[3] - c[0])
    normal = np.cross(along_u, along_v)
    hit = eye + ray * ((c[0] - eye) @ normal / (ray @ normal))[..., None]
    uv = np.stack([(hit - c[0]) @ along_u / (along_u @ along_u), (hit - c[0]) @ along_v / (along_v @ along_v)], -1)
    return camera, corners[None], np.int32([[0, 1, 2], [0, 2, 3]]), uv


CORNER_UV = np.float32([[[0, 0], [1, 0], [1, 1], [0, 1]]])


@pytest.mark.parametrize("path", PATHS)
def test_a_leaning_square_shows_its_texture_in_perspective(path):
    camera, corners, triangles, exact = quad_view()
    fragments = rasterize(camera.project(corners), triangles, (60, 80), path)
    uv = np.asarray(interpolate(CORNER_UV, fragments, triangles, path))
    seen = np.asarray(fragments.triangle_ids)[0] >= 0
    assert 0.2 < seen.mean() < 0.6
    np.testing.assert_array_equal(seen, ((exact > 0) & (exact < 1)).all(-1))
    np.testing.assert_allclose(uv[0][seen], exact[seen], atol=1e-5)

    n = 64
    grid = centres(n, n)
    inside = seen & ((exact > 0.5 / n) & (exact < 1 - 0.5 / n)).all(-1)
    ramp = np.asarray(sample_texture(grid, uv, path=path))[0]
    np.testing.assert_allclose(ramp[inside], exact[inside], atol=1e-5)

    checker = (np.floor(8 * grid).sum(-1, keepdims=True) % 2).astype(np.float32)
    sampled = np.asarray(sample_texture(checker, uv, path=path))[0, ..., 0]
    to_edge = np.abs(8 * exact - np.round(8 * exact)).min(-1) / 8
    flat = inside & (to_edge > 0.5 / n + 1e-5)  # nearer to an edge of the checkers the lookup blends both colours
    expected = np.floor(8 * exact).sum(-1) % 2
    assert flat.sum() / seen.sum() > 0.5
    assert 0.2 < expected[flat].mean() < 0.8
    np.testing.assert_allclose(sampled[flat], expected[flat], atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_a_seam_gives_each_side_its_own_part_of_the_texture(path):
    """Two triangles share an edge of the mesh but lie apart in the texture, as across the cut of an uv map."""
    camera, corners, triangles, exact = quad_view()
    fragments = rasterize(camera.project(corners), triangles, (60, 80), path)
    # the first triangle's uvs are turned, shrunk and moved; the second's are shrunk and moved elsewhere
    turn = np.array([[0, 0.4], [-0.4, 0]])
    first, second = CORNER_UV[0] @ turn.T + [0.1, 0.5], CORNER_UV[0] * 0.3 + [0.6, 0.6]
    uv_coordinates = np.concatenate([first[[0, 1, 2]], second[[0, 2, 3]]])[None].astype(np.float32)
    uv_triangles = np.int32([[0, 1, 2], [3, 4, 5]])
    uv = np.asarray(interpolate(uv_coordinates, fragments, uv_triangles, path))[0]
    ids = np.asarray(fragments.triangle_ids)[0]
    for triangle, expected in ((0, exact @ turn.T + [0.1, 0.5]), (1, exact * 0.3 + [0.6, 0.6])):
        assert (ids == triangle).sum() > 300
        np.testing.assert_allclose(uv[ids == triangle], expected[ids == triangle], atol=1e-5)
    left_red_right_blue = np.zeros((1, 40, 40, 3), np.float32)
    left_red_right_blue[:, :, :22, 0], left_red_right_blue[:, :, 22:, 2] = 1, 1
    color = np.asarray(sample_texture(left_red_right_blue, uv[None], path=path))[0]
    np.testing.assert_array_equal(color[ids == 0], [[1, 0, 0]] * (ids == 0).sum())
    np.testing.assert_array_equal(color[ids == 1], [[0, 0, 1]] * (ids == 1).sum())


@pytest.mark.parametrize("path", PATHS)
def test_the_gradient_of_a_textured_picture_reaches_the_vertices(path):
    camera, corners, triangles, _ = quad_view()
    texture = random_case(10, batch=1, size=(4, 4), channels=1)[0]
    vertices = tf.constant(corners)
    with tf.GradientTape() as tape:
        tape.watch(vertices)
        fragments = rasterize(camera.project(vertices), triangles, (60, 80), path)
        uv = interpolate(CORNER_UV, fragments, triangles, path)
        value = tf.reduce_sum(sample_texture(texture, uv, path=path) * fragments.coverage)
    gradient = tape.gradient(value, vertices).numpy()
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).max(axis=-1) > 1e-3).all()


@pytest.mark.parametrize(
    ("texture", "uv", "options", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), np.zeros((1, 2, 2, 2), np.float32), {}, "texture must have the shape"),
        (np.zeros((1, 0, 4, 3), np.float32), np.zeros((1, 2, 2, 2), np.float32), {}, "texture must have the shape"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 2, 2, 2), np.float32), {}, "not uint8; divide"),
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 2, 2, 3), np.float32), {}, "uv must have the shape"),
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((2, 2, 2), np.float32), {}, "uv must have the shape"),
        (np.zeros((2, 4, 4, 3), np.float32), np.zeros((3, 2, 2, 2), np.float32), {}, "each of uv's 3 images"),
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 2, 2, 2), np.float32), {"wrap": "mirror"}, "wrap must be"),
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 2, 2, 2), np.float32), {"path": "gpu"}, "path must be"),
    ],
)
def test_what_is_no_texture_lookup_is_refused(texture, uv, options, message):
    with pytest.raises(InputError, match=message):
        sample_texture(texture, uv, **options)
