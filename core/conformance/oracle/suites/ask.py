"""The other questions: items like these, scores of candidates, groups, users alike."""

import ask
import serve
from suite import Suite
from suites.recommend import FILTERS

VENUES = "barn castle chapel garden hall loft manor mill orchard pier tower vault".split()
USERS = ["ann", "bob", "cat", "eve", "fay", "gil", "hal", "ida"]
LONG = "a" * 1025
SMALL = {"snapshot": "snapshots/small.tm"}


def suites(models):
    return [similar(models), score(models), group(models), users(models)]


def view(item, **more):
    return {"item_id": item, **more}


def source(snapshot, record):
    given = {"snapshot": f"snapshots/{snapshot}.tm"}
    if record:
        given["record"] = [{"user_id": user, **event} for user, event in record]
    recorded = {}
    for user, event in record or []:
        recorded.setdefault(user, []).append(serve.profiles.event(event))
    return given, recorded


def filtered(request, name):
    if name is None:
        return request, None
    condition, matches = FILTERS[name]
    return request | {"filter": condition}, matches


def refused(suite, op, cases):
    for name, request, code in cases:
        suite.fails(f"refused: {name}", op, SMALL | {"request": request}, code)


def limits_refused(base):
    """What every question with limits refuses, beside a valid `base`."""
    return [
        ("k = 0", base | {"k": 0}, "invalid_argument"), ("k = -1", base | {"k": -1}, "invalid_argument"),
        ("k = 1.5", base | {"k": 1.5}, "invalid_argument"), ("k = 2^32", base | {"k": 2**32}, "invalid_argument"),
        ("an unknown operator", base | {"filter": {"price": {"$gtt": 1}}}, "invalid_condition"),
        ("a filter that is a number", base | {"filter": 5}, "invalid_condition"),
        ("an unknown name", base | {"filters": {}}, "invalid_argument"),
    ]


def history_refused(base):
    """What every question with a user and a history refuses."""
    return [
        ("an empty user", base | {"user_id": ""}, "invalid_id"), ("a long user", base | {"user_id": LONG}, "invalid_id"),
        ("a history without an item", base | {"history": [{"kind": "view"}]}, "invalid_id"),
        ("a history of an unknown kind", base | {"history": [view("barn"), view("mill", kind="moon")]}, "unknown_kind"),
        ("a history with a weight of null", base | {"history": [view("barn", weight=None)]}, "invalid_weight"),
        ("a history with a large weight", base | {"history": [view("barn", weight=1e7)]}, "invalid_weight"),
        ("a history from too early", base | {"history": [view("barn", timestamp=-62135596800001)]}, "invalid_timestamp"),
    ]


def similar(models):
    suite = Suite("similar_items", source="core/conformance/oracle/ask.py: similar")

    def add(name, request, snapshot="small", filter=None):
        request, matches = filtered(request, filter)
        given, _ = source(snapshot, None)
        suite.case(name, "similar_items", given | {"request": request}, ask.similar(models[snapshot], request, matches))

    for item in VENUES:
        add(f"like {item}", {"item_id": item})
        add(f"like {item}, explained", {"item_id": item, "k": 12, "explain": True})
    add("the list of one is the one", {"item_ids": ["barn"], "k": 12, "explain": True})
    add("two items", {"item_ids": ["barn", "castle"], "k": 12, "explain": True})
    add("the order does not matter", {"item_ids": ["castle", "barn"], "k": 12, "explain": True})
    add("an item twice counts once", {"item_ids": ["castle", "barn", "castle"], "k": 12, "explain": True})
    add("three items", {"item_ids": ["loft", "mill", "hall"], "k": 4, "explain": True})
    add("all items", {"item_ids": VENUES})
    for k in (1, 2, 11, 12, 4294967295):
        add(f"k = {k}", {"item_id": "manor", "k": k})
    add("an unknown item: popular ones", {"item_id": "moon", "k": 3, "explain": True})
    add("known and unknown items", {"item_ids": ["moon", "barn", "sun", "moon"], "k": 3, "explain": True})
    add("ids that the model does not have, in order of their bytes", {
        "item_ids": ["Z", "a", "barn"], "allow": ["ä", "Z", "loft"], "deny": ["a", "B"],
    })
    add("nulls are absent", {
        "item_id": "barn", "item_ids": None, "k": 4, "filter": None, "allow": None, "deny": None, "explain": None, "trace": None,
    })
    for name in FILTERS:
        add(f"filter: {name}", {"item_id": "barn", "k": 12}, filter=name)
    add("allow", {"item_id": "barn", "allow": ["pier", "loft", "castle", "barn"], "k": 12})
    add("allow nothing", {"item_id": "barn", "allow": []})
    add("allow the item itself only", {"item_id": "barn", "allow": ["barn"]})
    add("deny", {"item_id": "barn", "deny": ["mill", "garden", "moon"], "k": 12})
    add("deny wins over allow", {"item_id": "barn", "allow": ["loft", "mill"], "deny": ["mill"], "k": 12})
    add("an inactive item has similar ones", {"item_id": "vault", "k": 2, "explain": True})
    for k in (2, 12, 50):
        add(f"trace: k = {k}", {"item_ids": ["barn", "moon"], "k": k, "trace": True}, filter="cheap")
    add("trace: unknown", {"item_id": "moon", "k": 2, "trace": True})
    add("decay does not count", {"item_ids": ["a", "f"], "explain": True}, "decay")
    for snapshot in ("extreme-high", "extreme-low"):
        add(f"{snapshot}: the largest weights", {"item_ids": ["p", "q"], "explain": True}, snapshot)
    add("one item", {"item_id": "only"}, "one")
    add("no items", {"item_id": "only", "trace": True}, "empty")
    for count in (1, 3, 40, 160):
        for k in (5, 150):
            ids = [f"i{n * 7 % 200:03}" for n in range(count)]
            add(f"200 items: {count} of them, k = {k}", {"item_ids": ids, "k": k, "explain": k == 5}, "large")
    refused(suite, "similar_items", [
        ("no item", {}, "invalid_argument"), ("no items", {"item_ids": []}, "invalid_argument"),
        ("neither", {"item_id": None, "item_ids": None}, "invalid_argument"),
        ("both", {"item_id": "barn", "item_ids": ["mill"]}, "invalid_argument"),
        ("an empty id", {"item_id": ""}, "invalid_id"), ("a long id", {"item_id": LONG}, "invalid_id"),
        ("an empty id in a list", {"item_ids": ["barn", ""]}, "invalid_id"),
        ("a long id in a list", {"item_ids": ["barn", LONG]}, "invalid_id"),
        ("2,049 items", {"item_ids": [f"i{n}" for n in range(2049)]}, "invalid_argument"),
        ("a user", {"item_id": "barn", "user_id": "ann"}, "invalid_argument"),
        *limits_refused({"item_id": "barn"}),
    ])
    add("2,048 items, one of them known", {"item_ids": ["barn"] + [f"i{n}" for n in range(2047)], "k": 2})
    return suite


def score(models):
    suite = Suite("score_items", source="core/conformance/oracle/ask.py: score")

    def add(name, request, snapshot="small", record=None):
        given, recorded = source(snapshot, record)
        expect = ask.score(models[snapshot], request, recorded.get(request.get("user_id"), ()))
        suite.case(name, "score_items", given | {"request": request}, expect)

    for user in [*USERS, "nobody"]:
        add(f"{user}: every item", {"user_id": user, "item_ids": VENUES})
        add(f"{user}: explained", {"user_id": user, "item_ids": VENUES[::-1], "explain": True})
    add("one candidate", {"user_id": "ann", "item_ids": ["orchard"], "explain": True})
    add("the order given, and repeats", {"user_id": "ann", "item_ids": ["pier", "orchard", "pier", "barn", "orchard"]})
    add("unknown candidates", {"user_id": "ann", "item_ids": ["moon", "orchard", "", LONG], "explain": True})
    add("no candidates", {"user_id": "ann", "item_ids": []})
    add("no candidates, an unknown item in the history", {"history": [view("moon")], "item_ids": []})
    add("nobody", {"item_ids": ["barn", "moon"], "explain": True})
    add("a history", {"history": [view("barn"), view("mill", kind="save")], "item_ids": VENUES, "explain": True})
    add("an empty history", {"history": [], "item_ids": VENUES})
    add("stored and given histories are joined", {"user_id": "ann", "history": [view("castle")], "item_ids": VENUES})
    add("recorded events count", {"user_id": "new", "item_ids": VENUES, "explain": True}, record=[("new", view("barn", kind="book"))])
    add("unknown items of the history", {"history": [view("sun"), view("barn"), view("moon")], "item_ids": ["mill", "moon"]})
    add("a dismissed item has its plain sum", {"history": [view("barn", kind="dismiss"), view("mill", kind="book")], "item_ids": ["barn", "mill", "orchard"], "explain": True})
    add("parts that cancel exactly", {
        "history": [view("chapel"), view("castle", kind="dismiss", weight=0.8)], "item_ids": ["garden", "chapel"], "explain": True,
    })
    add("an inactive item has a score", {"history": [view("loft")], "item_ids": ["vault"], "explain": True})
    add("a weight of 0: seen, and no more", {"history": [view("barn", weight=0)], "item_ids": ["barn", "mill"]})
    add("decay at a time", {"user_id": "old", "now": 1728000000, "item_ids": list("abcdefg"), "explain": True}, "decay")
    add("decay from the newest event", {"user_id": "mix", "item_ids": list("abcdefg"), "explain": True}, "decay")
    for snapshot in ("extreme-high", "extreme-low"):
        add(f"{snapshot}: the largest weights", {"user_id": "u", "item_ids": list("pqrs"), "explain": True}, snapshot)
    add("one item", {"user_id": "u", "item_ids": ["only", "x"]}, "one")
    add("no items", {"user_id": "u", "item_ids": ["only"]}, "empty")
    everything = [f"i{n:03}" for n in range(200)]
    for n, user in enumerate(sorted(models["large"].histories)[:12]):
        add(f"200 items: {user}", {"user_id": user, "item_ids": everything}, "large")
        few = everything[n::67]
        add(f"200 items: {user}, {len(few)} candidates", {"user_id": user, "item_ids": few, "explain": True}, "large")
    for user in sorted(models["limited"].histories)[:8]:
        add(f"seven items count: {user}", {"user_id": user, "item_ids": everything}, "limited")
        add(f"seven items count: {user}, few candidates", {"user_id": user, "item_ids": everything[::67], "explain": True}, "limited")
    base = {"item_ids": ["barn"]}
    refused(suite, "score_items", [
        ("no list of candidates", {"user_id": "ann"}, "invalid_argument"), ("null for candidates", {"item_ids": None}, "invalid_argument"),
        ("an unknown name", base | {"k": 5}, "invalid_argument"), ("a filter", base | {"filter": {}}, "invalid_argument"),
        ("a time beyond", base | {"now": 253402300800000}, "invalid_timestamp"),
        *history_refused(base),
    ])
    return suite


def group(models):
    suite = Suite("recommend_group", source="core/conformance/oracle/ask.py: group")

    def add(name, request, snapshot="small", filter=None, record=None, strategies=("average", "least_misery")):
        request, matches = filtered(request, filter)
        given, recorded = source(snapshot, record)
        for strategy in strategies:
            asked = request | ({"strategy": strategy} if strategy else {})
            label = f"{strategy or 'no strategy'}: {name}"
            suite.case(label, "recommend_group", given | {"request": asked}, ask.group(models[snapshot], asked, recorded, matches))

    user = lambda name, **more: {"user_id": name, **more}  # noqa: E731
    few = lambda *events, **more: {"history": [view(e) if isinstance(e, str) else e for e in events], **more}  # noqa: E731
    pair = {"members": [user("ann"), user("bob")]}
    add("average is the default", pair | {"explain": True}, strategies=(None,))
    add("nulls are absent", pair | {
        "strategy": None, "k": 5, "now": None, "filter": None, "allow": None, "deny": None, "exclude_seen": None, "explain": None, "trace": None,
    }, strategies=(None,))
    for first, second in (("ann", "bob"), ("ann", "cat"), ("bob", "fay"), ("gil", "hal"), ("ida", "cat"), ("fay", "ann"), ("eve", "ann")):
        both = {"members": [user(first), user(second)], "k": 12}
        add(f"{first} and {second}", both | {"explain": True})
        add(f"{second} and {first}", {"members": both["members"][::-1], "k": 12, "explain": True})
        add(f"{first} and {second}, seen items too", both | {"exclude_seen": False, "explain": True})
    add("one member", {"members": [user("ann")], "k": 12, "explain": True})
    add("one member twice", {"members": [user("ann"), user("ann")], "k": 12, "explain": True})
    add("three members", {"members": [user("ann"), user("bob"), user("cat")], "k": 12, "explain": True})
    add("a member without a history is neutral", {"members": [user("ann"), user("nobody"), user("bob")], "k": 12, "explain": True})
    add("a member of nothing at all is neutral", {"members": [{}, user("ann"), {"history": []}, {"user_id": None, "history": None}], "k": 12, "explain": True})
    add("nobody has a history: popular", {"members": [user("nobody"), {}], "k": 5, "explain": True, "trace": True})
    add("a member with a seen item of weight 0 is neutral, the item stays out", {"members": [few(view("mill", weight=0)), user("ann")], "k": 12, "explain": True})
    add("a long history does not drown a short one", {"members": [few("castle", "manor", "tower", "chapel", "garden"), few("barn")], "k": 12, "explain": True})
    add("histories alone", {"members": [few("barn", "mill"), few("castle")], "k": 12, "explain": True})
    add("stored and given histories are joined", {"members": [user("ann", history=[view("castle")]), user("cat")], "k": 12, "explain": True})
    add("recorded events count", {"members": [user("new"), user("ann")], "k": 12, "explain": True}, record=[("new", view("castle", kind="book")), ("ann", view("pier"))])
    add("what one dismissed stays out, also with exclude_seen false", {
        "members": [few(view("barn", kind="dismiss"), "castle"), few(view("barn", kind="book"), "mill")], "exclude_seen": False, "k": 12, "explain": True,
    })
    add("all are against all", {"members": [few(view("barn", kind="dismiss")), few(view("castle", kind="dislike"))], "k": 12, "explain": True})
    add("for and against cancel", {"members": [few("barn"), few(view("barn", kind="dislike"))], "k": 12, "explain": True})
    add("unknown items are reported once", {"members": [few("moon", "barn"), few("moon", "sun")], "allow": ["loft", "ä"], "deny": ["Z"], "k": 3})
    for name in ("cheap", "rustic", "nothing", "or and not"):
        add(f"filter: {name}", pair | {"k": 12}, filter=name)
    add("allow", pair | {"allow": ["pier", "loft", "garden", "barn"], "k": 12})
    add("deny", pair | {"deny": ["garden", "orchard"], "k": 12})
    for k in (1, 3, 50):
        add(f"trace: k = {k}", {"members": [user("ann"), few("castle", "moon"), user("fay")], "k": k, "trace": True}, filter="cheap")
    heavy = [user("ann", weight=2.5), user("bob")]
    add("weights", {"members": heavy, "k": 12, "explain": True}, strategies=("average",))
    add("weights, the other way round", {"members": heavy[::-1], "k": 12, "explain": True}, strategies=("average",))
    add("the smallest and the largest weight", {"members": [user("ann", weight=0.01), user("bob", weight=100)], "k": 12, "explain": True}, strategies=("average",))
    add("equal weights are no weights (see ann and bob)", {"members": [user("ann", weight=7), user("bob", weight=7)], "k": 12}, strategies=("average",))
    add("the weight of a neutral member is nothing", {"members": [user("ann"), user("nobody", weight=50)], "k": 12}, strategies=("average",))
    thirds = [user("ann", weight=0.1), user("bob", weight=0.2), user("cat", weight=0.3), user("ida", weight=0.7)]
    for turn in range(4):
        add(f"the order of members does not matter, {turn}", {"members": thirds[turn:] + thirds[:turn], "k": 12}, strategies=("average",))
    add("a weight of 1 is no weight", {"members": [user("ann", weight=1), user("bob", weight=1.0)]}, strategies=("least_misery",))
    now = 10 * 86_400_000
    add("decay at a time", {"members": [user("old"), user("one"), user("mix")], "now": now, "explain": True}, "decay")
    add("decay from each member's newest event", {"members": [user("old"), user("one")], "explain": True, "exclude_seen": False}, "decay")
    for snapshot in ("extreme-high", "extreme-low"):
        add(f"{snapshot}: the largest weights", {"members": [user("u"), few("p"), few("q", "r")], "explain": True, "exclude_seen": False}, snapshot)
    add("one item", {"members": [user("u"), user("x")]}, "one")
    add("one item, seen too", {"members": [user("u"), user("x")], "exclude_seen": False}, "one")
    add("no items", {"members": [user("u")], "trace": True}, "empty")
    crowd = sorted(models["large"].histories)
    for n, k in ((2, 9), (2, 190), (5, 9), (39, 20)):
        for start in (0, 3, 7):
            members = [user(crowd[(start + 5 * i) % 40]) for i in range(n)]
            add(f"200 items: {n} members from {start}, k = {k}", {"members": members, "k": k, "explain": k == 9}, "large")
    crowded = sorted(models["limited"].histories)
    for start in (0, 3, 7):
        members = [user(crowded[(start + 5 * i) % 40]) for i in range(3)]
        for seen in (True, False):
            add(f"seven items of each count: from {start}, seen {seen}", {"members": members, "k": 9, "explain": True, "exclude_seen": seen, "trace": True}, "limited")
    add("64 members", {"members": [user(crowd[n % 40]) for n in range(64)], "k": 5, "exclude_seen": False, "explain": True}, "large")
    base = {"members": [user("ann")]}
    alone = lambda **more: {"members": [user("ann"), more]}  # noqa: E731
    refused(suite, "recommend_group", [
        ("no members", {}, "invalid_argument"), ("null for members", {"members": None}, "invalid_argument"),
        ("an empty list of members", {"members": []}, "invalid_argument"),
        ("65 members", {"members": [user("ann")] * 65}, "invalid_argument"),
        ("an unknown strategy", base | {"strategy": "most_pleasure"}, "invalid_argument"),
        ("an unknown name of a member", alone(name="ann"), "invalid_argument"),
        ("a weight of 0", alone(user_id="bob", weight=0), "invalid_argument"), ("a weight of null", alone(user_id="bob", weight=None), "invalid_argument"),
        ("a negative weight", alone(user_id="bob", weight=-1), "invalid_argument"),
        ("a weight below the smallest", alone(user_id="bob", weight=0.00999), "invalid_argument"),
        ("a weight above the largest", alone(user_id="bob", weight=100.5), "invalid_argument"),
        ("a weight with least_misery", alone(user_id="bob", weight=2) | {"strategy": "least_misery"}, "invalid_argument"),
        ("an empty user", alone(user_id=""), "invalid_id"), ("a long user", alone(user_id=LONG), "invalid_id"),
        ("a history without an item", alone(history=[{"kind": "view"}]), "invalid_id"),
        ("a history of an unknown kind", alone(history=[view("barn", kind="moon")]), "unknown_kind"),
        ("a history with a weight of null", alone(history=[view("barn", weight=None)]), "invalid_weight"),
        ("a history from too early", alone(history=[view("barn", timestamp=-62135596800001)]), "invalid_timestamp"),
        ("a time beyond", base | {"now": 253402300800000}, "invalid_timestamp"),
        ("a user beside the members", base | {"user_id": "ann"}, "invalid_argument"),
        *limits_refused(base),
    ])
    return suite


def users(models):
    suite = Suite("similar_users", source="core/conformance/oracle/ask.py: users")

    def add(name, request, snapshot="small", record=None, close=False):
        given, recorded = source(snapshot, record)
        expect = ask.users(models[snapshot], request, recorded.get(request.get("user_id"), ()))
        suite.case(name, "similar_users", given | {"request": request}, {"close": expect | {"tol": 1e-12}} if close else expect)

    for user in [*USERS, "nobody"]:
        add(f"like {user}", {"user_id": user})
    add("k = 1", {"user_id": "ann", "k": 1})
    add("k = 2^32 - 1", {"user_id": "eve", "k": 4294967295})
    add("a history: nobody is left out", {"history": [view("barn", timestamp=1000), view("mill", kind="save", timestamp=2000)]})
    add("the same scaled is as similar", {"history": [view("barn", weight=1e-20), view("mill", weight=2e-20)]})
    add("an empty history", {"history": []})
    add("nobody at all", {})
    add("nulls are absent", {"user_id": "ann", "history": None, "k": 3})
    add("unknown items are reported", {"history": [view("moon"), view("barn")], "k": 2})
    add("stored and given histories are joined", {"user_id": "ann", "history": [view("castle", kind="save")]})
    add("recorded events count for the one who asks", {"user_id": "new"}, record=[("new", view("hall"))])
    add("recorded events do not count for the others", {"user_id": "cat"}, record=[("new", view("hall", kind="book"))])
    add("shared dislikes", {"history": [view("barn", kind="dislike")]})
    add("what one likes and the other dislikes", {"history": [view("tower"), view("castle")]})
    add("a weight of 0", {"history": [view("barn", weight=0)]})
    add("ties by the order of ids", {"history": [view("hall"), view("pier")]})
    for user in sorted(models["large"].histories)[:8]:
        add(f"40 users: {user}", {"user_id": user, "k": 12}, "large")
    for user in ("old", "one", "mix"):
        add(f"decay: {user}", {"user_id": user}, "decay", close=True)
    add("decay: a history", {"history": [view("a"), view("d", timestamp=86_400_000)]}, "decay", close=True)
    add("one user", {"user_id": "u"}, "one")
    add("no users", {"history": [view("x")]}, "empty")
    suite.case("a snapshot without histories", "similar_users", SMALL | {
        "edge": {}, "request": {"history": [view("barn")]},
    }, {"users": [], "ignored": []})
    refused(suite, "similar_users", [
        ("k = 0", {"user_id": "ann", "k": 0}, "invalid_argument"), ("k = 1.5", {"user_id": "ann", "k": 1.5}, "invalid_argument"),
        ("an unknown name", {"user_id": "ann", "explain": True}, "invalid_argument"),
        *history_refused({}),
    ])
    return suite
