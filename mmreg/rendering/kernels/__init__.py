"""Compiled forms of the rasterizer's functions, one image each; `rasterizer.py` has the same maths in `keras.ops`."""
