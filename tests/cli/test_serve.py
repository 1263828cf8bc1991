"""infoplane serve, and infoplane run --serve: the live page answers, and ends when it should."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.extra
pytest.importorskip("fastapi")


def status(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status


def test_the_command_prints_the_address_and_ends_with_ctrl_c(tmp_path):
    command = [sys.executable, "-u", "-m", "infoplane", "serve", str(tmp_path), "--port", "0"]
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
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (0, "")


def test_the_command_says_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "infoplane", "serve", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "there is no such folder" in result.stderr


def test_a_run_with_its_page_beside_it(tmp_path):
    """The page answers while the run trains, also for a run directory that is not there when the page begins."""
    command = [sys.executable, "-u", "-m", "infoplane", "run", "warm-up", "--serve", "--plot", "none"]
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
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "resume with" in error
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def test_the_browser_gets_a_private_file_and_never_the_token(monkeypatch):
    """Every user of a machine can read the command line of the browser."""
    import stat
    import webbrowser
    from pathlib import Path
    from urllib.parse import urlsplit

    from infoplane.cli.serve import in_browser

    asked = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    url = "http://127.0.0.1:7435/?token=a-secret&x=1#run"
    with in_browser(url):
        (address,) = asked
        assert "a-secret" not in address
        file = Path(urlsplit(address).path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert "token=a-secret&amp;x=1#run" in file.read_text(encoding="utf-8")
    assert not file.parent.exists()
