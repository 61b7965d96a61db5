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
# # At scale
#
# The reference regressor saw 8,128 photographs, on two cores. The paper's data were of another order. **What do two hundred
# thousand photographs need, or three million: how much disk, memory, time and money?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from skimage.data import astronaut

from mmreg.data.feature_store import FeatureStore
from mmreg.data.photographs import photo_like_features
from mmreg.encoders import load_encoder
from mmreg.encoders.alignment import align, detect
from mmreg.figures.learning import Curve
from mmreg.figures.scale import hours_by_speed
from mmreg.figures.source import quote, show_source, stamp
from mmreg.profiles import FULL, PAPER
from mmreg.results import Data, Provenance, read_result, write_result

encoder = load_encoder(FULL.encoder)
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
benchmark = read_result("../results/benchmarks/training.json")
provenance = Provenance(
    [
        Data("results/benchmarks/training.json, a training step timed on a quiet machine", 1),
        Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
    ],
    {"name": profile, "timed": "detection and encoding, on the machine that ran this page"},
    seed,
)

# a step's cost by its parts, from the benchmark
render_ms = benchmark["ms_render"] / (benchmark["rendered_predictions"] + benchmark["synthetic_faces"])
encode_prediction_ms = benchmark["ms_encode_predictions"] / benchmark["rendered_predictions"]  # from both sides
encode_synthetic_ms = benchmark["ms_encode_synthetic"] / benchmark["synthetic_faces"]  # from both sides
read_ms = (benchmark["ms_regress"] + benchmark["ms_data"]) / (
    benchmark["distribution_photos"] + benchmark["rendered_predictions"] + benchmark["synthetic_faces"]
)


def step_ms(profile):
    """A step of stage two on the benchmark's machine, by what it does."""
    predictions = profile.photos_per_step * profile.views_per_photo
    sides = 2 if load_encoder(profile.encoder).both_sides else 1
    prediction_sides = sides if profile.predictions_both_sides else 1
    read = profile.distribution_photos + profile.photos_per_step + predictions + profile.synthetic_per_step
    return (
        predictions * (render_ms + encode_prediction_ms * prediction_sides / 2)
        + profile.synthetic_per_step * (render_ms + encode_synthetic_ms * sides / 2)
        + read * read_ms
    )


def hours(profile):
    """Stage two on the benchmark's machine."""
    return profile.stage_two_steps * step_ms(profile) / 3.6e6


speeds = np.array([1.0, 3.0, 10.0, 30.0, 100.0])

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Hours of stage two, by how many times faster than the benchmark's two cores the machine is. The left end is measured, by the arithmetic below; everything to its right is division. Where a GPU lies on this axis isn't measured here.", "name": "fig-hours"}, "image": {"alt": "Two falling lines on logarithmic axes, of hours over speed, one for the full profile and one for the paper's, the latter some hundreds of times higher."}}
figure = hours_by_speed(
    [Curve(name, speeds, hours(p) / speeds, None, None) for name, p in (("full", FULL), ("paper", PAPER))],
    f"speed, in units of the benchmark's machine ({benchmark['provenance']['machine']})",
)

# %% [markdown]
# After this chapter you can say before you start what a training on your photographs will take, and run it on several devices or machines. Reading
# takes about ten minutes; the code runs in half a minute.
#
# ## Disk: what is kept of a photograph
#
# A photograph is read once. What stays is what the encoder said of it, in numbers of 16 bits, the colour of the cheeks, and a name. We write a store
# and look at its size:

# %%
count = 4096
folder, kept, in_memory = Path(tempfile.mkdtemp()), {}, {}
for name in ("dlib-layers", "dlib"):  # what `full` reads, and the last features alone
    store = photo_like_features(count, seed, load_encoder(name))
    store.save(folder / f"{name}.npz")
    kept[name] = (folder / f"{name}.npz").stat().st_size / count
    in_memory[name] = sum(array.nbytes for array in (store.features, store.embedding, store.skin)) / count
    print(f"{name}: {kept[name]:.0f} bytes a face on disk, {in_memory[name]:.0f} in memory")

# %% tags=["hide-input"]
SETS = {  # photographs, people; as their publishers say
    "LFW": (13_233, 5_749),
    "FFHQ": (70_000, None),
    "CelebA": (202_599, 10_177),
    "CASIA-WebFace": (494_414, 10_575),
    "VGGFace2": (3_310_000, 9_131),
}
path_bytes = 4 * 60  # a name's characters take four bytes each, and the longest name decides


def search_seconds(scale):
    """Finding, aligning and encoding the face of a portrait, enlarged by a whole number; the best of three."""
    photo = np.repeat(np.repeat(astronaut(), scale, 0), scale, 1).astype(np.float32) / 255.0
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        encoder.predict(align(photo, detect(photo)[0].points, encoder)[None])
        best = min(best, time.perf_counter() - start)
    return best


small = search_seconds(1)
numbers = {
    "bytes_on_disk": kept["dlib-layers"],
    "bytes_in_memory": in_memory["dlib-layers"],
    "bytes_on_disk_of_the_last_features": kept["dlib"],
    "seconds_a_photograph": small,
    "step_ms_full": step_ms(FULL),
    "step_ms_paper": step_ms(PAPER),
    "hours_full": hours(FULL),
    "hours_paper": hours(PAPER),
}
quote(
    numbers
    | {"cores": cores, "ms_measured": benchmark["ms_step"], "pictures_per_second": benchmark["pictures_per_second"]}
)
rows = [
    f"| {name} | {photographs:,} | {f'{people:,}' if people else '?'} | {photographs * (kept['dlib-layers'] + path_bytes) / 1e9:.2f} "
    f"| {photographs * in_memory['dlib-layers'] / 1e9:.2f} | {photographs * (kept['dlib'] + path_bytes) / 1e9:.2f} "
    f"| {photographs * in_memory['dlib'] / 1e9:.2f} | {photographs * small / 3600:.1f} |"
    for name, (photographs, people) in SETS.items()
]
Markdown(
    "\n".join(
        [
            "| | photographs | people | disk, GB | memory, GB | disk, `dlib` | memory, `dlib` | hours of encoding, one process |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )
)

# %% [markdown]
# Disk counts 240 bytes for the name of each photograph besides. Memory is what training holds of them; while a folder of shards is read, twice that
# is needed for a moment. The profile `full` reads a recogniser's middle layer as well, and pays for it here; with the last features alone (`--encoder dlib`) some 16 GB do for
# all of VGGFace2. The last column is measured here, on a machine with other work to do perhaps:
# {glue:text}`seconds_a_photograph:.2f` seconds to find, align and encode the face in a photograph of 512 × 512 pixels, nearly all of it for
# *finding*, which grows with the number of pixels: shrink photographs to 500 pixels or so before, and use all cores.
#
# ## How to bring them
#
# None of these sets may be passed on, so each is to be had from its publisher, under its terms, which mostly means research:
#
# - **CelebA** {cite}`liu2015`: `img_align_celeba` from its page at the Chinese University of Hong Kong, 178 × 218 pixels, faces aligned already.
# - **FFHQ** {cite}`karras2019`: the 1024 × 1024 pictures from NVIDIA's `ffhq-dataset` repository; shrink them to 512.
# - **CASIA-WebFace** {cite}`yi2014`, **VGGFace2** {cite}`cao2018`: no longer offered by those who made them; copies in circulation may lack consent
#   and terms. VGG-Face {cite}`parkhi2015` is a list of addresses, most of which are dead.
#
# Any folder of pictures will do, with whatever folders in it. Encoding goes in shards: kill it, call it again, and it goes on.
#
# ```bash
# mmreg data encode ~/celeba/img_align_celeba --out celeba     # a folder: shards stay apart
# mmreg train --profile full --photos celeba --out runs/celeba --resume
# ```
#
# ## Time: from a measured step
#
# A step of the profile `full`, measured on a quiet machine with two cores, takes **{glue:text}`ms_measured:.0f` ms**,
# {glue:text}`pictures_per_second:.0f` pictures a second. By its parts:

# %% tags=["hide-input"]
parts = [
    ("rendering, with its derivative", render_ms, "every picture"),
    ("encoding a prediction from both sides, with its derivative", encode_prediction_ms, "photographs × views"),
    ("encoding a synthetic face, from both sides", encode_synthetic_ms, "synthetic faces"),
    ("reading features, losses, the regressor's derivative", read_ms, "every reading"),
]
rows = [f"| {name} | {value:.2f} | {times} |" for name, value, times in parts]
Markdown("\n".join(["| | ms each | how many |", "|---|---|---|", *rows]))

# %% [markdown]
# So a step with $P$ photographs in $V$ views, $S$ synthetic faces and $D$ extra readings costs
#
# $$
# t = PV\,(r + e) + S\,(r + e_S) + (D + P + PV + S)\,q
# $$
#
# ($e$ and $e_S$ half as much where the encoder looks from one side, as `paper`'s does), and the two long profiles:

# %% tags=["hide-input"]
rows = []
for p in (FULL, PAPER):
    pictures = p.photos_per_step * p.views_per_photo + p.synthetic_per_step
    rows.append(f"| `{p.name}` | {p.stage_two_steps:,} | {pictures} | {step_ms(p):,.0f} | {hours(p):,.1f} |")
Markdown(
    "\n".join(["| profile | steps | pictures a step | ms a step | hours, two cores |", "|---|---|---|---|---|", *rows])
)

# %% [markdown]
# `paper` is our guess at the paper's setting, which doesn't state batch or steps. On two cores it would take {glue:text}`hours_paper:,.0f` hours: a
# matter for a GPU.
#
# ## Money: an estimate, and how uncertain it is
#
# **No GPU was at hand for this book, and nothing on one has been measured.** What can be said: of the arithmetic in a step, the encoder's is known exactly.


# %%
def multiplications(network):
    """Multiply-adds of a network's convolutions and linear layers for one picture."""
    total = 0
    for layer in network.layers:
        inner = getattr(layer, "layers", None)
        if inner:
            total += multiplications(layer)
        elif hasattr(layer, "kernel"):
            places = np.prod(layer.output.shape[1:-1]) if len(layer.output.shape) == 4 else 1
            total += int(np.prod(layer.kernel.shape) * places)
    return total


forward = 2 * multiplications(load_encoder("dlib").network)  # operations
# the derivative costs about as much again; synthetic faces have none, but two sides
per_step = FULL.photos_per_step * 2 * forward + FULL.synthetic_per_step * 2 * forward
sustained = per_step / (benchmark["ms_encode"] / 1e3)
print(
    f"{forward / 1e9:.2f} billion operations a picture; the benchmark sustained {sustained / 1e9:.0f} billion a second"
)

# %% tags=["hide-input"]
numbers |= {"operations_forward": forward, "operations_sustained": sustained}
rows = []
for speed in (10, 30, 100):
    time_full, time_paper = hours(FULL) / speed, hours(PAPER) / speed
    rows.append(
        f"| {speed} × | {sustained * speed / 1e12:.1f} | {60 * time_full:.1f} min | {time_paper:,.1f} h | {time_paper:,.0f} to {4 * time_paper:,.0f} |"
    )
quote({"sustained": sustained / 1e9})
Markdown(
    "\n".join(
        [
            "| if the machine is | it sustains, Tflop/s | `full` | `paper` | `paper`, at 1 to 4 dollars an hour |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )
)

# %% [markdown]
# Two cores sustain {glue:text}`sustained:.0f` Gflop/s in small convolutions. A data centre's GPU has tens of Tflop/s on paper in 32 bits, and uses a
# part of it on pictures as small as these; 30 to 100 times the two cores is plausible for the encoder. *For the renderer it is unknown*: on a GPU it
# runs as `keras.ops`, compiled by XLA, whose cost lies in gathering and sorting and not in multiplying. If that were only 5 times faster, it would be
# most of a step. So take the table as a range of an order of magnitude, time a hundred steps (`python -m benchmarks.training`), and multiply. Prices
# are those commonly asked for a rented GPU; put in yours.
#
# ## Several devices
#
# ```bash
# KERAS_BACKEND=jax mmreg train --profile paper --photos celeba --devices 4
# ```
#
# The pictures of a step are shared out, and the regressor and the losses see the whole batch. That matters: batch distribution over each device's own few
# photographs would be another loss.

# %%
from mmreg.devices import shared_out

show_source(shared_out)

# %% tags=["hide-input"]
alone = benchmark["shares"]["regress"] + benchmark["shares"]["data"]
devices = (1, 2, 4, 8)
gain = {n: 1 / (alone + (1 - alone) / n) for n in devices}
numbers["gain_at_best"] = gain
quote({"share_alone": 100 * alone, "gain_4": gain[4]})
Markdown(
    "\n".join(
        [
            "| devices | " + " | ".join(map(str, devices)) + " |",
            "|---" * (len(devices) + 1) + "|",
            "| at best, times as fast | " + " | ".join(f"{g:.1f}" for g in gain.values()) + " |",
        ]
    )
)

# %% [markdown]
# {glue:text}`share_alone:.0f` % of the benchmark's step isn't shared out, which bounds what devices can gain (Amdahl's law): four are at best
# {glue:text}`gain_4:.1f` times as fast. Tests hold a step on two devices to the same losses and weights as on one; that was done with two virtual
# processors, and *how much is gained on GPUs isn't measured*.
#
# ## Several machines
#
# Training runs don't wait for each other: an ablation a machine is the easiest parallelism there is. The workflow knows each rule's threads, memory
# and minutes, so that a cluster can be told:
#
# ```bash
# make ablations PHOTOS=celeba PROFILE=full                                     # one machine
# snakemake --executor slurm --jobs 12 ablations --config photos=celeba profile=full
# ```
#
# The second line needs Snakemake's plugin for your cluster (`snakemake-executor-plugin-slurm`, or another from its catalogue; none is among this
# project's packages) and a file system that all machines see. Whatever was killed goes on behind its last checkpoint. Photographs are encoded on
# several machines by giving each a part of the folders; the second exercise joins the stores.
#
# ## What the paper did, and we did differently
#
# The paper states neither the number of photographs nor steps nor machines. All of this chapter is ours.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-25-batch
#
# On your GPU a step of `full` takes 40 ms, and one with four times as many pictures and a quarter of the extra readings for each takes 70. How long
# is a picture's time, how long the rest that doesn't grow, and which batch makes the cost of a picture twice its least?
# ```
#
# ```{solution-start} ex-25-batch
# :class: dropdown
# ```

# %% tags=["solution"]
a_picture = (70 - 40) / (128 - 32)
fixed = 40 - 32 * a_picture
twice = fixed / a_picture  # n with (fixed + n a) / n = 2 a
assert np.isclose((fixed + twice * a_picture) / twice, 2 * a_picture)
print(f"{a_picture:.2f} ms a picture, {fixed:.0f} ms besides; {twice:.0f} pictures")

# %% [markdown]
# Small batches leave a GPU waiting: with fewer than that, most of the time isn't spent on pictures.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-25-join
#
# Two machines have encoded half of the photographs each. Join their stores, and refuse two that were written with different weights.
# ```
#
# ```{solution-start} ex-25-join
# :class: dropdown
# ```


# %% tags=["solution"]
def joined(stores):
    """One store of all faces, in order."""
    assert len({s.encoder_checksum for s in stores}) == 1, "these were written with different weights"
    arrays = [np.concatenate([getattr(s, name) for s in stores]) for name in ("features", "embedding", "skin")]
    names = tuple(name for s in stores for name in s.names)
    return FeatureStore(*arrays, names, stores[0].encoder_checksum, stores[0].source, any(s.stand_in for s in stores))


half = count // 2
both = joined([store.select(np.arange(half)), store.select(np.arange(half, count))])
assert len(both) == count
assert np.array_equal(both.features, store.features)
joined([both, store]).save(folder / "joined.npz")
assert len(FeatureStore.load(folder / "joined.npz", store.encoder_checksum)) == 2 * count
print(f"{len(both):,} faces")

# %% [markdown]
# The checksum of the weights travels with every store for this reason: features of two networks may be equally many numbers, and mean nothing to each other.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/25_at_scale.json", numbers, provenance)
stamp(provenance)
