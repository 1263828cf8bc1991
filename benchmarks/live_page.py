"""What an attack on the live page does to it: half-sent requests, spoilt records, deleted runs, long runs, many pages.

    python benchmarks/live_page.py

Loopback only, about a minute. The server is a process of its own, so that its memory and its waits are its own.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

import infoplane as ip

_DEEP = "[" * 500 + "]" * 500


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The address of ``infoplane serve`` and its process."""
    command = [sys.executable, "-u", "-m", "infoplane", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        while status(url)[0] != 200:
            time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def status(url: str, path: str = "/") -> tuple[int, float]:
    """Status (0: no answer in 5 s) and seconds."""
    begun = time.perf_counter()
    try:
        with urllib.request.urlopen(url.replace("/?", f"{path}?"), timeout=5) as answer:  # noqa: S310
            answer.read()
            return answer.status, time.perf_counter() - begun
    except urllib.error.HTTPError as error:
        return error.code, time.perf_counter() - begun
    except OSError:
        return 0, time.perf_counter() - begun


def half_sent(folder: Path, count: int) -> str:
    with server(folder) as (url, process), contextlib.ExitStack() as opened:
        address = ("127.0.0.1", urlsplit(url).port)
        for _ in range(count):
            there = opened.enter_context(socket.create_connection(address, timeout=5))
            with contextlib.suppress(OSError):
                there.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        code, seconds = status(url)
        time.sleep(12)
        left = sum(connection.status == "ESTABLISHED" for connection in process.net_connections())
        return f"owner's request: {code} in {seconds:.2f} s; open after 12 s: {left} of {count}"


def spoilt(folder: Path) -> str:
    ip.Trajectory([{"step": 1, "layer": "fc"}]).save(folder / "good")
    answers = []
    with server(folder) as (url, _):
        for text in (f'{{"started": {_DEEP}}}', '{"started": 5}', '{"steps_done": "x"}', '{"seed": [1e999]}'):
            (folder / "bad").mkdir(exist_ok=True)
            (folder / "bad" / "run.json").write_text(text, encoding="utf-8")
            answers.append(status(url, "/runs")[0])
    shutil.rmtree(folder / "bad")
    return f"answers of the list: {answers}"


def deleted(folder: Path) -> str:
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            for count in range(5):
                ip.Trajectory([{"step": 1, "layer": "fc"}]).save(folder / f"run-{count}")
            for count in range(5):
                shutil.rmtree(folder / f"run-{count}")

    worker = threading.Thread(target=come_and_go)
    with server(folder) as (url, _):
        worker.start()
        codes = [status(url, "/runs")[0] for _ in range(1000)]
        ended.set()
        worker.join()
    return f"errors 500: {codes.count(500)} of {len(codes)}"


def long_run(folder: Path, rows: int, viewers: int) -> str:
    """Viewers read a run of so many rows; meanwhile somebody asks for a small file again and again."""
    step = range(rows)
    table = ip.Trajectory([{"step": s, "layer": "fc", "i_xt": s / 7, "i_ty": s / 9, "h_t": s / 11} for s in step])
    table.save(folder / "long")
    del table
    with server(folder) as (url, process):
        done = threading.Barrier(viewers + 1)

        def view() -> None:
            with urllib.request.urlopen(url.replace("/?", "/events/long?"), timeout=300) as answer:  # noqa: S310
                last = f",{rows - 1}]".encode()
                while last not in answer.readline():
                    pass
            done.wait()

        before, begun = process.memory_info().rss, time.perf_counter()
        threads = [threading.Thread(target=view) for _ in range(viewers)]
        for thread in threads:
            thread.start()
        waits, most = [0.0], 0
        while done.n_waiting < viewers and time.perf_counter() - begun < 120:
            waits.append(status(url, "/static/live.css")[1])
            most = max(most, process.memory_info().rss)
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        done.wait() if done.n_waiting == viewers else done.abort()
    shutil.rmtree(folder / "long")
    return (
        f"{viewers} viewers of {rows} rows: {seconds:.0f} s, {(most - before) / 1e6:.0f} MB more, "
        f"longest wait of another {max(waits):.2f} s"
    )


def leak(folder: Path) -> str:
    from infoplane.serve import LivePage

    used = []
    for _ in range(12):
        with LivePage(folder, port=0) as page:
            status(page.url)
        used.append(psutil.Process().memory_info().rss)
    return f"{(used[-1] - used[1]) / 10e6:.2f} MB a page"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=1200)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("half-sent requests:", half_sent(folder, options.connections), flush=True)
        print("spoilt records:", spoilt(folder), flush=True)
        print("runs deleted while listed:", deleted(folder), flush=True)
        print("long run:", long_run(folder, options.rows, 1), flush=True)
        print("long run:", long_run(folder, options.rows, 20), flush=True)
        print("leak:", leak(folder), flush=True)


if __name__ == "__main__":
    main()
