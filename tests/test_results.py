import json

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.results import Data, Provenance, file_checksum, read_result, write_result


def test_a_result_reads_back_as_it_was_with_its_provenance(tmp_path):
    path = tmp_path / "result.json"
    numbers = {"auc": np.float32(0.25), "counts": np.arange(3), "nested": {"ok": np.bool_(True), "list": (1, 2.5)}}
    write_result(path, numbers, Provenance([Data("faces", 3, "abc", True)], {"name": "quick"}, 7))
    result = read_result(path)
    assert result["auc"] == 0.25
    assert result["counts"] == [0, 1, 2]
    assert result["nested"] == {"ok": True, "list": [1, 2.5]}
    record = result["provenance"]
    assert record["data"] == [{"name": "faces", "count": 3, "checksum": "abc", "stand_in": True}]
    assert record["seed"] == 7
    assert set(record) == {"data", "profile", "seed", "versions", "commit", "machine", "seconds"}
    assert record["versions"]["numpy"] == np.__version__


def test_nan_is_refused_rather_than_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_result(tmp_path / "r.json", {"x": float("nan")}, Provenance([], {}, 0))
    assert list(tmp_path.iterdir()) == []


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="isn't there"):
        read_result(tmp_path / "none.json")
    (tmp_path / "other.json").write_text(json.dumps({"x": 1}))
    with pytest.raises(InputError, match="provenance"):
        read_result(tmp_path / "other.json")


def test_checksum_is_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_checksum(tmp_path / "a").startswith("ba7816bf8f01cfea")
