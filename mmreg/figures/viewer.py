"""A face with sliders in a static page: the element where it stands, and the model's data for it, packed into the page.

A page that is read from a disk may not fetch files, so the data are part of the page: integers in base64, by the page's end,
so that the text is there first. The script, `book/_extra/viewer/face_viewer.js`, is one file for all pages; `tools/viewer` makes it.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Float, InputError
from mmreg.data.synthetic import DARKEST_ALBEDO
from mmreg.face import Coefficients, MorphableModel
from mmreg.figures.faces import grid
from mmreg.figures.packing import earlier_neighbours, neighbours_first, pack, reorder, without_prediction
from mmreg.figures.space import ASPECT, CAMERA_DISTANCE_MM, CAMERA_HEIGHT_MM, WINDOW_MM, people
from mmreg.rendering.lighting import studio_lights
from mmreg.rendering.shading import SHININESS, SPECULAR_CONSTANT

if TYPE_CHECKING:  # IPython comes with the book's packages, not with the library's
    from IPython.display import HTML

# Where no script runs the element is unknown and shows its picture; where one does, the picture is hidden until the head is
# there (book/_static/mmreg.css), and comes back if the script can't be had.
ELEMENT = """\
<mmreg-face-viewer data="{data}"><img src="{source}" alt="{alt}"></mmreg-face-viewer>
<script>document.currentScript.previousElementSibling.setAttribute("state", "waiting")</script>
<script defer src="{script}" onerror="for (const face of document.querySelectorAll('mmreg-face-viewer'))
  face.setAttribute('state', 'picture')"></script>
"""
FORMAT = 1  # of the data; tools/viewer/src/element.js knows it too
SCRIPT = "../viewer/face_viewer.js"  # from a chapter's page
MEAN_STEP_MM, STEP_MM, STEP_SRGB = 0.01, 0.03, 0.002  # a number is at most half of it off, times the coefficient
REACH = 3.0  # the sliders' ends, in standard deviations
DEVIATIONS = "σ"
# What a reader calls a movement, and the expression units that make it up
MOVEMENTS = {
    "jaw opens": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "inner brows up": ("browInnerUp",),
    "eyes close": ("eyeBlinkLeft", "eyeBlinkRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight", "browDownLeft", "browDownRight"),
    "lips pucker": ("mouthPucker",),
    "cheeks puff": ("cheekPuff",),
}


def viewer_element(picture: Figure, alt: str, data: str = "face-viewer-data", script: str = SCRIPT) -> HTML:
    """The viewer's place in a page. It shows `picture` where no script runs, in print, and in browsers without WebGL.

    Args:
        picture: closed here.
        alt: what the picture shows, in words.
        data: the identifier of what `viewer_data` writes, anywhere in the same page.
        script: where the page finds face_viewer.js.
    """
    from IPython.display import HTML

    buffer = io.BytesIO()
    picture.savefig(buffer, format="jpeg", dpi=130, pil_kwargs={"quality": 88})
    plt.close(picture)
    source = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    places = {"data": data, "source": source, "alt": alt, "script": script}
    return HTML(ELEMENT.format(**{name: html.escape(value) for name, value in places.items()}))


def viewer_data(
    model: MorphableModel,
    components: int = 10,
    movements: Mapping[str, Sequence[str]] = MOVEMENTS,
    identifier: str = "face-viewer-data",
) -> HTML:
    """The model's mean, triangles and first components, for the viewer; some hundred kilobytes (ours, like its layout).

    Args:
        components: of each space; fewer where the model has fewer.
        movements: the model's expression units to add up, by the name that the reader sees; each gets a slider from nothing
            to the whole. One that the model has no units for is left out.
        identifier: the page's viewers ask for their data by it.
    """
    from IPython.display import HTML

    text = json.dumps(pack_model(model, components, movements), ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")  # a model's name can't end the script
    return HTML(f'<script type="application/json" id="{html.escape(identifier)}">{text}</script>')


def two_deviations(model: MorphableModel, size: int = 240) -> Figure:
    """The picture for `viewer_element`: the mean, and ±2 standard deviations of each space's first two components."""
    rows = []
    for part in ("shape", "albedo", "expression"):
        space = getattr(model, part)
        numbers = np.zeros((5, space.component_count), np.float32)
        for row, component, deviations in ((0, 0, -2), (1, 0, 2), (3, 1, -2), (4, 1, 2)):
            numbers[row, min(component, space.component_count - 1)] = deviations
        rows.append(list(people(model, Coefficients.neutral(model, 5)._replace(**{part: numbers}), size=size)))
    columns = ["first: −2 σ", "+2 σ", "mean", "second: −2 σ", "+2 σ"]
    return grid(rows, row_labels=["shape", "colour", "expression"], column_labels=columns)


def pack_model(model: MorphableModel, components: int = 10, movements: Mapping[str, Sequence[str]] = MOVEMENTS) -> dict:
    """What `viewer_data` writes, as JSON's own values; the numbers are in `payload`.

    Raises:
        InputError: there would be nothing to move.
    """
    if components < 1:
        raise InputError(f"components must be at least 1, the sliders of each space; got {components}.")
    units = model.expression_units
    known = {
        name: np.sum([units[part] for part in parts], axis=0)
        for name, parts in movements.items()
        if all(part in units for part in parts)
    }
    order = neighbours_first(model.triangles, model.vertex_count)
    triangles = reorder(model.triangles, order)
    vertex, neighbour = earlier_neighbours(triangles, model.vertex_count)
    packed = [pack(np.diff(triangles, axis=0, prepend=0).T)]
    described = []
    for name, values, step in _fields(model, components, known):
        values = values.reshape(-1, 3)[order]
        step = max(step, float(np.abs(values).max()) / np.iinfo(np.int16).max)
        residuals = without_prediction(np.round(values / step).astype(np.int64), vertex, neighbour)
        packed.append(pack(residuals.T))
        described.append({"name": name, "step": step})
    lights = studio_lights(1)
    return {
        "format": FORMAT,
        "model": model.name,
        "checksum": model.checksum,
        "vertexCount": model.vertex_count,
        "triangleCount": len(triangles),
        "fields": described,
        "spaces": [space for space in _spaces(model, components, list(known)) if space["fields"]],
        "darkestAlbedo": DARKEST_ALBEDO,
        "camera": {
            "distance": CAMERA_DISTANCE_MM,
            "height": CAMERA_HEIGHT_MM,
            "window": WINDOW_MM,
            "aspect": ASPECT,
        },
        "lights": {
            "positions": lights.position_world[0].tolist(),
            "intensities": lights.intensity[0].tolist(),
            "ambient": lights.ambient[0].tolist(),
        },
        "shading": {"specularConstant": SPECULAR_CONSTANT, "shininess": SHININESS},
        "payload": base64.b64encode(gzip.compress(b"".join(packed), compresslevel=9, mtime=0)).decode(),
    }


def _fields(
    model: MorphableModel, components: int, movements: Mapping[str, np.ndarray]
) -> Iterable[tuple[str, Float[np.ndarray, " coordinate"], float]]:
    """Name, values and step of all that the viewer adds up: two means, then columns of P times their σ, and movements."""
    yield "positions", model.mean_positions().reshape(-1), MEAN_STEP_MM
    yield "albedo", model.albedo.mean, STEP_SRGB
    for part, step in (("shape", STEP_MM), ("albedo", STEP_SRGB), ("expression", STEP_MM)):
        space = getattr(model, part)
        for k in range(min(components, space.component_count)):
            yield f"{part} {k + 1}", space.basis[:, k] * space.standard_deviations[k], step
    space = model.expression
    for name, coefficients in movements.items():
        yield f"movement {name}", space.basis @ (space.standard_deviations * coefficients), STEP_MM


def _spaces(model: MorphableModel, components: int, movements: list[str]) -> Iterable[dict]:
    """The viewer's tabs. `drawn`: with a random "person", "alone" by a button of its own, or never."""
    for part, title, symbol, of, drawn in (
        ("shape", "Shape", "s", "positions", "person"),
        ("albedo", "Colour", "t", "albedo", "person"),
        ("expression", "Expression", "e", "positions", "alone"),
    ):
        count = min(components, getattr(model, part).component_count)
        names = [f"{part} {k + 1}" for k in range(count)]
        yield {
            "key": part,
            "title": title,
            "symbol": symbol,
            "of": of,
            "drawn": drawn,
            "fields": names,
            "unit": DEVIATIONS,
            "range": [-REACH, REACH],
        }
    yield {
        "key": "movement",
        "title": "Movements",
        "of": "positions",
        "fields": [f"movement {name}" for name in movements],
        "labels": movements,
        "unit": "whole",
        "range": [0.0, 1.0],
        "note": "Known directions in e: these go one way only",
    }
