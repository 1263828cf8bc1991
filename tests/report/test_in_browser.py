"""The report in a real browser: it draws, it moves, it switches, and hostile names stay text."""

import pytest

import infoplane as ip
from infoplane.flags import FLAGS, in_doubt

pytestmark = [pytest.mark.extra, pytest.mark.slow]
pytest.importorskip("plotly")

HOSTILE = "<img src=x onerror=document.title='owned'>"
#: For every trace of the plane the number of its points.
LENGTHS = "document.getElementById('plane').data.map((trace) => trace.x.length)"

#: For every trace but the markers of the chosen step the marker of its first point.
SYMBOLS = "document.getElementById('plane').data.slice(0, -1).map((trace) => trace.marker.symbol[0])"


def until(page, expression, wanted):
    """Wait for a value in the page; playwright's own waiting needs eval, which the page forbids."""
    for _ in range(100):
        if (found := page.evaluate(expression)) == wanted:
            return
        page.wait_for_timeout(50)
    assert found == wanted


def run(title, shift=0.0):
    rows = [
        {"step": 10 * step, "split": split, "layer": layer, "layer_index": number, "copy": -1, "family": "exact",
         "estimator": estimator, "label": "y", "i_xt": 6.0 - number + shift, "i_ty": step / 20, "units": "bits",
         "flags": ("red", "saturated") if layer == HOSTILE else ("green",)}
        for step in range(20) for number, layer in enumerate((HOSTILE, "second"))
        for estimator in ("binned", "kde") for split in ("train", "test")
    ]  # fmt: skip
    made = ip.Trajectory(rows, meta={"title": title, "h_y": 1.0, "log2_n": 8.0})
    for step in range(20):
        made.scalars.add(10 * step, "loss", 1 / (1 + step), split="train")
    return made


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return ip.report([run("one"), run("two", 0.5)], tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(chromium, path):
    """The open page; it may not complain, and may ask for nothing but itself."""
    shown = chromium.new_page(viewport={"width": 1200, "height": 900})
    said, asked = [], []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(path.as_uri())
    shown.wait_for_selector("html[data-ready=yes]")
    yield shown
    assert said == []
    assert [url for url in asked if not url.startswith("blob:")] == [path.as_uri()]
    shown.close()


def test_the_slider_moves_the_plane(page):
    assert page.evaluate(LENGTHS) == [20, 20, 20, 20, 4]  # two layers of two runs, and the chosen step of each
    page.locator("#step").evaluate("slider => { slider.value = 4; slider.dispatchEvent(new Event('input')); }")
    until(page, LENGTHS, [5, 5, 5, 5, 4])
    assert page.text_content("#step-shown") == "40"
    cells = page.locator("#numbers tbody tr").first.locator("td").all_text_contents()
    assert HOSTILE in cells
    assert "0.2000" in cells
    page.locator("#step").press("ArrowRight")
    until(page, LENGTHS, [6, 6, 6, 6, 4])


def test_play_runs_to_the_end_and_can_be_stopped(page):
    page.click("#play")
    until(page, "document.getElementById('plane').data[0].x.length < 20", True)
    assert page.text_content("#play") == "Stop"
    page.click("#play")
    assert page.text_content("#play") == "Play"


def test_layers_estimators_splits_and_runs_are_switched(page):
    page.get_by_role("group", name="Layers").get_by_label("second").uncheck()
    assert page.evaluate(LENGTHS) == [20, 20, 2]
    page.get_by_role("group", name="Estimators").get_by_label("kde").check()
    assert page.evaluate(LENGTHS) == [20, 20, 20, 20, 4]
    page.get_by_role("group", name="Splits").get_by_label("test").check()
    page.get_by_role("group", name="Runs").get_by_label("two").uncheck()
    assert page.evaluate(LENGTHS) == [20, 20, 20, 20, 4]
    page.select_option("#colour", "layer")
    colours = page.evaluate("document.getElementById('plane').data.slice(0, -1).map((trace) => trace.marker.color)")
    assert len(set(colours)) == 1


def test_the_noise_slider_moves_through_the_levels(chromium, tmp_path):
    levels = {"binned": 5.0, "channel 10 dB": 3.0, "channel -3 dB": 0.2, "channel 3.01 dB": 1.5}
    rows = [
        {"step": step, "split": "all", "layer": "fc", "layer_index": 0, "copy": -1, "family": "single", "label": "y",
         "estimator": name, "i_xt": i_xt, "i_ty": 0.1, "units": "bits", "flags": ("green",)}
        for step in (0, 1) for name, i_xt in levels.items()
    ]  # fmt: skip
    page = chromium.new_page()
    page.goto(ip.report(ip.Trajectory(rows), tmp_path / "noise.html").as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    shown = "document.getElementById('plane').data.slice(0, -1).map((trace) => trace.x[0])"
    assert page.evaluate(shown) == [5.0]
    for at, decibels in enumerate(("-3 dB", "3.01 dB", "10 dB")):
        page.locator("#noise").evaluate(f"it => {{ it.value = {at}; it.dispatchEvent(new Event('input')); }}")
        assert page.evaluate(shown) == [5.0, levels[f"channel {decibels}"]]
        assert page.text_content("#noise-shown") == decibels
        box = page.get_by_role("group", name="Estimators").get_by_label(f"channel {decibels}")
        assert box.is_checked()
    page.close()


def test_without_levels_there_is_no_noise_slider(page):
    assert page.locator("#noise-part").is_hidden()


def test_a_hostile_name_is_text_in_boxes_tables_labels_and_hover(page):
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("#choice-layer").text_content()
    assert page.locator("#plane .textpoint", has_text="<img src=x").count() > 0
    hover = page.evaluate("document.getElementById('plane').data[0].hovertext[3]")
    assert "<img" not in hover
    assert "flags: red, saturated" in hover
    page.evaluate("Plotly.Fx.hover('plane', [{curveNumber: 0, pointNumber: 3}])")
    assert page.locator("#plane .hoverlayer", has_text="<img src=x oner…").count() == 1
    assert page.title() == "Information plane of one, two"


def test_flagged_points_are_hollow(page):
    assert [symbol.endswith("-open") for symbol in page.evaluate(SYMBOLS)] == [True, False, True, False]


def test_the_words_of_the_flags_stand_below_the_numbers(page):
    assert page.locator("#flag-words dt").all_text_contents() == ["red", "saturated"]
    assert page.locator("#flag-words dd").all_text_contents() == [FLAGS["red"].words, FLAGS["saturated"].words]


def test_every_flag_that_puts_a_number_in_doubt_makes_its_point_hollow_and_says_why(chromium, tmp_path):
    rows = [{"step": 0, "layer": name, "i_xt": 1.0, "i_ty": 0.5, "units": "bits", "flags": (name,)} for name in FLAGS]
    shown = chromium.new_page()
    shown.goto(ip.report(ip.Trajectory(rows), tmp_path / "report.html").as_uri())
    shown.wait_for_selector("html[data-ready=yes]")
    assert [symbol.endswith("-open") for symbol in shown.evaluate(SYMBOLS)] == [in_doubt([name]) for name in FLAGS]
    words = [flag.words for name, flag in FLAGS.items() if name != "green"]
    assert sorted(shown.locator("#flag-words dd").all_text_contents()) == sorted(words)
    shown.close()


def test_the_csv_is_downloaded_whole(page, tmp_path):
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download one.csv").click()
    begun.value.save_as(tmp_path / "one.csv")
    assert list(ip.Trajectory.load(tmp_path / "one.csv")) == list(run("one"))


def test_on_paper_there_are_pictures_and_no_switches(page):
    page.emulate_media(media="print")
    assert not page.locator("#choices").is_visible()
    assert page.locator("#plane").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    width = "document.querySelector('#plane .main-svg').clientWidth"
    assert page.evaluate(width) < 700  # of the 718 pixels between the margins of A4
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.evaluate(width) > 700


def test_many_points_are_thinned_in_the_picture_only(chromium, tmp_path):
    rows = [{"step": step, "layer": "fc1", "i_xt": step % 7, "i_ty": 0.1, "units": "bits"} for step in range(20_000)]
    shown = chromium.new_page()
    shown.goto(ip.report(ip.Trajectory(rows), tmp_path / "report.html").as_uri())
    shown.wait_for_selector("html[data-ready=yes]")
    drawn = shown.evaluate(LENGTHS)[0]
    assert 500 < drawn <= 1500
    assert shown.get_attribute("#step", "max") == "19999"
    shown.close()
