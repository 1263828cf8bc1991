"""The live page in a real browser, beside a real run in another process."""

import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

import infoplane as ip
from infoplane.io.jsonlines import lines_of
from infoplane.runs import RunDirectory
from infoplane.serve import LivePage

pytestmark = [pytest.mark.extra, pytest.mark.slow]
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("plotly")

HOSTILE = "<img src=x onerror=document.title='owned'>"
#: All points of the plane but the marks of the chosen step.
POINTS = "document.getElementById('plane').data.slice(0, -1).reduce((sum, trace) => sum + trace.x.length, 0)"


def row(step, layer="fc1"):
    said = {"split": "all", "family": "exact", "estimator": "binned", "label": "y", "units": "bits", "flags": ()}
    return {
        "step": step,
        "layer": layer,
        "layer_index": 0,
        "i_xt": 3.0 + step / 9,
        "i_ty": step / 90,
        "copy": -1,
    } | said


def line_of(row):
    (line,) = lines_of({name: [value] for name, value in row.items()})
    return line


def append(folder, steps, layer="fc1"):
    with open(folder / "trajectory.jsonl", "ab") as file:
        file.writelines(line_of(row(step, layer)) for step in steps)


def until(page, expression, wanted=True, *, seconds=15):
    """Wait for a value in the page; playwright's own waiting needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while (value := page.evaluate(expression)) != wanted and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert value == wanted


@pytest.fixture
def live(tmp_path):
    (tmp_path / "runs").mkdir()
    with LivePage(tmp_path / "runs", port=0) as page:
        yield tmp_path / "runs", page.url


@pytest.fixture
def page(chromium, live):
    """The open page; it may not complain, and may ask for nothing beyond this machine."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    shown = context.new_page()
    said, asked = [], []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(live[1])
    until(shown, "typeof live === 'object' && document.getElementById('none').textContent !== 'Looking for runs.'")
    yield shown
    assert said == []
    assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert "token" not in shown.url
    context.close()


def test_points_appear_while_a_run_in_another_process_writes(live, page):
    folder, _ = live
    command = [sys.executable, "-m", "infoplane.cli", "run", "warm-up", "--epochs", "100000", "--every", "5"]
    process = subprocess.Popen([*command, "--plot", "none", "--out", str(folder / "warm")], stdout=subprocess.DEVNULL)
    try:
        until(page, f"{POINTS} > 0", seconds=120)  # a process that imports torch, on a machine that may be busy
        before = page.evaluate(POINTS)
        until(page, f"{POINTS} > {before}")
        until(page, "document.getElementById('pace').textContent.includes('steps/s')")
        assert "of 100000" in page.text_content("#pace")
        assert page.locator("#numbers tbody tr").count() > 0
        until(page, "document.getElementById('state').textContent", "running")
        assert page.get_by_role("button", name="warm").get_attribute("aria-pressed") == "true"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(page, "document.getElementById('state').textContent", "dead")


def test_a_run_that_is_cut_back_and_goes_on_is_followed(live, page):
    folder = live[0] / "run"
    run = RunDirectory.create(folder, settings={"epochs": 60}, data_checksum=None, seed=1)
    append(folder, range(40))
    until(page, POINTS, 40)
    run.close()
    until(page, "document.getElementById('state').textContent", "dead")
    os.truncate(folder / "trajectory.jsonl", sum(len(line_of(row(step))) for step in range(25)))
    until(page, POINTS, 25)
    append(folder, range(25, 60))
    until(page, POINTS, 60)
    assert page.text_content("#pace").startswith("step 59 of 60")


def test_the_view_pauses_and_goes_on(live, page):
    folder = live[0] / "run"
    ip.Trajectory().save(folder)
    append(folder, range(5))
    until(page, POINTS, 5)
    page.get_by_role("button", name="Pause the view").click()
    append(folder, range(5, 9))
    page.wait_for_timeout(800)
    assert page.evaluate(POINTS) == 5
    page.get_by_role("button", name="Go on with the view").click()
    until(page, POINTS, 9)


def test_the_slider_stays_where_it_was_put_while_points_come(live, page):
    folder = live[0] / "run"
    ip.Trajectory().save(folder)
    append(folder, range(10))
    until(page, POINTS, 10)
    page.locator("#step").evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input')); }")
    until(page, POINTS, 4)
    append(folder, range(10, 20))
    until(page, "document.getElementById('step').max", "19")
    assert page.evaluate(POINTS) == 4
    page.locator("#step").press("End")
    until(page, POINTS, 20)
    append(folder, range(20, 22))
    until(page, POINTS, 22)


def test_two_runs_are_compared(live, page):
    for name, count in (("one", 7), ("two", 11)):
        ip.Trajectory([row(step) for step in range(count)]).save(live[0] / name)
    until(page, POINTS, 7)
    page.get_by_label("Compare with").select_option("two")
    until(page, POINTS, 18)
    assert page.text_content("h1") == "one and two"
    dashes = page.evaluate("document.getElementById('plane').data.slice(0, -1).map((trace) => trace.line.dash)")
    assert len(set(dashes)) == 2
    page.get_by_label("Compare with").select_option("")
    until(page, POINTS, 7)


def test_what_one_run_has_alone_is_shown_when_it_is_chosen(live, page):
    """The second estimator of a run is off at first; of a run that has no other it is the first."""
    both = [row(step) | {"estimator": name} for step in range(4) for name in ("binned", "kde")]
    ip.Trajectory(both).save(live[0] / "one")
    ip.Trajectory([row(step) | {"estimator": "kde"} for step in range(7)]).save(live[0] / "two")
    until(page, POINTS, 4)
    page.get_by_role("button", name="two").click()
    until(page, POINTS, 7)


def test_hostile_names_are_text(live, page):
    folder = live[0] / "run"
    ip.Trajectory(meta={"measurement": HOSTILE, "title": HOSTILE}).save(folder)
    append(folder, range(3), layer=HOSTILE)
    until(page, POINTS, 3)
    assert HOSTILE in page.text_content("#numbers")
    assert page.locator("main img").count() == 0
    assert page.title() == "infoplane: run"


def test_a_damaged_run_says_what_is_wrong(live, page):
    folder = live[0] / "run"
    ip.Trajectory().save(folder)
    (folder / "trajectory.jsonl").write_bytes(b"<nonsense>\n")
    until(page, "document.getElementById('state').textContent.startsWith('damaged: trajectory.jsonl, line 1')")


def test_everything_is_reached_and_named_by_keyboard(live, page):
    ip.Trajectory([row(step) for step in range(4)]).save(live[0] / "run")
    until(page, POINTS, 4)
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, select, progress, [role=img]')].filter(
        (one) => !(one.textContent.trim() || one.labels?.length || one.getAttribute('aria-label'))).length""")
    assert unnamed == 0
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert {"step", "play", "pause", "compare", "colour", "run"} <= reached


def test_without_the_token_the_browser_sees_nothing(chromium, live):
    context = chromium.new_context()
    shown = context.new_page()
    answer = shown.goto(live[1].split("?")[0] + "?token=wrong")
    assert answer.status == 401
    assert "token" in shown.text_content("body")
    context.close()


def test_a_page_of_another_site_cannot_read_or_frame_it(chromium, live):
    context = chromium.new_context()
    shown = context.new_page()
    shown.goto(live[1])  # now the browser has the cookie
    address = live[1].split("/?")[0]
    shown.goto("data:text/html,<title>elsewhere</title>")
    read = shown.evaluate(f"fetch('{address}/runs', {{credentials: 'include'}}).then(() => 'read', () => 'refused')")
    assert read == "refused"
    shown.set_content(f"<iframe src='{address}/'></iframe>")
    shown.wait_for_timeout(300)
    assert "infoplane" not in "".join(frame.content() for frame in shown.frames[1:])
    context.close()


def test_a_page_goes_on_after_the_server_was_started_anew(chromium, tmp_path):
    ip.Trajectory([row(step) for step in range(4)]).save(tmp_path / "run")
    context = chromium.new_context()
    shown = context.new_page()
    with LivePage(tmp_path, port=0) as first:
        shown.goto(first.url)
        until(shown, POINTS, 4)
    append(tmp_path / "run", range(9))  # lines come before a table that was saved whole
    with LivePage(tmp_path, port=urlsplit(first.url).port) as second:
        until(shown, "document.getElementById('trouble').textContent.includes('has a new token')")
        other = context.new_page()
        other.goto(second.url)
        until(shown, "document.getElementById('trouble').hidden")
        until(shown, POINTS, 9)
    context.close()


def test_the_private_file_leads_to_the_page(chromium, live, monkeypatch):
    import webbrowser

    from infoplane.cli.serve import in_browser

    asked = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    with in_browser(live[1]):
        context = chromium.new_context()
        shown = context.new_page()
        shown.goto(asked[0])
        shown.wait_for_url("http://127.0.0.1:*/")
        until(shown, "document.getElementById('none').textContent", "There is no run in this folder yet.")
        context.close()
