"""Which module may import which: only what stands below it."""

import ast
import subprocess
import sys

import pytest

from sage import paths

LAYERS = (
    {
        "paths",
        "profiles",
        "spaces",
        "rdm",
        "statistics",
        "cost",
        "stimuli",
        "devices",
        "parallel",
        "categories",
        "objects",
        "requirements_check",
        "record",
        "quoted",
    },
    {"preprocessing", "replicas", "cross_validation", "resampling", "zero_cost", "alignment"},
    {"image_files"},
    {"damaged_files", "batches"},
    {"decoding"},
    {
        "run",
        "provenance",
        "datasets",
        "models",
        "guidance",
        "tracker",
        "searchers",
        "responses",
        "recordings",
        "training",
    },
    {
        "predictors",
        "linear",
        "candidates",
        "checkpoints",
        "search_tables",
        "assemblies",
        "simulation",
        "sampling",
        "outside",
    },
    {"teachers", "evaluation", "cluster", "cell_tables", "predictivity"},
    {"explorer", "full_training", "plain_words"},
    {"pool", "comparison", "published_pools"},
)
# Beside the layers: figures know nothing of networks, the batch nothing of the science.
SIDE = {
    "plots": {"paths", "statistics"},
    "predictivity_plots": {"plots", "predictivity", "statistics"},
    "interactive": {"predictivity_plots", "statistics"},
    "recording_plots": {"plots", "recordings", "guidance", "statistics"},
    "drawing": {"plots", "models"},
    "watch": {"record", "tracker"},
    "command_line": {"profiles", "run"},
    "execute": {"paths", "run"},
    "publish": {"paths", "execute"},
    "batch": {"paths", "profiles", "run", "command_line", "execute", "publish"},
    "grid": {"paths", "command_line", "execute", "batch"},
}
PACKAGE = paths.ROOT / "sage"
FIRST_NAMES = {
    path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")
}
MODULES = sorted(FIRST_NAMES - {"__init__"})


def imported(module: str) -> set[str]:
    """Modules of sage, by their first name, that a module or package imports."""
    files = (
        [PACKAGE / f"{module}.py"]
        if (PACKAGE / f"{module}.py").exists()
        else (PACKAGE / module).glob("*.py")
    )
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {
                    alias.name.split(".")[1]
                    for alias in node.names
                    if alias.name.startswith("sage.")
                }
            elif (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.split(".")[0] == "sage"
            ):
                parts = node.module.split(".")
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found - {module}


def test_every_module_has_its_place():
    assert sorted([*set().union(*LAYERS), *SIDE]) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_modules_import_only_from_below(module):
    if module in SIDE:
        allowed = SIDE[module]
    else:
        (layer,) = [index for index, names in enumerate(LAYERS) if module in names]
        allowed = set().union(*LAYERS[:layer])
    assert imported(module) <= allowed


def test_neither_imports_nor_a_search_on_record_need_torchs_compiler():
    """It comes with torchvision and with torch's optimisers, and would take seconds of every process."""
    code = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"sage.{name}")
from sage import searchers, spaces
searchers.make("reinforce", spaces.cnn(2), seed=0)
print([name for name in ("torchvision", "torch._dynamo") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *MODULES], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]"]


def test_spaces_need_no_torch():
    code = "import sys, sage.spaces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_files_are_short():
    lengths = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_public_functions_and_classes_are_documented():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
