"""How often a second the live face of chapter 01 follows a slider: python -m benchmarks.viewer, after `make book`

In headless Chromium, whose WebGL is software on the processor: a graphics card isn't slower. At every animation frame a coefficient is set,
as a dragged slider does, and the frames of some seconds are counted; two widths, a desktop's and a phone's. Writes
`results/benchmarks/viewer.json`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run by its path, not by its name
    sys.path[0] = str(ROOT)

from mmreg.arrays import InputError  # noqa: E402

PAGE = ROOT / "book" / "_build" / "html" / "_executed" / "01_face_space.html"
OUT = ROOT / "results" / "benchmarks" / "viewer.json"
FACE = "document.querySelector('mmreg-face-viewer')"
DRAG = """
new Promise((done) => {
  const face = FACE, space = "KEY", times = [];
  let frame = 0, spent = 0;
  const step = (now) => {
    times.push(now);
    const began = performance.now();
    face.set(space, frame % 3, 2.5 * Math.sin(frame / 9));
    spent += performance.now() - began;
    frame += 1;
    if (now - times[0] < MILLISECONDS) requestAnimationFrame(step);
    else done({ frames: times.length - 1, milliseconds: now - times[0], script: spent / frame,
                ratio: face.stage.moving, canvas: [face.stage.canvas.clientWidth, face.stage.canvas.clientHeight] });
  };
  requestAnimationFrame(step);
})
"""


def main(
    seconds: Annotated[float, typer.Option(help="How long each slider is dragged.")] = 5.0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The result file (.json).")] = OUT,
) -> None:
    """Counts updates a second and writes a result file."""
    from mmreg.face import load
    from mmreg.results import Data, Provenance, write_result
    from tests.browser import Browser, find_chromium

    program, started = find_chromium(), time.monotonic()
    if program is None:
        raise InputError("There is no Chromium; install it, so that the page can be opened.")
    if not PAGE.is_file():
        raise InputError(f"{PAGE} isn't there; run `make book` first.")
    records = []
    with Browser(program) as browser:
        for width in (1300, 390):
            browser.open(PAGE, width=width)
            browser.run(f"{FACE}.ready")
            browser.run(f"{FACE}.scrollIntoView()")
            for space in ("shape", "albedo", "expression"):
                text = DRAG.replace("FACE", FACE).replace("KEY", space).replace("MILLISECONDS", str(1000 * seconds))
                found = browser.run(text)
                updates = 1000.0 * found["frames"] / found["milliseconds"]
                records.append(
                    {
                        "page_width": width,
                        "slider": space,
                        "updates_per_second": updates,
                        "script_ms": found["script"],
                        "picture_elements_per_pixel": found["ratio"],
                        "canvas": found["canvas"],
                    }
                )
                typer.echo(
                    f"{width:>5} px, {space:>10}: {updates:5.1f} updates a second, script {found['script']:.1f} ms"
                )
    provenance = Provenance(
        [Data("the open face model", 1, load("open").checksum)], {"seconds": seconds}, 0, started=started
    )
    write_result(out, {"runs": records, "graphics": "software (SwiftShader) on the processor"}, provenance)
    typer.echo(str(out))


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        typer.echo(f"benchmarks.viewer: {error}", err=True)
        sys.exit(2)
