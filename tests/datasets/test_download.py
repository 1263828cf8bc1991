"""Fetching: the right bytes arrive whole, and nothing else arrives at all. All servers are on this machine."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading

import pytest

from infoplane.datasets.download import fetch_files
from infoplane.errors import DataFileError

BODY = bytes(range(256)) * 1000
SHA256 = {"some.gz": hashlib.sha256(BODY).hexdigest()}


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path says how the server behaves."""

    def do_GET(self):
        behaviour = self.path.split("/")[1]
        if behaviour == "redirect-ftp":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/some.gz")
            self.end_headers()
            return
        if behaviour == "redirect":
            self.send_response(302)
            self.send_header("Location", "/good/some.gz")
            self.end_headers()
            return
        if behaviour == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write({"good": BODY, "wrong": BODY[::-1], "cut": BODY[:1000]}[behaviour])

    def log_message(self, *args):
        """Keeps the test's output clean."""


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def dead():
    """The address of a port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/"


def fetch(folder, *base_urls, **options):
    fetch_files(folder, SHA256, base_urls=base_urls, https_only=False, timeout=10, **options)


def nothing_arrives(tmp_path, *base_urls, match, **options):
    with pytest.raises(DataFileError, match=match) as caught:
        fetch(tmp_path / "data", *base_urls, **options)
    assert list(tmp_path.iterdir()) == []
    assert "some.gz could not be fetched" in str(caught.value)
    assert all(base in str(caught.value) for base in base_urls)


@pytest.mark.parametrize("behaviour", ["good", "redirect"])
def test_a_file_arrives_whole_and_alone(tmp_path, server, behaviour):
    folder = tmp_path / "new" / "folder"
    fetch(folder, f"{server}/{behaviour}/")
    assert [entry.name for entry in folder.iterdir()] == ["some.gz"]
    assert (folder / "some.gz").read_bytes() == BODY


def test_the_next_address_is_tried(tmp_path, server, dead):
    fetch(tmp_path, dead, f"{server}/missing/", f"{server}/wrong/", f"{server}/cut/", f"{server}/good/")
    assert (tmp_path / "some.gz").read_bytes() == BODY


def test_a_wrong_hash_is_refused(tmp_path, server):
    found = hashlib.sha256(BODY[::-1]).hexdigest()
    nothing_arrives(tmp_path, f"{server}/wrong/", match=f"expected {SHA256['some.gz']}, found {found}")


def test_a_truncated_body_is_refused(tmp_path, server):
    nothing_arrives(tmp_path, f"{server}/cut/", match="cut off: expected 256000 bytes, found 1000|IncompleteRead")


def test_a_dead_port_is_named(tmp_path, dead):
    nothing_arrives(tmp_path, dead, match="refused")


def test_a_missing_file_is_named(tmp_path, server):
    nothing_arrives(tmp_path, f"{server}/missing/", f"{server}/missing/", match="404")


def test_a_body_over_the_cap_is_refused(tmp_path, server):
    nothing_arrives(tmp_path, f"{server}/good/", match="more than the 255999 bytes", max_bytes=len(BODY) - 1)


def test_a_redirection_to_another_scheme_is_refused(tmp_path, server):
    nothing_arrives(tmp_path, f"{server}/redirect-ftp/", match="unknown url type: ftp")


def test_http_is_refused_unless_allowed(tmp_path, server):
    with pytest.raises(DataFileError, match="unknown url type: http"):
        fetch_files(tmp_path / "data", SHA256, base_urls=[f"{server}/good/"])
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_named(tmp_path, server):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(DataFileError, match="cannot be written"):
        fetch(tmp_path / "data", f"{server}/good/")
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
