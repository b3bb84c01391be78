"""Sequences on one engine: record, batches, merge, erase, swap; and bad input everywhere."""

import profile
import serve
from suite import Suite


def suites(models):
    return [sequences(models), invalid()]


def view(item, **more):
    return {"item_id": item, **more}


class Twin:
    """The store of an engine: for each user the recorded events, or that they were erased."""

    def __init__(self, models, name):
        self.models, self.model = models, models[name]
        self.events, self.erased, self.based = {}, set(), {}

    def base(self, user):
        return [] if user in self.erased else serve.stored(self.model, user)

    def profile(self, user):
        return profile.union(self.events.get(user, []), self.base(user))

    def put(self, user, events):
        before = self.profile(user)
        after = profile.union(before, events)
        if after != before:
            self.events[user] = after
        elif user in self.events:
            self.events[user] = before
        return after != before

    def step(self, name, *arguments):
        return getattr(self, name)(*arguments)

    def record(self, user, event):
        return {"changed": self.put(user, [profile.event(event)]), "known_item": event["item_id"] in self.model.index}

    def merge_profile(self, user, events):
        return self.put(user, events)

    def erase(self, user):
        known = bool(self.profile(user))
        self.events.pop(user, None)
        self.erased.add(user)
        return known

    def user_count(self):
        return sum(1 for events in self.events.values() if events)

    def recommend(self, request):
        user = request.get("user_id")
        history = list(request.get("history") or [])
        joined = self.profile(user) if user is not None else []
        given = {k: v for k, v in request.items() if k != "user_id"}
        given["history"] = [{"item_id": i, "kind": k, "weight": w, "timestamp": t} for t, i, k, w in joined] + history
        return serve.answer(self.model, given)

    def swap(self, name):
        for user in self.events:
            self.events[user] = self.profile(user)
        self.model = self.models[name]


def sequences(models):
    suite = Suite("engine", source="core/conformance/oracle/suites/engine.py: Twin")

    def add(name, steps, snapshot="small"):
        twin, written, results = Twin(models, snapshot), [], []
        for step in steps:
            if isinstance(step[-1], Known):
                results.append(step[-1].result)
                written.append(list(step[:-1]))
                if step[-1].events:
                    for user, event in step[-1].events:
                        twin.record(user, event)
                continue
            call, *arguments = step
            if call == "profile":
                results.append(profile.hexed(twin.profile(*arguments)))
            else:
                results.append(twin.step(call, *arguments))
            if call == "merge_profile":
                arguments = [arguments[0], profile.hexed(arguments[1])]
            if call == "swap":
                arguments = [{"snapshot": f"snapshots/{arguments[0]}.tm"}]
            written.append([call, *arguments])
        suite.case(name, "engine", {"snapshot": f"snapshots/{snapshot}.tm", "steps": written}, {"results": results})

    ask = lambda user, **more: ["recommend", {"user_id": user, "k": 4, "explain": True, **more}]  # noqa: E731
    shown = lambda user: [["profile", user], ["user_count"], ask(user)]  # noqa: E731
    add("a new user", [ask("new"), ["record", "new", view("barn", timestamp=5)], *shown("new")])
    add("a user of the training data", [*shown("ann"), ["record", "ann", view("castle", timestamp=5)], *shown("ann")])
    add("the same event again does not count as a change", [["record", "new", view("barn")]] * 3 + shown("new"))
    add("an event of the training history again", [["record", "ann", view("barn", timestamp=1000)], *shown("ann")])
    add("a larger weight is a change, a smaller one is none", [
        ["record", "new", view("barn", weight=w)] for w in (2, 1, 3, 3, -1)
    ] + shown("new"))
    add("an unknown item is kept until a model knows it", [
        ["record", "new", view("a", kind="save")], ask("new"), ["swap", "decay"], ask("new"), ["profile", "new"],
    ])
    add("defaults of an event", [["record", "new", {"item_id": "barn"}], ["profile", "new"]])
    old, new = [(1, "barn", "view", 1.0)], [(2, "mill", "save", 2.0), (1, "barn", "view", 3.0)]
    add("merge two devices", [["merge_profile", "new", profile.union(old)], ["merge_profile", "new", profile.union(new)], *shown("new")])
    add("merge the same again", [["merge_profile", "new", profile.union(new)]] * 2 + shown("new"))
    add("merge nothing", [["merge_profile", "new", []], *shown("new")])
    add("merge into a training history", [["merge_profile", "ann", profile.union(new)], *shown("ann")])
    add("a merged kind that the model does not know counts as seen", [
        ["merge_profile", "new", [(1, "barn", "teleport", 5.0), (2, "castle", "view", 1.0)]], *shown("new"), ask("new", exclude_seen=False),
    ])
    add("erase a recorded user", [["record", "new", view("barn")], ["erase", "new"], *shown("new"), ["erase", "new"]])
    add("erase a user of the training data", [["erase", "ann"], *shown("ann"), ["erase", "ann"]])
    add("erase a stranger", [["erase", "nobody"], *shown("nobody")])
    add("begin anew after erase", [["erase", "ann"], ["record", "ann", view("hall")], *shown("ann"), ["erase", "ann"], *shown("ann")])
    add("erase both recorded and trained", [["record", "ann", view("hall")], ["erase", "ann"], *shown("ann")])
    add("an erased user stays erased over a swap", [["erase", "old"], ["swap", "decay"], *shown("old")])
    add("what an erased user recorded stays over a swap", [["erase", "ann"], ["record", "ann", view("a")], ["swap", "decay"], *shown("ann"), ["swap", "small"], *shown("ann")])
    add("swap there and back", [ask("ann"), ["swap", "decay"], ask("ann"), ask("old"), ["swap", "small"], ask("ann")])
    add("recorded events stay over a swap and join the new histories", [
        ["record", "old", view("a", timestamp=86_400_000)], ask("old"), ["swap", "decay"], *shown("old"),
    ])
    add("swap to a model of another size", [ask("ann"), ["swap", "large"], ask("u05"), ["swap", "one"], ask("u"), ["swap", "empty"], ask("u"), ["swap", "small"], ask("ann")])
    add("two users do not mix", [["record", "x", view("barn")], ["record", "y", view("castle")], *shown("x"), *shown("y")])
    add("a request's history is not stored", [ask("new", history=[view("barn")]), *shown("new")])
    batches(add)
    failures(add, ask)
    return suite


class Known:
    """The result of a step that is written by hand, and the events that it puts into the store."""

    def __init__(self, result, events=()):
        self.result, self.events = result, events


def table(rows, **columns):
    return {"user_id": [u for u, _ in rows], "item_id": [i for _, i in rows], **columns}


def batches(add):
    rows = [("x", "barn"), ("x", "mill"), ("y", "barn"), ("x", "barn")]
    put = [(u, view(i)) for u, i in rows]
    report = lambda accepted, duplicates, *rejected: {  # noqa: E731
        "accepted": accepted, "duplicates": duplicates, "rejected": [{"row": r, "code": c} for r, c in rejected],
    }
    after = [["profile", "x"], ["profile", "y"], ["user_count"]]
    add("a batch", [["record_batch", table(rows), False, Known(report(3, 1), put)], *after])
    add("a batch twice", [["record_batch", table(rows), False, Known(report(3, 1), put)], ["record_batch", table(rows), True, Known(report(0, 4))], *after])
    add("an empty batch", [["record_batch", table([]), False, Known(report(0, 0))], *after])
    add("a batch with all columns", [
        ["record_batch", table(rows, kind=["view", "save", "view", "book"], weight=[1, 2.5, 1, 1], timestamp=[1, 2, -3, 4]), False, Known(report(4, 0), [
            ("x", view("barn", timestamp=1)), ("x", view("mill", kind="save", weight=2.5, timestamp=2)),
            ("y", view("barn", timestamp=-3)), ("x", view("barn", kind="book", timestamp=4)),
        ])], *after, ["recommend", {"user_id": "x", "k": 3, "explain": True}],
    ])
    integers = {"user_id": [1, 2, 1], "item_id": [7, 7, 8]}
    add("integers are ids by their text", [["record_batch", integers, False, Known(report(3, 0), [("1", view("7")), ("2", view("7")), ("1", view("8"))])], ["profile", "1"], ["profile", "2"]])
    bad = [("x", "barn"), ("", "barn"), ("x", ""), ("x", "mill"), ("x", "mill"), ("x", "mill"), ("x", "mill"), ("x" * 1025, "mill")]
    columns = {
        "kind": ["view", "view", "view", "moon", "view", "view", "view", "view"],
        "weight": [1, 1, 1, 1, "NaN", 1, 1, 1], "timestamp": [0, 0, 0, 0, 0, 253402300800000, 9, 0],
    }
    rejected = [(1, "invalid_id"), (2, "invalid_id"), (3, "unknown_kind"), (4, "invalid_weight"), (5, "invalid_timestamp"), (7, "invalid_id")]
    good = [("x", view("barn")), ("x", view("mill", timestamp=9))]
    add("bad rows are left out and named", [["record_batch", table(bad, **columns), True, Known(report(2, 0, *rejected), good)], *after])
    error = lambda code: Known({"error": code})  # noqa: E731
    add("a bad row refuses the whole batch", [["record_batch", table(bad, **columns), False, error("invalid_id")], *after])
    add("a bad last row refuses the whole batch", [
        ["record_batch", table([("x", "barn"), ("y", "mill")], weight=[1, "Infinity"]), False, error("invalid_weight")], *after,
    ])
    for name, more in (("kind", {"kind": ["view"]}), ("weight", {"weight": [1] * 5}), ("timestamp", {"timestamp": []}), ("item_id", {"item_id": ["a"]})):
        add(f"columns of other lengths, {name}: refused even with skip_invalid", [["record_batch", table(rows) | more, True, error("length_mismatch")], *after])


def failures(add, ask):
    error = lambda code: Known({"error": code})  # noqa: E731
    long = "a" * 1025
    for name, step, code in (
        ("record: empty user", ["record", "", view("barn")], "invalid_id"), ("record: long user", ["record", long, view("barn")], "invalid_id"),
        ("record: empty item", ["record", "x", view("")], "invalid_id"), ("record: unknown kind", ["record", "x", view("barn", kind="moon")], "unknown_kind"),
        ("record: weight NaN", ["record", "x", view("barn", weight="NaN")], "invalid_weight"),
        ("record: weight beyond", ["record", "x", view("barn", weight=-1e7)], "invalid_weight"),
        ("record: time before", ["record", "x", view("barn", timestamp=-62135596800001)], "invalid_timestamp"),
        ("record: time after", ["record", "x", view("barn", timestamp=253402300800000)], "invalid_timestamp"),
        ("merge: broken bytes", ["merge_profile", "x", "00"], "corrupt_profile"), ("merge: no bytes", ["merge_profile", "x", ""], "corrupt_profile"),
        ("merge: empty user", ["merge_profile", "", profile.hexed([])], "invalid_id"), ("erase: empty user", ["erase", ""], "invalid_id"),
        ("erase: long user", ["erase", long], "invalid_id"), ("profile: empty user", ["profile", ""], "invalid_id"),
        ("profile: long user", ["profile", long], "invalid_id"), ("recommend: empty user", ["recommend", {"user_id": ""}], "invalid_id"),
        ("swap: a damaged file", ["swap", {"snapshot": b"TASTEMKR".hex()}], "corrupt_snapshot"),
        ("swap: a foreign file", ["swap", {"snapshot": "00"}], "not_a_snapshot"),
    ):
        add(f"nothing changes after a failure: {name}", [
            ["record", "x", view("barn")], [*step, error(code)], ["profile", "x"], ["user_count"], ask("x"),
        ])


def invalid():
    suite = Suite("invalid", source="by hand, from the list of bad input")
    file = {"snapshot": "snapshots/small.tm"}

    def bad(name, request, code):
        suite.fails(f"request: {name}", "recommend", file | {"request": request}, code)

    for k in (0, -1, 1.5, 4294967296, 1e300, -1e300):
        bad(f"k = {k}", {"k": k}, "invalid_argument")
    for now in (-62135596800001, 253402300800000, 0.5, 1e300, -1e18):
        bad(f"now = {now}", {"now": now}, "invalid_timestamp")
    for weight in (None, 1000000.5, -1e7, 1e300):
        bad(f"history: weight {weight}", {"history": [view("barn", weight=weight)]}, "invalid_weight")
    for time in (None, 0.5, -62135596800001, 253402300800000, 1e300):
        bad(f"history: timestamp {time}", {"history": [view("barn", timestamp=time)]}, "invalid_timestamp")
    bad("history: an event without an item", {"history": [{"kind": "view"}]}, "invalid_id")
    bad("history: a bad event behind good ones", {"history": [view("barn"), view("mill"), view("castle", kind="moon")]}, "unknown_kind")
    bad("history: bad, and ignored for nothing", {"history": [view("no such item", kind="moon")]}, "unknown_kind")
    for name, condition in (
        ("unknown operator", {"price": {"$gtt": 1}}), ("a number", 5), ("a list", []), ("a text", "price < 5"), ("$in of a text", {"styles": {"$in": "x"}}),
        ("an operator beside a name", {"price": {"$gt": 1, "x": 2}}), ("a broken pattern", {"title": {"$regex": "("}}), ("$or of an object", {"$or": {}}),
        ("an operator at the top", {"$gt": 5}), ("$exists of a number", {"price": {"$exists": 1}}), ("too deep", nested(35)),
        ("a pattern that is too long", {"title": {"$regex": "a" * 5000}}), ("too many values", {"price": {"$in": list(range(10_000))}}),
    ):
        bad(f"filter: {name}", {"filter": condition}, "invalid_condition")
    for name, digits, code in (("nothing", "", "not_a_snapshot"), ("a byte", "00", "not_a_snapshot"), ("text", b"hello, world".hex(), "not_a_snapshot")):
        suite.fails(f"open: {name}", "open", {"snapshot": digits}, code)
    return suite


def nested(depth):
    condition = {"price": 1}
    for _ in range(depth):
        condition = {"$and": [condition]}
    return condition
