"""Draws the sheet of people that the README shows: python -m tools.open_face.people"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from mmreg.arrays import atomic_path
from mmreg.data.synthetic import photograph, studio_scene
from mmreg.encoders import load_encoder
from mmreg.face import Coefficients, IdentitySampler, MorphableModel, load

CAPTION = (
    "{count} people who don't exist: random faces of the open model, with shape and albedo drawn together from the same "
    "gender, age and ancestry (IdentitySampler, seed {seed}), rendered by the library."
)
PICTURES = Path(__file__).parents[2] / "results" / "figures"
SCALE, RISE = (
    0.52,
    8.0,
)  # beside the encoder's framing, in which heads are cut; pixels of 150 by which faces are moved down


def heads(model: MorphableModel, people: Coefficients, size: int) -> np.ndarray:
    """(person, size, width, 3) whole heads in the book's light, sRGB in [0, 1]; the sides are cut off, where nothing is."""
    encoder, fine = load_encoder("dlib"), 2 * size
    ratio = fine / encoder.image_size[0]
    template = (encoder.template + 0.5) * ratio - 0.5
    pictures = []
    for k in range(len(people.shape)):
        one = Coefficients(*(None if c is None else c[k : k + 1] for c in people))
        scene = studio_scene(1, scale=SCALE)._replace(crop_offset_pixels=np.array([[0.0, RISE * ratio]], np.float32))
        picture = np.asarray(photograph(model, one, scene, template, (fine, fine), lens_blur_pixels=0.0))
        pictures.append(picture.reshape(size, 2, size, 2, 3).mean(axis=(1, 3)))
    side = round(0.14 * size)
    return np.stack(pictures)[:, :, side : size - side]


def sheet(pictures: np.ndarray, columns: int) -> np.ndarray:
    """One picture of all, row by row."""
    rows = [np.concatenate(list(pictures[k : k + columns]), axis=1) for k in range(0, len(pictures), columns)]
    return np.concatenate(rows, axis=0)


def main() -> None:
    """Draws, writes and says what the picture shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES / "people.png")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--size", type=int, default=192, help="pixels of a face's height")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--independent", action="store_true", help="independent N(0, 1) coefficients, as the paper's prior"
    )
    options = parser.parse_args()
    model, count = load("open"), options.rows * options.columns
    caption = CAPTION
    if options.independent:
        people = Coefficients.sample(model, count, options.seed)
        caption = "{count} random faces of the open model, all coefficients independent (seed {seed}), rendered by the library."
    else:
        people = IdentitySampler.load().sample(count, options.seed)
    picture = sheet(heads(model, people, options.size), options.columns)
    with atomic_path(options.out) as partial:
        Image.fromarray(np.round(255 * picture).astype(np.uint8)).save(partial, format="PNG", optimize=True)
    print(caption.format(count=count, seed=options.seed))


if __name__ == "__main__":
    main()
