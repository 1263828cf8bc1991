"""The answers: the page and its files and no others, the list of runs, and the events of one."""

import asyncio
import json
import re
import time

import pytest

import infoplane as ip
from infoplane.io.jsonlines import lines_of
from infoplane.serve.folder import RunsFolder

pytestmark = pytest.mark.extra
pytest.importorskip("fastapi")
pytest.importorskip("plotly")
testclient = pytest.importorskip("starlette.testclient")


@pytest.fixture
def runs(tmp_path):
    (tmp_path / "secret.txt").write_text("a secret", encoding="utf-8")
    ip.Trajectory([{"step": 3, "layer": "fc1", "i_xt": float("nan"), "i_ty": 0.5}]).save(tmp_path / "runs" / "one")
    (tmp_path / "runs" / "one" / "notes.txt").write_text("a secret", encoding="utf-8")
    return RunsFolder(tmp_path / "runs")


@pytest.fixture
def client(runs):
    from infoplane.serve.app import make_app

    return testclient.TestClient(make_app(runs, ended=lambda: True))


def test_the_page_names_only_files_that_are_there(client):
    page = client.get("/")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="(static/[^"]*)"', page.text)
    assert len(named) == 8
    assert not re.findall(r"https?://", page.text)
    for name in named:
        assert client.get(f"/{name}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../live.py", "/static/%2e%2e/live.py", "/static/..%2flive.py", "/static/live.html", "/static/"),
        *("/one/notes.txt", "/events/one/../../secret.txt", "/events/%2e%2e%2fsecret.txt", "/events/none"),
        *("/events/one%00", "/events/one%0a", "/docs", "/openapi.json", "/runs/one"),
    ],
)
def test_there_is_nothing_else(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_the_list_of_runs(client):
    (run,) = client.get("/runs").json()
    assert (run["name"], run["state"]) == ("one", "finished")


def events(runs, name, *, looks):
    """The events of so many looks at a run, as names and values."""
    from infoplane.serve.app import happenings

    left = iter(range(looks))

    async def collect():
        return [part async for part in happenings(runs, name, ended=lambda: next(left, None) is None)]

    texts = asyncio.run(collect())
    found = [re.fullmatch(r"event: (\w+)\ndata: (.*)\n\n", text) for text in texts]
    return [(match[1], json.loads(match[2])) for match in found]


def test_the_events_of_a_run_that_was_saved(runs):
    names, values = zip(*events(runs, "one", looks=2), strict=True)
    assert names == ("begin", "run", "rows")
    assert values[1]["state"] == "finished"
    assert (values[2]["step"], values[2]["i_xt"], values[2]["i_ty"]) == ([3], [None], [0.5])


def test_a_name_cannot_make_an_event_of_its_own(runs):
    folder = runs.path_of("one")
    (folder / "trajectory.jsonl").write_bytes(lines_of({"step": [1], "layer": ["x\n\nevent: run\ndata: {}\n\n"]})[0])
    (_, rows) = events(runs, "one", looks=1)[-1]
    assert rows["layer"] == ["x\n\nevent: run\ndata: {}\n\n"]


def test_trouble_is_said_and_looked_at_again(runs):
    folder = runs.path_of("one")
    (folder / "trajectory.jsonl").write_bytes(b"nonsense\n")
    found = events(runs, "one", looks=3)
    assert [name for name, _ in found] == ["begin", "run"]
    assert "line 1" in found[1][1]["trouble"]


def test_a_run_that_is_deleted_while_it_is_shown_is_said_to_be_gone(runs):
    import shutil

    shutil.rmtree(runs.path_of("one"))
    found = events(runs, "one", looks=2)
    assert [name for name, _ in found] == ["begin", "run"]
    assert "gone" in found[1][1]["trouble"]


def test_no_answer_is_an_error_while_runs_come_and_go(runs, client):
    """As an attack did that deleted runs while pages listed and showed them."""
    import shutil
    import threading

    ended = threading.Event()

    def come_and_go():
        while not ended.is_set():
            ip.Trajectory([{"step": 3, "layer": "fc1"}]).save(runs.root / "two")
            shutil.rmtree(runs.root / "two")

    worker = threading.Thread(target=come_and_go)
    worker.start()
    try:
        codes = [client.get(path).status_code for _ in range(150) for path in ("/runs", "/events/two")]
    finally:
        ended.set()
        worker.join()
    assert set(codes) <= {200, 404}


def test_the_loop_is_free_while_a_long_run_is_read(runs):
    """Nothing else can be answered while the loop computes; its own time tells, however busy the machine is."""
    from infoplane.serve.app import happenings

    columns = {name: [0.123456789 + step for step in range(100_000)] for name in ("i_xt", "i_ty", "h_t")}
    columns |= {"step": list(range(100_000)), "layer": ["fc1"] * 100_000, "flags": [("red",)] * 100_000}
    (runs.path_of("one") / "trajectory.jsonl").write_bytes(b"".join(lines_of(columns)))
    seen: list[bool] = []

    async def watch():
        async for part in happenings(runs, "one", ended=lambda: True in seen):
            seen.append(",99999]" in part)

    begun = time.thread_time()
    asyncio.run(watch())
    assert True in seen
    assert len(seen) > 10  # in parts, so that many who look need little memory
    assert time.thread_time() - begun < 0.2
