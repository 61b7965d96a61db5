"""What an encoder said of many photographs, kept on disk so that training needn't encode them again."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError, Int, atomic_path

__all__ = ["FeatureStore", "FeatureStoreError"]

SUFFIX = ".npz"


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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file, which is complete or not there.

        Raises:
            InputError: the folder can't be written.
        """
        path = Path(path)
        if path.suffix != SUFFIX:
            raise FeatureStoreError(f"{path} should end in {SUFFIX}, which is what a feature store is written as.")
        with atomic_path(path) as partial:
            np.savez(
                partial,
                features=self.features.astype(np.float32),
                embedding=self.embedding.astype(np.float32),
                skin=self.skin.astype(np.float32),
                names=np.array(self.names, np.str_),
                encoder_checksum=np.array(self.encoder_checksum),
                source=np.array(self.source),
                stand_in=np.array(self.stand_in),
                skipped=np.array(self.skipped, np.str_).reshape(-1, 2),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], encoder_checksum: str | None = None) -> FeatureStore:
        """Reads what `save` wrote.

        Raises:
            FeatureStoreError: the file is missing, no feature store, or was encoded with weights other than those of
                `encoder_checksum`.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                store = cls(
                    features=file["features"],
                    embedding=file["embedding"],
                    skin=file["skin"],
                    names=tuple(str(name) for name in file["names"]),
                    encoder_checksum=str(file["encoder_checksum"]),
                    source=str(file["source"]),
                    stand_in=bool(file["stand_in"]),
                    skipped=tuple((str(name), str(reason)) for name, reason in file["skipped"]),
                )
        except OSError as error:
            raise FeatureStoreError(f"{path} can't be read ({error}); encode photographs into it first.") from error
        except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, AttributeError) as error:
            raise FeatureStoreError(f"{path} is no feature store ({error}); encode the photographs again.") from error
        lengths = {len(store.features), len(store.embedding), len(store.skin), len(store.names)}
        if len(lengths) != 1:
            raise FeatureStoreError(f"{path} holds arrays of different lengths; encode the photographs again.")
        if encoder_checksum is not None and store.encoder_checksum != encoder_checksum:
            raise FeatureStoreError(
                f"{path} was made by an encoder with other weights ({store.encoder_checksum[:12]} instead of "
                f"{encoder_checksum[:12]}); encode the photographs again."
            )
        return store
