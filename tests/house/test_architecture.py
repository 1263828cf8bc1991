"""The house's own rules: sizes, names, docstrings, the tests as a mirror of the sources, unsafe calls. What may import
what is checked by lint-imports; arguments and complexity are checked by ruff.

A list below names what still breaks a rule. It is to become shorter only: an entry that is no longer needed is a fault.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from infoplane.estimators import REGISTRY

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "infoplane"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

LONGEST_FILE, LONGEST_FUNCTION, MOST_MODULES_ON_THE_ROOT_FLOOR = 500, 60, 8

#: Functions of more lines.
LONG_FUNCTIONS = {
    "cli/run.py:run",
}

#: Classes of one name in several files.
TWINS = {
    "InformationPlaneCallback",  # for good: each framework has the callback under one name, in a module of its own
    "Report",
}

#: Files with docstrings that tell errors in prose, and not in a section ``Raises:``.
ERRORS_IN_PROSE: set[str] = set()

#: Modules without a test file of their name in the mirrored place.
UNTESTED = {
    "estimators/__init__.py",
}

#: Test files whose module is gone, or has another name.
WITHOUT_A_MODULE: set[str] = set()

#: What a whole way through the package does for a user: folders and files of tests that belong to no single module.
BEHAVIOURS = {
    "benchmarks": "the programs in benchmarks/",
    "hooks": "measuring leaves no trace on any model",
    "hostile": "files that somebody has tampered with",
    "house": "documentation, public face, rules of the house",
    "estimators/test_contract.py": "what is promised of every estimator",
    "estimators/test_golden.py": "numbers that stay to the last bit",
    "estimators/test_truths.py": "estimators beside information that is known",
    "plane/test_intervals.py": "intervals of a plane, over all of its stages",
    "report/test_in_browser.py": "the page of a report in a browser",
    "runs/test_saved_runs.py": "run directories of earlier versions",
    "serve/test_in_browser.py": "the live page in a browser",
    "test_classic_report.py": "the report's own code",
    "test_classic_training.py": "the report's own training",
}


def functions(tree, prefix=""):
    """Every function under a node, with its name from the outermost class or function on."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = f"{prefix}{node.name}" if named else prefix
        if named and not isinstance(node, ast.ClassDef):
            yield name, node
        yield from functions(node, f"{name}." if named else prefix)


def lines_of_code(function):
    """The lines of a function without its docstring."""
    first = function.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) is not None else 0
    return function.end_lineno - function.lineno + 1 - docstring


def modules():
    """The modules that need a test file: no estimator, which has its row in tests/estimators/cases.py, and a package's
    ``__init__`` only if it defines something.
    """
    with_a_row = {kind.__module__.removeprefix("infoplane.").replace(".", "/") + ".py" for kind in REGISTRY.values()}
    for name, tree in TREES.items():
        defines = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)
        if name not in with_a_row | {"__init__.py", "__main__.py", "cli/__main__.py"} and (
            defines or Path(name).stem != "__init__"
        ):
            yield name


def mirrored(module):
    """a/b.py -> a/test_b.py, and a/__init__.py -> a/test_a.py."""
    path = Path(module)
    stem = path.parent.name if path.stem == "__init__" else path.stem
    return (path.parent / f"test_{stem}.py").as_posix()


def keeps(rule, breaking, listed):
    """Nothing breaks the rule but what is listed, and all that is listed does."""
    breaking = set(breaking)
    assert breaking - listed == set(), f"{rule}: broken anew"
    assert listed - breaking == set(), f"{rule}: no longer broken; take it off the list"


def test_a_file_fits_five_hundred_lines():
    lengths = {name: len((SOURCE / name).read_text(encoding="utf-8").splitlines()) for name in TREES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_a_function_fits_sixty_lines():
    long = (
        f"{name}:{function}"
        for name, tree in TREES.items()
        for function, node in functions(tree)
        if lines_of_code(node) > LONGEST_FUNCTION
    )
    keeps(f"a function has at most {LONGEST_FUNCTION} lines beside its docstring", long, LONG_FUNCTIONS)


def test_the_root_floor_holds_few_modules():
    floor = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert len(floor) <= MOST_MODULES_ON_THE_ROOT_FLOOR


def test_no_two_classes_have_one_name():
    places = defaultdict(set)
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(name)
    keeps("classes have names of their own", (name for name, files in places.items() if len(files) > 1), TWINS)


def test_errors_have_a_section_of_their_own_in_docstrings():
    prose = (name for name in TREES if re.search(r"\bErrors:\s", (SOURCE / name).read_text(encoding="utf-8")))
    keeps("errors are told in a section Raises:", prose, ERRORS_IN_PROSE)


def test_every_module_has_a_test_file_of_its_name():
    alone = (module for module in modules() if not (TESTS / mirrored(module)).exists())
    keeps("a/b.py has its tests in tests/a/test_b.py", alone, UNTESTED)


def test_every_test_file_has_a_module():
    folders = {name for name in BEHAVIOURS if not name.endswith(".py")}
    known = {mirrored(module) for module in TREES}
    files = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    alone = {path.as_posix() for path in files if path.as_posix() not in known and path.parts[0] not in folders}
    allowed = WITHOUT_A_MODULE | (BEHAVIOURS.keys() - folders)
    keeps("tests mirror the sources", alone, allowed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_loads_code_or_mutes_warnings(file):
    text = file.read_text(encoding="utf-8")
    unsafe = (
        r"allow_pickle=True|weights_only=False|\bpickle\b|joblib\.load|yaml\.load|(?<![.\w])eval\(|(?<![.\w])exec\("
    )
    assert not re.findall(rf"{unsafe}|simplefilter\(.ignore|filterwarnings\(.ignore", text)


@pytest.mark.parametrize("name", TREES)
def test_what_checks_input_is_no_assertion(name):
    assert not [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, ast.Assert)]
