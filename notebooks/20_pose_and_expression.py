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
# # Pose and expression, from 68 points
#
# The regressor answers who somebody is, and nothing else: its face looks straight ahead and doesn't move a muscle. **Can what it leaves
# out be found afterwards, and how much of it do 68 points in a photograph show?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
import numpy as np
from IPython.display import Markdown

from mmreg.data.points import read_points
from mmreg.data.stand_ins import draw_people
from mmreg.data.synthetic import sample_scenes
from mmreg.encoders.alignment import align, detect
from mmreg.face import Coefficients
from mmreg.figures.faces import grid
from mmreg.figures.fitting import descent_curves, paired_bars, points_over_pictures, portrait_camera, posed_pictures
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.fitting import DEFAULT_FIT, LandmarkProblem, fit_landmarks, project_landmarks
from mmreg.geometry.camera import Pose
from mmreg.reconstruct import Reconstructor
from mmreg.results import Data, Provenance, write_result
from mmreg.studio import take_rows

PEOPLE = {"quick": 10, "short": 10}.get(profile, 40)
SIZE = (300, 300)
weights = None if model_name == "open" else f"../results/{profile}/run/regressor.npz"  # None: the project's reference

reconstructor = Reconstructor.load(model_name, weights)
model = reconstructor.model
provenance = Provenance(
    [Data("people for stand-ins, posed and photographed with their true landmarks", PEOPLE, stand_in=True)],
    {"name": profile},
    seed,
)
note_other_model(
    model_name,
    model,
    "The people of this page are drawn from that model, since the stand-ins' people live on the open model's mesh, and their expressions are random.",
)

# %% tags=["hide-input"]
MOVEMENTS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "open mouth": ("jawOpen",),
    "pursed lips": ("mouthPucker",),
    "raised brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "closed eyes": ("eyeBlinkLeft", "eyeBlinkRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight", "browDownLeft", "browDownRight"),
    "jaw aside": ("jawLeft",),
    "sneer": ("noseSneerLeft", "noseSneerRight"),
    "funnel": ("mouthFunnel",),
    "puffed cheeks": ("cheekPuff",),
}
NAMES = [list(MOVEMENTS)[k % len(MOVEMENTS)] for k in range(PEOPLE)]
rng = np.random.default_rng(seed)
if model_name == "open":
    people = draw_people(PEOPLE, seed)
    positions, albedos = people.positions, people.albedos
    expression = np.stack([sum(model.expression_units[unit] for unit in MOVEMENTS[name]) for name in NAMES])
else:
    drawn = Coefficients.sample(model, PEOPLE, seed)
    positions, albedos = np.asarray(model.positions(drawn.shape)), np.asarray(model.albedos(drawn.albedo))
    expression = rng.normal(size=(PEOPLE, model.expression.component_count))
expression = expression.astype(np.float32)
moved_by = np.asarray(model.expression(expression)).reshape(PEOPLE, -1, 3) - model.expression.mean.reshape(-1, 3)
pose = Pose(*(rng.normal(0.0, np.deg2rad(degrees), PEOPLE).astype(np.float32) for degrees in (22.0, 9.0, 7.0)))
camera = portrait_camera(PEOPLE, SIZE)
lights = sample_scenes(PEOPLE, seed + 1).lights
photographs = posed_pictures(model, positions + moved_by, albedos, pose, camera, SIZE, lights)
points = np.asarray(project_landmarks((positions + moved_by)[:, model.multi_pie], pose, camera, SIZE))

# %% [markdown]
# Here are people whom we can ask: stand-ins, of whom every vertex is known, with a movement of the face and a turn of the head that we chose. They
# lie beyond what the model can express. The points are the true ones of their pictures: no program had to find them, so what goes wrong
# below is the fit's own doing. Since the pictures are rendered, the regressor reads them as renderings.

# %%
faces = [detect(photograph)[0] for photograph in photographs]
chips = np.stack([align(p, face.points, reconstructor.encoder) for p, face in zip(photographs, faces, strict=True)])
ours = reconstructor.regress(reconstructor.encoder.predict(chips).features, domain="rendering")

seen = {}


def watch(step, problem):
    if step in (0, 10, 30, 100):
        seen[step] = problem.snapshot()


fit = fit_landmarks(model, ours.shape, points, SIZE, watch=watch)
seen[DEFAULT_FIT.steps] = fit

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The stand-in whose points are farthest off at the start. Left, the photograph and its 68 true points (rings). Then the regressor's face laid over it: as it comes, frontal and neutral; and after the descent, with the model's own points as dots. Right, the fitted face from another side. The likeness is the regressor's; pose and expression are the fit's.", "name": "fig-fitted"}, "image": {"alt": "Four pictures in a row: a turned, moving face with 68 rings on it; a frontal neutral face over the same picture, its dots far from the rings; a turned face with the expression, its dots in the rings; the same face seen from another side."}}
first, second = np.argsort(-seen[0].error)[:2]


def laid_over(k, found, turned_degrees=0.0, behind=True):
    """The regressor's k-th face as a fit has it, over the photograph."""
    one = slice(k, k + 1)
    mesh = model.positions(ours.shape[one], found.expression[one])
    turn = found.pose._replace(yaw_radians=found.pose.yaw_radians + np.float32(np.deg2rad(turned_degrees)))
    view = (take_rows(record, one) for record in (turn, found.camera))
    return posed_pictures(
        model, mesh, model.albedos(ours.albedo[one]), *view, SIZE, None, photographs[one] if behind else None
    )[0]


back = -60.0 * np.sign(fit.pose.yaw_radians[first])
figure = points_over_pictures(
    [photographs[first], laid_over(first, seen[0]), laid_over(first, fit), laid_over(first, fit, back, behind=False)],
    ["photograph", "as it comes", "fitted", "from elsewhere"],
    [*[points[first]] * 3, None],
    [None, seen[0].landmarks_pixels[first], fit.landmarks_pixels[first], None],
)

# %% [markdown]
# After this chapter you can fit a head's turn and a face's movement to points, say what a photograph's points determine and what they don't, and see why an
# identity must be known before an expression can be. Reading takes about ten minutes; the code runs in about one.
#
# ## What is to be small
#
# A landmark is a vertex of the model that has a name. Turned by $R$ and with the expression $e$, the $k$-th falls on the pixel $x_k(R, e)$; in the photograph it lies at
# $p_k$. The paper's appendix says: gradient descent on pose and expression, minimising the distances {cite}`genova2018`. We write
#
# $$
# E(R, e) = \sum_{k=1}^{68} \frac{\lVert x_k(R, e) - p_k \rVert^2}{\varsigma^2} + \lVert e \rVert^2 .
# $$
#
# The second term is ours. The model has 85 expression coefficients, and 68 points are 136 numbers, many of them about the jaw's outline: without it, $e$ would explain
# every pixel by which a point is off. With it, the minimum has a meaning: if points err normally, by $\varsigma$ in each direction (up to a factor of √2), and $e$ is standard
# normal as the model says, it is the most probable expression. We take $\varsigma$ to be 2 % of the distance between the outer eye corners.

# %%
show_source(LandmarkProblem.compute_loss)

# %% [markdown]
# Where the head is in the picture, and how large, are unknowns too. But for any $R$ and $e$ the best scale and shift follow in closed form, by a line of
# least squares, which is [how all our pictures are framed](02_pixels). So the descent never sees them: one says that they are *projected out*. What is left starts at zero, a frontal and
# neutral face.

# %%
show_source(LandmarkProblem.project)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The descent, of a second person. The head turns within the first tens of steps; the expression follows, and goes on after the eye sees no change.", "name": "fig-descent"}, "image": {"alt": "Five pictures of a face laid over the same photograph after 0, 10, 30, 100 and 300 steps, with rings for the given points and dots for the model's, which approach each other."}}
figure = points_over_pictures(
    [laid_over(second, found) for found in seen.values()],
    [f"step {step}" for step in seen],
    [points[second]] * len(seen),
    [found.landmarks_pixels[second] for found in seen.values()],
)

# %% [markdown]
# ## Against the truth
#
# We know how the heads were turned and what the faces did. And we can fit with three shapes: the nearest that the model has to the true one, the regressor's,
# and the mean face, which is nobody.

# %%
nearest = model.project(positions, albedos).shape
shapes = {"nearest in the model": nearest, "regressor": ours.shape, "mean face": 0.0 * ours.shape}
fits = {
    name: fit if name == "regressor" else fit_landmarks(model, shape, points, SIZE) for name, shape in shapes.items()
}


def degrees_apart(a, b):
    """The angle of the one turn that leads from each of these poses to that one."""
    between = np.einsum("bij,bkj->bik", np.asarray(a.rotation()), np.asarray(b.rotation()))
    return np.rad2deg(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0)))


def missed_mm(expression_found):
    """Mean distance, over the face proper, between the movement found and the true one."""
    found = np.asarray(model.expression(expression_found)).reshape(PEOPLE, -1, 3) - model.expression.mean.reshape(-1, 3)
    return np.linalg.norm(found - moved_by, axis=-1)[:, model.face_region].mean(axis=1)


nothing = missed_mm(0.0 * expression)

# %% tags=["hide-input"]
numbers = {"people": PEOPLE, "movement_mm": np.median(nothing)}
lines = []
for name, found in fits.items():
    degrees, missed = degrees_apart(found.pose, pose), missed_mm(found.expression)
    key = name.split()[0]
    numbers |= {
        f"{key}_degrees": np.median(degrees),
        f"{key}_worst_degrees": degrees.max(),
        f"{key}_missed_mm": np.median(missed),
        f"{key}_error_percent": 100.0 * np.median(found.error),
        f"{key}_size": np.median(np.sqrt((found.expression**2).mean(axis=1))),
    }
    lines.append(
        f"| {name} | {np.median(degrees):.1f}° | {degrees.max():.1f}° | {np.median(missed):.2f} mm "
        f"| {100 * np.median(found.error):.1f} % | {numbers[f'{key}_size']:.2f} |"
    )
quote(numbers)
Markdown(
    "\n".join(
        [
            "| shape | pose, median | pose, worst | movement missed, median | points missed | size of $e$ |",
            "|---|---|---|---|---|---|",
            *lines,
            f"| *no expression* | | | *{np.median(nothing):.2f} mm* | | *0* |",
        ]
    )
)

# %% [markdown]
# The pose is found within {glue:text}`nearest_degrees:.1f`° (median) by the nearest shape, and within {glue:text}`regressor_degrees:.1f`° by the regressor's: that is good enough
# to put glasses on. The movement is another matter. In the median person, it took the face's vertices {glue:text}`movement_mm:.2f` mm away on average; the fit with the nearest shape misses
# {glue:text}`nearest_missed_mm:.2f` mm of that, the fit with the regressor's {glue:text}`regressor_missed_mm:.2f` mm, although its points lie within {glue:text}`regressor_error_percent:.1f` % of
# the eyes' distance. Hold both against the last row of the table: where a fit misses more than that, no expression at all would have been nearer to the truth.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The points' error during the descent, median and 10th to 90th percentile over people. All three shapes end with small errors: that points fit says little about whether the expression is right.", "name": "fig-descent-curves"}, "image": {"alt": "Three falling curves on a logarithmic axis, for the nearest shape, the regressor's, and the mean face; they flatten within a hundred steps, the nearest shape's lowest."}}
figure = descent_curves({name: found.history for name, found in fits.items()}, marks=(0, 10, 30, 100))

# %% [markdown]
# ## What 68 points can't see
#
# Why does so much of a movement stay unseen, when the points lie so near? Look at the movements one by one.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Each movement: how far it takes the face's vertices on average, and what is left of that when the fit is done, with the nearest shape and with the regressor's. Large movements of the mouth are found in part. Small ones drown in what a shape that isn't quite right asks of the expression: there the fit is worse than no fit.", "name": "fig-movements"}, "image": {"alt": "Horizontal bars for ten movements of the face, three each: how large it is, and what the fit misses with two shapes. The open mouth is the largest."}}
kinds = list(dict.fromkeys(NAMES))


def by_kind(values):
    return np.array([np.median(values[[name == kind for name in NAMES]]) for kind in kinds])


figure = paired_bars(
    kinds,
    {
        "the movement": by_kind(nothing),
        "missed, nearest shape": by_kind(missed_mm(fits["nearest in the model"].expression)),
        "missed, regressor's shape": by_kind(missed_mm(fits["regressor"].expression)),
    },
    "mean distance over the face, mm",
    height=4.6,
)

# %% [markdown]
# Three reasons. There are no points on the cheeks, so puffed ones show at the jaw's edge at best. A picture is flat: lips that come forward and a mouth that gets smaller look
# alike from the front. And the prior is a normal distribution, for which a closed eye is as likely as one opened too far, and jaw and cheek move independently. A jaw that drops is then shared out among
# all coefficients that move a chin.
#
# ## Break it: somebody else's grimace
#
# Ask a face that doesn't move at all. The same people, neutral: every millimetre of expression that is found now is invented.

# %%
still = np.asarray(project_landmarks(positions[:, model.multi_pie], pose, camera, SIZE))
invented = {name: fit_landmarks(model, shape, still, SIZE) for name, shape in shapes.items()}


# %% tags=["hide-input"]
def size_mm(expression_found):
    found = np.asarray(model.expression(expression_found)).reshape(PEOPLE, -1, 3) - model.expression.mean.reshape(-1, 3)
    return np.linalg.norm(found, axis=-1)[:, model.face_region].mean(axis=1)


grimaces = {name: size_mm(found.expression) for name, found in invented.items()}
numbers |= {f"{name.split()[0]}_invented_mm": np.median(values) for name, values in grimaces.items()}
quote({name: value for name, value in numbers.items() if name.endswith("invented_mm")})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Four people who keep still, and what is made of them: the face with the expression that the fit invents for the regressor's shape, and for the mean face's. Whatever the shape lacks, the expression makes up for.", "name": "fig-grimaces"}, "image": {"alt": "Twelve pictures in three rows: neutral stand-ins; fitted faces with the regressor's shape and slight grimaces; the average face with stronger ones."}}
three = slice(0, 4)
front = Pose(*(np.zeros(4, np.float32) for _ in range(3)))
pictures = [(positions[three], albedos[three])]
for name, tones in (("regressor", ours.albedo), ("mean face", 0.0 * ours.albedo)):
    pictures.append(
        (model.positions(shapes[name][three], invented[name].expression[three]), model.albedos(tones[three]))
    )
rows = [list(posed_pictures(model, *faces, front, portrait_camera(4, SIZE), SIZE)) for faces in pictures]
figure = grid(rows, row_labels=["truth", "regressor", "mean face"])

# %% [markdown]
# The nearest shape invents {glue:text}`nearest_invented_mm:.2f` mm of expression, the regressor's {glue:text}`regressor_invented_mm:.2f` mm, the mean face
# {glue:text}`mean_invented_mm:.2f` mm. Identity and expression are both a matter of where vertices lie, and a single picture can't tell them apart. This is why the paper looks for
# identity first, with a network that ignores expressions, and fits the rest afterwards; and why its result is only as good as that identity.
#
# ## Points of your own
#
# No program here finds 68 points in a photograph: the best known one, dlib's, was trained on data that forbid commercial use, so the project doesn't ship it. Points that you have
# marked, or that a program of yours has found, are read from `.pts` files of the 300-W annotations {cite}`sagonas2013`, from JSON, or from text with two numbers a line. The command
#
# ```bash
# mmreg fit portrait.jpg portrait.pts --out fitted/
# ```
#
# reconstructs the face, fits it, and writes the mesh with its expression, the numbers, and a picture to check it by.

# %%
show_source(read_points)

# %% [markdown]
# Points along the jaw need care. People mark them on the *outline* of the face as they see it, and when a head turns, the outline wanders over the cheek, away from any vertex
# with a name. Leave out the far side's jaw then (the names are `landmarks=` of `fit_landmarks`).
#
# ## What the paper did, and we did differently
#
# The paper shows four such fits in its appendix, without numbers. Its objective is the distance alone; prior, projected scale and shift, optimiser (Adam
# {cite}`kingma2015`, with a rate that falls as a cosine) and numbers of steps are ours. Its points were found or marked in photographs; ours are true, in pictures of stand-ins, because then
# there is something to compare with.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-20-prior
#
# Trust the points ten times more, $\varsigma$ = 0.2 %. The points fit better. Does the expression?
# ```
#
# ```{solution-start} ex-20-prior
# :class: dropdown
# ```

# %% tags=["solution"]
trusting = fit_landmarks(model, ours.shape, points, SIZE, settings=DEFAULT_FIT._replace(point_deviation=0.002))
assert np.median(trusting.error) < np.median(fit.error)
assert np.median(missed_mm(trusting.expression)) > np.median(missed_mm(fit.expression)) or model_name != "open"
print(
    f"points {100 * np.median(fit.error):.2f} -> {100 * np.median(trusting.error):.2f} %, "
    f"movement missed {np.median(missed_mm(fit.expression)):.2f} -> {np.median(missed_mm(trusting.expression)):.2f} mm"
)

# %% [markdown]
# No. The points aren't wrong here, but the shape is, by more than 0.2 % of the eyes' distance, and the expression has to lie for it.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-20-distance
#
# The pictures were taken from 1.2 m, and the fit assumes 1.2 m. Photograph the people from 0.5 m instead, as a selfie is, and let the fit believe in 1.2 m. What suffers more, pose or expression?
# ```
#
# ```{solution-start} ex-20-distance
# :class: dropdown
# ```

# %% tags=["solution"]
near = np.asarray(
    project_landmarks((positions + moved_by)[:, model.multi_pie], pose, portrait_camera(PEOPLE, SIZE, 500.0), SIZE)
)
believes = fit_landmarks(model, nearest, near, SIZE)
knows = fit_landmarks(model, nearest, near, SIZE, settings=DEFAULT_FIT._replace(distance_mm=500.0))
pose_cost = np.median(degrees_apart(believes.pose, pose)) / np.median(degrees_apart(knows.pose, pose))
movement_cost = np.median(missed_mm(believes.expression)) / np.median(missed_mm(knows.expression))
assert np.median(believes.error) > np.median(knows.error)
print(f"pose errs {pose_cost:.1f} times as much, movement {movement_cost:.1f} times")

# %% [markdown]
# From near, a nose is large and ears hide behind cheeks. A fit that doesn't know how near the camera was sees a turned or a moving face instead. The picture alone hardly tells the distance; the file of a
# photograph often does, by its focal length.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/20_pose_and_expression.json", numbers, provenance)
stamp(provenance)
