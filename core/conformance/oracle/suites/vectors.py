"""Vector search: exact answers by every metric and storage, changes, files, and what is refused.

The indexes stand at the head of a suite, by name, so that their vectors come once.
"""

import random

import index as oracle
import numpy as np
import snapshot as s
from suite import Suite

FILES = {}
METRICS = ("cosine", "inner_product", "l2")
# Indexes of many rows: metric and width.
MADE = (("cosine", 520), ("l2", 520), ("cosine", 24), ("l2", 24), ("inner_product", 24))
WORDS = "amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh north orbit plume quarry ridge shore tarn umber vale weald xylem yarrow zenith".split()


def files():
    return dict(FILES)


def suites(models):
    return [searches(), changes(), opened(), refused()]


def vectors(seed, count, width, centres=4):
    """Rows around some centres, in steps of 1/64, which every language reads alike."""
    dice = random.Random(seed)
    middles = [[dice.gauss(0, 1) for _ in range(width)] for _ in range(centres)]
    rows = [[round(64 * (x + dice.gauss(0, 0.5))) / 64 for x in dice.choice(middles)] for _ in range(count)]
    return [row if any(row) else [1.0] * width for row in rows]


def attributes(ids):
    """A catalog's items, and the same as columns."""
    items = {name: {"price": 10.0 * n, "tags": [WORDS[n % 3]], "open": n % 4 != 0} for n, name in enumerate(ids) if n % 7}
    types = {"price": "number", "tags": "tags", "open": "bool"}
    columns = {name: (kind, {item: held[name] for item, held in items.items()}) for name, kind in types.items()}
    return {"items": [{"id": name, "attributes": held} for name, held in items.items()]}, columns


def made(rows, width, groups, seed):
    """Rows in groups, by a formula in 32 bits that every runner has, because they are many."""

    def mixed(seed, a, b):
        h = np.uint32(seed) ^ a * np.uint32(0x9E3779B1) ^ b * np.uint32(0x85EBCA77)
        h = (h ^ h >> np.uint32(15)) * np.uint32(0x2C1B3C6D)
        h = (h ^ h >> np.uint32(12)) * np.uint32(0x297A2D39)
        return (h ^ h >> np.uint32(15)) & np.uint32(255)

    row = np.arange(rows, dtype=np.uint32)[:, None]
    at = np.arange(width, dtype=np.uint32)[None, :]
    whole = 4 * mixed(seed, row % np.uint32(groups), at).astype(int) + mixed(seed + 1, row, at).astype(int) - 637
    return (whole / 64).tolist()


class Indexes:
    """The indexes of a suite: as cases have them, and as the oracle does."""

    def __init__(self, **header):
        self.given, self.known, self.header = {}, {}, header

    def add(self, name, ids, rows, options=None, catalog=False):
        given = {"ids": ids, "vectors": rows}
        if options:
            given["options"] = options
        columns = None
        if catalog:
            given["catalog"], columns = attributes([str(one) for one in dict.fromkeys(ids)])
        self.given[name] = given
        self.known[name] = oracle.Index(ids, rows, options, columns)
        return self.known[name]

    def make(self, name, shape, options):
        """One of many rows."""
        self.given[name] = {"made": shape, "options": options}
        self.known[name] = oracle.Index(list(range(shape["rows"])), made(**shape), options)

    def suite(self, name):
        return Suite(name, source="core/conformance/oracle/index.py", **self.header, indexes=self.given)


def several(dice, ids):
    """Ids with one, two or three rows each, mixed."""
    rows = [name for name in ids for _ in range(1 + dice.randrange(3))]
    dice.shuffle(rows)
    return rows


def searches():
    indexes = Indexes()
    dice = random.Random(3)
    for metric in METRICS:
        for storage in ("f32", "f16", "int8"):
            indexes.add(f"{metric} {storage}", WORDS, vectors(f"{metric} {storage}", 26, 19), {"metric": metric, "storage": storage}, True)
        rows = several(dice, WORDS[:14])
        indexes.add(f"{metric}, several vectors", rows, vectors(metric, len(rows), 8), {"metric": metric})
        # A small graph that is looked through as a whole must find what a scan finds.
        indexes.add(f"{metric}, graph", list(range(100, 220)), vectors(f"graph {metric}", 120, 12), {"metric": metric, "kind": "hnsw", "m": 8, "ef": 200})
        # What bits miss, they must miss everywhere.
        storage = {"cosine": "f32", "inner_product": "f16", "l2": "int8"}[metric]
        indexes.add(f"{metric}, binary", list(range(300)), vectors(f"binary {metric}", 300, 70), {"metric": metric, "storage": storage, "kind": "binary", "ef": 1})
    rows = [f"group {n // 3}" for n in range(240)]
    indexes.add("binary, several vectors", rows, vectors("binary", 240, 9), {"kind": "binary", "ef": 6})
    for storage in ("f16", "int8"):
        rows = several(dice, WORDS[:14])
        indexes.add(f"several vectors, {storage}", rows, vectors(storage, len(rows), 8), {"storage": storage})
    indexes.add("equal vectors", list(range(40)), [[0.5, -0.25, 0.0]] * 40, {"metric": "l2"})
    indexes.add("one value", list(range(-5, 6)), [[float(n)] for n in range(-5, 6)], {"metric": "l2"})
    indexes.add("wide", WORDS[:5], vectors("wide", 5, 300), None)
    indexes.add("extreme", ["big", "small", "tiny"], [[1e15, -1e15], [1e-30, 2e-30], [1e-38, 0.0]], None)
    indexes.add("extreme, l2", ["big", "small"], [[1e15, -1e15], [1e-30, 2e-30]], {"metric": "l2"})
    indexes.add("many rows", list(range(1500)), vectors("many", 1500, 3, 9), {"metric": "l2"})
    # Enough rows for walks through the graph, of long rows by their sketches. What is near lies so
    # much nearer than the rest that a walk finds it.
    for metric, width in MADE:
        shape = {"rows": 2400, "width": width, "groups": 400, "seed": width}
        indexes.make(f"made, {metric} {width}", shape, {"metric": metric, "kind": "hnsw", "m": 6, "ef_construction": 60, "ef": 16})
    # A few vectors far away from all others must not take the codes away from those.
    for metric in ("l2", "inner_product"):
        for storage in ("f32", "int8"):
            rows = vectors(f"far {metric} {storage}", 230, 4)
            for far in (7, 190):
                rows[far] = [1024 * x for x in rows[far]]
            indexes.add(f"far away, {metric} {storage}", list(range(230)), rows, {"metric": metric, "storage": storage})
    indexes.add("venues", ["barn", "castle", "chapel", "elsewhere", "garden", "mill", "pier"], vectors("venues", 7, 4), None)
    indexes.add("zeros", ["a", "b"], [[0.0, 0.0], [0.0, -0.0]], {"metric": "inner_product"})
    suite = indexes.suite("vectors")

    def ask(name, index, target, options=None, allowed=None, matching=None, trace=None):
        known = indexes.known[index]
        given = {"index": index, "ask": ["search", target, options or {}]}
        if allowed is not None:
            given["items"] = allowed
        expect = known.columns_of(known.search(target, matching=matching, **(options or {})))
        if trace:
            expect["trace"] = trace
        suite.case(name, "index", given, expect)

    def nearby(index, seed):
        known = indexes.known[index]
        dice = random.Random(seed)
        row = known.rows[dice.randrange(len(known.rows))].tolist()
        return [round(64 * (x + dice.gauss(0, 0.3))) / 64 or 1 / 64 for x in row]

    for metric, width in MADE:
        index = f"made, {metric} {width}"
        for item in (0, 17, 399, 400, 1234, 2399):
            ask(f"{index}: by item {item}", index, {"item_id": str(item)}, {"k": 5, "trace": True}, trace={"plan": "hnsw", "matching": 2400, "ef": 16})
        ask(f"{index}: half may appear", index, {"item_id": "801"}, {"k": 2, "trace": True, "allow": [str(n) for n in range(1, 2400, 2)]}, trace={"plan": "filtered_hnsw", "matching": 1199, "ef": 16})

    for metric in ("l2", "inner_product"):
        for storage in ("f32", "int8"):
            index = f"far away, {metric} {storage}"
            known = indexes.known[index]
            ask(index, index, {"vector": nearby(index, 1)}, {"k": 12})
            suite.case(f"{index}: what it is", "index", {"index": index, "ask": ["describe"]}, known.describe())

    for metric in METRICS:
        for storage in ("f32", "f16", "int8"):
            index = f"{metric} {storage}"
            known = indexes.known[index]
            ask(f"{index}: by vector", index, {"vector": nearby(index, 1)}, {"k": 26})
            ask(f"{index}: three", index, {"vector": nearby(index, 2)}, {"k": 3, "trace": True}, trace={"plan": "exact", "matching": 26, "ef": 0, "expanded": 0})
            ask(f"{index}: by item", index, {"item_id": "fjord"}, {"k": 5})
            ask(f"{index}: allowed and denied", index, {"vector": nearby(index, 3)}, {"allow": WORDS[3:15] + ["unknown"], "deny": ["delta", "marsh", "unknown"]})
            condition = {"price": {"$gte": 60}, "tags": {"$in": ["amber", "cedar"]}}
            matching = [name for name in WORDS if name in (held := known.columns["price"][1]) and held[name] >= 60 and known.columns["tags"][1][name][0] in ("amber", "cedar")]
            given = {"index": index, "ask": ["search", {"vector": nearby(index, 4)}, {"filter": condition, "k": 6, "trace": True}]}
            found = known.search({"vector": nearby(index, 4)}, k=6, matching=matching)
            suite.case(f"{index}: by condition", "index", given, known.columns_of(found) | {"trace": {"matching": len(matching)}})
            limit = float(sorted(known.scores(oracle.prepared(nearby(index, 5), metric)))[-7])
            ask(f"{index}: by range", index, {"vector": nearby(index, 5)}, {"k": 26, "min_score": limit})
            positive, negative = ["cedar", nearby(index, 6)], ["tarn", nearby(index, 7)]
            ask(f"{index}: positive examples", index, {"positive": positive}, {"k": 4})
            ask(f"{index}: positive and negative examples", index, {"positive": positive, "negative": negative}, {"k": 4})
            ask(f"{index}: best score", index, {"positive": positive, "negative": negative, "strategy": "best_score"}, {"k": 8})
            ask(f"{index}: discover", index, {"target": "vale", "context": [["cedar", "tarn"], [nearby(index, 8), nearby(index, 9)]]}, {"k": 8})
            ask(f"{index}: discover by context", index, {"context": [["cedar", "tarn"], [nearby(index, 8), "umber"]]}, {"k": 8})
            for diversity in (0.25, 0.75):
                ask(f"{index}: variety of {diversity}", index, {"vector": nearby(index, 10)}, {"k": 6, "diversity": diversity})
        index = f"{metric}, several vectors"
        ask(f"{index}: by vector", index, {"vector": nearby(index, 1)}, {"k": 14})
        ask(f"{index}: by item", index, {"item_id": "birch"}, {"k": 4})
        ask(f"{index}: some", index, {"vector": nearby(index, 2)}, {"allow": ["birch", "cedar", "knoll"], "k": 2})
        ask(f"{index}: examples", index, {"positive": ["birch", "cedar"], "negative": ["heath"]}, {"k": 4})
        ask(f"{index}: best score", index, {"positive": ["birch"], "negative": ["heath"], "strategy": "best_score"}, {"k": 14})
        ask(f"{index}: variety", index, {"vector": nearby(index, 3)}, {"k": 5, "diversity": 0.5, "candidates": 9})
        suite.case(f"{index}: neighbours of all", "index", {"index": index, "ask": ["knn_graph", {"k": 3}]}, indexes.known[index].graph(3))
        index = f"{metric}, graph"
        for n in range(3):
            ask(f"{index}: by vector {n}", index, {"vector": nearby(index, n)}, {"k": 10, "ef": 200})
        ask(f"{index}: by item", index, {"item_id": "117"}, {"k": 5})
        ask(f"{index}: a few may appear", index, {"vector": nearby(index, 4)}, {"k": 10, "allow": [str(n) for n in range(100, 220, 17)]})
        ask(f"{index}: half may appear", index, {"vector": nearby(index, 5)}, {"k": 10, "allow": [str(n) for n in range(100, 220, 2)]})
        ask(f"{index}: more than match", index, {"vector": nearby(index, 6)}, {"k": 100, "allow": ["105", "219", "7"]})
        ask(f"{index}: exact on demand", index, {"vector": nearby(index, 7)}, {"k": 120, "exact": True})
        ask(f"{index}: all", index, {"vector": nearby(index, 8)}, {"k": 500})
        ask(f"{index}: by range", index, {"vector": nearby(index, 9)}, {"k": 120, "min_score": float(sorted(indexes.known[index].scores(oracle.prepared(nearby(index, 9), metric)))[-12])})
        index = f"{metric}, binary"
        for n in range(8):
            k, matching = 1 + n, 300
            trace = {"plan": "binary", "matching": matching, "ef": 8 * k, "compared": matching, "expanded": 0}
            ask(f"{index}: the best {k}", index, {"vector": nearby(index, n)}, {"k": k, "trace": True}, trace=trace)
        ask(f"{index}: by item", index, {"item_id": "117"}, {"k": 3})
        for n in range(4):
            off = [x + 2 for x in nearby(index, 20 + n)]
            ask(f"{index}: a query off to one side, {n}", index, {"vector": off}, {"k": 4})
        ask(f"{index}: by item, and more candidates", index, {"item_id": "17"}, {"k": 3, "ef": 12})
        ask(f"{index}: half may appear", index, {"vector": nearby(index, 8)}, {"k": 2, "allow": [str(n) for n in range(0, 300, 2)]})
        few = {"plan": "binary", "matching": 17}
        ask(f"{index}: few may appear", index, {"vector": nearby(index, 9)}, {"k": 1, "trace": True, "allow": [str(n) for n in range(0, 300, 18)]}, trace=few)
        ask(f"{index}: too few to look at bits", index, {"vector": nearby(index, 9)}, {"k": 1, "trace": True, "allow": [str(n) for n in range(0, 300, 19)]}, trace={"plan": "exact", "matching": 16})
        ask(f"{index}: exact on demand", index, {"vector": nearby(index, 10)}, {"k": 5, "exact": True})
        ask(f"{index}: nearly all", index, {"vector": nearby(index, 11)}, {"k": 250})
        ask(f"{index}: variety", index, {"vector": nearby(index, 12)}, {"k": 3, "diversity": 0.5, "candidates": 6})
        suite.case(f"{index}: what it is", "index", {"index": index, "ask": ["describe"]}, indexes.known[index].describe())
    for n in range(4):
        index = "binary, several vectors"
        ask(f"{index}: the best {1 + n}", index, {"vector": nearby(index, n)}, {"k": 1 + n})
    for storage in ("f16", "int8"):
        index = f"several vectors, {storage}"
        ask(f"{index}: by item", index, {"item_id": "cedar"}, {"k": 14})
        ask(f"{index}: examples", index, {"positive": ["birch", "cedar"]}, {"k": 14})

    index = "cosine f32"
    known = indexes.known[index]
    ask("a longer vector of the same direction", index, {"vector": [16 * x for x in nearby(index, 1)]}, {"k": 4})
    ask("the default is ten", index, {"vector": nearby(index, 1)})
    ask("nothing is allowed", index, {"vector": nearby(index, 1)}, {"allow": [], "trace": True}, trace={"plan": "nothing", "matching": 0, "compared": 0, "rescored": 0})
    ask("all are denied", index, {"vector": nearby(index, 1)}, {"deny": WORDS})
    ask("no score is that good", index, {"vector": nearby(index, 1)}, {"min_score": 2})
    ask("items by id", index, {"vector": nearby(index, 1)}, {"k": 3}, allowed={"ids": ["vale", "tarn", "nobody", "birch", "vale", "amber"]}, matching=["vale", "tarn", "birch", "amber"])
    dear = [name for name in WORDS if known.columns["price"][1].get(name, 0) > 150]
    ask("items by a condition", index, {"vector": nearby(index, 1)}, {"k": 4}, allowed={"matching": {"price": {"$gt": 150}}}, matching=dear)
    ask("items by a condition, and denied ones", index, {"vector": nearby(index, 1)}, {"k": 4, "deny": dear[:2]}, allowed={"matching": {"price": {"$gt": 150}}}, matching=dear)
    # Of the model that other suites know, by the same ids.
    in_model = {"matching": {"open": True}, "model": "snapshots/small.tm"}
    ask("items by the attributes of a model", "venues", {"item_id": "pier"}, None, allowed=in_model, matching=["barn", "chapel", "garden", "mill"])
    suite.case("what matches", "index", {"index": index, "ask": ["matching", {"price": {"$gt": 150}}]}, {"item_ids": sorted(dear)})
    suite.case("what matches by absence", "index", {"index": index, "ask": ["matching", {"price": {"$exists": False}}]}, {"item_ids": WORDS[::7]})
    suite.case("batch", "index", {"index": index, "ask": ["search_batch", [nearby(index, n) for n in range(9)], {"k": 3}]}, known.batch([nearby(index, n) for n in range(9)], k=3))
    suite.case("batch of none", "index", {"index": index, "ask": ["search_batch", [], {"k": 3}]}, {"query": [], "item_id": [], "score": [], "rank": []})
    suite.case("batch, two threads, filtered", "index", {"index": index, "ask": ["search_batch", [nearby(index, n) for n in range(9)], {"k": 2, "threads": 2, "deny": ["vale"]}]}, known.batch([nearby(index, n) for n in range(9)], k=2, deny=["vale"]))
    for threads in (1, 3):
        suite.case(f"neighbours of all, {threads} threads", "index", {"index": index, "ask": ["knn_graph", {"k": 4, "threads": threads}]}, known.graph(4))
    suite.case("neighbours of all among some", "index", {"index": index, "ask": ["knn_graph", {"k": 2, "allow": WORDS[:6]}]}, known.graph(2, allow=WORDS[:6]))
    suite.case("attributes", "index", {"index": index, "ask": ["attributes", "birch"]}, {"attributes": {"price": 10, "tags": ["birch"], "open": True}})
    suite.case("no attributes", "index", {"index": index, "ask": ["attributes", "amber"]}, {"attributes": {}})
    suite.case("attributes of the unknown", "index", {"index": index, "ask": ["attributes", "nobody"]}, {"attributes": None})
    for storage in ("f32", "f16", "int8"):
        row = indexes.known[f"l2 {storage}"]
        suite.case(f"a vector as stored, {storage}", "index", {"index": f"l2 {storage}", "ask": ["vectors", "birch"]}, {"vectors": row.rows[1:2].astype(float).tolist()})
    suite.case("vectors of the unknown", "index", {"index": index, "ask": ["vectors", "nobody"]}, {"vectors": None})
    many = indexes.known["cosine, several vectors"]
    rows = many.rows[many.starts[2]:many.starts[3]]
    suite.case("several vectors as stored", "index", {"index": "cosine, several vectors", "ask": ["vectors", "cedar"]}, {"vectors": rows.astype(float).tolist()})

    index = "equal vectors"
    ask("equal vectors come by the text of their ids", index, {"vector": [0.5, -0.25, 0]}, {"k": 12})
    ask("equal vectors, the nearest of the first", index, {"item_id": "0"}, {"k": 3})
    ask("equal vectors, variety", index, {"vector": [0, 0, 0]}, {"k": 4, "diversity": 1})
    suite.case("equal vectors are duplicates", "index", {"index": index, "ask": ["duplicates", {"min_score": 0}]}, {"groups": indexes.known[index].duplicates(0)})
    ask("both sides", "one value", {"vector": [0.5]}, {"k": 4})
    ask("a wide vector", "wide", {"vector": nearby("wide", 1)}, {"k": 5})
    for name in ("big", "small", "tiny"):
        ask(f"extreme: {name}", "extreme", {"item_id": name})
    ask("extreme: a vector", "extreme", {"vector": [1e-38, 1e-38]})
    ask("extreme: distances", "extreme, l2", {"vector": [-1e15, 1e15]})
    ask("many rows", "many rows", {"vector": [0.25, 0.5, -0.25]}, {"k": 40})
    ask("many rows, by range", "many rows", {"item_id": "77"}, {"k": 1500, "min_score": -0.25})
    ask("zeros", "zeros", {"vector": [1, 1]})
    ask("the zero vector where it is one", "zeros", {"vector": [0, 0]}, {"trace": True})

    for metric in METRICS:
        known = indexes.known[f"{metric}, graph"]
        scores = sorted(known.graph(1)["score"])
        for place in (-4, -30):
            suite.case(f"duplicates, {metric}, {-place}", "index", {"index": f"{metric}, graph", "ask": ["duplicates", {"min_score": scores[place]}]}, {"groups": known.duplicates(scores[place])})
    suite.case("no duplicates", "index", {"index": "wide", "ask": ["duplicates", {"min_score": 0.999}]}, {"groups": []})
    for index, options in {
        "cosine f32": {"clusters": 4}, "l2 f16": {"clusters": 5, "seed": 7}, "inner_product int8": {"clusters": 3, "iterations": 2}, "equal vectors": {"clusters": 6},
        "cosine, graph": {"clusters": 8, "threads": 3}, "wide": {"clusters": 5}, "l2, graph": {"clusters": 1},
    }.items():
        suite.case(f"clusters of {index}", "index", {"index": index, "ask": ["cluster", options]}, indexes.known[index].cluster(**options))
    return suite


def changes():
    indexes = Indexes()
    for metric in METRICS:
        for storage in ("f32", "f16", "int8"):
            indexes.add(f"{metric} {storage}", WORDS[:12], vectors(f"changes {metric}", 12, 7), {"metric": metric, "storage": storage})
    indexes.add("with attributes", WORDS[:9], vectors("held", 9, 5), None, True)
    indexes.add("several vectors", ["a", "b", "a", "c", "b", "a"], vectors("several", 6, 4), {"metric": "l2"})
    indexes.add("integers", [3, 20, 100], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], None)
    suite = indexes.suite("vector_updates")

    def change(name, index, change, target=None, options=None, exact=True, **more):
        known = indexes.known[index]
        changed, told = known.update(change.get("ids", ()), change.get("vectors", ()), change.get("remove", ()), **more)
        given = {"index": index, "update": [change]}
        expect = told | {key: value for key, value in changed.describe().items() if exact or key != "hash"}
        suite.case(name, "index", given | {"ask": ["describe"]}, expect)
        target = target or {"vector": known.rows[1].tolist()}
        suite.case(f"{name}: searched", "index", given | {"ask": ["search", target, options or {"k": 20}]}, changed.columns_of(changed.search(target, **(options or {"k": 20}))))
        return changed

    for metric in METRICS:
        for storage in ("f32", "f16", "int8"):
            index = f"{metric} {storage}"
            new = vectors(f"new {metric}", 4, 7)
            change(f"{index}: inserted, replaced and removed", index, {"ids": ["wharf", "birch", "abbey", "ember"], "vectors": new, "remove": ["grove", "amber", "nobody"]})
            far = [[100 * x for x in row] for row in new[:2]]
            change(f"{index}: far away", index, {"ids": ["wharf", "birch"], "vectors": far})
    index = "cosine f32"
    change("removed", index, {"remove": ["grove", "ledge"]})
    change("nothing changes", index, {})
    change("nobody is removed", index, {"remove": ["nobody", "no one"]})
    change("all are removed", index, {"remove": WORDS[:12]})
    change("removed and put in again", index, {"ids": ["grove"], "vectors": vectors("grove", 1, 7), "remove": ["grove"]})
    change("removed twice", index, {"remove": ["grove", "grove"]})
    change("several vectors for one", index, {"ids": ["grove", "birch", "grove"], "vectors": vectors("twice", 3, 7)})
    change("one vector for several", "several vectors", {"ids": ["a"], "vectors": [[1.0, 2.0, 3.0, 4.0]]})
    change("of several vectors, removed", "several vectors", {"remove": ["b"]})
    change("integers", "integers", {"ids": [7, 20], "vectors": [[1.0, 0.5], [0.5, 1.0]], "remove": [3, 4]})
    held = {"ids": ["birch", "wharf"], "vectors": vectors("held", 2, 5)}
    change("attributes stay", "with attributes", held | {"remove": ["cedar"]})
    new = {"price": ("number", {"birch": 7.0, "wharf": 8.0}), "tags": ("tags", {}), "open": ("bool", {"wharf": False})}
    catalog = {"items": [{"id": "birch", "attributes": {"price": 7}}, {"id": "wharf", "attributes": {"price": 8, "open": False}}]}
    changed = change("attributes are replaced", "with attributes", held | {"catalog": catalog}, columns=new)
    # Where there is no price it counts as 0, as in all conditions.
    cheap = [name for name in changed.ids if changed.columns["price"][1].get(name, 0) < 25]
    suite.case("new attributes are searched", "index", {"index": "with attributes", "update": [held | {"catalog": catalog}], "ask": ["search", {"item_id": "ember"}, {"filter": {"price": {"$lt": 25}}}]}, changed.columns_of(changed.search({"item_id": "ember"}, matching=cheap)))
    twice = [{"ids": ["wharf"], "vectors": vectors("w", 1, 7)}, {"remove": ["amber"], "ids": ["zeal"], "vectors": vectors("z", 1, 7)}]
    known = indexes.known[index]
    for one in twice:
        known, told = known.update(one["ids"], one["vectors"], one.get("remove", ()))
    suite.case("one after the other", "index", {"index": index, "update": twice, "ask": ["describe"]}, told | known.describe())
    for metric in METRICS:
        for storage in ("f32", "f16"):
            index = f"{metric} {storage}"
            edge = indexes.known[index].edge()
            target = {"vector": indexes.known[index].rows[3].tolist()}
            suite.case(f"{index}: smaller", "index", {"index": index, "edge": True, "ask": ["describe"]}, edge.describe())
            suite.case(f"{index}: smaller, searched", "index", {"index": index, "edge": True, "ask": ["search", target, {"k": 12}]}, edge.columns_of(edge.search(target, k=12)))
    edge = indexes.known["with attributes"].edge()
    suite.case("smaller, with attributes", "index", {"index": "with attributes", "edge": True, "ask": ["attributes", "birch"]}, {"attributes": {"price": 10, "tags": ["birch"], "open": True}})

    def refuse(name, change, code, index="cosine f32"):
        suite.fails(f"refused: {name}", "index", {"index": index, "update": [change], "ask": ["describe"]}, code)

    refuse("another width", {"ids": ["a"], "vectors": [[1.0, 2.0]]}, "invalid_vector")
    refuse("a vector of NaN", {"ids": ["a"], "vectors": [["NaN"] + [1.0] * 6]}, "invalid_vector")
    refuse("a zero vector", {"ids": ["a"], "vectors": [[0.0] * 7]}, "invalid_vector")
    refuse("an empty id", {"ids": [""], "vectors": [[1.0] * 7]}, "invalid_id")
    refuse("more ids than vectors", {"ids": ["a", "b"], "vectors": [[1.0] * 7]}, "length_mismatch")
    refuse("more vectors than ids", {"ids": ["a"], "vectors": [[1.0] * 7] * 2}, "length_mismatch")
    refuse("no threads", {"remove": ["birch"], "options": {"threads": 0}}, "invalid_argument")
    refuse("beyond half floats", {"ids": ["a"], "vectors": [[70000.0] * 7]}, "invalid_vector", "l2 f16")
    return suite


def opened():
    """Files that the oracle wrote, and that each language must write alike."""
    indexes = Indexes()
    dice = random.Random(8)
    shapes = {"f32": ("cosine", "f32"), "f16": ("inner_product", "f16"), "int8": ("l2", "int8"), "l2": ("l2", "f32")}
    for name, (metric, storage) in shapes.items():
        indexes.add(name, WORDS[:15], vectors(f"file {name}", 15, 9), {"metric": metric, "storage": storage}, name == "f32")
    rows = several(dice, WORDS[:6])
    indexes.add("several", rows, vectors("file several", len(rows), 66), {"metric": "l2"})
    indexes.add("integers", [5, -3, 12], vectors("file integers", 3, 2), {"item_id_type": "integer", "m": 24, "ef_construction": 500, "ef": 7, "seed": 9})
    for metric in METRICS:
        indexes.add(f"binary-{metric}", list(range(70)), vectors(f"file binary {metric}", 70, 67), {"metric": metric, "kind": "binary", "ef": 1})
    indexes.add("empty", [], [], None)
    indexes.add("unicode", ["é", "z", "日本", "Z"], vectors("file unicode", 4, 2), None)
    suite = indexes.suite("vector_files")
    for name, known in indexes.known.items():
        path = f"snapshots/index-{name}.tm"
        FILES[path] = known.file()
        if name != "empty":
            suite.case(f"{name}: built", "index", {"index": name, "ask": ["describe"]}, known.describe())
        suite.case(f"{name}: opened", "index", {"snapshot": path, "ask": ["describe"]}, known.describe())
        if name == "empty":
            suite.case("empty: searched", "index", {"snapshot": path, "ask": ["search", {"vector": [1]}, {"trace": True}]}, {"item_id": [], "score": [], "rank": [], "trace": {"plan": "nothing"}})
            continue
        target = {"vector": vectors(f"ask {name}", 1, known.width)[0]}
        suite.case(f"{name}: searched", "index", {"snapshot": path, "ask": ["search", target, {"k": 20}]}, known.columns_of(known.search(target, k=20)))
        if name.startswith("binary"):
            suite.case(f"{name}: searched by bits", "index", {"snapshot": path, "ask": ["search", target, {"k": 3}]}, known.columns_of(known.search(target, k=3)))
            edge = known.edge()
            suite.case(f"{name}: for browsers", "index", {"snapshot": path, "edge": True, "ask": ["search", target, {"k": 3}]}, edge.columns_of(edge.search(target, k=3)))
        changed, told = known.update([known.ids[0]], [target["vector"]], [known.ids[-1]])
        suite.case(f"{name}: changed", "index", {"snapshot": path, "update": [{"ids": [known.ids[0]], "vectors": [target["vector"]], "remove": [known.ids[-1]]}], "ask": ["describe"]}, told | changed.describe())

    def damage(name, snapshot, code, mutate=None):
        given = {"snapshot": snapshot, "ask": ["describe"]}
        suite.fails(f"refused: {name}", "index", given | ({"mutate": mutate} if mutate else {}), code)

    path = "snapshots/index-several.tm"
    data = FILES[path]
    for length in (0, 7, 8, 63, 64, 200, len(data) // 2, len(data) - 64, len(data) - 1):
        damage(f"cut to {length}", path, "corrupt_snapshot" if length >= 8 else "not_a_snapshot", {"truncate": length})
    damage("more behind the end", path, "corrupt_snapshot", {"append": "00"})
    damage("another magic", path, "not_a_snapshot", {"flip": [0, 0]})
    for at in (16, 70, 300, *range(700, len(data), len(data) // 12)):
        damage(f"bit flipped in byte {at}", path, "corrupt_snapshot", {"flip": [at, at % 8]})
    damage("a model", "snapshots/small.tm", "not_a_snapshot")
    forged(suite, indexes.known["several"], data, damage)
    forged_bits(suite, s.read(FILES["snapshots/index-binary-l2.tm"]), damage)
    return suite


def forge_file(sections, name, damage):
    path = f"snapshots/forged/index-{name.replace(' ', '-')}.tm"
    FILES[path] = s.lay_out({key: value for key, value in sections.items() if value is not None})
    damage(f"forged: {name}", path, "corrupt_snapshot")


def forged_bits(suite, sections, damage):
    """The sections of the kind `binary`, and numbers beyond what a build takes in."""
    for code, name in ((oracle.BITS, "bits"), (oracle.THRESHOLDS, "thresholds"), (oracle.BIT_SCALES, "bit scales"), (oracle.BIT_OFFSETS, "bit offsets")):
        forge_file(sections | {(code, 0): None}, f"no {name}", damage)
        forge_file(sections | {(code, 0): sections[code, 0][:-8]}, f"short {name}", damage)

    def with_first(code, value):
        return sections | {(code, 0): s.f32([value]) + sections[code, 0][4:]}

    for code, name in ((oracle.BIT_SCALES, "bit scale"), (oracle.BIT_OFFSETS, "bit offset")):
        forge_file(with_first(code, float("nan")), f"a {name} that is no number", damage)
    for code, name in ((oracle.FLOATS, "component"), (oracle.CENTRE, "centre")):
        forge_file(with_first(code, 2e15), f"a {name} beyond all", damage)
    text = sections[oracle.MANIFEST, 0].decode()
    step = text.partition('"step":')[2].partition(",")[0]
    forge_file(sections | {(oracle.MANIFEST, 0): text.replace(step, "1e30").encode()}, "a step beyond all", damage)


def forged(suite, known, data, damage):
    """Sound checksums over nonsense."""
    sections = s.read(data)
    text = sections[oracle.MANIFEST, 0].decode()

    def forge(name, changes):
        forge_file(sections | changes, name, damage)

    def manifest(name, old, new):
        if old not in text:
            raise ValueError(old)
        forge(name, {(oracle.MANIFEST, 0): text.replace(old, new).encode()})

    rows, width, items = len(known.rows), known.width, len(known.ids)
    manifest("no JSON", "{", "[")
    manifest("dimension 0", f'"dimension":{width}', '"dimension":0')
    manifest("another dimension", f'"dimension":{width}', f'"dimension":{width + 1}')
    manifest("more rows", f'"rows":{rows}', f'"rows":{rows + 1}')
    manifest("more items than rows", f'"items":{items}', f'"items":{rows + 1}')
    manifest("an unknown kind", '"kind":"exact"', '"kind":"magic"')
    manifest("an unknown metric", '"metric":"l2"', '"metric":"l3"')
    manifest("another storage", '"storage":"f32"', '"storage":"f16"')
    manifest("a step of 0", '"step":', '"step":0,"step_":')
    manifest("a bound below 0", '"error":', '"error":-')
    manifest("levels beyond all", '"levels":0', '"levels":9999')
    for name, value in [("of 0", "0"), ("below 0", "-3.5"), ("beyond all", "1e7"), ("of nothing", "null"), ("as a text", '"2"')]:
        manifest(f"an intrinsic dimension {name}", '"items":', f'"intrinsic_dimension":{value},"items":')
    manifest("m of 0", '"m":16', '"m":0')
    for code, name in ((oracle.ID_OFFSETS, "ids"), (oracle.ROW_STARTS, "row starts"), (oracle.CENTRE, "centre"), (oracle.FLOATS, "vectors"), (oracle.CODES, "codes"), (oracle.SIDES, "sides")):
        forge(f"no {name}", {(code, 0): None})
        forge(f"short {name}", {(code, 0): sections[code, 0][:-4]})
    starts = list(known.starts)
    forge("rows that go back", {(oracle.ROW_STARTS, 0): s.u32([starts[0], starts[2], starts[1], *starts[3:]])})
    forge("an item without rows", {(oracle.ROW_STARTS, 0): s.u32([starts[0], starts[0], *starts[2:]])})
    forge("rows beyond the end", {(oracle.ROW_STARTS, 0): s.u32([*starts[:-1], starts[-1] + 1])})
    floats = sections[oracle.FLOATS, 0]
    for name, value in (("NaN", float("nan")), ("infinity", float("inf"))):
        forge(f"a vector of {name}", {(oracle.FLOATS, 0): s.f32([value]) + floats[4:]})
        forge(f"a centre of {name}", {(oracle.CENTRE, 0): s.f32([value]) + sections[oracle.CENTRE, 0][4:]})
    offsets, joined, slots = s.id_table(known.ids)
    forge("ids that do not ascend", dict(zip([(oracle.ID_OFFSETS, 0), (oracle.ID_BYTES, 0), (oracle.ID_SLOTS, 0)], s.id_table(known.ids[::-1]))))
    forge("slots of nobody", {(oracle.ID_SLOTS, 0): bytes(len(slots))})


def refused():
    indexes = Indexes()
    indexes.add("cosine", WORDS[:5], vectors("refused", 5, 3), None)
    indexes.add("l2", WORDS[:5], vectors("refused", 5, 3), {"metric": "l2"})
    indexes.add("attributes", WORDS[:9], vectors("refused", 9, 3), None, True)
    suite = indexes.suite("vectors_invalid")
    ok = {"ids": ["a", "b"], "vectors": [[1.0, 0.0], [0.0, 1.0]]}

    def build(name, change, code):
        suite.fails(f"build: {name}", "index", {"index": ok | change, "ask": ["describe"]}, code)

    for text in ("NaN", "Infinity", "-Infinity", 1.5e15, -1.5e15, 3.5e38):
        build(f"a value of {text}", {"vectors": [[1.0, text], [0.0, 1.0]]}, "invalid_vector")
    build("a zero vector under the cosine", {"vectors": [[0.0, -0.0], [0.0, 1.0]]}, "invalid_vector")
    build("beyond half floats", {"vectors": [[65505.0, 0.0], [0.0, 1.0]], "options": {"storage": "f16", "metric": "l2"}}, "invalid_vector")
    build("no values", {"vectors": [[], []]}, "invalid_argument")
    build("16,385 values", {"ids": ["a"], "vectors": [[1] * 16385]}, "invalid_argument")
    build("more ids than vectors", {"ids": ["a", "b", "c"]}, "length_mismatch")
    build("more vectors than ids", {"ids": ["a"]}, "length_mismatch")
    build("an empty id", {"ids": ["a", ""]}, "invalid_id")
    build("a long id", {"ids": ["a", "x" * 1025]}, "invalid_id")
    for options in (
        {"metric": "euclid"}, {"metric": 1}, {"kind": "ivf"}, {"storage": "f64"}, {"m": 3}, {"m": 65}, {"m": 16.5}, {"ef_construction": 12},
        {"ef_construction": 4097}, {"m": 64, "ef_construction": 63}, {"ef": 0}, {"ef": 1000001}, {"seed": -1}, {"seed": 0.5}, {"threads": 0},
        {"threads": 1025}, {"memory_mb": 0}, {"dimensions": 2}, {"item_id_type": "float"},
    ):
        build(f"{options}", {"options": options}, "invalid_argument")
    build("beyond the memory", {"ids": list(range(1800)), "vectors": [[1]] * 1800, "options": {"memory_mb": 1, "kind": "hnsw", "m": 64}}, "limit_exceeded")

    def ask(name, code, *question, index="cosine", **more):
        suite.fails(name, "index", {"index": index, "ask": list(question)} | more, code)

    near = {"vector": [1, 2, 3]}
    for options in (
        {"k": 0}, {"k": 1000001}, {"k": 2.5}, {"k": -1}, {"k": "3"}, {"ef": 0}, {"ef": 1000001}, {"exact": 1}, {"min_score": "near"}, {"min_score": 1e39},
        {"diversity": 1.5}, {"diversity": -0.1}, {"k": 10, "candidates": 9}, {"candidates": 1000001}, {"allow": "amber"}, {"trace": "yes"}, {"radius": 1},
    ):
        ask(f"search: {options}", "invalid_argument", "search", near, options)
    ask("search: an empty id", "invalid_id", "search", near, {"deny": [""]})
    ask("search: an unknown operator", "invalid_condition", "search", near, {"filter": {"price": {"$near": 1}}}, index="attributes")
    ask("search: a filter without attributes", "invalid_condition", "search", near, {"filter": {"price": 1}})
    ask("search: a condition without attributes", "invalid_condition", "matching", {"price": 1})
    for name, target, code in (
        ("an unknown item", {"item_id": "nobody"}, "unknown_item"), ("an unknown example", {"positive": ["amber", "nobody"]}, "unknown_item"),
        ("an unknown context", {"context": [["amber", "nobody"]]}, "unknown_item"), ("a short vector", {"vector": [1, 2]}, "invalid_vector"),
        ("a long vector", {"vector": [1, 2, 3, 4]}, "invalid_vector"), ("an empty vector", {"vector": []}, "invalid_vector"),
        ("a vector of NaN", {"vector": [1, "NaN", 3]}, "invalid_vector"), ("a vector of infinity", {"vector": [1, "Infinity", 3]}, "invalid_vector"),
        ("a zero vector", {"vector": [0, 0, 0]}, "invalid_vector"), ("a zero example", {"positive": [[0, 0, 0]]}, "invalid_vector"),
        ("examples that cancel out", {"positive": [[1, 0, 0], [-1, 0, 0]]}, "invalid_vector"), ("no examples", {"positive": []}, "invalid_argument"),
        ("no context", {"context": []}, "invalid_argument"), ("negative examples alone", {"negative": ["amber"]}, "invalid_argument"), ("nothing", {}, "invalid_argument"),
        ("two targets", {"item_id": "amber", "positive": ["birch"]}, "invalid_argument"), ("an unknown strategy", {"positive": ["amber"], "strategy": "mean"}, "invalid_argument"),
        ("half a pair", {"context": [["amber"]]}, "invalid_argument"), ("a target without a context", {"target": "amber"}, "invalid_argument"),
    ):
        ask(f"search: {name}", code, "search", target, {})
    ask("batch: a short vector", "invalid_vector", "search_batch", [[1, 2]], {})
    ask("batch: a zero vector", "invalid_vector", "search_batch", [[1, 2, 3], [0, 0, 0]], {})
    ask("batch: a filter without attributes", "invalid_condition", "search_batch", [[1, 2, 3]], {"filter": {"a": 1}})
    ask("batch: no threads", "invalid_argument", "search_batch", [[1, 2, 3]], {"threads": 0})
    ask("neighbours of all: none", "invalid_argument", "knn_graph", {"k": 0})
    ask("duplicates: no score", "invalid_argument", "duplicates", {})
    ask("duplicates: a score beyond floats", "invalid_argument", "duplicates", {"min_score": 1e39})
    for options in ({"clusters": 0}, {"clusters": 65537}, {"clusters": 6}, {"iterations": 0}, {"iterations": 10001}, {"seed": -1}, {"threads": 0}, {"k": 3}):
        ask(f"cluster: {options}", "invalid_argument", "cluster", options)
    return suite
