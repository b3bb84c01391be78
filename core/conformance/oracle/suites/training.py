"""Training: counts, weights of the graph, whole files."""

import itertools
import pathlib
import random
import re

import profile
import snapshot as s
import spectral
import trainers
from suite import Suite

ROOT = pathlib.Path(__file__).resolve().parents[4]
VERSION = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
# Chosen so that no two neighbours of an item are equally strong, in all the cases below.
BASE = [(user, item) for user, items in {"u": "abd", "v": "acd", "w": "a", "z": "ad"}.items() for item in items]
WEIGHTS = [2, 1, 1, 1, 1, 3, 3, 2, 3]


def suites(models):
    return [training()]


def table(pairs, **more):
    return {"user_id": [u for u, _ in pairs], "item_id": [i for _, i in pairs], **more}


def dense_events(seed, users, items, each, kinds=("view",), weights=(1,), times=(0,)):
    """Random events, with enough variety that no two weights of a row come near each other."""
    dice = random.Random(seed)
    rows = []
    for user in range(users):
        for item in dice.sample(range(items), min(each + user % 3, items)):
            rows.append((f"u{user:02}", f"i{item:02}", dice.choice(kinds), dice.choice(weights), dice.choice(times)))
    user, item, kind, weight, time = map(list, zip(*rows))
    events = {"user_id": user, "item_id": item}
    if kinds != ("view",):
        events["kind"] = kind
    if weights != (1,):
        events["weight"] = weight
    if times != (0,):
        events["timestamp"] = time
    return events


def by(name, **options):
    """Options of training with one trainer."""
    return {"trainer": {"name": name, **options}}


def expected(events, options, catalog=None):
    kinds = spectral.Kinds(options.get("kinds"), options.get("half_life_days"))
    histories, items, counts = spectral.ingest(events, catalog)
    dense = spectral.matrix(histories, items, kinds, options.get("max_user_items", 2048))
    timed = trainers.paths(histories, items, dense, kinds)
    rows = trainers.neighbors(dense, items, options, timed)
    counts |= {"interactions": int((dense > 0).sum()), "edges": sum(map(len, rows.values()))}
    return histories, items, dense, rows, counts


def training():
    suite = Suite("training", source="core/conformance/oracle/spectral.py, trainers.py")

    def add(name, events, options=None, catalog=None):
        options = {"trainer": "spectral"} | (options or {})
        histories, items, _, rows, counts = expected(events, options, catalog)
        given = {"events": events} | ({"catalog": catalog} if catalog else {}) | {"options": options}
        users = list(histories)[:3]
        expect = {
            "item_count": len(items), "user_count": len(histories), "manifest": {"counts": counts},
            "profiles": {u: profile.hexed(histories[u]) for u in users},
            "close": {"neighbors": {
                item: [{"item_id": to, "weight": w} for to, w in row] for item, row in rows.items()
            }, "tol": spectral.TOLERANCE},
        }
        suite.case(name, "model", {"train": given, "neighbors": items, "profiles": users}, expect)

    def search(name, seeds, options=None, **shape):
        """The first seed whose data pins the answer down."""
        for seed in seeds:
            events = dense_events(seed, **shape)
            try:
                add(name, events, options)
                return
            except ValueError:
                continue
        raise ValueError(f"{name}: no seed serves")

    seeds = range(4000)
    add("two items, one user", table([("u", "a"), ("u", "b")]))
    add("four users", table(BASE, weight=WEIGHTS))
    add("an item alone", table([("u", "a"), ("u", "b"), ("v", "c")]))
    search("full rank", seeds, users=12, items=6, each=2)
    search("wide", seeds, users=5, items=9, each=3)
    for alpha in (0, 0.1, 1, 5):
        search(f"alpha {alpha}", seeds, by("spectral", alpha=alpha), users=12, items=6, each=2)
    for exponent in (0, 1, -0.5, 2):
        search(f"popularity exponent {exponent}", seeds, by("spectral", popularity_exponent=exponent), users=12, items=6, each=2)
    for rank in (1, 2, 3):
        search(f"rank {rank}, where there is a gap", seeds, by("spectral", rank=rank, iterations=20), users=14, items=6, each=2)
    for keep in (1, 2):
        search(f"{keep} neighbours", seeds, {"neighbors": keep}, users=12, items=6, each=2)
    search("candidates: joined by filter and by reach", seeds, {"neighbors": 1} | by("spectral", candidates=2), users=16, items=6, each=3)
    search("weights", seeds, users=12, items=6, each=2, weights=(0.25, 1, 2, 3.5))
    search("kinds", seeds, users=12, items=6, each=2, kinds=("view", "save", "book", "dismiss"))
    search("own kinds", seeds, {"kinds": {"peek": 0.125, "view": 3}}, users=12, items=6, each=2, kinds=("view", "peek", "save"))
    search("ratings", seeds, users=14, items=6, each=3, kinds=("rate",), weights=(0, 1, 3, 4, 5))
    days = tuple(int(d * spectral.DAY) for d in (0, 1, 2, 3))
    search("decay by whole half-lives", seeds, {"half_life_days": 1}, users=12, items=6, each=2, times=days)
    search("decay by parts of one", seeds, {"half_life_days": 3}, users=12, items=6, each=2, times=days)
    search("the newest items of each user", seeds, {"max_user_items": 2}, users=14, items=6, each=3, times=tuple(range(0, 90, 7)))
    search("seven iterations and a seed", seeds, {"seed": 12345} | by("spectral", iterations=7), users=12, items=6, each=2)
    search("two threads", seeds, {"threads": 2}, users=12, items=6, each=2)
    counted(suite, add)
    whole_files(suite)
    refused(suite)
    return suite


def counted(suite, add):
    base = BASE
    views = ["view"] * len(base)

    def more(name, pairs, weights, **columns):
        add(name, table(base + pairs, weight=WEIGHTS + weights, **columns))

    more("duplicates are counted", base[:2], WEIGHTS[:2])
    more("one event with two weights", base[:1], [3])
    more("other times are other events", base[:1], [1], timestamp=[*(0 for _ in base), 7])
    more("other kinds are other events", base[:1], [1], kind=[*views, "save"])
    more("dismissed items have no part", [("x", "a"), ("x", "c")], [1, 1], kind=[*views, "dismiss", "view"])
    more("a user who only dismisses", [("x", "a")], [1], kind=[*views, "dislike"])
    catalog = {"items": [{"id": i, "attributes": {}} for i in ("a", "c", "z")]}
    add("items of the catalog come too, and others are counted", table(base, weight=WEIGHTS), catalog=catalog)
    many = [("u", f"i{n}") for n in range(2050)]
    suite.case("a history of 2,050: two are beyond it", "train", {
        "events": table(many, timestamp=list(range(2050))), "options": {"max_user_items": 1},
    }, {"item_count": 2050, "manifest": {"counts": {"events": 2050, "beyond_history": 2, "interactions": 1, "edges": 0}}})
    skipped = {"user_id": ["u", "", "u", "v", "v"], "item_id": ["a", "b", "b", "x" * 1025, "a"],
               "kind": ["view", "view", "view", "view", "moon"], "weight": [1, 1, "NaN", 1, 1]}
    suite.case("skip_invalid leaves bad rows out, and nothing of them stays", "model", {
        "train": {"events": skipped, "options": {"skip_invalid": True}}, "neighbors": ["a", "b"], "profiles": ["u", "v"],
    }, {
        "item_count": 1, "user_count": 1, "neighbors": {"a": [], "b": None},
        "profiles": {"u": profile.hexed([(0, "a", "view", 1.0)]), "v": None},
        "manifest": {"counts": {"events": 5, "rejected": 4, "users": 1, "items": 1}},
    })
    suite.fails("without skip_invalid a bad row is an error", "train", {"events": skipped}, "invalid_id")
    suite.case("manifest: the options that were used", "train", {
        "events": table(base), "options": {"neighbors": 7, "seed": 9, "half_life_days": 2.5, "max_history_items": 5, "threads": 2} | by("spectral", rank=3, alpha=0.25),
    }, {"manifest": {
        "options": {"neighbors": 7, "trainer": trainers.plan({"name": "spectral", "rank": 3, "alpha": 0.25}), "seed": 9, "half_life_days": 2.5, "keep_profiles": True, "skip_invalid": False},
        "half_life_ms": 2.5 * 86_400_000, "max_history_items": 5, "version": VERSION, "library": "tastemaker",
    }})
    suite.case("keep_profiles false: no histories", "model", {
        "train": {"events": table(base), "options": {"keep_profiles": False}}, "profiles": ["u"],
    }, {"user_count": 0, "item_count": 4, "profiles": {"u": None}, "manifest": {"profiles": None}})
    suite.case("unlisted items are not recommended", "recommend", {
        "train": {"events": table(base, weight=WEIGHTS), "catalog": catalog}, "request": {"k": 9},
    }, {"items": [{"item_id": i} for i in "acz"]})
    suite.case("unlisted items are recommended where that is asked for", "recommend", {
        "train": {"events": table(base, weight=WEIGHTS), "catalog": catalog, "options": {"recommend_unlisted": True}}, "request": {"k": 9},
    }, {"items": [{"item_id": i} for i in "adbcz"]})


DEFAULT_OPTIONS = {
    "neighbors": 100, "trainer": "spectral", "popularity_exponent": 0.0, "seed": 0, "half_life_days": None, "keep_profiles": True, "updatable": False, "recommend_unlisted": False, "skip_invalid": False,
    "max_user_items": 2048, "max_history_items": None,
}


def whole_files(suite):
    """Files that are known to the last byte, because every number in them is exact."""
    def add(name, events, catalog=None, options=None, graph=None, popularity=None, columns=None):
        options = options or {}
        histories, items, counts = spectral.ingest(events, catalog)
        listed = {item["id"] for item in (catalog or {}).get("items", [])}
        known = s.Description(items=items)
        weights = [w for row in (graph or {}).values() for w in row.values()]
        scale = 0
        if weights:
            scale = 64
            while max(weights) * 2.0**scale > 65535:
                scale -= 1
        known.graph = {a: {b: int(w * 2**scale) for b, w in row.items()} for a, row in (graph or {}).items()}
        known.scale, known.popularity, known.columns = scale, popularity or {}, columns or {}
        known.inactive = set(items) - listed if catalog else set()
        known.histories = {u: [e for e in h] for u, h in histories.items()}
        used = DEFAULT_OPTIONS | options
        used["trainer"] = trainers.plan(used["trainer"])
        dense = spectral.matrix(histories, items, spectral.Kinds())
        known.manifest = {
            "version": VERSION, "options": used, "graph": {"scale": scale},
            **({"max_history_items": options["max_history_items"]} if "max_history_items" in options else {}),
            "item_id_type": options.get("item_id_type", "string"), "user_id_type": options.get("user_id_type", "string"),
            "counts": counts | {"rejected": 0, "interactions": int((dense > 0).sum()), "edges": len(weights)},
        }
        data = s.write(known)
        given = {"events": events} | ({"catalog": catalog} if catalog else {}) | {"options": {"trainer": "spectral"} | options | {"item_id_type": "string", "user_id_type": "string"}}
        suite.case(f"to the last byte: {name}", "train", given, {"hash": s.model_hash(data), "item_count": len(items)})

    # Float options are written as the library writes them: 1 as 1.0.
    add("nobody shares an item", table([("u", "a"), ("v", "b"), ("w", "ü")]), popularity={"a": 1, "b": 1, "ü": 1})
    add("three items of a history count", table([("u", "a"), ("v", "b"), ("w", "ü")]), options={"max_history_items": 3}, popularity={"a": 1, "b": 1, "ü": 1})
    add("events with kinds, weights and times", table(
        [("u", "a"), ("v", "b"), ("v", "b")], kind=["save", "view", "dismiss"], weight=[0.5, 2, 1], timestamp=[-5, 0, 7],
    ), popularity={"a": 1, "b": 1})
    add("a catalog alone", {"user_id": [], "item_id": []}, {
        "schema": {"t": "time"},
        "items": [{"id": "x", "attributes": {"n": 1.5, "w": ["b", "a", "b"], "o": True}}, {"id": "é", "attributes": {"t": -1, "s": "日本", "p": {"lat": 1, "lon": -2}}}],
    }, columns={
        "n": ("number", {"x": 1.5}), "w": ("tags", {"x": ["b", "a", "b"]}), "o": ("bool", {"x": True}), "t": ("time", {"é": -1.0}),
        "s": ("text", {"é": "日本"}), "p": ("place", {"é": (1.0, -2.0)}),
    })
    # Four items a user and four users an item: g = 4 · 1/4 · 1/4, exact in float32 in any order.
    pairs = list(itertools.product("uvwx", "abcd"))
    graph = {a: {b: 0.25 for b in "abcd" if b != a} for a in "abcd"}
    add("four users with the same four items", table(pairs), options=by("spectral", alpha=0.0, popularity_exponent=0.0),
        graph=graph, popularity=dict.fromkeys("abcd", 4))


def refused(suite):
    events = table([("u", "a"), ("u", "b")])
    for options in (
        {"neighbors": 0}, {"neighbors": 4097}, {"neighbors": 1.5}, {"neighbors": -1}, {"rank": 3}, {"popularity_exponent": 2.5}, {"popularity_exponent": -3}, {"popularity_exponent": "low"}, {"seed": -1}, {"seed": 0.5}, {"half_life_days": 0},
        {"half_life_days": -1}, {"half_life_days": 1e7}, {"max_user_items": 0}, {"max_user_items": 2049}, {"max_history_items": 0}, {"max_history_items": 2049}, {"max_history_items": 1.5}, {"max_history_items": "all"}, {"threads": 0},
        {"memory_mb": 0}, {"memory_mb": -5}, {"memory_mb": 2.5}, {"memory_mb": 2_000_000_000}, {"memory_mb": "64"},
        {"threads": 1025}, {"neighbours": 5}, {"kinds": {"view": None}}, {"kinds": {"view": 1e7}}, {"kinds": {"view": {"scale": 0}}},
        {"kinds": {"view": {"wait": 1}}}, {"kinds": ["view"]}, {"item_id_type": "uuid"}, {"user_id_type": ""},
    ):
        suite.fails(f"option refused: {options}", "train", {"events": events, "options": options}, "invalid_argument")
    suite.fails("option refused: 256 kinds", "train", {"events": events, "options": {"kinds": {f"k{i}": 1 for i in range(256)}}}, "invalid_argument")
    # Whatever the events: no training fits into one megabyte.
    for trainer in ("auto", "ridge", ["cooccurrence", "sequence"]):
        given = {"events": events, "options": {"memory_mb": 1, "trainer": trainer}}
        suite.fails(f"no memory for {trainer}", "train", given, "limit_exceeded")
    for name in ("", "k" * 65):
        suite.fails(f"option refused: a kind of {len(name)} bytes", "train", {"events": events, "options": {"kinds": {name: 1}}}, "unknown_kind")
    suite.fails("no events and no catalog", "train", {"events": {"user_id": [], "item_id": []}}, "invalid_argument")
    suite.fails("no events and an empty catalog", "train", {"events": {"user_id": [], "item_id": []}, "catalog": {"items": []}}, "invalid_argument")
    for name in ("item_id", "kind", "weight", "timestamp"):
        for value in ([], ["a"], ["a", "b", "c"]):
            if name in ("weight", "timestamp"):
                value = [1] * len(value)
            suite.fails(f"{len(value)} rows of {name} beside 2", "train", {"events": events | {name: value}}, "length_mismatch")
    for weight in ("NaN", "Infinity", "-Infinity", 1000001, -1e300):
        suite.fails(f"weight {weight}", "train", {"events": events | {"weight": [1, weight]}}, "invalid_weight")
    for time in (-62135596800001, 253402300800000):
        suite.fails(f"time {time}", "train", {"events": events | {"timestamp": [0, time]}}, "invalid_timestamp")
    for kind in ("teleport", "", "View"):
        suite.fails(f"kind {kind!r}", "train", {"events": events | {"kind": ["view", kind]}}, "unknown_kind")
    suite.fails("an item twice in the catalog", "train", {
        "events": events, "catalog": {"items": [{"id": "a", "attributes": {}}, {"id": "a", "attributes": {}}]},
    }, "duplicate_item")
