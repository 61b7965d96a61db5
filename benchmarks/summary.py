"""What the timings say: ratios, the distance to the floor, growth, the use of a second thread, what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

SETTING = ("triangles", "size", "batch", "threads")
CLOCKS = tuple(f"{clock}_{way}" for clock in ("ms", "least_ms", "cpu_ms") for way in ("forward", "forward_backward"))


def select(records: Iterable[dict], **wanted) -> list[dict]:
    """The records with these values."""
    return [r for r in records if all(r[name] == value for name, value in wanted.items())]


def ratios(runs: list[dict]) -> list[dict]:
    """`keras.ops` over compiled, for every setting in which both took turns in one process."""
    return [
        {**{k: native[k] for k in SETTING}, **{k: ops[k] / native[k] for k in CLOCKS}}
        for native in select(runs, path="native")
        for ops in select(runs, path="ops", **{k: native[k] for k in SETTING})
    ]


def bytes_moved(vertices: int, triangles: int, size: int) -> tuple[int, int]:
    """Bytes that an image must move, forward and forward with backward, however it is made.

    Forward reads a position, a normal and a colour at each vertex and the triangles, and writes the picture; for the way back the ids are
    kept. Backward reads all this again beside the picture's gradient, and writes three gradients at each vertex.
    """
    at_vertices, corners, ids, picture = 3 * 3 * 4 * vertices, 3 * 4 * triangles, 4 * size**2, 3 * 4 * size**2
    forward = at_vertices + corners + picture
    return forward, forward + ids + (at_vertices + corners + ids + picture + at_vertices)


def floor(runs: list[dict], bandwidth: dict[int, float]) -> dict:
    """Times that memory alone would need, and how many times as long the compiled path takes.

    Args:
        bandwidth: threads to GB/s.
    """
    records = []
    for run in select(runs, path="native"):
        record = {k: run[k] for k in SETTING}
        moved = bytes_moved(run["vertices"], run["triangles"], run["size"])
        for name, count in zip(("forward", "forward_backward"), moved, strict=True):
            milliseconds = count / (bandwidth[run["threads"]] * 1e6)
            record |= {
                f"bytes_{name}": count,
                f"ms_{name}": milliseconds,
                f"time_over_floor_{name}": run[f"ms_{name}"] / milliseconds,
            }
        records.append(record)
    speeds = [{"threads": threads, "gb_per_s": speed} for threads, speed in bandwidth.items()]
    return {"bandwidth": speeds, "records": records}


def threads(runs: list[dict]) -> list[dict]:
    """How many times as fast two threads are as one."""
    found = []
    for one in select(runs, threads=1):
        for two in select(runs, threads=2, **{k: one[k] for k in ("triangles", "size", "batch", "path")}):
            record = {k: one[k] for k in ("triangles", "size", "batch", "path")}
            speeds = {
                f"{prefix}speed_{way}": one[f"{prefix}ms_{way}"] / two[f"{prefix}ms_{way}"]
                for prefix in ("", "least_")
                for way in ("forward", "forward_backward")
            }
            found.append({**record, **speeds})
    return found


def growth(runs: list[dict], middle: dict) -> list[dict]:
    """How the time of forward and backward grows with the triangles, the pixels and the batch, everything else as in `middle`.

    Exponents are least-squares slopes of the logarithms: at 1 the time doubles with what it grows with, at 0 it doesn't care.
    """
    kinds: list[tuple[str, str, Callable, Callable]] = [
        ("triangles", "triangles", lambda r: r["triangles"], lambda r: r["ms_forward_backward"]),
        ("pixels", "size", lambda r: r["size"] ** 2, lambda r: r["ms_forward_backward"]),
        ("images in a batch", "batch", lambda r: r["batch"], lambda r: r["batch"] * r["ms_forward_backward"]),
    ]
    found = []
    for path in ("native", "ops"):
        for grows, key, amount, cost in kinds:
            fixed = {k: v for k, v in middle.items() if k != key}
            chosen = sorted(select(runs, path=path, **fixed), key=amount)
            if len(chosen) < 2:
                continue
            x, y = np.array([amount(r) for r in chosen], float), np.array([cost(r) for r in chosen])
            exponent = float(np.polyfit(np.log(x), np.log(y), 1)[0])
            found.append(
                {
                    "with": grows,
                    "path": path,
                    **fixed,
                    "amounts": x.astype(int).tolist(),
                    "ms": y.tolist(),
                    "ratio": y[-1] / y[0],
                    "exponent": exponent,
                    "words": f"{path}: from {x[0]:,.0f} to {x[-1]:,.0f} {grows} ({x[-1] / x[0]:.1f} times as many), the time "
                    f"forward and backward becomes {y[-1] / y[0]:.1f} times as long (exponent {exponent:.2f}).",
                }
            )
    return found


def claims(result: dict) -> list[dict]:
    """What the renderer is held to, and what was measured; without the claims whose settings weren't run."""
    found = []

    def claim(text, at_most, limit, values):
        if values:
            worst = max(values) if at_most else min(values)
            holds = worst <= limit if at_most else worst >= limit
            found.append({"claim": text, "limit": limit, "measured": worst, "holds": bool(holds)})

    open_model = next((m["triangles"] for m in result["meshes"] if m["name"].startswith("open")), None)
    large = next((m["triangles"] for m in result["meshes"] if abs(m["triangles"] / 105_000 - 1.0) < 0.01), None)
    if open_model is None or large is None:
        return found
    setting = {"triangles": open_model, "size": 150, "batch": 8}
    native = select(result["runs"], path="native", **setting)
    claim(
        "compiled, forward and backward, the open model at 150², batch 8, one thread: ms of processor time an image, at most",
        True,
        5.0,
        [r["cpu_ms_forward_backward"] for r in select(native, threads=1)],
    )
    claim(
        "the same by keras.ops over compiled, processor time, one thread: at least",
        False,
        10.0,
        [r["cpu_ms_forward_backward"] for r in select(result["ratios"], threads=1, **setting)],
    )
    ids = select(result["ids"], triangles=large, size=224, threads=1)
    claim("triangle ids, 105,000 triangles at 224², one thread: ms of processor time an image, at most", True, 1.8, [
        r["cpu_ms"] for r in ids
    ])  # fmt: skip
    claim(
        "two threads over one, compiled, forward and backward, the open model at 150², batch 8, fastest calls: at least",
        False,
        1.7,
        [r["least_speed_forward_backward"] for r in select(result["threads"], path="native", **setting)],
    )
    claim(
        "compiled, memory by which a batch at 224² grows with an image, the largest of all settings: MB, at most",
        True,
        16.0,
        [r["mb_per_image"] for r in select(result["runs"], path="native", size=224) if r["mb_per_image"] is not None],
    )
    steps = result["training_step"]
    claim(
        "training step: rasterizing and shading over the encoder, processor time, at most",
        True,
        1 / 3,
        [s["rasterize_shade_cpu_ms"] / s["encoder_cpu_ms"] for s in steps],
    )
    claim(
        "training step, three views of a face: all of making its pictures, decoding to lens, over the encoder, processor time, at most",
        True,
        1 / 2,
        [s["rendering_cpu_ms"] / s["encoder_cpu_ms"] for s in select(steps, views=3)],
    )
    return found


def table(result: dict) -> str:
    """The result for a terminal."""
    lines = ["milliseconds an image (median), forward / forward and backward; cpu: processor time (minimum)", ""]
    lines.append(
        f"{'triangles':>9} {'size':>5} {'batch':>5} {'threads':>7} | {'compiled':>15} {'cpu':>7} {'MB':>5} {'/ floor':>7} | "
        f"{'keras.ops':>15} {'cpu':>7} {'MB':>6} | {'ratio':>6} {'cpu':>6}"
    )
    for native in select(result["runs"], path="native"):
        key = {k: native[k] for k in SETTING}
        over_floor = select(result["floor"]["records"], **key)[0]["time_over_floor_forward_backward"]
        left = f"{native['triangles']:>9,} {native['size']:>5} {native['batch']:>5} {native['threads']:>7}"
        right = f"{'–':>15}"
        for ops, ratio in zip(select(result["runs"], path="ops", **key), select(result["ratios"], **key), strict=True):
            right = f"{_cells(ops)} {_memory(ops):>6} | {ratio['ms_forward_backward']:>6.1f} "
            right += f"{ratio['cpu_ms_forward_backward']:>6.1f}"
        lines.append(f"{left} | {_cells(native)} {_memory(native):>5} {over_floor:>7.1f} | {right}")
    lines += ["", "triangle ids alone, milliseconds an image"]
    lines += [
        f"{r['triangles']:>9,} {r['size']:>5} {r['batch']:>5} {r['threads']:>7} | {r['ms']:.2f}, cpu {r['cpu_ms']:.2f}"
        for r in result["ids"]
    ]
    lines += ["", "memory copies at " + ", ".join(
        f"{b['gb_per_s']:.1f} GB/s ({b['threads']} thread{'s' * (b['threads'] > 1)})" for b in result["floor"]["bandwidth"]
    )]  # fmt: skip
    lines += ["", *(g["words"] for g in result["growth"])]
    for step in result["training_step"]:
        lines += [
            "",
            f"training step, {step['batch']} pictures, {step['views']} of each face, {step['threads']} thread{'s' * (step['threads'] > 1)}, milliseconds: "
            f"rendering {step['rendering_ms']:.0f} = decode {step['decode_ms']:.0f} + normals {step['normals_ms']:.0f} + "
            f"rasterize and shade {step['rasterize_shade_ms']:.0f} + rest {step['rest_ms']:.0f}; encoder "
            f"{step['encoder_ms']:.0f}; rendering / encoder {step['rendering_over_encoder']:.2f}, rasterize and shade / "
            f"encoder {step['rasterize_shade_over_encoder']:.2f}",
        ]
    lines += ["", *(f"{'holds' if c['holds'] else 'FAILS'}: {c['claim']} {c['limit']:.3g}; measured {c['measured']:.3g}"
                    for c in result["claims"])]  # fmt: skip
    if result["left_out"]:
        lines += ["", "left out:"]
        lines += [
            f"{r['path']}, {r['triangles']:,} triangles, {r['size']}², batch {r['batch']}, threads {r['threads']}: {r['why']}"
            for r in result["left_out"]
        ]
    return "\n".join(lines)


def _cells(run: dict) -> str:
    return f"{run['ms_forward']:>7.2f}/{run['ms_forward_backward']:>7.2f} {run['cpu_ms_forward_backward']:>7.2f}"


def _memory(run: dict) -> str:
    return "–" if run["mb_per_image"] is None else f"{run['mb_per_image']:.0f}"
