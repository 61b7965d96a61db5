"""The command line: `mmreg reconstruct`, `mmreg sheet`, `mmreg fit`, `mmreg train`, `mmreg evaluate`, `mmreg data`."""

from __future__ import annotations

import json
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
        help="The recogniser: dlib (256 features), dlib-map (1,024) or dlib-layers (2,304), each also with +skin for the tone of the cheeks, "
        "or facenet:FILE, inception_resnet:FILE or vggface:FILE with weights of yours: a path, or an address with its checksum, https://…/FILE#sha256=….",
    ),
]
Weights = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--weights", help="A regressor from `mmreg train`; without it, the project's reference, for the open model."
    ),
]
Seed = Annotated[int, typer.Option(help="The seed of everything random.")]


@app.command()
def reconstruct(
    photos: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that receives one folder for each face.")] = Path(
        "faces"
    ),
    weights: Weights = None,
    model: Model = "open",
    encoder: Encoder = None,
    write: Annotated[
        str,
        typer.Option(
            help="What each face's folder receives: all; meshes (and coefficients, no pictures); or coefficients alone, for many photographs."
        ),
    ] = "all",
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N", help="Only the I-th of N parts of the photographs, for N machines that share a disk."
        ),
    ] = "1/1",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Compute again what is finished.")] = False,
    allow_skipped: Annotated[
        bool, typer.Option("--allow-skipped", help="Exit with 0 although photographs were skipped.")
    ] = False,
) -> None:
    """Reconstructs every face in PHOTOS as a textured 3D mesh.

    Writes for each face: face.glb and face.obj (mesh with colours), coefficients.json, panel.png (photograph and three
    views) and render.png (frontal, neutral light). OUT mirrors the folders in PHOTOS. A photograph with several faces gets
    folders in its own: face_1, the largest, face_2 and so on. Skipped photographs are listed in OUT/skipped.jsonl,
    or skipped-I-of-N.jsonl.

    Any number of photographs can be given. Stopped at any moment and called again, it goes on where it stopped: what is
    finished, and made of the same photograph with the same weights, isn't computed again.

    The recogniser is the one that the weights were trained for, unless --encoder says where its own weights are.

    Exit code 1: some photograph shows no face. Exit code 2: some input can't be used. All others are done first.
    """
    from tqdm import tqdm

    from mmreg.data.output_names import in_shard, name_photographs
    from mmreg.reconstruct import Reconstructor, check_writable
    from mmreg.streaming import reconstruct_photographs

    part, parts = _shard(shard)

    def chosen():
        return (one for one in name_photographs(photos, without=out) if in_shard(one.name, part, parts))

    count = sum(1 for _ in chosen())
    check_writable(out)
    reconstructor = Reconstructor.load(model, weights, encoder)
    outcomes = reconstruct_photographs(
        reconstructor, chosen(), out, write, _draw, overwrite, f"{part}-of-{parts}" if parts > 1 else ""
    )
    code = 0
    for outcome in tqdm(outcomes, total=count, unit="photo", disable=count < 2):
        if outcome.problem:
            _complain(outcome.problem)
            code = (code or NO_FACE) if outcome.no_face else BAD_INPUT
        for folder in outcome.folders:
            typer.echo(folder)
    if code and not allow_skipped:
        raise typer.Exit(code)


@app.command()
def sheet(
    photos: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that receives sheet-001.png, ...")] = Path(
        "sheets"
    ),
    weights: Weights = None,
    model: Model = "open",
    encoder: Encoder = None,
    people: Annotated[int, typer.Option(help="How many on a sheet.", min=1, max=60)] = 24,
) -> None:
    """Draws PHOTOS as the paper's qualitative figure: each photograph's main face, ours from the front, ours turned.

    One sheet after the other is drawn and written, so any number of photographs will do. Exit codes as of `mmreg reconstruct`.
    """
    from tqdm import tqdm

    from mmreg.arrays import InputError
    from mmreg.data.photographs import list_photographs, read_photograph
    from mmreg.figures.qualitative import portrayed, qualitative_sheet
    from mmreg.figures.style import save
    from mmreg.reconstruct import Reconstructor, check_writable

    paths = list_photographs(photos)
    check_writable(out)
    reconstructor = Reconstructor.load(model, weights, encoder)
    code, number, subjects = 0, 0, []
    for path in tqdm(paths, unit="photo", disable=len(paths) < 2):
        try:
            subject = portrayed(reconstructor, read_photograph(path))
        except InputError as error:
            _complain(error)
            code = BAD_INPUT
            continue
        if subject is None:
            _complain(f"{path} shows no face that the detector finds.")
            code = code or NO_FACE
            continue
        subjects.append(subject)
        if len(subjects) == people:
            number, subjects = _write_sheet(qualitative_sheet, save, reconstructor, subjects, out, number), []
    if subjects:
        _write_sheet(qualitative_sheet, save, reconstructor, subjects, out, number)
    if code:
        raise typer.Exit(code)


def _write_sheet(draw, save, reconstructor, subjects, out: Path, number: int) -> int:
    path = out / f"sheet-{number + 1:03d}.png"
    save(draw(reconstructor, subjects), path)
    typer.echo(path)
    return number + 1


@app.command()
def fit(
    photo: Annotated[Path, typer.Argument(help="A photograph.", show_default=False)],
    points: Annotated[
        Path,
        typer.Argument(
            help="The 68 Multi-PIE points of a face in it, in pixels of the upright picture: .pts, .json, or two numbers a line.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that receives the fitted face.")] = Path(
        "fitted"
    ),
    weights: Weights = None,
    model: Model = "open",
    encoder: Encoder = None,
) -> None:
    """Reconstructs the face that POINTS belong to, and fits its pose and expression to them (the paper's appendix A.1).

    Writes into OUT: face.glb and face.obj with the expression, coefficients.json, fit.json (angles in degrees, error), and fit.png to check it
    by.
    """
    import numpy as np
    from PIL import Image

    from mmreg.arrays import InputError, atomic_folder
    from mmreg.data.photographs import read_photograph
    from mmreg.data.points import read_points
    from mmreg.figures.fitting import fitted_panel
    from mmreg.figures.style import save
    from mmreg.fitting import fit_landmarks
    from mmreg.reconstruct import Reconstructor

    image, marked = read_photograph(photo), read_points(points)
    with Image.open(photo) as original:
        reduced = max(image.shape[:2]) / max(original.size)  # large photographs are made smaller when they are read
    marked = ((marked + 0.5) * reduced - 0.5).astype(np.float32)
    reconstructor = Reconstructor.load(model, weights, encoder)
    middle = marked.mean(axis=0)
    faces = reconstructor.reconstruct(image)
    around = [f for f in faces if (f.detection.box[:2] <= middle).all() and (middle <= f.detection.box[2:]).all()]
    if not around:
        raise InputError(
            f"None of the {len(faces)} faces found in {photo} lies around the points of {points}; are they this photograph's, in its pixels?"
        )
    face = around[0]
    fitted = fit_landmarks(reconstructor.model, face.coefficients.shape, marked[None], image.shape[:2])
    face = replace(face, coefficients=face.coefficients._replace(expression=fitted.expression))
    with atomic_folder(out) as partial:
        reconstructor.save(face, partial, str(photo))
        save(fitted_panel(reconstructor.model, image, marked, face.coefficients, fitted), partial / "fit.png")
        record = {
            name.replace("radians", "degrees"): float(np.rad2deg(a[0])) for name, a in fitted.pose._asdict().items()
        }
        record |= {"points_missed_by_share_of_the_eyes_distance": float(fitted.error[0])}
        record |= {"photograph": str(photo), "points": str(points)}
        (partial / "fit.json").write_text(json.dumps(record, indent=1) + "\n")
    typer.echo(out)


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
    studio = Studio(load(model), recogniser, devices=devices, triangles=settings.triangles)
    observer = Observer(studio, store, settings, seed, observe_every) if observe_every > 0 else None
    train_run(studio, store, settings, seed, out, resume, observer)
    typer.echo(out / "regressor.npz")


@app.command()
def evaluate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Experiments, such as geometry or fairness; all runs them all, and a name that isn't known lists them.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that receives NAME.json.")] = Path(
        "results/experiments"
    ),
    weights: Weights = None,
    stage_one: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The same regressor before it saw photographs (stage_one.npz), to be compared."),
    ] = None,
    model: Model = "open",
    encoder: Encoder = None,
    judge: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="A recogniser that the training didn't ask: densenet:FILE (dlib's), vggface:FILE or facenet:FILE; FILE may be an address with "
            "#sha256=… behind it. Without it, what MMREG_JUDGE names or MMREG_DATA holds; where nothing does, the network in the loss is "
            "shown as what it is."
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="quick or full: how many people and photographs.")] = "quick",
    seed: Seed = 0,
    cache: Annotated[Path, typer.Option(help="A folder that keeps what the networks said of photographs.")] = Path(
        "runs/cache"
    ),
) -> None:
    """Runs the paper's experiments on a regressor, and writes OUT/NAME.json.

    Real data are used where MMREG_DATA holds them (see `mmreg data list`), else an open stand-in, which the result names. Interrupted, it
    goes on where it stopped when it is called again.
    """
    from mmreg.arrays import InputError
    from mmreg.evaluation.judge import judge_at_hand, load_judge
    from mmreg.experiments import EXPERIMENTS, Setting
    from mmreg.experiments.base import SIZES, named, write
    from mmreg.reconstruct import Reconstructor, check_writable
    from mmreg.results import Provenance

    chosen = [named(EXPERIMENTS, name) for name in (EXPERIMENTS if names == ["all"] else names)]
    if size not in SIZES:
        raise InputError(f"There is no size named {size!r}; choose {' or '.join(SIZES)}.")
    check_writable(out)
    reconstructor = Reconstructor.load(model, weights, encoder)
    setting = Setting(
        reconstructor,
        Reconstructor.load(model, stage_one, encoder) if stage_one else None,
        load_judge(judge, reconstructor.encoder) if judge else judge_at_hand(reconstructor.encoder),
        size,
        seed,
        cache,
    )
    for experiment in chosen:
        provenance = Provenance([], {}, seed)  # its clock starts here
        typer.echo(write(experiment(setting), setting, out, provenance))


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

    Without --encoder it is dlib-layers, 5 kB a photograph, which every profile can read; dlib takes 1 kB, and serves `quick` and `paper`.
    Uses all cores. Interrupted, it goes on where it stopped when it is called again.
    """
    from mmreg.data.encoding import encode_photographs
    from mmreg.encoders import load_encoder

    store = encode_photographs(folder, load_encoder(encoder or "dlib-layers"), out)
    for name, reason in store.skipped:
        typer.echo(f"skipped {name}: {reason}", err=True)
    typer.echo(f"{out}: {len(store)} faces, {len(store.skipped)} photographs skipped")


@data_app.command("list")
def list_data() -> None:
    """What data the project uses, under which terms, and whether they are at hand.

    What is gated or large is looked for in the folder that the environment variable MMREG_DATA names: MMREG_DATA/lfw,
    /micc, /mofa_test, /feret, /art and so on. Experiments use an open stand-in for what is missing, and say so.
    """
    from mmreg.arrays import InputError
    from mmreg.data.sets import SETS, counted
    from mmreg.data.sources import SOURCES, DataNotAvailable

    for source in SOURCES:
        state = source.state()
        if source.file in SETS:
            data_set = SETS[source.file]
            try:
                found = data_set.load()
                state = f"available, {source.place()}: {counted(found)}"
                state += f", {len(found.skipped)} files can't be used" if found.skipped else ""
            except DataNotAvailable:
                state += f" (an open stand-in takes its place: {data_set.stand_in})" if data_set.stand_in else ""
            except InputError as error:
                state = f"unusable: {error}"
        label = f"{source.name} ({source.file})" if source.file in SETS else source.name
        typer.echo(f"{label}: {state}\n    {source.what}\n    terms: {source.terms}\n    {source.how}\n")


@data_app.command("check")
def check_data(
    name: Annotated[str, typer.Argument(help="lfw, micc, mofa_test, feret, art, celeba, ffhq or vggface.")],
    folder: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(
            help="Where it lies; without it, the folder NAME in the one that MMREG_DATA names.", show_default=False
        ),
    ] = None,
) -> None:
    """Reads every file of a data set, counts what is whole, and names what is broken or unexpected, with the reason.

    Exit code 2: something is broken or can't be used, or the data set isn't there.
    """
    from mmreg.data.sets import check, named

    report = check(named(name).load(folder))
    for file, reason in report.broken:
        _complain(reason if file in reason else f"{file}: {reason}")
    typer.echo(f"{report.name}: {report.counts}; {len(report.broken)} can't be used. Checksum: {report.checksum[:16]}")
    if report.broken:
        raise typer.Exit(BAD_INPUT)


def _complain(problem: object) -> None:
    from tqdm import tqdm

    tqdm.write(f"mmreg: {problem}", file=sys.stderr)


def _shard(text: str) -> tuple[int, int]:
    """(I, N) of "I/N"."""
    from mmreg.arrays import InputError

    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard {text} should be I/N with I from 1 to N, such as 1/16.")
    return int(part), int(parts)


def _draw(reconstructor, face, folder: Path) -> None:
    """Writes the pictures of a face."""
    from mmreg.figures.faces import reconstruction_panel
    from mmreg.figures.style import save

    _save_picture(reconstructor.portrait(face.coefficients)[0], folder / "render.png")
    save(reconstruction_panel(reconstructor, face), folder / "panel.png")


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
