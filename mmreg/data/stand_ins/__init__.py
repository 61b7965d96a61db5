"""Open stand-ins for the data of the experiments: generated from a seed, nothing to fetch, harder than what the regressor trains on."""

from mmreg.data.stand_ins.people import People, Person, draw_people, draw_person

__all__ = ["People", "Person", "draw_people", "draw_person"]
