"""Face recognition networks, and the detection and alignment of faces in photographs that they need."""

from __future__ import annotations

from mmreg.encoders.dlib_dat import EncoderError
from mmreg.encoders.dlib_resnet import load_dlib_encoder
from mmreg.encoders.facenet import load_facenet
from mmreg.encoders.inception_resnet import load_inception_resnet
from mmreg.encoders.registry import (
    Encoder,
    Encoding,
    centred_unit,
    cosine,
    encoder_names,
    load_encoder,
    register,
    register_kind,
)
from mmreg.encoders.skin import with_skin_tone
from mmreg.encoders.vggface import load_vggface

__all__ = [
    "Encoder",
    "EncoderError",
    "Encoding",
    "centred_unit",
    "cosine",
    "encoder_names",
    "load_encoder",
    "register",
    "register_kind",
    "with_skin_tone",
]

register_kind("facenet", load_facenet)
register_kind("inception_resnet", load_inception_resnet)
register_kind("vggface", load_vggface)
register("dlib", load_dlib_encoder)
register("dlib+skin", lambda: with_skin_tone(load_encoder("dlib")))
register("dlib-map", lambda: load_dlib_encoder("map"))
register("dlib-map+skin", lambda: with_skin_tone(load_encoder("dlib-map")))
register("dlib-layers", lambda: load_dlib_encoder("layers", both_sides=True))
register("dlib-layers+skin", lambda: with_skin_tone(load_encoder("dlib-layers")))
register("dlib-layers-one-side", lambda: load_dlib_encoder("layers"))
register("dlib-layers-one-side+skin", lambda: with_skin_tone(load_encoder("dlib-layers-one-side")))
