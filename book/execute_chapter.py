"""Runs one chapter: jupytext reads the source, papermill executes it, and only a finished notebook reaches the book."""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import TextIO

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*m")


def kernel_environment(threads: int) -> None:
    """Sets what the kernel inherits: its share of the cores, figures in the page, and this environment's own kernel."""
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    os.environ["PYTHONHASHSEED"] = "0"


def terminal_for_us_alone(kernel_messages: Path) -> TextIO:
    """The terminal; from here on, what this process and its kernel say on standard error goes to a file instead."""
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8")
    with kernel_messages.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
    return terminal


def hide_declared_parameters(notebook: nbformat.NotebookNode) -> None:
    """Leaves one parameters cell on the page: the one with the values that this run used."""
    injected = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    for cell in notebook.cells if injected else []:
        if "parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("remove-cell")


def failure_report(chapter: str, error: PapermillExecutionError, log: Path) -> str:
    """The cell and its exception, for the terminal: papermill's own traceback says nothing about the chapter."""
    last_frames = ESCAPE_CODES.sub("", "\n".join(error.traceback)).splitlines()[-25:]
    return "\n".join(
        [
            "",
            f"Chapter {chapter} failed in its code cell {error.exec_count}: {error.ename}: {error.evalue}",
            "",
            *(f"    {line}" for line in error.source.splitlines()),
            "",
            *last_frames,
            "",
            f"The notebook up to there: {log}",
        ]
    )


def seen_from(folder: Path, model: str) -> str:
    """The face model's name as a chapter in `folder` needs it: a path is said from there, names stay as they are."""
    kind, colon, path = model.partition(":") if model.startswith(("ict:", "open+ict:")) else ("", "", model)
    named = not colon and path in ("open", "ict", "open+ict")
    return (
        model if named else kind + colon + os.path.relpath(os.path.realpath(os.path.expanduser(path)), folder.resolve())
    )


def execute(source: Path, output: Path, log: Path, parameters: dict[str, str | int], terminal: TextIO) -> None:
    """Executes `source` into `log`, cell by cell, and moves the finished notebook to `output`."""
    nbformat.write(jupytext.read(source, fmt="py:percent"), log)
    progress = {"desc": source.stem, "file": terminal} if terminal.isatty() else False
    papermill.execute_notebook(
        log, log, parameters=parameters, kernel_name="python3", cwd=source.parent, progress_bar=progress
    )
    notebook = nbformat.read(log, as_version=4)
    hide_declared_parameters(notebook)
    nbformat.write(notebook, log)
    output.parent.mkdir(parents=True, exist_ok=True)
    os.replace(log, output)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the chapter, notebooks/NN_name.py")
    parser.add_argument("output", type=Path, help="where the executed notebook goes")
    parser.add_argument("--log", type=Path, required=True, help="where it is while it runs, and stays if it fails")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="open", help="the face model, as mmreg.face.load takes it")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    chapter, log = arguments.source.stem, arguments.log
    kernel_messages = log.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    kernel_environment(arguments.threads)
    terminal = terminal_for_us_alone(kernel_messages)
    started = time.monotonic()
    other = "" if arguments.model == "open" else f", model {arguments.model}"
    print(f"{chapter}: running ({arguments.profile}, seed {arguments.seed}{other})", file=terminal, flush=True)
    try:
        model_name = seen_from(arguments.source.parent, arguments.model)
        parameters = {"profile": arguments.profile, "seed": arguments.seed, "model_name": model_name}
        execute(arguments.source, arguments.output, log, parameters, terminal)
    except PapermillExecutionError as error:
        print(failure_report(chapter, error, log), file=terminal, flush=True)
        return 1
    except DeadKernelError:
        reason = f"its Python process died, perhaps for want of memory. What it said: {kernel_messages}"
        print(f"Chapter {chapter} failed: {reason}", file=terminal, flush=True)
        return 1
    print(f"{chapter}: done in {time.monotonic() - started:.0f} s", file=terminal, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
