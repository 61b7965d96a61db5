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
# # A photograph, reconstructed
#
# Everything is in place: a face space, a renderer, a recogniser, and a regressor that has learnt to go from one to the other.
# **What does it make of a real person?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import numpy as np
import trimesh
from IPython.display import Markdown
from skimage.data import astronaut, chelsea

from mmreg.data.sets import open_photos
from mmreg.data.synthetic import studio_scene
from mmreg.encoders import centred_unit, cosine
from mmreg.encoders.alignment import align, detect
from mmreg.face import Coefficients
from mmreg.figures.faces import grid
from mmreg.figures.learning import framed_photograph, plaster_portrait
from mmreg.figures.qualitative import portrayed, qualitative_sheet
from mmreg.figures.source import note_other_model, show_source, stamp
from mmreg.figures.style import save
from mmreg.reconstruct import Reconstructor
from mmreg.results import Data, Provenance, read_result, write_result
from mmreg.studio import Studio

run = Path(f"../results/{profile}/run")
weights = None if model_name == "open" else run / "regressor.npz"  # None: the project's reference, for the open model
photo = astronaut().astype(np.float32) / 255.0
SHEET = 24
strangers = open_photos("mofa_test", people=40, seed=seed)  # the paper's, if MMREG_DATA holds it
provenance = Provenance(
    [
        Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
        Data(f"{strangers.name}, for the sheet", SHEET - 1, strangers.checksum, strangers.stand_in),
    ],
    {"name": profile},
    seed,
)

# %%
reconstructor = Reconstructor.load(model_name, weights)
reconstruction = reconstructor.reconstruct(photo)[0]

# %% tags=["remove-input"]
note_other_model(
    model_name,
    reconstructor.model,
    "The project's reference regressor belongs to the open model. For this one there is only the regressor that this book "
    "trained on your machine in a few dozen steps, and every picture here is its work: expect no likeness yet.",
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The portrait of the astronaut Eileen Collins (NASA, 1992), and her face as the reference regressor predicts it from one look at the photograph, from the front and turned to either side.", "name": "fig-reconstruction"}, "image": {"alt": "Four pictures side by side: the photograph's face, the reconstructed face from the front, turned to her right, and turned to her left."}}
model, encoder = reconstructor.model, reconstructor.encoder
upright = framed_photograph(photo, reconstruction.detection.points, encoder, 384)
views = [reconstructor.portrait(reconstruction.coefficients, yaw, 384)[0] for yaw in (0.0, -35.0, 35.0)]
hero = grid(
    [[upright, *views]], column_labels=["photograph", "reconstruction", "turned right", "turned left"], width=10.0
)

# %% tags=["remove-cell"]
# the README's picture is renewed by the full profile alone, so that a quick build changes no committed file
if profile == "full" and model_name == "open":
    save(hero, "../results/figures/reconstruction.png")

# %% [markdown]
# Two lines of code stand behind this picture; this page takes them apart, compares, writes the face to a file, and says what
# not to believe. After it you can do the same with a photograph of yours. Reading takes about ten minutes; the code runs in
# under one.
#
# ## Four steps
#
# Detect, align, encode, regress. The first three are the chapter on [the recogniser](06_recogniser); the fourth is a matter of a
# millisecond. There is no optimisation here and no rendering: all the comparing of pictures was done in training.

# %%
show_source(Reconstructor.reconstruct)

# %%
show_source(Reconstructor.predict)

# %% [markdown]
# ## Two regressors and nobody
#
# The reference regressor comes with the project: it was trained once, with the profile `full` as it was then, on encodings of 8,128 photographs. The other was
# trained on this machine a moment ago, in [stage one](07_stage_one) and [stage two](08_stage_two), on a stand-in and for a few dozen steps.
# And the face to beat is nobody's: the mean of the model, which is what one gets without looking.

# %%
here = Reconstructor.load(model_name, run / "regressor.npz")
chip = reconstruction.chip[None]
faces = {"reference": reconstruction.coefficients} if model_name == "open" else {}
faces |= {"trained here": here.predict(chip), "mean face": Coefficients.neutral(model)}

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One photograph, three answers: from the front, turned, and the shape alone in plaster grey, where no colour can feign a nose. Compare every row with the last before you credit it with anything.", "name": "fig-answers"}, "image": {"alt": "A grid with three rows, reference regressor, regressor trained here, and mean face, each shown from the front, turned to the side, and as grey shape from the front and from the side."}}
rows = [
    [
        *(reconstructor.portrait(face, yaw, 256)[0] for yaw in (0.0, 35.0)),
        *(plaster_portrait(model, face.shape, encoder, yaw, 256)[0] for yaw in (0.0, 35.0)),
    ]
    for face in faces.values()
]
figure = grid(rows, row_labels=list(faces), column_labels=["front", "turned", "shape alone", "turned"])

# %% [markdown]
# The second row is what a few dozen steps give: a face that has left the average and hasn't arrived anywhere. [Stage two](08_stage_two) explains
# why it looks as it does, and `mmreg train --profile full` is the way on from there.
#
# ## How like her are they?
#
# We can ask the recogniser: render each face from the front and compare its embedding with the photograph's, each centred in its own
# domain. But this is the network whose approval the regressor was trained to win. It is the defendant's friend, and **no judge**. What it says is worth
# something as a comparison with the mean face, and as a check that everything is wired correctly.

# %%
statistics = reconstructor.loaded.regressor.statistics
photograph_code = centred_unit(encoder.predict(chip).embedding, statistics["photograph"].embedding_mean)
studio = Studio(model, encoder)


def likeness(face):
    """Centred cosine of the photograph and of frontal renderings of the faces, by the network in the loss."""
    embedding = studio.encode_many(face, studio_scene(len(face.shape))).embedding
    return np.asarray(cosine(photograph_code, centred_unit(embedding, statistics["rendering"].embedding_mean)))


three = Coefficients(
    *(np.concatenate([getattr(face, part) for face in faces.values()]) for part in ("shape", "albedo"))
)
similarity = dict(zip(faces, likeness(three).tolist(), strict=True))

# %% tags=["hide-input"]
sizes = {name: np.sqrt((face.shape**2).mean()) for name, face in faces.items()}
moved = {
    name: np.linalg.norm(
        (np.asarray(model.positions(face.shape))[0] - model.mean_positions())[model.face_region], axis=1
    ).mean()
    for name, face in faces.items()
}
numbers = {"similarity_by_the_network_in_the_loss": similarity, "shape_rms": sizes, "moved_mm": moved}
lines = [f"| {name} | {similarity[name]:.2f} | {sizes[name]:.2f} | {moved[name]:.1f} mm |" for name in faces]
Markdown(
    "\n".join(["| | centred cosine | size of $s$ | mean distance from the mean face |", "|---|---|---|---|", *lines])
)

# %% [markdown]
# The size is the root mean square of the shape coefficients: 1 for a typical person of the model's population, 0 for its mean. What *other*
# networks say of the reference regressor, over many people, stands in `results/reference/summary.json`:

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
    text = "\n".join(
        [f"| measured of the reference regressor{' by ' + judges if judges else ''} | |", "|---|---|", *lines]
    )
else:
    text = "*No measurement of the reference regressor is there yet.*"
Markdown(text)

# %% [markdown]
# ## A face that can be held
#
# Pictures are one view of the result. The result is a surface: vertices in millimetres, triangles, a colour at every vertex. It is written as `.glb`,
# which every 3D viewer opens, and as `.obj`, which every 3D program does; `coefficients.json` keeps the point in the face space,
# with the names of the model and of the weights that it belongs to.

# %%
with tempfile.TemporaryDirectory() as folder:
    reconstructor.save(reconstruction, Path(folder), "astronaut")
    written = {file.name: file.stat().st_size / 1e6 for file in sorted(Path(folder).iterdir())}
    opened = {name: trimesh.load(Path(folder) / name, process=False, force="mesh") for name in ("face.glb", "face.obj")}

for name, mesh in opened.items():
    print(
        f"{name}: {written[name]:.1f} MB, {len(mesh.vertices):,} vertices, {len(mesh.faces):,} triangles, "
        f"{np.ptp(mesh.vertices, axis=0).round(3)} wide, high, deep"
    )
    assert len(mesh.vertices) == model.vertex_count

# %% [markdown]
# The `.glb` is in metres, as its standard asks; the `.obj` in millimetres. Both hold every vertex of the model in the model's
# order, so any two faces correspond point by point.
#
# ## Your own photograph
#
# ```bash
# mmreg reconstruct portrait.jpg --out faces/
# mmreg reconstruct portrait.jpg --weights results/quick/run/regressor.npz --out faces-by-mine/
# ```
#
# The first line uses the reference regressor, the second the one that this book trained on your machine. Each face in the
# picture gets a folder with the three files above, the panel from the top of this page, and a frontal picture. A large, frontal, evenly lit face
# works best. Nothing leaves your machine.
#
# ## Break it: show it a cat
#
# The detector knows what a face is and finds none in this picture. But the detector is a separate hand. Cut a chip from the cat all the same and give
# it to the regressor.

# %%
cat = np.pad(chelsea().astype(np.float32) / 255.0, ((150, 150), (150, 150), (0, 0)), mode="edge")
assert detect(cat) == []
eyes_nose = np.array([[490, 278], [447, 298], [286, 262], [356, 278], [415, 400]], np.float32)
cat_chip = align(cat, eyes_nose, encoder)
cat_face = reconstructor.predict(cat_chip[None])

# %% tags=["hide-input"] mystnb={"figure": {"caption": "A cat, its eyes and nose put by hand where a person's would be (the picture's border is drawn out below it), and the person that the regressor reports. It has 398 outputs and none of them says 'this is no face'.", "name": "fig-cat"}, "image": {"alt": "Two pictures: the face of a cat, and a rendered human face that the regressor predicts from it."}}
figure = grid(
    [[cat_chip, reconstructor.portrait(cat_face, 0.0, 150)[0]]],
    column_labels=["given", "reported"],
    width=4.4,
)

# %% [markdown]
# A regressor always answers. It gives no measure of its doubt; where it has nothing to go by, it drifts towards people who please the losses. Keep
# that in mind with a blurred, covered or strongly turned face, where the answer looks just as confident.
#
# ## What is missing in the portrait
#
# Look at the first figure again. The smile is gone, or has become full lips: expression is zero by design, and a mouth that smiled in the photograph must be explained
# by the shape of a neutral one. So is the hair: the model has none. The skin is the recogniser's idea of it, which cares little, as the exercise about
# the grey photograph [showed](06_recogniser). And the depth of the profile rests on what people with such features look like on average, in the model's
# population, since one frontal photograph doesn't show it.
#
# ## Twenty-four on a sheet
#
# The paper's figure of this kind shows photograph after photograph, each beside the faces that several methods made of it. One lucky face convinces nobody, a sheet does, or doesn't. Its photographs, MoFA-Test, are passed on
# privately; with a folder of your own, `mmreg sheet FOLDER --out sheets/` draws the like. Where `MMREG_DATA`
# holds MoFA-Test they are here, beside the astronaut; elsewhere people who don't exist, from the stand-in that takes their place in the experiments: beyond the model's span, with hair
# and clothes, in all kinds of light.

# %%
first_photos = {photo.person or photo.name: photo for photo in reversed(strangers.photos)}  # one of each person's
subjects = [portrayed(reconstructor, photo)]
for stranger in sorted(first_photos.values(), key=lambda p: p.name):
    subject = portrayed(reconstructor, stranger.read(), domain=strangers.read_as)
    if subject is not None:
        subjects.append(subject)
    if len(subjects) == SHEET:
        break

print(f"Beside the astronaut: {len(subjects) - 1} people of {strangers.name}")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The astronaut (top left; NASA, public domain) and the people named above the sheet, in the paper's layout: photograph, our face from the front, and turned by 40°. The paper's columns for other methods (Tran et al., MoFA, MoFA with expression, Sela et al.) are missing: their results on these pictures aren't to be had. Look for sex, age and the face's outline, which mostly come out; for skin, which follows the light; then for lips, noses and brows, which often don't.", "name": "fig-sheet"}, "image": {"alt": "A sheet of photographs of faces, two people to a row, each followed by two renderings of the reconstructed face, from the front and turned."}}
figure = qualitative_sheet(reconstructor, subjects, size=128)

# %% [markdown]
# The stand-ins are rendered, and read as renderings; a photograph has skin, lenses and hair that they lack. They show what the regressor does with people it can't express, not what it does with photographs.
#
# ## What the paper did, and we did differently
#
# {cite:t}`genova2018` reconstruct with FaceNet's features and the Basel Face Model, and show the MoFA test photographs {cite}`tewari2017`, which aren't
# for redistribution. We show one portrait that everybody may see and a sheet of stand-ins, with an open face model and dlib's recogniser. Expression is zero at prediction in both.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-14-mirror
#
# Mirror the photograph. Which part of the reconstruction should stay, and does it?
# ```
#
# ```{solution-start} ex-14-mirror
# :class: dropdown
# ```

# %% tags=["solution"]
mirrored = reconstructor.reconstruct(photo[:, ::-1])[0].coefficients
agreement = np.corrcoef(mirrored.shape[0], reconstruction.coefficients.shape[0])[0, 1]
assert agreement > 0.6 or model_name != "open"
print(f"correlation of the two faces' shape coefficients: {agreement:.2f}")

# %% [markdown]
# Nearly all of it, and the reference has no choice: it reads what the recogniser says of the picture and of its mirror image, and their mean
# ([the recogniser](06_recogniser)). What differs is where the five points were found. What is asymmetric in a face is lost on this method.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-14-caricature
#
# Walk from the mean face through the reconstruction and beyond, $\alpha\,(s', t')$ for $\alpha$ from 0 to 2. For which $\alpha$ does the recogniser find
# the likeness greatest?
# ```
#
# ```{solution-start} ex-14-caricature
# :class: dropdown
# ```

# %% tags=["solution"]
alphas = np.linspace(0.0, 2.0, 9, dtype=np.float32)[:, None]
walk = Coefficients(
    *(alphas * part for part in (reconstruction.coefficients.shape, reconstruction.coefficients.albedo))
)
along = likeness(walk)
assert along.argmax() > 0 or model_name != "open"
print({float(a): round(float(c), 2) for a, c in zip(alphas[:, 0], along, strict=True)})

# %% [markdown]
# Below 1 the prediction overshoots what this recogniser takes for her; beyond 1 it would rather have a caricature. Either way the curve is flat
# around its top: half the way or twice the way from the mean, she is still herself to the network. A likeness alone doesn't fix how far a
# face is from the average; this is left to batch distribution, which knows only populations.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/14_photograph.json", numbers | {"mirror_correlation": agreement}, provenance)
stamp(provenance)
