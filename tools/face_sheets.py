"""Sheets of the same people by different regressors: python -m tools.face_sheets NAME=WEIGHTS.npz ... --known PEOPLE.npz --out FOLDER

Twenty-four people whose faces are known, none of them in the model's span (from `tools/known_people.py`, or without --known from the stand-ins), and Eileen Collins, photographed by NASA.
Each regressor gets the features of the same pictures: of one rendering of each of the known, and of the photograph. Writes FOLDER/NAME.png with what it made of them,
FOLDER/given.png with the pictures that it was given, and FOLDER/sheets.json with the checksums.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from mmreg.arrays import Float, atomic_path
from mmreg.data.synthetic import photograph_surface, sample_scenes
from mmreg.encoders import load_encoder
from mmreg.encoders.alignment import align, detect
from mmreg.face import Coefficients, load
from mmreg.figures.learning import framed_photograph
from mmreg.reconstruct import portrait
from mmreg.regressor import load_regressor
from mmreg.results import Data, Provenance, file_checksum, write_result

PEOPLE, COLUMNS, PIXELS = 24, 5, 128
SCENES = 91_000  # their seed
COLORS = 256  # of a sheet's palette


def known_people(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """(positions, albedos) of the first people of the file, or of the stand-ins' people."""
    if path is None:
        from mmreg.data.stand_ins import draw_people

        people = draw_people(PEOPLE, seed=0)
        return people.positions, people.albedos
    with np.load(path, allow_pickle=False) as file:
        return file["positions"][:PEOPLE], file["albedos"][:PEOPLE]


def sheet(pictures: Float[np.ndarray, "count size size 3"]) -> Image.Image:
    """Pictures (sRGB in [0, 1]) in rows of five, in a palette of their own."""
    rows = -(-len(pictures) // COLUMNS)
    size = pictures.shape[1]
    whole = np.full((rows * size, COLUMNS * size, 3), 0.93)
    for k, picture in enumerate(np.clip(pictures, 0.0, 1.0)):
        y, x = divmod(k, COLUMNS)
        whole[y * size : (y + 1) * size, x * size : (x + 1) * size] = picture
    image = Image.fromarray(np.round(255.0 * whole).astype(np.uint8))
    return image.quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)


def save(image: Image.Image, path: Path) -> None:
    with atomic_path(path) as partial:
        image.save(partial, optimize=True)


class Sitters:
    """The pictures that every regressor is given, and what each encoder says of them."""

    def __init__(self, known: Path | None = None):
        from skimage.data import astronaut

        self.model, self.encoder = load("open"), load_encoder("dlib")
        positions, albedos = known_people(known)
        scenes = sample_scenes(len(positions), SCENES)
        self.chips = np.concatenate(
            [
                np.asarray(
                    photograph_surface(
                        positions[k : k + 1], albedos[k : k + 1], self.model, _one(scenes, k), self.encoder.template,
                        self.encoder.image_size,
                    )
                )
                for k in range(len(positions))
            ]
        )  # fmt: skip
        photo = astronaut().astype(np.float32) / 255.0
        points = detect(photo)[0].points
        self.astronaut = align(photo, points, self.encoder)
        small = [np.asarray(Image.fromarray(np.uint8(255 * np.clip(c, 0, 1))).resize((PIXELS, PIXELS), 1)) / 255.0
                 for c in self.chips]  # fmt: skip
        self.given = np.stack([*small, framed_photograph(photo, points, self.encoder, PIXELS)])
        self.count = len(positions) + 1

    def faces(self, weights: Path) -> Coefficients:
        """What a regressor makes of them."""
        loaded = load_regressor(weights, self.model.checksum)
        encoder = load_encoder(loaded.regressor.identity.encoder_name)
        parts = [
            loaded.regressor(encoder.predict(chips).features, domain=domain)
            for chips, domain in ((self.chips, "rendering"), (self.astronaut[None], "photograph"))
        ]
        return Coefficients(*(np.concatenate([np.asarray(part[k]) for part in parts]) for k in (0, 1)))

    def sheet(self, weights: Path) -> Image.Image:
        """Their reconstructions in the book's light."""
        return sheet(portrait(self.model, self.faces(weights), self.encoder, size=PIXELS))


def _one(scenes, k: int):
    from mmreg.studio import take_rows

    return take_rows(scenes, slice(k, k + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="NAME=WEIGHTS.npz; NAME as in mmreg/variants.toml, or stage_one")
    parser.add_argument("--known", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/training/sheets"))
    options = parser.parse_args()
    sitters = Sitters(options.known)
    save(sheet(sitters.given), options.out / "given.png")
    made = {}
    for run in tqdm(options.runs, unit="sheet"):
        name, _, weights = run.partition("=")
        save(sitters.sheet(Path(weights)), options.out / f"{name}.png")
        made[name] = file_checksum(weights)
    provenance = Provenance(
        [
            Data("people of the open generator outside the model's span", sitters.count - 1, file_checksum(options.known) if options.known else "", True),
            Data("portrait of Eileen Collins by NASA (public domain, from scikit-image)", 1),
        ],
        {"name": "sheets", "scenes_seed": SCENES},
        0,
    )  # fmt: skip
    path = options.out / "sheets.json"
    if path.exists():
        from mmreg.results import read_result

        made = read_result(path)["weights"] | made
    write_result(path, {"weights": made, "columns": COLUMNS, "people": sitters.count}, provenance)


if __name__ == "__main__":
    main()
