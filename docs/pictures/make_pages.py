"""The pictures of the report and of the live page: runs are trained, then both are opened in Chromium.

python docs/pictures/make_pages.py [--epochs N] [--out FOLDER]
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from infoplane.serve import LivePage

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=600)
parser.add_argument("--out", type=Path, default=Path(__file__).parent)
args = parser.parse_args()


def infoplane(line, folder):
    """The command, begun in a folder."""
    command = [str(Path(sys.executable).parent / "infoplane"), *line.split()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603


def train(folder, seed, epochs=args.epochs):
    out = f"runs/six-layer-seed-{seed}"
    return infoplane(f"run six-layer --epochs {epochs} --every 5 --seed {seed} --plot none --out {out}", folder)


def picture(browser, url, name, *, scheme="light", whole=False, act=None):
    page = browser.new_page(viewport={"width": 1180, "height": 1000}, color_scheme=scheme)
    page.goto(url)
    page.wait_for_selector("#numbers tbody tr")
    if act is not None:
        act(page)
    page.wait_for_timeout(1500)
    page.screenshot(path=args.out / f"{name}.png", full_page=whole)
    page.close()


def hover(page):
    page.evaluate("Plotly.Fx.hover('plane', [{curveNumber: 3, pointNumber: 12}])")


def early(page):
    page.locator("#step").evaluate(
        "slider => { slider.value = Math.round(slider.max / 4); slider.dispatchEvent(new Event('input')); }"
    )
    page.wait_for_timeout(500)
    hover(page)


def compare(page):
    page.get_by_label("Compare with").select_option("six-layer-seed-2")


def main():
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        for seed in (1, 2):
            train(place, seed).wait()
        infoplane("report runs/six-layer-seed-1 --out report.html", place).wait()
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        report = (Path(place) / "report.html").as_uri()
        picture(browser, report, "report-light", act=hover, whole=True)
        picture(browser, report, "report-dark", scheme="dark", act=early)
        going = train(place, 3, epochs=100_000)
        with LivePage(Path(place) / "runs", port=0) as live:
            picture(browser, f"{live.url}#six-layer-seed-3", "live-light")
            going.send_signal(signal.SIGINT)
            going.wait()
            picture(browser, f"{live.url}#six-layer-seed-1", "live-compare", scheme="dark", act=compare)
        browser.close()


if __name__ == "__main__":
    main()
