"""A model and a vector index in one snapshot: what both answer, the bytes, changes, damage."""

import json
import pathlib
import random
import struct

import fixtures
import serve
import snapshot as s
from bandits import Bandit
from index import MANIFEST as INDEX_MANIFEST, CODES, FLOATS, LINKS, Index
from suites.recommend import FILTERS
from suites.vectors import METRICS, Indexes, several, vectors

FOLDER = pathlib.Path(__file__).resolve().parents[2]
FILES = {}
VENUES = fixtures.VENUES


def files():
    return dict(FILES)


def suites(models):
    indexes = made()
    suite = indexes.suite("both")
    answers(suite, indexes, models)
    changes(suite, indexes)
    opened(suite, indexes)
    damaged(suite, indexes)
    return [suite]


def attributes(ids):
    """Other columns than the model's; one has the name of one of those, and another type."""
    items = {name: {"style": ["old", "new"][n % 2], "price": f"class {n % 3}", "rooms": float(n)} for n, name in enumerate(ids) if n % 5}
    types = {"style": "text", "price": "text", "rooms": "number"}
    columns = {name: (kind, {item: held[name] for item, held in items.items()}) for name, kind in types.items()}
    return {"items": [{"id": name, "attributes": held} for name, held in items.items()]}, columns


def made():
    indexes = Indexes()

    def add(name, ids, rows, options=None, described=()):
        indexes.add(name, ids, rows, options)
        if described:
            indexes.given[name]["catalog"], columns = attributes(described)
            indexes.known[name] = Index(ids, rows, options, columns)

    add("venues", VENUES, vectors("both venues", 12, 6), None, VENUES)
    # Items that the model does not have, and not all of those that it has.
    ids = ["barn", "mill", "pier", "wharf", "züri"]
    add("others", ids, vectors("both others", 5, 3), {"metric": "l2"}, ids)
    add("plain", ["barn", "loft", "mill"], vectors("both plain", 3, 4), {"storage": "int8"})
    rows = several(random.Random(4), VENUES[:7])
    for metric in METRICS:
        add(f"several, {metric}", rows, vectors(f"both {metric}", len(rows), 9), {"metric": metric, "storage": "f16"}, VENUES[:7])
    add("integers", [5, -3, 12], vectors("both integers", 3, 2), {"item_id_type": "integer"})
    add("binary", list(range(70)), vectors("both binary", 70, 67), {"metric": "l2", "kind": "binary", "ef": 1})
    indexes.known["empty"] = Index([], [], None)
    FILES["snapshots/index-in-nothing.tm"] = s.with_index(s.write(fixtures.empty()), indexes.known["empty"].file())
    return indexes


def read(path):
    return FILES.get(path) or fixtures.files().get(path) or (FOLDER / path).read_bytes()


def source(name):
    """Where the index comes from: an empty one only from a file."""
    return {"snapshot": "snapshots/index-empty.tm"} if name == "empty" else {"index": name}


def told(data, index=None):
    return {"hash": s.model_hash(data), "index": None if index is None else s.model_hash(index.file())}


def answers(suite, indexes, models):
    """Each asked beside the other gives what it gives alone, with its own attributes."""
    for model in ("small", "example", "empty", "unicode"):
        for name, index in indexes.known.items():
            data = s.with_index(s.write(fixtures.MODELS[model]()), index.file())
            ids = models[model].ids[:12]
            given = {
                "snapshot": f"snapshots/{model}.tm", "steps": [["with_index", source(name)]], "attributes": ids,
                "request": {"k": 5, "history": [{"item_id": one} for one in ids[:2]]},
            }
            matches = None
            if model == "small":
                given["request"]["filter"], matches = FILTERS["cheap"]
            expect = told(data, index) | {
                "item_count": len(models[model].ids), "answer": serve.answer(models[model], given["request"], (), matches),
                "attributes": dict(zip(ids, models[model].attributes)),
            }
            suite.case(f"{model} with {name}", "both", given, expect)
    for name, index in indexes.known.items():
        target = {"vector": vectors(f"both ask {name}", 1, index.width)[0]}
        expect = index.columns_of(index.search(target, k=6))
        given = {"snapshot": "snapshots/small.tm", "steps": [["with_index", source(name)]], "ask": ["search", target, {"k": 6}]}
        suite.case(f"{name}: searched", "both", given, {"asked": expect})
        suite.case(f"{name}: described", "both", given | {"ask": ["describe"]}, {"asked": index.describe()})
    for condition, matches in (
        ({"style": "new"}, lambda a: a.get("style") == "new"),
        ({"rooms": {"$gte": 6}}, lambda a: a.get("rooms", 0) >= 6),
        ({"price": "class 1"}, lambda a: a.get("price") == "class 1"),
        # The model's attributes are not the index's.
        ({"open": True}, lambda a: False),
        ({"styles": {"$exists": False}}, lambda a: True),
    ):
        for name in ("venues", "others"):
            index = indexes.known[name]
            held = {one: {} for one in index.ids}
            for column, (_, values) in index.columns.items():
                for one, value in values.items():
                    held[one][column] = value
            found = [one for one in index.ids if matches(held[one])]
            given = {"snapshot": "snapshots/small.tm", "steps": [["with_index", source(name)]]}
            suite.case(f"{name}: matching {json.dumps(condition)}", "both", given | {"ask": ["matching", condition]}, {"asked": {"item_ids": found}})
            target = {"vector": vectors("both filter", 1, index.width)[0]}
            expect = index.columns_of(index.search(target, matching=found, k=4)) if found else {"item_id": []}
            suite.case(f"{name}: filtered by {json.dumps(condition)}", "both", given | {"ask": ["search", target, {"k": 4, "filter": condition}]}, {"asked": expect})
            for one in index.ids[:3]:
                if condition == {"style": "new"}:
                    suite.case(f"{name}: attributes of {one}", "both", given | {"ask": ["attributes", one]}, {"asked": {"attributes": held[one]}})
    suite.fails("a filter where the index has no attributes", "both", {
        "snapshot": "snapshots/small.tm", "steps": [["with_index", source("plain")]], "ask": ["matching", {"price": 5}],
    }, "invalid_condition")


def changes(suite, indexes):
    """One after the other; what comes out is the same file however it came about."""
    small = s.write(fixtures.small())
    known = indexes.known

    def add(name, steps, data, index=None, snapshot="snapshots/small.tm", **more):
        suite.case(name, "both", {"snapshot": snapshot, "steps": steps}, told(data, index) | more)

    put = lambda name: ["with_index", source(name)]  # noqa: E731
    add("no index", [], small)
    for first, then in (("venues", "plain"), ("plain", "venues"), ("binary", "several, l2"), ("venues", "venues"), ("others", "empty"), ("empty", "others")):
        add(f"{then} in the place of {first}", [put(first), put(then)], s.with_index(small, known[then].file()), known[then])
    for name in ("venues", "plain", "empty"):
        add(f"{name}, and without it again", [put(name), ["without_index"]], small)
    add("without an index that was not there", [["without_index"]], small)
    one, version_1 = s.write(fixtures.one()), (FOLDER / "snapshots/v1/small.tm").read_bytes()
    add("a model without attributes", [put("venues")], s.with_index(one, known["venues"].file()), known["venues"], "snapshots/one.tm")
    add("a model of version 1", [put("venues")], s.with_index(version_1, known["venues"].file()), known["venues"], "snapshots/v1/small.tm")
    add("a model of version 1, and without it again", [put("venues"), ["without_index"]], version_1, None, "snapshots/v1/small.tm")
    # From the file of another model, which has fewer columns, or more.
    for name, model in (("venues", "example"), ("others", "large"), ("empty", "small"), ("plain", "small")):
        path = f"snapshots/{model}-with-{name}.tm"
        FILES[path] = s.with_index(s.write(fixtures.MODELS[model]()), known[name].file())
        add(f"{name} from the file of {model}", [["with_index", {"snapshot": path}]], s.with_index(small, known[name].file()), known[name])
        add(f"{name} within the file of {model}", [], FILES[path], known[name], path)
        add(f"{name} taken out of the file of {model}", [["without_index"]], s.write(fixtures.MODELS[model]()), None, path)

    def banded(data, *keys):
        """The model's file with bandits, and all else as it is."""
        sections = s.read(data)
        given = [Bandit({"key": key, "policy": "ucb1", "arms": ["x", "y"]}) for key in keys]
        sections[s.MANIFEST, 0] = s.compact(json.loads(sections[s.MANIFEST, 0]) | {"bandits": list(keys)}).encode()
        return s.lay_out(sections | {(48, at): bandit.bytes() for at, bandit in enumerate(given)})

    bandits = ["with_bandits", [{"key": key, "policy": "ucb1", "arms": ["x", "y"]} for key in ("a", "b")]]
    expect = banded(s.with_index(small, known["venues"].file()), "a", "b")
    add("bandits, then an index", [bandits, put("venues")], expect, known["venues"], bandits=["a", "b"])
    add("an index, then bandits", [put("venues"), bandits], expect, known["venues"], bandits=["a", "b"])
    add("bandits stay where an index goes", [put("venues"), bandits, ["without_index"]], banded(small, "a", "b"), bandits=["a", "b"])
    add("an index stays where bandits go", [put("plain"), bandits, ["with_bandits", []]], s.with_index(small, known["plain"].file()), known["plain"], bandits=[])
    edge = s.edge(small, 3, ["price"])
    add("an edge export", [["export_edge", {"neighbors": 3, "attributes": ["price"]}], put("venues")], s.with_index(edge, known["venues"].file()), known["venues"])
    suite.case("an edge export leaves the index out", "both", {
        "snapshot": "snapshots/small.tm", "steps": [put("venues"), ["export_edge", {"neighbors": 3}]],
    }, {"index": None, "item_count": 12})
    events = {"user_id": ["ann", "ann", "bob", "bob", "eve"], "item_id": ["mill", "barn", "mill", "barn", "mill"]}
    new = {"events": {"user_id": ["ann", "bob"], "item_id": ["loft", "loft"]}}
    for options in ({"tolerance": 0}, {}):
        suite.case(f"an update keeps the index, {options}", "both", {
            "train": {"events": events, "options": {"updatable": True, "trainer": {"name": "cooccurrence"}}},
            "steps": [put("others"), ["update", new | {"options": options}]], "ask": ["describe"],
        }, {"index": s.model_hash(known["others"].file()), "item_count": 3, "asked": known["others"].describe()})


def opened(suite, indexes):
    """The index alone, read from the model's file."""
    for name in ("venues", "plain", "empty", "others"):
        path = next(path for path in FILES if path.endswith(f"-with-{name}.tm"))
        known = indexes.known[name]
        suite.case(f"{path}: the model", "open", {"snapshot": path}, {"hash": s.model_hash(FILES[path])})
        suite.case(f"{path}: the index", "index", {"snapshot": path, "ask": ["describe"]}, known.describe())
        if name == "empty":
            continue
        target = {"vector": vectors(f"both opened {name}", 1, known.width)[0]}
        suite.case(f"{path}: the index searched", "index", {"snapshot": path, "ask": ["search", target, {}]}, known.columns_of(known.search(target)))
        change = {"ids": ["barn"], "vectors": [target["vector"]], "remove": ["mill"]}
        changed, counts = known.update(**change)
        suite.case(f"{path}: the index changed", "index", {"snapshot": path, "update": [change], "ask": ["describe"]}, counts | changed.describe())
        suite.case(f"{path}: the index for browsers", "index", {"snapshot": path, "edge": True, "ask": ["describe"]}, known.edge().describe())
    suite.case("nothing in nothing", "index", {"snapshot": "snapshots/index-in-nothing.tm", "ask": ["describe"]}, indexes.known["empty"].describe())
    suite.case("nothing in nothing, the model", "open", {"snapshot": "snapshots/index-in-nothing.tm"}, {"item_count": 0})


def damaged(suite, indexes):
    path = "snapshots/example-with-venues.tm"
    data = FILES[path]

    def refused(name, given, code="corrupt_snapshot"):
        suite.fails(f"refused: {name}", "open", given, code)
        suite.fails(f"refused as an index: {name}", "index", given | {"ask": ["describe"]}, code)

    for length in (0, 8, 64, 700, len(data) // 2, len(data) - 64, len(data) - 1):
        refused(f"cut to {length}", {"snapshot": path, "mutate": {"truncate": length}}, "corrupt_snapshot" if length >= 8 else "not_a_snapshot")
    refused("more behind the end", {"snapshot": path, "mutate": {"append": "00" * 64}})
    for at in range(70, len(data), len(data) // 40):
        refused(f"bit flipped in byte {at}", {"snapshot": path, "mutate": {"flip": [at, at % 8]}})

    # Two items, one column each, of one type: nothing but the number of the column tells them apart.
    model = s.write(s.Description(items=["a", "b"], columns={"n": ("number", {"a": 1.0, "b": 2.0})}))
    index = Index(["a", "b"], [[1.0, 0.0], [0.0, 1.0]], None, {"n": ("number", {"a": 3.0, "b": 4.0})})
    sections = s.read(s.with_index(model, index.file()))

    def forged(changes):
        return {"snapshot": s.lay_out({key: value for key, value in (sections | changes).items() if value is not None}).hex()}

    def opens(name, changes, **more):
        given = forged(changes)
        suite.case(f"allowed: {name}", "both", given | {"steps": [], "ask": ["attributes", "a"], "attributes": ["a"]}, {
            "hash": s.model_hash(bytes.fromhex(given["snapshot"])), "index": s.model_hash(index.file()),
            "asked": {"attributes": {"n": 3.0}}, "attributes": {"a": {"n": 1.0}},
        } | more)

    first = (s.INDEX_FIRST_COLUMN, 0)
    opens("as it is written", {})
    opens("an unknown section", {(200, 0): b"later"})
    opens("columns that begin later", {first: s.u32([7])} | {(code, 7): sections[code, 1] for code in (s.PRESENT, s.NUMBERS)} | {(code, 1): None for code in (s.PRESENT, s.NUMBERS)})
    suite.fails("forged: the model's column is the index's", "open", forged({first: s.u32([0])}), "corrupt_snapshot")
    suite.fails("forged: no number of the first column", "open", forged({first: None}), "corrupt_snapshot")
    suite.fails("forged: an empty number of the first column", "open", forged({first: b""}), "corrupt_snapshot")
    for name, value in (
        ("the first column beyond the end", s.u32([2])), ("the first column at the limit", s.u32([1024])), ("the first column beyond the limit", s.u32([1025])),
        ("a huge first column", s.u32([2**32 - 1])), ("half a first column", b"\x01\0"), ("two first columns", s.u32([1, 1])), ("a long first column", struct.pack("<Q", 1)),
    ):
        refused(f"forged: {name}", forged({first: value}))
    suite.case("a number of the first column, and no index", "open", {"snapshot": s.lay_out(s.read(model) | {first: s.u32([2**32 - 1])}).hex()}, {"item_count": 2})
    for name, changes in (
        ("the index's column missing", {(s.NUMBERS, 1): None}), ("the index's column longer", {(s.NUMBERS, 1): sections[s.NUMBERS, 1] + bytes(8)}),
        ("the index's codes missing", {(CODES, 0): None}), ("the index's manifest no JSON", {(INDEX_MANIFEST, 0): b"["}),
        ("the index of another kind", {(INDEX_MANIFEST, 0): sections[INDEX_MANIFEST, 0].replace(b'"kind":"exact"', b'"kind":"hnsw"')}),
    ):
        refused(f"forged: {name}", forged(changes))
    refused("forged: a vector of NaN", forged({(FLOATS, 0): s.f32([float("nan")]) + sections[FLOATS, 0][4:]}))
    # Of an index without attributes, too.
    bare = s.read(s.with_index(model, indexes.known["plain"].file()))
    for value in (1025, 2**32 - 1):
        refused(f"forged: no columns from {value} on", {"snapshot": s.lay_out(bare | {first: s.u32([value])}).hex()})
    suite.case("links that the kind does not have are ignored", "open", forged({(LINKS, 0): bytes(64)}), {"item_count": 2})
    suite.fails("forged: the model's column missing", "open", forged({(s.NUMBERS, 0): None}), "corrupt_snapshot")
    suite.fails("a model alone is no index", "index", {"snapshot": model.hex(), "ask": ["describe"]}, "not_a_snapshot")
