"""The operations of the conformance suites, in terms of this package.

``core/conformance/README.md`` describes the format. One function an operation; the runner is
``test_conformance.py``.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import tastemaker as tm

FOLDER = Path(__file__).resolve().parents[2] / "core" / "conformance"


def read(file: str) -> Any:
    return json.loads((FOLDER / file).read_text("utf-8"))


def snapshot_bytes(snapshot: str) -> bytes:
    return (FOLDER / snapshot).read_bytes() if "/" in snapshot else bytes.fromhex(snapshot)


@cache
def _model(source: str) -> tm.Model:
    given = json.loads(source)
    if given["snapshot"] is not None:
        model = tm.Model.from_bytes(snapshot_bytes(given["snapshot"]))
    else:
        model = trained(given["train"])
    if given["edge"] is not None:
        model = model.export_edge(**given["edge"])
    if given["update"] is None:
        return model
    return updated(model, given["update"])


def updated(model: tm.Model, new: dict[str, Any]) -> tm.Model:
    return tm.update(model, table(new["events"]), catalog_of(new), new.get("options"), progress=False, threads=1)


def model_of(given: dict[str, Any]) -> tm.Model:
    return _model(json.dumps({key: given.get(key) for key in ("snapshot", "train", "edge", "update")}))


def trained(given: dict[str, Any]) -> tm.Model:
    return tm.train(table(given["events"]), catalog_of(given), given.get("options"), progress=False, threads=1)


def catalog_of(given: dict[str, Any]) -> tm.Catalog | None:
    if given.get("catalog") is None:
        return None
    catalog = tm.Catalog(given["catalog"].get("schema"))
    for item in given["catalog"]["items"]:
        catalog.add(item["id"], item["attributes"])
    return catalog


def table(given: dict[str, Any]) -> dict[str, Any]:
    columns = dict(given)
    if "weight" in columns:
        columns["weight"] = [float(weight) for weight in columns["weight"]]
    return columns


def event(given: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(given)
    arguments.pop("user_id", None)
    if isinstance(arguments.get("weight"), str):
        arguments["weight"] = float(arguments["weight"])
    return arguments


QUESTIONS = ("recommend", "similar_items", "score_items", "recommend_group", "similar_users")
"""The questions to an engine: what they are called is what the method is called."""


def ask(engine: tm.Engine, question: str, request: dict[str, Any]) -> Any:
    return texts(getattr(engine, question)(**request).to_dict())


def texts(value: Any) -> Any:
    """The same data with ids as texts, as the core has them."""
    if isinstance(value, dict):
        return {name: str(item) if name in ("item_id", "user_id") else texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [texts(item) for item in value]
    return value


def condition(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    lenient = given.get("lenient", suite.get("lenient", False))
    return {
        "result": tm.matches_condition(
            given["condition"], given["attributes"], given.get("groups"), lenient=lenient
        )
    }


def question(name: str, suite: dict[str, Any], given: dict[str, Any]) -> Any:
    engine = tm.Engine(model_of(given))
    for record in given.get("record", []):
        engine.record(record["user_id"], **event(record))
    return ask(engine, name, given["request"])


def profile(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    def build(start: tm.Profile, events: list[dict[str, Any]]) -> tm.Profile:
        for one in events:
            start.record(**event(one))
        return start

    start = tm.Profile.from_bytes(bytes.fromhex(given["bytes"])) if "bytes" in given else tm.Profile()
    result = build(start, given.get("events", []))
    merged = [result.merge(build(tm.Profile(), other)) for other in given.get("merge", [])]
    forgotten = [result.forget_item(item) for item in given.get("forget", [])]
    assert tm.Profile.from_bytes(result.to_bytes()) == result
    events = [one._asdict() for one in result.events]
    return {"merged": merged, "forgotten": forgotten, "events": events, "bytes": result.to_bytes().hex(), "len": len(result)}


def open_(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    return shape(tm.Model.from_bytes(mutated(given)))


def mutated(given: dict[str, Any]) -> bytes:
    """The bytes of a snapshot after the changes."""
    data = bytearray(snapshot_bytes(given["snapshot"]))
    for name, mutation in given.get("mutate", {}).items():
        match name:
            case "truncate":
                del data[mutation:]
            case "flip":
                data[mutation[0]] ^= 1 << mutation[1]
            case "set":
                data[mutation[0]] = mutation[1]
            case "append":
                data += bytes.fromhex(mutation)
            case _:
                raise NotImplementedError(f"the mutation {name} is not known")
    return bytes(data)


def shape(model: tm.Model) -> dict[str, Any]:
    return {"item_count": model.item_count, "user_count": model.user_count, "hash": model.hash}


def catalog(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    result = tm.Catalog(given.get("schema"))
    for name, *arguments in given["ops"]:
        if name not in ("add", "replace", "remove"):
            raise NotImplementedError(f"the change {name} is not known")
        getattr(result, name)(*arguments)
    return {"items": {item: result.get(item) for item in result}, "schema": result.schema}


def train(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    model = trained(given)
    return shape(model) | {"manifest": model.manifest}


def tune(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    validation = given.get("validation")
    return tm.tune(
        table(given["events"]), catalog_of(given), given.get("options"), validation, progress=False, threads=1
    )._asdict()


def model(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    asked = model_of(given)

    def neighbors(item: str) -> Any:
        found = asked.neighbors(item)
        return None if found is None else texts([neighbor._asdict() for neighbor in found])

    def history(user: str) -> Any:
        found = asked.profile(user)
        return None if found is None else found.to_bytes().hex()

    return shape(asked) | {
        "manifest": asked.manifest,
        "neighbors": {item: neighbors(item) for item in given.get("neighbors", [])},
        "attributes": {item: asked.attributes(item) for item in given.get("attributes", [])},
        "profiles": {user: history(user) for user in given.get("profiles", [])},
    }


def batch(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    result = model_of(given).recommend(given["users"], **given["options"])
    columns = {name: column.tolist() for name, column in result.to_dict().items()}
    return columns | {"item_id": [str(item) for item in columns["item_id"]]}


def evaluate(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    return tm.evaluate(model_of(given), given["test"], **test_of(given)).to_dict()


def compare(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    models = (model_of(given["a"]), model_of(given["b"]))
    return tm.compare(*models, given["test"], **test_of(given)).to_dict()


def split(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    # What Python's own signature requires, the core does too.
    options = {"method": None} | given["options"]
    found = tm.split(table(given["events"]), **options)
    return {name: rows.tolist() for name, rows in found._asdict().items()}


def experiment(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    reader = {None: "from_json", "growthbook": "from_growthbook", "unleash": "from_unleash"}[given.get("format")]
    experiments = getattr(tm.Experiments, reader)(given["payload"])
    match given["ask"]:
        case [("assign" | "feature") as question, key, context]:
            return getattr(experiments, question)(key, **context).to_dict()
        case ["assign_id", key, unit]:
            return experiments.assign_id(key, unit).to_dict()
        case ["assign_all", context]:
            return experiments.assign_all(**context).to_dict()
        case ["describe", key]:
            return experiments.describe(key)
        case ["keys"]:
            return {"experiments": experiments.experiments, "features": experiments.features}
        case unknown:
            raise NotImplementedError(f"the question {unknown[0]} is not known")


def played(given: dict[str, Any]) -> tuple[tm.Bandit, list[Any]]:
    """A bandit from its definition or its bytes, after its steps, and what they gave."""
    if "bytes" in given:
        bandit = tm.Bandit.from_bytes(bytes.fromhex(given["bytes"]))
    else:
        bandit = tm.Bandit.from_json(given["definition"])
    results = []
    for step in given["steps"]:
        try:
            results.append(bandit_step(bandit, *step))
        except tm.TastemakerError as error:
            results.append({"error": error.code})
    return bandit, results


def bandit(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    return {"results": played(given)[1]}


def bandit_step(bandit: tm.Bandit, name: str, *arguments: Any) -> Any:
    match name, arguments:
        case ("choose" | "propensities"), [request]:
            return getattr(bandit, name)(**request).to_dict()
        case "update_one", [given]:
            return bandit.update_one(**({"arm": None, "reward": None} | given))._asdict()
        case "update", [columns, options]:
            rows = {**columns, "reward": [float(reward) for reward in columns["reward"]]}
            for features in ("context", "arm_features"):
                if features in rows:
                    rows[features] = [[float(value) for value in row] for row in rows[features]]
            return bandit.update(**rows, **options)._asdict()
        case "await_rewards", [factor, arm, count]:
            return bandit.await_rewards(arm, count, factor=factor)
        case "merge", [other]:
            return bandit.merge(played(other)[0])
        case "in_model", [source, others]:
            model = model_of(source).with_bandits([*(played(other)[0] for other in others), bandit])
            model = tm.Model.from_bytes(model.to_bytes())
            stored = model.bandit(bandit.key)
            assert stored is not None
            return {"hash": model.hash, "bandits": model.bandits, "bytes": stored.to_bytes().hex()}
        case "redefine", [definition]:
            return bandit.redefine(definition)
        case "report", [now]:
            return bandit.report(now).to_dict()
        case "bytes", []:
            assert tm.Bandit.from_bytes(bandit.to_bytes()) == bandit
            return bandit.to_bytes().hex()
        case ("definition" | "state_version"), []:
            return getattr(bandit, name)
        case _:
            raise NotImplementedError(f"the step {name} is not known")


def split_exact(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    weights = [float(weight) for weight in given["weights"]]
    return {"arms": tm.split_exact(given["ids"], weights, given["salt"]).tolist()}


def test_of(given: dict[str, Any]) -> dict[str, Any]:
    """What stands beside the pairs of a test set; an option of another language is refused by its own."""
    more = {name: given[name] for name in ("segments",) if name in given}
    if "history" in given:
        more["history"] = table(given["history"])
    return given.get("options", {}) | more


def engine(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    asked = tm.Engine(model_of(given))
    results = []
    for step in given["steps"]:
        try:
            results.append(run_step(asked, *step))
        except tm.TastemakerError as error:
            results.append({"error": error.code})
    return {"results": results}


def run_step(engine: tm.Engine, name: str, *arguments: Any) -> Any:
    match name, arguments:
        case "record", [user, given]:
            return engine.record(user, **event(given))._asdict()
        case "record_batch", [events, skip_invalid]:
            report = engine.record_batch(table(events), skip_invalid=skip_invalid)
            rejected = [{"row": row.row, "code": row.code} for row in report.rejected]
            return report._asdict() | {"rejected": rejected}
        case "merge_profile", [user, data]:
            return engine.merge_profile(user, bytes.fromhex(data))
        case "erase", [user]:
            return engine.erase(user)
        case "profile", [user]:
            return engine.profile(user).to_bytes().hex()
        case "user_count", []:
            return engine.user_count
        case "swap", [source]:
            return engine.swap(model_of(source))
        case _, [request] if name in QUESTIONS:
            return ask(engine, name, request)
        case _:
            raise NotImplementedError(f"the step {name} is not known")


def stats(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    answer = getattr(tm.stats, given["question"])(**given["request"])
    return {"p_values": answer} if given["question"] == "adjust" else answer


def summarize(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    rows = dict(given["rows"])
    for name in ("value", "denominator", "covariate"):
        if name in rows:
            rows[name] = [float(value) for value in rows[name]]
    # A metric that is missing is what the core refuses, too.
    return tm.stats.summarize(**({"metric": None} | given["options"]), **rows)


def numbers(given: dict[str, Any]) -> dict[str, Any]:
    """Columns and matrices with numbers that JSON cannot write."""

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(item) for item in value]
        return float(value)

    ids = ("unit", "slate")
    return {name: values if name in ids else number(values) for name, values in given.items()}


def off_policy(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    log, policies = numbers(given["log"]), [numbers(given["policy"])]
    if "b" in given:
        policies.append(numbers(given["b"]))
    ask = tm.offpolicy.compare if "b" in given else tm.offpolicy.evaluate
    reward, propensity = log.pop("reward"), log.pop("propensity")
    return ask(reward, propensity, *policies, **log, **given["options"])


def slates(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    return tm.offpolicy.evaluate_slates(**numbers(given["log"]), **given["options"])


def decision_log(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    if "bytes" in given:
        log = tm.DecisionLog.from_bytes(bytes.fromhex(given["bytes"]), **given["options"])
    else:
        log = tm.DecisionLog(**given["options"])
    results = []
    for step in given["steps"]:
        try:
            results.append(log_step(log, *step))
        except tm.TastemakerError as error:
            results.append({"error": error.code})
    assert tm.DecisionLog.from_bytes(log.to_bytes(), **given["options"]) == log
    return {"results": results, "bytes": log.to_bytes().hex()}


def log_step(log: tm.DecisionLog, name: str, *arguments: Any) -> Any:
    def columns(table: tm.LogTable) -> dict[str, Any]:
        out = {}
        for name, values in table.to_dict().items():
            out[name] = (values.astype(np.int64) if name == "time" else values).tolist()
        return out

    match name, arguments:
        case "merge", [steps, options]:
            other = tm.DecisionLog(**options)
            for step in steps:
                log_step(other, *step)
            return log.merge(other)._asdict()
        case ("record" | "record_outcome" | "pseudonym" | "decision"), [argument]:
            return getattr(log, name)(argument)
        case ("erase" | "expire"), [argument]:
            return getattr(log, name)(argument)._asdict()
        case "orphans", []:
            return log.orphans()
        case "counts", []:
            return [len(log), len(log.table("outcomes"))]
        case "table", [table]:
            return columns(log.table(table))
        case "join", [options]:
            strange = [option for option in options if option not in tm.DecisionLog.join.__kwdefaults__]
            if strange:
                # What Python's own signature refuses, the core does too.
                raise tm.InvalidArgumentError(f"{strange[0]} is not known")
            joined = log.join(**options)
            return {"columns": columns(joined), "counts": joined.counts}
        case _:
            raise NotImplementedError(f"the step {name} is not known")


def context_hash(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    return {"hash": tm.context_hash(given["context"])}


def rows(given: list[list[Any]]) -> np.ndarray[Any, Any] | list[Any]:
    """Rows of vectors; what JSON cannot write stands as text."""
    lists = [[float(value) for value in row] for row in given]
    return np.array(lists) if lists else []


def made(rows: int, width: int, groups: int, seed: int) -> np.ndarray[Any, Any]:
    """Rows by the formula of the suites."""

    def mix(s: int, a: Any, b: Any) -> Any:
        mask = 0xFFFFFFFF
        h = s ^ (a * 0x9E3779B1 & mask) ^ (b * 0x85EBCA77 & mask)
        h = (h ^ h >> 15) * 0x2C1B3C6D & mask
        h = (h ^ h >> 12) * 0x297A2D39 & mask
        return (h ^ h >> 15) & 255

    row = np.arange(rows, dtype=np.int64)[:, None]
    at = np.arange(width, dtype=np.int64)[None, :]
    return (4 * mix(seed, row % groups, at) + mix(seed + 1, row, at) - 637) / 64


@cache
def _index(source: str) -> tm.VectorIndex:
    given = json.loads(source)
    options = dict(given.get("options", {}))
    ids, vectors = (range(given["made"]["rows"]), made(**given["made"])) if "made" in given else (given["ids"], rows(given["vectors"]))
    # Python says the type of ids by the column.
    if options.pop("item_id_type", "string") not in ("string", "integer"):
        raise TypeError("unexpected keyword argument: item_id_type")
    if "item_id_type" not in given.get("options", {}):
        ids = [str(one) for one in ids]
    return tm.VectorIndex.build(
        ids, vectors, catalog=catalog_of(given), progress=False, **({"threads": 1} | options)
    )


def index_of(suite: dict[str, Any], given: dict[str, Any]) -> tm.VectorIndex:
    if "snapshot" in given:
        return tm.VectorIndex.from_bytes(mutated(given))
    source = given["index"]
    return _index(json.dumps(suite["indexes"][source] if isinstance(source, str) else source))


def index(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    asked = index_of(suite, given)
    if given.get("edge"):
        asked = asked.export_edge()
    told: dict[str, Any] = {}
    for change in given.get("update", []):
        arguments: dict[str, Any] = {}
        if "ids" in change:
            arguments = {"ids": change["ids"], "vectors": rows(change["vectors"])}
        updated = asked.update(
            **arguments, remove=change.get("remove", []), catalog=catalog_of(change), **change.get("options", {})
        )
        asked = updated.index
        told = {name: getattr(updated, name) for name in ("inserted", "replaced", "removed", "unknown")}
    return told | ask_index(asked, given)


def ask_index(index: tm.VectorIndex, given: dict[str, Any]) -> dict[str, Any]:
    def columns(found: Any) -> dict[str, Any]:
        listed = {name: column.tolist() for name, column in found.to_dict().items()}
        return {name: [str(one) for one in c] if name.endswith("_id") else c for name, c in listed.items()}

    match given["ask"]:
        case ["describe"]:
            options = index.manifest["options"]
            return {
                "items": len(index),
                "rows": index.vector_count,
                "dimension": index.dimension,
                "metric": options["metric"],
                "kind": index.kind,
                "storage": options["storage"],
                "item_ids": [str(one) for one in index.item_ids.tolist()],
                "hash": index.hash,
            }
        case ["vectors", item]:
            found = index.vectors(item)
            return {"vectors": None if found is None else found.tolist()}
        case ["attributes", item]:
            return {"attributes": index.attributes(item)}
        case ["matching", condition]:
            return {"item_ids": index.matching(condition).item_ids.tolist()}
        case ["search", target, options]:
            found = index.search(**target_of(target), **options, items=items_of(index, given.get("items")))
            return columns(found) | {"trace": found.trace}
        case ["search_batch", vectors, options]:
            return columns(index.search_batch(rows(vectors), **options))
        case ["knn_graph", options]:
            return columns(index.knn_graph(**options))
        case ["duplicates", options]:
            return {"groups": [[str(one) for one in group] for group in index.duplicates(**options)]}
        case ["cluster", options]:
            found = index.cluster(**options)._asdict()
            return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in found.items()}
        case unknown:
            raise NotImplementedError(f"the question {unknown[0]} is not known")


def both(suite: dict[str, Any], given: dict[str, Any]) -> Any:
    """A model with an index in its snapshot, changed step by step, and asked."""
    changed = model_of(given)
    for step in given["steps"]:
        changed = step_of(suite, changed, *step)
    found = tm.Model.from_bytes(changed.to_bytes())
    index = found.index
    assert (changed.index is None) == (index is None)
    if index is not None:
        data = index.to_bytes()
        assert tm.VectorIndex.from_bytes(found.to_bytes()).to_bytes() == data
        assert tm.VectorIndex.from_bytes(data).hash == index.hash
        assert found.index is index
    result: dict[str, Any] = {
        "item_count": found.item_count,
        "hash": found.hash,
        "index": None if index is None else index.hash,
        "bandits": found.bandits,
        "attributes": {item: found.attributes(item) for item in given.get("attributes", [])},
    }
    if "ask" in given:
        assert index is not None
        result["asked"] = ask_index(index, given)
    if "request" in given:
        result["answer"] = ask(tm.Engine(found), "recommend", given["request"])
    return result


def step_of(suite: dict[str, Any], model: tm.Model, name: str, *arguments: Any) -> tm.Model:
    match name, arguments:
        case "with_index", [source]:
            return model.with_index(index_of(suite, source))
        case "without_index", []:
            return model.without_index()
        case "with_bandits", [definitions]:
            return model.with_bandits([tm.Bandit.from_json(one) for one in definitions])
        case "export_edge", [options]:
            return model.export_edge(**options)
        case "update", [new]:
            return updated(model, new)
        case _:
            raise NotImplementedError(f"the step {name} is not known")


def items_of(index: tm.VectorIndex, given: dict[str, Any] | None) -> tm.ItemSet | None:
    if given is None:
        return None
    if "ids" in given:
        return index.items_of(given["ids"])
    model = None if "model" not in given else tm.Model.from_bytes(snapshot_bytes(given["model"]))
    return index.matching(given["matching"], model)


def target_of(given: dict[str, Any]) -> dict[str, Any]:
    """The target with its vectors as arrays."""

    def example(one: Any) -> Any:
        return one if isinstance(one, str) else np.array([float(value) for value in one])

    result = dict(given)
    for name, value in given.items():
        if name in ("vector", "target"):
            result[name] = example(value)
        elif name in ("positive", "negative"):
            result[name] = [example(one) for one in value]
        elif name == "context":
            result[name] = [[example(one) for one in pair] for pair in value]
    return result


OPERATIONS = {
    "index": index,
    "both": both,
    "condition": condition,
    **{name: partial(question, name) for name in QUESTIONS},
    "profile": profile,
    "open": open_,
    "catalog": catalog,
    "train": train,
    "tune": tune,
    "model": model,
    "batch": batch,
    "evaluate": evaluate,
    "compare": compare,
    "split": split,
    "engine": engine,
    "stats": stats,
    "summarize": summarize,
    "experiment": experiment,
    "split_exact": split_exact,
    "bandit": bandit,
    "off_policy": off_policy,
    "slates": slates,
    "decision_log": decision_log,
    "context_hash": context_hash,
}


def difference(expect: dict[str, Any], actual: Any) -> str | None:
    """What differs, if anything."""
    exact = dict(expect)
    close = exact.pop("close", None)
    if "error" in actual and "error" not in expect:
        return f"failed with {actual['error']}"
    found = _differs(exact, actual, "", None)
    if found is None and close is not None:
        close = dict(close)
        relative = close.pop("rel", None)
        tolerance = (close.pop("tol"), 0.0) if relative is None else (0.0, relative)
        found = _differs(close, actual, "", tolerance)
    return found


def _differs(expected: Any, actual: Any, path: str, tolerance: tuple[float, float] | None) -> str | None:
    wrong = f"{path} is {actual!r}, not {expected!r}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        if path == ".items" and len(expected) != len(actual):
            return wrong
        for name, value in expected.items():
            if name not in actual:
                return f"{path}.{name} is missing"
            found = _differs(value, actual[name], f"{path}.{name}", tolerance)
            if found is not None:
                return found
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return wrong
        pairs = enumerate(zip(expected, actual))
        return next(filter(None, (_differs(a, b, f"{path}[{i}]", tolerance) for i, (a, b) in pairs)), None)
    if _is_number(expected) and _is_number(actual):
        if tolerance is not None:
            absolute, relative = tolerance
            most = max(absolute, relative * max(abs(expected), abs(actual)))
            return None if abs(expected - actual) <= most else wrong
        return None if np.float64(expected).tobytes() == np.float64(actual).tobytes() else wrong
    return None if type(expected) is type(actual) and expected == actual else wrong


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
