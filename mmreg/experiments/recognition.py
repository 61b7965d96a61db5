"""Photographs of a set, the faces predicted from them, and what networks say of both: what `similarity` and `recall` count.

The rendering of a predicted face is frontal, with a neutral expression and in the book's own light, whatever the photograph was like.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmreg.arrays import InputError, atomic_path
from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.records import PhotoSet
from mmreg.data.stand_ins import draw_person
from mmreg.data.synthetic import photograph_surface, studio_scene
from mmreg.encoders import Encoder
from mmreg.evaluation.identity import Court, directions
from mmreg.evaluation.judge import is_same_network
from mmreg.experiments.base import Setting
from mmreg.face import Coefficients, MorphableModel, load
from mmreg.reconstruct import Reconstructor
from mmreg.studio import Studio, take_rows

__all__ = ["JUDGE", "LOSS", "MEAN_FACE", "Recognition", "recognise", "render_and_encode"]

JUDGE, LOSS = "judge", "network_in_the_loss"  # whose verdict: the second is no judgement
REGRESSOR, STAGE_ONE, MEAN_FACE = "regressor", "stage_one", "mean_face"
TRUE_FACE = "true_face"  # of a stand-in's people: what a perfect reconstruction would reach
SHARD, BATCH = 256, 16  # renderings
_GENERATED = re.compile(r"stand_in_\d+_\d+")  # people whom `draw_person` draws again


@dataclass(frozen=True, eq=False)
class Recognition:
    """What networks say of photographs and of renderings of the faces predicted from them.

    Attributes:
        source: the set.
        trained_on: the sets of photographs that the regressor was trained on, as far as it says.
        people: (photo,) who is on each.
        probes: (probe,) indices of the photographs that were reconstructed; all photographs are the gallery.
        networks: by whose verdict it is, `JUDGE` (missing where none is at hand) or `LOSS`.
        photos: (photo, e) raw embeddings by verdict.
        renderings: (probe, e) the same by method, then by verdict; the mean face is one for all, (1, e). With a stand-in there are its people's
            true faces too.
        skipped: (name, reason) of photographs left out.
    """

    source: PhotoSet
    trained_on: tuple[str, ...]
    names: tuple[str, ...]
    people: np.ndarray
    probes: np.ndarray
    networks: Mapping[str, Encoder]
    photos: Mapping[str, np.ndarray]
    renderings: Mapping[str, Mapping[str, np.ndarray]]
    skipped: tuple[tuple[str, str], ...]

    def court(self, verdict: str, centred: bool) -> Court:
        """One network's view of the photographs."""
        return Court(self.photos[verdict], self.people, self.probes, centred)

    def directions(self, method: str, verdict: str, centred: bool) -> np.ndarray:
        """(probe, e) directions of a method's renderings.

        Centred by its own mean a single face has no direction at all. So the mean face is centred as the regressor's renderings are: one
        direction, one order of the gallery, the same for every probe.
        """
        embedding = self.renderings[method][verdict]
        mean = self.renderings[REGRESSOR if method == MEAN_FACE else method][verdict].mean(axis=0)
        found = directions(embedding, mean if centred else None)
        return np.repeat(found, len(self.probes), axis=0) if method == MEAN_FACE else found

    def setting(self) -> dict:
        """The sizes and circumstances that a result must state."""
        probe_people = self.people[self.probes]
        again = np.isin(
            probe_people,
            [name for name, count in zip(*np.unique(self.people, return_counts=True), strict=True) if count > 1],
        )
        return {
            "set": self.source.name,
            "regressor_was_trained_on": list(self.trained_on),
            "stand_in": self.source.stand_in,
            "read_as": self.source.read_as,
            "gallery_photos": len(self.people),
            "gallery_people": len(np.unique(self.people)),
            "probes": len(self.probes),
            "probe_people": len(np.unique(probe_people)),
            "probes_with_another_photo": int(again.sum()),
            "left_out": len(self.skipped),
            "judge": self.networks[JUDGE].name if JUDGE in self.networks else None,
            "network_in_the_loss": self.networks[LOSS].name,
            "renderings": "frontal, neutral, studio light, as large as the network's pictures",
            "mean_face": "one rendering for all probes, centred by the mean of the regressor's renderings",
        }


def recognise(
    setting: Setting, photos: PhotoSet, encoded: EncodedSet | None = None, probe_names: Sequence[str] | None = None
) -> Recognition:
    """Encodes the photographs, predicts a face from each probe's, and encodes the renderings of these.

    Args:
        encoded: the photographs if they are encoded already, by the encoder and, if there is one, the judge.
        probe_names: which photographs are reconstructed; None takes all.

    Raises:
        InputError: none of the probes is among the photographs that show a face, or the judge is the network in the loss.
    """
    encoder, judge = setting.reconstructor.encoder, setting.judge
    if judge is not None and is_same_network(judge, encoder):
        raise InputError(f"{judge.name} is the network in the loss; it can't judge. Give another one, or none.")
    encoded = encoded or setting.encode(photos)
    names = tuple(photo.name for photo in encoded.photos)
    probes = _rows(names, probe_names)
    networks = {JUDGE: judge, LOSS: encoder} if judge is not None else {LOSS: encoder}
    seen = dict(zip((LOSS, JUDGE), (store.embedding for store in encoded.stores), strict=False))
    features = encoded.stores[0].features[probes]
    model = setting.reconstructor.model
    studios = {name: _studio(model, network) for name, network in networks.items()}
    methods = {REGRESSOR: setting.reconstructor, STAGE_ONE: setting.stage_one}
    renderings = {}
    for title, reconstructor in methods.items():
        if reconstructor is not None:
            faces = _predict(reconstructor, setting.reconstructor, features, photos.read_as)
            renderings[title] = _kept_renderings(setting, title, faces, studios)
    renderings[MEAN_FACE] = render_and_encode(studios, Coefficients.neutral(model))
    if photos.stand_in and all(_GENERATED.fullmatch(name) for name in encoded.people[probes]):
        renderings[TRUE_FACE] = _true_faces(setting, encoded.people[probes], networks)
    return Recognition(
        photos, _trained_on(setting), names, encoded.people, probes, networks, seen, renderings, encoded.skipped
    )


def _trained_on(setting: Setting) -> tuple[str, ...]:
    return tuple(str(data["name"]) for data in setting.reconstructor.loaded.provenance.get("data", []))


def _rows(names: Sequence[str], wanted: Sequence[str] | None) -> np.ndarray:
    if wanted is None:
        return np.arange(len(names))
    rows = np.flatnonzero(np.isin(names, list(wanted)))
    if not len(rows):
        raise InputError(
            f"None of the {len(wanted)} photographs to reconstruct, such as {wanted[0]}, is in the set and shows a face."
        )
    return rows


def _predict(reconstructor: Reconstructor, main: Reconstructor, features: np.ndarray, read_as: str) -> Coefficients:
    if reconstructor.encoder.checksum != main.encoder.checksum:
        raise InputError(
            f"The regressors to compare read different encoders, {reconstructor.encoder.name} and {main.encoder.name}; compare such that "
            "read the same."
        )
    return reconstructor.regress(features, read_as)


@lru_cache(maxsize=4)
def _studio(model: MorphableModel, network: Encoder) -> Studio:
    """One for all sets and experiments of a run: what it compiled serves again."""
    return Studio(model, network)


def render_and_encode(studios: Mapping[str, Studio], faces: Coefficients) -> dict[str, np.ndarray]:
    """(face, e) raw embeddings of faces' renderings by each studio's network, framed as that network wants it."""
    scene = studio_scene(len(faces.shape))
    return {name: studio.encode_many(faces, scene, BATCH).embedding for name, studio in studios.items()}


def _true_faces(setting: Setting, people: np.ndarray, networks: Mapping[str, Encoder]) -> dict[str, np.ndarray]:
    """(probe, e) raw embeddings of the true faces of a stand-in's people, rendered as predicted ones are. Paper: of MICC's scans."""
    model = load("open")  # on whose mesh they are
    names, who = np.unique(people, return_inverse=True)
    found: dict[str, list[np.ndarray]] = {verdict: [] for verdict in networks}
    for name in tqdm(names, desc="true faces", unit="person", disable=None if setting.progress else True):
        seed, index = map(int, str(name).rsplit("_", 2)[1:])
        person = draw_person(seed, index)
        for verdict, network in networks.items():
            surface = person.positions[None], person.albedo[None]
            picture = photograph_surface(*surface, model, studio_scene(1), network.template, network.image_size)
            found[verdict].append(network.predict(np.asarray(picture)).embedding)
    return {verdict: np.concatenate(parts)[who] for verdict, parts in found.items()}


def _kept_renderings(
    setting: Setting, title: str, faces: Coefficients, studios: Mapping[str, Studio]
) -> dict[str, np.ndarray]:
    """`render_and_encode` in shards that are kept in the cache, so that nothing is rendered twice."""
    count = len(faces.shape)
    shards = []
    bar = tqdm(
        total=count,
        desc=f"renderings of {title.replace('_', ' ')}",
        unit="face",
        disable=None if setting.progress else True,
    )
    with bar:
        for start in range(0, count, SHARD):
            part = take_rows(faces, slice(start, start + SHARD))
            path = _shard_path(setting, part, studios)
            shard = _read_shard(path, list(studios)) if path else None
            if shard is None:
                shard = render_and_encode(studios, part)
                if path:
                    with atomic_path(path) as partial:
                        np.savez(partial, **shard)
            shards.append(shard)
            bar.update(len(part.shape))
    return {name: np.concatenate([shard[name] for shard in shards]) for name in studios}


def _shard_path(setting: Setting, faces: Coefficients, studios: Mapping[str, Studio]) -> Path | None:
    """Named by everything that the embeddings depend on."""
    if setting.cache is None:
        return None
    digest = hashlib.sha256(setting.reconstructor.model.checksum.encode())
    for name, studio in studios.items():
        digest.update(f"{name}\n{studio.encoder.checksum}\n".encode())
    for part in (faces.shape, faces.albedo):
        digest.update(np.ascontiguousarray(part, np.float32).tobytes())
    return Path(setting.cache) / "renderings" / f"{digest.hexdigest()[:24]}.npz"


def _read_shard(path: Path, names: list[str]) -> dict[str, np.ndarray] | None:
    """A shard of an earlier run, or None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
