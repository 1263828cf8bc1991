"""The server as a process meets it: address, token, warning, beginning and end, and the command."""

import os
import signal
import subprocess
import sys
import time
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


def test_the_command_prints_the_address_and_ends_with_ctrl_c(tmp_path):
    command = [sys.executable, "-u", "-m", "infoplane.cli", "serve", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    begun = time.monotonic()
    while time.monotonic() - begun < 20:
        try:
            assert status(url) == 200
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")


def test_the_command_says_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "infoplane.cli", "serve", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "there is no such folder" in result.stderr


def test_a_run_with_its_page_beside_it(tmp_path):
    """The page answers while the run trains, also for a run directory that is not there when the page begins."""
    command = [sys.executable, "-u", "-m", "infoplane.cli", "run", "warm-up", "--serve", "--plot", "none"]
    out = tmp_path / "runs" / "warm"
    environment = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    process = subprocess.Popen(
        [*command, "--epochs", "1000000", "--every", "100", "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    url, name = process.stdout.readline().strip().split("#")
    assert name == "warm"
    assert status(url) == 200
    while not (out / "trajectory.jsonl").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    assert status(url) == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "resume with" in said
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)
