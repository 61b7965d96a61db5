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
# # The ablations, side by side
#
# The last chapters took one loss away at a time, for a few steps. Here are longer runs, all of them, before the same
# judge. **Which parts of the method earn their place?**

# %% tags=["parameters"]
profile = "quick"
seed = 0
model_name = "open"

# %% tags=["hide-input"]
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from mmreg.figures.ablations import (
    AGAIN,
    BASE,
    ablation_dots,
    ablation_table,
    plain,
    probe_count,
    runs_by_name,
    sampling_error,
    sheets_side_by_side,
    skin_tone_frontier,
)
from mmreg.figures.source import quote, stamp
from mmreg.profiles import get_profile, get_variant, variant_names
from mmreg.results import Data, Provenance, file_checksum, read_result, write_result

path = Path("../results/training/summary.json")
summary = read_result(path)
runs = runs_by_name(summary)
probes = probe_count(summary)
provenance = Provenance(
    [
        Data("results/training/summary.json", len(runs), file_checksum(path)),
        Data("results/training/sides.json", 2, file_checksum("../results/training/sides.json")),
        Data("results/training/nuisances.json", 3, file_checksum("../results/training/nuisances.json")),
    ],
    {"name": profile, "computes": "nothing anew"},
    seed,
)
quote({"runs": len(runs), "probes": probes})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One row a run. From left to right: recall of the right person, first answer (higher is better); similarity of rendering and photograph (higher); agreement in skin tone over people (higher); error of the shape on people whose shape is known, in mm (lower). Dotted: the short run with all terms. Dashed: what another photograph of the person reaches (similarity), and what the mean face pays (shape).", "name": "fig-ablations"}, "image": {"alt": "Four panels of dots, one row for each training run, for recall, similarity, skin tone and shape error, with a dotted line at the short run with all terms."}}
figure = ablation_dots(summary)

# %% [markdown]
# After this chapter you can read an ablation table with the distrust that it deserves. Reading takes about ten minutes; nothing is computed here
# but tables.
#
# ## The table
#
# The short runs, those of `mmreg/variants.toml`, differ from the one with all terms in what their names say and in nothing else. The reference is the
# same training at length, and with more of three things: its predictions are seen from both sides and skin's lightness is read by a weighted sum (a short run each shows what that is worth), and its synthetic faces are 32 a step instead of 24
# and weigh half as much again. It also tells one person's photographs by a little less likeness than most short runs did (0.525 and 0.55 of the distance between any two, by which they are drawn less often each). All were trained
# on encodings of photographs from one part of LFW and judged on {glue:text}`probes` photographs of people from the other, by dlib's DenseNet, which
# is in no loss. Shape is measured on people that the face model's generator made for it, a **stand-in** for scans, outside the model's span.

# %% tags=["hide-input"]
listed = [*runs, *(name for name in variant_names() if name not in runs)]
Markdown(ablation_table(summary, listed, baselines=True))

# %% tags=["hide-input"]
base = summary["baselines"]
photos, chance = base["photo_against_photo"], base["chance"]
Markdown(
    f"For comparison: chance finds the right person first in {chance['top_1']:.4f} of the cases; another *photograph* of the person has a similarity of "
    f"{photos['same_person']:.2f} (photographs of two people {photos['different_people']:.2f}) and finds a photograph of the person, its own removed, in "
    f"{photos['top1_no_source']:.2f}; the mean face is {base['mean_face']['geometry_mm']:.2f} mm off, and the nearest face of the model "
    f"{base['nearest_in_the_model']['geometry_mm']:.2f} mm."
)

# %% [markdown]
# What the columns are: **recall** says how often a rendering's most similar photograph, of all, is one of the right person (its own photograph
# counts; *removed* where the column says so). **Similarity** is the centred cosine between rendering and own photograph. **Skin tone** is the rank
# correlation of predicted albedo and photographs' skin, over people with several photographs. **Same person, AUC**: how often two predictions for one
# person are more alike than two for different people.
#
# ## How a run could have come out otherwise
#
# Every run but one was trained once, from one seed, so the table says little of how far a second run would lie from the first. The short one with all terms was made again, by the same seed and
# the same settings. As far as we know nothing lies between the two but the rounding of sums, in another order on another day, and training blows it up:

# %% tags=["hide-input"]
whole, again = runs[BASE], runs[AGAIN]
Markdown(
    f"recall {again['top1'] - whole['top1']:+.3f}, similarity {again['similarity'] - whole['similarity']:+.3f}, skin tone "
    f"{again['skin_tone_rho'] - whole['skin_tone_rho']:+.3f}, shape {again['geometry_mm'] - whole['geometry_mm']:+.3f} mm.".replace(
        "-", "−"
    )
)

# %% [markdown]
# Another seed would lie farther off. What the table does allow is the error of
# the *sample of people*: recall is a share $p$ of $n$ probes, with a standard error of at most $\sqrt{p(1-p)/n}$. Two runs that differ by less than
# twice the error of a difference are not told apart by this test. (The probes are the same for both, which makes the true error smaller; and several
# of one person, which makes it larger.)

# %% tags=["hide-input"]
told, alike = [], []
size = whole["profile"]["name"].partition(",")[0]
others = [
    run for name, run in runs.items() if name not in (BASE, AGAIN) and run["profile"]["name"].partition(",")[0] == size
]
for run in others:
    difference, error = run["top1"] - whole["top1"], sampling_error(whole["top1"], run["top1"], probes)
    (told if abs(difference) > error else alike).append((run, difference, error))
numbers = {"runs": len(runs), "compared": len(others), "told_apart": len(told)}
lines = [
    f"- {plain(run['what'])}: {difference:+.3f} ± {error:.3f}".replace("-0", "−0") for run, difference, error in alike
]
Markdown(
    f"Of {len(others)} runs, {len(told)} differ in recall from the one with all terms by more than that"
    + ("; these don't:\n\n" + "\n".join(lines) if lines else ".")
)

# %% [markdown]
# ## What each part is worth
#
# The short runs, one by one: by how much recall and the error of the shape change when the part is taken away, or exchanged for the other thing. For recall, differences up
# to about 0.03 are the sample's (above). For the shape there are fifty people and no interval: we read nothing into less than 0.05 mm.

# %% tags=["hide-input"]
rows = ["| run | recall, first | shape, mm | skin tone, ρ | its scatter within a person |", "|---|---|---|---|---|"]
for run in sorted(others, key=lambda run: run["top1"]):
    changes = [
        f"{run[key] - whole[key]:+.{digits}f}"
        for key, digits in (
            ("top1", 3),
            ("geometry_mm", 2),
            ("skin_tone_rho", 2),
            ("skin_tone_within_over_between", 2),
        )
    ]
    rows.append(f"| {plain(run['what'])} | {' | '.join(changes)} |".replace("-", "−"))
Markdown("\n".join(rows))

# %% [markdown]
# - **Identity** is what recall comes from. Without it next to nothing is recognised. The paper's weights, as we read them, hardly let it speak in so few steps.
# - **A tenth of identity's weight** costs a third of the recall, and doesn't help the shape.
# - **Identity measured from each domain's mean** instead of the batch's is recognised less by no more than the sample's error.
# - **Nothing but identity** is recognised as well as the run with all terms, and the sheets below show by what faces; its population lies more than four deviations off, its skin tones are hardly anybody's, and its shapes are the worst of all, worse than the mean face. The judge
#   hasn't noticed; the eye, the moments and the shape's error have.
# - **Batch distribution** costs some recall, even with a light hold on the mean. The run that lacks it alone, with synthetic faces and loopback still in place, makes no monsters, and its shapes are as good; its population (the table further
#   down) is neither in the right place nor as various as people are. The case for the loss rests on the population, and not on any single face. Where the loss is in force the moments are also
#   set at the end, and where it isn't they aren't: how much of the difference is that, no run has told apart.
# - **The mean held to the population's**, instead of fitted, costs a fifth of the recall: of what batch distribution asks for, that is the dearest.
# - **The face model's own population** as the prior changes neither recall nor the shape by more than we read, since [the mean is fitted](09_batch_distribution) in any case.
# - **Every photograph drawn alike** isn't told apart by recall. What is lost are the moments by person, in the table further down: a few whom the press knows well decide where the mean lies.
# - **The embedding alone** in the identity loss isn't told apart from the embedding and the features together, in so few steps.
# - **All components weighed alike**, as in the paper, leave the shape a tenth of a millimetre worse, more than anything else here except identity alone and the paper's weights; recall differs by less than the sample's error. What can't be read from a picture teaches noise, we suppose, and the weights keep it out.
# - **Component by component**, weighed by deviations, most of that is regained. What [the surface after an alignment](07_stage_one) adds to it is less than we read.
# - **The 256 pooled features alone** recognise less, and the shape is a tenth of a millimetre worse. The order of skin tones is better without the middle layer: we suppose that a regressor which is told more
#   finds other ways to please the skin's term on the photographs of its training, and that they don't hold for others.
# - **The 1,024 features of the last map**, before they are pooled to 256, recognise no more than those. Both runs read pictures as they are, so the one to compare them with is that without mirror images: next to it the 1,024 recognise a little less and the 256 aren't told apart, and the
#   shape is worse by 0.07 mm with the 256, and with the 1,024 by less than we read. So what the layer halfway adds to the 256 is shape.
# - **All components held** to the prior's deviation, those that a photograph hardly tells as well: no difference that this test can see.
# - **Mirror images** help recall: without them, of photographs and of synthetic faces, fewer people are recognised. The shape differs by less than we read.
# - **Predictions seen from both sides**, too, gain less than the sample's error, at a third more time a step (twice its encoding, by [the benchmark](25_at_scale)). The reference does it, because a rendering is compared with a photograph that was seen so.
# - **Nuisances and expressions** of synthetic faces make no difference to these tests; of spoilt pictures more below.
# - **Stage one** is worth some recall and, by just as much as we read, a better shape; the run that lacks it has seen fewer synthetic faces, too.
# - **Loopback**, in so few steps, makes no difference that this test can see.
# - **Three views** of a third of the photographs recognise less than one view of all, at equal renderings.
# - **Skin's lightness from a weighted sum** orders people's skins better and scatters less within a person; recall isn't told apart. More of it below.
# - **The skin tone's term** does what it is for. Without it the agreement of tones falls to less than half; recall isn't told apart.
# - **Nobody's shape is better than that of the reference's stage one alone** by as much as we read, and the reference's own equals it to a thousandth of a millimetre, though stage two brought more synthetic faces than stage one had. What photographs teach of shape doesn't show in this test. That those faces pay for what photographs cost is a guess.
#
# ## What seeing both sides is worth
#
# A short run and another differ by more than what their names say: by chance, for each went its own way. So take one regressor, the reference, and let it read the test photographs twice: as it was
# trained to, from [both sides](06_recogniser), and as they are.

# %% tags=["hide-input"]
sides = read_result("../results/training/sides.json")
rows = [
    "| the reference reads | first | among five | first, own photograph removed | similarity |",
    "|---|---|---|---|---|",
]
for name, words in {"both_sides": "a photograph and its mirror image", "one_side": "the photograph alone"}.items():
    with_own, without = (sides[name]["recall"][kind] for kind in ("own_photo_in_gallery", "own_photo_removed"))
    rows.append(
        f"| {words} | {with_own['top_1']:.3f} | {with_own['top_5']:.3f} | {without['top_1']:.3f} | {sides[name]['similarity']:.3f} |"
    )
Markdown("\n".join(rows))

# %% [markdown]
# The weights were trained on both, and may miss what they were promised. The short run `one_side`, which never was promised any, says that this isn't all of the difference.
#
# ## What moments of their own are worth to renderings
#
# At the end of a run renderings' predictions are [shifted and stretched half way](09_batch_distribution) to the moments of the model's own people. What it does to the shape:

# %% tags=["hide-input"]
rows = ["| run | shape, mm, before | after |", "|---|---|---|"]
moved = {name: run for name, run in runs.items() if abs(run["geometry_uncalibrated_mm"] - run["geometry_mm"]) > 1e-9}
for run in moved.values():
    rows.append(f"| {plain(run['what'])} | {run['geometry_uncalibrated_mm']:.3f} | {run['geometry_mm']:.3f} |")
changes = np.array([run["geometry_mm"] - run["geometry_uncalibrated_mm"] for run in moved.values()])
Markdown("\n".join([*rows, "", f"Better for {int((changes < 0).sum())} runs of {len(changes)}."]))

# %% [markdown]
# Little, less for each run than we read, and some lose by it. *Half way* was moreover chosen on these very people, from nothing, half and all, so that they are no fair judges of it. Stage one
# gains as well: it answers what is likeliest, and people differ more than that, we suppose. What the shift is
# meant for is the skins, which mustn't be the press's where people aren't ([whom it serves](22_whom_it_serves)).

# %% [markdown]
# ## What it is worth that synthetic faces wear nuisances
#
# Photographs have what renderings haven't: a hand before the face, a blur, grain, the squares of compression, a smile. Synthetic faces wear them in training
# ([stage one](07_stage_one)), so that a regressor learns to overlook them. Recall can't say what that buys, for most of LFW's photographs are decent ones. So let runs with and without read the people of known
# shape again, each picture spoilt in one way, as hard as training draws it: how far is the shape off, and how like are the coefficients (cosine, the mean person's taken away) to those from the plain pictures?

# %% tags=["hide-input"]
nuisances = read_result("../results/training/nuisances.json")["runs"]
spoilt = {
    "plain": "nothing",
    "covered": "something before the face",
    "blurred": "blur",
    "noisy": "noise",
    "compressed": "compression",
    "expression": "an expression",
}
rows = [
    f"| pictures with | {' | '.join(plain(runs[name]['what']) for name in nuisances)} |",
    "|---" * (1 + len(nuisances)) + "|",
]
for kind, words in spoilt.items():
    cells = [f"{run[kind]['geometry_mm']:.2f} mm, {run[kind]['similarity_to_plain']:.2f}" for run in nuisances.values()]
    rows.append(f"| {words} | {' | '.join(cells)} |")
Markdown("\n".join(rows))

# %% [markdown]
# Next to nothing, in runs as short as these. Noise and expressions spoil the shape a little less for the runs that have met them, by less than 0.05 mm; what covers a face spoils it more than anything else, and no less for
# those that have met it. The coefficients even move *more* where nuisances were met in training, under noise and covers most of all. We suppose that a regressor which has learnt to tell a spoilt picture answers it otherwise than a plain one, and nearer the mean, which
# is right on average and no help to likeness; we haven't looked further. So the nuisances stay in our profiles as a precaution, for which these numbers give no reason.
#
# ## What the test of skin tone can say
#
# By person, since one photograph's light says little: so we ask that the order of predicted skin follow that of the people's mean luminance, and that predictions from one
# person's photographs lie close together. It would be natural to ask for a lot of both, say ρ of 0.75 and a third of the scatter that people have. Before blaming a run for
# missing that, ask what the *photographs* allow.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Agreement against scatter; up and left is better. Line: predictions made without any network, from the mean tone of people who look alike and a share of the photograph's own deviation from it (written beside the points). Squares: a weighted sum of features, fitted to such mixtures of the training photographs. Dashed: the most that anyone could reach who knew everybody's skin exactly. Dots: runs of the table.", "name": "fig-skin-frontier"}, "image": {"alt": "Two curves that rise side by side from little agreement at little scatter to much agreement at much scatter, a dashed line above their left end, and dots for training runs, most of them below."}}
bound = read_result("../results/training/skin_tone_bound.json")
shown = {
    plain(runs[name]["what"]): runs[name] for name in ("tuned", BASE, "tone_reading", "no_skin_tone") if name in runs
}
figure = skin_tone_frontier(bound, shown)

# %% tags=["hide-input"]
near_third = min(bound["mixtures"], key=lambda mixture: abs(mixture["within_over_between"] - 1 / 3))
Markdown(
    f"One person's photographs differ in luminance {bound['photographs_within_over_between']:.1f} times as much as people's means do. Means of one half of a person's photographs "
    f"order {bound['people']} people as those of the other half do with ρ = {bound['halves_agree']:.2f} only, so that {bound['reliability']:.2f} of the variance of people's means is skin, and the rest is "
    f"light that a few photographs didn't average out (the reliability, by Spearman and Brown). Who knew everybody's skin exactly, and heeded no light, would reach ρ = "
    f"{bound['best_rho_blind_to_light']:.2f}; with as much of the photograph's light as a third of the scatter permits, {bound['best_rho_at_a_third']:.2f}. What these features tell of skin is less "
    f"than everything: at that scatter people who look alike give ρ = {near_third['rho']:.2f}.\n\n"
    f"How well would a skin have to be told from one photograph, light and all, for ρ = {bound['wished']['rho']:.2f} at a scatter of {bound['wished']['within_over_between']:.2f}? With a correlation of {bound['wished']['skill_needed']:.2f} with the skin itself, "
    f"and {100 * bound['wished']['share_of_light']:.0f} % of the photograph's light added on purpose. What is read from the features blind to light has {bound['skill_of_readings_blind_to_light']:.2f} at most (that of a mean over a person's photographs, were all its agreement due to skin). A brighter lamp and a paler skin "
    f"[make nearly the same pixels](03_light), so that we doubt whether one picture can tell much more."
)

# %% [markdown]
# So along the line a higher ρ is bought with light: a regressor agrees better with the photographs' luminance the more it takes a bright picture for pale skin. The two wishes can't be had together here. To move the line
# it would take photographs that tell their light, or many of each person.
#
# Where on the line to be is a choice, and `full` makes it: how light a skin is it reads from the features by a weighted sum ([stage two](08_stage_two)), fitted to what people who look alike have in common and to a share of the photograph's own
# deviation. That share and the sum's ridge, which keeps its weights small, were tried on people of the *training* who were left out of the fit:

# %% tags=["hide-input"]
rows = ["| own share | ridge | agreement ρ, people left out | scatter |", "|---|---|---|---|"]
for tried in bound["left_out"]:
    star = "**" if {key: tried[key] for key in bound["chosen"]} == bound["chosen"] else ""
    rows.append(
        f"| {star}{100 * tried['own_share']:.0f} %{star} | {star}{tried['ridge']:g}{star} | {tried['rho']:.2f} | {tried['within_over_between']:.2f} |"
    )
Markdown("\n".join(rows))

# %% tags=["hide-input"]
line = sorted((mixture["within_over_between"], mixture["rho"]) for mixture in bound["mixtures"])
scatter, agreement = (np.array(part) for part in zip(*line, strict=True))
long, layers = runs["tuned"], runs[BASE]
read = next(reading for reading in bound["readings"] if reading["own_share"] == bound["chosen"]["own_share"])
Markdown(
    f"The sum alone has ρ = {read['rho']:.2f} over the test's people at a scatter of {read['within_over_between']:.2f}, near the line of alike people ({np.interp(read['within_over_between'], scatter, agreement):.2f}). Bent by the curve that keeps dark skin from coming out black, it has {bound['curve']['bent']['rho']:.2f} at {bound['curve']['bent']['within_over_between']:.2f}, and the darkest lie "
    f"{-bound['curve']['bent']['darkest']:.1f} of the population's deviations below its mean instead of {-bound['curve']['straight']['darkest']:.1f}. The reference has its lightness from the bent sum, "
    f"but for what the rest of albedo adds: {long['skin_tone_rho']:.2f} at {long['skin_tone_within_over_between']:.2f}. Layers that have to say it themselves, as in most short runs, lie well below the line "
    f"({layers['skin_tone_rho']:.2f} at {layers['skin_tone_within_over_between']:.2f}): what they add to a photograph's light is their own noise."
)

# %% [markdown]
# ## What recall doesn't say
#
# A network may please a judge by faces that nobody has ([batch distribution](09_batch_distribution)). So beside the judge's numbers belong the
# population's: the means and deviations of the leading coefficients over the test photographs, in deviations of the population that each run was held to, which
# itself has 0 and 1. Where the mean was fitted it was fitted to the *training* photographs, so what a mean is off here is how far the one crowd's lies from the other's.
# A few people have many of the photographs ([batch distribution](09_batch_distribution) counts them), so the table gives everything twice: over photographs, and with everybody counted once.

# %% tags=["hide-input"]
rows = [
    "| run | shape: largest mean | deviations | by person | | albedo: largest mean | deviations | by person | |",
    "|" + "---|" * 9,
]
for run in runs.values():
    cells = []
    for part in ("shape", "shape_by_person", "albedo", "albedo_by_person"):
        moments = run.get(part)
        cells += (
            [
                f"{moments['largest_mean']:.2f}",
                f"{moments['smallest_deviation']:.2f} to {moments['largest_deviation']:.2f}",
            ]
            if moments
            else ["", ""]
        )
    rows.append(f"| {run['what']} | {' | '.join(cells)} |")
Markdown("\n".join(rows))

# %% [markdown]
# How near to 0 could means lie? Take crowds from the people of the *training*, to whose mean the reference's population was fitted: as many people as are in the test, with all their photographs.

# %% tags=["hide-input"]
reference_run = runs["tuned"]
rows = [
    "| | leading means within 0.1, by person | largest | within 0.1, over photographs | largest |",
    "|---|---|---|---|---|",
]
of_test, of_others = [], []
for kind, suffix in (("by_person", "_by_person"), ("by_photograph", "")):
    found = [reference_run[part + suffix] for part in ("shape", "albedo")]
    wished = [reference_run["other_crowds"][part][kind] for part in ("shape", "albedo")]
    counts = [moments["components"] for moments in found]
    for cells, parts, digits in ((of_test, found, 0), (of_others, wished, 1)):
        within = sum(n * part["share_with_mean_within_0.1"] for n, part in zip(counts, parts, strict=True))
        cells += [f"{within:.{digits}f} of {sum(counts)}", f"{max(part['largest_mean'] for part in parts):.2f}"]
rows += [
    f"| the test's people | {' | '.join(of_test)} |",
    f"| crowds of the training's, on average | {' | '.join(of_others)} |",
]
Markdown("\n".join(rows))

# %% [markdown]
# By person nearly all means of such a crowd are within a tenth of a deviation. Over photographs a few who have many of them decide, and four means in ten are farther off even for crowds that differ from the fitted one by
# nothing but the draw. So that can't be asked of any regressor; and the test's people lie a little farther off than chance alone would have them, either way.
#
# ## The same people
#
# Numbers aside: what do they look like? Twenty-four people who lie outside the face model, and the astronaut, in the same places on every sheet. The
# first sheet holds the pictures that every regressor was given.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Given, and made of it by each run. Look for three things: do people differ from one another? Do they differ in the way of the pictures? And does a whole sheet lean somewhere, as no crowd of people does?", "name": "fig-sheets"}, "image": {"alt": "Sheets of twenty-five faces each, the first with the pictures given and one for every training run, with the same people in the same places."}}
sheets = Path("../results/training/sheets")
words = {"given": "given"} | {name: plain(run["what"]) for name, run in runs.items()}
figure = sheets_side_by_side(sheets, words)

# %% tags=["hide-input"]
absent = [f"`{name}`" for name in [*runs, *variant_names()] if not (sheets / f"{name}.png").is_file()]
Markdown(f"*No sheet yet of {', '.join(dict.fromkeys(absent))}.*" if absent else "")

# %% [markdown]
# ## What differs, exactly
#
# A run is a profile with a few values replaced, and the list of the runs is a file, `mmreg/variants.toml`. `make ablations PHOTOS=…` trains all of
# them on photographs of yours.

# %%
reference = get_variant("tuned", get_profile("short")).profile.to_dict()
for name in variant_names():
    changed = get_variant(name, get_profile("short")).profile.to_dict()
    weights, others = changed.pop("weights"), {k: v for k, v in changed.items() if v != reference[k] and k != "name"}
    differing = {k: v for k, v in weights.items() if v != reference["weights"][k]} | others
    print(f"{name:>24}: {', '.join(f'{k} = {v}' for k, v in differing.items()) or 'nothing'}")

# %% [markdown]
# ## What the paper did, and we did differently
#
# The paper shows faces without batch distribution, without loopback and with a single view, and judges them by eye; the others of our runs, and the
# numbers, are ours. Its losses are weighed as it says in one of the runs, `paper_weights`, where the identity loss has a weight of 1 beside sums over
# coefficients as we read them.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-13-many-comparisons
#
# Suppose that no change made any difference at all, and that eleven runs are compared with a reference at the level of two standard errors. How probable is it
# that at least one of them seems to differ?
# ```
#
# ```{solution-start} ex-13-many-comparisons
# :class: dropdown
# ```

# %% tags=["solution"]
rng = np.random.default_rng(seed)
reference_draws, others = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 11))
seeming = np.abs(others - reference_draws) > 2 * np.sqrt(2)
share = seeming.any(axis=1).mean()
assert 0.2 < share < 0.45
print(f"at least one of eleven: {share:.2f}; if they were independent: {1 - 0.9545**11:.2f}")

# %% [markdown]
# About one time in three. They share the reference, and so err together, which makes it somewhat less than for independent comparisons. Whoever reads
# a table for its most striking row should ask for a stricter level, or train that row again.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: ex-13-rank
#
# Do recall and the error of the shape agree on which runs are better? Compute the rank correlation over the runs of the table, and say what it means.
# ```
#
# ```{solution-start} ex-13-rank
# :class: dropdown
# ```

# %% tags=["solution"]
from scipy.stats import spearmanr

recall = np.array([run["top1"] for run in runs.values()])
shape_error = np.array([run["geometry_mm"] for run in runs.values()])
rho = spearmanr(recall, -shape_error).statistic
assert np.ptp(recall) > np.ptp(shape_error) / shape_error.mean()  # runs differ more in recall than in shape
print(f"rank correlation of recall and exactness over {len(runs)} runs: {rho:+.2f}")

# %% [markdown]
# If it is far from 1, being recognised and being right are two things: likeness to a network can be bought with albedo, and with shape that is wrong.
#
# ```{solution-end}
# ```

# %% tags=["hide-input"]
numbers["rank_correlation_recall_exactness"] = rho
write_result(f"../results/{profile}/13_ablations.json", numbers, provenance)
stamp(provenance)
