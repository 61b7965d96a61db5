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
# # Stage two: four losses, and one of ours
#
# From here on, photographs take part, about which nothing is known but their pixels. A recogniser judges the rendering of each
# predicted face: *is this the person in the photograph?* **What keeps a network that is only asked to please a recogniser from
# cheating it?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from skimage.data import astronaut

from mmreg.data.feature_store import FeatureStore
from mmreg.data.photographs import photo_like_features
from mmreg.data.synthetic import sample_scenes
from mmreg.encoders import centred_unit, cosine, load_encoder
from mmreg.encoders.alignment import align, detect
from mmreg.face import Coefficients, load
from mmreg.figures.faces import grid
from mmreg.figures.learning import framed_photograph, moments_scatter, runs_table, term_curves
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.losses import batch_distribution_loss, identity_loss, loopback_loss, skin_tone_loss
from mmreg.profiles import LossWeights, get_profile
from mmreg.reconstruct import portrait
from mmreg.regressor import load_regressor
from mmreg.results import Data, Provenance, read_result, write_result
from mmreg.studio import Studio, take_rows
from mmreg.tone_reading import ToneReading, fit_tone_reading
from mmreg.objective import OUR_TERMS, TERMS, Trainer
from mmreg.training import train_stage_two

settings = get_profile(profile)
run = Path(f"../results/{profile}/run")
encoder = load_encoder(settings.encoder)
studio = Studio(load(model_name), encoder, triangles=settings.triangles)
photos = photo_like_features(8192, seed, encoder)
provenance = Provenance(
    [
        Data(photos.source, len(photos), stand_in=photos.stand_in),
        Data(f"random faces ({studio.model.name})", settings.stage_two_steps * settings.synthetic_per_step),
        Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
    ],
    settings.to_dict(),
    seed,
)

photo = astronaut().astype(np.float32) / 255.0
found = detect(photo)[0]
chip = align(photo, found.points, encoder)[None]
readings = {encoder.name: (photos.features, encoder.predict(chip).features)}


def given(regressor):
    """Features of the draws and of the astronaut, as the regressor's own encoder tells them; the draws are the same for all."""
    name = regressor.identity.encoder_name
    if name not in readings:
        reads = load_encoder(name)
        readings[name] = photo_like_features(len(photos), seed, reads).features, reads.predict(chip).features
    return readings[name]


def after_stage_one():
    """The regressor that the last chapter trained, read from its file anew."""
    return load_regressor(run / "stage_one.npz", studio.model.checksum, encoder.checksum).regressor


def predict(regressor, features):
    """Coefficients of photographs' features (numpy)."""
    return Coefficients(*(np.asarray(part) for part in regressor(features, domain="photograph")))


def train(weights):
    """Stage two with these weights: the regressor, the terms of every step, and the astronaut after every step."""
    regressor = after_stage_one()
    _, astronaut_features = given(regressor)
    seen = {0: predict(regressor, astronaut_features)}

    def watch(step, regressor):
        seen[step] = predict(regressor, astronaut_features)

    with tempfile.TemporaryDirectory() as scratch:
        trained = replace(settings, weights=weights)
        history = train_stage_two(studio, regressor, photos, trained, seed, Path(scratch), watch)
    return regressor, history, seen


regressor, history, seen = train(settings.weights)
regressor.save_file(run / "regressor.npz", provenance.to_dict())
write_result(run / "stage_two.json", {"history": history}, provenance)

reference_weights = Path("../results/reference/regressor.npz")  # from a longer run, on encodings of photographs
longer = {}
if model_name == "open" and reference_weights.exists():  # they mean nothing with another model
    longer["reference"] = load_regressor(reference_weights, studio.model.checksum).regressor
note_other_model(
    model_name,
    studio.model,
    "The project's reference regressor belongs to the open model, so it is left out here: what you see is this page's own "
    "short run, after stage one as trained on the page before.",
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The astronaut before stage two, after a third of this page's steps, and after all of them; right, by the project's reference regressor, which was trained longer and on encodings of real photographs. This page's training sees draws from the statistics of photographs. So short a run is a beginning, and it shows: the last of its faces is anything but average, and not yet hers.", "name": "fig-astronaut-steps"}, "image": {"alt": "Five pictures: the astronaut's photograph, three reconstructed faces after growing numbers of training steps, of which the last is distorted, and a calmer one by the reference regressor."}}
steps = [0, settings.stage_two_steps // 3, settings.stage_two_steps]
faces = [*(seen[step] for step in steps), *(predict(one, given(one)[1]) for one in longer.values())]
views = [portrait(studio.model, face, encoder, size=200)[0] for face in faces]
titles = ["photograph", *(f"{step} steps" for step in steps), *longer]
figure = grid([[framed_photograph(photo, found.points, encoder, 200), *views]], column_labels=titles)

# %% [markdown]
# The training behind this picture is one function, called by the folded cell above; the page explains what it
# minimises. After it you can say what each of the losses measures and what goes wrong without it, and run the stage
# yourself. Reading takes about fifteen minutes; the code runs in about two and a half.
#
# The objective, with the paper's weights $\omega_\text{batch} = 10$ and $\omega_\text{loop} = 0.07$ {cite}`genova2018`:
#
# $$
# \begin{aligned}
# L = {} & L_\text{param} + \omega_\text{id} L_\text{id} \\
#  {} + {} & \omega_\text{batch} L_\text{batchdistr} + \omega_\text{loop} L_\text{loopback} \\
#  {} + {} & \omega_\text{skin} L_\text{skin}
# \end{aligned}
# $$
#
# The last term is ours. Here is how a step computes all but the first, on photographs:

# %%
show_source(Trainer._photo_terms)

# %% [markdown]
# ## Parameters: what must not be forgotten
#
# Synthetic faces stay in every batch, with the loss of [the last chapter](07_stage_one). They hold the regressor to what it knows:
# which features mean a broad jaw.
#
# ## Identity: the judge
#
# $$
# L_\text{id} = 1 - \cos(\varphi_1 - \bar\varphi_1,\; \varphi_2 - \bar\varphi_2)
# $$
#
# with $\varphi_1$ of the photograph and $\varphi_2$ of the rendering, each in its own domain's mean.

# %%
show_source(identity_loss)

# %% [markdown]
# On toy numbers: the same direction, unrelated ones, opposite ones; and unrelated ones that share a large offset, with and
# without subtracting it.

# %%
rng = np.random.default_rng(seed)
a, b = rng.normal(size=(2, 256, 128)).astype(np.float32)
offset = np.full(128, 3.0, np.float32)
toy = {
    "same": identity_loss(a, 2.0 * a),
    "unrelated": identity_loss(a, b),
    "opposite": identity_loss(a, -a),
    "unrelated, with an offset": identity_loss(a + offset, b + offset),
    "unrelated, offset subtracted": identity_loss(a + offset, b + offset, offset, offset),
}
for name, value in toy.items():
    print(f"{name:>30}: {float(value):.2f}")

# %% [markdown]
# An offset makes strangers look alike and the loss small, and its gradient with it. The means of each domain are measured before training, of random faces' renderings;
# as predictions aren't random faces, theirs is another, and the profile `full` takes the means of each batch instead (`identity_centre`, ours; `domain_centre` among [the ablations](13_ablations), which don't tell the two apart).
# This page's batches are too small for that.
#
# An embedding is one network's last word on a face, and a rendering can be like its photograph in that word alone. The 256 features that the embedding is made of have twice as many
# directions, and the profile `full` asks for likeness in both, half and half (`identity_features`, ours; in short runs it makes no difference, as `embedding_alone` says there).
#
# The gradient has a long way to go: from the
# cosine through the recogniser into the picture, through shading and rasterizer into vertices and colours, through the
# face model into the coefficients. The photograph is rendered in three random poses and lights at once, as in the paper's
# section 3.3.2, so that no single picture has to convince; [a chapter](11_many_views) weighs views against people.
#
# ## Batch distribution: the many against the one
#
# A recogniser can be pleased by faces that are no faces. One coefficient at a time there is nothing to be said against $s_1 = 4$; but if *all* the
# people in a batch have it, something is wrong. The loss compares moments (section 3.3.3):
#
# $$
# \begin{aligned}
# L_\text{batchdistr} = {} & \lVert \operatorname{mean}_b s' \rVert^2 + \lVert \operatorname{var}_b s' - 1 \rVert^2 \\
#  {} + {} & \lVert \operatorname{mean}_b t' \rVert^2 + \lVert \operatorname{var}_b t' - 1 \rVert^2
# \end{aligned}
# $$

# %%
show_source(batch_distribution_loss)

# %% [markdown]
# A batch collapsed onto one face pays 1 for each of the 398 coefficients. Hundreds of photographs enter this loss at every step, though only a few are rendered: it needs
# their stored features alone. [The next chapter](09_batch_distribution) takes it apart: which way it pushes, how many people it needs, what it can't see.
#
# ## Loopback: say it twice
#
# A rendering of a prediction is a picture whose coefficients are known. Read again, it should give them back (section 3.3.4). It is $L_\text{param}$ between the
# second reading and the first, and the gradient flows into both: the prediction is pulled towards faces that can be read. [Its own chapter](10_loopback)
# asks what it does here.

# %%
show_source(loopback_loss)

# %% [markdown]
# ## Skin tone: what recognisers overlook
#
# This one isn't in the paper. A recogniser is trained to know people in any light, and so its features should say little of how bright a face was, and with it
# little of how dark the skin is. No loss so far has to mind: a pale person rendered brown in random light may please the recogniser as well. So our
# regressor reads three numbers beside the features, the tone of the cheeks: luminance, red over green, blue over green, in logarithms. And a
# loss asks for their order:
#
# $$
# L_\text{skin} = \tfrac{1}{3} \sum_k \bigl(1 - \rho_b(c_k, c'_k)\bigr)
# $$
#
# with $\rho_b$ the correlation over the batch between the photographs' tone $c$ and that of the predicted albedo $c'$, its mean over the face. A correlation, for no photograph tells
# how bright its light was: it can say who is darker than whom, on average, and not how dark anyone is.

# %%
show_source(skin_tone_loss)

# %% [markdown]
# One photograph says little even of that order, since its light may differ more from another's than people do. Photographs with similar embeddings, though, should show
# people who are alike, each in another light. So $c$ is the mean tone of a photograph's neighbours in the space of embeddings, and 22 % of its own
# deviation from it. (Among the draws on this page no two are of one person, so here it is the tone of similar draws.) How much of skin and how much of
# light is in such a target, and why no share of it serves both wishes, [the ablations](13_ablations) measure.

# %%
show_source(FeatureStore.alike_tone.func)

# %% [markdown]
# A loss asks, and the layers answer as well as they can. They have 2,307 inputs in our larger profile, and other losses to please; what they say of the skin's lightness changes from one
# photograph of a person to the next more than the features make necessary. A plain weighted sum of the same features does better: ridge regression, whose weights stay small, on the same kind of target
# with 13 % of the photograph's own deviation. So `full` lets the sum have the last word on how light the skin is, and on nothing else: every predicted albedo is moved, by as few deviations as possible,
# until its lightness is what the sum reads. Over the training photographs the sum has the mean and the deviation of the photographed population, so that it makes nobody
# paler on average. The layers keep the hue, and everything about shape. (The runs of this page are too small to need it and do without.)
#
# One thing is mended at the end of a run. Of the darkest people the sum is surest, and it puts them five deviations below the mean, where the population has nobody: they came out black. So what is read as darker
# than the median is bent until that half of the photographed is distributed normally, as the population is; nobody changes places. (Bending the paler half as well made the palest white as chalk. The eye decided.) [The ablations](13_ablations) say what all this buys.

# %%
show_source(fit_tone_reading)

# %%
show_source(ToneReading.applied)

# %%
show_source(ToneReading.with_fewer_blackest)

# %% [markdown]
# ## The photographs, which are none
#
# The 8,192 "photographs" on this page are draws from the distribution of the features of 8,128 real ones: a **stand-in**. Means, spreads and correlations
# are those of real photographs; a draw is nobody. It lets this page run anywhere and passes nobody's data on, and it teaches less than
# photographs do: the higher order in which real people differ is missing.
#
# ## The run
#
# {glue:text}`steps` steps of {glue:text}`rendered` renderings of predictions ({glue:text}`photos_per_step` photographs, {glue:text}`views` views each)
# and {glue:text}`synthetic` synthetic faces; and beside it a second run, equal in everything except that the identity loss is alone.

# %%
alone = LossWeights(parameter=0.0, identity=settings.weights.identity, batch_distribution=0.0, loopback=0.0)
alone_regressor, alone_history, alone_seen = train(alone)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The four terms by step (faint) and their running means, with all losses and with identity alone. Identity falls in both alike. The other three are only measured, not minimised, in the second run. Mind the first panel: with all losses the parameter loss rises, because a batch can be made various faster than the network can learn who should vary how.", "name": "fig-terms"}, "image": {"alt": "Four panels of curves over training steps, one for each loss term, with one line for the run with all losses and one for the run with the identity loss alone."}}
figure = term_curves({"all losses": history, "identity alone": alone_history}, TERMS)

# %% tags=["hide-input"]
probe = photos.select(np.arange(32))
probe_scenes = sample_scenes(32, 40_000 + seed)
regressors = {"stage one": after_stage_one(), "identity alone": alone_regressor, "all losses": regressor, **longer}
means = {name: s.embedding_mean for name, s in regressor.statistics.items()}
predictions = {name: predict(one, given(one)[0]) for name, one in regressors.items()}


def recognised(faces):
    """Mean centred cosine of the probes' embeddings and of their faces' renderings, in the same scenes for all."""
    rendered = studio.encode_many(take_rows(faces, slice(0, 32)), probe_scenes).embedding
    photographs = centred_unit(probe.embedding, means["photograph"])
    return float(np.asarray(cosine(photographs, centred_unit(rendered, means["rendering"]))).mean())


def summary(faces):
    """How far a population of predictions is from the model's own."""
    both = np.concatenate([faces.shape, faces.albedo], axis=1)
    return {
        "similarity": recognised(faces),
        "largest_mean": np.abs(both.mean(axis=0)).max(),
        "shape_mean_size": np.sqrt((faces.shape.mean(axis=0) ** 2).mean()),
        "albedo_mean_size": np.sqrt((faces.albedo.mean(axis=0) ** 2).mean()),
        "shape_deviation": faces.shape.std(axis=0).mean(),
        "albedo_deviation": faces.albedo.std(axis=0).mean(),
        "beyond_three": (np.abs(both) > 3.0).mean(),
    }


found_out = {name: summary(faces) for name, faces in predictions.items()}
numbers = {
    "steps": settings.stage_two_steps,
    "runs": found_out,
    "terms_at_the_end": {
        name: {term: np.mean([h[term] for h in log[-10:]]) for term in TERMS}
        for name, log in {"all losses": history, "identity alone": alone_history}.items()
    },
    "terms_at_the_start": {term: np.mean([h[term] for h in history[:3]]) for term in (*TERMS, *OUR_TERMS)},
}
quote(
    {
        "steps": settings.stage_two_steps,
        "rendered": settings.photos_per_step * settings.views_per_photo,
        "photos_per_step": settings.photos_per_step,
        "views": settings.views_per_photo,
        "synthetic": settings.synthetic_per_step,
        "identity_weight": settings.weights.identity,
        "parameter_start": numbers["terms_at_the_start"]["parameter"],
        "parameter_end": numbers["terms_at_the_end"]["all losses"]["parameter"],
        **{
            f"{name.replace(' ', '_')}_{key}": value
            for name, values in found_out.items()
            for key, value in values.items()
        },
    }
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Every coefficient as a point: its mean and its standard deviation over the 8,192 drawn photographs. The ring is where the population lies that the run was held to, at mean 0 and deviation 1. Stage one hedges: its deviations are far too small. Identity alone hardly widens them, but moves the means, for everybody at once. With all losses, the deviations are drawn towards 1 and the means held near 0.", "name": "fig-moments"}, "image": {"alt": "Scatter plots of mean against standard deviation of coefficients, for stage one, identity alone, all losses, and the reference, each with a ring at mean zero and deviation one."}}
figure = moments_scatter(
    {name: regressors[name].population.standardised(faces.shape, faces.albedo) for name, faces in predictions.items()}
)

# %% tags=["hide-input"]
rows = [
    f"| {name} | {r['similarity']:.2f} | {r['shape_deviation']:.2f} | {r['albedo_deviation']:.2f} "
    f"| {r['shape_mean_size']:.2f} | {r['albedo_mean_size']:.2f} | {100 * r['beyond_three']:.1f} % |"
    for name, r in found_out.items()
]
header = [
    "| | similarity | deviation, shape | deviation, albedo | offset, shape | offset, albedo | beyond 3 σ |",
    "|---|---|---|---|---|---|---|",
    "| *the face model* | | 1 | 1 | 0 | 0 | 0.3 % |",
]
Markdown("\n".join([*header, *rows]))

# %% [markdown]
# Similarity is the mean centred cosine between 32 draws and the renderings of their predicted faces in random scenes; deviation is the mean over
# coefficients; offset the root mean square of their means. The draws are the ones trained on, and the judge is the network in the
# loss, so read the similarity as "how far the loss was lowered", and not as a quality.
#
# In {glue:text}`steps` steps, all losses together raise the similarity from {glue:text}`stage_one_similarity:.2f` to
# {glue:text}`all_losses_similarity:.2f`, and identity alone to {glue:text}`identity_alone_similarity:.2f`. The two get there by different ways.
#
# **Identity alone** leaves the deviations low ({glue:text}`identity_alone_shape_deviation:.2f` for shape, where the face model has 1), but moves
# everybody in the same direction: the offset grows from {glue:text}`stage_one_shape_mean_size:.2f` to
# {glue:text}`identity_alone_shape_mean_size:.2f` for shape and from {glue:text}`stage_one_albedo_mean_size:.2f` to
# {glue:text}`identity_alone_albedo_mean_size:.2f` for albedo, and in the worst coefficient to {glue:text}`identity_alone_largest_mean:.2f`. This is the
# beginning of what the paper reports of a network that has no other loss, that it ends with faces which please the recogniser and nobody else. Only
# the beginning: these few steps show the direction, and their faces still look harmless.
#
# **With all losses**, the offsets stay at {glue:text}`all_losses_shape_mean_size:.2f` and {glue:text}`all_losses_albedo_mean_size:.2f`, and the deviations go up
# to {glue:text}`all_losses_shape_deviation:.2f` and {glue:text}`all_losses_albedo_deviation:.2f`. But look at the faces below, and at the parameter loss,
# which has risen from {glue:text}`parameter_start:.0f` to {glue:text}`parameter_end:.0f`, above the 80 that the mean face pays. Batch
# distribution was the loudest term at the start, and variance is quickly made: any coefficient that nobody knows anything about can be blown up by noise.
# *Right* variance takes longer, as the features must be found that it should follow. So after {glue:text}`steps` steps these people are as
# various as the model's, in ways of their own. Training goes on because of this state; it isn't its result.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Five draws (nobody's photographs) and the astronaut, in the book's light: after stage one, after each of the two short runs, and by the reference regressor. Stage one says 'average' to everyone; the short run with all losses overdoes everyone; the long run settles between.", "name": "fig-three-runs"}, "image": {"alt": "A grid of faces with a row for each of stage one, identity alone, all losses, and the reference, and six columns of people, the last one the astronaut. Faces of the first two rows are nearly alike; those of the third are exaggerated."}}
table = []
for name, one in regressors.items():
    astronauts = predict(one, given(one)[1])
    five = take_rows(predictions[name], slice(0, 5))
    both = Coefficients(*(np.concatenate([getattr(five, k), getattr(astronauts, k)]) for k in ("shape", "albedo")))
    table.append(list(portrait(studio.model, both, encoder, size=140)))
figure = grid(table, row_labels=list(regressors), column_labels=[*("draw" for _ in range(5)), "astronaut"])

# %% [markdown]
# ## A longer run
#
# This page's run takes a minute; it shows how the losses work against each other, not how good the method gets. For that, the project
# trained a reference regressor once, with the profile `full`, on encodings of real photographs. It weighs the losses otherwise, reads a middle layer of the
# recogniser as well, knows of [another population](09_batch_distribution), whose mean it may fit, and meets spoilt pictures.

# %% tags=["hide-input"]
path = Path("../results/reference/summary.json")
if model_name != "open":
    text = "*The reference regressor was trained for the open model and says nothing about the one on this page.*"
elif path.exists():
    reference = read_result(path)
    lines = [
        f"| {name.replace('_', ' ')} | {value:.4g} |"
        for name, value in reference.items()
        if isinstance(value, int | float)
    ]
    judges = " and ".join(
        name.removeprefix("judged by ")
        for name in reference
        if name.startswith("judged by ") and "own encoder" not in name
    )
    title = f"`results/reference/summary.json`{', judged by ' + judges if judges else ''}"
    text = "\n".join([f"| {title} | |", "|---|---|", *lines])
else:
    text = "*No measurement of the reference regressor is in `results/reference` yet.*"
Markdown(text)

# %% [markdown]
# ## Before and after, judged alike
#
# On 2,290 photographs of people that none was trained on, by a network that was in no loss (dlib's DenseNet); and on 50 people that the face model's
# generator made for it, a stand-in for scans, whose shape is known and lies outside the model's span, and whose five rendered pictures' features are averaged.

# %% tags=["hide-input"]
path = Path("../results/training/summary.json")
if model_name == "open" and path.exists():
    trained = read_result(path)
    shown = ("stage_one", "tuned_short", "tuned")
    text = runs_table({**trained, "runs": [one for one in trained["runs"] if one["name"] in shown]})
else:
    text = "*The runs were trained for the open model, or aren't in `results/training`.*"
Markdown(text)

# %% [markdown]
# From stage one to the long run similarity and recall rise many times over, and the error of the shape stays where it was, though stage two also brings as many new synthetic faces as stage one had. What photographs taught is what makes a face recognisable to networks, and not where its surface lies:
# **photographs bring likeness, and no better shape.** The two
# runs with photographs differ in length, and in the sides from which predictions are seen; what each of their terms is for, [the ablations](13_ablations) say. Skin tone is the order over people with
# four or more photographs.
#
# ## What the paper did, and we did differently
#
# Losses and the weights 10 and 0.07 are the paper's. It states no weight for identity, so 1; ours is {glue:text}`identity_weight:.0f`,
# because the other losses are sums over coefficients as we read them, and beside a sum over 398 numbers a cosine isn't heard. The paper trains on photographs
# to convergence; here stand a stand-in and {glue:text}`steps` steps. Extra photographs for the batch's moments, the means subtracted in $L_\text{id}$, its share of features, the
# skin's tone as an input and as a loss, expressions on the synthetic faces, and the optimiser's settings are ours.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-08-offset
#
# Two strangers' embeddings are independent standard normal numbers, plus the same offset $o$ in each of the $d$ coordinates. What is their raw cosine on
# average, and how large is $o$ when nine tenths of their identity loss are gone?
# ```
#
# ```{solution-start} ex-08-offset
# :class: dropdown
# ```

# %% tags=["solution"]
for size in (0.0, 1.0, 3.0):
    strangers = float(identity_loss(a + size, b + size))
    expected = 1 - size**2 / (1 + size**2)
    assert abs(strangers - expected) < 0.03
    print(f"offset {size:.0f}: {strangers:.2f}, expected {expected:.2f}")

# %% [markdown]
# Inner products average $d o^2$ and squared lengths $d (o^2 + 1)$, so the cosine is about $o^2 / (o^2 + 1)$: at $o = 3$ strangers are alike to nine tenths. dlib's
# embeddings are about that bad, which is why the means are subtracted.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-08-balance
#
# At the beginning of this page's run, how much of the objective is each weighted term? What would identity's share be with the weight 1?
# ```
#
# ```{solution-start} ex-08-balance
# :class: dropdown
# ```

# %% tags=["solution"]
weighted = {term: getattr(settings.weights, term) * value for term, value in numbers["terms_at_the_start"].items()}
total = sum(weighted.values())
with_one = numbers["terms_at_the_start"]["identity"] / (
    total - weighted["identity"] + numbers["terms_at_the_start"]["identity"]
)
assert with_one < 0.01 < weighted["identity"] / total or model_name != "open"
print(
    {term: f"{100 * value / total:.1f} %" for term, value in weighted.items()},
    f"; with weight 1: {100 * with_one:.2f} %",
)

# %% [markdown]
# A term below one per cent of the sum can't move much, whatever it says. That holds for loopback, too, whose weight is the paper's: at this stage it
# is hardly there, and it gains a voice only as predictions leave the region that the regressor reads back well.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/08_stage_two.json", numbers, provenance)
stamp(provenance)
