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
# # Bring your own encoder, model, photos
#
# Everything so far stood on one recogniser, one face model, and draws instead of photographs. **What does it take to put another in
# its place?** We build an encoder from nothing in this chapter, and train with it.

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from skimage.data import astronaut

from mmreg.data.encoding import encode_photographs
from mmreg.data.feature_store import FeatureStore
from mmreg.data.synthetic import sample_scenes
from mmreg.encoders import (
    Encoder,
    EncoderError,
    centred_unit,
    cosine,
    encoder_names,
    load_encoder,
    register,
    register_kind,
)
from mmreg.encoders.contract import check_contract, violations
from mmreg.encoders.named_weights import assign_weights, read_arrays
from mmreg.encoders.templates import scaled_templates
from mmreg.evaluation.verification import area_under_curve
from mmreg.face import Coefficients, load
from mmreg.figures.faces import grid
from mmreg.figures.learning import correlation_bars
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.profiles import get_profile
from mmreg.regressor import fresh_regressor
from mmreg.results import Data, Provenance, file_checksum, write_result
from mmreg.studio import Studio, rendering_statistics, take_rows
from mmreg.training import train_stage_one

PICTURES, PEOPLE, COMPONENTS = 400, 128, 48
settings = get_profile(profile)
model = load(model_name)
dlib = Studio(model, load_encoder("dlib"))
scratch = Path(tempfile.mkdtemp())
provenance = Provenance(
    [
        Data(f"random faces ({model.name}), rendered in random scenes", PICTURES + 2 * PEOPLE),
        Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
    ],
    settings.to_dict(),
    seed,
)
faces, scenes = Coefficients.sample(model, PICTURES, seed), sample_scenes(PICTURES, seed)
shots = np.concatenate(
    [np.asarray(dlib.photograph(*take_rows((faces, scenes), slice(k, k + 20)))) for k in range(0, PICTURES, 20)]
)
SIDE, CELL = 30, 5
grey = shots.mean(axis=-1).reshape(PICTURES, SIDE, CELL, SIDE, CELL).mean(axis=(2, 4)).reshape(PICTURES, -1)
mean_picture = grey.mean(axis=0)
_, sizes, directions = np.linalg.svd(grey - mean_picture, full_matrices=False)
deviations = sizes[:COMPONENTS] / np.sqrt(PICTURES)
note_other_model(model_name, model)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Eigenfaces of 400 renderings: the mean picture, and the five directions in which the pictures differ most. Brightness comes first, then the background against the face, then one side against the other; who the person is comes later, and little of it.", "name": "fig-eigenfaces"}, "image": {"alt": "Six small grey pictures: a blurred mean face, and five smooth patterns of light and dark over face and background."}}
shown = [0.5 + np.sign(d.sum()) * d.reshape(SIDE, SIDE) / (2.2 * np.abs(d).max()) for d in directions[:5]]
pictures = [np.repeat(p.reshape(SIDE, SIDE, 1), 3, axis=-1) for p in (mean_picture, *shown)]
figure = grid([pictures], column_labels=["mean", *map(str, range(1, 6))])

# %% [markdown]
# After this chapter you can make an encoder of any network that is differentiable, have it checked, train with it from a notebook or the
# command line, and encode your own photographs. Reading takes about ten minutes; the code runs in about one.
#
# ## An encoder from nothing: eigenfaces
#
# The oldest recogniser that deserves the name {cite}`turk1991` is linear: a grey picture, seen as a long vector, is described by
# its coordinates along the directions in which faces' pictures differ most. We take it for two reasons: it is made in a second, and it
# is *bad* in an instructive way.
#
# An `Encoder` is a frozen Keras model from pictures (sRGB in $[0, 1]$) to a pair, the **features** that the regressor reads and the **embedding**
# that the identity loss compares; and a few facts on how faces must be shown to it.

# %%
show_source(Encoder)


# %%
def eigenface_network():
    """Pictures of 150 × 150 to (coordinates along the eigenfaces, the same in units of their deviation)."""
    images = keras.Input((150, 150, 3))
    x = keras.layers.AveragePooling2D(CELL)(images)
    x = keras.layers.Flatten()(keras.ops.mean(x, axis=-1))
    features = keras.layers.Dense(COMPONENTS, name="eigenfaces")(x)
    embedding = keras.layers.Dense(COMPONENTS, use_bias=False, name="whitening")(features)
    network = keras.Model(images, [features, embedding])
    network.trainable = False
    return network


def load_eigenfaces(path):
    """The encoder with weights from a file of arrays."""
    network = eigenface_network()
    assign_weights(network, read_arrays(path), path)
    templates = scaled_templates((150, 150))
    return Encoder(
        "eigenfaces", network, (150, 150), COMPONENTS, COMPONENTS, file_checksum(path), *templates, "Apache-2.0"
    )


register_kind("eigenfaces", load_eigenfaces)

# %% [markdown]
# Weights go into a file of named arrays, LAYER/kernel and LAYER/bias, `.npz` or `.h5`; never a pickle, which may run code as it is opened. Its checksum becomes
# the encoder's, so that features and regressors made with other weights are refused later on.

# %%
chosen = directions[:COMPONENTS].T.astype(np.float32)
weights = {
    "eigenfaces/kernel": chosen,
    "eigenfaces/bias": -mean_picture.astype(np.float32) @ chosen,
    "whitening/kernel": np.diag(1.0 / deviations).astype(np.float32),
}
np.savez(scratch / "eigenfaces.npz", **weights)
own = load_encoder(f"eigenfaces:{scratch / 'eigenfaces.npz'}")
check_contract(own)
print(f"known by name: {', '.join(encoder_names())}")

# %% [markdown]
# ## What an encoder must fulfil
#
# `check_contract` has tried it, and so should you, for each of these goes unnoticed in training and spoils it:
#
# - **Shapes and finite numbers**, and something that differs between different pictures.
# - **Frozen.** The losses train the regressor; a recogniser that is trained along learns to be pleased.
# - **The same picture, the same answer**, alone or among others: no dropout, no statistics of the batch.
# - **Differentiable.** A gradient must reach the pixels from the embedding, or $L_\text{id}$ teaches nothing.
# - **Upright templates.** The five points, in the order of image-left eye, image-right eye, nose, mouth corners, within the picture. Framing comes
#   from here, for photographs and renderings alike.
# - **A checksum** of its weights.
# - With `both_sides`, **a symmetric template**: else a face and its mirror image are framed differently.
#
# A network that breaks some of these, and what is said of it:

# %%
images = keras.Input((150, 150, 3))
rounded = keras.ops.round(own.network(images)[1])
careless = replace(
    own, name="mine:v2", network=keras.Model(images, [own.network(images)[0], rounded]), template=own.template[::-1]
)
for sentence in violations(careless):
    print("-", sentence)

# %% [markdown]
# ## Is it any good?
#
# The question of [chapter 06](06_recogniser): 128 random people, two renderings each, in other poses and lights. How often are two pictures of one
# person more alike than two of different people?


# %%
def telling_apart(studio):
    """Area under the ROC curve of centred cosines: 1 is perfect, 0.5 is chance."""
    people = Coefficients.sample(model, PEOPLE, 100 + seed)
    a, b = (studio.encode_many(people, sample_scenes(PEOPLE, 1000 * k + seed)).embedding for k in (1, 2))
    mean = np.concatenate([a, b]).mean(axis=0)
    a, b = centred_unit(a, mean), centred_unit(b, mean)
    return area_under_curve(np.asarray(cosine(a, b)), np.asarray(cosine(a, np.roll(b, 1, axis=0))))


mine = Studio(model, own)
found = {"eigenfaces": telling_apart(mine), "dlib": telling_apart(dlib)}

# %% tags=["hide-input"]
numbers = {"auc": found, "components": COMPONENTS}
quote({"auc_eigenfaces": found["eigenfaces"], "auc_dlib": found["dlib"], "components": COMPONENTS})

# %% [markdown]
# Eigenfaces: **{glue:text}`auc_eigenfaces:.2f`**, where chance gives 0.5; dlib: {glue:text}`auc_dlib:.3f`. Light moves a pixel more than a nose does,
# and a linear map can't overlook it. Such an encoder's identity loss would teach the regressor to imitate the photographs' *light* in skin colour.
# Nothing in the program would complain. So look at this number before training; above 0.95 there is something to learn from.
#
# ## Training with it
#
# Stage one, with everything else as it was: {glue:text}`steps` steps of synthetic faces, read through the eigenfaces.

# %% tags=["hide-input"]
short = replace(settings, encoder="eigenfaces", stage_one_steps=60, stage_one_batch=16)
statistics = rendering_statistics(mine, settings.statistics_renderings, seed)
regressor = fresh_regressor(model, own, {"photograph": statistics, "rendering": statistics}, seed)
history = train_stage_one(mine, regressor, short, seed, scratch / "run")
unseen, held_out = Coefficients.sample(model, PEOPLE, 200 + seed), sample_scenes(PEOPLE, 300 + seed)
predicted = [np.asarray(p) for p in regressor(mine.encode_many(unseen, held_out).features, domain="rendering")]


def correlations(a, b):
    """Of every coefficient, over people."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0) + 1e-12)


by_part = {"shape": correlations(predicted[0], unseen.shape), "albedo": correlations(predicted[1], unseen.albedo)}
numbers |= {
    "steps": short.stage_one_steps,
    "shape_correlation": by_part["shape"][:10].mean(),
    "albedo_first": by_part["albedo"][0],
}
quote({key: numbers[key] for key in ("steps", "shape_correlation", "albedo_first")} | {"people": PEOPLE})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Correlation of predicted and true coefficients on held-out renderings, after a few steps through the eigenfaces. Compare the same figure in the chapter on stage one.", "name": "fig-eigenface-correlations"}, "image": {"alt": "A bar chart of correlations of the first ten shape and albedo coefficients, most within the grey band of chance; below, points for all of them."}}
figure = correlation_bars(by_part, chance=1.96 / np.sqrt(PEOPLE))

# %% [markdown]
# The first ten shape coefficients correlate with the truth by {glue:text}`shape_correlation:.2f` on average, the first of albedo, from light to dark skin, by
# {glue:text}`albedo_first:.2f`. A poor recogniser makes a poor teacher, and everything still ran: that is what an interface is for.
#
# ## Your photographs
#
# Any folder of photographs will do. Each is searched for faces; the main one is aligned and encoded, and of the photograph nothing else
# is kept. Here is a folder with one:

# %%
folder = scratch / "photographs"
folder.mkdir()
Image.fromarray(astronaut()).save(folder / "eileen_collins.png")
store = encode_photographs([folder], own, scratch / "store.npz", source="one portrait", progress=False)
again = FeatureStore.load(scratch / "store.npz", own.checksum)
print(f"{len(again)} face, {again.features.shape[1]} features, from {Path(again.names[0]).name}")

# %% [markdown]
# A store belongs to the encoder that wrote it, and says so when it is read for another:

# %%
try:
    FeatureStore.load(scratch / "store.npz", dlib.encoder.checksum)
except ValueError as error:
    print(str(error).replace(str(scratch), "…"))

# %% [markdown]
# ## From the command line
#
# With photographs and one of the encoders that the library has, no Python is needed. Weights that aren't included are named by a file of yours, or by
# an address and the checksum of the file that is meant, which is fetched once:
#
# ```bash
# mmreg data encode ~/photographs --out mine.npz
# mmreg train --profile full --photos mine.npz --out runs/mine
# mmreg reconstruct portrait.jpg --weights runs/mine/regressor.npz
#
# mmreg data encode ~/photographs --encoder inception_resnet:facenet512_weights.h5 --out facenet.npz
# mmreg train --profile full --photos facenet.npz --encoder inception_resnet:facenet512_weights.h5
# mmreg train --encoder 'inception_resnet:https://example.org/facenet512_weights.h5#sha256=0123…'
# ```
#
# `inception_resnet` is Inception-ResNet-v1, the FaceNet whose weights can be had (`mmreg.encoders.inception_resnet` says how public files become
# arrays); `facenet` is the paper's NN2, `vggface` its judge. An encoder of your own is found by its name on the command line if your package
# registers it in a module that it names as an entry point:
#
# ```toml
# [project.entry-points."mmreg.encoders"]
# eigenfaces = "my_package.eigenfaces"
# ```
#
# ## Your face model
#
# `--model` takes the Basel Face Model 2017 as it is delivered (`model2017-1_bfm_nomouth.h5`), or a copy of ICT-FaceKit (`ict:FOLDER`, without albedo;
# `open+ict:FOLDER` with that of the open model). Regressors belong to the model they were trained for, so train anew; photographs' features don't,
# and stay as they are. This whole book runs with another model, too: `make book MODEL=/path/to/model2017-1_bfm_nomouth.h5`.
#
# ## What the paper did, and we did differently
#
# The paper trains with FaceNet's NN2, says that VGG-Face or other networks may serve as well, and needs only that features and embedding be
# differentiable. Ours are dlib's network, and the two statistics per domain that any network is standardised by.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-24-random-network
#
# How good is a network with random weights? Build one with a convolution, register it, check it, and measure how well it tells people apart.
# ```
#
# ```{solution-start} ex-24-random-network
# :class: dropdown
# ```


# %% tags=["solution"]
def random_network():
    """One convolution with random weights, its map averaged over a grid."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((150, 150, 3))
    x = keras.layers.Conv2D(32, 9, 3, activation="relu")(images)
    features = keras.layers.Flatten()(keras.layers.AveragePooling2D(12)(x))
    network = keras.Model(images, [features, features])
    network.trainable = False
    size = int(features.shape[-1])
    checksum = hashlib.sha256(f"random network, seed {seed}".encode()).hexdigest()
    return Encoder("random", network, (150, 150), size, size, checksum, *scaled_templates((150, 150)), "none")


register("random", random_network)
check_contract(load_encoder("random"))
by_chance = telling_apart(Studio(model, load_encoder("random")))
assert by_chance < found["dlib"] - 0.1
print(f"random weights: {by_chance:.2f}")

# %% [markdown]
# Better than a coin, worse than a recogniser: pictures of pale people are pale. To pass the check isn't to be of use.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-24-trainable
#
# Make an encoder whose embedding is taken relative to the mean of the batch. Which sentence does the check answer, and what would go wrong in training?
# ```
#
# ```{solution-start} ex-24-trainable
# :class: dropdown
# ```

# %% tags=["solution"]
images = keras.Input((150, 150, 3))
features, embedding = own.network(images)
relative = keras.Model(images, [features, embedding - keras.ops.mean(embedding, axis=0, keepdims=True)])
relative.trainable = False
said = violations(replace(own, network=relative))
assert any("alone as among others" in sentence for sentence in said)
with np.testing.assert_raises(EncoderError):
    check_contract(replace(own, network=relative))
print(*said)

# %% [markdown]
# Photographs are encoded in batches of one composition, renderings in others, and a single photograph alone: its embedding would be zero. The
# library subtracts means, too, but fixed ones, measured once.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
numbers["auc_random"] = by_chance
write_result(f"../results/{profile}/24_bring_your_own.json", numbers, provenance)
stamp(provenance)
