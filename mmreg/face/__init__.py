"""The face: morphable models, the embedded open one and Basel's, their coefficients and landmarks."""

from mmreg.face.coefficients import Coefficients
from mmreg.face.identity_sampler import Attributes, IdentitySampler
from mmreg.face.landmarks import FIVE_POINTS, GROUPS, MULTI_PIE, NOSE_TIP, FivePoints
from mmreg.face.linear_space import LinearSpace
from mmreg.face.loading import load
from mmreg.face.morphable_model import FaceModelError, MorphableModel

__all__ = [
    "FIVE_POINTS",
    "GROUPS",
    "MULTI_PIE",
    "NOSE_TIP",
    "Attributes",
    "Coefficients",
    "FaceModelError",
    "FivePoints",
    "IdentitySampler",
    "LinearSpace",
    "MorphableModel",
    "load",
]
