"""The paper's four losses (section 3.3) and one of ours. None of them renders or encodes; `training` hands them what they compare."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, dot, unit

SHAPE_WEIGHT, ALBEDO_WEIGHT = 0.4, 0.002  # ω_s, ω_t of section 3.3.1


def parameter_loss(
    shape: Float[Array, "batch s"],
    albedo: Float[Array, "batch t"],
    true_shape: Float[Array, "batch s"],
    true_albedo: Float[Array, "batch t"],
    shape_weight: float | Float[Array, " s"] | Float[Array, "s s"] = SHAPE_WEIGHT,
    albedo_weight: float | Float[Array, " t"] | Float[Array, "t t"] = ALBEDO_WEIGHT,
) -> Float[Array, ""]:
    """L_param = ω_s ‖s − s'‖² + ω_t ‖t − t'‖², summed over coefficients, averaged over the batch (section 3.3.1).

    Paper: the sum runs over the batch; a mean keeps the weights' meaning when the batch size changes. Ours.

    Args:
        shape_weight, albedo_weight: ω_s and ω_t, or ours: one for each coefficient (`component_weights`), or the matrix W of a
            squared length eᵀ W e (`face.surface_form`).
    """
    return ops.mean(
        _squared_length(shape - true_shape, shape_weight) + _squared_length(albedo - true_albedo, albedo_weight)
    )


def _squared_length(error, weight):
    weighed = ops.matmul(error, weight) if np.ndim(weight) == 2 else weight * error
    return ops.sum(weighed * error, axis=1)


def component_weights(
    standard_deviations: Float[np.ndarray, " component"], power: float
) -> Float[np.ndarray, " component"]:
    """How L_param weighs each coefficient beside the others, 1 on average: σ_k to the power, over its mean. Ours.

    Paper: power 0, all alike. Most coefficients move the face by less than a picture shows; their errors can't be lessened, and as noise drown those that can.
    With power 2 the loss is of squared millimetres.
    """
    weights = np.asarray(standard_deviations, np.float64) ** power
    return (weights / weights.mean()).astype(np.float32)


def identity_loss(
    photo_embedding: Float[Array, "batch e"],
    rendering_embedding: Float[Array, "batch e"],
    photo_mean: Float[Array, " e"] | float = 0.0,
    rendering_mean: Float[Array, " e"] | float = 0.0,
) -> Float[Array, ""]:
    """L_id = 1 − cos(γ, γ'), averaged over the batch (section 3.3.2); 0 for the same direction, 2 for opposite ones.

    Paper: embeddings are compared as they are. dlib's share a large common offset, so the mean embedding of each domain
    is subtracted first, or that of the batch; with FaceNet's, leave the means at 0. Ours.
    """
    cosine = dot(unit(photo_embedding - photo_mean), unit(rendering_embedding - rendering_mean))
    return ops.mean(1.0 - cosine)


def batch_distribution_loss(
    shape: Float[Array, "batch s"],
    albedo: Float[Array, "batch t"],
    held_shape: int | None = None,
    held_albedo: int | None = None,
    mean_weight: float = 1.0,
) -> Float[Array, ""]:
    """L_batchdistr = ‖mean_b s‖² + ‖var_b s − 1‖² + ‖mean_b t‖² + ‖var_b t − 1‖² (section 3.3.3).

    Nought when the batch has the morphable model's own mean and variance. A batch collapsed to one face far from the
    mean pays 1 for every coefficient, and its squared distance.

    Args:
        held_shape, held_albedo: ours: how many leading components must vary as much as the prior. The rest pay only for varying more: what a
            photograph doesn't tell is best answered by the mean, and asked to vary it can only be made up. None holds them all, as the paper does.
        mean_weight: ours: how much the two terms of the means count beside those of the variances. Below the paper's 1 the mean
            may settle some way from the prior's, where the photographs' losses want it.
    """
    return _moments(shape, held_shape, mean_weight) + _moments(albedo, held_albedo, mean_weight)


def _moments(coefficients, held, mean_weight):
    mean, excess = ops.mean(coefficients, axis=0), ops.var(coefficients, axis=0) - 1.0
    if held is not None:
        excess = ops.concatenate([excess[:held], ops.relu(excess[held:])])
    return mean_weight * ops.sum(mean**2) + ops.sum(excess**2)


def loopback_loss(
    first_shape: Float[Array, "batch s"],
    first_albedo: Float[Array, "batch t"],
    second_shape: Float[Array, "batch s"],
    second_albedo: Float[Array, "batch t"],
    shape_weight: float | Float[Array, " s"] | Float[Array, "s s"] = SHAPE_WEIGHT,
    albedo_weight: float | Float[Array, " t"] | Float[Array, "t t"] = ALBEDO_WEIGHT,
) -> Float[Array, ""]:
    """L_loopback: L_param between what was predicted from a rendering of a prediction, and that prediction
    (section 3.3.4). Gradients reach both. Weights as in `parameter_loss`.
    """
    return parameter_loss(second_shape, second_albedo, first_shape, first_albedo, shape_weight, albedo_weight)


def skin_tone_loss(photo_tone: Float[Array, "batch 3"], albedo_tone: Float[Array, "batch 3"]) -> Float[Array, ""]:
    """L_skin = mean_k (1 − ρ_k): whether the batch's faces are in the same order of skin tone as its photographs. Ours.

    ρ_k is the correlation over the batch, between photograph and predicted albedo, of the logarithms of luminance, of red over
    green and of blue over green (`color.tone`, of a photograph's cheeks and of the predicted face). A correlation asks for no brightness, only for its order and
    proportions, since no photograph tells how bright its light was; the population's mean and spread are left to L_batchdistr.
    0 at best, 1 for unrelated ones, 2 for opposite ones.
    """
    return 1.0 - ops.mean(_standardised(photo_tone) * _standardised(albedo_tone))


def _standardised(x):
    centred = x - ops.mean(x, axis=0)
    return centred / ops.sqrt(ops.mean(centred**2, axis=0) + 1e-8)
