# The book's workflow: each chapter is run with its parameters, then all pages are built. `make book` calls it.
#
# What runs again: a chapter whose source, library modules, artifacts, profile, seed or face model changed. Small files are compared
# by content, so a touched or checked-out file changes nothing. The wording of this file is no trigger: the commands
# live in two scripts of book/, of which execute_chapter.py is an input like any other.
import tomllib
from pathlib import Path

import yaml

PROFILE = config.get("profile", "quick")
SEED = int(config.get("seed", 0))
MODEL = str(config.get("model", "open"))
RESULTS = f"results/{PROFILE}"
CHAPTERS = yaml.safe_load(Path("notebooks/chapters.yml").read_text(encoding="utf-8")) or {}

if PROFILE not in ("quick", "short", "full", "paper"):
    raise WorkflowError(f"There is no profile named {PROFILE!r}: choose quick, short, full or paper.")
for name in CHAPTERS:
    if not Path(f"notebooks/{name}.py").is_file():
        raise WorkflowError(f"notebooks/chapters.yml names the chapter {name}, but there is no notebooks/{name}.py.")


def transient(path):
    return "__pycache__" in path.parts or ".partial" in path.suffixes


def files_under(*roots):
    """The files at and below each root, without what running leaves behind or is still writing."""
    found = set()
    for root in map(Path, roots):
        if not root.exists():
            raise WorkflowError(f"The workflow reads {root}, which is not there.")
        inside = root.rglob("*") if root.is_dir() else [root]
        found |= {path.as_posix() for path in inside if path.is_file() and not transient(path)}
    return sorted(found)


def artifacts(names):
    return [f"{RESULTS}/{name}" for name in names or []]


def model_files():
    """The files of a face model that isn't the package's own; `mmreg.face.load` says what names there are."""
    path = MODEL.removeprefix("open+").removeprefix("ict:")
    if path in ("open", "ict"):
        return []
    path = Path(path).expanduser()
    if not path.exists():
        raise WorkflowError(f"There is no face model {path}: choose open, ict:FOLDER, open+ict:FOLDER, or the path of an h5 file.")
    return files_under(path) if path.is_file() else sorted(file.as_posix() for file in path.rglob("*.obj"))


rule book:
    input:
        "book/_build/html/index.html",


for name, chapter in CHAPTERS.items():

    rule:
        name:
            name
        input:
            source=f"notebooks/{name}.py",
            library=files_under("mmreg/__init__.py", *(f"mmreg/{part}" for part in chapter.get("library", []))),
            reads=files_under(*chapter.get("reads", [])),
            needs=artifacts(chapter.get("needs")),
            model=model_files(),
            runner="book/execute_chapter.py",
            packages="requirements.lock",
        output:
            notebook=f"book/_executed/{name}.ipynb",
            makes=artifacts(chapter.get("makes")),
        log:
            f"results/logs/{name}.ipynb",
        benchmark:
            f"book/_generated/run_times/{name}.tsv"
        params:
            profile=PROFILE,
            seed=SEED,
            model=MODEL,
        threads: chapter.get("threads", 1)
        resources:
            mem_mb=chapter.get("memory_mb", 3000),
            runtime=chapter.get("minutes", 30),
        shell:
            "python {input.runner} {input.source} {output.notebook} --log {log}"
            " --profile {params.profile} --seed {params.seed} --model {params.model:q} --threads {threads}"


rule run_times:
    input:
        script="book/run_times.py",
        chapters="notebooks/chapters.yml",
        measured=[f"book/_generated/run_times/{name}.tsv" for name in CHAPTERS],
    output:
        "book/_generated/run_times.md",
    params:
        profile=PROFILE,
    resources:
        mem_mb=200,
        runtime=5,
    shell:
        "python {input.script} {output} --profile {params.profile}"


rule summary:
    input:
        script="book/summary.py",
        chapters="notebooks/chapters.yml",
        records=files_under("results/experiments") if Path("results/experiments").is_dir() else [],
    output:
        "book/_generated/summary.md",
    resources:
        mem_mb=200,
        runtime=5,
    shell:
        "python {input.script} {output}"


# Every page is written anew (--all): an incremental build repeats no warning and leaves old menus in untouched pages.
rule pages:
    input:
        notebooks=[f"book/_executed/{name}.ipynb" for name in CHAPTERS],
        generated=["book/_generated/run_times.md", "book/_generated/summary.md"],
        sources=sorted(str(path) for pattern in ("*.md", "*.yml", "*.bib") for path in Path("book").glob(pattern)),
        static=files_under("book/_static", "book/_extra"),
        figures=files_under("results/figures") if Path("results/figures").is_dir() else [],
    output:
        "book/_build/html/index.html",
    log:
        "results/logs/pages.log",
    resources:
        mem_mb=1500,
        runtime=10,
    shell:
        "jupyter-book build book -W -n --keep-going --all > {log} 2>&1"
        " || {{ grep -E 'WARNING|ERROR' {log} || tail -n 30 {log}; echo 'The whole log: {log}'; exit 1; }} >&2"


# The ablations: every run that mmreg/variants.toml lists, with photographs if a store is given. `make ablations` calls it. A run that
# was stopped goes on behind its last checkpoint. Runs that read 1,024 features, or photographs from one side, need a store of the same
# photographs by an encoder of their own, and are left out without one.
PHOTOS = str(config.get("photos", ""))
STORES_OF = {"dlib-map": "photos_map", "dlib-layers-one-side": "photos_one_side"}
LISTED = tomllib.loads(Path("mmreg/variants.toml").read_text(encoding="utf-8"))
OWN_STORE = {name: STORES_OF.get(run.get("encoder", "").removesuffix("+skin")) for name, run in LISTED.items()}
STORES = {name: str(config.get(own, "")) if own else PHOTOS for name, own in OWN_STORE.items()}
VARIANTS = [name for name in LISTED if STORES[name] or not OWN_STORE[name]]


rule ablations:
    input:
        expand(f"{RESULTS}/variants/{{variant}}/regressor.npz", variant=VARIANTS),


rule variant:
    wildcard_constraints:
        variant="|".join(VARIANTS),
    input:
        photos=lambda wildcards: [STORES[wildcards.variant]] if STORES[wildcards.variant] else [],
        model=model_files(),
    output:
        f"{RESULTS}/variants/{{variant}}/regressor.npz",
        f"{RESULTS}/variants/{{variant}}/stage_one.npz",
        f"{RESULTS}/variants/{{variant}}/run.json",
    params:
        photos=lambda wildcards: f"--photos {STORES[wildcards.variant]}" if STORES[wildcards.variant] else "",
        folder=lambda wildcards: f"{RESULTS}/variants/{wildcards.variant}",
    log:
        f"results/logs/variant_{PROFILE}_{{variant}}.log",
    threads: 1
    resources:
        mem_mb=3000,
        runtime=600,
    shell:
        "mmreg train --profile {PROFILE} --variant {wildcards.variant} {params.photos} --model {MODEL:q} --seed {SEED}"
        " --out {params.folder} --resume > {log} 2>&1 || {{ tail -n 5 {log}; exit 1; }} >&2"


# Many photographs made into faces, in parts that a cluster's machines work on side by side; a part that was stopped goes on where it
# stopped. snakemake faces --config photographs=FOLDER faces=FOLDER shards=16 write=coefficients --executor slurm --jobs 16
PHOTOGRAPHS = str(config.get("photographs", ""))
FACES = str(config.get("faces", "faces"))
SHARDS = int(config.get("shards", 1))


rule faces:
    input:
        expand("{faces}/.shards/{shard}-of-{shards}", faces=FACES, shard=range(1, SHARDS + 1), shards=SHARDS),


rule faces_shard:
    output:
        touch(f"{FACES}/.shards/{{shard}}-of-{SHARDS}"),
    params:
        photographs=PHOTOGRAPHS,
        faces=FACES,
        part=lambda wildcards: f"{wildcards.shard}/{SHARDS}",
        weights=f"--weights {config['weights']}" if "weights" in config else "",
        write=config.get("write", "all"),
    log:
        f"results/logs/faces_{{shard}}-of-{SHARDS}.log",
    threads: 4
    retries: 2
    resources:
        mem_mb=6000,
        runtime=1440,
    shell:
        "mmreg reconstruct {params.photographs:q} --out {params.faces:q} --shard {params.part} --write {params.write} {params.weights}"
        " --model {MODEL:q} --allow-skipped > {log} 2>&1 || {{ tail -n 5 {log}; exit 1; }} >&2"
