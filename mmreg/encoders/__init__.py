"""Face recognition networks, and the detection and alignment of faces in photographs that they need."""

from __future__ import annotations

from mmreg.encoders.dlib_dat import EncoderError
from mmreg.encoders.dlib_resnet import load_dlib_encoder
from mmreg.encoders.registry import (
    Encoder,
    Encoding,
    centred_unit,
    cosine,
    encoder_names,
    load_encoder,
    register,
)
from mmreg.encoders.skin import with_skin_tone

__all__ = [
    "Encoder",
    "EncoderError",
    "Encoding",
    "centred_unit",
    "cosine",
    "encoder_names",
    "load_encoder",
    "register",
    "with_skin_tone",
]

register("dlib", load_dlib_encoder)
register("dlib+skin", lambda: with_skin_tone(load_encoder("dlib")))
