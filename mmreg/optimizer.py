"""AdamW in few passes over memory."""

from __future__ import annotations

import keras

from mmreg.geometry import native

__all__ = ["FusedAdamW"]


class FusedAdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, its whole step compiled to one.

    Written one operation after the other, clipping, moments, decay and update each read and write every weight of the
    regressor, and take as long as the regressor itself. On other backends the trainer compiles everything already.
    """

    def apply(self, grads, trainable_variables=None):
        """One step; as the parent's."""
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        if not self.built:
            self.build(trainable_variables)  # variables can't be made while a graph is compiled

        def step(*gradients):
            super(FusedAdamW, self).apply(list(gradients), trainable_variables)

        native.fused(step)(*grads)
