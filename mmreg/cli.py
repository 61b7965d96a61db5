"""The command line: `mmreg reconstruct`, `mmreg train`, `mmreg data`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From a photograph to a 3D face, by a regressor that learns without labels.",
)
data_app = typer.Typer(no_args_is_help=True, help="What data there are, and photographs encoded for training.")
app.add_typer(data_app, name="data")

NO_FACE, BAD_INPUT = 1, 2  # exit codes

Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="The face model: open, ict:FOLDER or open+ict:FOLDER (a copy of ICT-FaceKit), or the path of a Basel Face Model "
        "2017 file (.h5).",
    ),
]
Encoder = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--encoder",
        help="The recogniser: dlib, dlib+skin (with the tone of the cheeks), or facenet:FILE, inception_resnet:FILE or vggface:FILE "
        "with weights of yours: a path, or an address with its checksum, https://…/FILE#sha256=….",
    ),
]
Seed = Annotated[int, typer.Option(help="The seed of everything random.")]


@app.command()
def reconstruct(
    photos: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that receives one folder for each face.")] = Path(
        "faces"
    ),
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A regressor from `mmreg train`; without it, the project's reference, for the open model."),
    ] = None,
    model: Model = "open",
    encoder: Encoder = None,
) -> None:
    """Reconstructs every face in PHOTOS as a textured 3D mesh.

    Writes for each face: face.glb and face.obj (mesh with colours), coefficients.json, panel.png (photograph and three
    views) and render.png (frontal, neutral light). A photograph with several faces gives numbered folders, largest first.

    The recogniser is the one that the weights were trained for, unless --encoder says where its own weights are.

    Exit code 1: some photograph shows no face. Exit code 2: some input can't be used. All others are done first.
    """
    from tqdm import tqdm

    from mmreg.arrays import InputError, atomic_folder
    from mmreg.data.photographs import list_photographs, read_photograph
    from mmreg.figures.faces import reconstruction_panel
    from mmreg.figures.style import save
    from mmreg.reconstruct import Reconstructor, check_writable, output_folders, unique_stems

    paths = list_photographs(photos)
    check_writable(out)
    reconstructor = Reconstructor.load(model, weights, encoder)
    code = 0
    for path, stem in zip(tqdm(paths, unit="photo", disable=len(paths) < 2), unique_stems(paths), strict=True):
        try:
            faces = reconstructor.reconstruct(read_photograph(path))
        except InputError as error:
            _complain(error)
            code = BAD_INPUT
            continue
        if not faces:
            _complain(
                f"{path} shows no face that the detector finds; try a larger or more frontal picture of the face."
            )
            code = code or NO_FACE
            continue
        for face, folder in zip(faces, output_folders(out, stem, len(faces)), strict=True):
            with atomic_folder(folder) as partial:
                reconstructor.save(face, partial, str(path))
                _save_picture(reconstructor.portrait(face.coefficients)[0], partial / "render.png")
                save(reconstruction_panel(reconstructor, face), partial / "panel.png")
            typer.echo(folder)
    if code:
        raise typer.Exit(code)


@app.command()
def train(
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")] = Path("runs/quick"),
    profile: Annotated[str, typer.Option(help="quick, short, full or paper: how large the run is.")] = "quick",
    photos: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Photographs to learn from: a store written by `mmreg data encode`. Without it, a stand-in drawn from the "
            "statistics of photographs."
        ),
    ] = None,
    model: Model = "open",
    variant: Annotated[
        str, typer.Option(help="A run of mmreg/variants.toml that differs from the profile: an ablation.")
    ] = "tuned",
    encoder: Encoder = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT where it stopped.")] = False,
    devices: Annotated[int, typer.Option(help="GPUs (or JAX's devices) that share the pictures of every step.")] = 1,
    observe_every: Annotated[
        int, typer.Option(help="Steps between looks at gradients, moments and faces for TensorBoard; 0: none.")
    ] = 200,
) -> None:
    """Trains a regressor in the paper's two stages, and writes OUT/regressor.npz.

    Stage one learns from synthetic faces; stage two from photographs without labels as well. OUT also holds the regressor
    after stage one, checkpoints, run.json with the terms of every step, and logs for TensorBoard (tensorboard --logdir OUT). Without --encoder, the
    profile's is used; the photographs must have been encoded by the same.
    """
    from mmreg.arrays import InputError
    from mmreg.data.encoding import load_photographs
    from mmreg.data.photographs import photo_like_features
    from mmreg.devices import check_devices
    from mmreg.encoders import load_encoder
    from mmreg.face import load
    from mmreg.observation import Observer
    from mmreg.profiles import get_profile, get_variant
    from mmreg.reconstruct import check_writable
    from mmreg.studio import Studio
    from mmreg.training import train_run

    settings = get_profile(profile)
    if variant != "tuned":
        settings = get_variant(variant, settings).profile
    if photos is not None and not photos.exists():
        raise InputError(f"{photos} isn't a feature store; make one with `mmreg data encode FOLDER --out {photos}`.")
    if encoder is not None:
        settings = replace(settings, encoder=encoder.partition(":")[0])  # the record names no file of this machine
    check_writable(out)
    check_devices(devices)
    recogniser = load_encoder(encoder or settings.encoder)
    store = load_photographs(photos, recogniser) if photos else photo_like_features(8192, seed, recogniser)
    studio = Studio(load(model), recogniser, devices=devices)
    observer = Observer(studio, store, settings, seed, observe_every) if observe_every > 0 else None
    train_run(studio, store, settings, seed, out, resume, observer)
    typer.echo(out / "regressor.npz")


@data_app.command("encode")
def encode(
    folder: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="The store to write: one file (.npz), or a folder of many, for millions of photographs."
        ),
    ] = Path("photographs.npz"),
    encoder: Encoder = None,
) -> None:
    """Detects, aligns and encodes photographs once; training reads only what the encoder said of them.

    Uses all cores. Interrupted, it goes on where it stopped when it is called again.
    """
    from mmreg.data.encoding import encode_photographs
    from mmreg.encoders import load_encoder

    store = encode_photographs(folder, load_encoder(encoder or "dlib"), out)
    for name, reason in store.skipped:
        typer.echo(f"skipped {name}: {reason}", err=True)
    typer.echo(f"{out}: {len(store)} faces, {len(store.skipped)} photographs skipped")


@data_app.command("list")
def list_data() -> None:
    """What data the project uses, under which terms, and whether they are at hand."""
    from mmreg.data.sources import SOURCES

    for source in SOURCES:
        typer.echo(f"{source.name}: {source.state()}\n    {source.what}\n    terms: {source.terms}\n    {source.how}\n")


def _complain(problem: object) -> None:
    from tqdm import tqdm

    tqdm.write(f"mmreg: {problem}", file=sys.stderr)


def _save_picture(picture, path: Path) -> None:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.round(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)).save(path)


def main() -> None:
    """Runs the command line; input that can't be used is said in one sentence, with exit code 2."""
    try:
        app()
    except ValueError as error:
        from mmreg.arrays import InputError

        if not isinstance(error, InputError):
            raise
        _complain(error)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
