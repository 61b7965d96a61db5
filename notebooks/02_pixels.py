# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a point to pixels
#
# *Which part of a face does a pixel see, and how does the picture change when the face moves a little?*
#
# A renderer answers the first question with three numbers per pixel: which triangle, where on it, how far away. The
# second is what makes it a teacher: if a picture has a derivative, an error in the picture can be walked back into
# the face that caused it. After this page you can project a mesh, rasterize it, say what its derivative contains
# and what it leaves out, recover the pose of a head by descending on pixels, and count what a picture must cost.
#
# A quarter of an hour to read, about a minute to run.

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from mmreg.face import Coefficients, load
from mmreg.figures.faces import grid
from mmreg.figures.rendering import (
    EdgeCase,
    barycentric_colors,
    depth_grey,
    id_colors,
    plot_barycentrics,
    plot_costs,
    plot_edges,
    plot_pixels,
    plot_signed,
    plot_sliding,
    plot_slopes,
    plot_step_and_ramp,
)
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.figures.space import head_camera
from mmreg.geometry.camera import Camera, Pose, clip_to_pixels, perspective_camera, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.profiles import get_profile
from mmreg.rendering import (
    Fragments,
    PointLights,
    interpolate,
    linear_to_srgb,
    phong,
    rasterize,
    render,
    sample_texture,
    srgb_to_linear,
)
from mmreg.rendering.kernels.shading import BLOCK, shade
from mmreg.rendering.lighting import studio_lights
from mmreg.rendering.rasterizer import barycentrics_at
from mmreg.results import Data, Provenance, read_result, write_result

model = load(model_name)
provenance = Provenance([Data(model.name, 1, model.checksum)], get_profile(profile).to_dict(), seed)
numbers = {}

person = Coefficients.sample(model, 1, seed + 21)
positions = np.asarray(model.positions(person.shape))
normals = np.asarray(vertex_normals(positions, model.triangles))
diffuse = np.asarray(srgb_to_linear(np.clip(model.albedos(person.albedo), 0.012, 1.0)))
lights = studio_lights(1)


def pose_of(yaw_degrees, pitch_degrees=0.0, roll_degrees=0.0):
    """A pose of one head from angles in degrees."""
    return Pose(*(np.deg2rad(np.array([a], np.float32)) for a in (yaw_degrees, pitch_degrees, roll_degrees)))


note_other_model(model_name, model, "How far the descents come depends on the head, and on where its origin is.")

# %% [markdown]
# The whole way from a head to its picture fits into a dozen lines, and each of the sections below takes one of them apart.


# %%
def picture(pose, camera, size, path="auto"):
    """The head in a pose as sRGB, and its fragments."""
    rotation = pose.rotation()
    turned, turned_normals = rotate(rotation, positions), rotate(rotation, normals)
    fragments = rasterize(camera.project(turned), model.triangles, (size, size), path)
    attributes = ops.concatenate([turned_normals, turned, diffuse], axis=-1)
    at_pixels = interpolate(attributes, fragments, model.triangles, path)
    normal, position, colour = at_pixels[..., :3], at_pixels[..., 3:6], at_pixels[..., 6:]
    radiance = phong(normal, position, colour, lights, camera.position_world)
    return ops.where(fragments.coverage > 0, linear_to_srgb(radiance), 0.93), fragments


# %% tags=["hide-input"] mystnb={"figure": {"caption": "What the rasterizer says of each pixel, and the picture made from it: the triangle's id (a random colour for each), the barycentrics (as red, green and blue), the depth (near is light), and the light that comes back.", "name": "fig-pixels-fragments"}, "image": {"alt": "Four close-ups of one half-turned nose: a mosaic of small coloured triangles; a net of triangles that each run from red through green to blue; a grey relief in which the tip is lightest; and the shaded nose before grey."}}
def close_up(landmark, window_mm, size, pose):
    """The camera on a landmark, enlarged to a window."""
    wide, factor = head_camera(size), 290.0 / window_mm
    point = rotate(pose.rotation(), positions[:, model.landmark_indices([landmark])])
    x, y, _, w = np.asarray(wide.project(point))[0, 0]
    return wide.cropped(np.full(1, factor, np.float32), np.array([[-factor * x / w, -factor * y / w]], np.float32))


half_turned = pose_of(30.0, -5.0)
shown, fragments = picture(half_turned, close_up("nose_tip", 48.0, 240, half_turned), 240)
ids, weights, depth = (np.asarray(a)[0] for a in fragments)
figure = grid(
    [[id_colors(ids), barycentric_colors(weights, ids), depth_grey(depth, ids), np.asarray(shown)[0]]],
    column_labels=["triangle ids", "barycentrics", "depth", "shaded"],
)

# %% [markdown]
# ## The camera
#
# A pinhole at the origin, looking along $-z$, maps the point $(x, y, z)$ to $(f x / {-z},\; f y / {-z})$: what is twice as far
# is half as large. The division is what makes perspective, and also what makes it awkward, so graphics postpones it.
# A matrix first takes the point to *clip space*, four numbers $(x, y, z, w)$ with $w$ the distance along the
# view; where $-w \le x, y, z \le w$, it is in the picture, and the division by $w$ comes last.

# %% tags=["remove-input"]
show_source(Camera.project)

# %% [markdown]
# The four faces below are the same face, each enlarged so that eyes, nose and mouth fall on the same places, as a recogniser
# wants its pictures. Only the distance differs. A renderer with a full perspective camera, as the paper's, can explain the large
# nose of a selfie by the arm that held the phone; a simpler one would have to put it into the shape.


# %%
def camera_at(distance_mm, size):
    """A camera straight ahead; the five points fall where they fall at one metre."""

    def untouched(distance):
        place = np.array([[0.0, -7.0, distance]], np.float32)
        return perspective_camera(place, 0.0 * place, np.array([0.31], np.float32), (size, size))

    vertices, weights = model.five_points
    five_points = ops.matmul(weights, positions[:, vertices])
    template = clip_to_pixels(untouched(1000.0).project(five_points), (size, size))[0]
    return untouched(distance_mm).framing(five_points, template, (size, size))


# %% tags=["hide-input"] mystnb={"figure": {"caption": "One face from 30 cm, 50 cm, 1 m and 4 m, framed by its eyes, nose and mouth. From near, it is narrow and the ears hide behind the cheeks; from afar it is broad and flat. Nothing of this is shape.", "name": "fig-pixels-distance"}, "image": {"alt": "Four frontal pictures of one face with eyes and mouth in the same places. In the first the head tapers away behind a prominent nose and the ears are hardly seen; towards the last the head becomes wider and the ears come into view."}}
distances = [300.0, 500.0, 1000.0, 4000.0]
views = [np.asarray(picture(pose_of(0.0), camera_at(d, 400), 400)[0])[0] for d in distances]
halved = [v.reshape(200, 2, 200, 2, 3).mean(axis=(1, 3))[:, 25:-25] for v in views]
figure = grid([halved], column_labels=["0.3 m", "0.5 m", "1 m", "4 m"])

# %% [markdown]
# ## Which triangle
#
# A pixel's centre looks along one ray. Of all triangles that the ray meets, the nearest is seen, and the rasterizer writes down
# its number, the *triangle id*; −1 where there is none. Everything else is asked of that one triangle. Close up, at
# the rim of the upper lip, it looks like this:


# %% tags=["hide-input"] mystnb={"figure": {"caption": "Eighteen by eighteen pixels on the rim of the upper lip, with the edges of the triangles. A pixel belongs to the triangle that its centre (dot) falls into; the barycentrics say where in it; the attributes of the three corners, mixed with these weights, give the colour.", "name": "fig-pixels-zoom"}, "image": {"alt": "Three enlarged patches of eighteen by eighteen square pixels under a net of triangles: in random colours by triangle, in red-green-blue by barycentrics, and in the colours of lip and skin."}}
front = pose_of(0.0)


def zoomed(size):
    """Nine millimetres of the upper lip."""
    return close_up("multi_pie_52", 9.0, size, front)


close, close_fragments = picture(front, zoomed(18), 18)
close_ids, close_weights = np.asarray(close_fragments.triangle_ids)[0], np.asarray(close_fragments.barycentrics)[0]
visible = np.unique(picture(front, zoomed(360), 360)[1].triangle_ids)
corners = np.asarray(clip_to_pixels(zoomed(18).project(positions), (18, 18)))[0][model.triangles[visible]]
edges = corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2, 2)
patches = [id_colors(close_ids), barycentric_colors(close_weights, close_ids), np.asarray(close)[0]]
figure = plot_pixels(patches, edges, ["triangle ids", "barycentrics", "colour"])

# %% [markdown]
# ## Where on it
#
# A point on a triangle is a weighted mean of the corners; its weights $\lambda_1 + \lambda_2 + \lambda_3 = 1$ are its
# *barycentric coordinates*, and whatever the corners carry, be it a position, a normal, a colour, is mixed alike:
#
# $$
# a = \lambda_1 a_1 + \lambda_2 a_2 + \lambda_3 a_3 .
# $$ (eq-interpolate)
#
# The pixel at $(X, Y)$ sees the point where the corners' clip coordinates $(x_i, y_i, w_i)$, mixed, satisfy
# $\sum \lambda_i (x_i - X w_i) = 0$ and $\sum \lambda_i (y_i - Y w_i) = 0$. Write $d_i = (x_i - X w_i,\; y_i - Y w_i)$ for the corners as the pixel sees
# them; then the weights are the areas opposite,
#
# $$
# \lambda_i = \frac{e_i}{e_1 + e_2 + e_3}, \qquad e_i = d_j \times d_k ,
# $$ (eq-barycentrics)
#
# with $i, j, k$ in cyclic order. Using $w$ makes it right in perspective: nothing was divided yet.

# %% tags=["remove-input"]
show_source(barycentrics_at)

# %% tags=["remove-input"]
show_source(interpolate)

# %% [markdown]
# ## What has a derivative
#
# Equation {eq}`eq-barycentrics` is a fraction of polynomials in the vertices, so it has a derivative with respect to each of them. The
# triangle id is a whole number. To see the difference, slide a corner that two triangles share, and watch a single pixel.


# %%
# x and y of four corners, in a picture that reaches from -1 to 1; triangles 0 (right) and 1 (left) share the edge 1-2
corners = np.array([[4.0, -0.3], [0.1, 1.6], [-0.1, -1.6], [-4.0, 0.3]], np.float32)
pair = np.array([[0, 1, 2], [3, 2, 1]], np.int32)


def slid(shift):
    """Clip coordinates (x, y, z, w) of the corners with the edge's upper end moved to the right, one mesh for each shift."""
    shift = ops.convert_to_tensor(shift, "float32")[:, None, None]
    xy = corners + shift * np.array([[0, 0], [1, 0], [0, 0], [0, 0]], np.float32)
    return ops.concatenate([xy, ops.zeros_like(xy[..., :1]), ops.ones_like(xy[..., :1])], axis=-1)


shift = tf.linspace(-1.0, 1.0, 100)
seen_id = rasterize(slid(shift), pair, (1, 1)).triangle_ids[:, 0, 0]  # a hundred pictures of one pixel
stay = np.zeros((100, 1, 1), np.int32)  # or: whatever happens, ask triangle 0
with tf.GradientTape() as tape:
    tape.watch(shift)
    weight = barycentrics_at(slid(shift), pair, stay)[:, 0, 0, 0]
slope = tape.gradient(weight, shift)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One pixel while a corner slides. Left, the id of its triangle: a step, whose slope is zero wherever it has one. Right, the barycentric of triangle 0 at the far corner: a ramp, which falls to zero at the edge and, if the triangle is extended to the pixel (dashed), goes on below zero as though nothing had happened. Dots: slopes by finite differences.", "name": "fig-pixels-step"}, "image": {"alt": "Four charts with a dotted line in the middle, where the edge passes the pixel. Upper left, a line at 0 that jumps to 1; below it, a flat line at zero with a hole. Upper right, a smooth curve falling from 0.14 through zero to minus 0.2; below it, its slope, a smooth negative curve with dots on it."}}
figure = plot_step_and_ramp(*(np.asarray(a) for a in (shift, seen_id, weight, slope)))

# %% tags=["remove-cell"]
apart = np.abs(np.gradient(weight, shift) - np.asarray(slope))[1:-1] / np.abs(slope[1:-1])
assert sorted(set(np.asarray(seen_id))) == [0, 1]
assert np.abs(np.diff(seen_id)).sum() == 1  # one jump, and no slope anywhere else
assert apart.max() < 1e-2

# %% [markdown]
# A step's derivative is of no use to a descent: zero says *stay*, wherever you are, and at the jump itself there is none to be had. So the paper
# differentiates the barycentrics and leaves out the ids: the choice of triangle is taken as given, and each pixel behaves as though its triangle's
# plane went on for ever. It calls the surface *locally planar*. When a neighbouring triangle comes under
# the pixel, it is tilted only a little against the first, and its plane is nearly the same.
#
# For this the formula must hold outside the triangle too, since a small step may carry a pixel over an edge. It does: there a weight is
# negative, and everything stays smooth. Nothing is clamped.

# %%
triangle = np.zeros((1, 3, 4), np.float32)  # x y z w
triangle[0, :, :2] = [-0.5, -0.55], [0.65, -0.3], [-0.15, 0.6]
triangle[0, :, 3] = 1.0
everywhere = np.zeros((1, 120, 120), np.int32)  # every pixel is told to look at triangle 0
extended = np.asarray(barycentrics_at(triangle, np.array([[0, 1, 2]]), everywhere))[0]
assert np.allclose(extended.sum(axis=-1), 1.0, atol=1e-5)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The three barycentrics of one triangle, over the whole picture. Each is 1 at its own corner and 0 along the opposite edge, and goes on linearly beyond, where it becomes negative (blue) or more than 1. They sum to 1 everywhere.", "name": "fig-pixels-barycentrics"}, "image": {"alt": "Three panels with the same triangle. In each a colour ramp runs from blue through white, along the edge opposite the marked corner, to red at and beyond that corner."}}
figure = plot_barycentrics(extended, np.asarray(clip_to_pixels(triangle, (120, 120)))[0])

# %% [markdown]
# ## Around an edge
#
# How good is "nearly the same"? Take the two triangles again, give each corner a grey, and move the edge's upper end a little to the left and
# to the right. Three times: the greys lie in *one plane*; they make a *fold* at the edge; or the left triangle is missing, and the
# edge is an *outline* before a background.


# %%
in_a_plane = (0.5 + 0.4 * corners[:, 0]).astype(np.float32)
folded = np.array([*in_a_plane[:3], 1.5], np.float32)
surfaces = {"one plane": (in_a_plane, pair), "a fold": (folded, pair), "an outline": (in_a_plane, pair[:1])}


# %% tags=["hide-input"]
def greys(greys_at_corners, triangles, shift, size):
    """The pictures for some shifts, before a background of 0.7, and their triangle ids."""
    fragments = rasterize(slid(shift), triangles, (size, size))
    attributes = np.repeat(greys_at_corners[None, :, None], len(shift), axis=0)
    shown = ops.where(fragments.coverage > 0, interpolate(attributes, fragments, triangles), 0.7)
    return np.asarray(shown)[..., 0], np.asarray(fragments.triangle_ids)


def derivative_with(greys_at_corners, triangles, ids):
    """Each pixel's change per shift of one pixel, in the triangle that `ids` tells it to look at."""
    still = tf.zeros(1)
    with tf.autodiff.ForwardAccumulator(still, tf.ones(1)) as accumulator:
        weights = barycentrics_at(slid(still), triangles, ids[None])
        mixed = ops.sum(weights * ops.take(greys_at_corners, triangles[np.maximum(ids, 0)])[None], axis=-1)
    return np.asarray(accumulator.jvp(mixed))[0] * 2.0 / len(ids)


def measured_with(greys_at_corners, triangles, step_pixels, size):
    """Each pixel's change by finite differences."""
    reach = 2.0 * step_pixels / size
    shown, _ = greys(greys_at_corners, triangles, np.array([-reach, reach], np.float32), size)
    return (shown[1] - shown[0]) / (2.0 * step_pixels)


# %% tags=["hide-input"] mystnb={"figure": {"caption": "Above, two triangles that share an edge (orange), whose upper end, just outside the picture, moves 1.5 pixels to each side. Below, how the pixels along the blue row change: filled, the derivative; rings, as measured; dotted, the derivative of each triangle extended past its edge. In one plane they agree; at a fold they agree up to the two pixels that the edge swept over; at an outline the change there is larger than any other, and no part of it is in the derivative.", "name": "fig-pixels-edge"}, "image": {"alt": "Three grey pictures with a slanted edge in the middle and a chart below each. First, a smooth ramp; rings sit on the dots, which make a shallow V. Second, a dark valley; dots jump at the edge, and the rings there lie between. Third, a ramp on the right half only; on the left all is zero, and two rings at the edge stand high above all else."}}
WIDE, ROW = 24, 5
ends = np.asarray(clip_to_pixels(slid(np.zeros(1))[0, 1:3], (WIDE, WIDE)))
cases = {}
for name, (values, surface) in surfaces.items():
    (shown,), (ids,) = greys(values, surface, np.zeros(1, np.float32), WIDE)
    past = [derivative_with(values, surface, np.full_like(ids, k))[ROW] for k in range(len(surface))]
    change = derivative_with(values, surface, ids)[ROW]
    cases[name] = EdgeCase(shown, ends, change, np.stack(past), measured_with(values, surface, 1.5, WIDE)[ROW])
figure = plot_edges(cases, ROW)

# %% tags=["remove-cell"]
FINE = 512
for name, (values, surface) in surfaces.items():
    ids = greys(values, surface, np.zeros(1, np.float32), FINE)[1][0]
    exact = derivative_with(values, surface, ids)
    for step, word in ((4.0, "far"), (0.5, "near")):
        error = np.abs(measured_with(values, surface, step, FINE) - exact).sum() / np.abs(exact).sum()
        numbers[f"edge_{name.split()[1]}_{word}_percent"] = 100.0 * float(error)
assert numbers["edge_plane_far_percent"] < 0.1
assert 6.0 < numbers["edge_fold_far_percent"] / numbers["edge_fold_near_percent"] < 10.0
assert 0.9 < numbers["edge_outline_far_percent"] / numbers["edge_outline_near_percent"] < 1.1
assert numbers["edge_outline_near_percent"] > 40.0

# %% [markdown]
# All three again in a fine picture, 512 pixels wide: the difference between derivative and measurement, summed over the picture, in percent of the derivative's
# own sum. (What is left in one plane is rounding.)
#
# | | step of 4 pixels | step of ½ pixel |
# |---|---|---|
# | one plane | {glue:text}`edge_plane_far_percent:.3f` | {glue:text}`edge_plane_near_percent:.3f` |
# | a fold | {glue:text}`edge_fold_far_percent:.2f` | {glue:text}`edge_fold_near_percent:.2f` |
# | an outline | {glue:text}`edge_outline_far_percent:.0f` | {glue:text}`edge_outline_near_percent:.0f` |
#
# A fold costs little, and in the limit nothing: the picture has a kink there but no jump, so the error is bounded and sits in the strip that
# the edge sweeps; an eighth of the step makes an eighth of the error. At an outline the strip shrinks as well. But the picture *jumps* in it, the measurement divides the jump by
# the step, and what the derivative lacks stays the same, however small the step. The assumption to be kept in mind is thus not "flat" but
# "goes on": between the triangles of a smooth face it holds, where a surface ends before another it fails.

# %% [markdown]
# ## Is it true?
#
# The same check on a head: turn it a little to the left and to the right, subtract the pictures, divide by the angle. On the
# other side stands the derivative as the renderer computes it, here carried forwards, from the one yaw angle to all pixels
# at once.

# %%
SIZE = 150
camera = head_camera(SIZE)
start, step_degrees = 20.0, 0.05

yaw = tf.constant([np.deg2rad(start)], tf.float32)
with tf.autodiff.ForwardAccumulator(yaw, tf.ones(1)) as accumulator:
    middle, seen = picture(Pose(yaw, *pose_of(0.0)[1:]), camera, SIZE, path="ops")
derivative = np.asarray(accumulator.jvp(middle))[0].mean(axis=-1)

left, seen_left = picture(pose_of(start - step_degrees), camera, SIZE)
right, seen_right = picture(pose_of(start + step_degrees), camera, SIZE)
difference = np.asarray(right - left)[0].mean(axis=-1) / np.deg2rad(2.0 * step_degrees)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The picture's change per radian of yaw. Left, the renderer's derivative; middle, finite differences of two pictures; right, the one minus the other. Inside the face they agree. Along the outline, and where nose and ears hide what is behind them, finite differences see surfaces come and go, and the derivative doesn't.", "name": "fig-pixels-derivative"}, "image": {"alt": "Three pictures of a turned head in red and blue on white. The first two are alike inside the face: eyes, nostrils and lips have red and blue borders. The middle one has dotted strong lines along the outline, which are all that remains in the third."}}
signed = {"derivative": derivative, "finite differences": difference, "difference of the two": derivative - difference}
figure = plot_signed(signed, 2.0, "change of the picture (sRGB, per radian)")

# %% tags=["remove-cell"]
same = np.ones((SIZE, SIZE), bool)
for other in (seen_left, seen_right):
    same &= np.asarray(other.triangle_ids)[0] == np.asarray(seen.triangle_ids)[0]
covered = np.asarray(seen.triangle_ids)[0] >= 0
inside = same & covered
wrong = derivative - difference
appeared = ~same & ((np.asarray(seen_left.triangle_ids)[0] < 0) | (np.asarray(seen_right.triangle_ids)[0] < 0))
numbers |= {
    "agreement_percent": 100.0 * float(np.abs(wrong[inside]).sum() / np.abs(difference[inside]).sum()),
    "same_triangle_percent": 100.0 * float(inside.sum() / covered.sum()),
    "changed_pixels": int((~same).sum()),
    "outline_pixels": int(appeared.sum()),
    "error_in_changed_percent": 100.0 * float(np.sum(wrong[~same] ** 2) / np.sum(wrong**2)),
    "error_on_outline_percent": 100.0 * float(np.sum(wrong[appeared] ** 2) / np.sum(wrong**2)),
}
assert numbers["agreement_percent"] < 5.0 or model_name != "open"

# %% [markdown]
# Where the pixel sees the same triangle in all three pictures, which is so for {glue:text}`same_triangle_percent:.0f` % of the
# face, the two differ by {glue:text}`agreement_percent:.1f` % (summed as in the table; at a typical pixel by far less, as the third
# exercise shows: what there is comes from a few triangles seen nearly edge-on, in which everything moves fast). Practically all of the error sits in the
# {glue:text}`changed_pixels` pixels whose triangle changed, and
# {glue:text}`error_on_outline_percent:.1f` % of it (of its square) in the mere {glue:text}`outline_pixels` that went from face to background or
# back.
#
# ## Breaking it
#
# What does that do to a descent? Slide a square over a grey picture towards the place where it should be. If the square
# is of one colour, the picture changes at its border alone. Give it a pattern that varies inside, and there is more to go by.


# %%
square = np.array([[-0.4, -0.4], [0.4, -0.4], [0.4, 0.4], [-0.4, 0.4]], np.float32)
two_triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
straight_on = Camera(np.eye(4, dtype=np.float32)[None], np.array([[0.0, 0.0, 1.0]], np.float32))
no_lamp = np.zeros((1, 1, 3), np.float32)
from_everywhere = PointLights(no_lamp, no_lamp, np.ones((1, 3), np.float32))
plain = np.ones((1, 4, 3), np.float32)
ramp = np.array([0.1, 0.9, 0.9, 0.1], np.float32)[None, :, None].repeat(3, axis=-1)


def sliding(colour, shift, supersampling):
    """The square, moved to the right by `shift`, before a background of 0.5; the picture is 40 pixels wide."""
    x, zero = square[None, :, :1] + shift, np.zeros((1, 4, 1), np.float32)
    positions = ops.concatenate([x, ops.convert_to_tensor(square[None, :, 1:]), zero], axis=-1)
    normals = np.concatenate([zero, zero, zero + 1.0], axis=-1)
    scene = positions, normals, colour, two_triangles, straight_on, from_everywhere
    return render(*scene, (40, 40), supersampling=supersampling).over(0.5)


def loss_and_slope(colour, shift, supersampling):
    """Squared difference from the square in its place, and its derivative as reported, per pixel of shift."""
    shift = tf.constant(shift, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(shift)
        apart = sliding(colour, shift, supersampling) - sliding(colour, 0.0, supersampling)
        loss = tf.reduce_sum(apart**2) / 3.0  # red, green and blue are equal
    return float(loss), float(tape.gradient(loss, shift)) / 20.0


# %% tags=["hide-input"] mystnb={"figure": {"caption": "A square slides to its place; the black dashes are the slopes that the renderer reports. Left, in one colour: the loss has a clear valley, in steps of a pixel, and every reported slope is zero. Middle, with the mean of 4 × 4 samples in each pixel: smaller steps, the same zero. Right, with a brightness ramp across it: the slopes point down into the valley.", "name": "fig-pixels-sliding"}, "image": {"alt": "Three curves shaped like a V, the first with large steps, the second with small ones. On both all short black lines are horizontal; on the third they lean along the curve towards its minimum."}}
shifts = np.linspace(-0.4, 0.4, 81)
squares = {"one colour": (plain, 1), "4 × 4 samples": (plain, 4), "a ramp": (ramp, 1)}
measured = {name: np.array([loss_and_slope(c, s, k) for s in shifts]) for name, (c, k) in squares.items()}
figure = plot_sliding(
    shifts * 20.0, {k: v[:, 0] for k, v in measured.items()}, {k: v[:, 1] for k, v in measured.items()}
)

# %% tags=["remove-cell"]
losses = {name: curve[:, 0] for name, curve in measured.items()}
slope_in_valley = (losses["4 × 4 samples"][30] - losses["4 × 4 samples"][0]) / (20.0 * (shifts[30] - shifts[0]))
numbers |= {
    "square_slope_measured": float(slope_in_valley),
    "square_slope_reported": float(np.abs(measured["4 × 4 samples"][:, 1]).max()),
    "square_step_plain": float(np.abs(np.diff(losses["one colour"])).max()),
    "square_step_sampled": float(np.abs(np.diff(losses["4 × 4 samples"])).max()),
}
assert numbers["square_step_sampled"] < 0.6 * numbers["square_step_plain"]
assert slope_in_valley < -5.0
for name in ("one colour", "4 × 4 samples"):
    assert np.abs(measured[name][:, 1]).max() < 1e-6  # rounding
downhill = np.sign(measured["a ramp"][:, 1]) == np.sign(shifts)
assert np.all(downhill[np.abs(shifts) > 0.02])

# %% [markdown]
# For the plain square the derivative is zero (up to rounding), wherever the square is. It doesn't help to make the picture smoother. With 16 samples
# a pixel, the largest step of the loss falls from {glue:text}`square_step_plain:.0f` to {glue:text}`square_step_sampled:.1f`, and its valley descends by
# {glue:text}`square_slope_measured:.1f` a pixel on average; the reported slope is {glue:text}`square_slope_reported:.0f`. Each sample
# still sees one triangle or none, and *which* has no derivative. Supersampling is for the eye. The ramp is what helps: inside, there is something to compare, and
# every reported slope points down into the valley, though its value is not quite the loss's.

# %% [markdown]
# ## A pose from pixels
#
# Enough to turn a head by its picture? The target is the same head in an unknown pose. Start from the front, render, compare, and
# follow the gradient: analysis by synthesis in its smallest form. There are two ways to compare: over the whole picture, or
# only where both pictures show the head.

# %%
SMALL = 96
small_camera = head_camera(SMALL)
truth = np.array([24.0, -9.0, 7.0], np.float32)
target, target_fragments = picture(pose_of(*truth), small_camera, SMALL)


@tf.function
def loss_and_gradient(angles_radians, where):
    with tf.GradientTape() as tape:
        tape.watch(angles_radians)
        rendered, fragments = picture(Pose(*tf.split(angles_radians, 3)), small_camera, SMALL)
        both = fragments.coverage * target_fragments.coverage
        if where == "whole":
            both = tf.ones_like(both)
        loss = tf.reduce_sum(both * (rendered - target) ** 2) / tf.reduce_sum(3.0 * both)
    return loss, tape.gradient(loss, angles_radians)


def descend(where, steps=60):
    """Angles in degrees after every step, from zero."""
    angles = tf.Variable(np.zeros(3, np.float32))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.06, steps))
    path = [angles.numpy()]
    for _ in range(steps):
        optimizer.apply([loss_and_gradient(angles.value(), where)[1]], [angles])
        path.append(angles.numpy())
    return np.rad2deg(path)


paths = {where: descend(where) for where in ("whole", "inside")}

# %% tags=["remove-cell"]
errors = {where: float(np.abs(path[-1] - truth).max()) for where, path in paths.items()}
if model_name == "open":
    assert errors["inside"] < 2.0
    assert errors["whole"] > 20.0
numbers |= {
    "pose_steps": len(paths["inside"]) - 1,
    "pose_error_inside_degrees": errors["inside"],
    "pose_error_whole_degrees": errors["whole"],
    "whole_loss_start": float(loss_and_gradient(tf.zeros(3), "whole")[0]),
    "whole_loss_end": float(loss_and_gradient(tf.constant(np.deg2rad(paths["whole"][-1]), tf.float32), "whole")[0]),
}

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Gradient descent on a pose. Above, comparing whole pictures: the head turns away from its target. Below, comparing only where both pictures show the head: it arrives. Same target, same start, same steps.", "name": "fig-pixels-strip"}, "image": {"alt": "Two rows of five pictures of one head. Both start from the front. In the upper row it turns to the wrong side until it shows its profile; in the lower row it takes the pose of the last picture, the target, half turned, raised and tilted."}}
moments = [0, 5, 15, 60]


def large(angles):
    """A picture of the head for the strip."""
    sharp = np.asarray(picture(pose_of(*angles), head_camera(360), 360)[0])[0]
    return sharp.reshape(180, 2, 180, 2, 3).mean(axis=(1, 3))[:, 18:-18]


rows = [[*(large(path[k]) for k in moments), large(truth)] for path in paths.values()]
figure = grid(rows, row_labels=list(paths), column_labels=[*(f"step {k}" for k in moments), "target"])

# %% [markdown]
# Inside, no angle is off by more than {glue:text}`pose_error_inside_degrees:.1f` degrees after {glue:text}`pose_steps` steps. Over
# the whole picture the error ends at {glue:text}`pose_error_whole_degrees:.0f` degrees, and the loss has *grown*, from
# {glue:text}`whole_loss_start:.3f` to {glue:text}`whole_loss_end:.3f`: the descent climbed. This is no failure of the descent. Its gradient was
# wrong, and the two slopes below show why.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The loss along yaw (above) and its slope (below): as measured on the curve, and as the renderer reports it. Left, over whole pictures, the loss is ruled by the outline, and the reported slope even has the wrong sign. Right, where both show the head, the two mostly agree in sign.", "name": "fig-pixels-slopes"}, "image": {"alt": "Two columns of charts. Left, a deep valley at twenty-four degrees, and below it a black slope that rises through zero there while an orange one falls through zero. Right, a shallower valley, and two slopes that both rise through zero at the target."}}
yaws = np.arange(-46.0, 90.0, 4.0)
curves = {}
for where in paths:
    at = [tf.constant(np.deg2rad([yaw, *truth[1:]]), tf.float32) for yaw in yaws]
    losses, slopes = zip(*(loss_and_gradient(angles, where) for angles in at), strict=True)
    curves[where] = np.array(losses), np.deg2rad([slope[0] for slope in slopes])
figure = plot_slopes(yaws, curves, float(truth[0]))

# %% tags=["remove-cell"]
for where, (_, slopes) in curves.items():
    descends = np.sign(slopes) == np.sign(yaws - truth[0])
    numbers[f"slope_right_sign_{where}_percent"] = 100.0 * float(descends.mean())

# %% [markdown]
# Where a pixel shows dark cheek and the target shows bright wall, the right answer is to move the cheek out of the pixel. The derivative
# doesn't know that this can be done: to it the cheek goes on for ever, and all that it can offer is to turn the cheek
# towards the light. Such pixels outshout the honest ones. Over whole pictures the reported slope has the right sign at
# {glue:text}`slope_right_sign_whole_percent:.0f` % of these angles, inside at {glue:text}`slope_right_sign_inside_percent:.0f` %.
#
# The moral is to ask this derivative only what it can answer: about the inside of a surface. The paper's training does. The
# pose of a rendering is drawn at random, and not sought; and no background is compared, since a recogniser looks at the picture, and it was
# taught to look at faces. Renderers that give the outline a derivative exist {cite}`loper2014,laine2020`, at some cost in time
# or sharpness.
#
# ## What it costs
#
# Training renders every face that it guesses, and walks back through every rendering; it had better be cheap. How cheap
# can it be? However it is done, some numbers must come from memory and some must go there. Forward, position, normal and colour of each
# vertex and the corners of each triangle come in, and the radiance of each pixel goes out, with its id for the way back. Back, all this is read again beside the
# radiance's gradient, and the gradients at the vertices go out. That is the *floor*: arithmetic can be made faster by
# doing more of it at once, but these bytes have to travel.

# %%
lit = tf.constant(positions), tf.constant(normals), tf.constant(diffuse)
at_vertices, corner_indices, pixels = 3 * 3 * 4 * positions.shape[1], 3 * 4 * len(model.triangles), SIZE**2
forward = at_vertices + corner_indices + (3 + 1) * 4 * pixels
back = at_vertices + corner_indices + (3 + 1) * 4 * pixels + at_vertices
numbers["needed_megabytes"] = (forward + back) / 1e6

facing = rasterize(camera.project(positions), model.triangles, (SIZE, SIZE))


def formula(clip, *attributes):
    """What each pixel sees, by operations on whole pictures: the equations as they stand."""
    weights = barycentrics_at(clip, model.triangles, facing.triangle_ids)
    fragments = Fragments(facing.triangle_ids, weights, facing.depth)
    at_pixels = interpolate(ops.concatenate(attributes, axis=-1), fragments, model.triangles, path="ops")
    position, normal, colour = ops.split(at_pixels, 3, axis=-1)
    return phong(normal, position, colour, lights, camera.position_world)


# %% tags=["hide-input"]
@tf.function
def both_ways(*attributes):
    """The radiance's gradient, summed over the picture."""
    with tf.GradientTape() as tape:
        tape.watch(attributes)
        total = tf.reduce_sum(formula(camera.project(attributes[0]), *attributes))
    return tape.gradient(total, attributes)


operations = both_ways.get_concrete_function(*lit).graph.get_operations()
copies_nothing = {"Const", "Placeholder", "Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient"}
arrays = [t for o in operations if o.type not in copies_nothing for t in o.outputs if t.shape.num_elements()]
numbers |= {
    "formula_arrays": len(arrays),
    "formula_megabytes": sum(t.shape.num_elements() * t.dtype.size for t in arrays) / 1e6,
    "covered_percent": 100.0 * float(np.mean(facing.coverage)),
    "picture_vertices": positions.shape[1],
    "block_pixels": BLOCK,
}
assert numbers["formula_megabytes"] > 5.0 * numbers["needed_megabytes"]

# %% [markdown]
# For this head of {glue:text}`picture_vertices:,` vertices at 150 × 150 pixels the floor is {glue:text}`needed_megabytes:.1f` MB. The formulas of this page, taken as they
# stand, go far beyond: every $d_i$, every product, every $\langle n, l \rangle$ becomes an array the size of the picture, written to memory, read again,
# and kept for the way back. TensorFlow's own graph of them has {glue:text}`formula_arrays` such results, {glue:text}`formula_megabytes:.0f` MB in all. And since
# an array has no holes, background is shaded too, although only {glue:text}`covered_percent:.0f` % of the pixels see the head.
#
# Hence *one* pass instead of hundreds. It leaves out what sees nothing, and takes covered pixels in blocks of {glue:text}`block_pixels`: gather what the block
# needs from its triangles' corners, once; do all arithmetic up to the radiance while the block's few numbers are in the processor's nearest
# memory, in loops so plain that one instruction serves several pixels; write down the result alone. The way back does this arithmetic over again rather than
# remember it. Folded here, the way forward:

# %% tags=["hide-output", "remove-input"]
show_source(shade)

# %% [markdown]
# `render` takes this pass where it can (TensorFlow on a processor), and the formulas elsewhere. Both must say the same:

# %%
rng = np.random.default_rng(seed)
upstream = rng.normal(size=(1, SIZE, SIZE, 3)).astype(np.float32)  # any loss's derivative with respect to the picture


def rendered_by(path):
    """Ids, radiance, and the gradient that arrives at positions, normals and colours."""
    with tf.GradientTape() as tape:
        tape.watch(lit)
        rendering = render(*lit, model.triangles, camera, lights, (SIZE, SIZE), path=path)
        loss = tf.reduce_sum(rendering.radiance * upstream)
    return rendering.fragments.triangle_ids, rendering.radiance, *tape.gradient(loss, lit)


(pass_ids, *one_pass), (formula_ids, *by_formula) = rendered_by("native"), rendered_by("ops")
assert np.array_equal(pass_ids, formula_ids)
for name, a, b in zip(("radiance", "∂ positions", "∂ normals", "∂ colours"), one_pass, by_formula, strict=True):
    largest = float(np.abs(a - b).max() / np.abs(b).max())
    assert largest < 1e-4
    print(f"{name}: the largest difference is {largest:.0e} of the largest value")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What a picture of a mesh costs, forward and back, on one core, in pictures of three sizes: by the formulas (`keras.ops`), by the compiled pass, and at the least, if memory were all that counted. Both axes are logarithmic. Points that are missing would have taken too long. Measured by `benchmarks/rendering.py`.", "name": "fig-pixels-costs"}, "image": {"alt": "Three charts of milliseconds an image over the picture's size, for meshes of few, more and many triangles. In each, three lines: the formulas on top, the compiled pass far below them, the floor of memory lowest. Both upper lines rise with the size, and hardly from chart to chart."}}
costs = read_result("../results/benchmarks/rendering.json")
figure = plot_costs(costs["runs"], costs["floor"]["records"], batch=8, threads=1)

# %% tags=["remove-cell"]
nearest = min({run["triangles"] for run in costs["runs"]}, key=lambda count: abs(count - 61_000))
setting = {"triangles": nearest, "size": 150, "batch": 8, "threads": 1}


def of_setting(records, **more):
    """The one record of the setting that the page quotes."""
    (found,) = (r for r in records if all(r[key] == value for key, value in (setting | more).items()))
    return found


def growth(name):
    """By how much the number grows from its smallest to its largest value, and the time of one pass with it."""
    fixed = {key: value for key, value in (setting | {"path": "native"}).items() if key != name}
    ends = sorted((r for r in costs["runs"] if all(r[k] == v for k, v in fixed.items())), key=lambda r: r[name])
    return tuple(ends[-1][key] / ends[0][key] for key in (name, "ms_forward_backward"))


own, others = (of_setting(costs["runs"], path=path) for path in ("native", "ops"))
more_triangles, longer_for_triangles = growth("triangles")
more_rows, longer_for_pixels = growth("size")
(step_of_one_core,) = (step for step in costs["training_step"] if (step["threads"], step["views"]) == (1, 1))
numbers |= {
    "cost_triangles": nearest,
    "cost_pass_ms": own["ms_forward_backward"],
    "cost_ratio": others["ms_forward_backward"] / own["ms_forward_backward"],
    "cost_over_floor": of_setting(costs["floor"]["records"])["time_over_floor_forward_backward"],
    "cost_pass_over_encoder_percent": 100.0 * step_of_one_core["rasterize_shade_over_encoder"],
    "cost_rendering_over_encoder_percent": 100.0 * step_of_one_core["rendering_over_encoder"],
}
numbers |= {
    "cost_more_triangles": more_triangles,
    "cost_longer_for_triangles": longer_for_triangles,
    "cost_more_pixels": more_rows**2,
    "cost_longer_for_pixels": longer_for_pixels,
}
assert longer_for_triangles < longer_for_pixels  # of about as many times more triangles as pixels
assert numbers["cost_ratio"] > 5.0
assert numbers["cost_over_floor"] > 1.0

# %% [markdown]
# With {glue:text}`cost_triangles:,` triangles at 150 × 150 pixels, one pass takes {glue:text}`cost_pass_ms:.1f` ms forward and back, and the
# formulas {glue:text}`cost_ratio:.0f` times as long. It is still {glue:text}`cost_over_floor:.0f` times the floor.
# With {glue:text}`cost_more_triangles:.0f` times the triangles the pass takes {glue:text}`cost_longer_for_triangles:.1f` times as long, with
# {glue:text}`cost_more_pixels:.0f` times the pixels {glue:text}`cost_longer_for_pixels:.1f` times: most triangles are never seen and soon dismissed, and what remains to
# be paid is at covered pixels. In a training step the two passes take {glue:text}`cost_pass_over_encoder_percent:.0f` % of the time that the
# recogniser spends on looking at the pictures; with all else that it takes to make them, from coefficients to a lens's blur and back,
# {glue:text}`cost_rendering_over_encoder_percent:.0f` %.
#
# ## The paper and we
#
# The derivative is the paper's, negative barycentrics included. How it is computed is ours: one compiled pass forward and one back, held equal
# to the formulas in `keras.ops`, which run on any device, by this page and by tests. Nothing is
# culled: both sides of a triangle are seen. The paper doesn't give image size, field of view or distance; ours are
# 150 × 150 pixels for the recogniser, and 0.6 to 1.8 metres.
#
# ## Exercises
#
# ```{exercise-start}
# :label: pixels-sum
# ```
# Move all three corners of a triangle in any way: the derivatives of its three barycentrics at a pixel always sum to zero. Why?
# Check it with the renderer's own gradient.
# ```{exercise-end}
# ```
#
# ```{solution-start} pixels-sum
# :class: dropdown
# ```
# The weights sum to 1 wherever they are, and the derivative of 1 is 0. So a pattern that is constant over a triangle gives no gradient, which
# is the plain square's trouble in other words.

# %% tags=["solution"]
moving = tf.constant(triangle)
with tf.GradientTape() as tape:
    tape.watch(moving)
    total = tf.reduce_sum(barycentrics_at(moving, np.array([[0, 1, 2]]), everywhere))
# 14,400 pixels, each with terms of order 1
assert np.abs(tape.gradient(total, moving)).max() < 0.05

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: pixels-perspective
# ```
# A floor reaches from 1 to 9 metres. Interpolate the distance over it with the barycentrics of its *projected* corners, as a drawing program
# would (set every $w$ to 1 after the division). How wrong is the distance at worst?
# ```{exercise-end}
# ```
#
# ```{solution-start} pixels-perspective
# :class: dropdown
# ```
# In the picture, equal steps are not equal steps on the floor: half-way up lies 1.8 m, the harmonic mean, not 5 m. Old game consoles did
# it the wrong way, and their floors swam.

# %% tags=["solution"]
# x y z w of its corners, in metres
floor = np.array([[[-1, -1, 0, 1], [1, -1, 0, 1], [9, -1, 0, 9], [-9, -1, 0, 9]]], np.float32)
distance = floor[..., 3:]
right_way = interpolate(distance, rasterize(floor, two_triangles, (64, 64)), two_triangles)
divided = floor / floor[..., 3:]
wrong_way = interpolate(distance, rasterize(divided, two_triangles, (64, 64)), two_triangles)
both = np.asarray(right_way)[0, 33:, 32, 0] > 0
worst = np.abs(right_way - wrong_way)[0, 33:, 32, 0][both].max()
assert worst > 2.5
print(f"wrong by up to {worst:.1f} m")

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: pixels-step
# ```
# In the check above the step was 0.05 degrees. What happens to the agreement at a typical pixel (take medians) with steps of 0.0005 and
# of 2 degrees, and why at both ends?
# ```{exercise-end}
# ```
#
# ```{solution-start} pixels-step
# :class: dropdown
# ```
# With a tiny step the two pictures are equal up to the rounding of 32-bit numbers, and rounding is all that remains of their difference. With a
# large one hardly any pixel keeps its triangle, and whatever was under it has moved on. In between is a valley.

# %% tags=["solution"]
disagreement = {}
for step in (0.0005, 0.05, 2.0):
    a, b = (picture(pose_of(start + sign * step), camera, SIZE)[0] for sign in (-1, 1))
    slope = np.asarray(b - a)[0].mean(axis=-1) / np.deg2rad(2.0 * step)
    apart, size = np.abs(slope - derivative)[covered], np.abs(derivative)[covered]
    disagreement[step] = float(np.median(apart) / np.median(size))
assert disagreement[0.05] < min(disagreement[0.0005], disagreement[2.0])
print({f"{step}°": f"{100 * error:.2f} %" for step, error in disagreement.items()})

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start}
# :label: pixels-globe
# ```
# Lay a checkerboard over the head with `sample_texture`, as a map over a globe: $u$ is the longitude around a vertical axis, $v$ the latitude, each
# from 0 to 1. Give each *vertex* its $(u, v)$, interpolate, and look at the back of the head. What went wrong, and what is the remedy?
# ```{exercise-end}
# ```
#
# ```{solution-start} pixels-globe
# :class: dropdown
# ```
# Behind the head the longitude jumps from 1 to 0. A triangle across the jump has corners at 0.99 and 0.01, and interpolation runs from the
# one to the other through 0.5: the whole map, backwards, in one triangle. Interpolate what has no jump, the position, and
# take the longitude of each pixel; or cut the map, and give the corners at the jump a second $u$, as files with texture coordinates do.

# %% tags=["solution"] mystnb={"image": {"alt": "Two pictures of the back of a head with a black and white checkerboard over it. In the first, a ragged seam of slivers runs down the middle; in the second, the fields meet in a clean line."}}
board = np.kron(np.indices((8, 16)).sum(axis=0) % 2, np.ones((16, 16)))[None, :, :, None].astype(np.float32)


def on_globe(points):
    """(u, v) of points around the head's middle."""
    x, y, z = ops.unstack(points - positions.mean(axis=1), 3, axis=-1)
    latitude = ops.arctan2(y, ops.sqrt(x**2 + z**2))
    return ops.stack([0.5 + ops.arctan2(x, z) / (2.0 * np.pi), 0.5 + latitude / np.pi], axis=-1)


_, behind = picture(pose_of(180.0), head_camera(300), 300)
by_vertex = sample_texture(board, interpolate(on_globe(positions), behind, model.triangles))
by_pixel = sample_texture(board, on_globe(interpolate(positions, behind, model.triangles)), wrap="repeat")
u = np.asarray(on_globe(positions))[0, :, 0][model.triangles]
across = (np.ptp(u, axis=1) > 0.5)[np.maximum(behind.triangle_ids, 0)]
differs, on_head = np.abs(by_vertex - by_pixel)[..., 0] > 0.5, behind.triangle_ids >= 0
if model_name == "open":  # others may have no back
    assert differs[on_head & across].mean() > 0.2
    assert differs[on_head & ~across].mean() < 0.01
boards = [np.where(behind.coverage > 0, 0.15 + 0.7 * b, 0.93)[0].repeat(3, axis=-1) for b in (by_vertex, by_pixel)]
figure = grid([boards], column_labels=["longitude by vertex", "by pixel"], width=5.0)

# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["remove-cell"]
quote(numbers)
write_result(Path("../results") / profile / "02_pixels.json", numbers, provenance)

# %% tags=["remove-input"]
stamp(provenance)
