"""One stage of training in a folder: steps, logs, checkpoints; a run goes on where it stopped."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from mmreg.arrays import InputError, atomic_path
from mmreg.regressor import Regressor

Watch = Callable[[int, Regressor], None]


class TrainingError(InputError):
    """Training can't start, resume or go on."""


class Run:
    """One stage of training in a folder: steps, log, TensorBoard, checkpoints; goes on where it stopped.

    Args:
        stage: "stage_one" or "stage_two", which also names its files.
        trainer: a compiled Keras model that holds the `regressor` it trains.
        make_batch: the data of a step by its number.
    """

    def __init__(self, folder: Path, stage: str, trainer: keras.Model, make_batch: Callable[[int], Any]):
        self.folder, self.stage, self.trainer, self.make_batch = folder, stage, trainer, make_batch
        self.checkpoint_path = _checkpoint_path(folder, stage)
        self.history: list[dict] = []
        self._started = time.monotonic()  # less what earlier sittings took

    def train(self, steps: int, checkpoint_every: int = 50, watch: Watch | None = None) -> list[dict]:
        """Trains up to step `steps` and returns the logged terms of every step, those before a resumption included.

        An interrupted run leaves a checkpoint of its last whole step, so nothing is computed twice.

        Args:
            watch: called after every step with the steps done and the regressor, to look on.

        Raises:
            TrainingError: a term became NaN or infinite; the last checkpoint stays.
        """
        import tensorflow as tf

        self._started = time.monotonic() - seconds_spent(self.folder, self.stage)
        start = self._restore()
        writer = tf.summary.create_file_writer(str(self.folder / "tensorboard" / self.stage))
        progress = tqdm(range(start, steps), desc=self.stage.replace("_", " "), initial=start, total=steps, unit="step")
        try:
            with writer.as_default():
                for step in progress:
                    logs = self._step(step)
                    for name, value in logs.items():
                        tf.summary.scalar(name, value, step=step + 1)
                    progress.set_postfix({name: f"{value:.4g}" for name, value in logs.items()}, refresh=False)
                    if watch is not None:
                        watch(step + 1, self.trainer.regressor)
                    if (step + 1) % checkpoint_every == 0:
                        self._checkpoint()
        except TrainingError:
            raise
        except BaseException:
            self._checkpoint()
            raise
        if start < steps:
            self._checkpoint()
        return self.history

    def _step(self, step: int) -> dict[str, float]:
        """One step's terms, after they were found finite and entered in the history."""
        self.trainer.reset_metrics()
        logs = self.trainer.train_on_batch(self.make_batch(step), return_dict=True)
        logs = {name: float(value) for name, value in logs.items() if name != "loss"}
        self._refuse_divergence(step, logs)
        self.history.append({"step": step + 1, **logs})
        return logs

    def _refuse_divergence(self, step: int, logs: dict[str, float]) -> None:
        broken = [name for name, value in logs.items() if not np.isfinite(value)]
        if broken:
            raise TrainingError(
                f"{self.stage.replace('_', ' ')} diverged at step {step + 1}: {', '.join(broken)} is not finite; "
                "lower the learning rate or the gradient clip and resume from the last checkpoint with --resume."
            )

    def _checkpoint(self) -> None:
        if not self.history or int(self.trainer.optimizer.iterations) != len(self.history):
            return  # interrupted within a step: weights that no number of steps explains aren't kept
        variables = [*self.trainer.regressor.variables, *self.trainer.optimizer.variables]
        arrays = {f"variable_{k:03d}": ops.convert_to_numpy(v) for k, v in enumerate(variables)}
        history = np.frombuffer(json.dumps(self.history).encode(), np.uint8)
        with atomic_path(self.checkpoint_path) as partial_path, partial_path.open("wb") as file:
            np.savez(file, history=history, seconds=time.monotonic() - self._started, **arrays)

    def _restore(self) -> int:
        """The step to go on from; 0 without a checkpoint."""
        if not self.checkpoint_path.exists():
            return 0
        self.trainer.optimizer.build(self.trainer.trainable_variables)
        variables = [*self.trainer.regressor.variables, *self.trainer.optimizer.variables]
        try:
            with np.load(self.checkpoint_path, allow_pickle=False) as file:
                history = json.loads(file["history"].tobytes().decode())
                values = [file[f"variable_{k:03d}"] for k in range(len(variables))]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise TrainingError(
                f"{self.checkpoint_path} isn't a checkpoint of this run ({type(error).__name__}); "
                "delete it to train this stage anew."
            ) from error
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.history = history
        return len(history)


def seconds_spent(folder: Path, stage: str) -> float:
    """How long a stage was trained up to its checkpoint, in all sittings; 0 where there is none, or none that says so."""
    try:
        with np.load(_checkpoint_path(folder, stage), allow_pickle=False) as file:
            return float(file["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return 0.0


def _checkpoint_path(folder: Path, stage: str) -> Path:
    return folder / f"{stage}.checkpoint.npz"
