"""Writes a small file in exactly the layout of the Basel Face Model 2017, made from the open face model.

    python -m tools.basel_layout model2017-1_bfm_nomouth.h5 [--cut face12] [--spacing 5] [--components 40]

For trying out what is meant for Basel's file by those who don't have it: the shape of the file is Basel's, its content isn't. It
has Basel's frame (the origin in the middle of the head), names of landmarks, mean expression, and nothing of what this project
adds to files of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import h5py
import numpy as np

from mmreg.arrays import atomic_path
from mmreg.face import LinearSpace, MorphableModel, load
from mmreg.face.modes import space_of_modes
from mmreg.geometry.mesh import vertex_normals

CUTS = ("bfm", "face12")
TO_BASEL_FRAME_MM = np.array([0.0, 4.0, 96.0], np.float32)
BACK_MM = {"bfm": -110.0, "face12": -62.0}  # depth behind which a cut ends, in the open model's frame
MULTI_PIE_OF_BASEL = {
    "center.nose.tip": "nose_tip",
    "center.chin.tip": "multi_pie_09",
    "center.nose.root": "multi_pie_28",
    "right.eye.corner_outer": "multi_pie_37",
    "right.eye.corner_inner": "multi_pie_40",
    "left.eye.corner_inner": "multi_pie_43",
    "left.eye.corner_outer": "multi_pie_46",
    "right.nose.wing.tip": "multi_pie_32",
    "left.nose.wing.tip": "multi_pie_36",
    "right.lips.corner": "multi_pie_49",
    "left.lips.corner": "multi_pie_55",
    "center.lips.upper.outer": "multi_pie_52",
    "center.lips.lower.outer": "multi_pie_58",
    "center.lips.upper.inner": "multi_pie_63",
    "center.lips.lower.inner": "multi_pie_67",
}


def write_basel_layout(
    path: str | Path, cut: str = "bfm", spacing_mm: float = 5.0, components: int = 40, mapping: bool = False
) -> None:
    """Writes the file.

    Args:
        cut: "bfm", with ears and throat, or "face12", the face alone; the list of landmarks is the same, as in Basel's files.
        spacing_mm: about how far apart vertices are.
        components: at most so many of each kind.
        mapping: landmarks as a mapping from name to coordinates instead of a list of records.
    """
    model = load("open")
    small = thin_out(model, _cut(model, cut), spacing_mm)
    mean = small.mean_positions() + TO_BASEL_FRAME_MM
    spaces = {
        "shape": _shortened(small.shape, components, mean.reshape(-1)),
        "color": _shortened(small.albedo, components, small.albedo.mean),
        "expression": _shortened(small.expression, components, small.expression.mean),
    }
    expression = spaces["expression"]
    mean_expression = 0.2 * expression.basis @ expression.standard_deviations
    spaces["expression"] = LinearSpace(mean_expression, expression.basis, expression.standard_deviations)
    with atomic_path(path) as partial, h5py.File(partial, "w") as file:
        for group, space in spaces.items():
            file[f"{group}/model/mean"] = space.mean
            file[f"{group}/model/pcaBasis"] = space.basis
            file[f"{group}/model/pcaVariance"] = space.standard_deviations**2
            file[f"{group}/model/noiseVariance"] = np.zeros(1, np.float32)
            file[f"{group}/representer/points"] = mean.T
            file[f"{group}/representer/cells"] = small.triangles.T.astype(np.int32)
            file[f"{group}/version/majorVersion"], file[f"{group}/version/minorVersion"] = 0, 9
        file["metadata/landmarks/json"] = json.dumps(_landmarks(model, mapping))


def thin_out(model: MorphableModel, keep: np.ndarray, spacing_mm: float) -> MorphableModel:
    """The part of a model where `keep` holds, on one vertex a cube and direction of the normal; landmarks stay.

    Cubes are `spacing_mm` wide. A triangle stays when its corners fall into three different cubes.
    """
    positions = model.mean_positions()
    normals = np.asarray(vertex_normals(positions[None], model.triangles))[0]
    eye = model.regions["left_eye"] | model.regions["right_eye"]  # lids stay apart from what they lie on
    cells = np.concatenate([np.floor(positions / spacing_mm), normals > 0, eye[:, None]], axis=1).astype(int)
    _, cube = np.unique(cells, axis=0, return_inverse=True)
    cube = cube.reshape(-1)
    for offset, vertex in enumerate(sorted(set(model.landmarks.values()))):
        cube[vertex] = cube.max() + 1 + offset  # each alone
    chosen = np.zeros(cube.max() + 1, int)
    order = np.flatnonzero(keep)
    chosen[cube[order]] = order
    corners = model.triangles[keep[model.triangles].all(axis=1)]
    corners = chosen[cube[corners]]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    corners = corners[np.sort(first)]
    used = np.zeros(model.vertex_count, bool)
    used[corners] = True
    number = np.cumsum(used) - 1
    return MorphableModel(
        name=f"{model.name}, thinned out",
        shape=model.shape.take(np.flatnonzero(used)),
        albedo=model.albedo.take(np.flatnonzero(used)),
        expression=model.expression.take(np.flatnonzero(used)),
        triangles=number[corners].astype(np.int32),
        landmarks={name: int(number[v]) for name, v in model.landmarks.items() if used[v]},
        license=model.license,
    )


def _cut(model: MorphableModel, cut: str) -> np.ndarray:
    if cut not in CUTS:
        raise ValueError(f"the cut must be one of {', '.join(CUTS)}, got {cut!r}")
    front = model.mean_positions()[:, 2] > BACK_MM[cut]
    eyes = model.regions["left_eye"] | model.regions["right_eye"]
    inside = model.regions["mouth_bag"]
    return front & (model.face_region | eyes if cut == "face12" else ~inside) & ~inside


def _shortened(space: LinearSpace, components: int, mean: np.ndarray) -> LinearSpace:
    """The first components, orthonormal on these vertices."""
    modes = (space.basis[:, :components] * space.standard_deviations[:components]).T
    return space_of_modes(mean, np.ascontiguousarray(modes))


def _landmarks(model: MorphableModel, mapping: bool) -> list | dict:
    positions = model.mean_positions() + TO_BASEL_FRAME_MM
    places = {basel: positions[model.landmarks[chart]].tolist() for basel, chart in MULTI_PIE_OF_BASEL.items()}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ear = positions[model.regions["ears"] & (sign * positions[:, 0] > 0)]
        places[f"{side}.ear.helix.outer"] = ear[np.argmax(sign * ear[:, 0])].tolist()
    if mapping:
        return places
    uncertainty = {"stddevs": [1.0, 1.0, 1.0], "pcvectors": np.eye(3).tolist()}
    return [{"id": name, "coordinates": place, "uncertainty": uncertainty} for name, place in places.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="the file to write, such as model2017-1_bfm_nomouth.h5")
    parser.add_argument("--cut", choices=CUTS, default="bfm")
    parser.add_argument("--spacing", type=float, default=5.0, help="about how far apart vertices are, in mm")
    parser.add_argument("--components", type=int, default=40, help="at most so many of each kind")
    arguments = parser.parse_args()
    write_basel_layout(arguments.path, arguments.cut, arguments.spacing, arguments.components)


if __name__ == "__main__":
    main()
