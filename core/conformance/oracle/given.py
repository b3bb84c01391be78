"""Public vectors, put into the form of a suite: GrowthBook's `cases.json` and Unleash's client
specification. Their expectations are kept as they are; only names are translated, and what
cannot be given to the library directly (a bucket) is given by a unit that has it.

    python given.py growthbook cases.json ../experiments_growthbook.json
    python given.py unleash specifications/ ../experiments_unleash.json
"""

import json
import pathlib
import sys

from suite import Suite

NAMES = {
    "variationId": "variation_id",
    "inExperiment": "in_experiment",
    "hashUsed": "hash_used",
    "hashAttribute": "hash_attribute",
    "hashValue": "hash_value",
    "featureId": "feature_id",
    "stickyBucketUsed": "sticky_bucket_used",
}
BANDIT = {"leafId": "leaf_id", "variationWeights": "variation_weights", "banditVersion": "bandit_version"}


def fnv(text):
    hash = 0x811C9DC5
    for unit in text.encode("utf-8"):
        hash = (hash ^ unit) * 0x01000193 % 2**32
    return hash


def unit_in(bucket, salt):
    """The first number whose bucket of version 1 it is."""
    place = round(bucket * 1000)
    return next(str(i) for i in range(10**6) if fnv(f"{i}{salt}") % 1000 == place)


class Vectors(Suite):
    """A suite whose cases may have the same name in the source."""

    def __init__(self, name, **header):
        super().__init__(name, **header)
        self.names = {}

    def ask(self, name, payload, form, ask, expect):
        number = self.names[name] = self.names.get(name, 0) + 1
        name = name if number == 1 else f"{name} ({number})"
        self.case(name, "experiment", {"format": form, "payload": payload, "ask": ask}, expect)


def context(given, **more):
    """A GrowthBook context without its payload."""
    out = {"attributes": given.get("attributes", {})}
    for theirs, ours in (("url", "url"), ("forcedVariations", "forced"), ("enabled", "enabled"), ("qaMode", "qa_mode")):
        if theirs in given:
            out[ours] = given[theirs]
    return out | more


def payload(given, **more):
    names = ("features", "savedGroups", "contextualBandits")
    return {name: given[name] for name in names if name in given} | more


def assignment(given):
    """An expected `experimentResult`."""
    out = {NAMES.get(name, name): value for name, value in given.items() if name not in BANDIT}
    bandit = {BANDIT[name]: value for name, value in given.items() if name in BANDIT}
    if bandit:
        out["bandit"] = {"bandit_version": None} | bandit
    return out


def growthbook(path):
    cases = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    suite = Vectors(
        "experiments_growthbook",
        source="GrowthBook SDK cases.json, all categories but evalCondition, decrypt and urlRedirect",
        spec_version=cases["specVersion"],
        license="MIT",
        copyright="Copyright (c) 2025 GrowthBook, Inc.",
    )

    def assigned(name, experiment, given, expect, **more):
        suite.ask(name, payload(given, experiments=[experiment]), "growthbook", ["assign", experiment["key"], context(given, **more)], expect)

    for seed, value, version, expect in cases["hash"]:
        # The key stands for an empty seed.
        experiment = {"key": seed, "variations": [0, 1], "hashVersion": version, "coverage": 1, "ranges": [[0, 1]]}
        outcome = {"reason": "unknown_version"} if expect is None else {"bucket": expect}
        assigned(f"hash: {seed} {value} {version}", experiment, {"attributes": {"id": value}}, outcome)
    for name, (count, coverage, weights), expect in cases["getBucketRange"]:
        experiment = {"key": "e", "variations": list(range(count)), "coverage": coverage}
        if weights is not None:
            experiment["weights"] = weights
        close = {"variations": [{"range": pair} for pair in expect], "tol": 1e-8}
        suite.ask(f"getBucketRange: {name}", {"experiments": [experiment]}, "growthbook", ["describe", "e"], {"close": close})
    for count, expect in cases["getEqualWeights"]:
        if count < 0:
            continue  # no list has fewer than no variations
        edges = [sum(expect[:i]) for i in range(count + 1)]
        close = {"variations": [{"range": [edges[i], edges[i + 1]]} for i in range(count)], "tol": 1e-7}
        experiment = {"key": "e", "variations": list(range(count))}
        suite.ask(f"getEqualWeights: {count}", {"experiments": [experiment]}, "growthbook", ["describe", "e"], {"close": close})
    for name, bucket, ranges, expect in cases["chooseVariation"]:
        experiment = {"key": "choose", "variations": list(range(len(ranges))), "ranges": ranges}
        outcome = {"in_experiment": expect >= 0, "variation_id": max(expect, 0)}
        outcome["reason"] = "coverage" if expect < 0 else "assigned"
        if expect >= 0:
            outcome["bucket"] = bucket
        assigned(f"chooseVariation: {name}", experiment, {"attributes": {"id": unit_in(bucket, "choose")}}, outcome)
    for name, key, url, count, expect in cases["getQueryStringOverride"]:
        experiment = {"key": key, "variations": list(range(count)), "coverage": 0}
        outcome = {"reason": "coverage", "in_experiment": False} if expect is None else {"reason": "url", "in_experiment": True, "variation_id": expect}
        assigned(f"getQueryStringOverride: {name}", experiment, {"attributes": {"id": "1"}, "url": url}, outcome)
    for name, unit, namespace, expect in cases["inNamespace"]:
        experiment = {"key": "e", "variations": [0, 1], "namespace": namespace}
        outcome = {"in_experiment": expect, "reason": "assigned" if expect else "namespace"}
        assigned(f"inNamespace: {name}", experiment, {"attributes": {"id": unit}}, outcome)
    for name, given, experiment, value, inside, hashed in cases["run"]:
        assigned(f"run: {name}", experiment, given, {"value": value, "in_experiment": inside, "hash_used": hashed})
    for category in ("feature", "contextualBandit"):
        for name, given, key, expect in cases[category]:
            assert expect["off"] is not expect["on"]
            outcome = {"value": expect["value"], "on": expect["on"], "source": expect["source"], "rule_id": expect["ruleId"]}
            outcome["assignment"] = assignment(expect["experimentResult"]) if "experimentResult" in expect else None
            outcome["definition"] = expect.get("experiment")
            suite.ask(f"{category}: {name}", payload(given), "growthbook", ["feature", key, context(given, explain=True)], outcome)
    for name, given, docs, key, expect, after in cases["stickyBucket"]:
        before = {f"{doc['attributeName']}||{doc['attributeValue']}": doc for doc in docs}
        updates = [doc for id, doc in sorted(after.items()) if before.get(id) != doc]
        outcome = {"assignment": None if expect is None else assignment(expect), "sticky_updates": updates}
        suite.ask(f"stickyBucket: {name}", payload(given), "growthbook", ["feature", key, context(given, sticky=docs)], outcome)
    return suite


def unleash(folder):
    suite = Vectors(
        "experiments_unleash",
        source="Unleash client specification, all tests",
        license="Apache-2.0",
    )
    folder = pathlib.Path(folder)
    for name in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        given = json.loads((folder / name).read_text(encoding="utf-8"))
        for test in given.get("tests", []):
            ask = ["feature", test["toggleName"], {"attributes": test["context"]}]
            suite.ask(f"{given['name']}: {test['description']}", given["state"], "unleash", ask, {"on": test["expectedResult"]})
        for test in given.get("variantTests", []):
            expect = dict(test["expectedResult"])
            outcome = {"on": expect.pop("feature_enabled"), "variant": expect}
            ask = ["feature", test["toggleName"], {"attributes": test["context"]}]
            suite.ask(f"{given['name']}: variant: {test['description']}", given["state"], "unleash", ask, outcome)
    return suite


if __name__ == "__main__":
    kind, source, target = sys.argv[1:]
    suite = {"growthbook": growthbook, "unleash": unleash}[kind](source)
    pathlib.Path(target).write_text(suite.text(), encoding="utf-8")
    print(target, len(suite.cases))
