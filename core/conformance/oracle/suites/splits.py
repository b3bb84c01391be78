"""Which rows are trained on, and which are tested on."""

import random

import splits as oracle
from suite import Suite


def suites(models):
    return [splits()]


def log(seed, users, items, rows, days=30):
    """Random events, with repeats of items and of whole rows."""
    dice = random.Random(seed)
    rows = [(f"u{dice.randrange(users)}", f"i{dice.randrange(items)}", dice.randrange(days) * 1000 - 5000) for _ in range(rows)]
    rows += rows[:5]
    user, item, time = map(list, zip(*rows))
    return {"user_id": user, "item_id": item, "timestamp": time}


def splits():
    suite = Suite("splits", source="core/conformance/oracle/splits.py, by hand")

    def add(name, events, **options):
        suite.case(name, "split", {"events": events, "options": options}, oracle.split(events, options))

    def by_hand(name, events, options, train=(), test=(), history=(), left_out=()):
        expect = {"train": list(train), "test": list(test), "history": list(history), "left_out": list(left_out)}
        assert oracle.split(events, options) == expect, name
        suite.case(name, "split", {"events": events, "options": options}, expect)

    # ann comes to a, b, c; b again at the end. bob has one item. cat has two at one time.
    few = {
        "user_id": ["ann", "ann", "ann", "ann", "bob", "bob", "cat", "cat"],
        "item_id": ["a", "b", "c", "b", "a", "a", "b", "a"], "timestamp": [1, 2, 3, 9, 5, 6, 7, 7],
    }
    last = {"method": "leave_last_out"}
    by_hand("leave last out: the newest item, not the newest event", few, last, train=[0, 1, 3, 4, 5, 7], test=[2, 6])
    by_hand("leave two out: one item stays", few, last | {"n": 2}, train=[0, 4, 5, 7], test=[1, 2, 3, 6])
    by_hand("leave all out: one item stays", few, last | {"n": 100}, train=[0, 4, 5, 7], test=[1, 2, 3, 6])
    time = {"method": "time"}
    by_hand("time: repeats of items from before are left out", few, time | {"at": 6}, train=[0, 1, 2, 4], test=[6, 7], left_out=[3, 5])
    by_hand("time: before everything", few, time | {"at": -9}, test=range(8))
    by_hand("time: after everything", few, time | {"at": 10}, train=range(8))
    by_hand("time: the last quarter, of which two rows have one time", few, time | {"share": 0.25}, train=[0, 1, 2, 4, 5], test=[6, 7], left_out=[3])
    by_hand("time: a share of less than a row", few, time | {"share": 0.01}, train=range(8))
    alike = {"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [4, 4]}
    by_hand("time: all at one time", alike, time | {"share": 0.5}, test=[0, 1])
    nothing = {"user_id": [], "item_id": []}
    for method in ("leave_last_out", "time", "random", "cold_user", "cold_item"):
        by_hand(f"no events: {method}", nothing, {"method": method})
    one = {"user_id": ["u"], "item_id": ["i"], "timestamp": [1]}
    by_hand("one event: leave last out", one, last, train=[0])
    by_hand("one event: random", one, {"method": "random", "share": 0.9}, train=[0])
    by_hand("one event: a cold user without history", one, {"method": "cold_user", "share": 0.9}, test=[0])
    by_hand("one event: a cold item", one, {"method": "cold_item", "share": 0.9}, test=[0])

    many = log(1, 9, 20, 120)
    for n in (1, 3):
        add(f"120 events: leave {n} out", many, method="leave_last_out", n=n)
    add("120 events: the default is one", many, method="leave_last_out")
    for share in (0.1, 0.3):
        add(f"120 events: the last {share} in time", many, method="time", share=share)
        add(f"120 events: random {share}", many, method="random", share=share)
        add(f"120 events: cold users {share}", many, method="cold_user", share=share)
        add(f"120 events: cold items {share}", many, method="cold_item", share=share)
    for method in ("time", "random", "cold_user", "cold_item"):
        add(f"120 events: defaults of {method}", many, method=method)
    for seed in (1, 2**53 - 1):
        for method in ("random", "cold_user", "cold_item"):
            add(f"120 events: {method}, seed {seed}", many, method=method, seed=seed, share=0.4)
    for share in (0, 0.25, 0.99):
        add(f"120 events: cold users with a history of {share}", many, method="cold_user", share=0.5, history_share=share)
    half = {"user_id": ["u"] * 5 + ["v"] * 6, "item_id": list("abcde") + list("abcdef")}
    for method in ("random", "cold_item"):
        add(f"a half is rounded to even: {method}", half, method=method, share=0.5)
    timeless = {name: many[name] for name in ("user_id", "item_id")}
    for method in ("random", "cold_user", "cold_item"):
        add(f"without timestamps: {method}", timeless, method=method, share=0.5)
    strange = {"user_id": ["é", "e\u0301", "é", "日本", "é", "日本"], "item_id": ["\U0001f600", "a", "\uffff", "b", "\ue000", "\U0001f600"], "timestamp": [1] * 6}
    for method in ("leave_last_out", "random", "cold_user"):
        add(f"ids beyond ASCII, ties by bytes: {method}", strange, method=method, **({} if method == "leave_last_out" else {"share": 0.5}))
    kinds = few | {"kind": ["view", "save"] * 4, "weight": [1] * 8}
    add("kinds and weights do not matter", kinds, method="leave_last_out")
    integers = {"user_id": [1, 1, 10, 10, 2, 2], "item_id": [5, 40, 5, 40, 300, 40], "timestamp": [1] * 6}
    texts = integers | {name: [str(i) for i in integers[name]] for name in ("user_id", "item_id")}
    for options in ({"method": "leave_last_out"}, {"method": "random", "share": 0.5}):
        suite.case(f"integers are their texts: {options['method']}", "split", {"events": integers, "options": options}, oracle.split(texts, options))

    for options in (
        {}, {"method": "half"}, {"method": None}, last | {"n": 0}, last | {"n": -1}, last | {"n": 1.5}, last | {"share": 0.5},
        time | {"share": 0}, time | {"share": 1}, time | {"share": -0.1}, time | {"n": 1}, {"method": "random", "share": 1.5},
        {"method": "random", "at": 3}, {"method": "cold_user", "history_share": 1}, {"method": "cold_user", "history_share": -0.1},
        {"method": "cold_item", "history_share": 0.5}, {"method": "random", "seed": -1},
    ):
        suite.fails(f"refused: {options}", "split", {"events": few, "options": options}, "invalid_argument")
    suite.fails("refused: a time that is none", "split", {"events": few, "options": time | {"at": 0.5}}, "invalid_timestamp")
    for method in ("leave_last_out", "time"):
        suite.fails(f"refused: {method} without timestamps", "split", {"events": timeless, "options": {"method": method}}, "invalid_argument")
    suite.fails("refused: an empty user", "split", {"events": {"user_id": [""], "item_id": ["i"]}, "options": {"method": "random"}}, "invalid_id")
    suite.fails("refused: an empty item", "split", {"events": {"user_id": ["u"], "item_id": [""]}, "options": {"method": "random"}}, "invalid_id")
    suite.fails("refused: columns of other lengths", "split", {"events": {"user_id": ["u"], "item_id": []}, "options": {"method": "random"}}, "length_mismatch")
    suite.fails("refused: a time beyond all years", "split", {"events": one | {"timestamp": [253402300800000]}, "options": last}, "invalid_timestamp")
    return suite
