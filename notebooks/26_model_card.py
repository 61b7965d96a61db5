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
# # Model card: the reference regressor
#
# The weights that come with this project, `results/reference/regressor.npz`, turn a photograph into a 3D face. **What are they for, what are they not
# for, and whom do they fail?** In the form proposed by {cite:t}`mitchell2019`; every number is read from the record of a measurement.

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from mmreg.figures.ablations import length_of, probe_count, runs_by_name
from mmreg.figures.source import stamp
from mmreg.regressor import load_regressor
from mmreg.results import Data, Provenance, file_checksum, read_result, write_result

weights = Path("../results/reference/regressor.npz")
reference = read_result("../results/reference/summary.json")
summary = read_result("../results/training/summary.json")
loaded = load_regressor(weights)
made, identity = loaded.provenance, loaded.regressor.identity
run = next((r for r in summary["runs"] if r.get("checksum") == loaded.checksum), runs_by_name(summary).get("tuned", {}))
same_weights = run.get("checksum") == loaded.checksum
base = summary["baselines"]
provenance = Provenance(
    [
        Data("results/reference/regressor.npz", 1, loaded.checksum),
        Data("results/training/summary.json", len(summary["runs"]), file_checksum("../results/training/summary.json")),
    ],
    {"name": profile, "computes": "nothing anew"},
    seed,
)
data = "; ".join(
    f"{item['name']} ({item['count']:,}{', a stand-in' if item['stand_in'] else ''})" for item in made["data"]
)
settings = made["profile"]
losses = ", ".join(f"{term} {value:g}" for term, value in settings["weights"].items()).replace("_", " ")
# a run that was only finished in its last sitting was timed in an earlier one
took = f", {made['seconds'] / 60:.0f} minutes" if made["seconds"] >= 60 else ""
Markdown(
    f"""
| | |
|---|---|
| **model** | two layers of 1,024 units on {len(loaded.regressor.statistics["photograph"].feature_mean)} features, {sum(int(np.prod(w.shape)) for w in loaded.regressor.weights):,} weights, {weights.stat().st_size / 1e6:.1f} MB |
| **in** | features of one aligned face by the encoder `{identity.encoder_name}` |
| **out** | {identity.shape_count} shape and {identity.albedo_count} albedo coefficients of the face model `{identity.model_name}`; expression stays neutral |
| **trained on** | {data}, without labels, and random faces of the face model |
| **how** | profile `{settings["name"]}`: {settings["stage_one_steps"]:,} + {settings["stage_two_steps"]:,} steps, seed {made["seed"]}, on {made["machine"]}{took} |
| **weights of the losses** | {losses} |
| **population** | {settings["population"]}{", its mean fitted to the photographs" if settings.get("mean_weight", 1.0) < 1.0 else ""} |
| **licence** | Apache-2.0, as the code |
| **SHA-256** | `{loaded.checksum}` |
"""
)

# %% [markdown]
# ## Intended use
#
# To teach, to reproduce the paper, and as a start for research: a neutral 3D face that resembles a photograph in the eyes of a recogniser. Fit for it
# are upright, reasonably lit photographs with a face of 100 pixels or more.
#
# **Not** intended, and unfit: to identify or verify anybody, to infer age, sex, descent, health or character, to make a face act or say what its
# owner didn't, to decide anything about a person, or to measure a face (for glasses, masks or medicine). No photograph of a person should be put in
# without their consent.
#
# ## How well it does
#
# Judged by dlib's DenseNet, a network that was in no loss but is of the same family as the one that was, on photographs of people that no training
# saw; shape on people that the face model's generator made for it, a **stand-in** for scans, outside the model's span.

# %% tags=["hide-input"]
setting = reference["setting"]
pairs = [
    (
        "the right person's photograph comes first",
        reference["recall_top_1"],
        f"chance {reference['recall_top_1_of_chance']:.4f}",
    ),
    (
        "… its own photograph removed",
        reference["recall_top_1_own_photo_removed"],
        f"another photograph {reference['recall_top_1_of_another_photo']:.2f}",
    ),
    (
        "similarity of rendering and photograph",
        reference["similarity_to_own_photo"],
        f"photographs of one person {reference['similarity_of_photos_of_one_person']:.2f}, of two {reference['similarity_of_photos_of_two_people']:.2f}",
    ),
    (
        "error of the shape, mm",
        run.get("geometry_mm"),
        f"the mean face {base['mean_face']['geometry_mm']:.2f}, the nearest face of the model {base['nearest_in_the_model']['geometry_mm']:.2f}",
    ),
    ("order of skin tones, ρ over people", run.get("skin_tone_rho"), "1 is perfect, 0 is chance"),
]
rows = [f"| {name} | **{value:.2f}** | {beside} |" for name, value, beside in pairs if value is not None]
note = (
    ""
    if same_weights
    else "\n\n*Shape and skin tone are of the run `tuned` in `results/training`, whose weights are other ones.*"
)
Markdown(
    f"{setting['probes']:,} photographs of {setting['probe_people']:,} people, against {setting['gallery_photos']:,}.\n\n"
    + "\n".join(["| | | beside it |", "|---|---|---|", *rows])
    + note
)

# %% [markdown]
# Read with it: a regressor that is judged by networks' eyes gets good at pleasing networks. Its own encoder recognises the renderings far better than
# the judge does, which is the part that was learnt for that one network:

# %% tags=["hide-input"]
lines = ["| judge | right person first | similarity |", "|---|---|---|"]
for key, judged in reference.items():
    if key.startswith("judged by "):
        found = judged["regressor"]
        lines.append(
            f"| {key.removeprefix('judged by ')} | {found['recall']['own_photo_in_gallery']['top_1']:.2f} | {found['similarity']['own_photo']:.2f} |"
        )
Markdown("\n".join(lines))

# %% [markdown]
# ## Limits
#
# - **Neutral only.** A smile is read as a wide mouth at times; expression and pose aren't predicted.
# - **Nothing but skin.** No hair, beard, glasses, make-up, headwear; a beard darkens the skin under it. What all photographs
#   have in common beside people, a camera's contrast among it, everybody is given: the [fitted mean](09_batch_distribution).
# - **One light, one photograph.** No single picture tells bright skin in shade from dark skin in the sun. How pale people are on average isn't learnt at all: it is what is
#   known of the photographed ([whose mean](09_batch_distribution)), and other photographs show others.
# - **The model's span.** Faces are sums of what the open model holds, which was made from a procedural generator and not from scans of people.
# - **Shape is weaker than likeness.** Training with photographs improves what a network recognises, and has not lowered the error of the shape:

# %% tags=["hide-input"]
lines = ["| run | profile, steps | similarity | shape, mm |", "|---|---|---|---|"]
for one in (one for one in summary["runs"] if one["name"] in ("stage_one", "tuned_short", "tuned")):
    lines.append(
        f"| {one['what']} | {length_of(one)} | {one['similarity']:.2f} | {one['geometry_mm']:.2f} ± {one['geometry_deviation_mm']:.2f} |"
    )
Markdown("\n".join(lines))

# %% [markdown]
# ## Whom it fails
#
# The photographs are LFW's: public figures of the early 2000s in the press, by its authors' own warning few women, few children, few old people and
# few of many descents, and of dark skin. Features, means and spreads were learnt from them. The face model's people were drawn from a generator's
# idea of humankind. So the regressor is expected to do worse on those whom the photographs lack. How much worse, by groups of made-up people for whom
# the truth is known:

# %% tags=["hide-input"]
from mmreg.figures.ablations import group_table

by_groups = Path("../results/experiments/fairness.json")
if by_groups.is_file():
    text = group_table(read_result(by_groups), loaded.checksum)
else:
    text = "*No measurement by groups is in `results/experiments` yet.* Until there is one, assume that it errs, and more for those whom LFW lacks."
Markdown(text)

# %% [markdown]
# ## Data
#
# Photographs were encoded once; training read the encodings, and the weights hold no photograph. Whether a person's photograph was among them could
# perhaps be told from the weights by somebody who has it; that hasn't been tried. The list of names that it was trained on has the checksum above.
# LFW was collected without asking its people and may not be passed on; that is why the book's own pages train on draws from its statistics.
# [Licences](../licences) lists every source.

# %% tags=["hide-input"]
numbers = {"recall_top_1": reference["recall_top_1"], "same_weights": same_weights, "probes": probe_count(summary)}
write_result(f"../results/{profile}/26_model_card.json", numbers, provenance)
stamp(provenance)
