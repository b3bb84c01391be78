"""Recommendations from hand-made snapshots: exact scores, order, labels, reasons."""

import itertools

import serve
from suite import Suite

FILTERS = {
    "cheap": ({"price": {"$lt": 1000}}, lambda a: a.get("price", 0) < 1000),
    "price from 1200": ({"price": {"$gte": 1200}}, lambda a: a.get("price", 0) >= 1200),
    "rustic": ({"styles": {"$in": ["rustic"]}}, lambda a: "rustic" in a.get("styles", [])),
    "has no styles attribute": ({"styles": {"$exists": False}}, lambda a: "styles" not in a),
    "two styles": ({"styles": {"$size": 2}}, lambda a: len(a.get("styles", [])) == 2),
    "open": ({"open": True}, lambda a: a.get("open") is True),
    "closed, not unknown": ({"open": False}, lambda a: a.get("open") is False),
    "since 1970": ({"since": {"$gte": 0, "$exists": True}}, lambda a: a.get("since", -1) >= 0),
    "old by title": ({"title": {"$regex": "^Old"}}, lambda a: a.get("title", "").startswith("Old")),
    "title by text": ({"title": "緑の庭"}, lambda a: a.get("title") == "緑の庭"),
    "northern": ({"place.lat": {"$gt": 1}}, lambda a: a.get("place", {}).get("lat", 0) > 1),
    "or and not": (
        {"$or": [{"price": {"$gt": 5000}}, {"$not": {"styles": {"$exists": True}}}]},
        lambda a: a.get("price", 0) > 5000 or "styles" not in a,
    ),
    "nothing": ({"price": {"$gt": 1e9}}, lambda a: False),
    "everything": ({}, lambda a: True),
    "an attribute that no item has": ({"colour": None}, lambda a: True),
}


class Builder:
    def __init__(self, suite, models):
        self.suite, self.models = suite, models

    def add(self, name, request, snapshot="small", filter=None, record=None):
        """`record` are (user, event) pairs for the engine; the request's user answers."""
        matches = None
        if filter:
            condition, matches = FILTERS[filter]
            request = request | {"filter": condition}
        given = {"snapshot": f"snapshots/{snapshot}.tm"}
        recorded = []
        if record:
            given["record"] = [{"user_id": user, **event} for user, event in record]
            recorded = [serve.profiles.event(e) for user, e in record if user == request.get("user_id")]
        expect = serve.answer(self.models[snapshot], request, recorded, matches)
        self.suite.case(name, "recommend", given | {"request": request}, expect)


def view(item, **more):
    return {"item_id": item, **more}


def suites(models):
    suite = Suite("recommend", source="core/conformance/oracle/serve.py")
    add = Builder(suite, models).add
    users = ["ann", "bob", "cat", "eve", "fay", "gil", "hal", "ida"]
    for user in users:
        add(f"{user}: default", {"user_id": user})
        add(f"{user}: explained", {"user_id": user, "explain": True, "k": 20})
        add(f"{user}: seen items too", {"user_id": user, "exclude_seen": False, "explain": True, "k": 12})
        add(f"{user}: first three", {"user_id": user, "k": 3})
    for k in (1, 2, 5, 10, 11, 12, 13, 1000, 4294967295):
        add(f"k = {k}, known user", {"user_id": "ann", "k": k})
        add(f"k = {k}, unknown user", {"user_id": "nobody", "k": k})
    add("nobody at all gets the popular items", {})
    add("an empty history", {"history": [], "k": 3})
    add("nulls are absent", {
        "user_id": None, "history": None, "now": None, "filter": None, "allow": None, "deny": None,
        "k": None, "exclude_seen": None, "explain": None, "trace": None,
    } | {"k": 4})
    for name in FILTERS:
        add(f"filter: {name}, ann", {"user_id": "ann", "k": 12, "explain": True}, filter=name)
        add(f"filter: {name}, popular", {"k": 12}, filter=name)
        add(f"filter: {name}, against", {"user_id": "fay", "k": 12}, filter=name)
    lists(add)
    histories(add)
    record(add)
    trace(add)
    other_models(add, models)
    edges = Suite("edges", source="core/conformance/oracle/snapshot.py: edge")
    edge_cases(edges, models)
    batches = Suite("batches", source="core/conformance/oracle/serve.py: batch")
    batch_cases(batches, models)
    return [suite, edges, batches]


def lists(add):
    ann = {"user_id": "ann", "k": 12}
    add("allow: only these, in the order of the ranking", ann | {"allow": ["pier", "loft", "castle"]})
    add("allow: nothing", ann | {"allow": []})
    add("allow: repeats count once", ann | {"allow": ["loft", "loft", "loft"]})
    add("allow: a seen item stays out", ann | {"allow": ["barn", "loft"]})
    add("allow: a seen item comes with exclude_seen false", ann | {"allow": ["barn", "loft"], "exclude_seen": False})
    add("allow: an inactive item stays out", ann | {"allow": ["vault", "loft"]})
    add("allow: unknown ids are ignored", ann | {"allow": ["loft", "moon", "sun", "moon"]})
    add("allow: only unknown ids", ann | {"allow": ["moon"]})
    add("deny: the best", ann | {"deny": ["orchard"]})
    add("deny: popular items stay out of the top-up", {"k": 12, "deny": ["barn", "castle"]})
    add("deny: items that are pushed away", {"user_id": "fay", "k": 12, "deny": ["mill", "hall"]})
    add("deny: everything", ann | {"deny": "barn castle chapel garden hall loft manor mill orchard pier tower vault".split()})
    add("deny: unknown ids are ignored", ann | {"deny": ["moon", "orchard", "sun"]})
    add("deny wins over allow", ann | {"allow": ["loft", "pier"], "deny": ["loft"]})
    add("allow, deny and filter together", ann | {"allow": ["loft", "pier", "hall", "castle"], "deny": ["pier"]}, filter="cheap")
    add("ids of lists and history are reported once, in order of their bytes", {
        "history": [view("Z"), view("a"), view("Z", timestamp=5)], "allow": ["ä", "Z", "loft"], "deny": ["a", "B"],
    })
    add("an empty id in a list is unknown", ann | {"deny": [""]})
    add("allow fills up with popular and pushed-away items", {
        "history": [view("barn"), view("castle", kind="dislike")], "allow": ["mill", "manor", "pier", "tower"],
        "k": 4, "explain": True,
    })


def histories(add):
    barn_mill = [view("barn", timestamp=1000), view("mill", kind="save", timestamp=2000)]
    add("a history in the request equals the same in the store (see ann: default)", {"history": barn_mill})
    add("the order of a history does not matter", {"history": barn_mill[::-1]})
    add("an event twice counts once", {"history": barn_mill + barn_mill})
    add("of two weights for one event the larger one counts", {
        "history": [view("barn", weight=0.5), view("barn", weight=2), view("barn", weight=1), view("castle")],
        "explain": True,
    })
    add("of two negative weights the larger one counts", {
        "history": [view("barn", weight=-3), view("barn", weight=-1), view("castle")], "explain": True,
    })
    add("stored and given histories are joined", {"user_id": "ann", "history": [view("castle")], "explain": True})
    add("a given event that is stored already changes nothing", {"user_id": "ann", "history": barn_mill[:1]})
    add("a given event with a larger weight wins over the stored one", {
        "user_id": "ann", "history": [view("barn", timestamp=1000, weight=3)], "explain": True,
    })
    add("the history of an unknown user is the given one", {"user_id": "nobody", "history": [view("castle")]})
    add("unknown items are ignored and reported", {"history": [view("moon"), view("barn"), view("")] [:2] + [view("sun")]})
    add("only unknown items: popular", {"history": [view("moon")], "k": 3, "trace": True})
    add("a weight of 0: seen, and no more", {"history": [view("barn", weight=0)], "k": 12})
    add("a negative zero is a zero", {"history": [view("barn", weight=-0.0), view("castle")], "k": 12, "explain": True})
    add("a negative weight of a positive kind pushes away", {"history": [view("barn", weight=-1)], "k": 12})
    add("a negative weight of a negative kind is for the item", {
        "history": [view("barn", kind="dislike", weight=-1)], "k": 12, "exclude_seen": False, "explain": True,
    })
    add("dismissed items stay out although seen ones come", {
        "history": [view("barn", kind="dismiss"), view("castle")], "exclude_seen": False, "k": 12,
    })
    add("viewed twice and dismissed once", {
        "history": [view("barn"), view("barn", timestamp=1), view("barn", kind="dismiss", timestamp=2)],
        "exclude_seen": False, "k": 12, "explain": True,
    })
    add("one item's evidence is bounded for it", {"history": [view("barn", kind="book", weight=1e6), view("castle")], "explain": True})
    add("one item's evidence is bounded against it", {
        "history": [view("barn", kind="dislike", weight=1e6), view("castle", kind="book", weight=100)], "explain": True, "k": 12,
    })
    add("parts that cancel exactly: popular, with both reasons", {
        "history": [view("chapel"), view("castle", kind="dismiss", weight=0.8)], "explain": True, "k": 12,
    })
    add("equal scores: lower index first", {"history": [view("castle"), view("mill")], "k": 12})
    add("a tiny weight", {"history": [view("barn", weight=1e-30)], "explain": True, "k": 3})
    add("a weight that is no f32 is rounded to one", {"history": [view("barn", weight=0.1), view("castle", weight=0.3)], "explain": True})
    add("weights far apart: the small one is lost", {
        "history": [view("barn", kind="book"), view("castle", weight=1e-6)], "explain": True, "k": 12,
    })
    add("a rating of 2.5 says nothing", {"history": [view("barn", kind="rate", weight=2.5)], "k": 12})
    add("a rating of 0 pushes away", {"history": [view("barn", kind="rate", weight=0)], "k": 12, "explain": True})
    items = ["barn", "castle", "loft"]
    for n, halves in ((1, 65532), (1, 65533), (1, 65534), (2, 65532), (2, 65533), (3, 65530), (3, 65531), (3, 65532)):
        # At 2^14 the sum is this many halves, and the room 32767 less half of the items, rounded up.
        rest = [view(name, weight=0.25) for name in items[1:n]]
        first = view("barn", weight=halves / 32768 - 0.25 * len(rest))
        add(f"the budget: {n} items, {halves / 2} at 2^14", {"history": [first, *rest], "explain": True, "k": 4})
    for kind in ("view", "click", "like", "save", "share", "inquire", "purchase", "book", "dismiss", "dislike", "rate"):
        add(f"kind {kind} beside a view", {"history": [view("barn", kind=kind), view("castle")], "explain": True, "k": 12})
    add("3,000 events: the newest 2,048 count", {
        "history": [view("castle", timestamp=i) for i in range(3)] + [view("barn", timestamp=10 + i) for i in range(2048)],
        "explain": True, "k": 12,
    })
    add("all items in the history", {"history": [view(i) for i in ("barn castle chapel garden hall loft manor mill orchard pier tower vault").split()]})
    add("the inactive item speaks for others", {"history": [view("vault")], "k": 2, "explain": True})
    add("times at both ends of the range", {
        "history": [view("barn", timestamp=-62135596800000), view("castle", timestamp=253402300799999)], "now": 253402300799999,
    })


def record(add):
    add("a recorded event shows in the next answer", {"user_id": "new", "explain": True}, record=[("new", view("barn", kind="save"))])
    add("a recorded event joins the training history", {"user_id": "ann", "explain": True}, record=[("ann", view("castle", kind="book", timestamp=9))])
    add("another user's events do not show", {"user_id": "ann"}, record=[("bob", view("loft", kind="book")), ("new", view("loft", kind="book"))])
    add("out of order arrival", {"user_id": "new"}, record=[("new", view("mill", kind="save", timestamp=2000)), ("new", view("barn", kind="view", timestamp=1000))])
    add("delivered twice", {"user_id": "new"}, record=[("new", view("barn", kind="view"))] * 3)
    add("recorded and given histories are joined", {"user_id": "new", "history": [view("castle")], "explain": True}, record=[("new", view("barn", kind="view"))])
    add("an unknown item is kept and ignored", {"user_id": "new"}, record=[("new", view("moon", kind="view")), ("new", view("barn", kind="view"))])
    add("a dismissal takes an item out", {"user_id": "ann", "k": 3}, record=[("ann", view("orchard", kind="dismiss", timestamp=5000))])
    add("a dismissal takes a popular item out of the top-up", {"user_id": "new", "k": 3}, record=[("new", view("barn", kind="dismiss", timestamp=5000))])
    add("no user in the request: recorded events do not show", {"k": 3}, record=[("new", view("barn", kind="view"))])


def trace(add):
    for user in ("ann", "fay", "eve", "nobody"):
        for k in (2, 12, 50):
            add(f"trace: {user}, k = {k}", {"user_id": user, "k": k, "trace": True})
    add("trace: with unknown items and a filter", {
        "history": [view("barn"), view("moon"), view("moon", timestamp=3)], "k": 12, "trace": True, "allow": ["loft", "hall", "pier"],
    }, filter="cheap")


def other_models(add, models):
    for snapshot in ("extreme-high", "extreme-low"):
        add(f"{snapshot}: the largest weights", {"user_id": "u", "explain": True, "exclude_seen": False}, snapshot)
        add(f"{snapshot}: a full budget", {
            "history": [view(i, kind="book", weight=5) for i in "pqr"], "explain": True, "exclude_seen": False,
        }, snapshot)
        add(f"{snapshot}: a full budget against", {
            "history": [view(i, kind="dislike", weight=5) for i in "pqr"], "explain": True, "exclude_seen": False,
        }, snapshot)
    for request in ({"user_id": "u"}, {"user_id": "u", "exclude_seen": False}, {"k": 5}, {"history": [view("x")]}):
        add(f"one item: {request}", request, "one")
    for request in ({}, {"user_id": "u", "k": 3}, {"history": [view("x")], "trace": True}):
        add(f"no items: {request}", request, "empty")
    for n, (user, k) in enumerate(itertools.product(sorted(models["large"].histories)[:24], (7, 190))):
        if n % 2 == n // 2 % 2:
            add(f"200 items: {user}, k = {k}", {"user_id": user, "k": k, "explain": k == 7}, "large")
    for n, user in enumerate(sorted(models["limited"].histories)[:20]):
        add(f"seven items count: {user}", {"user_id": user, "k": 9, "explain": True, "exclude_seen": n % 3 > 0, "trace": n % 2 > 0}, "limited")
    for request in ({"user_id": "u01", "history": [view("i003", timestamp=9), view("i004", timestamp=9, kind="dismiss")]}, {"history": [view("i003")] * 9}):
        add(f"seven items count: {request}", request | {"explain": True}, "limited")
    for user in ("old", "one", "mix"):
        add(f"two items count: {user}", {"user_id": user, "k": 6, "explain": True, "exclude_seen": False}, "decay-limited")
    # The third newest item does not count, and what was dismissed stays out.
    add("two items count: one that was dismissed", {
        "history": [view("a", timestamp=0, kind="dislike"), view("b", timestamp=5 * 86_400_000), view("c", timestamp=5 * 86_400_000, kind="save")], "explain": True, "exclude_seen": False,
    }, "decay-limited")


def edge_cases(suite, models):
    import fixtures
    import snapshot

    for name in ("small", "decay", "unicode", "large", "limited", "one", "empty"):
        for options in ({}, {"neighbors": 1}, {"neighbors": 2, "attributes": []}, {"attributes": ["price" if name == "small" else "n"]}):
            if name not in ("small", "large", "limited") and options not in ({}, {"neighbors": 1}):
                continue
            data = snapshot.edge(snapshot.write(fixtures.MODELS[name]()), **options)
            model = snapshot.parse(data)
            given = {"snapshot": f"snapshots/{name}.tm", "edge": options}
            suite.case(f"{name} {options}: the file", "model", given | {"profiles": ["ann"], "attributes": model.ids[:2]}, {
                "item_count": len(model.ids), "user_count": 0, "hash": snapshot.model_hash(data), "profiles": {"ann": None},
                "attributes": {i: a for i, a in zip(model.ids[:2], model.attributes)},
            })
            if name in ("small", "large", "limited"):
                item = "barn" if name == "small" else "i001"
                request = {"user_id": "ann", "history": [view(item), view("castle", kind="save")], "explain": True, "k": 5}
                if name == "limited":
                    request["history"] += [view(i) for i in model.ids[::9]]
                suite.case(f"{name} {options}: an answer", "recommend", given | {"request": request}, serve.answer(model, request))
    for options, code in (
        ({"neighbors": 0}, "invalid_argument"), ({"neighbors": 4097}, "invalid_argument"),
        ({"neighbors": 1.5}, "invalid_argument"), ({"neighbors": -1}, "invalid_argument"),
        ({"neighbours": 3}, "invalid_argument"), ({"attributes": "title"}, "invalid_argument"),
        ({"attributes": ["title", "no such attribute"]}, "invalid_argument"),
    ):
        suite.fails(f"refused: {options}", "model", {"snapshot": "snapshots/small.tm", "edge": options}, code)


def batch_cases(suite, models):
    def add(name, users, options, snapshot="small", matches=None, **twin):
        given = {"snapshot": f"snapshots/{snapshot}.tm", "users": users, "options": options}
        suite.case(name, "batch", given, serve.batch(models[snapshot], users, matches=matches, **twin))

    everyone = sorted(models["small"].histories)
    add("everyone, defaults", everyone, {})
    add("no users", [], {})
    add("users twice and in any order", ["bob", "ann", "bob", "nobody", "ann"], {"k": 3}, k=3)
    add("unknown users get popular items", ["nobody", "no one"], {"k": 4}, k=4)
    add("seen items too", everyone, {"k": 12, "exclude_seen": False}, k=12, exclude_seen=False)
    add("the baseline", everyone, {"k": 5, "baseline": True}, k=5, baseline=True)
    for threads in (1, 2, 7):
        add(f"{threads} threads", everyone * 50, {"k": 2, "threads": threads}, k=2)
    for name in ("cheap", "rustic", "nothing"):
        condition, matches = FILTERS[name]
        add(f"filter: {name}", everyone, {"k": 12, "filter": condition}, matches=matches, k=12)
    crowd = sorted(models["large"].histories)
    add("200 items, 40 users", crowd, {"k": 9}, "large", k=9)
    add("seven items count", sorted(models["limited"].histories), {"k": 9}, "limited", k=9)
    add("200 items, the baseline", crowd, {"k": 9, "baseline": True}, "large", k=9, baseline=True)
    add("decay at a time", ["old", "one", "mix"], {"now": 864_000_000 * 2, "k": 6}, "decay", k=6, now=864_000_000 * 2)
    add("decay from the newest event", ["old", "one", "mix"], {"k": 6}, "decay", k=6)
    small = {"snapshot": "snapshots/small.tm", "users": ["ann"]}
    for options, code in (
        ({"k": 0}, "invalid_argument"), ({"k": -1}, "invalid_argument"), ({"k": 2.5}, "invalid_argument"),
        ({"threads": 0}, "invalid_argument"), ({"threads": 1025}, "invalid_argument"),
        ({"filter": {"price": {"$gtt": 1}}}, "invalid_condition"), ({"now": 253402300800000}, "invalid_timestamp"),
    ):
        suite.fails(f"refused: {options}", "batch", small | {"options": options}, code)
    suite.fails("refused: an empty user id", "batch", small | {"users": ["ann", ""], "options": {}}, "invalid_id")
    suite.fails("refused: a user id of 1,025 bytes", "batch", small | {"users": ["u" * 1025], "options": {}}, "invalid_id")
