"""mmreg: unsupervised training for 3D morphable model regression (Genova et al., CVPR 2018), reproduced."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings are not what a reader came for
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

__version__ = "0.1.0"
