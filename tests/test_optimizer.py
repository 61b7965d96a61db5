import keras
import numpy as np

from mmreg.optimizer import FusedAdamW

SETTINGS = {"weight_decay": 0.01, "global_clipnorm": 0.5}


def test_compiled_to_one_step_it_does_what_its_parent_does():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((7, 5), (5,))]
    # the first gradients are clipped, the last aren't
    gradients = [[(scale * rng.normal(size=part.shape)).astype(np.float32) for part in start] for scale in (3, 1, 0.01)]

    def trained(kind):
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 3)
        optimizer, variables = kind(schedule, **SETTINGS), [keras.Variable(part) for part in start]
        for step in gradients:
            optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(g) for g in step], variables, strict=True))
        return [np.asarray(v) for v in (*variables, *optimizer.variables)]

    found, wanted = trained(FusedAdamW), trained(keras.optimizers.AdamW)
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert np.abs(found[0] - start[0]).max() > 0.1
