"""Evaluation of one model, and the comparison of two."""

import math
import random

import chance
import metrics
import profile as profiles
import serve
import snapshot as s
from suite import Suite

BUCKETS = [0, 1, 5, 10, 20, 50]
TOLERANCE = 1e-12


def suites(models):
    return [evaluation(models), comparison(models)]


def pairs_of(test):
    truth = {}
    for user, item in zip(test["user_id"], test["item_id"]):
        truth.setdefault(user, set()).add(item)
    return {user: truth[user] for user in s.by_bytes(truth)}


def histories(model, users, given):
    """The events that each user is answered from: (time, index, kind, weight)."""
    out = {}
    for user in users:
        rows = [] if given is None else [n for n, name in enumerate(given["user_id"]) if name == user]
        if rows:
            names = ("item_id", "kind", "weight", "timestamp")
            events = [profiles.event({name: given[name][n] for name in names if name in given}) for n in rows]
            out[user], _ = serve.history(model, profiles.union(events))
        else:
            out[user] = model.histories.get(user, [])
    return out


def full_order(model, events, exclude_seen, baseline):
    """A key for each item that may be shown: its score, and its popularity where that is 0."""
    weights, integers, _ = serve.fixed_point(model, events)
    scores = dict.fromkeys(range(len(model.ids)), 0)
    for item, q in ({} if baseline else integers).items():
        for to, weight in model.rows[item].items():
            scores[to] += q * weight
    hidden = {i for i, w in weights.items() if exclude_seen or w < 0}
    popularity = lambda i: model.popularity[i] if scores[i] == 0 else 0  # noqa: E731
    return {model.ids[i]: (scores[i], popularity(i)) for i in scores if model.active[i] and i not in hidden}


def measure(model, truth, events, options, baseline=False):
    """Per user and cut-off a row of metrics, and per cut-off what all users together have."""
    ks = sorted(options["k"])
    popularity = dict(zip(model.ids, model.popularity))
    names = options.get("diversity") or []
    sets = {item: metrics.features(a, names) for item, a in zip(model.ids, model.attributes)}
    seen = options.get("exclude_seen", True)
    answers, rows = [], {k: [] for k in ks}
    for user, tested in truth.items():
        ranked, _, _ = serve.rank(model, events[user], ks[-1], exclude_seen=seen, baseline=baseline)
        answer = [model.ids[i] for i, _, _ in ranked]
        answers.append(answer)
        for k in ks:
            row = metrics.accuracy(answer, tested, k) | metrics.beyond(answer, k, popularity)
            if names:
                row["diversity"] = metrics.diversity(answer, k, sets)
            if options.get("auc"):
                row["auc"] = metrics.auc(full_order(model, events[user], seen, baseline), tested)
            rows[k].append({name: float(value) for name, value in row.items()})
    together = {
        k: {"coverage": metrics.coverage(answers, k, len(model.ids)), "gini": metrics.gini(answers, k, model.ids)}
        for k in ks
    }
    return rows, together


def summary(rows, options, together=None):
    out = metrics.mean(rows)
    if not rows:
        out |= dict.fromkeys((["diversity"] if options.get("diversity") else []) + (["auc"] if options.get("auc") else []), 0.0)
    if options.get("resamples", 1000):
        spec = {name: options[name] for name in ("seed", "resamples", "confidence") if name in options}
        ends = {name: chance.interval([row[name] for row in rows], **spec) for name in out}
        out |= {"low": {n: e[0] for n, e in ends.items()}, "high": {n: e[1] for n, e in ends.items()}}
    return out | (together or {})


def label(bounds, length):
    """The name of the bucket that a length falls into."""
    at = max((n for n, low in enumerate(bounds) if low <= length), default=None)
    if at is None:
        return None
    if at + 1 == len(bounds):
        return f"{bounds[at]}+"
    last = bounds[at + 1] - 1
    return str(last) if last == bounds[at] else f"{bounds[at]}-{last}"


def evaluate(model, given):
    """What `evaluate` gives, as (exact, close)."""
    options = dict(given.get("options") or {})
    options["k"] = options.get("k", 20)
    first = options["k"] if isinstance(options["k"], int) else options["k"][0]
    if isinstance(options["k"], int):
        options["k"] = [options["k"]]
    truth = pairs_of(given["test"])
    events = histories(model, truth, given.get("history"))
    systems = {"model": measure(model, truth, events, options), "popularity": measure(model, truth, events, options, True)}
    ks = sorted(options["k"])
    users = list(truth)

    def cutoffs(members, whole):
        at = [users.index(user) for user in members]
        return [
            {"k": k} | {
                name: summary([rows[k][n] for n in at], options, together[k] if whole else None)
                for name, (rows, together) in systems.items()
            }
            for k in ks
        ]

    def groups(of, order):
        members = {name: [u for u in users if of(u) == name] for name in order}
        return [{"label": n, "users": len(m), "cutoffs": cutoffs(m, False)} for n, m in members.items() if m]

    everybody = cutoffs(users, True)
    main = next(c for c in everybody if c["k"] == first)
    buckets = options.get("history_buckets", BUCKETS)
    segments = dict(zip(given["segments"]["user_id"], given["segments"]["segment"])) if "segments" in given else {}
    exact = {
        "k": first, "users": len(truth), "cold_users": sum(not events[u] for u in truth),
        "unknown_items": sum(i not in model.index for u in truth for i in truth[u]),
        "bootstrap": {"resamples": 1000, "confidence": 0.95, "seed": 0} | {
            n: options[n] for n in ("resamples", "confidence", "seed") if n in options
        } if options.get("resamples", 1000) else None,
    }
    close = {
        "tol": TOLERANCE, "model": main["model"], "popularity": main["popularity"], "cutoffs": everybody,
        "segments": groups(segments.get, s.by_bytes(set(segments.values()))),
        "history_lengths": groups(lambda u: label(buckets, len(events[u])), [label(buckets, low) for low in buckets]),
    }
    if options.get("per_user"):
        columns = lambda rows: {name: [row[name] for row in rows] for name in rows[0]}  # noqa: E731
        close["per_user"] = {
            "user_id": users, "history": [len(events[u]) for u in users], "tested": [len(t) for t in truth.values()],
            "cutoffs": [{"k": k} | {name: columns(rows[k]) for name, (rows, _) in systems.items()} for k in ks],
        }
        if segments:
            close["per_user"]["segment"] = [segments.get(u) for u in users]
    return exact, close


PAIRS = [("ann", "orchard"), ("ann", "hall"), ("bob", "chapel"), ("cat", "loft"), ("eve", "pier"), ("fay", "tower")]


def table(pairs):
    return {"user_id": [u for u, _ in pairs], "item_id": [i for _, i in pairs]}


def crowd(seed, count=400):
    dice = random.Random(seed)
    return [(f"u{dice.randrange(45):02}", f"i{dice.randrange(210):03}") for _ in range(count)]


def evaluation(models):
    suite = Suite("evaluation", source="core/conformance/oracle/metrics.py, chance.py, serve.py")

    def add(name, pairs, snapshot="small", edge=None, **given):
        given = {"test": table(pairs)} | given
        exact, close = evaluate(models[snapshot], given)
        source = {"snapshot": f"snapshots/{snapshot}.tm"} | ({"edge": edge} if edge is not None else {})
        suite.case(name, "evaluate", source | given, exact | {"close": close})

    plain = {"resamples": 0, "history_buckets": []}
    for k in (1, 2, 3, 5, 12, 100):
        add(f"k = {k}", PAIRS, options={"k": k, "threads": 1} | plain)
    add("several cut-offs, the first of which is the main one", PAIRS, options={"k": [3, 100, 1]} | plain)
    add("the defaults", PAIRS)
    add("one user, one hit", [("ann", "orchard")], options={"k": 1} | plain)
    add("one user, no hit", [("ann", "tower")], options={"k": 1} | plain)
    add("a pair twice counts once", PAIRS + PAIRS, options={"k": 3} | plain)
    add("the order of the pairs does not matter", PAIRS[::-1], options={"k": 3, "resamples": 20})
    add("a cold user is answered from popularity", [("nobody", "castle"), ("nobody", "hall")], options={"k": 3} | plain)
    add("an unknown item is a miss", [("ann", "moon"), ("ann", "orchard")], options={"k": 3, "auc": True} | plain)
    add("unknown items before the known ones, by bytes", [("ann", "0"), ("ann", "1"), ("ann", "2"), ("ann", "orchard"), ("ann", "loft")], options={"k": 5} | plain)
    add("unknown items between and after", [("ann", "castle"), ("ann", "castlf"), ("ann", "m"), ("ann", "zz"), ("ann", "orchard"), ("ann", "z")], options={"k": 5, "auc": True} | plain)
    add("only unknown items", [("ann", "moon"), ("bob", "sun")], options={"k": 5} | plain)
    add("an item of the history is a miss", [("ann", "barn")], options={"k": 12, "auc": True} | plain)
    add("an inactive item is a miss", [("ann", "vault")], options={"k": 12, "auc": True} | plain)
    add("nothing to test", [], options={"k": 5, "auc": True, "resamples": 10})
    for threads in (1, 2):
        add(f"200 items, 400 pairs, {threads} threads", crowd(3), "large", options={"threads": threads, "resamples": 30})
    add("200 items, many unknown ones", crowd(3) + [(u, f"a{n}") for n, (u, _) in enumerate(crowd(3))], "large", options={"k": 50} | plain)

    add("exclude_seen false: history items can hit", [*PAIRS, ("ann", "barn"), ("bob", "castle"), ("fay", "barn")], options={"k": [1, 4, 12], "exclude_seen": False, "auc": True} | plain)
    add("AUC", PAIRS, options={"auc": True, "resamples": 30})
    add("AUC of 200 items", crowd(4), "large", options={"auc": True, "resamples": 30})
    add("AUC where every item is tested or left out", [("cat", i) for i in models["small"].ids], options={"auc": True} | plain)
    add("diversity by tags", PAIRS, options={"k": [1, 2, 5], "diversity": ["styles"], "resamples": 30})
    add("diversity by tags, texts and booleans", crowd(5), "large", options={"k": [5, 20], "diversity": ["marks", "tens", "odd"], "auc": True} | plain)
    add("values of every user", PAIRS, options={"k": [2, 5], "per_user": True, "auc": True, "diversity": ["open"], "resamples": 0})
    groups = {"user_id": ["ann", "bob", "cat", "eve", "nobody", "bob"], "segment": ["new", "old", "new", "Äste", "old", "old"]}
    add("segments", PAIRS, options={"k": [2, 5], "per_user": True, "resamples": 20}, segments=groups)
    add("segments of 200 items", crowd(6), "large", options={"resamples": 40, "auc": True}, segments={"user_id": [f"u{n:02}" for n in range(45)], "segment": [str(n % 3) for n in range(45)]})
    add("own buckets of history lengths", crowd(7), "large", options={"history_buckets": [1, 2, 3, 50, 100], "resamples": 20})
    for options in ({"resamples": 1}, {"resamples": 7, "confidence": 0.5}, {"resamples": 200, "confidence": 0.999}, {"resamples": 33, "seed": 12345}, {"resamples": 16, "seed": 2**53 - 1}):
        add(f"intervals: {options}", PAIRS, options={"k": 2} | options)

    events = {
        "user_id": ["new", "new", "ann", "new", "new", "other"], "item_id": ["mill", "barn", "castle", "moon", "pier", "hall"],
        "kind": ["save", "view", "book", "view", "dismiss", "view"], "weight": [1, 2, 1, 1, 1, 1], "timestamp": [5, 1, 9, 3, 4, 2],
    }
    new = [("new", "orchard"), ("new", "garden"), ("ann", "manor"), ("bob", "chapel")]
    add("a history that comes along replaces the stored one", new, options={"k": 3, "auc": True, "resamples": 20, "per_user": True}, history=events)
    add("a history of users and items alone", new, options={"k": 3} | plain, history={n: events[n] for n in ("user_id", "item_id")})
    add("a history on unknown items alone is none", [("new", "barn")], options={"k": 3, "resamples": 0}, history={"user_id": ["new"], "item_id": ["moon"]})
    decay = {"user_id": ["x"] * 4, "item_id": list("abcf"), "timestamp": [0, 86_400_000, 259_200_000, 259_200_000], "kind": ["view", "wish", "dwell", "view"], "weight": [1, 1, 70, 1]}
    add("a history under decay, with the model's kinds", [("x", "d"), ("x", "e")], "decay", options={"k": [1, 2, 3], "auc": True} | plain, history=decay)
    many = {"user_id": ["x"] * 2050, "item_id": ["barn"] + ["mill"] * 2049, "timestamp": list(range(2050))}
    add("a history of 2,050: the oldest two are beyond it", [("x", "barn")], options={"k": 12} | plain, history=many)
    # With the largest weight of hall, loft comes first; with any other one, manor does.
    repeated = {"user_id": ["x"] * 4, "item_id": ["hall", "hall", "castle", "hall"], "weight": [0.125, 2, 1, 0.25]}
    add("one event with several weights: the largest", [("x", "loft")], options={"k": 1} | plain, history=repeated)

    small = {"snapshot": "snapshots/small.tm", "test": {"user_id": ["ann"], "item_id": ["hall"]}}
    for options in (
        {"k": 0}, {"k": -1}, {"k": 1.5}, {"k": []}, {"k": [0]}, {"k": [5, 5]}, {"k": ["5"]}, {"k": 1000001}, {"k": list(range(1, 34))},
        {"threads": 0}, {"threads": 2000}, {"resamples": -1}, {"resamples": 1000001}, {"confidence": 0.49}, {"confidence": 1}, {"seed": -1},
        {"auc": 1}, {"per_user": "yes"}, {"exclude_seen": None, "auc": "no"}, {"diversity": "styles"}, {"diversity": ["price"]},
        {"diversity": ["moon"]}, {"diversity": ["place"]}, {"history_buckets": [1, 1]}, {"history_buckets": [5, 1]}, {"history_buckets": [-1]},
        {"history_buckets": [0.5]}, {"history_buckets": list(range(101))}, {"history_buckets": 5},
    ):
        suite.fails(f"refused: {options}", "evaluate", small | {"options": options}, "invalid_argument")
    suite.fails("refused: columns of other lengths", "evaluate", small | {"test": {"user_id": ["ann", "bob"], "item_id": ["hall"]}}, "length_mismatch")
    suite.fails("refused: an empty user", "evaluate", small | {"test": {"user_id": [""], "item_id": ["hall"]}}, "invalid_id")
    suite.fails("refused: an empty item", "evaluate", small | {"test": {"user_id": ["ann"], "item_id": [""]}}, "invalid_id")
    suite.fails("refused: a model without histories", "evaluate", small | {"edge": {}}, "invalid_argument")
    for what, segments, code in (
        ("two segments of one user", {"user_id": ["a", "a"], "segment": ["x", "y"]}, "invalid_argument"),
        ("segments of another length", {"user_id": ["a", "b"], "segment": ["x"]}, "length_mismatch"),
        ("an empty segment", {"user_id": ["a"], "segment": [""]}, "invalid_id"),
        ("an empty user of a segment", {"user_id": [""], "segment": ["x"]}, "invalid_id"),
    ):
        suite.fails(f"refused: {what}", "evaluate", small | {"segments": segments}, code)
    for what, history, code in (
        ("another length", {"user_id": ["a", "b"], "item_id": ["barn"]}, "length_mismatch"),
        ("an empty item", {"user_id": ["a"], "item_id": [""]}, "invalid_id"),
        ("an unknown kind", {"user_id": ["a"], "item_id": ["barn"], "kind": ["teleport"]}, "unknown_kind"),
        ("a weight that is none", {"user_id": ["a"], "item_id": ["barn"], "weight": ["NaN"]}, "invalid_weight"),
        ("a time beyond all years", {"user_id": ["a"], "item_id": ["barn"], "timestamp": [253402300800000]}, "invalid_timestamp"),
    ):
        suite.fails(f"refused: a history with {what}", "evaluate", small | {"history": history}, code)
    # An export for the browser has no histories, but can be given some.
    add("an edge export answers from histories that come along", new, edge={"neighbors": 64}, options={"k": 3} | plain, history=events | {"user_id": ["new", "new", "ann", "bob", "new", "other"]})
    return suite


def comparison(models):
    suite = Suite("comparison", source="core/conformance/oracle/metrics.py, chance.py, serve.py")

    def sourced(name):
        return {"snapshot": f"snapshots/{name}.tm"}

    def add(name, pairs, a, b, **given):
        options = dict(given.get("options") or {})
        options["k"] = options.get("k", 20)
        first = options["k"] if isinstance(options["k"], int) else options["k"][0]
        if isinstance(options["k"], int):
            options["k"] = [options["k"]]
        truth = pairs_of(table(pairs))
        found = [measure(models[m], truth, histories(models[m], truth, given.get("history")), options) for m in (a, b)]
        seed = {"seed": options["seed"]} if "seed" in options else {}
        cutoffs = []
        for k in sorted(options["k"]):
            (rows_a, all_a), (rows_b, all_b) = ((rows[k], together[k]) for rows, together in found)
            names = list(rows_a[0]) if rows_a else metrics.AVERAGED
            out = {}
            for metric in names:
                left, right = [r[metric] for r in rows_a], [r[metric] for r in rows_b]
                d = [0.0 if math.isclose(x, y, rel_tol=1e-12) else y - x for x, y in zip(left, right)]
                n = max(len(d), 1)
                entry = {"a": sum(left) / n, "b": sum(right) / n, "difference": sum(d) / n,
                         "users_a": sum(x < 0 for x in d), "users_b": sum(x > 0 for x in d)}
                if options.get("resamples", 1000):
                    spec = {x: options[x] for x in ("resamples", "confidence") if x in options}
                    entry["low"], entry["high"] = chance.interval(d, **spec, **seed)
                if options.get("permutations", 10_000):
                    spec = {x: options[x] for x in ("permutations",) if x in options}
                    entry["p_value"] = chance.p_value(d, **spec, **seed)
                out[metric] = entry
            for metric in ("coverage", "gini"):
                out[metric] = {"a": all_a[metric], "b": all_b[metric], "difference": all_b[metric] - all_a[metric]}
            cutoffs.append({"k": k, "metrics": out})
        main = next(c["metrics"] for c in cutoffs if c["k"] == first)
        exact = {"k": first, "users": len(truth), "permutations": options.get("permutations", 10_000)}
        given = {"a": sourced(a), "b": sourced(b), "test": table(pairs)} | given
        suite.case(name, "compare", given, exact | {"close": {"tol": TOLERANCE, "metrics": main, "cutoffs": cutoffs}})

    add("a model and itself", PAIRS, "small", "small", options={"k": 3})
    add("two models, every pattern of signs", PAIRS, "small", "other", options={"k": [3, 1], "resamples": 50})
    add("fewer permutations than patterns", PAIRS, "small", "other", options={"k": 3, "resamples": 50, "permutations": 31, "seed": 3})
    add("just as many permutations as patterns", PAIRS, "small", "other", options={"k": 3, "resamples": 0, "permutations": 32, "seed": 3})
    add("neither intervals nor p-values", PAIRS, "small", "other", options={"k": 3, "resamples": 0, "permutations": 0})
    add("200 items", crowd(8), "large", "large-other", options={"k": [5, 20], "resamples": 60, "permutations": 300, "auc": True, "diversity": ["marks"]})
    add("200 items, seed and confidence", crowd(9), "large", "large-other", options={"k": 10, "resamples": 41, "permutations": 99, "seed": 77, "confidence": 0.8, "threads": 2, "exclude_seen": False})
    dice = random.Random(11)
    pairs = [(f"p{n:03}", f"i{dice.randrange(200):03}") for n in range(150)]
    given = [(f"p{n:03}", f"i{dice.randrange(200):03}") for n in range(150) for _ in range(3)]
    add("150 users with histories that come along: three words of signs", pairs, "large", "large-other", options={"k": 20, "resamples": 30, "permutations": 200}, history=table(given))
    add("nothing to test", [], "small", "other", options={"k": 3, "resamples": 9, "permutations": 9})
    small = {"a": sourced("small"), "b": sourced("other"), "test": {"user_id": ["ann"], "item_id": ["hall"]}}
    for options in ({"k": 0}, {"permutations": -1}, {"permutations": 1000001}, {"resamples": 0.5}, {"confidence": 2}, {"threads": 0}, {"diversity": ["price"]}):
        suite.fails(f"refused: {options}", "compare", small | {"options": options}, "invalid_argument")
    suite.fails("refused: columns of other lengths", "compare", small | {"test": {"user_id": ["ann", "bob"], "item_id": ["hall"]}}, "length_mismatch")
    return suite
