"""Writes the suites, the snapshots and the manifest; `--check` compares instead.

Sums of numpy's linear algebra differ in their last bits between machines, so `--check` lets
numbers under `close` differ by a little; all else must be the same bytes.
"""

import json
import pathlib
import sys

import example
import fixtures
from suites import ask, bandits, both, catalog, conditions, decisions, engine, evaluation, experiments, identity, offpolicy, recommend, snapshots, splits, stats, trainers, training, tuning, updating, vectors

FOLDER = pathlib.Path(__file__).resolve().parent.parent
PAGE = FOLDER.parents[1] / "docs" / "snapshot-format.md"
MODULES = [conditions, identity, catalog, recommend, ask, engine, snapshots, training, trainers, tuning, updating, evaluation, splits, stats, experiments, bandits, decisions, offpolicy, vectors, both]
# Made elsewhere, or for an earlier version of the format, and kept as they are.
GIVEN = ["conditions.json", "version_1.json", "experiments_growthbook.json", "experiments_unleash.json"]
GIVEN_SNAPSHOTS = "snapshots/v1/"


def generated():
    files = fixtures.files()
    models = fixtures.parsed()
    listed = [{"file": name, "cases": len(json.loads((FOLDER / name).read_text())["cases"])} for name in GIVEN]
    for module in MODULES:
        for suite in module.suites(models):
            name = f"{suite.name}.json"
            files[name] = suite.text().encode()
            listed.append({"file": name, "cases": len(suite.cases)})
        if hasattr(module, "files"):
            files |= module.files()
    lines = ",\n".join("  " + json.dumps(entry) for entry in listed)
    files["manifest.json"] = ('{\n "format": 1,\n "suites": [\n' + lines + "\n ]\n}\n").encode()
    return files


def same(name, data):
    """Whether a file holds `data`, but for the last bits of what is compared with a tolerance."""
    file = FOLDER / name
    if not file.exists():
        return False
    there = file.read_bytes()
    return there == data or (name.endswith(".json") and near(json.loads(there), json.loads(data), False))


def near(a, b, close):
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(near(a[key], b[key], close or key == "close") for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(near(x, y, close) for x, y in zip(a, b))
    if close and isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9 * max(1.0, abs(a))
    return type(a) is type(b) and a == b


def main():
    files = generated()
    kept = {"errors.json", *GIVEN}
    there = {str(p.relative_to(FOLDER)) for p in [*FOLDER.glob("*.json"), *FOLDER.glob("snapshots/**/*.tm")]}
    page = PAGE.read_text()
    fresh = example.inserted(page)
    surplus = sorted(n for n in there - set(files) - kept if not n.startswith(GIVEN_SNAPSHOTS))
    if "--check" in sys.argv[1:]:
        stale = [name for name, data in files.items() if not same(name, data)]
        for name in sorted(stale) + surplus:
            print(f"{name} is not what generate.py makes")
        if page != fresh:
            print(f"the example of {PAGE.name} is not what generate.py makes")
        return 1 if stale or surplus or page != fresh else 0
    if page != fresh:
        PAGE.write_text(fresh)
    for name in surplus:
        (FOLDER / name).unlink()
    for name, data in files.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
            print(name, len(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
