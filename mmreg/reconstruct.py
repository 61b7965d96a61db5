"""From a photograph to 3D faces: detect, align, encode, regress, and write what came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import mmreg
from mmreg.arrays import Float, InputError
from mmreg.color import srgb_to_linear
from mmreg.data.synthetic import photograph, studio_scene
from mmreg.encoders.alignment import Detection, align, detect, similarity, warp
from mmreg.encoders.registry import Encoder, load_encoder
from mmreg.face import Coefficients, MorphableModel, load
from mmreg.regressor import LoadedRegressor, RegressorError, check_encoder, load_regressor

PORTRAIT_SCALE = 0.66  # of the encoder's framing: shows the whole head
PORTRAIT_SHIFT = 0.26  # of the picture's width times sin(yaw): a head's middle lies behind the points that frame it


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One face of a photograph.

    Attributes:
        photograph: (height, width, 3) sRGB in [0, 1], as it was read.
        detection: where the face was found.
        chip: (h, w, 3) the aligned face as the encoder saw it.
        coefficients: of one face (batch 1).
        number: 1 for the photograph's largest face.
        count: how many faces the photograph has.
    """

    photograph: Float[np.ndarray, "height width 3"]
    detection: Detection
    chip: Float[np.ndarray, "h w 3"]
    coefficients: Coefficients
    number: int
    count: int = 1


@dataclass(frozen=True, eq=False)
class Reconstructor:
    """A face model, an encoder and a regressor that belong together."""

    model: MorphableModel
    encoder: Encoder
    loaded: LoadedRegressor

    @classmethod
    def load(
        cls, model: str | Path = "open", weights: str | Path | None = None, encoder: str | None = None
    ) -> Reconstructor:
        """Loads all three; without `weights`, the reference regressor that comes with the project, for the open model.

        Args:
            encoder: its name; None is the one that the weights were trained for.

        Raises:
            InputError: a file is missing or wrong, or the weights were trained for another model or encoder.
        """
        face_model = load(model)
        if weights is None and model != "open":
            raise RegressorError(
                f"The reference regressor was trained for the open model and means nothing with {face_model.name}; train one "
                f"with `mmreg train --model {model} --out runs/other`, then give it with --weights runs/other/regressor.npz."
            )
        path = reference_weights() if weights is None else Path(weights)
        loaded = load_regressor(path, face_model.checksum)
        recogniser = load_encoder(encoder or loaded.regressor.identity.encoder_name)
        check_encoder(path, loaded.regressor.identity, recogniser.checksum)
        return cls(face_model, recogniser, loaded)

    def reconstruct(self, image: Float[np.ndarray, "height width 3"]) -> list[Reconstruction]:
        """Every face in a photograph, the largest first; an empty list when there is none."""
        detections = detect(image)
        if not detections:
            return []
        chips = np.stack([align(image, detection.points, self.encoder) for detection in detections])
        coefficients = self.predict(chips)
        return [
            Reconstruction(
                image,
                detection,
                chip,
                Coefficients(coefficients.shape[k : k + 1], coefficients.albedo[k : k + 1]),
                k + 1,
                len(detections),
            )
            for k, (detection, chip) in enumerate(zip(detections, chips, strict=True))
        ]

    def predict(self, chips: Float[np.ndarray, "batch h w 3"]) -> Coefficients:
        """Coefficients of aligned faces (numpy)."""
        return self.regress(self.encoder.predict(chips).features)

    def regress(self, features: Float[np.ndarray, "batch feature"], domain: str = "photograph") -> Coefficients:
        """Coefficients of faces from what the encoder says of their photographs (numpy).

        Args:
            domain: "rendering" where the photographs are rendered themselves, as a stand-in's are: see `DomainStatistics`.
        """
        shape, albedo = self.loaded.regressor(features, domain=domain)
        return Coefficients(np.asarray(shape), np.asarray(albedo))

    def portrait(
        self, coefficients: Coefficients, yaw_degrees: float = 0.0, size: int = 512
    ) -> Float[np.ndarray, "batch size size 3"]:
        """Faces in the book's own light, sRGB in [0, 1]."""
        return portrait(self.model, coefficients, self.encoder, yaw_degrees, size)

    def save(
        self, reconstruction: Reconstruction, folder: Path, source: str = "", checksum: str = "", meshes: bool = True
    ) -> None:
        """Writes face.glb, face.obj and coefficients.json into an existing folder.

        The obj is in millimetres with sRGB vertex colours, as is the custom; the glb follows its standard: metres, linear
        vertex colours. Both keep the model's vertex order.

        Args:
            source: what the photograph is called.
            checksum: SHA-256 of its file.
            meshes: without, only the coefficients are written.
        """
        coefficients = reconstruction.coefficients
        if meshes:
            positions = np.asarray(self.model.positions(coefficients.shape, coefficients.expression))[0]
            albedo = np.clip(np.asarray(self.model.albedos(coefficients.albedo))[0], 0.0, 1.0)
            _mesh(positions, albedo, self.model.triangles).export(folder / "face.obj", include_normals=False)
            linear = np.asarray(srgb_to_linear(albedo))
            _mesh(positions / 1000.0, linear, self.model.triangles).export(folder / "face.glb")
        record = {
            "photograph": source,
            "photograph_checksum": checksum,
            "face": reconstruction.number,
            "faces": reconstruction.count,
            "box": dict(zip(("left", "top", "right", "bottom"), map(float, reconstruction.detection.box), strict=True)),
            "score": float(reconstruction.detection.score),
            **{name: value[0] if value else None for name, value in coefficients.to_dict().items()},
            **self.identity,
            "weights": {"checksum": self.loaded.checksum, "provenance": self.loaded.provenance},
            "mmreg": mmreg.__version__,
        }
        (folder / "coefficients.json").write_text(json.dumps(record, indent=1) + "\n")

    @property
    def identity(self) -> dict[str, dict[str, str]]:
        """Which face model and encoder it is."""
        return {
            "model": {"name": self.model.name, "checksum": self.model.checksum},
            "encoder": {"name": self.encoder.name, "checksum": self.encoder.checksum},
        }


def portrait(
    model: MorphableModel, coefficients: Coefficients, encoder: Encoder, yaw_degrees: float = 0.0, size: int = 512
) -> Float[np.ndarray, "batch size size 3"]:
    """Faces of a model in the book's own light, anti-aliased by rendering at twice the size; sRGB in [0, 1]."""
    fine = 2 * size
    template = (encoder.template + 0.5) * (fine / encoder.image_size[0]) - 0.5
    pictures = []
    shift = np.array([[PORTRAIT_SHIFT * fine * np.sin(np.deg2rad(yaw_degrees)), 0.025 * fine]], np.float32)
    scene = studio_scene(1, yaw_degrees, scale=PORTRAIT_SCALE)._replace(crop_offset_pixels=shift)
    for k in range(len(coefficients.shape)):
        one = Coefficients(*(None if c is None else c[k : k + 1] for c in coefficients))
        picture = np.asarray(photograph(model, one, scene, template, (fine, fine), lens_blur_pixels=0.0))
        pictures.append(picture.reshape(1, size, 2, size, 2, 3).mean(axis=(2, 4)))
    return np.concatenate(pictures)


@cache
def reference_weights() -> Path:
    """The regressor that the project trained and ships.

    Raises:
        RegressorError: it isn't where the package or the checkout keeps it.
    """
    package = Path(mmreg.__file__).parent
    for folder in (package / "reference", package.parent / "results" / "reference"):
        if (folder / "regressor.npz").is_file():
            return folder / "regressor.npz"
    raise RegressorError(
        "The reference regressor (results/reference/regressor.npz) isn't there; install the package anew, or give weights "
        "of your own with --weights (`mmreg train` makes them)."
    )


def _mesh(positions, colors, triangles):
    import trimesh

    rgba = np.concatenate([np.round(255.0 * colors), np.full((len(colors), 1), 255.0)], axis=1).astype(np.uint8)
    return trimesh.Trimesh(positions, triangles, vertex_colors=rgba, process=False)


def check_writable(folder: Path) -> None:
    """Makes the folder, and refuses it before any work is done if nothing can be written there.

    Raises:
        InputError: naming the folder.
    """
    probe = folder / ".mmreg.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder} can't be written ({error.strerror}); choose another folder with --out.") from error


def framed_photograph(
    photo: Float[np.ndarray, "height width 3"], points: Float[np.ndarray, "5 2"], encoder: Encoder, size: int
) -> Float[np.ndarray, "size size 3"]:
    """The photograph turned and cut as portraits are, so that its eyes stand where theirs do; black beyond its border.

    Args:
        points: the five of a `Detection`.
    """
    template = (encoder.alignment_template + 0.5) * (size / encoder.image_size[0]) - 0.5
    centre = 0.5 * (size - 1)
    return warp(photo, similarity(points, centre + PORTRAIT_SCALE * (template - centre)), (size, size))
