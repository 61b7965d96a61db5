"""Gradients of two terms of a toy on the backend that Keras is set to: `python -m tests.backends.term_gradients FILE` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops

from mmreg.observation import gradient_norms, term_gradients
from mmreg.profiles import LossWeights

X = np.float32([[1.0, 2.0], [3.0, -1.0]])


class Toy(keras.Model):
    """w·x, with the terms Σ (w·x)² and Σ w·x under the names of two losses."""

    loss_weights = LossWeights(parameter=3.0, identity=2.0)

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(1, use_bias=False)
        self.layer.build((None, 2))
        self.layer.kernel.assign(np.float32([[0.5], [-1.0]]))
        self.built = True

    def call(self, batch):
        """Both terms."""
        y = self.layer(batch)
        return {"parameter": ops.sum(y**2), "identity": ops.sum(y)}


def main(path: Path) -> None:
    gradients = term_gradients(Toy())(X)
    found = {name: np.asarray(parts[0]) for name, parts in gradients.items()}
    np.savez(path, **found, **{f"norm_{name}": value for name, value in gradient_norms(gradients).items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
