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
# # Light
#
# *What colour does a point of skin have in a photograph, and how much of that colour is the skin's?*
#
# The picture is a product: what the skin gives back, times the light that reaches it, plus the gloss on top. The first head below
# is the skin alone; the others are the same skin, and no two agree in any colour. After this page you can write down Phong's model term by term, say why light must be added before it
# is turned into sRGB, make a candle and an overcast sky, and show two faces of quite different skin that a camera
# can hardly tell apart.
#
# Ten minutes to read, half a minute to run.

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from pathlib import Path

import numpy as np
import trimesh
from keras import ops

from mmreg.arrays import dot, unit
from mmreg.face import Coefficients, load
from mmreg.figures.faces import grid, sheet
from mmreg.figures.rendering import plot_curves, plot_swatches
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.figures.space import head_camera, people
from mmreg.geometry.camera import Pose, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.profiles import get_profile
from mmreg.rendering import (
    PointLights,
    interpolate,
    linear_to_srgb,
    phong,
    rasterize,
    sample_lights,
    srgb_to_linear,
)
from mmreg.rendering.color import blackbody_linear_rgb
from mmreg.rendering.lighting import LIGHT_SOURCES_KELVIN, LightSettings, studio_lights
from mmreg.rendering.shading import SHININESS, SPECULAR_CONSTANT
from mmreg.results import Data, Provenance, write_result

model = load(model_name)
provenance = Provenance([Data(model.name, 1, model.checksum)], get_profile(profile).to_dict(), seed)
numbers = {"specular_constant": SPECULAR_CONSTANT, "shininess": SHININESS}
note_other_model(model_name, model, "Pale and dark are its first albedo component, whatever else that changes.")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One skin, four pictures: its albedo, which no camera ever sees; in the studio's light; by candle light; under one hard lamp.", "name": "fig-light-four"}, "image": {"alt": "Four pictures of one turned head: flat and evenly coloured; softly modelled; deep orange; and lit from the upper left with dark shadows."}}
person, studio = Coefficients.sample(model, 1, seed + 21), studio_lights(1)
candle = blackbody_linear_rgb(LIGHT_SOURCES_KELVIN["candle"])
one_hard = np.array([[[1.4] * 3, [0.0] * 3]], np.float32)  # the other lamp is off
white = np.ones((1, 3), np.float32)
four = {
    "albedo": studio._replace(intensity=0.0 * studio.intensity, ambient=white),
    "studio": studio,
    "candle": studio._replace(intensity=studio.intensity * candle, ambient=studio.ambient * candle),
    "one lamp": studio._replace(intensity=one_hard, ambient=0.04 * white),
}
pictures = [people(model, person, yaw_degrees=20.0, size=240, lights=lights)[0] for lights in four.values()]
figure = grid([pictures], column_labels=list(four))

# %% [markdown]
# ## Deferred shading
#
# The rasterizer of [the page before](02_pixels) has said where each pixel looks. *Deferred* means that nothing is lit until then: the
# positions, normals and albedos of the vertices are interpolated to the pixels first, once, and the light falls on pixels.
# What follows lights the same pixels again and again.

# %%
SIZE = 440
camera = head_camera(SIZE)
still = np.zeros(1, np.float32)
turn = Pose(still + np.deg2rad(20.0), still, still).rotation()

neutral_positions = model.positions(person.shape)
positions = rotate(turn, neutral_positions)
normals = rotate(turn, vertex_normals(neutral_positions, model.triangles))
fragments = rasterize(camera.project(positions), model.triangles, (SIZE, SIZE))

normal = interpolate(normals, fragments, model.triangles)
position = interpolate(positions, fragments, model.triangles)


# %%
def diffuse_of(albedo_coefficients):
    """K_d at the pixels: the albedo, which is stored in sRGB, made linear."""
    linear = srgb_to_linear(np.clip(model.albedos(albedo_coefficients), 0.012, 1.0))
    return interpolate(linear, fragments, model.triangles)


def lit(diffuse, lights, specular_constant=SPECULAR_CONSTANT):
    """Linear light at the pixels."""
    return phong(normal, position, diffuse, lights, camera.position_world, specular_constant)


def develop(radiance):
    """The picture: sRGB on grey, two by two pixels averaged, cut to the head."""
    srgb = np.asarray(ops.where(fragments.coverage > 0, linear_to_srgb(radiance), 0.93))[0]
    small = srgb.reshape(SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(1, 3))
    return small[SIZE // 110 : -SIZE // 50, SIZE // 36 : -SIZE // 9]


skin = diffuse_of(person.albedo)

# %% [markdown]
# ## Three terms
#
# Phong's model {cite}`phong1975` adds three kinds of light (equation {eq}`eq-phong`):
#
# $$
# I = \underbrace{K_d I_a}_{\text{ambient}} + \sum_l I_l \Big( \underbrace{K_d \langle n, l \rangle_+}_{\text{diffuse}}
#     + \underbrace{K_s \langle r_l, v \rangle_+^\alpha}_{\text{specular}} \Big),
# \qquad r_l = 2 \langle n, l \rangle\, n - l .
# $$
#
# *Ambient* light comes from everywhere and knows no shape. *Diffuse* light has entered the skin, taken its colour, and leaves
# in all directions; how much arrives depends on the angle between normal and light. *Specular* light bounces off the surface like off
# a poor mirror: it is seen where the mirrored ray $r_l$ points near the viewer $v$, more sharply the larger $\alpha$.

# %% tags=["remove-input"]
show_source(phong, docstring=False)

# %%
dark = PointLights(studio.position_world, 0.0 * studio.intensity, 0.0 * studio.ambient)
ambient = lit(skin, dark._replace(ambient=studio.ambient))
diffuse = lit(skin, dark._replace(intensity=studio.intensity), specular_constant=0.0)
both = lit(skin, dark._replace(intensity=studio.intensity))
specular = both - diffuse
assert np.allclose(ambient + diffuse + specular, lit(skin, studio), atol=1e-5)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The three terms of Phong's model under the book's two studio lights, and their sum. Ambient light shows the colours, diffuse light the form, specular light the gloss, which is nearly white.", "name": "fig-light-terms"}, "image": {"alt": "Four pictures of a turned head: evenly and flatly coloured; modelled by light from the left with a dark throat; black with pale highlights on forehead, nose and cheek; and the sum, which looks like a studio portrait."}}
figure = grid(
    [[develop(term) for term in (ambient, diffuse, specular, ambient + diffuse + specular)]],
    column_labels=["ambient", "diffuse", "specular", "sum"],
)

# %% [markdown]
# ## The colour of the gloss
#
# A morphable model has an albedo, hence $K_d$, but no specular colour. The paper guesses it from the diffuse one,
#
# $$
# K_s = c - c\, K_d , \qquad c \in [0, 1] ,
# $$
#
# and the guess has sense: $K_d + K_s = 1 - (1 - c)(1 - K_d) \le 1$, so a surface never gives back more in the two
# than it got, and what is not taken up by colour is shared with the gloss. Dark skin gets stronger highlights than pale
# skin, as it does in photographs. The value of $c$ isn't published; ours is {glue:text}`specular_constant:.2f`, with
# $\alpha = ${glue:text}`shininess:.0f`, and training draws $c$ anew for every picture.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same head with pale, middling and dark skin (the first albedo component at −1.5, 0 and +2), for several constants c. Without gloss skin looks like chalk; with c = 0.5 it looks wet.", "name": "fig-light-gloss"}, "image": {"alt": "Three rows of four heads, pale, brown and dark. From left to right the highlights on forehead, nose and cheeks grow, most visibly on the dark skin, until they look like wet plastic."}}
steps = np.zeros((3, model.albedo.component_count), np.float32)
steps[:, 0] = -1.5, 0.0, 2.0
steps *= -np.sign(model.albedo.basis[:, 0].sum())  # whichever way of the component is the darker
constants = (0.0, SPECULAR_CONSTANT, 0.25, 0.5)
rows = [[develop(lit(diffuse_of(step[None]), studio, c)) for c in constants] for step in steps]
figure = grid(rows, row_labels=["pale", "middling", "dark"], column_labels=[f"c = {c:g}" for c in constants])

# %% [markdown]
# ## Light adds up, sRGB doesn't
#
# Two lamps give twice the light of one. The numbers in a picture file don't double: sRGB spaces them the way eyes see, with more
# steps for dark tones, and half the light is stored as 0.74. So colours are made linear on the way in, light
# is multiplied and added, and the result is turned back on the way out.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The sRGB curve. Half of the light is stored as 0.74; the stored value 0.5 stands for a fifth of the light. The straight line is what one assumes by forgetting about it.", "name": "fig-light-srgb"}, "image": {"alt": "A curve that rises steeply from zero and flattens towards one, above a straight diagonal line."}}
light = np.linspace(0.0, 1.0, 200)
figure = plot_curves(
    light, {"sRGB": np.asarray(linear_to_srgb(light)), "linear": light}, "light (1 = white)", "value in the picture"
)

# %% [markdown]
# What happens to those who forget? Shade with the stored values as though they were light, and store the result as it comes:

# %%
one_lamp = PointLights(studio.position_world[:, :1], 1.3 * studio.intensity[:, :1], 0.35 * studio.ambient)
albedos = np.clip(model.albedos(person.albedo), 0.0, 1.0)
stored = lit(interpolate(albedos, fragments, model.triangles), one_lamp)
forgotten = srgb_to_linear(np.clip(stored, 0.0, 1.0))  # `develop` turns it back
remembered = lit(skin, one_lamp)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One lamp and little ambient light. Left, shaded in linear light. Right, shaded in sRGB: the half-shadow falls off too early and too hard, the shadows are too dark, the colours too strong. A fit would have to bend shape and albedo to explain photographs with such a renderer.", "name": "fig-light-forgotten"}, "image": {"alt": "Two pictures of a head lit from the left. In the first, brightness falls gently towards the right cheek; in the second the right half is almost black, and the border between light and shadow is abrupt."}}
figure = grid([[develop(remembered), develop(forgotten)]], column_labels=["linear", "in sRGB"], width=4.5)

# %% [markdown]
# ## The colour of the light
#
# A glowing body's colour depends on its temperature alone: a candle at 1,900 K is orange, the shade under a blue sky, at
# 8,000 K, is bluish. The paper draws, for each training picture, the colour temperature of a common source, and perturbs it. It
# doesn't print its list; ours is the usual one of photographers' handbooks.
#
# A camera knows the trick as well, and divides much of the tint out again (white balance). We take it to remove
# 60 % of it, which is ours too: with none, training would be full of orange faces that no album holds.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The sources, with their correlated colour temperature: their light on white paper, as it is and after the camera's partial white balance, and on the mean skin.", "name": "fig-light-sources"}, "image": {"alt": "A table of eleven rows, from candle to open shade, with three colour patches each: the first goes from strong orange over white to light blue, the second is paler, the third shows a skin tone from orange-brown to greyish brown."}}
balance = LightSettings().white_balance
mean_skin = np.asarray(srgb_to_linear(model.albedo.mean.reshape(-1, 3)))[model.face_region].mean(axis=0)


def patches(kelvin):
    """The source on white, balanced on white, balanced on skin; sRGB."""
    light = blackbody_linear_rgb(kelvin)
    balanced = 1.0 + (1.0 - balance) * (light - 1.0)
    whites = [np.asarray(linear_to_srgb(0.9 * colour / colour.max())) for colour in (light, balanced)]
    return [*whites, np.asarray(linear_to_srgb(1.3 * mean_skin * balanced))]


table = {
    name: (f"{kelvin:,.0f} K", patches(kelvin))
    for name, kelvin in sorted(LIGHT_SOURCES_KELVIN.items(), key=lambda x: x[1])
}
figure = plot_swatches(table, ["its light", "balanced", "on skin"])

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One face under five sources: above as they are, below as a camera with partial white balance records them. It is the lower row that training draws from.", "name": "fig-light-temperatures"}, "image": {"alt": "Two rows of the same face. Above, from deep orange under a candle to cold blue in open shade; below the same sequence, much weaker."}}
shown = ["candle", "incandescent lamp", "noon sun", "daylight", "open shade"]
tints = np.stack([blackbody_linear_rgb(LIGHT_SOURCES_KELVIN[name]) for name in shown])
tints = [tints, 1.0 + (1.0 - balance) * (tints - 1.0)]
rows = [
    [develop(lit(skin, studio._replace(intensity=studio.intensity * t, ambient=studio.ambient * t))) for t in row]
    for row in tints
]
figure = grid(
    rows, row_labels=["as it is", "balanced"], column_labels=["candle", "lamp", "noon sun", "daylight", "shade"]
)

# %% [markdown]
# ## Random light
#
# All of it together is the sampler that lights the training pictures: two point lights of varying strength at random places, metres
# away, of one perturbed colour, an ambient share, an exposure.

# %% tags=["remove-input"]
show_source(sample_lights)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One face in fifteen random lights. What stays the same over these pictures is what the regressor must learn to read.", "name": "fig-light-random"}, "image": {"alt": "Fifteen pictures of the same head, lit from the left, the right, above or the front, softly or hard, in warmer and cooler, brighter and darker light."}}
drawn = sample_lights(15, seed)
figure = sheet(np.stack([develop(lit(skin, PointLights(*(a[k : k + 1] for a in drawn)))) for k in range(15)]), 5)

# %% [markdown]
# ## What light and albedo can hide in each other
#
# Without gloss the picture is $K_d \cdot (I_a + \sum_l I_l \langle n, l \rangle_+)$: a product. Halve the albedo and double the
# light, and nothing changes; do it for red, green and blue apart, and skin colour trades with the light's colour. From one
# picture the two can't be separated by any method whatever, unless something else is known.
#
# Take a pale and a dark head of the same shape. For the pale one, look for the light, the studio's own turned down for each channel, that makes its
# picture most like the dark one's in bright light:

# %%
pale, deep = diffuse_of(steps[:1]), diffuse_of(steps[2:])
bright = studio._replace(intensity=1.4 * studio.intensity, ambient=1.4 * studio.ambient)
covered = np.asarray(fragments.coverage)[0, :, :, 0] > 0


def best_light(wanted, diffuse, lights, specular_constant):
    """The lights, scaled per channel by least squares in linear light."""
    have = np.asarray(lit(diffuse, lights, specular_constant))[0][covered]
    gain = np.sum(have * wanted[0][covered], axis=0) / np.sum(have**2, axis=0)
    gain = gain.astype(np.float32)
    scaled = lights._replace(intensity=lights.intensity * gain, ambient=lights.ambient * gain)
    return scaled, gain


def difference(a, b):
    """Root mean square difference of two pictures, in steps of 1/255."""
    apart = np.asarray(linear_to_srgb(a) - linear_to_srgb(b))[0][covered]
    return float(255.0 * np.sqrt(np.mean(apart**2)))


for name, c in (("matt", 0.0), ("glossy", SPECULAR_CONSTANT)):
    wanted = np.asarray(lit(deep, bright, c))
    dim, gain = best_light(wanted, pale, bright, c)
    numbers[f"{name}_same_light"] = difference(lit(pale, bright, c), wanted)
    numbers[f"{name}_own_light"] = difference(lit(pale, dim, c), wanted)
percent = 100.0 * gain
numbers |= dict(zip(("dim_red", "dim_green", "dim_blue"), map(float, percent), strict=True))

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One head. Left, pale skin, and middle, dark skin, in the same bright light. Right, the pale skin of the left in a light that was turned down and tinted to look like the middle. What still tells the two apart are the highlights, the lips and the whites of the eyes.", "name": "fig-light-ambiguity"}, "image": {"alt": "Three pictures of the same head. The first is pale, the second brown. The third, the pale head in dim brownish light, looks nearly like the second, with duller highlights and darker eyes."}}
figure = grid(
    [[develop(lit(pale, bright)), develop(lit(deep, bright)), develop(lit(pale, dim))]],
    column_labels=["pale, bright light", "dark, bright light", "pale, dim light"],
)

# %% [markdown]
# The light that does it has {glue:text}`dim_red:.0f` % of the red, {glue:text}`dim_green:.0f` % of the green and
# {glue:text}`dim_blue:.0f` % of the blue. In the same light the two pictures differ by {glue:text}`glossy_same_light:.0f` of 255 steps
# (root mean square), each in its own light by {glue:text}`glossy_own_light:.0f`; with matt skin it would be
# {glue:text}`matt_own_light:.0f`.
#
# So what is known besides? That light, in this model of the world, has one of few tints and a typical strength. That gloss doesn't scale with the albedo.
# That eyes have whites, lips are redder than cheeks, and shadows have forms. And how faces are distributed: of two explanations
# the likelier is to be preferred. A regressor learns all this from its training pictures, *as far as they are like the
# world*. Where the world's albums hold fewer dark faces, or flatter light, or a camera's own
# idea of skin, the guess is biased, and it is biased for somebody.
#
# ## Breaking it
#
# **Normals that aren't unit.** A mean of unit vectors is shorter than one, the more so the more they differ. Interpolated normals must
# be made unit again at each pixel. On our dense head it hardly matters. On a coarse ball one sees the triangles, and
# since Phong raises a cosine to the power $\alpha$, the highlight suffers most.

# %%
ball = trimesh.creation.icosphere(subdivisions=1, radius=95.0)
ball_position = np.asarray(ball.vertices, np.float32)[None]
ball_triangles = np.asarray(ball.faces, np.int32)
ball_fragments = rasterize(camera.project(ball_position), ball_triangles, (SIZE, SIZE))
# interpolated normals, shorter than 1 inside the triangles
n = interpolate(ball_position / 95.0, ball_fragments, ball_triangles)
p = interpolate(ball_position, ball_fragments, ball_triangles)


def shade_ball(n):
    """One lamp, diffuse and specular, with the normals as they come."""
    to_light = unit(studio.position_world[0, 0] - p)
    to_viewer = unit(camera.position_world[0] - p)
    n_l = dot(n, to_light)
    r_v = np.maximum(dot(2.0 * n_l * n - to_light, to_viewer), 0.0)
    shine = np.where(n_l > 0, r_v**SHININESS, 0.0)
    radiance = np.array([0.30, 0.22, 0.18]) * np.maximum(n_l, 0.0) + 0.5 * shine + 0.02
    return np.asarray(ops.where(ball_fragments.coverage > 0, linear_to_srgb(radiance), 0.93))[0]


def lengths(n, seen):
    """Lengths of the normals at the pixels that see something."""
    return np.sqrt(np.asarray(dot(n, n)))[np.asarray(seen.coverage) > 0]


numbers["shortest_normal"] = float(lengths(n, ball_fragments).min())
numbers["head_normal_median"] = float(np.median(lengths(normal, fragments)))

# %% tags=["hide-input"] mystnb={"figure": {"caption": "A ball of 80 triangles. Left, with normals made unit at each pixel: smooth, with one round highlight. Right, with the normals as they were interpolated: the triangles show, and of the highlight a dull patch is left.", "name": "fig-light-ball"}, "image": {"alt": "Two shaded balls with slightly polygonal outlines. The left one is smooth with a bright round highlight; the right one has faint edges and, in the highlight's place, a dull patch with corners."}}
figure = grid([[shade_ball(unit(n)), shade_ball(n)]], column_labels=["unit normals", "as interpolated"], width=4.5)

# %% [markdown]
# The ball's shortest normal has length {glue:text}`shortest_normal:.2f`. The normal enters the mirrored ray twice, and the cosine is then raised
# to the twelfth power, so a little less is soon much less. The head's median is {glue:text}`head_normal_median:.4f`.
#
# **Shading in sRGB** has been broken above, and **highlights of the wrong pixel** are what one gets by normalising the reflection over the picture
# instead of over its three coordinates, a slip found in a published renderer: its gloss depends on how the picture is cropped. The tests of this library
# crop a picture and ask that the remaining pixels don't change.
#
# ## The paper and we
#
# From the paper: Phong's model, two point lights metres away, $K_s = c - c\,K_d$, and the colour temperatures of common
# sources, perturbed. Ours, since it doesn't say: the ambient term's share, the ranges of all of it, the table, $c$ and $\alpha$, the
# partial white balance, and that shading happens in linear light. Lights don't weaken with distance here: over the depth of a head, at two
# metres, they would by up to a tenth. Nothing casts a shadow on anything, neither in the paper nor here; a nose's shadow in
# a photograph must be explained by something else, and sometimes is, by a darker cheek.
#
# ## Exercises
#
# ```{exercise-start}
# :label: light-superposition
# ```
# Render the head by each studio light alone and without ambient light, and by both. Show that light adds up in linear colour, and that the pictures in
# sRGB don't.
# ```{exercise-end}
# ```
#
# ```{solution-start} light-superposition
# :class: dropdown
# ```
# Phong's sum is over lights, so it is linear in the intensities. The sRGB curve isn't linear, and comes last.

# %% tags=["solution"]
no_ambient = studio._replace(ambient=0.0 * studio.ambient)
together = lit(skin, no_ambient)
alone = []
for keep in ([1.0, 0.0], [0.0, 1.0]):
    switch = np.array(keep, np.float32)[None, :, None]
    alone.append(lit(skin, no_ambient._replace(intensity=switch * studio.intensity)))
assert np.allclose(alone[0] + alone[1], together, atol=1e-5)
first, second, sum_of_both = (linear_to_srgb(picture) for picture in (*alone, together))
assert np.abs(first + second - sum_of_both).max() > 0.1

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: light-inverse
# ```
# Shape, albedo and the lamps' places are known, the skin is matt, and a picture is given. Find the lamps' and the ambient light's colours without any
# descent.
# ```{exercise-end}
# ```
#
# ```{solution-start} light-inverse
# :class: dropdown
# ```
# In linear colour the picture is a sum of three known pictures, one for each source at strength 1, with unknown factors: a
# least squares problem with three unknowns for each channel.

# %% tags=["solution"]
secret = PointLights(*(a[:1] for a in sample_lights(1, seed + 9)))
given = np.asarray(lit(skin, secret, 0.0))[0][covered]

basis = []  # source pixel channel
for ambient_on, first_on, second_on in np.eye(3, dtype=np.float32):
    lamps = np.array([first_on, second_on])[None, :, None] * np.ones(3, np.float32)
    source = PointLights(secret.position_world, lamps, np.full((1, 3), ambient_on))
    basis.append(np.asarray(lit(skin, source, 0.0))[0][covered])
basis = np.stack(basis)

for k in range(3):
    found = np.linalg.lstsq(basis[:, :, k].T, given[:, k], rcond=None)[0]
    true = [secret.ambient[0, k], *secret.intensity[0, :, k]]
    assert np.allclose(found, true, atol=1e-3)

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: light-distance
# ```
# The lights stand 1.5 to 4 metres away. Does it matter how far? Move the studio's lights to ten times their distance, in the same
# directions, and measure the picture's change; then to a fifth of it.
# ```{exercise-end}
# ```
#
# ```{solution-start} light-distance
# :class: dropdown
# ```
# From two metres on, the rays that reach a head are nearly parallel, and only their direction counts. A lamp at forty centimetres is another matter: its
# direction differs from one cheek to the other.

# %% tags=["solution"]
usual = lit(skin, studio)
far, near = (
    difference(lit(skin, studio._replace(position_world=f * studio.position_world)), usual) for f in (10.0, 0.2)
)
assert 2.0 * far < near
print(f"ten times as far: {far:.1f} of 255 steps; at a fifth: {near:.1f}")

# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["remove-cell"]
quote(numbers)
write_result(Path("../results") / profile / "03_light.json", numbers, provenance)

# %% tags=["remove-input"]
stamp(provenance)
