"""What an encoder must fulfil for the rest of the library to work with it, tested on the encoder itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import keras
import numpy as np

from mmreg.arrays import Float
from mmreg.encoders.dlib_dat import EncoderError
from mmreg.encoders.registry import Encoder

__all__ = ["check_contract", "violations"]

TOLERANCE = 1e-3  # of an output's largest value


def check_contract(encoder: Encoder) -> None:
    """Raises EncoderError with a sentence for everything that the encoder doesn't fulfil."""
    found = violations(encoder)
    if found:
        raise EncoderError(f"The encoder {encoder.name!r} can't be used: {'; '.join(found)}.")


def violations(encoder: Encoder) -> list[str]:
    """What the encoder doesn't fulfil, a sentence each; empty if all is well."""
    found = [sentence for check in (_identity, _templates, _frozen) for sentence in check(encoder)]
    pictures = np.random.default_rng(0).uniform(size=(3, *encoder.image_size, 3)).astype(np.float32)
    try:
        outputs = [np.asarray(part) for part in encoder(pictures)]
    except Exception as error:
        return [*found, f"it can't encode pictures of {encoder.image_size} pixels ({type(error).__name__}: {error})"]
    unusable = _malformed(encoder, outputs)
    return [*found, *(unusable or [*_repeatable(encoder, pictures, outputs), *_differentiable(encoder, pictures)])]


def _malformed(encoder: Encoder, outputs: list[np.ndarray]) -> list[str]:
    found = []
    sizes = {"features": encoder.feature_size, "embedding": encoder.embedding_size}
    for (name, size), output in zip(sizes.items(), outputs, strict=True):
        if output.shape != (3, size):
            found.append(f"its {name} should have the shape {(3, size)} for three pictures, but have {output.shape}")
        elif not np.isfinite(output).all():
            found.append(f"its {name} aren't finite")
        elif np.ptp(output, axis=0).max() == 0.0:
            found.append(f"its {name} are the same for different pictures")
    return found


def _identity(encoder: Encoder) -> list[str]:
    found = []
    if not encoder.name or ":" in encoder.name:
        found.append("its name must not be empty or hold a colon, which stands before a file")
    if not re.fullmatch(r"[0-9a-f]{64}", encoder.checksum):
        found.append(
            "its checksum must be 64 hexadecimal digits, which stored features and trained weights are held to"
        )
    return found


def _templates(encoder: Encoder) -> list[str]:
    found = []
    height, width = encoder.image_size
    for name in ("template", "alignment_template"):
        points = np.asarray(getattr(encoder, name))
        if points.shape != (5, 2):
            found.append(f"its {name} must be five points (5, 2), not {points.shape}")
        elif not ((points >= 0) & (points <= [width - 1, height - 1])).all():
            found.append(f"its {name} must lie within its pictures of {width} × {height} pixels")
    if not found:
        left, right, nose, left_mouth, right_mouth = np.asarray(encoder.template)
        upright = max(left[1], right[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        if not (upright and left[0] < right[0] and left_mouth[0] < right_mouth[0]):
            found.append(
                "its template must name image-left eye, image-right eye, nose, image-left and image-right mouth corner"
            )
        mirrored = np.asarray(encoder.template)[[1, 0, 2, 4, 3]] * [-1, 1] + [width - 1, 0]
        if encoder.both_sides and np.abs(mirrored - encoder.template).max() > 0.01 * width:
            found.append("its template must be symmetric for pictures to be seen from both sides")
    return found


def _frozen(encoder: Encoder) -> list[str]:
    return ["its network must be frozen (network.trainable = False)"] if encoder.network.trainable_weights else []


def _repeatable(encoder: Encoder, pictures: np.ndarray, outputs: list[np.ndarray]) -> list[str]:
    """Whether a picture is the same thing twice, and alone as well as among others."""
    found = []
    for words, again in (
        ("twice", encoder(pictures)),
        ("alone as among others, so nothing may depend on the batch", encoder(pictures[:1])),
    ):
        for before, after in zip(outputs, again, strict=True):
            difference = np.abs(np.asarray(after) - before[: len(after)]).max()
            if difference > TOLERANCE * np.abs(before).max():
                found.append(f"it must say the same of a picture {words}")
                break
    return found


def _differentiable(encoder: Encoder, pictures: Float[np.ndarray, "batch height width 3"]) -> list[str]:
    gradient = _gradient(lambda images: encoder(images).embedding, pictures)
    if gradient is None or not np.abs(gradient).max() > 0.0:
        return ["no gradient reaches the pictures from its embedding, so the identity loss can't teach anything"]
    return [] if np.isfinite(gradient).all() else ["the gradient of its embedding isn't finite"]


def _gradient(function: Callable, pictures: np.ndarray) -> np.ndarray | None:
    """Of the sum of squares of the function's values; None where nothing flows."""
    if keras.config.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda images: (function(images) ** 2).sum())(pictures))
    import tensorflow as tf

    images = tf.convert_to_tensor(pictures)
    with tf.GradientTape() as tape:
        tape.watch(images)
        values = function(images)
    gradient = tape.gradient(values, images, output_gradients=2.0 * values)
    return None if gradient is None else gradient.numpy()
