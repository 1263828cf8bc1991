"""What all tests share: one thread, repeatable properties, and modules that are loaded by their path."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell leaves its background jobs deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("infoplane", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("infoplane")

TESTS = Path(__file__).parent


def load(path):
    """The module in a file that is on no import path."""
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report_pipeline():
    """The slow rebuild of the report's procedure."""
    return load(TESTS.parent / "benchmarks" / "report_pipeline.py")


@pytest.fixture(scope="session")
def data_folder():
    """The numbers that tests compare with."""
    return TESTS / "data"


@pytest.fixture(scope="session")
def fashion_mnist():
    """Where Debian's package dataset-fashion-mnist puts the images; continuous integration must have it."""
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    assert folder.is_dir(), f"{folder} is missing: install dataset-fashion-mnist"
    return folder


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, driven by playwright; ended with the module, since playwright keeps an event loop running."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None and not os.environ.get("CI"):
        pytest.skip("needs Debian's package chromium")
    assert program is not None, "there is no chromium: install Debian's package chromium"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def pytest_collection_modifyitems(items):
    """The longest tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With every extra installed (./dev test --all) nothing may be left out but what the system forbids."""
    report = yield
    forbidden = "this system lets nobody" in str(report.longrepr)
    if report.skipped and not forbidden and os.environ.get("INFOPLANE_ALL_EXTRAS") == "1":
        report.outcome = "failed"
        report.longrepr = f"left out although every extra should be there: {report.longrepr}"
    return report
