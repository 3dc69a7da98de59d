"""How near the sampler comes to the bare reads and writes, in how much memory, and what others take for the same.

    python benchmarks/sampler.py [--quick] [--json] [--folder DIR] [--docs N]

1. A seeded corpus of documents' metadata (26 domains, 3 correlated scores, lognormal tokens), 50M with integer ids, 10M
   with integer and with string ids; --quick: 2M, 500k.
2. On each, in turns: the limit (reads that the three passes cannot do without, and the manifest), and our passes, from
   nothing to the manifest, on two threads; from disk (the corpus dropped from the page cache before every read, as one
   larger than memory is) and from the page cache. Medians over turns: a loaded machine hurts both alike.
3. The same sampler in pandas, polars and DuckDB on the 10M (--quick: 500k), where they are installed.
4. Written documents against a plain copy through the same codec, on the texts of the Python that runs this.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sampler_corpus import CRITERIA, DOMAINS, corpus
from sampler_texts import copy_ratios

from infolaw.rendering import table
from recipes.sampling.params import SamplerParams

HERE = Path(__file__).parent
RIVALS = ("pandas", "polars", "duckdb")
FULL = {"large": 50_000_000, "small": 10_000_000, "turns": 3, "text_bytes": 200_000_000}
QUICK = {"large": 2_000_000, "small": 500_000, "turns": 1, "text_bytes": 30_000_000}


def contest(name: str, place: Path, given: Path, folder: Path) -> dict[str, Any]:
    """Run one contestant in its own process."""
    out = folder / f"out-{name}"
    shutil.rmtree(out, ignore_errors=True)
    target = out if name in ("limit", "infolaw", "infolaw-processes") else folder / f"{name}.parquet"
    limits = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2", "PYTHONPATH": str(HERE.parent)}
    limits["MIMALLOC_PURGE_DELAY"] = "1000"  # as `recipes.documents` sets it, for the limit too
    done = subprocess.run(
        [sys.executable, HERE / "sampler_rivals.py", name, place, given, target],
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: {name} failed: {done.stderr.strip().splitlines()[-1]}")
    shutil.rmtree(out, ignore_errors=True)
    return json.loads(done.stdout)


def params_file(folder: Path, n_drawn: int = 0, cold: bool = False) -> Path:
    """Sampler parameters of seed 0, as arrays for all contestants."""
    drawn = SamplerParams.draw(np.random.default_rng(0), DOMAINS, CRITERIA)
    shapes = {name: getattr(drawn, name) for name in ("steepness", "cutoff", "exponent", "floor")}
    path = folder / f"params-{n_drawn}-{cold}.npz"
    np.savez(path, weights=drawn.criterion_weights, n_drawn=n_drawn, cold=cold, **shapes)
    return path


def against_limit(place: Path, n: int, turns: int, folder: Path) -> dict[str, Any]:
    """Our passes and the limit in turns, from disk and from the page cache."""
    first = contest("infolaw", place, params_file(folder), folder)
    ours: dict[bool, list[Any]] = {True: [], False: []}
    limits: dict[bool, list[Any]] = {True: [], False: []}
    for turn in range(2 * turns):
        cold = turn % 2 == 0
        given = params_file(folder, first["documents"], cold)
        limits[cold].append(contest("limit", place, given, folder))
        ours[cold].append(contest("infolaw", place, given, folder))
    if {run["mark"] for runs in ours.values() for run in runs} != {first["mark"]}:
        raise SystemExit("error: two runs drew different documents.")

    def ratio(cold: bool, clock: str = "seconds") -> float:
        pairs = zip(ours[cold], limits[cold], strict=True)
        return statistics.median(mine[clock] / bare[clock] for mine, bare in pairs)

    return {
        "docs": n,
        "seconds": statistics.median(run["seconds"] for run in ours[True]),
        "limit_seconds": statistics.median(run["seconds"] for run in limits[True]),
        "ratio_to_limit": ratio(True),
        "seconds_cached": statistics.median(run["seconds"] for run in ours[False]),
        "limit_seconds_cached": statistics.median(run["seconds"] for run in limits[False]),
        "ratio_to_limit_cached": ratio(False),
        "processor_ratio": ratio(True, "processor"),
        "processor_ratio_cached": ratio(False, "processor"),
        "peak_mb": max(run["peak_mb"] for runs in ours.values() for run in runs),
        "passes": ours[True][-1]["passes"],
        "tokens": first["tokens"],
    }


def measure(sizes: dict[str, int], folder: Path) -> dict[str, Any]:
    small = corpus(folder, sizes["small"])
    on_small = against_limit(small, sizes["small"], sizes["turns"], folder)
    on_strings = against_limit(corpus(folder, sizes["small"], string_ids=True), sizes["small"], 1, folder)
    rivals: dict[str, Any] = {}
    for name in RIVALS:
        if importlib.util.find_spec(name) is None:
            rivals[name] = "not installed"
            continue
        found = contest(name, small, params_file(folder), folder)
        rivals[name] = {**found, "times_ours": found["seconds"] / on_small["seconds_cached"]}
    large = corpus(folder, sizes["large"])
    on_large = against_limit(large, sizes["large"], sizes["turns"], folder)
    growth = (on_large["seconds"] / on_small["seconds"]) / (sizes["large"] / sizes["small"])
    return {
        **on_large,
        "time_growth_over_linear": growth,
        "small": on_small,
        "strings": on_strings,
        "rivals": rivals,
        "copy": copy_ratios(folder, sizes["text_bytes"]),
        "load": os.getloadavg()[0],
    }


def text(found: dict[str, Any]) -> str:
    rows = []
    for name, part in (("integer ids", found), ("integer ids", found["small"]), ("string ids", found["strings"])):
        names = ("seconds", "limit_seconds", "ratio_to_limit", "seconds_cached", "limit_seconds_cached")
        names += ("ratio_to_limit_cached", "processor_ratio", "processor_ratio_cached", "peak_mb")
        numbers = [part[key] for key in names]
        rows.append([name, f"{part['docs'] / 1e6:g}M", *(f"{number:.3g}" for number in numbers)])
    head = ["corpus", "docs", "from disk, s", "limit", "ratio", "cached, s", "limit", "ratio", "in processor time", "cached"]
    lines = [table([*head, "peak MB"], rows), ""]
    for name, rival in found["rivals"].items():
        said = (
            rival
            if isinstance(rival, str)
            else "{seconds:.3g} s, {peak_mb:.0f} MB, {times_ours:.3g} times ours".format(**rival)
        )
        lines.append(f"{name:8} {said}")
    for kind, ratios in found["copy"].items():
        lines.append(
            f"written as {kind}: {ratios['wall']:.3g} times a plain copy, {ratios['processor']:.3g} in processor time"
        )
    growth, load = found["time_growth_over_linear"], found["load"]
    lines.append(f"time over linear growth: {growth:.3g}; load of the machine {load:.2g}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2M and 500k documents, within 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--docs", type=int, help="documents of the large corpus")
    parser.add_argument("--folder", type=Path, help="keep the corpora here; by default a temporary folder, removed")
    options = parser.parse_args()
    sizes = dict(QUICK if options.quick else FULL)
    sizes["large"] = options.docs or sizes["large"]
    with tempfile.TemporaryDirectory(prefix="sampler-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = measure(sizes, folder)
    print(json.dumps(found) if options.json else text(found))


if __name__ == "__main__":
    main()
