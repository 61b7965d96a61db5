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
# # Faces that no camera took
#
# Painters and draughtsmen made portraits long before there was a photograph to learn from. **Does the regressor see a person in a
# painting, a drawing, a print; and is it the person who sat for it?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from itertools import islice
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from mmreg.data.sets import open_photos
from mmreg.evaluation.ranks import chance, rank_people
from mmreg.experiments import art
from mmreg.experiments.base import of_set
from mmreg.face import Coefficients
from mmreg.figures.faces import grid
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.figures.qualitative import portrayed, qualitative_sheet
from mmreg.figures.stress import style_bars, style_sheet
from mmreg.reconstruct import Reconstructor
from mmreg.results import Provenance, read_result, write_result

people = {"quick": 4, "short": 4}.get(profile, 24)
weights = (
    None if model_name == "open" else Path(f"../results/{profile}/run/regressor.npz")
)  # None: the project's reference
reconstructor = Reconstructor.load(model_name, weights)
photos = open_photos("art", people=people, seed=seed)
provenance = Provenance([of_set(photos)], {"name": profile}, seed)
note_other_model(
    model_name,
    reconstructor.model,
    "There is only the regressor that this book trained on your machine; expect no likeness from it, in art or out of it.",
)

# %%
result = art.run(reconstructor, photos, seed=seed, progress=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Two people, the first of the set and the one whose face is found most often, each as a photograph and in four styles, and the faces that come of them in the book's light. A gap is a picture in which the detector found no face (of a folder of portraits without photographs beside them, the first twelve with a face, and what they give). Compare each answer with the one under the photograph: pencil keeps most, the newspaper's dots next to nothing.", "name": "fig-art"}, "image": {"alt": "Four rows: a person's portraits as photograph, painting, pencil drawing, poster and halftone print, where a face was found; below each the reconstructed face; then the same of another person."}}
if "rows" in result.arrays:
    figure = style_sheet(reconstructor, result.arrays)
else:  # portraits of whom nothing else is known
    portraits = (portrayed(reconstructor, photo.read(), domain=photos.read_as) for photo in photos.photos)
    shown = list(islice((portrait for portrait in portraits if portrait is not None), 12))
    figure = qualitative_sheet(reconstructor, shown, size=128) if shown else None

# %% [markdown]
# After this chapter you can run the regressor over a folder of portraits, and know what to trust in the result: that a face was found, that a plausible person came out, and that it is the right
# person are three different things. Reading takes about eight minutes; the code runs in about one.
#
# ## What the paper shows
#
# {cite:t}`genova2018` took portraits from the Behance Artistic Media dataset (BAM) {cite}`wilber2017`: paint, comics, pencil, 3D graphics. They show that plausible faces come out, "even though" neither network
# was trained on art. BAM is no longer to be had. You can bring portraits of your own: a folder for each style below `MMREG_DATA/art`; museums give away scans of theirs.
#
# But plausible is a low bar: the mean face is plausible. Whether a portrait's face is *the sitter's* can only be asked where there is a photograph of the sitter too. So the stand-in of this page works the other way round: it starts
# from pictures of people who don't exist, and makes a painting, a drawing, a poster and a newspaper print of each, by filters. That is easier than art, since no filter exaggerates a nose; and harder than the training, since nothing in it ever
# looked like this.
#
# ## Three questions
#
# **Is a face found?** The detector was trained on photographs. **Does the face stay?** Its drift from the face of the photograph, as in [the last chapter](18_stress), against the distance of two people. **Is it
# recognised?** We render the face, and ask a network whose *photograph* is nearest. By chance, one of {glue:text}`people`.

# %%
show_source(rank_people)

# %% tags=["hide-input"]
numbers = result.numbers
recorded = Path("../results/experiments/art.json")
record = read_result(recorded) if recorded.exists() else numbers
quote(
    {
        "people": people,
        "record_people": record["pictures"].get("photograph", 0),
        "record_data": record["provenance"]["data"][0]["name"] if recorded.exists() else photos.name,
        "record_network": record["recognised_by"]["network"],
    }
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "This page's own few people, seen by the network in the loss, which is no judge. Left, how often a face is found; middle, how often the right photograph is nearest to the reconstruction, with the bootstrap's 95 % over people, dotted: by chance; right, the drift of the mesh, with its quartiles, dotted: somebody else. Over four people, intervals are as wide as the axis.", "name": "fig-art-quick"}, "image": {"alt": "Three panels of horizontal bars for photograph, painting, pencil, poster and halftone: share of faces found, share recognised with long whiskers, and drift."}}
figure = style_bars(numbers)

# %% [markdown]
# The project's record is of {glue:text}`record_people` people ({glue:text}`record_data`), recognised by {glue:text}`record_network`, made by `mmreg evaluate art --size full --judge FILE`:

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The record, read as the figure before, recognised by a network that the training never asked.", "name": "fig-art-full"}, "image": {"alt": "Three panels of horizontal bars by style over more people. Faces are found in most pictures of every style; recognition is highest for the photograph and next to nothing for halftone, with painting, pencil and poster between."}}
figure = style_bars(record)

# %% tags=["hide-input"]
lines = []
for style, found in record.get("recognition", {}).items():
    if found is None:
        continue
    itself = f"{found['picture_itself_top_1']:.2f}" if "picture_itself_top_1" in found else "—"
    lines.append(
        f"| {style} | {record['face_found'][style]:.2f} | {found['people']} | {found['top_1']:.2f} | {itself} "
        f"| {found['cosine_to_the_photographs_face']['median']:.2f} | {found['mesh_mm']['median']:.1f} mm |"
    )
head = "| style | faces found | people | reconstruction recognised | picture itself recognised | cosine to the photograph's face | mesh, median |"
Markdown("\n".join([head, "|---|---|---|---|---|---|---|", *lines]))

# %% [markdown]
# The column "picture itself" is what the judge makes of the artwork without any reconstruction: the ceiling, in a way. Where it is low, as for the newspaper's dots, the recogniser is blind and the regressor can't do better than what it is told. Where it is
# high and the reconstruction's is not, as for paintings, drawings and posters alike, the loss is ours: the picture is found and looked at, and then its flat patches
# and strokes, we suppose, are read as traits, or not read at all (the first exercise tells which).
#
# ## Portraits that hang in museums
#
# Filters aren't art. So we gave the regressor a folder of works that museums have put in the public domain, most of them no portraits at all, as whoever downloads
# a collection would: no photographs of the sitters, so nobody can say whether it is they. What can be said:

# %% tags=["hide-input"]
museum_path = Path("../results/experiments/museum/art.json")
if museum_path.exists() and model_name == "open":
    museum = read_result(museum_path)
    works, share = museum["pictures"]["art"], museum["face_found"]["art"]
    from_mean, usual = museum["from_the_mean_face"]["art"], record["from_the_mean_face"].get("photograph")
    text = (
        f"Of {works} works the detector finds a face in {round(works * share)}. The faces that come out lie {from_mean['mesh_mm']:.1f} mm from the mean face in the median, "
        f"{from_mean['shape_deviations']:.2f} deviations in a coefficient"
        + (
            f" (the stand-in's photographs, read as renderings: {usual['mesh_mm']:.1f} mm, {usual['shape_deviations']:.2f})"
            if usual
            else ""
        )
        + ". They are far from the average; who sat for them, this can't tell."
    )
else:
    text = "*There is no record of museums' works for this model.*"
Markdown(text)

# %% [markdown]
# ## Break it: how plausible is plausible?
#
# Would anybody have noticed? Here are the answers to one person's five pictures without their pictures. All are decent faces.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Which of these are one person's? All of them were made from portraits of the same. A face that looks right says nothing about whether it is.", "name": "fig-art-blind"}, "image": {"alt": "A row of reconstructed faces that look like different people."}}
if "rows" in result.arrays:
    rows = [row for row in result.arrays["rows"][np.argmax((result.arrays["rows"] >= 0).sum(axis=1))] if row >= 0]
    faces = Coefficients(result.arrays["shape"][rows], result.arrays["albedo"][rows])
    figure = grid([list(reconstructor.portrait(faces, 0.0, 180))])

# %% [markdown]
# ## What the paper did, and we did differently
#
# The paper shows art, and faces that go with it, and claims no more than that they are plausible. We have no BAM; the stand-in's styles are filters over rendered people, read as renderings. That a face is found, that it stays and that it is recognised
# are our questions.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-19-mean
#
# A timid regressor answers with the mean face where it doesn't understand. Is that what happens with the styles that aren't recognised?
# ```
#
# ```{solution-start} ex-19-mean
# :class: dropdown
# ```

# %% tags=["solution"]
distances = {style: found["mesh_mm"] for style, found in record["from_the_mean_face"].items() if found}
print({style: round(distance, 1) for style, distance in distances.items()})
assert min(distances.values()) > 0.0
assert "halftone" not in distances or distances["halftone"] < 0.8 * distances["photograph"] or model_name != "open"

# %% [markdown]
# With the newspaper's dots, largely. Paint, pencil and flat colours come out somewhat nearer to the mean face than the photographs do, but not so much: they are read, and misread. In training, synthetic faces were covered,
# blurred and compressed now and then while their targets stayed what they were ([stage two](08_stage_two)), and the best answer to a picture that says little is the
# average: that, we suppose, is where it was learnt. So an unreadable picture gives a plausible face *because* little was read. It hesitates, and doesn't say so.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-19-chance
#
# A style is recognised in one of four cases, among 24 people. Could that be luck? How many right answers of 16 would a blind judge reach once in a hundred times?
# ```
#
# ```{solution-start} ex-19-chance
# :class: dropdown
# ```

# %% tags=["solution"]
blind = chance(np.ones(24, int), 24, False, (1,))["top_1"]
right = np.random.default_rng(seed).binomial(16, blind, 100_000)
by_luck = int(np.quantile(right, 0.99))
assert by_luck < 4
print(f"a blind judge: {16 * blind:.1f} on average, {by_luck} or more once in a hundred times")

# %% [markdown]
# Four of sixteen isn't luck, then. It is little all the same: of four faces three are taken for another.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/19_art.json", numbers, provenance)
stamp(provenance)
