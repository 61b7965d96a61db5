"""Cameras and meshes: what is true of a teapot as well as of a face."""
