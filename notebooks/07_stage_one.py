# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Stage one: people who don't exist
#
# Nobody has photographs with the right 3D face beside them. But the face model can be asked for any number of faces,
# and the renderer for their pictures, and then the right answer is known to the last digit. **How much can a network
# learn from people who don't exist, and what happens when it then meets one who does?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from skimage.data import astronaut

from mmreg.data.nuisances import ONE_AT_A_TIME, sample_nuisances, worn
from mmreg.data.photographs import photo_like_features
from mmreg.data.synthetic import sample_scenes
from mmreg.encoders import load_encoder
from mmreg.encoders.alignment import align, detect
from mmreg.evaluation.verification import correlations
from mmreg.face import Coefficients, load
from mmreg.face.surface_form import surface_form, surface_motion
from mmreg.figures.faces import grid, sheet
from mmreg.figures.geometry import error_map_portraits
from mmreg.figures.learning import correlation_bars, framed_photograph, term_curves
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.losses import ALBEDO_WEIGHT, SHAPE_WEIGHT, component_weights, parameter_loss
from mmreg.profiles import FULL, get_profile
from mmreg.reconstruct import portrait
from mmreg.regressor import DomainStatistics, Regressor, fresh_regressor
from mmreg.results import Data, Provenance, write_result
from mmreg.studio import Studio, rendering_statistics, take_rows
from mmreg.training import stage_one_batch, train_stage_one

settings = get_profile(profile)
run = Path(f"../results/{profile}/run")
HELD_OUT = 256

encoder = load_encoder(settings.encoder)
studio = Studio(load(model_name), encoder, triangles=settings.triangles)
photos = photo_like_features(8192, seed, encoder)  # for their mean and deviation alone
provenance = Provenance(
    [
        Data(f"random faces ({studio.model.name})", settings.stage_one_steps * settings.stage_one_batch + HELD_OUT),
        Data(photos.source, len(photos), stand_in=photos.stand_in),
        Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
    ],
    settings.to_dict(),
    seed,
)
note_other_model(
    model_name, studio.model, "What the mean face pays, about 80, is 199 times the weight of a shape coefficient."
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Twelve pictures of the first training batch. Shape, albedo, pose and light are drawn independently, so any skin sits on any skull, and any light falls on both. A red picture need not mean a red face: this is what the network has to learn.", "name": "fig-training-pictures"}, "image": {"alt": "Twelve rendered faces in two rows, with different skin, heads turned a little to all sides, lit warm or cold, before blurred backgrounds."}}
batch = stage_one_batch(studio, settings, seed, step=0)
pictures = studio.photograph(*take_rows((batch.synthetic, batch.synthetic_scene), slice(0, 12)))
figure = sheet(np.asarray(pictures), columns=6)

# %% [markdown]
# After this chapter you can train a regressor from synthetic faces, read off which of a face's numbers a recogniser's features hold, and
# see the gap that the second stage has to close. Reading takes about ten minutes; the code runs in about two.
#
# ## The easiest of the four losses
#
# What the regressor reads are the recogniser's features and three numbers of ours, the colour of the cheeks, of which
# [the next chapter](08_stage_two) says why. A random face is a draw of $s, t \sim \mathcal N(0, 1)$. We render it, encode the picture, let the regressor read the features, and
# ask for the coefficients back (section 3.3.1 of {cite:t}`genova2018`):
#
# $$
# L_\text{param} = \omega_s \lVert s - s' \rVert^2 + \omega_t \lVert t - t' \rVert^2
# $$

# %% [markdown]
# with $\omega_s = 0.4$ and $\omega_t = 0.002$:

# %%
show_source(parameter_loss)

# %% [markdown]
# Only the derivative with respect to the *prediction* is needed. Renderer and encoder run forwards and are left alone by the
# gradient, so any renderer would do for this stage. That makes it cheap.
#
# The two weights differ by a factor of 200. What does somebody pay who always answers with the mean face, $s' = t' = 0$?

# %%
people = Coefficients.sample(studio.model, 2000, seed + 7)
for name, weights in {"shape": (SHAPE_WEIGHT, 0.0), "albedo": (0.0, ALBEDO_WEIGHT)}.items():
    price = parameter_loss(0.0 * people.shape, 0.0 * people.albedo, people.shape, people.albedo, *weights)
    print(f"the mean face pays for its {name}: {float(price):.2f}")

# %% [markdown]
# This is $199\,\omega_s$ and $199\,\omega_t$, since every coefficient has variance one. So albedo is hardly asked for here. The
# paper doesn't say why. One reason to do so: a colour in a single picture is the light's as much as the skin's, and the identity loss
# can judge colours later, in the picture itself.
#
# ## The regressor
#
# Two layers of 1,024 rectified units and a linear one (section 3.2). Before them stands a step that is ours: each feature is
# standardised by the mean and deviation of its own kind of picture.

# %%
show_source(Regressor.call)

# %% [markdown]
# For renderings, mean and deviation are measured on random faces; for photographs they come from the statistics
# that the package ships, a stand-in. The last layer starts small, so that training begins near the mean face.

# %%
domains = {
    "photograph": DomainStatistics.of(photos.features, photos.embedding),
    "rendering": rendering_statistics(studio, settings.statistics_renderings, seed),
}
regressor = fresh_regressor(studio.model, encoder, domains, seed)

# %% [markdown]
# ## Training
#
# Every step draws new people. There is no end of them, so no picture need be shown twice; with a fixed bank of pictures the
# regressor would sooner or later learn them by heart.

# %%
show_source(stage_one_batch)

# %% [markdown]
# ### What photographs suffer
#
# A photograph isn't the clean picture of a neutral face that a renderer makes. So in all profiles but `paper` the synthetic faces wear what photographs do, some of them and by chance: an expression, something before the
# face, a blur, grain, the squares of compression. Their coefficients stay what they were, and the face that is asked for stays neutral, so that the regressor has to overlook it all. Ours: the paper
# draws shape, albedo, pose and light.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Two faces, and what their pictures may wear, one thing at a time. Whatever is worn, the same coefficients are asked for.", "name": "fig-nuisances"}, "image": {"alt": "Two rendered faces in six pictures each: plain, with an expression, partly hidden by a bar or a disc, blurred, grainy, and with the blocks of strong compression."}}
two = Coefficients.sample(studio.model, 2, seed + 3, expression=True)
two_scenes = sample_scenes(2, seed + 4)
plain_pictures = np.asarray(studio.photograph(two._replace(expression=None), two_scenes))
smiling = studio.photograph(two._replace(expression=np.float32(FULL.expression_deviation) * two.expression), two_scenes)
columns = {"plain": plain_pictures, "expression": np.asarray(smiling)}
for name, one_nuisance in ONE_AT_A_TIME.items():
    drawn = sample_nuisances(2, encoder.image_size, seed + 3, one_nuisance)
    columns[name] = np.asarray(worn(plain_pictures, drawn))
figure = grid(list(zip(*columns.values(), strict=True)), column_labels=list(columns))

# %% [markdown]
# What that buys is measured on spoilt pictures, [among the ablations](13_ablations): so far, next to nothing.

# %%
with tempfile.TemporaryDirectory() as scratch:  # takes the checkpoints, which nobody needs afterwards
    history = train_stage_one(studio, regressor, settings, seed, Path(scratch))
regressor.save_file(run / "stage_one.npz", provenance.to_dict())
write_result(run / "stage_one.json", {"history": history}, provenance)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The parameter loss at every step (faint) and its running mean. It starts near what the mean face pays and falls a little, nowhere near zero: most coefficients are details that the features don't hold.", "name": "fig-stage-one-loss"}, "image": {"alt": "A noisy curve of the parameter loss that starts near eighty and falls towards a plateau."}}
figure = term_curves({"stage one": history}, ["parameter"], columns=1)

# %% [markdown]
# ## What it has learnt
#
# The loss is a poor witness, since a hundred coefficients that nobody could read drown the ten that matter. So we ask for each
# coefficient by itself: over 256 new people, in new scenes, how well does the prediction correlate with the truth?

# %%
unseen, scenes = Coefficients.sample(studio.model, HELD_OUT, 10_000 + seed), sample_scenes(HELD_OUT, 20_000 + seed)
features = studio.encode_many(unseen, scenes).features
predicted = Coefficients(*(np.asarray(part) for part in regressor(features, domain="rendering")))
by_part = {
    "shape": correlations(predicted.shape, unseen.shape),
    "albedo": correlations(predicted.albedo, unseen.albedo),
}

# %% tags=["hide-input"]
numbers = {
    "steps": settings.stage_one_steps,
    "pictures": settings.stage_one_steps * settings.stage_one_batch,
    "held_out": HELD_OUT,
    "loss_first": np.mean([h["parameter"] for h in history[:5]]),
    "loss_last": np.mean([h["parameter"] for h in history[-10:]]),
    "shape_correlations_first_ten": by_part["shape"][:10],
    "albedo_correlations_first_ten": by_part["albedo"][:10],
    "shape_correlation_mean_of_ten": by_part["shape"][:10].mean(),
    "albedo_correlation_mean_of_ten": by_part["albedo"][:10].mean(),
    "shape_correlation_best": by_part["shape"][:10].max(),
    "albedo_correlation_first": by_part["albedo"][0],
    "shape_correlation_beyond_fifty": by_part["shape"][min(50, len(by_part["shape"]) - 1) :].mean(),
}
quote({name: value for name, value in numbers.items() if np.ndim(value) == 0})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Correlation of predicted and true coefficients over 256 held-out renderings: above, the first ten of each kind; below, all 199. The grey band is what chance alone gives 19 times out of 20. Components are numbered by how much they move the face, and the ones that move it most come back best.", "name": "fig-correlations"}, "image": {"alt": "Above, a bar chart of correlations for ten shape and ten albedo coefficients. Below, points for all 199 of each, higher on the left and within the grey band of chance to the right."}}
figure = correlation_bars(by_part, chance=1.96 / np.sqrt(HELD_OUT))

# %% tags=["hide-input"]
rows = [
    f"| {name} | " + " | ".join(f"{value:.2f}" for value in values[:10]) + f" | **{values[:10].mean():.2f}** |"
    for name, values in by_part.items()
]
Markdown("\n".join(["| | " + " | ".join(map(str, range(1, 11))) + " | mean |", "|---" * 12 + "|", *rows]))

# %% [markdown]
# After {glue:text}`steps` steps, {glue:text}`pictures:,` pictures in all, the first ten shape coefficients correlate with the truth by
# **{glue:text}`shape_correlation_mean_of_ten:.2f`** on average (the best by {glue:text}`shape_correlation_best:.2f`), the first ten of
# albedo by **{glue:text}`albedo_correlation_mean_of_ten:.2f`** (the first, from light to dark skin, by {glue:text}`albedo_correlation_first:.2f`). Beyond the
# fiftieth the shape's mean is {glue:text}`shape_correlation_beyond_fifty:.2f`: what moves a face by a fraction of a millimetre leaves no
# trace in the features.
#
# ## What an error is worth
#
# What leaves no trace isn't without effect in training, though. Nearly all of the loss, and so nearly all of its gradient, is about coefficients that can't be read, and differs from
# batch to batch by chance alone. The paper, and this page, weigh all alike. The profile `full` listens to what moves the face (ours), in two steps.
#
# The first step weighs each coefficient's error by the power 0.8 of its standard deviation:

# %%
show_source(component_weights)

# %% [markdown]
# Albedo stops here. For shapes there is a second step, since a deviation says how far a component moves *everything*: the crown, the neck, and the whole head when it grows.
# Nobody measures that. Section 6.2 of the paper lays a face on a scan, enlarging it as needed, and measures along the surface's normals, around the nose. Of a component's movement there remains what no rotation, shift and scale takes back:

# %%
motion = surface_motion(studio.model)
rms = [np.sqrt((part[:, 0] ** 2).mean()) for part in (motion.moved, motion.left)]
numbers |= {"first_component_moves_mm": rms[0], "first_component_leaves_mm": rms[1]}
quote({name: numbers[name] for name in ("first_component_moves_mm", "first_component_leaves_mm")})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One deviation of the first component, which is mostly size: how far it moves the face's surface, and what an alignment leaves of it. Grey: not measured.", "name": "fig-surface-motion"}, "image": {"alt": "The mean face from the front and from the side, twice, coloured by millimetres: light nearly everywhere on the left, dark with a few lighter places on the right."}}
painted = {"it moves": motion.moved, "an alignment leaves": motion.left}
maps = {name: np.full(studio.model.vertex_count, np.nan) for name in painted}
for name, part in painted.items():
    maps[name][motion.vertices] = np.abs(part[:, 0])
limit = float(np.quantile(np.abs(motion.moved[:, 0]), 0.95))
figure = error_map_portraits(studio.model, encoder, maps, limit, label="along the surface's normals (mm)")

# %% [markdown]
# The first component moves the surface by {glue:text}`first_component_moves_mm:.1f` mm (root mean square); {glue:text}`first_component_leaves_mm:.1f` mm are left. Two components
# can also undo each other where it is measured. So the profile `full` has $(s - s')^T W (s - s')$ in place of $\lVert s - s' \rVert^2$:

# %%
show_source(surface_form)

# %% [markdown]
# It also reads more of the recogniser than its last features: a coarse map from halfway through
# the network (`dlib-layers`), in the hope that shapes haven't been forgotten there yet for not telling people apart. Synthetic faces are read as photographs will be, [from both sides](06_recogniser). What each is
# worth, [the ablations](13_ablations) say: `components_alike`, `by_component`, `features_256`, `features_1024`, `one_side`.
#
# ## What it looks like

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Six held-out people. Top: the picture that was given. Middle: the true face in the book's light. Below: what the regressor made of the picture, and the same three times as far from the mean. As it stands, every prediction is a timid one and looks like the average; exaggerated, it shows what it has understood: often the proportions, sometimes the skin.", "name": "fig-held-out"}, "image": {"alt": "A grid of faces, six columns and four rows: the rendering given, the true face from the front, the predicted face, which is close to the average, and the predicted face exaggerated."}}
six = slice(0, 6)
given = np.asarray(studio.photograph(*take_rows((unseen, scenes), six)))
bold = Coefficients(3.0 * predicted.shape, 3.0 * predicted.albedo)
drawn = [portrait(studio.model, take_rows(faces, six), encoder, size=150) for faces in (unseen, predicted, bold)]
figure = grid([list(given), *map(list, drawn)], row_labels=["given", "true", "predicted", "times 3"])

# %% [markdown]
# ## Break it: somebody who exists
#
# The network has never seen a photograph. Here is one. We let it read the astronaut's features twice: as the regressor means it,
# standardised as a photograph's, and as if nobody had noticed that she is no rendering.

# %%
photo = astronaut().astype(np.float32) / 255.0
found = detect(photo)[0]
her_features = encoder.predict(align(photo, found.points, encoder)[None]).features
readings = {
    domain: Coefficients(*(np.asarray(part) for part in regressor(her_features, domain=domain)))
    for domain in ("photograph", "rendering")
}

# %% tags=["hide-input"]
surprise = {
    domain: np.abs((her_features[0] - domains[domain].feature_mean) / domains[domain].feature_deviation).mean()
    for domain in readings
}
numbers |= {
    "surprise_as_photograph": surprise["photograph"],
    "surprise_as_rendering": surprise["rendering"],
    "size_as_photograph": np.sqrt((readings["photograph"].shape ** 2).mean()),
    "size_as_rendering": np.sqrt((readings["rendering"].shape ** 2).mean()),
    "size_held_out": np.sqrt((predicted.shape**2).mean()),
}
quote({name: numbers[name] for name in list(numbers)[-5:]})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The astronaut after stage one alone. Left, the photograph; then her face by features standardised as a photograph's, and as a rendering's, both three times as far from the mean as they were predicted; right, the mean face. Neither of the two in the middle is a portrait yet.", "name": "fig-first-astronaut"}, "image": {"alt": "Four pictures: the astronaut's face, two reconstructed faces that differ from each other, and the average face."}}
faces = [
    *(Coefficients(3.0 * face.shape, 3.0 * face.albedo) for face in list(readings.values())),
    Coefficients.neutral(studio.model),
]
views = [portrait(studio.model, face, encoder, size=256)[0] for face in faces]
figure = grid(
    [[framed_photograph(photo, found.points, encoder, 256), *views]],
    column_labels=["photograph", "as a photograph, × 3", "as a rendering, × 3", "mean face"],
)

# %% [markdown]
# Standardised as a photograph's, her features lie {glue:text}`surprise_as_photograph:.1f` deviations from the mean, feature by feature; as a
# rendering's, {glue:text}`surprise_as_rendering:.1f`. The regressor, far from anything it has been shown, answers with shape
# coefficients of size {glue:text}`size_as_rendering:.2f` (root mean square) instead of {glue:text}`size_as_photograph:.2f`; on held-out renderings it is
# {glue:text}`size_held_out:.2f`. Standardising takes away the *offset* between the two kinds of pictures. It can't teach what hair, a smile or a real
# skin do to the features, for no rendering has any of them. This is what the photographs are for, in
# [the next chapter](08_stage_two).
#
# ## What the paper did, and we did differently
#
# Loss and weights are the paper's; that the squares are summed over coefficients and averaged over the batch is our reading. It calls this stage
# a partial training, and states neither steps nor batch nor optimiser: AdamW {cite}`loshchilov2019` and the numbers in the profile are ours. It
# draws shape, albedo, pose and light independently, as we do; the ranges are ours. Standardising per domain is ours.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-07-shrinkage
#
# A prediction that minimises a squared error hedges: where it doesn't know, it answers with the mean. How large, then, should the standard
# deviation of a predicted coefficient be, if its correlation with the truth is $\rho$? Compare.
# ```
#
# ```{solution-start} ex-07-shrinkage
# :class: dropdown
# ```

# %% tags=["solution"]
deviation, rho = predicted.shape.std(axis=0), by_part["shape"]
agreement = np.corrcoef(deviation, rho)[0, 1]
assert agreement > 0.7 or model_name != "open"
print(f"first five, predicted deviations {deviation[:5].round(2)}, correlations {rho[:5].round(2)}")

# %% [markdown]
# The best linear guess of $s$ from what correlates with it by $\rho$ has deviation $\rho$ (the truth's is 1). So faces come out too
# average, in stage one by construction. Batch distribution, in the next chapter, asks for a deviation of 1.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-07-many-pictures
#
# With four pictures of each person, is it better to average the features, or to take one picture?
# ```
#
# ```{solution-start} ex-07-many-pictures
# :class: dropdown
# ```

# %% tags=["solution"]
few = take_rows(unseen, slice(0, 64))
shots = [studio.encode_many(few, sample_scenes(64, 30_000 + k)).features for k in range(4)]


def mean_correlation(features):
    """Of the first ten shape coefficients."""
    shape, _ = regressor(features, domain="rendering")
    return correlations(np.asarray(shape), few.shape)[:10].mean()


one, four = np.mean([mean_correlation(f) for f in shots]), mean_correlation(np.mean(shots, axis=0))
assert four > one or model_name != "open"
print(f"one picture {one:.2f}, mean of four {four:.2f}")

# %% [markdown]
# Averaging helps: what pose and light do to the features cancels, what the person does stays. The paper reconstructs people from
# videos in this way, with the mean of the features over the frames.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/07_stage_one.json", numbers, provenance)
stamp(provenance)
