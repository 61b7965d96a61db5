"""Where a training step's time goes: data, rendering, the encoder, the regressor and its optimiser.

    python -m benchmarks.training                  # about two minutes; leave the machine alone meanwhile
    python -m benchmarks.training --profile quick --out quick.json

Times a whole step of stage two as training runs it, and its parts by themselves as compiled graphs, taking turns: making the
batch; photographing the predictions and back, and the synthetic faces; encoding both, and back for the predictions'. What the parts
leave is the regressor's, its losses' and its optimiser's. Prints a table and writes `results/benchmarks/training.json`.
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

OUT = ROOT / "results" / "benchmarks" / "training.json"


def measure(profile, seconds: float) -> dict:
    """Milliseconds of a step and of its parts (medians), their shares, photographs a second."""
    import tensorflow as tf

    from benchmarks.timing import take_turns
    from benchmarks.training_step import and_back
    from mmreg.data.photographs import photo_like_features
    from mmreg.encoders import load_encoder
    from mmreg.face import Coefficients, load
    from mmreg.regressor import DomainStatistics, fresh_regressor
    from mmreg.studio import Studio, rendering_statistics
    from mmreg.training import compile_trainer, stage_two_batch, trainer_of

    encoder = load_encoder(profile.encoder)
    studio, photos = Studio(load("open"), encoder, triangles=profile.triangles), photo_like_features(8192, 0, encoder)
    statistics = {
        "photograph": DomainStatistics.of(photos.features, photos.embedding),
        "rendering": rendering_statistics(studio, 64, 0),
    }
    regressor = fresh_regressor(studio.model, encoder, statistics, 0)
    trainer = trainer_of(studio, regressor, profile, "stage_two")
    compile_trainer(trainer, profile.stage_two_learning_rate, profile)
    batch = stage_two_batch(studio, photos, profile, 0, 0)
    views = profile.photos_per_step * profile.views_per_photo
    faces = [tf.constant(c) for c in Coefficients.sample(studio.model, profile.photos_per_step, 0)[:2]]
    synthetic = Coefficients(*(None if c is None else tf.constant(c) for c in batch.synthetic))
    pictures = studio.photograph(Coefficients(*faces), batch.photo_scene)
    synthetic_pictures = studio.photograph(synthetic, batch.synthetic_scene)

    photograph = tf.function(lambda: studio.photograph(synthetic, batch.synthetic_scene))
    encode = tf.function(lambda: tuple(encoder.as_photographs(synthetic_pictures)))
    encode_predictions = encoder.as_photographs if profile.predictions_both_sides else encoder
    numbers = iter(range(10**9))
    timings = take_turns(
        {
            "step": lambda: trainer.train_on_batch(batch, return_dict=True),
            "data": lambda: stage_two_batch(studio, photos, profile, 0, next(numbers)),
            "render_predictions": and_back(lambda *c: studio.photograph(Coefficients(*c), batch.photo_scene), faces),
            "render_synthetic": photograph,
            "encode_predictions": and_back(lambda images: tuple(encode_predictions(images)), [pictures]),
            "encode_synthetic": encode,
        },
        seconds,
        20.0 * seconds,
    )
    ms = {name: timing.wall_ms for name, timing in timings.items()}
    parts = {
        "data": ms["data"],
        "render": ms["render_predictions"] + ms["render_synthetic"],
        "encode": ms["encode_predictions"] + ms["encode_synthetic"],
    }
    total = ms["step"] + ms["data"]
    parts["regress"] = total - sum(parts.values())
    return {
        "rendered_predictions": views,
        "synthetic_faces": profile.synthetic_per_step,
        "distribution_photos": profile.distribution_photos,
        "ms_step": total,
        **{f"ms_{name}": value for name, value in (parts | {k: v for k, v in ms.items() if "_" in k}).items()},
        "shares": {name: value / total for name, value in parts.items()},
        "photos_per_second": 1000.0 * profile.photos_per_step / total,
        "pictures_per_second": 1000.0 * (views + profile.synthetic_per_step) / total,
        "hours_of_stage_two": profile.stage_two_steps * total / 3.6e6,
    }


def main(
    profile: Annotated[str, typer.Option(help="Whose step: quick, full or paper.")] = "full",
    seconds: Annotated[float, typer.Option(help="How long each part is timed.")] = 8.0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The result file (.json).")] = OUT,
) -> None:
    """Times a training step and its parts, prints a table and writes a result file."""
    from mmreg.profiles import get_profile
    from mmreg.results import Data, Provenance, write_result

    settings, started = get_profile(profile), time.monotonic()
    found = measure(settings, seconds)
    provenance = Provenance(
        [Data("drawn from the statistics of photographs; nobody's features", 8192, stand_in=True)],
        settings.to_dict(),
        0,
        started=started,
    )
    write_result(out, found, provenance)
    for name, share in found["shares"].items():
        typer.echo(f"{name:>8} {found[f'ms_{name}']:8.1f} ms  {100 * share:5.1f} %")
    typer.echo(f"{'step':>8} {found['ms_step']:8.1f} ms; {found['photos_per_second']:.0f} photographs a second; {out}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        typer.echo(f"benchmarks.training: {error}", err=True)
        sys.exit(2)
