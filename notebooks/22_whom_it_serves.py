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
# # Whom it serves
#
# An average hides people. {cite:t}`genova2018` write that their results are weaker for some ages and ethnicities, and name three suspects: the scans behind the face model, the
# features of the recogniser, and the photographs it learnt from. They show no numbers. **For whom is our regressor worse, and how many people would it take to know?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from mmreg.data.stand_ins import micc_like
from mmreg.evaluation.skin_tone import lightness
from mmreg.evaluation.statistics import bootstrap, permutation_of_groups
from mmreg.experiments import fairness
from mmreg.experiments.fairness import MEASURES, groups_of
from mmreg.figures.groups import differences_table, group_intervals
from mmreg.figures.source import note_other_model, quote, show_source, stamp
from mmreg.reconstruct import Reconstructor
from mmreg.results import Data, Provenance, read_result, write_result

PEOPLE = {"quick": 8, "short": 12}.get(profile, 48)
run = Path(f"../results/{profile}/run")
reconstructor = Reconstructor.load(model_name, None if model_name == "open" else run / "regressor.npz")
scans = micc_like(people=PEOPLE, frames=1, seed=seed)
provenance = Provenance(
    [Data(scans.name, len(scans.people), scans.checksum, scans.stand_in)], {"name": profile, "people": PEOPLE}, seed
)
note_other_model(model_name, reconstructor.model)

# %% tags=["hide-input"]
path = Path("../results/experiments/fairness.json")
record = read_result(path) if path.exists() and model_name == "open" else None
SHOWN = ("error_mm", "lightness_bias")

# %%
result = fairness.run(reconstructor, scans, seed=seed, progress=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Error of the shape (left) and how much lighter than the truth the skin is predicted (right), by group: mean and 95 % interval over the group's people, whose number stands in brackets. From the committed record where there is one, else from this page's few. Where intervals of one attribute overlap widely, nothing is known about the difference. Who is drawn here is a generator's stand-in, nobody's face.", "name": "fig-groups"}, "image": {"alt": "Two panels of points with horizontal bars, a row for each group of gender, age, ancestry and skin tone. In the right panel the darkest skins lie to the right, the middling and the lightest to the left."}}
shown = record or result.numbers
figure = group_intervals(shown["groups"], {name: MEASURES[name] for name in SHOWN})

# %% [markdown]
# After this page you can compare groups without fooling yourself: give every mean its interval, ask how often chance alone makes such a difference, and say what a sample is
# too small for. Reading takes about ten minutes; the code runs in about one.
#
# ## Who these people are
#
# Nobody. Asking real photographs for somebody's ancestry is a question with no good answer, and the sets that are handed out for geometry hold few kinds of people: the 53 of MICC are
# all Caucasian. So we draw people whose attributes are known because a generator was given them: gender between 0 and 1, an age, shares of three ancestries, and a skin whose luminance we can
# measure. **They are a stand-in**: stylised, from one generator, with three words for all of humanity's ancestry. What is found here is how the regressor treats such people.
# It can convict, in that a bias seen even here is real for something; it can't acquit. As the page needs these labels, it runs on the stand-in wherever it is run, with real
# sets at hand or without; the pictures are read as the renderings that they are.

# %%
show_source(groups_of)

# %% tags=["hide-input"]
counts = {
    a: {g: sum(n == g for n in names) for g in dict.fromkeys(names)}
    for a, names in groups_of([p.labels for p in scans.people]).items()
}
Markdown("\n".join(["| attribute | groups of this page's people |", "|---|---|",
                    *(f"| {a} | {', '.join(f'{g}: {n}' for g, n in found.items())} |" for a, found in counts.items())]))  # fmt: skip

# %% [markdown]
# Thirds by skin tone are relative to the people at hand. One photograph from the easiest video of each stands for a person, so that poses and shadows don't drown the rest.
#
# ## What is measured
#
# - **The shape's error**, by the paper's protocol, in millimetres ([the chapter on geometry](15_geometry)).
# - **The same beside the mean face's error.** People who are far from the average are harder for everybody. A ratio of 1 means that looking at the photograph was of no use.
# - **The error of the face of the model that lies nearest.** If a group is badly off here already, the face model is at fault and no regressor can help.
# - **The skin's lightness**, predicted less true, in CIE L* (0 black, 100 white; about 2 can be seen).
# - **Likeness**, where a recogniser that no loss asked is at hand (`--judge`). The network in the loss is no judge, so by default this line is missing.
#
# ## An interval for every mean
#
# The people are a sample, and other people would have given another mean. To see how different, draw from the same people again, with replacement, and watch the mean move.

# %%
show_source(bootstrap)

# %% tags=["hide-input"]
errors = result.arrays["error_mm"]
few = bootstrap(errors, np.mean, seed)
quote({"people": len(errors), "mean": few.value, "low": few.low, "high": few.high})

# %% [markdown]
# Over all {glue:text}`people` people of this page the mean error is {glue:text}`mean:.2f` mm, between {glue:text}`low:.2f` and {glue:text}`high:.2f`.
#
# ## A difference, or chance?
#
# With four attributes and several measures we ask some twenty questions, and pick the two groups that differ most in each. Chance alone will offer something. So we shuffle: give people's values to other people
# at random, take again the two groups furthest apart, and count how often they are as far apart as the real ones.

# %%
show_source(permutation_of_groups)

# %% [markdown]
# The committed record has more people than this page can afford. It was made by
#
# ```bash
# mmreg evaluate fairness --size full
# ```

# %% tags=["hide-input"]
names = [name for name in MEASURES if name in shown["setting"]["measures"]]
origin = (
    f"*From {path.name}: {shown['setting']['people']} people, {shown['setting']['set']} (a stand-in).*"
    if record
    else "*From this page's few people: no measurement.*"
)
Markdown(origin + "\n\n" + differences_table(shown["differences"], names, shown["setting"]["tests"]))

# %% [markdown]
# Bold values of *p* are small enough to survive as many questions as were asked (Bonferroni: 5 % divided by their number). The last column is the other side of the coin: a true difference smaller than that would be
# *missed* more often than one time in five. Read it before you say that two groups are served alike.

# %% tags=["hide-input"]
findings = [
    (attribute, name, one)
    for attribute, found in shown["differences"].items()
    for name, one in found.items()
    if "p" in one and one["p"] < 0.05 / shown["setting"]["tests"]
]
said = [
    f"- **{attribute}**: {MEASURES[name]}: {one['between'][1]} {one['value']:.2f} above {one['between'][0]} ({one['low']:.2f} to {one['high']:.2f})."
    for attribute, name, one in findings
]
Markdown(
    "**What can be said** of these people:\n\n"
    + ("\n".join(said) if said else "- No difference that chance doesn't make as well.")
)

# %% [markdown]
# ## What can't be concluded
#
# - **Nothing about real people of any group.** The generator's idea of an ancestry is a few sliders; real groups vary more within than these vary between.
# - **Nothing from a bold line about its cause** by itself. Attributes hang together: in this generator, as in life, ancestry and skin tone aren't independent, so the same finding appears twice. The column of the nearest face says
#   whether the model or the regressor is at fault, and the mean face whether the group is simply far from the average.
# - **Nothing about likeness** without a judge, and little with one: a recogniser has biases of its own.
# - **Not that unlisted differences are absent.** See the last column.
#
# ## Break it: a difference made of nothing
#
# Give the same people labels by the toss of a coin, many times, and report only the best toss.

# %%
rng = np.random.default_rng(seed)
tosses = [np.where(rng.permutation(len(errors)) % 2, "heads", "tails") for _ in range(20)]
gaps = [abs(errors[t == "heads"].mean() - errors[t == "tails"].mean()) for t in tosses]
best = tosses[int(np.argmax(gaps))]
print(
    f"the best of 20 tosses: {max(gaps):.2f} mm between heads and tails, p = {permutation_of_groups(errors, best, seed):.3f}"
)

# %% [markdown]
# Whoever asks twenty questions finds something: of twenty tosses one is expected to have a *p* below 5 %, and it means nothing. That is why the threshold is divided by the number of questions.
#
# ## What the paper did, and we did differently
#
# The paper says where its results are weaker and that it hopes to improve; it shows no numbers, so there is nothing to reproduce here, and everything on this page is ours: groups, measures, intervals.
# One of the paper's suspects we can't examine with a stand-in: the photographs that the recogniser was trained on.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-22-how-many
#
# How many people would a group need so that a difference of 0.1 mm between two groups is found four times out of five, at the 5 % level? The standard error of a mean falls with the root of the number.
# ```
#
# ```{solution-start} ex-22-how-many
# :class: dropdown
# ```

# %% tags=["solution"]
deviation = errors.std(ddof=1)
needed = int(np.ceil(2 * (2.8 * deviation / 0.1) ** 2))
draws = np.random.default_rng(0).normal(0.0, deviation, (400, 2, needed)) + np.array([0.0, 0.1])[None, :, None]
standard_error = np.sqrt(draws.var(axis=2, ddof=1).sum(axis=1) / needed)
power = (np.abs(np.diff(draws.mean(axis=2), axis=1)[:, 0]) > 1.96 * standard_error).mean()
assert 0.7 < power < 0.9
print(f"deviation {deviation:.2f} mm: {needed} people in each group; found in {power:.0%} of simulated studies")

# %% [markdown]
# From $2.8\,\sigma\sqrt{2/n} = 0.1$, with 2.8 = 1.96 + 0.84. It is more people than most sets have in all.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-22-regression-to-the-mean
#
# Suppose that a regressor always predicts the population's average lightness. What would the right panel of the first figure show for the darkest, the middle and the lightest third?
# ```
#
# ```{solution-start} ex-22-regression-to-the-mean
# :class: dropdown
# ```

# %% tags=["solution"]

true = lightness(np.array([person.labels["skin_luminance"] for person in scans.people]))
thirds = np.array(groups_of([person.labels for person in scans.people])["skin tone"])
always = {third: (true.mean() - true)[thirds == third].mean() for third in ("darkest", "middle", "lightest")}
assert always["darkest"] > 0 > always["lightest"]
print({third: round(float(bias), 1) for third, bias in always.items()})

# %% [markdown]
# Too light for the darkest and too dark for the lightest: a staircase. So a staircase in the figure needs no malice in the data, only a regressor that knows too little about skin and hedges. It does harm all the same, and to one side more than to
# the other if the average it hedges towards is paler than the people.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
write_result(f"../results/{profile}/22_whom_it_serves.json", result.numbers, provenance)
stamp(provenance)
