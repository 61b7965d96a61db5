"""What rendering costs: the compiled path beside the `keras.ops` path, beside the memory's speed, and beside the encoder.

    python -m benchmarks.rendering                 # some ten minutes on two cores; leave the machine alone meanwhile
    python -m benchmarks.rendering --resume        # go on where an interrupted run stopped
    python -m benchmarks.rendering --quick --out quick.json

Prints a table and writes `results/benchmarks/rendering.json`: `runs`, a record for each setting and path, `provenance`, and
what follows from the runs. The times are of one image in a batch, inside a compiled graph, without the first calls, which
compile: the median and the minimum on the wall's clock (`ms_…`, `least_ms_…`), and the minimum of the processor time of all the
process's threads (`cpu_ms_…`), which other programs disturb less. The claim about two threads is about the minimum, since
whatever else the machine does takes from both. Gradients go to all nine inputs. The two paths take turns in one
process, whose cores are limited before TensorFlow starts (where the system can't, only the thread pools are: `pinned` in the
profile), and the processes of one and of two threads take turns too. `mb_per_image` is by how much a process's peak memory grows
with an image, inputs and gradients included, in a fresh process for each mesh, size and path: from batch 1 to 8 for batches 1 and
8, from 8 to 32 for batch 32. `keras.ops` is left out where it would need too much memory or time; `left_out` says where.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run by its path, not by its name
    sys.path[0] = str(ROOT)

from benchmarks import summary  # noqa: E402
from mmreg.arrays import InputError, atomic_path  # noqa: E402
from mmreg.results import Data, Provenance, commit, machine, versions, write_result  # noqa: E402

OUT = ROOT / "results" / "benchmarks" / "rendering.json"


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long."""

    name: str
    meshes: tuple[str | int, ...] = (13_000, "open", 105_000)  # numbers: about so many triangles, as an ellipsoid
    sizes: tuple[int, ...] = (150, 224, 512)
    batches: tuple[int, ...] = (1, 8, 32)
    threads: tuple[int, ...] = (1, 2)
    memory_everywhere: bool = True  # else for the last mesh and size only
    step_everywhere: bool = True  # the training step, else with the most threads only
    middle: tuple[int, int, int] = (1, 1, 1)  # mesh, size and batch, by their place, where growth is looked at
    id_batch: int = 8
    step_batch: int = 15
    step_views: tuple[int, ...] = (1, 3)  # pictures of each face
    seconds: float = 0.5  # for each function
    patience: float = 5.0  # after which no further round of a setting begins
    call_seconds: float = 5.0  # a keras.ops call expected to take longer isn't made
    largest_bytes: float = 6e9  # nor one that needs more memory

    @property
    def middle_size_and_batch(self) -> tuple[int, int]:
        """The size and the batch at which growth is looked at."""
        return self.sizes[self.middle[1]], self.batches[self.middle[2]]


FULL = Plan("full")
QUICK = Plan(
    "quick",
    meshes=(400, 1600),
    sizes=(48,),
    batches=(1, 4),
    memory_everywhere=False,
    step_everywhere=False,
    middle=(1, 0, 1),
    id_batch=2,
    step_batch=3,
    seconds=0.05,
    patience=0.5,
)


class WorkerError(RuntimeError):
    """A measuring process failed; the message is its own."""


class Worker:
    """A measuring process (see `benchmarks.worker`), started when it is first asked."""

    def __init__(self, threads: int):
        self.threads = threads
        self.process: subprocess.Popen | None = None
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self.pinned = False

    def ask(self, request: dict):
        """The answer to a request.

        Raises:
            WorkerError: it failed, or the process died.
        """
        if self.process is None:
            command = [sys.executable, "-m", "benchmarks.worker", str(self.threads)]
            streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
            # in a session of its own, so that ctrl-C reaches this process alone, which then ends it
            self.process = subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **streams)
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        reply = json.loads(line) if line else {"error": f"the process died\n{self._last_words()}"}
        if "error" in reply:
            raise WorkerError(f"{request}: {reply['error']}")
        self.pinned = reply["pinned"]
        return reply["answer"]

    def _last_words(self) -> str:
        self.log.seek(0)
        return self.log.read()[-2000:].decode(errors="replace")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.log.close()


class Journal:
    """The answers so far, in a file beside the result, which an interrupted run is resumed from."""

    def __init__(self, path: Path, head: dict, resume: bool):
        self.path, self.head = path, json.loads(json.dumps(head))
        self.answers: dict[str, object] = {}
        self.began, self.former_seconds = time.monotonic(), 0.0
        if resume and path.exists():
            kept = json.loads(path.read_text())
            if kept["head"] != self.head:
                raise InputError(
                    f"{path} is of another version, machine or plan; delete it, or start anew without --resume."
                )
            self.answers, self.former_seconds = kept["answers"], kept["seconds"]

    @property
    def seconds(self) -> float:
        """Of all runs together."""
        return self.former_seconds + time.monotonic() - self.began

    def ask(self, worker: Worker, request: dict, **paths: str):
        """The worker's answer, unless it is known. `paths` are of this run alone, and not part of the question."""
        key = json.dumps({"threads": worker.threads, **request}, sort_keys=True)
        if key not in self.answers:
            self.answers[key] = worker.ask({**request, **paths})
            with atomic_path(self.path) as partial:
                partial.write_text(
                    json.dumps({"head": self.head, "seconds": self.seconds, "answers": self.answers}) + "\n"
                )
        return self.answers[key]


def measure(plan: Plan, journal: Journal) -> dict:
    """All that the plan wants to know: the result file's content."""
    result: dict = {name: [] for name in ("meshes", "runs", "ids", "training_step", "left_out")}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = {n: stack.enter_context(Worker(n)) for n in plan.threads}
        count = len(plan.meshes) * len(plan.sizes)
        peaks = 2 * (count if plan.memory_everywhere else 1)
        stepping = plan.threads if plan.step_everywhere else plan.threads[-1:]
        total = (
            len(plan.meshes)
            + peaks
            + len(plan.threads) * (1 + count * (1 + len(plan.batches)))
            + len(stepping) * len(plan.step_views)
        )
        progress = stack.enter_context(tqdm(total=total, unit="setting", disable=None))
        limits = {"seconds": plan.seconds, "patience": plan.patience}

        def step(what: str) -> None:
            progress.set_description(what)
            progress.update()

        for mesh in plan.meshes:
            scene = str(folder / f"{mesh}.npz")
            result["meshes"].append(workers[plan.threads[-1]].ask({"task": "scene", "mesh": mesh, "scene": scene}))
            step("meshes")
        memory = {}
        for mesh, size, path in _memory_settings(plan):
            request = {"task": "memory", "mesh": mesh, "size": size, "path": path, "batches": plan.batches}
            request |= {"largest_bytes": plan.largest_bytes, "call_seconds": 3.0 * plan.call_seconds}
            with Worker(plan.threads[-1]) as fresh:
                memory[mesh, size, path] = journal.ask(fresh, request, scene=str(folder / f"{mesh}.npz"))
            step(f"memory, {mesh}, {size}²")
        bandwidth = {}
        for threads, worker in workers.items():
            request = {"task": "bandwidth", "threads": threads, "seconds": plan.seconds}
            bandwidth[threads] = journal.ask(worker, request)
            step("memory bandwidth")

        for mesh, about in zip(plan.meshes, result["meshes"], strict=True):
            scene = str(folder / f"{mesh}.npz")
            for size in plan.sizes:
                for threads, worker in workers.items():
                    request = {"task": "ids", "mesh": mesh, "size": size, "batch": plan.id_batch, **limits}
                    answer = journal.ask(worker, request, scene=scene)
                    setting = {"triangles": about["triangles"], "size": size, "batch": plan.id_batch}
                    result["ids"].append({**setting, "threads": threads, **answer})
                    step(f"triangle ids, {mesh}, {size}²")
                for batch in plan.batches:
                    for threads, worker in workers.items():
                        setting = {"triangles": about["triangles"], "size": size, "batch": batch, "threads": threads}
                        why = _too_much(plan, setting, result["runs"], memory.get((mesh, size, "ops")))
                        if why:
                            result["left_out"].append({**setting, "path": "ops", "why": why})
                        request = {"task": "time", "mesh": mesh, "size": size, "batch": batch, **limits}
                        request["paths"] = ["native"] if why else ["native", "ops"]
                        for answer in journal.ask(worker, request, scene=scene):
                            growing = _mb_per_image(batch, memory.get((mesh, size, answer["path"])))
                            run = {**setting, "vertices": about["vertices"], **answer, "mb_per_image": growing}
                            result["runs"].append(run)
                        step(f"{mesh}, {size}², batch {batch}")
        for threads in stepping:
            for views in plan.step_views:
                request = {"task": "training_step", "batch": plan.step_batch, "views": views, **limits}
                answer = journal.ask(workers[threads], request)
                result["training_step"].append({"threads": threads, **answer})
                step("training step")
        pinned = all(worker.pinned for worker in workers.values() if worker.process is not None)

    size, batch = plan.middle_size_and_batch
    middle = {"triangles": result["meshes"][plan.middle[0]]["triangles"], "size": size, "batch": batch, "threads": 1}
    result["ratios"] = summary.ratios(result["runs"])
    result["floor"] = summary.floor(result["runs"], bandwidth)
    result["growth"] = summary.growth(result["runs"], middle)
    result["threads"] = summary.threads(result["runs"])
    result["claims"] = summary.claims(result)
    result["pinned"] = pinned
    return result


def _memory_settings(plan: Plan) -> Iterator[tuple[str | int, int, str]]:
    for mesh in plan.meshes:
        for size in plan.sizes:
            if plan.memory_everywhere or (mesh, size) == (plan.meshes[-1], plan.sizes[-1]):
                yield from ((mesh, size, path) for path in ("native", "ops"))


def _too_much(plan: Plan, setting: dict, runs: list[dict], memory: dict | None) -> str:
    """Why `keras.ops` isn't run in this setting; empty where it is."""
    batch = setting["batch"]
    if memory and batch > memory["peaks"][-1]["batch"]:
        return memory["left_out"]
    former = summary.select(runs, path="ops", **{k: v for k, v in setting.items() if k != "batch"})
    if former:
        seconds = former[-1]["ms_forward_backward"] * batch / 1000.0
        if seconds > plan.call_seconds:
            return f"one call would take about {seconds:.0f} s"
    return ""


def _mb_per_image(batch: int, memory: dict | None) -> float | None:
    """Growth of the peak from the next smaller batch measured, for the smallest to the next larger one."""
    peaks = memory["peaks"] if memory else []
    place = max(1, [p["batch"] for p in peaks].index(batch)) if batch in [p["batch"] for p in peaks] else len(peaks)
    if place >= len(peaks):
        return None
    before, after = peaks[place - 1], peaks[place]
    return (after["bytes"] - before["bytes"]) / (after["batch"] - before["batch"]) / 1e6


def main(
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", "-o", help="The result file (.json); by default results/benchmarks/rendering.json."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few small settings, to try it; needs --out.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
) -> None:
    """Times the renderer's two paths, prints a table and writes a result file."""
    if quick and out is None:
        raise InputError("--quick needs --out FILE.json, since its numbers aren't the project's result.")
    out = out or OUT
    plan = QUICK if quick else FULL
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = asdict(plan) | {"threads": tuple(n for n in plan.threads if n <= cores)}
    plan = Plan(**settings)
    head = {"plan": settings, "commit": commit(), "versions": versions(), "machine": machine()}
    journal = Journal(out.with_name(f"{out.stem}.partial.json"), head, resume)
    try:
        result = measure(plan, journal)
    except KeyboardInterrupt:
        typer.echo(f"\nInterrupted; {journal.path} keeps what is finished, and --resume goes on.", err=True)
        raise typer.Exit(130) from None
    settings["pinned"] = result.pop("pinned")
    settings["clocks"] = (
        "ms, least_ms: median and minimum of the wall's clock; cpu_ms: minimum of the process's processor time"
    )
    data = [Data(f"{m['name']}, {m['triangles']:,} triangles", 1, m["checksum"]) for m in result["meshes"]]
    provenance = Provenance(data, settings, 0, started=time.monotonic() - journal.seconds)
    write_result(out, result, provenance)
    journal.path.unlink(missing_ok=True)
    typer.echo(summary.table(result))
    typer.echo(f"\n{out}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except (InputError, WorkerError) as error:
        typer.echo(f"benchmarks.rendering: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
