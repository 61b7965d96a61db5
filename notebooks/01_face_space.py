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
# # A face is a point
#
# *How can a whole face, its form and its colours, be a list of numbers, so that a network can answer with one?*
#
# The picture below is the answer. On the left stands the mean of all faces. A first list of 199 numbers, $s$, changes its
# shape; a second one, $t$, changes its colours; together they are a person. After this page you can read such lists, draw
# random people, find the numbers of a given face, say what goes wrong when the numbers leave the region where
# faces live, and judge a model as its field does.
#
# Fifteen minutes to read, about one to run.

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from mmreg.face import Coefficients, IdentitySampler, MorphableModel, load
from mmreg.face.linear_space import LinearSpace
from mmreg.figures.faces import grid, sheet
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.figures.space import (
    heads,
    people,
    plot_anthropometry,
    plot_lengths,
    plot_quality,
    plot_spectra,
    plot_whitening,
)
from mmreg.figures.viewer import two_deviations, viewer_data, viewer_element
from mmreg.profiles import get_profile
from mmreg.results import Data, Provenance, read_result, write_result

model = load(model_name)
open_model = model if model_name == "open" else load("open")
measured = read_result("../results/face_model.json")  # of the open model, by tools/open_face/quality.py
provenance = Provenance([Data(model.name, 1, model.checksum)], get_profile(profile).to_dict(), seed)
numbers = {}
note_other_model(
    model_name,
    model,
    "What the captions say that single components do, and how much variance they hold, is the open model's. Named movements "
    "are shown if the model has them, else its first expression components, at +2 standard deviations. People drawn together, "
    "and all of the section on how good a model is, are the open model's in any case.",
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The mean face; the mean with one person's shape; with the same person's colours; with both. Two lists of 199 numbers turn the first head into the last.", "name": "fig-space-parts"}, "image": {"alt": "Four heads in a row: a smooth average head, the same head with individual features, the average form with individual skin colours, and the two combined into a distinct person."}}
person, mean = Coefficients.sample(model, 1, seed + 2), Coefficients.neutral(model)
parts = [mean, Coefficients(person.shape, mean.albedo), Coefficients(mean.shape, person.albedo), person]
labels = ["mean", "its shape, $s$", "its colours, $t$", "both"]
figure = grid([[people(model, part, size=240)[0] for part in parts]], column_labels=labels)

# %% [markdown]
# ## Try it
#
# Here is the mean again, with the first ten numbers of each list for you to move. A slider's unit is the standard deviation,
# σ: two people in three lie within one σ of the middle, and only one in 370 beyond three, where the sliders end. Drag the
# head to turn it.

# %% tags=["remove-input"]
viewer_element(
    two_deviations(model),
    "Three rows of five heads, with the mean face in the middle of each. To its left and right, the first and the second "
    "component of shape, of colour and of expression at minus two and plus two standard deviations.",
)

# %% [markdown]
# Four things to try:
#
# - **One number.** Take $s_1$ to −3 and to +3. Nobody gave it a meaning, but you will have a word for it. Then go down the list:
#   the same three σ show less and less, because the components are sorted by how much people differ along them.
# - **One number of colour.** What does $t_1$ hold? At −3 is a skin that people have; at +3 it is chalk, and nobody's. Yet one
#   person in 740 should be out there: is it the person who is impossible, or the model?
# - **A random person.** The button draws the twenty numbers of shape and colour from $\mathcal N(0, 1)$ and leaves all the others
#   at zero. Watch the length under the sliders: how often do you meet somebody near 0, where the mean face is?
# - **Expression.** Draw a few random expressions, and compare them with the movements, which have names. A jaw opens
#   and never does the opposite; $e_1$ goes both ways.
#
# Your browser adds up the equation that comes next. The page brings along the ten columns of each matrix, rounded to
# hundredths of a millimetre, and asks no server for anything.
#
# ## The model
#
# Put scans of many people into correspondence, so that vertex 1,234 is the same corner of the same eye in each. Then a face
# is a vector: $N$ vertices, three coordinates each, $S \in \mathbb{R}^{3N}$, and as many colour values
# $T \in \mathbb{R}^{3N}$. Vectors can be averaged and mixed, and a mixture of faces is a face, because corresponding
# points meet. A *morphable model* {cite}`blanz1999` says which mixtures are likely
# (equation {eq}`eq-model` of [the overview](../method.md)):
#
# $$
# \begin{aligned}
# S &= \bar S + P_{SS} W_{SS}\, s + P_{SE} W_{SE}\, e, \\
# T &= \bar T + P_T W_T\, t .
# \end{aligned}
# $$
#
# $\bar S$ and $\bar T$ are the means. The columns of each $P$ are directions to move in: unit vectors of $3N$
# numbers, at right angles to one another. The diagonal matrix $W$ says how far people spread along each. In the library one
# such sum is a `LinearSpace`, and its call is the formula:

# %% tags=["remove-input"]
show_source(LinearSpace.__call__)

# %% [markdown]
# A `MorphableModel` holds three of them: shape, expression and albedo, which is the colour that a surface has
# before any light falls on it.

# %% tags=["remove-input"]
show_source(MorphableModel.positions)

# %%
{"vertices": model.vertex_count, "triangles": len(model.triangles)} | {
    name: getattr(model, name).component_count for name in ("shape", "albedo", "expression")
}

# %% [markdown]
# ## Where the directions come from
#
# From principal component analysis. Centre $n$ faces on their mean and stack them as the rows of $X$. The
# covariance $C = X^\top X / (n-1)$ has eigenvectors, the columns of $P$, and eigenvalues, the variances $\sigma_k^2$
# along them; $W$ holds their roots. No direction holds more variance than the first column, none at right angles to it more
# than the second, and so on.
#
# $C$ is a matrix of 89,523 rows and columns, and nobody ever forms it: $X X^\top / (n-1)$ has the same eigenvalues,
# and is as small as there are faces. We have no scans to show here, so let 300 random draws of the model stand in for
# them, and find the model again from its own people:

# %%
count = 300
draws = Coefficients.sample(model, count, seed)
scans = np.asarray(model.positions(draws.shape)).reshape(count, -1)
centred = scans - scans.mean(axis=0)

variances, vectors = np.linalg.eigh(centred @ centred.T / (count - 1))
found_deviations = np.sqrt(variances[::-1][:10])
found_axes = centred.T @ vectors[:, ::-1][:, :10]
found_axes /= found_deviations * np.sqrt(count - 1)

cosines = np.abs(np.sum(found_axes * model.shape.basis[:, :10], axis=0))
cosines.round(2)

# %% tags=["remove-cell"]
numbers["first_axis_cosine"] = float(cosines[0])
numbers["last_axis_cosine"] = float(cosines[-1])
numbers["first_deviation_mm"], numbers["second_deviation_mm"] = map(float, model.shape.standard_deviations[:2])
numbers["per_vertex_mm"] = float(
    np.sqrt(np.sum(model.shape.standard_deviations.astype(float) ** 2) / model.vertex_count)
)

# %% [markdown]
# The first direction comes back almost exactly (cosine {glue:text}`first_axis_cosine:.3f`), the tenth hardly at all
# ({glue:text}`last_axis_cosine:.2f`): its variance is nearly its neighbours', and of a nearly round cloud no axis is
# *the* long one. That is why the library names every model by a checksum of its numbers, and why weights trained for one
# model refuse another: two analyses of the same people may well disagree about what $s_{10}$ means.
#
# ## Whitening, and why the coefficients are standard normal
#
# Measure a face along the directions and you get $P^\top (S - \bar S)$: millimetres, summed over all vertices. Along the first
# direction people spread by {glue:text}`first_deviation_mm:.0f` mm in this sense, along the second by
# {glue:text}`second_deviation_mm:.0f` mm. Dividing by the spread *whitens* the numbers:
#
# $$
# \begin{aligned}
# s &= W_{SS}^{-1} P_{SS}^\top (S - \bar S), \\
# \operatorname{cov}(s) &= W^{-1} P^\top C P\, W^{-1} = W^{-1} W^2\, W^{-1} = I .
# \end{aligned}
# $$
#
# Mean 0, variance 1, no correlation: that much is algebra and true of any population. That each number is *normal* is an
# assumption which the model adds. With it, uncorrelated becomes independent, a random person's shape is 199
# independent draws, and $\lVert s \rVert^2$ measures how unlikely it is. The assumption buys a lot, and it
# is not quite right: beards, for one, are not normally distributed, and a model that must put them on a symmetric bell
# curve gives some people a little less than no beard.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The 300 faces along the first two components found from them. Left, as measured: the ellipses at one, two and three standard deviations are long. Right, whitened: they are circles, and every direction counts alike.", "name": "fig-space-whitening"}, "image": {"alt": "Two scatter plots. Left, a cloud of points more than twice as wide as it is high, inside three ellipses. Right, the same cloud scaled to be round, inside three circles at radii one, two and three."}}
scores = centred @ found_axes[:, :2]
figure = plot_whitening(scores, scores / found_deviations[:2])

# %% [markdown]
# ## What the components do
#
# Walk along one component at a time, from −3 to +3 standard deviations, with all others at zero. The camera doesn't move,
# so a head that is drawn larger is larger.

# %% tags=["hide-input"]
STEPS = [-3.0, -1.5, 0.0, 1.5, 3.0]


def walk(part, component, size=200):
    """Heads along one component of "shape" or "albedo", the other numbers zero."""
    coefficients = Coefficients.neutral(model, len(STEPS))
    getattr(coefficients, part)[:, component] = STEPS
    return list(people(model, coefficients, size=size))


# %% tags=["hide-input"] mystnb={"figure": {"caption": "The first four components of shape. The first is mostly size; the others trade width against length, and the forms of brow, nose and jaw against each other. Nobody named them: they are where people differ most.", "name": "fig-space-shape"}, "image": {"alt": "Four rows of five heads. Along the first row a large, broad head shrinks to a small one with a short chin; in the others the proportions of the face change while its size stays nearly the same."}}
figure = grid(
    [walk("shape", k) for k in range(4)],
    row_labels=[f"$s_{k}$" for k in (1, 2, 3, 4)],
    column_labels=["−3 σ", "−1.5 σ", "mean", "+1.5 σ", "+3 σ"],
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The first three components of albedo: how much melanin the skin holds; red lips and thin brows against a beard's shadow and heavy ones; dark brows and a shaved scalp's hair against hardly any. At +3 σ the first leaves what skin can be, because the model is linear and melanin's effect is not.", "name": "fig-space-albedo"}, "image": {"alt": "Three rows of five identical heads in different colours: from very dark skin to chalky white; from a face with red lips and thin brows to one with a beard's shadow and heavy brows; from dark brows and a dark scalp to faint brows and a bare one."}}
figure = grid(
    [walk("albedo", k) for k in range(3)],
    row_labels=[f"$t_{k}$" for k in (1, 2, 3)],
    column_labels=["−3 σ", "−1.5 σ", "mean", "+1.5 σ", "+3 σ"],
)

# %% [markdown]
# How many numbers does a face need? The standard deviations fall by orders of magnitude, and a few tens of components hold nearly
# all the variance. The rest is detail, which the eye may still notice.

# %% tags=["remove-cell"]
held = {
    name: np.cumsum(space.standard_deviations.astype(float) ** 2) / np.sum(space.standard_deviations.astype(float) ** 2)
    for name, space in (("shape", model.shape), ("albedo", model.albedo), ("expression", model.expression))
}
numbers |= {f"{name}_held_by_10_percent": 100.0 * float(share[9]) for name, share in held.items()}
numbers |= {f"{name}_held_by_1_percent": 100.0 * float(share[0]) for name, share in held.items()}

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The standard deviation of each component, relative to the first of its kind. Albedo falls steeply at once: one number, melanin, towers over the rest.", "name": "fig-space-spectrum"}, "image": {"alt": "A line chart with a logarithmic axis and three curves, for shape, albedo and expression, which fall by more than two orders of magnitude; albedo's drops to a tenth within four components."}}
figure = plot_spectra({"shape": model.shape, "albedo": model.albedo, "expression": model.expression})

# %% [markdown]
# The first ten components hold {glue:text}`shape_held_by_10_percent:.0f` % of the variance of shape,
# {glue:text}`albedo_held_by_10_percent:.0f` % of albedo, {glue:text}`expression_held_by_10_percent:.0f` % of expression.
# Albedo's first alone, melanin, holds {glue:text}`albedo_held_by_1_percent:.0f` %. A typical vertex of a random person lies
# {glue:text}`per_vertex_mm:.1f` mm from the mean's.
#
# ## Random people
#
# If the coefficients are standard normal, then to draw a person is to draw 398 numbers.

# %%
crowd = Coefficients.sample(model, 16, seed + 1)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Sixteen people who don't exist: independent standard normal numbers, nothing else. Stage one of the training never sees anyone but people like these.", "name": "fig-space-crowd"}, "image": {"alt": "A sheet of sixteen rendered heads with shaved or closely cropped hair, men and women, of many skin colours and face shapes, all looking at the viewer."}}
figure = sheet(people(model, crowd, size=230), 4)

# %% [markdown]
# Now and then two numbers meet that don't go together: a brow fades to a pale streak, as at the left of the last row, or a nose
# folds. Nothing in the prior forbids it.
#
# How far from the mean are they? The sum of 199 squared standard normal numbers is near 199, whatever the seed, and so
# every random person has a length near $\sqrt{199} \approx 14.1$. The mean face, at length 0, is the single most likely point
# and yet nobody is near it: in 199 dimensions there is hardly any room around the centre. People live in a thin shell.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Lengths of 2,000 random people. They fill a thin shell around √199; neither the mean nor a face with every number multiplied by two or by five is anywhere near it.", "name": "fig-space-lengths"}, "image": {"alt": "A narrow histogram between twelve and sixteen, with dashed lines marking the mean face at zero, the shell's radius at fourteen, twice that at twenty-eight and five times at seventy."}}
lengths = np.linalg.norm(Coefficients.sample(model, 2000, seed + 2).shape, axis=1)
root = np.sqrt(model.shape.component_count)
figure = plot_lengths(
    lengths, [("mean", 0.0), (f"√{model.shape.component_count}", root), ("×2", 2.0 * root), ("×5", 5.0 * root)]
)

# %% tags=["remove-cell"]
numbers |= {
    "length_mean": float(lengths.mean()),
    "length_shortest": float(lengths.min()),
    "length_longest": float(lengths.max()),
}

# %% [markdown]
# The shortest of these 2,000 has length {glue:text}`length_shortest:.1f`, the longest {glue:text}`length_longest:.1f`. We will
# need this shell again: a network that is only asked to be close on average answers near the mean, inside the shell, where nobody
# lives, and it takes a loss of its own, the batch distribution, to bring it out again.
#
# ## From a face back to its numbers
#
# Given a surface in correspondence, which coefficients come nearest? The sum of squared distances has one minimum, a linear
# system away. A sample must come back as itself, also when only a fraction of its vertices is known:

# %% tags=["remove-input"]
show_source(MorphableModel.project, docstring=False)

# %%
sparse = model.crop(np.arange(model.vertex_count) % 8 == 0)

few = Coefficients(crowd.shape[:4], crowd.albedo[:4])
returned = sparse.project(sparse.positions(few.shape), sparse.albedos(few.albedo))
error = max(np.abs(a - b).max() for a, b in zip(returned[:2], few[:2], strict=True))
assert error < 0.01
print(f"{sparse.vertex_count:,} of {model.vertex_count:,} vertices")
print(f"largest error of a coefficient: {error:.1e}")

# %% tags=["remove-cell"]
numbers |= {"projection_vertices": sparse.vertex_count, "projection_largest_error": float(error)}

# %% [markdown]
# The same holds on the way to a file and back. `save` writes the layout of the Basel Face Model {cite}`gerig2018`, so
# that a model from Basel, or one of your own, can take the open one's place anywhere in this book.

# %%
with tempfile.TemporaryDirectory() as folder:
    sparse.save(Path(folder) / "sparse.h5")
    assert load(Path(folder) / "sparse.h5").checksum == sparse.checksum

# %% [markdown]
# ## Expression
#
# The third space moves a face without changing who it is: $P_{SE} W_{SE}\, e$ is added to the shape and
# has no mean of its own. The paper sets $e = 0$ whenever it predicts, since the network is asked for the person and not for the
# mood. We shall need it in the next part, to fit faces that are not at rest.

# %% tags=["hide-input"]
units = model.expression_units


def moved(*names):
    """The mean face with named movements."""
    return people(model, mean._replace(expression=sum(units[name] for name in names)[None]), size=220)[0]


# %% tags=["hide-input"] mystnb={"figure": {"caption": "Above: five movements of the open model, each a known direction in the 85 numbers of e. Below: five random draws of e. Movements go one way only, a normal distribution goes both ways, so some of the draws are faces that no muscle makes.", "name": "fig-space-expression"}, "image": {"alt": "Two rows of five heads with the same identity. Above: a wide open mouth, a smile, raised inner brows, closed eyes, a frown. Below: five mixed grimaces, some with half-open mouths and eyes that don't match."}}
movements = [
    ("jawOpen",),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("browInnerUp",),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("mouthFrownLeft", "mouthFrownRight", "browDownLeft", "browDownRight"),
]
if not all(name in units for names in movements for name in names):  # another model, whose movements have no such names
    units = dict(enumerate(2.0 * np.eye(model.expression.component_count, dtype=np.float32)))
    movements = [(component,) for component in range(5)]
named_row = "named" if units is model.expression_units else "components"
named = [moved(*names) for names in movements]
drawn = Coefficients.sample(model, 5, seed, expression=True).expression
zeros = Coefficients.neutral(model, 5)
figure = grid(
    [named, list(people(model, zeros._replace(expression=drawn), size=220))], row_labels=[named_row, "random"]
)

# %% [markdown]
# ## Breaking it
#
# **Too far out.** Multiply every number of one person by 2, 3, 5. The direction is the same, so it is the same person "more
# so": a caricature at 2, a mask at 5, where $\lVert s \rVert \approx 70$. The colours leave $[0, 1]$, and are clipped to draw
# them. Nothing in the formula forbids any of this. Whoever searches this space for a face has to ask for likely ones.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One person with all coefficients multiplied by 0, 1, 2, 3 and 5. Only the second of these heads is on the shell.", "name": "fig-space-far"}, "image": {"alt": "Five heads: an average face, a person, a caricature of that person with wide ears and bleached skin, an even stronger one, and a chalky mask with huge ears and a torn nose."}}
scale = np.array([[0.0], [1.0], [2.0], [3.0], [5.0]], np.float32)
one = Coefficients.sample(model, 1, 0)
figure = grid(
    [list(people(model, Coefficients(scale * one.shape, scale * one.albedo), size=230))],
    column_labels=[f"×{factor:g}" for factor in scale[:, 0]],
)

# %% tags=["remove-cell"]
far = np.asarray(model.albedos(5.0 * one.albedo))
numbers["clipped_at_5_percent"] = 100.0 * float(np.mean((far < 0) | (far > 1)))

# %% [markdown]
# At five, {glue:text}`clipped_at_5_percent:.0f` % of the colour values lie outside what a picture can show.
#
# **Correlation thrown away.** What do the components know that a table of means and spreads doesn't? Draw every coordinate of every
# vertex by itself, with exactly the mean and the standard deviation that it has over the population. Each single number is
# as it should be, and there is no face: a nose is a nose because its vertices move *together*. That
# knowledge is all in $P$. Projected into the model, the spikes vanish: of the noise's variance,
# {glue:text}`noise_kept_percent:.2f` % lies along directions in which faces differ.

# %%
space, rng = model.shape, np.random.default_rng(seed)
spread = np.sqrt(np.square(space.basis * space.standard_deviations).sum(axis=1))
spikes = (space.mean + spread * rng.standard_normal(len(spread))).reshape(1, -1, 3)

# the whitening formula; it holds on the whole mesh, where the columns of P are orthonormal
recovered = (spikes.reshape(1, -1) - space.mean) @ space.basis / space.standard_deviations

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left: the mean. Middle: every coordinate drawn by itself, with its right mean and spread. Right: the middle one's nearest face in the model.", "name": "fig-space-spikes"}, "image": {"alt": "Three heads: a smooth average head; a head made of spikes in every direction, like a burr; and a smooth, ordinary head again."}}
nearest = model.positions(recovered.astype(np.float32))
triple = np.concatenate([np.asarray(model.positions(mean.shape)), spikes, np.asarray(nearest)])
colours = np.repeat(np.asarray(model.albedos(mean.albedo)), 3, axis=0)
figure = grid(
    [list(heads(model, triple, colours, size=300))], column_labels=["mean", "independent", "projected"], width=5.5
)

# %% [markdown]
# **Correlation never asked for.** Shape and albedo are two separate models, and we drew $s$ and $t$ apart, as the
# paper does in its first stage. In people the two go together: ancestry, sex and age shape the bones and the skin alike. For
# the open model we know how, because each of its people was made from such attributes. An `IdentitySampler` draws the attributes
# first (or takes yours), then $s$ and $t$ to match:

# %%
sampler = IdentitySampler.load()
KNOWN = [
    ("female", 20, "african"),
    ("male", 75, "european"),
    ("female", 70, "asian"),
    ("male", 25, "asian"),
    ("female", 35, "european"),
    ("male", 55, "african"),
]
drawn = [
    sampler.sample(1, seed + 20 + k, gender=gender, age=age, ancestry=ancestry)
    for k, (gender, age, ancestry) in enumerate(KNOWN)
]
shapes, colours = (np.concatenate(part) for part in list(zip(*drawn, strict=True))[:2])
others = Coefficients.sample(open_model, len(KNOWN), seed + 1).albedo
together, apart = Coefficients(shapes, colours), Coefficients(shapes, others)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Above: six people of the attributes named, shape and colours drawn together. Below: the same six shapes, each with independent colours. To the independent prior both rows are equally likely.", "name": "fig-space-together"}, "image": {"alt": "Two rows of six heads. Above, skin, brows and lips agree with the form of each head; below, the same forms wear others' colours, such as pale skin on a young African woman's shape and red lips on an African man's."}}
words = {"female": "woman", "male": "man"}
figure = grid(
    [list(people(open_model, row, size=220)) for row in (together, apart)],
    row_labels=["together", "apart"],
    column_labels=[f"{words[g]}, {a}\n{n.title()}" for g, a, n in KNOWN],
)

# %% [markdown]
# How much is lost can be measured: guess an attribute from the shape alone and again from the albedo alone, each by a line
# fitted to the people that the model was made of, and correlate the two guesses.
#
# | correlation of the two guesses | gender | age | African share | Asian share |
# |---|---|---|---|---|
# | the people it was made of | {glue:text}`agree_people_gender:.2f` | {glue:text}`agree_people_age:.2f` | {glue:text}`agree_people_african:.2f` | {glue:text}`agree_people_asian:.2f` |
# | drawn together | {glue:text}`agree_identity_sampler_gender:.2f` | {glue:text}`agree_identity_sampler_age:.2f` | {glue:text}`agree_identity_sampler_african:.2f` | {glue:text}`agree_identity_sampler_asian:.2f` |
# | drawn apart | {glue:text}`agree_independent_gender:.2f` | {glue:text}`agree_independent_age:.2f` | {glue:text}`agree_independent_african:.2f` | {glue:text}`agree_independent_asian:.2f` |
#
# A network trained on people drawn apart alone learns that colour says nothing about shape. This is one reason for the
# second stage of training, with photographs, in which the correlations are real.
#
# ## How good is a model?
#
# The field asks three questions {cite}`davies2002,styner2003`, of shape and of albedo alike. *Compactness*: what share of the
# variance do the first $k$ components hold? *Generalisation*: how far are faces that the model wasn't made of from their nearest
# $k$ numbers? *Specificity*: how far is a random face from the nearest known one? A model that invents what nobody looks
# like has a large one, and one that only repeats its training faces has none; so the measure to hold beside it is how far new, true
# faces are from known ones. Distances are root mean squares over the vertices; in sRGB, black and white are $\sqrt 3$ apart.

# %% tags=["remove-cell"]
numbers |= {
    f"agree_{kind}_{attribute}": round(value, 2) + 0.0  # no -0.00
    for kind, row in measured["agreement_of_shape_and_albedo"].items()
    for attribute, value in row.items()
}
recognition = measured["recognition"]
for name, row in (
    ("before", recognition["before"]["independent"]),
    ("apart", recognition["now"]["independent"]),
    ("together", recognition["now"]["identity_sampler"]),
):
    numbers |= {f"{name}_{measure}": row[measure]["mean"] for measure in ("auc", "d_prime", "rank_1")}
numbers |= {"pairs": recognition["pairs_of_each_kind"], "draws": recognition["draws"]}
for name in ("shape", "albedo"):
    specific = measured[name]["specificity"]
    numbers |= {
        f"{name}_error_of_mean": measured[name]["generalisation"][0],
        f"{name}_error_of_50": measured[name]["generalisation"][50],
        f"{name}_error_of_all": measured[name]["generalisation"][-1],
        f"{name}_specificity_apart": specific["independent"][-1],
        f"{name}_specificity_together": specific["identity_sampler"][-1],
        f"{name}_specificity_new": specific["held_out_people"],
    }

# %% tags=["hide-input"] mystnb={"figure": {"caption": "From the top: compactness; generalisation to 200 people that no component was made of; specificity of 500 random people against 2,000 known ones, with the distance of the 200 new people as the dotted line.", "name": "fig-space-quality"}, "image": {"alt": "Six line charts over one to 199 components on a logarithmic axis, shape on the left, albedo on the right. Variance held rises to a hundred per cent. The error for new faces falls, for shape nearly to zero. Specificity rises gently; people drawn together end at the dotted line for shape and just above it for albedo, people drawn apart end higher."}}
figure = plot_quality(measured)

# %% [markdown]
# Fifty numbers bring an unknown shape from {glue:text}`shape_error_of_mean:.1f` mm, the distance of the mean face, to
# {glue:text}`shape_error_of_50:.2f` mm; all 199 to {glue:text}`shape_error_of_all:.2f` mm. Albedo goes from
# {glue:text}`albedo_error_of_mean:.3f` to {glue:text}`albedo_error_of_50:.3f` and {glue:text}`albedo_error_of_all:.3f`, and keeps an
# error, because edges such as a brow's move from person to person and no sum of fixed pictures moves an edge. People drawn
# together are {glue:text}`shape_specificity_together:.2f` mm from the nearest known shape, as new people are
# ({glue:text}`shape_specificity_new:.2f` mm); drawn apart, {glue:text}`shape_specificity_apart:.2f` mm. But the new people come from
# the same generator as the known. These curves say how well the model holds *its* world, not ours.
#
# For ours, a tape measure helps: how large are the faces of 500 women and 500 men drawn together, beside adults in the
# United States {cite}`dodgson2004,zhuang2005`?

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Means of the model's women and men in units of the published standard deviation (grey: within one of them), with the model's own deviation as bars and the difference in millimetres. The faces are wide and short, the pupils close together, and most bars are shorter than one: the model's people differ less than real ones.", "name": "fig-space-anthropometry"}, "image": {"alt": "A chart of five measurements. Distance between the pupils and face height lie about one standard deviation below the published mean, cheekbone and nose breadth about one above, nose height close to it; women and men alike."}}
figure = plot_anthropometry(measured["anthropometry"])

# %% [markdown]
# And the recogniser, whose verdict the training will follow: can it tell random people apart? From {glue:text}`pairs:d` pairs of
# pictures of one person and as many of two, under different light and pose (AUC: how often the pair of one is the more alike;
# $d'$: how many deviations the two kinds lie apart; last, how often the right one of all is the nearest;
# means of {glue:text}`draws:d` draws of people):
#
# | | AUC | $d'$ | right person first |
# |---|---|---|---|
# | the former open model, drawn apart | {glue:text}`before_auc:.3f` | {glue:text}`before_d_prime:.2f` | {glue:text}`before_rank_1:.2f` |
# | this one, drawn apart | {glue:text}`apart_auc:.3f` | {glue:text}`apart_d_prime:.2f` | {glue:text}`apart_rank_1:.2f` |
# | this one, drawn together | {glue:text}`together_auc:.3f` | {glue:text}`together_d_prime:.2f` | {glue:text}`together_rank_1:.2f` |
#
# The record of this section is `results/face_model.json`.

# %% tags=["remove-input"]
renumbered = measured["model"]["checksum"] != open_model.checksum
Markdown(
    "It was measured before the model's vertices were renumbered, which changes its checksum and no face."
    if renumbered
    else "It was measured on the very model that the package ships: their checksums agree."
)

# %% [markdown]
# ## What it can't say, and of whom it speaks badly
#
# A model says only what its directions say. There is no hair in it beyond a shaved scalp's, no beard beyond a shadow, no glasses, no
# teeth, no hat. Shown one of these, a network can only answer with a face whose skin or bones make up for it.
#
# And nobody was measured for this one. Its people are what MakeHuman's artists thought likely: *ancestry* is a mixture of
# three poles, African, Asian and European, so that most of humanity is at best an average of three types; *gender* is one
# number between two more; ages go from 18 to 80, so there are no children. Faces that are unusual for any
# reason, such as a scar, an illness or an operation, are not there at all. Where such a model is used on people, it has to be
# asked whom it serves.
#
# ## The paper and we
#
# The paper uses the Basel Face Model 2017, made from 200 scans, whose $e$ has 100 components. Ours is an open model with the same
# 199 and 199, made from the parametric figure of MakeHuman {cite}`makehuman` and a painted model of skin, so its people are
# plausible rather than measured; its $e$ has 85. Basel's file contains a mean expression that the equation
# has no term for. We add it to every face, as Basel's own software does; in the open model it is zero.
# Albedo is stored in sRGB, in both models, and turned into linear light only when light falls on it: the page after the next is
# about that.
#
# ## Exercises
#
# ```{exercise-start}
# :label: space-components
# ```
# How many shape components does one have to keep so that the root mean square error of a vertex is below one millimetre? Find it from the
# standard deviations alone, then check it on random people.
# ```{exercise-end}
# ```
#
# ```{solution-start} space-components
# :class: dropdown
# ```
# The columns of $P$ are orthonormal, so dropping components $k > K$ leaves a squared error of $\sum_{k>K} \sigma_k^2 s_k^2$,
# over all vertices, of which the expectation is $\sum_{k>K} \sigma_k^2$.

# %% tags=["solution"]
variance = model.shape.standard_deviations.astype(float) ** 2
dropped = np.append(np.cumsum(variance[:0:-1])[::-1], 0.0)  # after keeping 1, 2, ...
error_mm = np.sqrt(dropped / model.vertex_count)
keep = int(np.argmax(error_mm < 1.0)) + 1

kept = np.where(np.arange(len(variance)) < keep, crowd.shape, 0.0).astype(np.float32)
difference = np.asarray(model.positions(crowd.shape)) - np.asarray(model.positions(kept))
measured_mm = np.sqrt(np.mean(np.sum(difference**2, axis=-1)))
assert abs(measured_mm - error_mm[keep - 1]) < 0.1
print(f"{keep} components: {error_mm[keep - 1]:.2f} mm expected, {measured_mm:.2f} mm measured")

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: space-average
# ```
# Average the coefficients of two random people. How long is the result, and what does that say about averaged portraits? By what
# must it be multiplied to be as unusual as a person?
# ```{exercise-end}
# ```
#
# ```{solution-start} space-average
# :class: dropdown
# ```
# The variance of a mean of two independent numbers is ½, so the length is near $\sqrt{199/2} \approx 10$: well inside the shell,
# smoother and more ordinary than anyone. Times $\sqrt 2$ puts it back. The same happens to a network that averages over the people
# whom a blurred photograph may show.

# %% tags=["solution"]
pairs = Coefficients.sample(model, 400, seed + 5).shape.reshape(200, 2, -1)
average = pairs.mean(axis=1)
count = average.shape[1]
assert abs(np.linalg.norm(average, axis=1).mean() - np.sqrt(count / 2)) < 0.3
assert abs(np.linalg.norm(np.sqrt(2) * average, axis=1).mean() - np.sqrt(count)) < 0.4

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start}
# :label: space-smile
# ```
# Somebody smiles while being scanned. Project the smiling surface as though it were neutral: how far do the shape coefficients move? Then
# solve for shape and expression together.
# ```{exercise-end}
# ```
#
# ```{solution-start} space-smile
# :class: dropdown
# ```
# Shape and expression directions are not at right angles, so a smile taken for a shape becomes another, and quite unlikely,
# person. Solved together the two come apart, because the model can tell them apart. `project` has an argument for it.

# %% tags=["solution"]
smile = sum(units[name] for name in movements[1])[None]
smiling, colour = sparse.positions(few.shape[:1], smile), sparse.albedos(few.albedo[:1])
as_neutral = sparse.project(smiling, colour)
together = sparse.project(smiling, colour, expression=True)
assert np.linalg.norm(as_neutral.shape - few.shape[:1]) > 3.0 or model_name != "open"
assert np.abs(together.shape - few.shape[:1]).max() < 0.02
assert np.abs(together.expression - smile).max() < 0.02
lengths = [np.linalg.norm(s) for s in (as_neutral.shape, few.shape[:1])]
print("‖s‖ as neutral {:.0f}, truly {:.1f}".format(*lengths))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start}
# :label: space-shuffle
# ```
# Draw 5,000 people with the `IdentitySampler`. Is each coefficient still standard normal by its mean and variance? Which $s_i$ and $t_j$
# go together most, and what do the pictures above say that they mean? Then deal the albedos out anew among the people: what
# has changed?
# ```{exercise-end}
# ```
#
# ```{solution-start} space-shuffle
# :class: dropdown
# ```
# Means are near 0 and variances near 1, so no test of single coefficients tells these people from independent ones. But $s_1$ and
# $t_2$ are strongly correlated: large heads come with a beard's shadow, small ones with red lips. Shuffling leaves every
# shape and every albedo as it was, and only takes away who has which: that alone is what the lower row of the figure lost.

# %% tags=["solution"]
many = sampler.sample(5000, seed)
assert np.abs(many.shape.mean(axis=0)).max() < 0.07
assert np.abs(many.shape.var(axis=0) - 1.0).max() < 0.12


def between(shape, albedo):
    """Correlation of every shape coefficient with every albedo coefficient."""
    return np.corrcoef(shape.T, albedo.T)[: shape.shape[1], shape.shape[1] :]


correlations = between(*many[:2])
i, j = np.unravel_index(np.abs(correlations).argmax(), correlations.shape)
dealt = between(many.shape, np.random.default_rng(seed).permutation(many.albedo))
assert (i, j) == (0, 1)
assert np.abs(dealt).max() < 0.1
print(f"s_{i + 1} and t_{j + 1}: {correlations[i, j]:.2f}; dealt anew: {dealt[i, j]:.2f}")

# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["remove-cell"]
kept_noise = np.linalg.norm(np.asarray(nearest).ravel() - model.shape.mean) / np.linalg.norm(
    spikes.ravel() - model.shape.mean
)
numbers |= {"noise_kept_percent": 100.0 * float(kept_noise**2)}
quote(numbers)
write_result(Path("../results") / profile / "01_face_space.json", numbers, provenance)

# %% tags=["remove-input"]
viewer_data(model)  # what the sliders move; by the end of the page, so that the text is there first

# %% tags=["remove-input"]
stamp(provenance)
