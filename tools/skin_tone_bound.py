"""What a photograph's light allows the test of skin tone to say: python -m tools.skin_tone_bound TRAIN.npz TEST.npz --out BOUND.json

The test (`mmreg.evaluation.skin_tone`) asks two things of predictions: that their order over people follows that of the photographs' mean
luminance, and that they scatter little within a person. Light is in the photographs' luminance as well as skin. A mean over a few
photographs is not the skin's own, so whoever foretells the skin alone can't follow it wholly; whoever follows it better follows the light, and
scatters. This measures both, on photographs encoded by `tools/encode_lfw.py`: how reliable the means are, and how far the two wishes go together for
predictions made of what people who look alike have in common and of some of the photograph's own tone, and for the weighted sum of features that the
profile `full` reads lightness by (`mmreg.tone_reading`). The sum's two numbers, its ridge and that share, are tried on training people left out of the fit.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.stats import spearmanr

from mmreg.color import luminance, tone
from mmreg.data.feature_store import LIKENESS, FeatureStore
from mmreg.encoders import load_encoder
from mmreg.evaluation.skin_tone import FEWEST_PHOTOS, SkinToneAgreement, skin_tone_agreement
from mmreg.face import LinearSpace, load
from mmreg.face.population import Population, get_population
from mmreg.profiles import FULL
from mmreg.regressor import DomainStatistics
from mmreg.results import Data, Provenance, file_checksum, write_result
from mmreg.studio import Studio
from mmreg.tone_reading import RIDGE, ToneReading, fit_tone_reading, lightness_gradient
from mmreg.training import LIGHTNESS_SHARE

SPLITS = 200
SHARES = (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.2, 0.3, 1.0)
FOLDS = 2  # how often the training's people are cut in halves, each of which is fitted to and tried on the other
TRIED_SHARES, TRIED_RIDGES = (0.08, 0.1, LIGHTNESS_SHARE, 0.16), (0.003, 0.03, RIDGE, 0.3)


def halves_agree(values: np.ndarray, groups: list[np.ndarray], seed: int = 0) -> float:
    """Spearman's correlation over people of the means of random halves of their photographs, on average over many splits."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(SPLITS):
        orders = [random.permutation(group) for group in groups]
        halves = [[values[order[k::2]].mean() for order in orders] for k in (0, 1)]
        found.append(spearmanr(*halves).statistic)
    return float(np.mean(found))


def best_correlation(reliability: float, scatter: float, ratio: float) -> float:
    """The highest correlation with people's mean luminance for who knows everybody's skin exactly and scatters at most by `ratio`.

    In units of the variance of people's means, skin has the variance `reliability`, the means' own error the rest. A prediction of the skin and a
    part b of the photograph's light has the correlation (r + b (1 − r)) / √(r + b² (1 − r)), and scatters by b `scatter` / √(r + b² (1 − r)).

    Args:
        scatter: deviation of one person's photographs over that of people's means.
    """
    r = reliability

    def spread(b: float) -> float:
        return np.sqrt(r + b**2 * (1.0 - r))

    b = 1.0 if scatter <= ratio else brentq(lambda b: b * scatter / spread(b) - ratio, 0.0, 1.0)
    return float((r + b * (1.0 - r)) / spread(b))


def skill_needed(
    reliability: float, scatter: float, rho: float, ratio: float, photographs: float
) -> tuple[float, float]:
    """(skill, share): how well the skin has to be told from one photograph, for both wishes to come true, and with how much of its light.

    As in `best_correlation`, but what is told of the skin has an error of its own in every photograph. The skill is the correlation of what is told with the skin;
    the share b of the photograph's light that allows the largest error is sought on a grid. (nan, nan) where no skill is enough.

    Args:
        rho: the correlation that is wished for, with people's mean luminance.
        ratio: the scatter that is allowed at most.
        photographs: of a person; errors average out over them.
    """
    r, b, k = reliability, np.linspace(0.0, 1.0, 2001), photographs
    spread = r + b**2 * (1.0 - r)
    by_scatter = (ratio**2 * spread - (b * scatter) ** 2) / (1.0 - ratio**2 / k)
    by_rho = k * (((r + b * (1.0 - r)) / rho) ** 2 - spread)
    error = np.minimum(by_scatter, by_rho)  # the largest variance that each wish allows
    best = int(error.argmax())
    if error[best] < 0.0:
        return np.nan, np.nan
    return float(np.sqrt(r / (r + error[best]))), float(b[best])


def alike(train: FeatureStore, test: FeatureStore) -> np.ndarray:
    """(photo,) mean log luminance of the training photographs whose embeddings are alike, as in `FeatureStore.alike_tone`."""

    def directions(store):
        x = store.embedding - train.mean_embedding
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    weights = np.exp(LIKENESS * (directions(test) @ directions(train).T - 1.0))
    return weights @ np.asarray(tone(train.skin))[:, 0] / weights.sum(axis=1)


def people_of(store: FeatureStore) -> np.ndarray:
    """Who is on each photograph, by LFW's names."""
    return np.array([name.split("/")[0] for name in store.names])


class Reader:
    """Fits `ToneReading`s to photographs, for many shares of their own light and ridges."""

    def __init__(self, photos: FeatureStore, population: Population, skin: LinearSpace):
        self.photos, self.population, self.skin = photos, population, skin
        self.statistics = DomainStatistics.of(photos.features, photos.embedding)
        self.features = self._standardised(photos)
        self.spread = float(np.linalg.norm(lightness_gradient(population, skin)))  # of the population's log luminance

    def _standardised(self, photos: FeatureStore) -> np.ndarray:
        return (photos.features - self.statistics.feature_mean) / self.statistics.feature_deviation

    def reading(self, share: float, ridge: float = RIDGE) -> ToneReading:
        """Fitted to these photographs."""
        lightness = self.photos.tone_in_average_light(share)[:, 0]
        return fit_tone_reading(self.features, lightness, self.population, self.skin, self.photos.person_share, ridge)

    def agreement(self, others: FeatureStore, share: float, ridge: float = RIDGE) -> SkinToneAgreement:
        """What the test says of the lightness read from other photographs."""
        return self._agreement(self.reading(share, ridge), others)[0]

    def with_and_without_curve(self, others: FeatureStore) -> dict[str, dict[str, float]]:
        """The same for what `full` reads by, before and after dark skin is bent, and how dark the darkest are, in the population's deviations."""
        straight = self.reading(LIGHTNESS_SHARE)
        bent = straight.with_fewer_blackest(self.features, self.photos.person_share)
        found = {}
        for name, reading in (("straight", straight), ("bent", bent)):
            agreement, read = self._agreement(reading, others)
            found[name] = {
                "rho": agreement.rho,
                "within_over_between": agreement.within_over_between,
                "darkest": read.min(),
                "darkest_hundredth": np.quantile(read, 0.01),
            }
        return found

    def _agreement(self, reading: ToneReading, others: FeatureStore) -> tuple[SkinToneAgreement, np.ndarray]:
        read = np.asarray(reading.read(self._standardised(others)))
        return skin_tone_agreement(luminance(others.skin), np.exp(self.spread * read), people_of(others)), read


def tried_on_people_left_out(photos: FeatureStore, population: Population, skin: LinearSpace) -> list[dict]:
    """Agreement and scatter on the half of the people that wasn't fitted to, on average, for each share and ridge."""
    people, random = people_of(photos), np.random.default_rng(0)
    names, found = np.unique(people), {}
    for _ in range(FOLDS):
        first = np.isin(people, random.choice(names, len(names) // 2, replace=False))
        for fitted in (first, ~first):
            reader = Reader(photos.select(np.flatnonzero(fitted)), population, skin)
            others = photos.select(np.flatnonzero(~fitted))
            for setting in itertools.product(TRIED_SHARES, TRIED_RIDGES):
                found.setdefault(setting, []).append(reader.agreement(others, *setting))
    return [
        {"own_share": share, "ridge": ridge}
        | {key: np.mean([getattr(agreement, key) for agreement in each]) for key in ("rho", "within_over_between")}
        for (share, ridge), each in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    train, test = FeatureStore.load(options.train), FeatureStore.load(options.test)
    people = people_of(test)
    seen = luminance(test.skin)
    _, index, counts = np.unique(people, return_inverse=True, return_counts=True)
    groups = [np.flatnonzero(index == k) for k in np.flatnonzero(counts >= FEWEST_PHOTOS)]
    half = halves_agree(seen, groups)
    reliability = 2.0 * half / (1.0 + half)  # Spearman and Brown: of the mean of all of a person's photographs
    own = skin_tone_agreement(seen, seen, people)
    common, its_own = alike(train, test), np.asarray(tone(test.skin))[:, 0]
    wished = {"rho": 0.75, "within_over_between": 1 / 3}
    typical = len(groups) / sum(1.0 / len(group) for group in groups)  # the harmonic mean: errors of means count
    skill, of_light = skill_needed(reliability, own.within_over_between, *wished.values(), typical)
    model = load("open")
    population, skin = get_population(FULL.population, model), Studio(model, load_encoder()).skin
    known_skin = [store.with_skin_tone(store.encoder_checksum) for store in (train, test)]
    reader = Reader(known_skin[0], population, skin)
    mixtures = []
    for share in SHARES:
        mixed = common + share * (its_own - common)
        predicted = np.exp(reader.spread * (mixed - mixed.mean()) / mixed.std())  # as various as the population is
        found = skin_tone_agreement(seen, predicted, people)
        mixtures.append({"own_share": share, "rho": found.rho, "within_over_between": found.within_over_between})
    readings = [
        {"own_share": share, "rho": found.rho, "within_over_between": found.within_over_between}
        for share in (*SHARES[:-1], LIGHTNESS_SHARE)
        for found in [reader.agreement(known_skin[1], share)]
    ]
    numbers = {
        "what": "people with four photographs or more; predictions: of mean log luminance of training photographs with alike embeddings "
        "and a share of what the photograph's own cheeks deviate from it; all as luminances, as various as the population that the reference is held to; readings: a weighted sum of features and cheeks fitted to such mixtures, "
        "left_out: the same for the half of the training's people that it wasn't fitted to",
        "people": len(groups),
        "halves_agree": half,
        "reliability": reliability,
        "photographs_within_over_between": own.within_over_between,
        "best_rho_blind_to_light": float(np.sqrt(reliability)),
        "best_rho_at_a_third": best_correlation(reliability, own.within_over_between, 1 / 3),
        "wished": {**wished, "photographs_of_a_person": typical, "skill_needed": skill, "share_of_light": of_light},
        "skill_of_readings_blind_to_light": readings[0]["rho"] / float(np.sqrt(reliability)),
        "mixtures": mixtures,
        "readings": sorted(readings, key=lambda reading: reading["own_share"]),
        "curve": reader.with_and_without_curve(known_skin[1]),
        "chosen": {"own_share": LIGHTNESS_SHARE, "ridge": RIDGE},
        "left_out": tried_on_people_left_out(known_skin[0], population, skin),
    }
    data = [
        Data(store.source, len(store), file_checksum(path))
        for store, path in ((train, options.train), (test, options.test))
    ]
    write_result(options.out, numbers, Provenance(data, {}, 0))
    for name, value in numbers.items():
        print(f"{name}:", *value if isinstance(value, list) else [value], sep="\n  ")


if __name__ == "__main__":
    main()
