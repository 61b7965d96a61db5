"""Open stand-ins for the data of the experiments: generated from a seed, nothing to fetch, harder than what the regressor trains on.

People come from the generator that the open model was made of, before its components, and have traits that no component holds.
"""

from mmreg.data.stand_ins.art import art_like
from mmreg.data.stand_ins.feret import FACTORS, feret_like
from mmreg.data.stand_ins.lfw import lfw_like
from mmreg.data.stand_ins.micc import micc_like
from mmreg.data.stand_ins.people import People, Person, draw_people, draw_person

__all__ = [
    "FACTORS",
    "People",
    "Person",
    "art_like",
    "draw_people",
    "draw_person",
    "feret_like",
    "lfw_like",
    "micc_like",
]
