"""The house itself: layers, types, sizes, light imports, public names, and what the wheel holds."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import infolaw
import recipes

ROOT = Path(infolaw.__file__).resolve().parents[1]
PACKAGES = ("infolaw", "recipes", "experiments")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = ("pandas", "sklearn", "matplotlib", "lightgbm", "scipy", "pydantic", "yaml", "torch")


def run(*command):
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_run_one_way():
    result = run(Path(sys.executable).parent / "lint-imports")
    assert result.returncode == 0, result.stdout


def test_types_hold():
    result = run(sys.executable, "-m", "mypy")
    assert result.returncode == 0, result.stdout


def test_style_holds():
    result = run(sys.executable, "-m", "ruff", "check", ".")
    assert result.returncode == 0, result.stdout


def test_importing_laws_is_light():
    code = f"import sys, infolaw; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(sys.executable, "-c", code).stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = f"import sys, recipes.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(sys.executable, "-c", code).stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert len(text.splitlines()) <= 300
    assert {f.name: body_lines(f) for f in functions if body_lines(f) > 50} == {}


def body_lines(function):
    """Lines of a function without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[min(1, len(function.body) - 1)] if documented else function.body[0]
    return function.end_lineno - first.lineno + 1


def test_public_names_are_those_promised():
    assert {"read_runs", "RunTable", "fit", "FitResult", "LAWS", "compare", "allocate"} <= set(infolaw.__all__)
    assert {"Corpus", "Recipe", "Budget", "make_plan", "Plan"} <= set(recipes.__all__)
    assert all(hasattr(infolaw, name) for name in infolaw.__all__)
    assert all(hasattr(recipes, name) for name in recipes.__all__)


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "core", "misc"])
def test_no_file_is_named_after_nothing(word):
    assert [path for path in SOURCES if path.stem == word] == []


def test_the_wheel_holds_the_three_packages_and_their_data(tmp_path):
    result = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ".")
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert all(f"{package}/py.typed" in names for package in PACKAGES)
    assert "experiments/data/runs-infolaw.csv" in names
    assert any(name.startswith("infolaw/readers/mappings/") and name.endswith(".yaml") for name in names)


def test_the_installed_distribution_owns_the_three_names():
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    assert all(owners.get(package, ["infolaw"]) == ["infolaw"] for package in PACKAGES)
