"""What an encoder said of many photographs, kept on disk so that training needn't encode them again."""

from __future__ import annotations

import json
import os
import re
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError, Int, atomic_path
from mmreg.color import tone
from mmreg.results import file_checksum

__all__ = ["FeatureStore", "FeatureStoreError"]

SUFFIX, INDEX = ".npz", "index.json"
_SHARD = re.compile(r"\d{5,}\.npz")
LIKENESS, MOST_NEIGHBOURS = 8.0, 8192  # of `alike_tone`
OWN_LIGHT = 0.22  # of `person_tone`
SAME_PERSON = 0.525  # of `person_share`


class FeatureStoreError(InputError):
    """A file isn't a feature store, or belongs to another encoder."""


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """Encodings of `count` faces.

    Attributes:
        features: (count, feature), float32.
        embedding: (count, embedding), float32, raw as in `encoders.Encoding`.
        skin: (count, 3), mean linear RGB of both cheeks, in [0, 1]; float32.
        names: what each face is called: a photograph's path, made unique.
        encoder_checksum: SHA-256 of the weights that encoded them.
        source: what the faces are, to be named wherever something made from them is shown.
        stand_in: whether they are drawn from statistics instead of being anybody's.
        skipped: (name, reason) of the photographs left out.
    """

    features: np.ndarray
    embedding: np.ndarray
    skin: np.ndarray
    names: tuple[str, ...]
    encoder_checksum: str
    source: str
    stand_in: bool = False
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mean_embedding(self) -> Float[np.ndarray, "embedding"]:
        """What to take away from embeddings of this kind of faces before comparing directions."""
        return self.embedding.mean(axis=0)

    @cached_property
    def person_tone(self) -> Float[np.ndarray, "count 3"]:
        """What each photograph's skin would be in an average light, as far as L_skin asks for it; see `tone_in_average_light`."""
        return self.tone_in_average_light(OWN_LIGHT)

    def tone_in_average_light(self, own_share: float) -> Float[np.ndarray, "count 3"]:
        """The tone of alike people's skin, and of what a photograph's own deviates from it, a share: logarithms, as `color.tone`'s.

        Part of the deviation is the photograph's light, part the person.
        """
        alike = self.alike_tone
        return (alike + own_share * (np.asarray(tone(self.skin)) - alike)).astype(np.float32)

    @cached_property
    def alike_tone(self) -> Float[np.ndarray, "count 3"]:
        """The mean tone of the skin on other photographs with alike embeddings: logarithms, as `color.tone`'s.

        They show people who are alike, each in another light. Ours: kernel regression on the cosine of centred
        embeddings, over 8,192 photographs at most.
        """
        own = np.asarray(tone(self.skin))
        directions = self.embedding - self.mean_embedding
        directions = (directions / (np.linalg.norm(directions, axis=1, keepdims=True) + 1e-12)).astype(np.float32)
        chosen = np.random.default_rng(0).permutation(len(self))[:MOST_NEIGHBOURS]
        others, theirs = directions[chosen], own[chosen]
        place = np.full(len(self), -1)
        place[chosen] = np.arange(len(chosen))
        found = np.empty_like(own)
        for start in range(0, len(self), 512):
            rows = slice(start, start + 512)
            weights = np.exp(LIKENESS * (directions[rows] @ others.T - 1.0))
            itself = np.flatnonzero(place[rows] >= 0)
            weights[itself, place[rows][itself]] = 0.0
            found[rows] = weights @ theirs / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        return found

    @cached_property
    def person_share(self) -> Float[np.ndarray, " count"]:
        """What part of its person each photograph is, as far as the recogniser can tell: together one for everybody; sums to 1.

        One over the number of photographs whose embeddings lie near, within 0.525 of the distance (root mean square) between any two; for dlib's
        network that is 0.43, and two photographs of one person lie within 0.6. Chosen among numbers from 0.4 to 0.6 by how near the mean of LFW's training features comes
        to that by its people's names. The number is estimated from 8,192 photographs at most. Ours.
        """
        embedding = (self.embedding - self.mean_embedding).astype(np.float32)
        squared = (embedding**2).sum(axis=1)
        near = SAME_PERSON**2 * 2.0 * squared.mean()
        chosen = np.random.default_rng(0).permutation(len(self))[:MOST_NEIGHBOURS]
        counted = np.zeros(len(self), bool)
        counted[chosen] = True
        alike = np.empty(len(self))
        for start in range(0, len(self), 512):
            rows = slice(start, start + 512)
            distances = squared[rows, None] + squared[chosen] - 2.0 * embedding[rows] @ embedding[chosen].T
            alike[rows] = (distances < near).sum(axis=1)
        photographs = 1.0 + (alike - counted) * (len(self) - 1) / max(1, len(chosen) - 1)
        share = 1.0 / np.maximum(photographs, 1.0)
        return share / share.sum()

    def select(self, indices: Int[np.ndarray, "chosen"]) -> FeatureStore:
        """The store of the chosen faces, in that order."""
        return FeatureStore(
            self.features[indices],
            self.embedding[indices],
            self.skin[indices],
            tuple(self.names[index] for index in indices),
            self.encoder_checksum,
            self.source,
            self.stand_in,
            self.skipped,
        )

    def with_skin_tone(self, encoder_checksum: str) -> FeatureStore:
        """The store as the same encoder with the cheeks' tone behind its features would have written it.

        Args:
            encoder_checksum: of that encoder (`encoders.with_skin_tone`).
        """
        features = np.concatenate([self.features, np.asarray(tone(self.skin))], axis=1)
        return replace(self, features=features, encoder_checksum=encoder_checksum)

    def save(self, path: str | os.PathLike[str], task: str = "") -> None:
        """Writes an npz file, which is complete or not there; features and embeddings as 16-bit floats where they fit.

        Args:
            task: what it is made of, for `task_of`.

        Raises:
            InputError: the folder can't be written.
        """
        path = Path(path)
        if path.suffix != SUFFIX:
            raise FeatureStoreError(f"{path} should end in {SUFFIX}, which is what a feature store is written as.")
        with atomic_path(path) as partial:
            np.savez(
                partial,
                features=_halved(self.features),
                embedding=_halved(self.embedding),
                skin=self.skin.astype(np.float32),
                names=np.array(self.names, np.str_),
                encoder_checksum=np.array(self.encoder_checksum),
                source=np.array(self.source),
                stand_in=np.array(self.stand_in),
                skipped=np.array(self.skipped, np.str_).reshape(-1, 2),
                task=np.array(task),
            )

    @staticmethod
    def task_of(path: str | os.PathLike[str]) -> str:
        """The `task` that a file was saved with. Raises FeatureStoreError where there is no such file."""
        with _open(Path(path)) as file:
            return str(file["task"]) if "task" in file else ""

    @classmethod
    def load(cls, path: str | os.PathLike[str], encoder_checksum: str | None = None) -> FeatureStore:
        """Reads what `save` wrote, or a folder of such files with its index.

        Raises:
            FeatureStoreError: it is missing, no feature store, incomplete or damaged, or was encoded with weights other than
                those of `encoder_checksum`.
        """
        path = Path(path)
        store = _load_folder(path) if path.is_dir() else _load_file(path)
        if encoder_checksum is not None and store.encoder_checksum != encoder_checksum:
            raise FeatureStoreError(
                f"{path} was made by an encoder with other weights ({store.encoder_checksum[:12]} instead of "
                f"{encoder_checksum[:12]}); encode the photographs again."
            )
        return store


def _halved(values: np.ndarray) -> np.ndarray:
    """As 16-bit floats, unless a value is too large for them."""
    fits = np.abs(values).max(initial=0.0) <= np.finfo(np.float16).max
    return values.astype(np.float16 if fits else np.float32)


@contextmanager
def _open(path: Path):
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except OSError as error:
        raise FeatureStoreError(f"{path} can't be read ({error}); encode photographs into it first.") from error
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise FeatureStoreError(f"{path} is no feature store ({error}); encode the photographs again.") from error


def _load_file(path: Path) -> FeatureStore:
    with _open(path) as file:
        store = FeatureStore(
            features=file["features"].astype(np.float32),
            embedding=file["embedding"].astype(np.float32),
            skin=file["skin"],
            names=tuple(str(name) for name in file["names"]),
            encoder_checksum=str(file["encoder_checksum"]),
            source=str(file["source"]),
            stand_in=bool(file["stand_in"]),
            skipped=tuple((str(name), str(reason)) for name, reason in file["skipped"]),
        )
    lengths = {len(store.features), len(store.embedding), len(store.skin), len(store.names)}
    if len(lengths) != 1:
        raise FeatureStoreError(f"{path} holds arrays of different lengths; encode the photographs again.")
    return store


def shards_in(folder: Path) -> list[Path]:
    """The stores in a folder of shards, in order."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if _SHARD.fullmatch(path.name))


def check_folder(folder: Path) -> None:
    """Raises FeatureStoreError where shards can't be kept: it is a file, or a folder that holds anything else."""
    if folder.exists() and not folder.is_dir():
        raise FeatureStoreError(f"{folder} is a file; give one that ends in {SUFFIX}, or a folder, as the store.")
    names = [path.name for path in folder.glob("*") if ".partial" not in path.name]
    others = [name for name in names if name != INDEX and not _SHARD.fullmatch(name)]
    if others:
        raise FeatureStoreError(
            f"{folder} holds {min(others)}, which is no part of a feature store; give a folder of its own as the store."
        )


def write_index(folder: Path, encoder_checksum: str, source: str) -> None:
    """Says of a folder of stores that it is complete, and what its files' checksums are."""
    files = {path.name: file_checksum(path) for path in shards_in(folder)}
    index = {"format": 1, "encoder_checksum": encoder_checksum, "source": source, "files": files}
    with atomic_path(folder / INDEX) as partial:
        partial.write_text(json.dumps(index, indent=1) + "\n")


def _load_folder(folder: Path) -> FeatureStore:
    try:
        index = json.loads((folder / INDEX).read_text())
        files = dict(index["files"])
        encoder_checksum, source = str(index["encoder_checksum"]), str(index["source"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeatureStoreError(
            f"{folder} has no readable {INDEX} ({error}): it isn't finished; run `mmreg data encode` again to go on."
        ) from error
    parts = []
    for name, checksum in files.items():
        path = folder / Path(name).name
        if not path.is_file() or file_checksum(path) != checksum:
            raise FeatureStoreError(
                f"{path} is missing or damaged; run `mmreg data encode` again, which makes it anew."
            )
        parts.append(_load_file(path))
    if not parts:
        raise FeatureStoreError(f"{folder} holds no encodings; encode photographs into it first.")
    return FeatureStore(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "embedding", "skin")),
        tuple(name for part in parts for name in part.names),
        encoder_checksum,
        source,
        any(part.stand_in for part in parts),
        tuple(pair for part in parts for pair in part.skipped),
    )
