"""Contact sheets of the stand-ins: what is in each, so that nobody takes them for photographs of people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmreg.color import linear_to_srgb
from mmreg.data.records import Photo, PhotoSet, Scan, ScanSet
from mmreg.data.stand_ins.feret import FACTORS
from mmreg.figures.faces import grid
from mmreg.geometry.camera import Pose, perspective_camera
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering.lighting import studio_lights
from mmreg.rendering.renderer import render

__all__ = ["art_sheet", "factor_sheet", "people_sheet", "scan_picture", "video_sheet"]

WIDEST = 10.0  # inches


def people_sheet(photos: PhotoSet, people: int = 6, columns: int = 6) -> Figure:
    """The first people of a set, a row each, with up to `columns` of their photographs."""
    by_person: dict[str, list[Photo]] = {}
    for photo in photos.photos:
        by_person.setdefault(photo.person, []).append(photo)
    rows = [[photo.read() for photo in own[:columns]] for own in list(by_person.values())[:people]]
    return grid(rows, width=WIDEST)


def art_sheet(photos: PhotoSet, people: int = 4) -> Figure:
    """The first people of a set, a row each, a column a style."""
    styles = list(dict.fromkeys(str(photo.labels["style"]) for photo in photos.photos))
    names = list(dict.fromkeys(photo.person for photo in photos.photos))[:people]
    found = {(p.person, p.labels["style"]): p for p in photos.photos}
    rows = [[found[name, style].read() for style in styles] for name in names]
    return grid(rows, column_labels=styles, width=WIDEST)


def factor_sheet(photos: PhotoSet, columns: int = 6) -> Figure:
    """One subject, a row for each factor, from its first level to its last."""
    subject = photos.photos[0].person
    rows, labels = [], []
    for name, factor in FACTORS.items():
        own = [p for p in photos.photos if p.person == subject and p.labels["factor"] == name]
        if name != "worn":
            own = [p for p in own if p.labels["kind"] == factor.kinds[-1]]
        chosen = np.unique(np.linspace(0, len(own) - 1, columns).round().astype(int))
        rows.append([own[k].read() for k in chosen])
        labels.append(name)
    return grid(rows, row_labels=labels, width=WIDEST)


def video_sheet(scans: ScanSet, columns: int = 6) -> Figure:
    """The first person's scan, and frames of their videos, a row each."""
    person = scans.people[0]
    rows = [list(_some(frames, columns)) for frames in person.videos.values()]
    views = [scan_picture(person.read_scan(), yaw) for yaw in np.linspace(-50.0, 50.0, columns)]
    return grid([views, *rows], row_labels=["scan", *person.videos], width=WIDEST)


def _some(photos: Sequence[Photo], count: int):
    for k in np.unique(np.linspace(0, len(photos) - 1, count).round().astype(int)):
        yield photos[k].read()


def scan_picture(scan: Scan, yaw_degrees: float = 0.0, size: int = 288) -> np.ndarray:
    """(size, size, 3) a scan in grey, seen from before its nose, sRGB in [0, 1].

    It is turned upright by its own landmarks: eyes across, mouth below.
    """
    right, left, mouth = (
        np.mean([scan.landmarks[name] for name in names if name in scan.landmarks], axis=0)
        for names in (
            [f"multi_pie_{n:02d}" for n in range(37, 43)],
            [f"multi_pie_{n:02d}" for n in range(43, 49)],
            ["multi_pie_49", "multi_pie_55"],
        )
    )
    across = (left - right) / np.linalg.norm(left - right)
    up = (left + right) / 2 - mouth
    up = up - across * (up @ across)
    up = up / np.linalg.norm(up)
    axes = np.stack([across, up, np.cross(across, up)])
    upright = (scan.positions - (left + right) / 2) @ axes.T - [0.0, -20.0, -50.0]
    turn = np.asarray(Pose(*np.deg2rad([[yaw_degrees], [0.0], [0.0]]).astype(np.float32)).rotation(), np.float64)[0]
    positions = (upright @ turn.T)[None].astype(np.float32)
    camera = perspective_camera(
        np.array([[0.0, 0.0, 1200.0]], np.float32),
        np.zeros((1, 3), np.float32),
        np.full(1, 0.24, np.float32),
        (size, size),
    )
    normals = np.asarray(vertex_normals(positions, scan.triangles))
    grey = np.full(positions.shape, 0.42, np.float32)
    drawn = render(
        positions, normals, grey, scan.triangles, camera, studio_lights(1), (size, size), 0.05, supersampling=2
    )
    return np.asarray(linear_to_srgb(drawn.over(0.55)))[0]
