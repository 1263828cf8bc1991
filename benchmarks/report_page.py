"""How large the report's page is, how fast it opens and moves, and how fast the live page draws: in a real browser.

python benchmarks/report_page.py [--steps N] [--layers N] [--copies N] [--repeats N]

Opens the report of a random walk of every layer and copy in Chromium; prints the size of the file, the seconds until
everything is drawn (and those of the page's own thread, which other work on the machine lengthens less), the
milliseconds for one move of the slider, and for one drawing of the live page with 20 000 points. Medians and extremes
over the repeats.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

import infoplane as ip
from infoplane.serve import LivePage

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--layers", type=int, default=6)
parser.add_argument("--copies", type=int, default=5)
parser.add_argument("--repeats", type=int, default=7)
args = parser.parse_args()

#: Moves the slider through 40 steps, each drawn before the next; milliseconds a move.
MOVE = """async () => {
  const slider = document.getElementById("step");
  const begun = performance.now();
  for (let at = 0; at < 40; at += 1) {
    slider.value = Math.round(at / 40 * slider.max);
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
  return (performance.now() - begun) / 40;
}"""


def trajectory(steps):
    """Random walks with intervals, so that no number repeats and the file cannot be made small by luck."""
    random = np.random.default_rng(0)
    shape = (steps, args.layers, args.copies)
    i_xt = 5 + np.cumsum(random.normal(0, 0.05, shape), axis=0)
    i_ty = 0.5 + np.cumsum(random.normal(0, 0.005, shape), axis=0)
    rows = [
        {
            "step": step, "split": "train", "layer": f"layer {layer}", "layer_index": layer, "copy": copy,
            "family": "single", "estimator": "binned", "label": "y",
            "i_xt": x, "i_xt_low": x - random.random(), "i_xt_high": x + random.random(),
            "i_ty": y, "i_ty_low": y - random.random(), "i_ty_high": y + random.random(),
            "h_t": x, "h_t_given_x": 0.0, "n": 4096, "units": "bits",
            "flags": "red;saturated" if layer == 0 else "green",
        }
        for step in range(steps) for layer in range(args.layers) for copy in range(args.copies)
        for x, y in [(float(i_xt[step, layer, copy]), float(i_ty[step, layer, copy]))]
    ]  # fmt: skip
    return ip.Trajectory(rows, meta={"log2_n": 12.0, "h_y": 1.0, "measurement": "30 bins on [-1, 1]", "units": "bits"})


def said(values, unit):
    return f"{statistics.median(values):.3g} {unit} ({min(values):.3g} to {max(values):.3g})"


def opened(browser, url):
    """A new page, the seconds until it has drawn everything, and those of them that its own thread was at work."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    begun = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("html[data-ready=yes]")
    took = time.perf_counter() - begun
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return page, took, metrics["TaskDuration"]


def of_the_report(browser, folder):
    whole = trajectory(args.steps)
    path = ip.report(whole, folder / "report.html")
    print(f"report of {len(whole)} rows: {path.stat().st_size / 1e6:.2f} MB")
    seconds, work, moves = [], [], []
    for _ in range(args.repeats):
        page, took, worked = opened(browser, path.as_uri())
        seconds.append(took)
        work.append(worked)
        moves.append(page.evaluate(MOVE))
        page.close()
    print(f"opens in {said(seconds, 's')}, {said(work, 's')} of its thread's own time")
    print(f"one move of the slider takes {said(moves, 'ms')}")


def of_the_live_page(browser, folder):
    whole = trajectory(20_000 // (args.layers * args.copies))
    whole.save(folder / "run")
    with LivePage(folder / "run", port=0) as live:
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(live.url)
        page.wait_for_selector("#numbers tbody tr")
        page.wait_for_function("document.getElementById('pace').textContent.startsWith('step')")
        moves = [page.evaluate(MOVE) for _ in range(args.repeats)]
        drawings = page.evaluate("""async (times) => {
            const took = [];
            for (let at = 0; at < times; at += 1) {
                const begun = performance.now();
                live.view.changed();
                took.push(performance.now() - begun);
                await new Promise(requestAnimationFrame);
            }
            return took;
        }""", args.repeats)  # fmt: skip
    print(f"live page with {len(whole)} points: a drawing takes {said(drawings, 'ms')}, a move {said(moves, 'ms')}")


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(f"Chromium {browser.version}")
        of_the_report(browser, Path(folder))
        of_the_live_page(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
