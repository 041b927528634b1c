"""Which room may import which: only what stands below it."""

import ast
import subprocess
import sys

import pytest

from sage.config import paths

PACKAGE = paths.ROOT / "sage"
# From the top down. Configuration stands on devices, as provenance names them.
ROOMS = "cli plots experiments analysis search teachers training rsa models images spaces".split()
ROOMS += ["config", "compute"]


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards(room):
    below = {"sage", room, *ROOMS[ROOMS.index(room) + 1 :]}
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{name}" for name in names]
            rooms = {name.split(".")[1] for name in names if name.startswith("sage.")}
            assert rooms <= below, f"{path.relative_to(PACKAGE)} imports {rooms - below}"


def test_the_house_has_these_rooms():
    found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert found - {"__init__.py", "__main__.py"} == set(ROOMS)


def test_neither_imports_nor_a_search_on_record_need_torchs_compiler():
    """torch._dynamo comes with torchvision and torch's optimisers, and takes seconds to import."""
    files = (path.relative_to(paths.ROOT).with_suffix("") for path in PACKAGE.rglob("*.py"))
    modules = [".".join(path.parts) for path in files if path.stem != "__main__"]
    code = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from sage import spaces
from sage.search import searchers
searchers.make("reinforce", spaces.cnn(2), seed=0)
print([name for name in ("torchvision", "torch._dynamo") if name in sys.modules])
"""
    command = [sys.executable, "-c", code, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]"]


def test_spaces_need_no_torch():
    code = "import sys, sage.spaces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_files_are_short():
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > 600} == {}


def test_public_functions_and_classes_are_documented():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
