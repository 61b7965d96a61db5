"""Does a face recogniser see a model's people as different people?"""

from __future__ import annotations

import numpy as np

from mmreg.data.synthetic import sample_scenes
from mmreg.encoders import Encoder, cosine
from mmreg.evaluation.verification import area_under_curve
from mmreg.face import Coefficients, MorphableModel
from mmreg.studio import Studio


def recognition(model: MorphableModel, people: Coefficients, encoder: Encoder, seed: int) -> dict[str, float]:
    """How well two renderings of each person, in poses and lights drawn apart, are told from renderings of two people.

    As many pairs of each kind as there are people; cosines of embeddings about the mean of all of them.

    Returns:
        `auc`: the chance that a pair of one person is more alike than a pair of two. Where that comes near 1, the others
        still tell: `d_prime`, the distance of the means over the root mean square of the two deviations; the mean cosines; and
        `rank_1`, how often a person's second picture is the nearest of all second pictures to the first.
    """
    studio = Studio(model, encoder)
    count = len(people.shape)
    first, second = (studio.encode_many(people, sample_scenes(count, 1000 * (seed + 1) + k)).embedding for k in (1, 2))
    mean = np.concatenate([first, second]).mean(axis=0)
    first, second = first - mean, second - mean
    same, different = np.asarray(cosine(first, second)), np.asarray(cosine(first, np.roll(second, 1, axis=0)))
    unit = [e / np.linalg.norm(e, axis=1, keepdims=True) for e in (first, second)]
    nearest = (unit[0] @ unit[1].T).argmax(axis=1)
    spread = np.sqrt((same.var() + different.var()) / 2)
    return {
        "auc": area_under_curve(same, different),
        "d_prime": float((same.mean() - different.mean()) / spread),
        "cosine_same": float(same.mean()),
        "cosine_different": float(different.mean()),
        "rank_1": float((nearest == np.arange(count)).mean()),
    }
