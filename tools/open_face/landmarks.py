"""Finds the 68 points of Multi-PIE on the mean face by its geometry."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from mmreg.face.landmarks import MULTI_PIE, NOSE_TIP, multi_pie_name
from tools.open_face.topology import Head
from tools.open_face.visibility import vertex_normals, visible_from

BROW_X_MM = (52, 44, 34.5, 24, 13.5)  # from the temple to the nose
BROW_ABOVE_EYE_MM = (17, 22, 23.5, 21.5, 18.5)
LIP_STEPS = (-0.6, -0.25, 0, 0.25, 0.6)  # in half widths of the mouth
INNER_STEPS = (-0.86, -0.45, 0, 0.45, 0.86)
JAW_DEPTH_MM = (0, 0, 0, 0, 18, 28, 40, 54)  # how far in front of the ear each point of the jaw is at least


class FaceFrame:
    """The mean face's skin and what is known of it: visibility from the front, midline, eyes, nose tip."""

    def __init__(self, mean: np.ndarray, head: Head, jaw_open: np.ndarray) -> None:
        n = head.skin_count
        self.mean, self.head, self.skin = mean, head, mean[:n]
        self.normals = vertex_normals(mean, head.triangles)[:n]
        forward = np.array([0, 0, 1.0])
        self.eye_visible = visible_from(mean, head.triangles, forward, resolution=1024, extent=300, bias=0.5)[n:]
        front = visible_from(mean, head.triangles, forward, resolution=1024, extent=300, bias=1.0)
        self.visible = front[:n] & (self.normals[:, 2] > 0.02)
        self.mask = {name: mask[:n] for name, mask in head.masks.items()}
        in_front = (self.skin[:, 2] > 0) & (np.abs(self.skin[:, 0]) < 40)
        self.mask["lips"] = self.mask["lips"] * in_front
        drop = jaw_open[:n, 1]
        self.falls = (
            drop < drop[self.mask["lips"] > 0.5].min() / 3
        )  # with the jaw: the lower lip does, the upper hardly
        self.middle = np.abs(self.skin[:, 0]) < 1
        self.left_eye = mean[n : n + head.eye_count].mean(axis=0)
        outside = self.visible & (self.mask["mouth_bag"] < 0.3)
        self.nose_tip = int(np.argmax(np.where(outside, self.skin[:, 2], -np.inf)))

    def nearest(self, x: float, y: float, where: np.ndarray) -> int:
        """The vertex, among those allowed, that is nearest in the frontal plane."""
        candidates = np.flatnonzero(where)
        return int(candidates[np.argmin(((self.skin[candidates, :2] - (x, y)) ** 2).sum(axis=1))])


def find_landmarks(mean: np.ndarray, head: Head, jaw_open: np.ndarray) -> dict[str, int]:
    """Vertex indices by name: "multi_pie_01" to "multi_pie_68" and "nose_tip".

    Args:
        mean: (vertex, 3) the mean face, mm.
        jaw_open: (vertex, 3) displacement that opens the jaw; it tells the upper from the lower lip.
    """
    face = FaceFrame(mean, head, jaw_open)
    points = [*_jaw(face), *_brows(face), *_nose(face), *_eye(face, -1), *_eye(face, 1), *_lips(face)]
    return _mirrored(dict(zip(MULTI_PIE, points, strict=True)) | {NOSE_TIP: face.nose_tip}, face)


# The subject's right and left point of each pair, by number on the chart; the others lie on the midline.
PAIRS = (
    *((i, 18 - i) for i in range(1, 9)),
    *((i, 45 - i) for i in range(18, 23)),
    (32, 36), (33, 35), (37, 46), (38, 45), (39, 44), (40, 43), (41, 48), (42, 47),
    (49, 55), (50, 54), (51, 53), (56, 60), (57, 59), (61, 65), (62, 64), (66, 68),
)  # fmt: skip


def _mirrored(landmarks: dict[str, int], face: FaceFrame) -> dict[str, int]:
    """Each right point becomes the mirror image of the left one, and those without a partner go to the midline."""
    found = dict(landmarks)
    for right, left in PAIRS:
        found[multi_pie_name(right)] = int(face.head.mirror[landmarks[multi_pie_name(left)]])
    on_midline = np.flatnonzero(face.head.mirror[: face.head.skin_count] == np.arange(face.head.skin_count))
    paired = {multi_pie_name(number) for pair in PAIRS for number in pair}
    for name, index in landmarks.items():
        if name not in paired:
            found[name] = int(on_midline[np.argmin(((face.skin[on_midline] - face.skin[index]) ** 2).sum(axis=1))])
    return found


def _jaw(face: FaceFrame) -> list[int]:
    """From the right ear along the mandible to the chin and up to the left ear: at each height the outermost skin.

    The lower a point, the further in front of the ear it must lie, for the neck is as wide as the jaw there.
    """
    x, y, z = face.skin.T
    lip_bottom = y[face.visible & (face.mask["lips"] > 0.5)].min()
    below = face.middle & (y < lip_bottom - 8) & (z > z[face.nose_tip] - 50) & (face.normals[:, 1] > -0.8)
    chin = face.nearest(0, y[below].min(), below & face.visible)
    top = face.left_eye[1] - 4
    skin = (face.mask["ears"] < 0.3) & (face.mask["mouth_bag"] < 0.2) & (face.mask["face"] > 0.02)
    sides: dict[int, list[int]] = {-1: [], 1: []}
    for k in range(8):
        height = top - (top - y[chin]) * (1 - np.cos(k / 16 * np.pi)) ** 0.62
        for side, found in sides.items():
            row = (
                skin & (np.abs(y - height) < 3) & (np.sign(x) == side) & (z > z[face.nose_tip] - 118 + JAW_DEPTH_MM[k])
            )
            row = np.flatnonzero(row)
            across = np.abs(x[row]).max() - np.abs(x[row])
            found.append(int(row[np.argmin(across**2 + 0.15 * (y[row] - height) ** 2)]))
    return [*sides[-1], chin, *sides[1][::-1]]


def _brows(face: FaceFrame) -> list[int]:
    eye_y = face.left_eye[1]
    sides = [
        [face.nearest(side * x, eye_y + up, face.visible) for x, up in zip(BROW_X_MM, BROW_ABOVE_EYE_MM, strict=True)]
        for side in (-1, 1)
    ]
    return [*sides[0], *sides[1][::-1]]


def _nose(face: FaceFrame) -> list[int]:
    """Four points down the bridge, five along the base."""
    x, y, z = face.skin.T
    tip = face.nose_tip
    ridge = np.flatnonzero(face.visible & face.middle & (y > y[tip] + 12) & (y < face.left_eye[1] + 22))
    root = int(ridge[np.argmin(z[ridge])])
    bridge = [face.nearest(0, y[root] + (y[tip] - y[root]) * t, face.visible & face.middle) for t in (1 / 3, 2 / 3)]

    # the subnasale is the deepest point behind the line from the tip to the upper lip
    upper_lip = np.flatnonzero(face.visible & face.middle & (face.mask["lips"] > 0.5))
    line = face.skin[upper_lip[np.argmax(y[upper_lip])]] - face.skin[tip]
    line /= np.linalg.norm(line)
    between = face.visible & face.middle & (face.mask["lips"] < 0.3) & (y < y[tip] - 4) & (y > y[tip] - 22)
    between = np.flatnonzero(between)
    offset = face.skin[between] - face.skin[tip]
    subnasale = int(between[np.argmin((offset - (offset @ line)[:, None] * line)[:, 2])])

    wing = face.visible & (np.abs(y - y[tip]) < 9) & (np.abs(x) < 24) & (z > z[tip] - 30)
    wing &= (face.normals[:, 2] < 0.5) & (np.abs(face.normals[:, 0]) > 0.7)
    half = np.abs(x[wing]).max()
    base = y[subnasale] + 1
    right, left = (
        [face.nearest(side * half * 0.85, base + 1, face.visible), face.nearest(side * half * 0.45, base, face.visible)]
        for side in (-1, 1)
    )
    return [root, *bridge, tip, *right, subnasale, *left[::-1]]


def _eye(face: FaceFrame, side: int) -> list[int]:
    """Six points round the opening: skin nearest to the outline of what is seen of the eyeball."""
    eyeball = face.mean[face.head.skin_count :]
    seen = eyeball[face.eye_visible & (np.sign(eyeball[:, 0]) == side)]
    lids = face.visible & (cKDTree(eyeball).query(face.skin)[0] < 3.5) & (np.sign(face.skin[:, 0]) == side)
    first, last = seen[:, 0].min(), seen[:, 0].max()
    width = last - first
    corner_y = [seen[seen[:, 0] < first + 1.5, 1].mean(), seen[seen[:, 0] > last - 1.5, 1].mean()]

    def lid(share: float, upper: bool) -> int:
        x = first + width * share
        heights = seen[np.abs(seen[:, 0] - x) < 2.2, 1]
        return face.nearest(x, heights.max() + 0.4 if upper else heights.min() - 0.4, lids)

    return [
        face.nearest(first - 0.8, corner_y[0], lids),
        lid(0.33, upper=True),
        lid(0.67, upper=True),
        face.nearest(last + 0.8, corner_y[1], lids),
        lid(0.67, upper=False),
        lid(0.33, upper=False),
    ]


def _lips(face: FaceFrame) -> list[int]:
    """Twelve points round the lips, eight along the slit between them."""
    x, y, _ = face.skin.T
    lips = face.visible & (face.mask["lips"] > 0.5) & (face.mask["mouth_bag"] < 0.35)
    half = np.abs(x[lips]).max()
    corner_y = y[lips & (np.abs(x) > half - 2)].mean()

    def outer(step: float, upper: bool) -> int:
        column = y[lips & (np.abs(x - half * step) < 1.6)]
        return face.nearest(half * step, column.max() if upper else column.min(), lips)

    def inner(step: float, upper: bool) -> int:
        slit = y[face.visible & (face.mask["mouth_bag"] > 0.25) & (np.abs(x - half * step) < 3)]
        height = np.median(slit) if len(slit) else corner_y
        soft = face.visible & (face.mask["lips"] > 0.3)
        if abs(step) > 0.8:  # at the corners the lips are one
            return face.nearest(half * step, height + 0.5, soft & (y > height - 0.2))
        if upper:
            return face.nearest(half * step, height + 0.5, soft & ~face.falls)
        return face.nearest(half * step, height - 0.8, soft & face.falls)

    return [
        face.nearest(-half, corner_y, lips),
        *(outer(step, upper=True) for step in LIP_STEPS),
        face.nearest(half, corner_y, lips),
        *(outer(step, upper=False) for step in LIP_STEPS[::-1]),
        *(inner(step, upper=True) for step in INNER_STEPS),
        *(inner(step, upper=False) for step in INNER_STEPS[3:0:-1]),
    ]
