"""Connections that say nothing, or only half of what they want: they go, and the owner always gets in."""

import contextlib
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from infoplane.serve import LivePage, door

pytestmark = pytest.mark.extra
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("plotly")


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "MOST", 20)
    monkeypatch.setattr(door, "PATIENCE", 0.4)
    with LivePage(tmp_path, port=0) as page:
        yield page


@pytest.fixture
def connect(page):
    """Connections to the page that have sent something."""
    with contextlib.ExitStack() as opened:

        def connection(sent):
            there = opened.enter_context(socket.create_connection(("127.0.0.1", urlsplit(page.url).port), timeout=5))
            there.sendall(sent)
            return there

        yield connection


def is_closed(there, *, within):
    there.settimeout(within)
    try:
        while there.recv(2**16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-More: "


def test_many_half_sent_requests_keep_nobody_out(page, connect):
    half = [connect(HALF) for _ in range(150)]
    begun = time.monotonic()
    with urllib.request.urlopen(page.url, timeout=5) as answer:
        assert answer.status == 200
    assert time.monotonic() - begun < 3
    assert all(is_closed(there, within=5) for there in half)


@pytest.mark.parametrize("sent", [b"", HALF, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nx"])
def test_a_request_that_never_ends_is_closed(connect, sent):
    assert is_closed(connect(sent), within=5)


def test_a_byte_now_and_then_is_no_request(connect):
    there = connect(HALF)
    end = time.monotonic() + 5
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < end:
            there.sendall(b"x")
            time.sleep(0.1)
    assert time.monotonic() < end


def test_after_an_answer_the_next_request_may_not_be_half_sent_for_ever(page, connect):
    address = urlsplit(page.url)
    there = connect(f"GET /runs?{address.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() + HALF)
    assert b"200 OK" in there.recv(2**16)
    assert is_closed(there, within=5)


def test_an_answer_that_lasts_is_not_cut_off(page, connect, tmp_path):
    import infoplane as ip

    ip.Trajectory([{"step": 1, "layer": "fc"}]).save(tmp_path / "run")
    address = urlsplit(page.url)
    watching = connect(f"GET /events/run?{address.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert b"200 OK" in watching.recv(2**12)
    for _ in range(40):
        connect(HALF)
    assert not is_closed(watching, within=1.5)


def test_where_every_connection_has_an_answer_the_next_is_told(page, connect, tmp_path):
    import infoplane as ip

    ip.Trajectory([{"step": 1, "layer": "fc"}]).save(tmp_path / "run")
    asking = f"GET /events/run?{urlsplit(page.url).query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    watching = [connect(asking) for _ in range(20)]
    for there in watching:
        assert b"200 OK" in there.recv(2**12)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(page.url, timeout=5)
    watching[0].close()
    time.sleep(0.5)
    with urllib.request.urlopen(page.url, timeout=5) as answer:
        assert answer.status == 200
