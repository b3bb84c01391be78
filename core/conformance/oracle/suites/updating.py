"""Updates: histories joined, everything learnt again, or what changed alone.

The expectation of a partial update is put together from two whole graphs, that of before and that
of all events: the columns of what is learnt again come from the latter.
"""

import numpy as np

import profile
import spectral
import trainers
from suite import Suite
from suites.training import BASE, WEIGHTS, by, dense_events, expected, table

SEEDS = range(4000)
FILTER = {"name": "spectral", "alpha": 0}
RIDGE = {"name": "ridge", "alpha": 0, "lambda": 0.5}
COUNTS = {"name": "cooccurrence"}
PATHS = {"name": "sequence", "gap_half_life_days": 2}
DAY = 86_400_000


def suites(_):
    suite = Suite("updating", source="core/conformance/oracle/suites/updating.py")
    whole(suite)
    partial(suite)
    catalogs(suite)
    refused(suite)
    return [suite]


def joined(old, new):
    size = len(old["user_id"])
    full = {"weight": 1, "timestamp": 0, "kind": "view"}
    names = [n for n in ("user_id", "item_id", "kind", "weight", "timestamp") if n in old or n in new]
    column = lambda events, name, n: events[name] if name in events else [full[name]] * n  # noqa: E731
    return {name: column(old, name, size) + column(new, name, len(new["user_id"])) for name in names}


def close(rows):
    largest = max([1.0, *(w for row in rows.values() for _, w in row)])
    return {"neighbors": {
        item: [{"item_id": to, "weight": w} for to, w in row] for item, row in rows.items()
    }, "tol": spectral.TOLERANCE * largest}


def whole(suite):
    """What training on all events gives."""
    def add(name, old, new, options, changes=None, report=None):
        histories, items, _, rows, counts = expected(joined(old, new), options)
        users = list(histories)[:3]
        suite.case(name, "model", {
            "train": {"events": old, "options": options}, "update": {"events": new} | ({"options": changes} if changes else {}),
            "neighbors": items, "profiles": users,
        }, {
            "item_count": len(items), "user_count": len(histories), "profiles": {u: profile.hexed(histories[u]) for u in users},
            "manifest": {
                "counts": counts, "options": {"trainer": trainers.plan(options["trainer"])},
                "update": {"items": len(items), "learnt": len(items), "full": True} | (report or {}),
            },
            "close": close(rows),
        })

    base = table(BASE, weight=WEIGHTS)
    spectral_only = by("spectral")
    add("a new user", base, table([("q", "a"), ("q", "b")], weight=[0.5, 2]), spectral_only)
    add("new items, before and after the others", base, table([("u", "A"), ("v", "zz"), ("w", "zz")], weight=[0.5, 2.5, 0.75]), spectral_only)
    add("an event that is there already", base, table([BASE[0]], weight=[WEIGHTS[0]]), spectral_only)
    add("a larger weight for an event that is there", base, table([BASE[0]], weight=[3.75]), spectral_only)
    add("no events", base, table([]), spectral_only, report={"tolerance": 0.25})
    add("no tolerance", base, table([("q", "a"), ("q", "b")], weight=[0.5, 2]), spectral_only | {"updatable": True}, {"tolerance": 0}, {"tolerance": 0.0})
    add("two threads", base, table([("q", "a")]), spectral_only, {"threads": 2})
    world = {"users": 14, "items": 6, "each": 2, "weights": (0.25, 1, 2, 3.5), "times": (0, 86_400_000, 172_800_000)}
    for name, options in (
        ("counts", by("cooccurrence")), ("factors, updatable", by("ials", iterations=2, regularization=2) | {"updatable": True}),
        ("what comes after", by("sequence")), ("decay", by("cooccurrence") | {"half_life_days": 1}),
        ("a blend", {"trainer": [{"name": "ridge", "lambda": 0.5}, "cooccurrence"]}),
    ):
        for seed in SEEDS:
            events = dense_events(seed, **world)
            cut = len(events["user_id"]) - 5
            try:
                add(name, {c: v[:cut] for c, v in events.items()}, {c: v[cut:] for c, v in events.items()}, options)
                break
            except ValueError:
                continue
        else:
            raise ValueError(f"{name}: no seed serves")


def partial(suite):
    """Only what changed by more than the tolerance."""
    for name, parts, tolerance, old, new in (
        ("an item that two find", [FILTER], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("ridge", [RIDGE], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("a blend", [RIDGE, FILTER | {"weight": 0.5}], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("nothing reaches the tolerance", [RIDGE], 0.9, 24, [("u00", "i03", 0.5)]),
        ("no events at all", [FILTER], 0.25, 24, []),
        ("cosines", [COUNTS | {"weighting": "cosine"}], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("walks", [COUNTS | {"weighting": "rp3beta", "alpha": 0.7, "beta": 0.4}], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("a new item, by walks", [COUNTS], 0.5, 24, [("u00", "new", 1), ("u02", "new", 2.5), ("u05", "new", 0.5)]),
        ("what comes after", [PATHS], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("a new item, by what comes after", [PATHS, FILTER], 0.5, 24, [("u00", "new", 1), ("u02", "new", 2.5), ("u05", "new", 0.5)]),
        ("all kinds", [FILTER, PATHS, RIDGE, COUNTS], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("popularity after it", [FILTER], 0.4, 24, [("u00", "i03", 1.5), ("u01", "i03", 0.75)]),
        ("a new item, popularity after it", [FILTER], 0.5, 24, [("u00", "new", 1), ("u02", "new", 2.5), ("u05", "new", 0.5)]),
        ("a new item", [FILTER], 0.5, 24, [("u00", "new", 1), ("u02", "new", 2.5), ("u05", "new", 0.5)]),
        ("a new item, by ridge", [RIDGE], 0.5, 24, [("u00", "new", 1), ("u02", "new", 2.5), ("u05", "new", 0.5)]),
        ("a new item and a new user, by both", [RIDGE, FILTER], 0.5, 24, [("u00", "new", 1), ("someone", "new", 3), ("someone", "i02", 2)]),
    ):
        for seed in SEEDS:
            try:
                spliced(suite, name, parts, tolerance, dense_events(seed, users=old, items=12, each=3, weights=(0.25, 1, 2, 3.5), times=(0, DAY, 2 * DAY)), table(
                    [row[:2] for row in new], weight=[row[2] for row in new], timestamp=[3 * DAY] * len(new),
                ))
                break
            except ValueError:
                continue
        else:
            raise ValueError(f"{name}: no seed serves")


def spliced(suite, name, parts, tolerance, old, new):
    dial = 0.5 if name.endswith("popularity after it") else 0.0
    options = {"trainer": parts, "updatable": True, "popularity_exponent": dial}
    everything = joined(old, new)
    histories, items, dense, _, counts = expected(everything, options)
    before, known, then, old_rows, _ = expected(old, options)
    share = change(before, known, then, histories, items, dense)
    if any(abs(s - tolerance) < 1e-6 or abs(s - 0.5) < 1e-6 for s in share):
        raise ValueError("a share at a bound")
    learnt = [j for j in range(len(items)) if share[j] >= tolerance]
    fresh = {j for j in learnt if share[j] > 0.5}
    if 2 * len(learnt) > len(items) or (new["user_id"] and tolerance < 0.9 and not learnt):
        raise ValueError("not partial")
    # As numbers of the list of now; what is not there has no edge.
    place = {item: i for i, item in enumerate(items)}
    graph = np.zeros((len(items), len(items)))
    for source, row in old_rows.items():
        for target, weight in row:
            graph[place[source], place[target]] = weight
    graph[sorted(fresh), :] = 0
    into, out_of = np.zeros_like(graph), np.zeros_like(graph)
    timed = trainers.paths(histories, items, dense, spectral.Kinds())
    for part in trainers.plan(parts):
        weights = np.zeros_like(graph)
        for i, row in enumerate(trainers.LEARN[part["name"]](dense, part, timed if part["name"] == "sequence" else 100)):
            for j, weight in row.items():
                weights[i, j] = max(weight, 0)
        into += part["weight"] * weights
        out_of += part["weight"] * (reversed_ridge(dense, part, weights) if part["name"] == "ridge" else weights)
    reach = trainers.power(dense.sum(0), dial)
    for i in fresh:
        graph[i] = out_of[i] * reach
    graph[:, learnt] = (into * reach)[:, learnt]
    np.fill_diagonal(graph, 0)
    rows = {}
    for i, item in enumerate(items):
        row = sorted(((w, j) for j, w in enumerate(graph[i]) if w > 1e-12), reverse=True)
        if any(w < 4 * spectral.TOLERANCE for w, _ in row) or any(a[0] - b[0] < 8 * spectral.TOLERANCE for a, b in zip(row, row[1:])):
            raise ValueError("weights too near")
        rows[item] = [(items[j], float(w)) for w, j in row]
    counts |= {"edges": sum(map(len, rows.values()))}
    suite.case(f"partial: {name}", "model", {
        "train": {"events": old, "options": options}, "update": {"events": new, "options": {"tolerance": tolerance}}, "neighbors": items,
    }, {
        "item_count": len(items), "user_count": len(histories),
        "manifest": {"counts": counts, "update": {"tolerance": float(tolerance), "items": len(items), "learnt": len(learnt), "full": False}},
        "close": close(rows),
    })


def change(before, known, then, histories, items, dense):
    """A bound of how much of each row of the normalised co-occurrence matrix has changed."""
    moved = np.zeros(len(items))
    for user, name in enumerate(histories):
        x, y = np.zeros(len(items)), dense[user]
        if name in before:
            row = then[list(before).index(name)]
            for i, item in enumerate(known):
                x[items.index(item)] = row[i]
        share = lambda v: v / v.sum() if v.sum() > 0 else v  # noqa: E731
        moved += abs(y - x) + np.minimum(x, y) * abs(share(y) - share(x)).sum()
    degree = dense.sum(0)
    if moved.sum() / degree.sum() > 0.25:
        raise ValueError("so much that everything is learnt")
    return np.where(moved > 0, moved / degree, 0.0)


def reversed_ridge(dense, options, weights):
    """The edges from an item, from those into it: entries of one symmetric inverse, each over the
    diagonal one of its target; the diagonal's share of A + lambda I is taken to be the same."""
    entry = dense[dense > 0].mean()
    users, degrees = dense.sum(1), dense.sum(0) / entry
    omega = trainers.power(users / users[users > 0].mean(), -options["user_exponent"])
    scale = trainers.power(degrees, -options["item_exponent"])
    reach = trainers.power(degrees, options["popularity_exponent"])
    x = dense / entry
    own = scale**2 * (omega @ x**2) + options["lambda"]
    plain = weights / (scale[:, None] * reach[None, :])
    return (plain.T * own[None, :] / own[:, None]) * scale[:, None] * reach[None, :]


def catalogs(suite):
    base = table(BASE, weight=WEIGHTS)
    catalog = {"items": [{"id": i, "attributes": {"price": n}} for n, i in enumerate("abcz")]}
    train = {"events": base, "catalog": catalog, "options": {"trainer": "spectral"}}
    new = table([("u", "new"), ("v", "new")])
    suite.case("the attributes of before are kept", "model", {
        "train": train, "update": {"events": new}, "attributes": ["a", "z", "new"],
    }, {"item_count": 6, "attributes": {"a": {"price": 0}, "z": {"price": 3}, "new": {}}, "manifest": {"counts": {"unlisted_items": 2}}})
    other = {"items": [{"id": i, "attributes": {"colour": "red"}} for i in ("a", "new")]}
    suite.case("a catalog takes the place of the old one", "model", {
        "train": train, "update": {"events": new, "catalog": other}, "attributes": ["a", "b", "z", "new"],
    }, {
        "item_count": 5, "attributes": {"a": {"colour": "red"}, "b": {}, "z": None, "new": {"colour": "red"}},
        "manifest": {"counts": {"unlisted_items": 3}},
    })
    suite.case("a catalog and no events", "model", {
        "train": train, "update": {"events": table([]), "catalog": other}, "attributes": ["a", "new"],
    }, {"item_count": 5, "attributes": {"a": {"colour": "red"}, "new": {"colour": "red"}}})
    request = {"history": [{"item_id": "a"}], "k": 9}
    suite.case("new items that no catalog lists are not recommended", "recommend", {
        "train": train, "update": {"events": new}, "request": request,
    }, {"items": [{"item_id": i} for i in "bcz"]})


def refused(suite):
    base = table(BASE, weight=WEIGHTS)
    train = {"events": base, "options": {"trainer": "spectral"}}
    new = table([("u", "new")])

    def fails(name, code="invalid_argument", train=train, events=new, **more):
        suite.fails(f"refused: {name}", "model", {"train": train, "update": {"events": events} | more.pop("update", {})} | more, code)

    for options in ({"tolerance": -0.1}, {"tolerance": 1.1}, {"tolerance": "much"}, {"threads": 0}, {"skip_invalid": 1}, {"neighbors": 3}):
        fails(f"{options}", update={"options": options})
    fails("no histories", train=train | {"options": {"keep_profiles": False}})
    fails("an edge export", edge={})
    fails("an empty id", "invalid_id", events=table([("", "a")]))
    fails("an unknown kind", "unknown_kind", events=table([("u", "a")], kind=["glance"]))
    fails("a weight", "invalid_weight", events=table([("u", "a")], weight=["NaN"]))
    fails("unequal columns", "length_mismatch", events={"user_id": ["u"], "item_id": ["a", "b"]})
    suite.case("invalid rows are left out", "model", {
        "train": train, "update": {"events": table([("", "a"), ("u", "new")]), "options": {"skip_invalid": True}},
    }, {"item_count": 5, "manifest": {"counts": {"rejected": 1}}})
    suite.fails("updatable is a flag", "train", {"events": base, "options": {"updatable": "yes"}}, "invalid_argument")
