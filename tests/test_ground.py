"""The ground agrees with itself: what is installed, what is shipped, which chapters there are, and who imports whom."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import jupytext
import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).parent.parent
SUPPORTED_PYTHONS = ("3.11", "3.12", "3.13")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHAPTERS = yaml.safe_load((REPOSITORY / "notebooks/chapters.yml").read_text(encoding="utf-8")) or {}

# written in pieces, so that this file doesn't find itself
PACKAGE_INDEX = re.compile(
    r"-{2}(extra-)?index-url\b|-{2}find-links\b|https?" r"://[^\s)\"'>]*/simple\b|pypi\.org/" r"simple"
)
MACHINE_PATH = re.compile(r"(?:^|[\s\"'`(=:])/(?:home|root|Users|work|mnt|tmp|farm)" r"/[\w.-]+", re.MULTILINE)
VENDORED = "book/_extra/"


@cache
def tracked_files() -> list[str]:
    """What a clone has, or will have once the new files are committed."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    return sorted(name for name in listed.split("\0") if name and (REPOSITORY / name).is_file())


def texts() -> dict[str, str]:
    found = {}
    for name in tracked_files():
        content = (REPOSITORY / name).read_bytes()
        if not name.startswith(VENDORED) and b"\0" not in content[:8192]:
            found[name] = content.decode("utf-8")
    return found


def declared_requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]]


def locked_requirements() -> list[Requirement]:
    lines = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def locked_version(name: str, python: str) -> Version | None:
    """The one version that the lock file gives a supported Python on this kind of machine."""
    environment = default_environment() | {"python_version": python, "python_full_version": f"{python}.6"}
    chosen = [
        requirement
        for requirement in locked_requirements()
        if canonicalize_name(requirement.name) == canonicalize_name(name)
        and (requirement.marker is None or requirement.marker.evaluate(environment))
    ]
    assert len(chosen) <= 1, f"the lock file names {name} more than once for Python {python}"
    return Version(next(iter(chosen[0].specifier)).version) if chosen else None


# What is installed


@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_the_lock_file_holds_every_dependency_at_a_version_within_its_bounds(python):
    for requirement in declared_requirements():
        version = locked_version(requirement.name, python)
        assert version is not None, f"{requirement.name} is not in requirements.lock for Python {python}: make lock"
        assert version in requirement.specifier, f"{requirement} is locked at {version}: make lock"


def test_the_lock_file_pins_every_package_exactly():
    for requirement in locked_requirements():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], str(requirement)


def test_conda_and_pip_allow_the_same_pythons_and_install_the_same_packages():
    environment = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
    python = next(item for item in environment["dependencies"] if isinstance(item, str) and item.startswith("python "))
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    assert {"pip": ["-r requirements.lock", "-e ."]} in environment["dependencies"]


@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_the_workflow_tests_every_python_that_the_package_allows(python):
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/book.yml").read_text(encoding="utf-8"))
    assert python in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f"{python}.0" in SpecifierSet(PROJECT["requires-python"])


# What is shipped


def test_no_file_names_a_package_index():
    found = {name: match.group() for name, text in texts().items() if (match := PACKAGE_INDEX.search(text))}
    assert not found


def test_no_file_names_a_path_of_one_machine():
    found = {name: match.group() for name, text in texts().items() if (match := MACHINE_PATH.search(text))}
    assert not found


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (PACKAGE_INDEX, "--extra-" + "index-url x"),
        (PACKAGE_INDEX, "https" + "://mirror.example/simple"),
        (MACHINE_PATH, 'open("/ho' + 'me/someone/photo.jpg")'),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern, line):
    assert pattern.search(line)


def test_the_licences_page_names_every_model_and_data_file_that_is_shipped():
    page = (REPOSITORY / "book/licences.md").read_text(encoding="utf-8")
    data = re.compile(r"\.(npz|npy|xz|gz|zip|h5|hdf5|keras|dat|bin|glb|obj|onnx|safetensors|jpe?g)$")
    for name in tracked_files():
        if data.search(name) and not name.startswith(("tests/", VENDORED)):
            named = [f"`{part}`" for part in (name, f"{Path(name).parent.as_posix()}/", Path(name).name)]
            assert any(mention in page for mention in named), f"book/licences.md doesn't name {name}"


# The chapters


def imported_modules(source: Path) -> set[str]:
    """The modules of mmreg that a chapter imports, as dotted names."""
    named = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in named if name.partition(".")[0] == "mmreg"}


def toc_entries() -> list[str]:
    toc = yaml.safe_load((REPOSITORY / "book/_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def test_the_contents_list_the_chapters_in_the_workflow_s_order():
    assert [Path(entry).name for entry in toc_entries() if entry.startswith("_executed/")] == list(CHAPTERS)


def test_every_source_in_notebooks_is_a_chapter():
    assert sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.py")) == sorted(CHAPTERS)


def test_every_page_of_the_book_is_in_its_contents():
    written = {path.stem for path in (REPOSITORY / "book").glob("*.md")}
    listed = {entry for entry in toc_entries() if "/" not in entry}
    assert written == listed


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_a_percent_script_with_profile_seed_and_model(chapter):
    text = (REPOSITORY / f"notebooks/{chapter}.py").read_text(encoding="utf-8")
    assert re.search(r"^#\s+format_name: percent$", text, re.MULTILINE), "no jupytext header"
    notebook = jupytext.reads(text, fmt="py:percent")
    parameters = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(parameters) == 1
    values: dict = {}
    exec(parameters[0].source, values)
    assert values["profile"] == "quick"
    assert isinstance(values["seed"], int)
    assert values["model_name"] == "open"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_again_when_anything_that_it_imports_changes(chapter):
    import grimp

    graph = grimp.build_graph("mmreg")
    used = imported_modules(REPOSITORY / f"notebooks/{chapter}.py") & graph.modules
    used |= {module for name in used for module in graph.find_upstream_modules(name)}
    declared = [REPOSITORY / "mmreg" / part for part in CHAPTERS[chapter].get("library", [])]
    for module in sorted(used - {"mmreg"}):
        path = Path(importlib.util.find_spec(module).origin)
        assert any(path == root or root in path.parents for root in declared), (
            f"notebooks/chapters.yml: the library of {chapter} lacks {path.relative_to(REPOSITORY / 'mmreg')}"
        )


def test_every_artifact_that_a_chapter_needs_is_made_by_an_earlier_one():
    made: set[str] = set()
    for name, chapter in CHAPTERS.items():
        missing = set(chapter.get("needs") or []) - made
        assert not missing, f"{name} needs {missing}, which no earlier chapter makes"
        made |= set(chapter.get("makes") or [])


# Who imports whom


def test_imports_go_down_only():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
