"""Weights are fetched once, only if the address says which file is meant, and only that file is kept."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mmreg.encoders import EncoderError, load_encoder
from mmreg.encoders.downloads import cache_folder, find_weights

CONTENT = b"weights" * 1000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMREG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path):
    """(address, the paths asked for) of a web server on this machine that has the file `some weights.npz`."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()
    (folder / "some weights.npz").write_bytes(CONTENT)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", asked
    running.shutdown()


def test_a_file_is_fetched_once_and_kept_under_its_checksum(cache, server):
    address, asked = server
    where = f"{address}/some%20weights.npz#sha256={CHECKSUM.upper()}"
    path = find_weights(where)
    assert path.parent == cache == cache_folder()
    assert path.read_bytes() == CONTENT
    assert path.name.endswith("some weights.npz")
    assert find_weights(where) == path
    assert asked == ["/some%20weights.npz"]


def test_another_file_is_refused_and_not_kept(cache, server):
    address, _ = server
    with pytest.raises(EncoderError, match=f"sends another file than was meant: its SHA-256 is {CHECKSUM}"):
        find_weights(f"{address}/some%20weights.npz#sha256={'0' * 64}")
    assert not list(cache.iterdir())


def test_an_address_that_does_not_say_which_file_is_meant_is_not_asked(cache, server):
    address, asked = server
    for fragment in ("", "#sha256=abc", "#md5=1"):
        with pytest.raises(EncoderError, match="must say which file is meant"):
            find_weights(f"{address}/some%20weights.npz{fragment}")
    assert not asked


def test_what_is_not_there_is_said(cache, server):
    address, _ = server
    with pytest.raises(EncoderError, match=r"can't be fetched \(File not found\)"):
        find_weights(f"{address}/other.npz#sha256={CHECKSUM}")
    with pytest.raises(EncoderError, match="download it and give the file's path"):
        find_weights(f"http://127.0.0.1:9/other.npz#sha256={CHECKSUM}")


def test_a_path_stays_a_path(tmp_path):
    assert find_weights(tmp_path / "weights.npz") == tmp_path / "weights.npz"


def test_an_encoder_is_asked_for_by_an_address(cache, server):
    address, asked = server
    with pytest.raises(EncoderError, match="can't be read"):  # it was fetched, and is no archive of arrays
        load_encoder(f"facenet:{address}/some%20weights.npz#sha256={CHECKSUM}")
    assert asked == ["/some%20weights.npz"]
