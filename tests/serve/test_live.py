"""The server as a process meets it: address, token, warning, beginning and end."""

import urllib.error
import urllib.request

import pytest

import infoplane as ip
from infoplane.serve import LivePage

pytestmark = pytest.mark.extra
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("plotly")


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_answers_who_has_the_token_until_it_stops(tmp_path):
    with LivePage(tmp_path, port=0) as page:
        bare = page.url.split("?")[0]
        assert bare.startswith("http://127.0.0.1:")
        assert (status(page.url), status(bare), status(page.url + "x")) == (200, 401, 401)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.url, timeout=5)


def test_every_page_has_a_token_of_its_own(tmp_path):
    with LivePage(tmp_path, port=0) as one, LivePage(tmp_path, port=0) as two:
        assert one.url.split("=")[1] != two.url.split("=")[1]
        assert len(one.url.split("=")[1]) >= 32


def test_an_open_address_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="other machines can reach it"):
        page = LivePage(tmp_path, host="0.0.0.0", port=0)
    page.stop()


def test_a_port_that_is_taken_is_said(tmp_path):
    with LivePage(tmp_path, port=0) as page:
        port = int(page.url.split(":")[2].split("/")[0])
        with pytest.raises(ip.errors.InputError, match="--port 0 takes a free one"):
            LivePage(tmp_path, port=port)
    with pytest.raises(ip.errors.InputError, match="cannot listen"):
        LivePage(tmp_path, port=70_000)


def test_pages_leave_no_memory_behind(tmp_path):
    """Each page had its own copy of plotly, and kept it."""
    import gc
    import tracemalloc

    def pages(count):
        for _ in range(count):
            with LivePage(tmp_path, port=0) as page:
                assert status(page.url) == 200
        gc.collect()

    pages(1)
    tracemalloc.start()
    try:
        pages(1)
        before = tracemalloc.get_traced_memory()[0]
        pages(4)
        assert tracemalloc.get_traced_memory()[0] - before < 4 * 500_000
    finally:
        tracemalloc.stop()


def test_nothing_on_a_busy_machine_keeps_the_port_after_a_restart(tmp_path):
    with LivePage(tmp_path, port=0) as page:
        port = int(page.url.split(":")[2].split("/")[0])
        assert status(page.url) == 200
    with LivePage(tmp_path, port=port) as again:
        assert (status(again.url), status(page.url)) == (200, 401)
