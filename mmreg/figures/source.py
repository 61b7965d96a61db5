"""What a page says about its own code: a function's source, numbers for the prose, the stamp at the end."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmreg
from mmreg.results import Provenance

if TYPE_CHECKING:  # IPython comes with the book's packages, not with the library's
    from IPython.display import Markdown

    from mmreg.face import MorphableModel


def show_source(obj: Any, docstring: bool = True) -> Markdown:
    """The source of a function, method, property or class, as the library has it, under the name of its file.

    Args:
        docstring: without, the outermost docstring is left out, for functions whose code says enough.
    """
    from IPython.display import Markdown

    obj = inspect.unwrap(getattr(obj, "fget", None) or getattr(obj, "func", None) or obj)
    code = inspect.cleandoc("\n" + inspect.getsource(obj))
    if not docstring and obj.__doc__:
        code = _without_docstring(code)
    path = Path(inspect.getsourcefile(obj)).relative_to(Path(mmreg.__file__).parents[1]).as_posix()
    return Markdown(f"```python\n# {path}\n{code}\n```")


def quote(numbers: Mapping[str, float | int | str]) -> None:
    """Gives numbers to the page's prose, which quotes them with {glue:text}`name:.1f`."""
    from myst_nb import glue

    for name, value in numbers.items():
        glue(name, value.item() if hasattr(value, "item") else value, display=False)


def note_other_model(model_name: str, model: MorphableModel, *differences: str) -> Markdown | None:
    """What a page says when it was run with another face model than the one that its words are about; else nothing.

    Args:
        model_name: what `mmreg.face.load` was given; "open" is what every page is written for.
        differences: sentences on what on this page holds of the open model alone.
    """
    if model_name == "open":
        return None
    from IPython.display import Markdown

    counts = [space.component_count for space in (model.shape, model.albedo, model.expression)]
    return Markdown(
        f"> **Another face model.** This page was run with **{model.name}** ({model.vertex_count:,} "
        f"vertices; {counts[0]} components of shape, {counts[1]} of albedo, {counts[2]} of expression). Its numbers and pictures "
        "are that model's; its words, captions and exercises were written for the open model, which has 199, 199 and 85. "
        f"{' '.join(differences)} Where a sentence and a picture disagree, believe the picture."
    )


def stamp(provenance: Provenance | Mapping[str, Any]) -> Markdown:
    """The last lines of a page: data or stand-in, profile, seed, versions, commit, machine, seconds."""
    from IPython.display import Markdown

    record = provenance.to_dict() if isinstance(provenance, Provenance) else provenance
    data = "; ".join(_describe(item) for item in record["data"])
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    profile = record["profile"]
    name = profile["name"] if isinstance(profile, Mapping) else profile
    return Markdown(
        f"**How this page was made.** Data: {data}. Profile `{name}`, seed {record['seed']}. Versions: {versions}. "
        f"Commit {record['commit']}. Machine: {record['machine']}. Computed in {record['seconds']:.0f} seconds."
    )


def _describe(data: Mapping[str, Any]) -> str:
    kind = " (**a stand-in**)" if data["stand_in"] else ""
    checksum = f", SHA-256 {data['checksum'][:12]}…" if data["checksum"] else ""
    return f"{data['name']}{kind}, {data['count']:,}{checksum}"


def _without_docstring(code: str) -> str:
    """`code` without the docstring of the definition that it consists of."""
    import ast

    first = ast.parse(code).body[0].body[0]
    lines = code.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])
