"""Trainers: how they are named and refused, and the graph that each gives."""

import profile

import spectral
import trainers
from suite import Suite
from suites.training import BASE, WEIGHTS, by, dense_events, expected, table

SEEDS = range(4000)


def suites(_):
    suite = Suite("trainers", source="core/conformance/oracle/trainers.py, spectral.py")
    shape(suite)
    refused(suite)
    small(suite)
    ridge(suite)
    cooccurrence(suite)
    ials(suite)
    sequence(suite)
    blends(suite)
    return [suite]


def add(suite, name, events, options):
    """The whole graph and the manifest's record of what made it."""
    histories, items, _, rows, counts = expected(events, options)
    largest = max([1.0, *(w for row in rows.values() for _, w in row)])
    suite.case(name, "model", {"train": {"events": events, "options": options}, "neighbors": items}, {
        "item_count": len(items), "user_count": len(histories),
        "manifest": {"counts": counts, "options": {"trainer": trainers.plan(options["trainer"])}},
        "close": {"neighbors": {
            item: [{"item_id": to, "weight": w} for to, w in row] for item, row in rows.items()
        }, "tol": spectral.TOLERANCE * largest},
    })


def search(suite, name, options, **shape):
    """The first seed whose data pins the answer down."""
    for seed in SEEDS:
        try:
            return add(suite, name, dense_events(seed, **shape), options)
        except ValueError:
            continue
    raise ValueError(f"{name}: no seed serves")


def shape(suite):
    events = table(BASE, weight=WEIGHTS)
    plain = by("spectral", alpha=0.25)["trainer"]
    for name, trainer in (
        ("a name", "spectral"), ("a list of one name", ["spectral"]), ("an object", plain), ("a list of one object", [plain]),
        ("an object with a weight", plain | {"weight": 1}), ("sixteen parts", ["spectral"] * 16),
    ):
        suite.case(f"shape: {name}", "train", {"events": events, "options": {"trainer": trainer}}, {
            "manifest": {"options": {"trainer": trainers.plan(trainer)}},
        })
    # A weight that all parts share changes no ratio, and no order.
    for weight in (0.5, 4, 1e6):
        options = {"trainer": plain | {"weight": weight}}
        _, items, _, rows, _ = expected(events, {"trainer": plain})
        suite.case(f"shape: a weight of {weight} alone", "model", {"train": {"events": events, "options": options}, "neighbors": items}, {
            "manifest": {"options": {"trainer": trainers.plan(options["trainer"])}},
            "close": {"neighbors": {
                item: [{"item_id": to, "weight": w * weight} for to, w in row] for item, row in rows.items()
            }, "tol": spectral.TOLERANCE * weight},
        })


def refused(suite):
    events = table([("u", "a"), ("u", "b")])
    both = {"rank": (0, 2049, 1.5, "many"), "alpha": (-0.1, 100.5), "iterations": (0, 21), "candidates": (0, 100001),
            "popularity_exponent": (2.5, -2.5), "weight": (-1, 1e7, "much", True)}
    ranges = {
        "spectral": both | {"lambda": (1,), "support": (1,)},
        "ridge": both | {"lambda": (0, -1, 1e10), "support": (0, 1001), "user_exponent": (2.5, -2.5), "item_exponent": (2.5, -2.5)},
        "cooccurrence": {"weight": (-1,), "weighting": ("jaccard", "", 3, True, ["cosine"]), "rank": (8,), "alpha": (-0.1, 4.5),
                         "beta": (-2.5, 4.5), "k1": (1.2,), "b": (0.5,)},
        "ials": {"weight": (-1,), "factors": (0, 1025, 1.5), "iterations": (0, 101), "tolerance": (-0.1, 1.5), "alpha": (-1, 1e7), "regularization": (0, -1, 1e10),
                 "regularization_exponent": (-0.1, 2.5), "candidates": (0, 100001), "popularity_exponent": (2.5, -2.5), "rank": (8,)},
        "sequence": {"weight": (-1,), "window": (0, 101, 1.5), "decay": (-0.1, 1.1), "gap_half_life_days": (0, -1, 1e7, "day"),
                     "popularity_exponent": (2.5, -2.5), "half_life_days": (1,)},
    }
    bad = ["", "best", "Auto", "Spectral", [], {}, {"rank": 3}, {"name": "best"}, {"name": "auto"}, {"name": 3}, {"name": ["ridge"]},
           3, True, ["auto"], ["spectral", "auto"], ["spectral", None], [["spectral"]], ["spectral"] * 17]
    bad += [{"name": name, option: value} for name, options in ranges.items() for option, values in options.items() for value in values]
    for weighting, options in {"cosine": {"alpha": 1, "beta": 1, "k1": 1, "b": 0.5}, "bm25": {"alpha": 1, "k1": -1, "b": 1.5},
                               "p3alpha": {"alpha": "one", "beta": 0.5}, "rp3beta": {"k1": 1}}.items():
        bad += [{"name": "cooccurrence", "weighting": weighting, option: value} for option, value in options.items()]
    bad += [["spectral", {"name": "ridge", "weight": -1}], [{"name": "spectral", "colour": 1}]]
    for trainer in bad:
        shown = "17 parts" if len(trainer if isinstance(trainer, list) else []) == 17 else trainer
        suite.fails(f"refused: {shown}", "train", {"events": events, "options": {"trainer": trainer}}, "invalid_argument")


def small(suite):
    """What little data gives, by any trainer and where the library chooses."""
    for trainer in (None, "auto", *trainers.DEFAULTS, ["spectral", "ridge"], {"name": "spectral", "weight": 0}, [{"name": "ridge", "weight": 0}, {"name": "spectral", "weight": 0}]):
        for name, events in (
            ("one user, one item", table([("u", "a")])),
            ("one event, disliked", table([("u", "a")], kind=["dislike"])),
            ("users of one item each", table([("u", "a"), ("v", "b"), ("w", "c")])),
            ("one item, many users", table([(f"u{n}", "a") for n in range(9)])),
            ("all is disliked", table(BASE, kind=["dislike"] * len(BASE))),
            ("weights of zero", table(BASE, weight=[0] * len(BASE))),
        ):
            histories, items, _ = spectral.ingest(events)
            suite.case(f"{trainer}: {name}: no edges", "model", {
                "train": {"events": events, "options": {"trainer": trainer}}, "neighbors": items, "profiles": ["u"],
            }, {
                "item_count": len(items), "user_count": len(histories), "neighbors": {item: [] for item in items},
                "profiles": {"u": profile.hexed(histories["u"]) if "u" in histories else None},
            })
    for trainer in (None, "auto"):
        for name, catalog in (("a catalog alone", {"items": [{"id": i, "attributes": {}} for i in "ab"]}),):
            suite.case(f"{trainer}: {name}", "train", {
                "events": {"user_id": [], "item_id": []}, "catalog": catalog, "options": {"trainer": trainer},
            }, {"item_count": 2, "user_count": 0, "manifest": {"counts": {"edges": 0}}})
    for trainer in ({"name": "spectral", "weight": 0}, [{"name": "spectral", "weight": 0}, {"name": "ridge", "weight": 0}]):
        suite.case(f"{trainer}: no edges", "train", {"events": table(BASE, weight=WEIGHTS), "options": {"trainer": trainer}}, {
            "manifest": {"counts": {"edges": 0}},
        })


def ridge(suite):
    add(suite, "ridge: four users", table(BASE, weight=WEIGHTS), by("ridge"))
    world = {"users": 14, "items": 6, "each": 2}
    for options in (
        {}, {"lambda": 0.01}, {"lambda": 1}, {"lambda": 20}, {"user_exponent": 0}, {"user_exponent": 1}, {"user_exponent": -0.5},
        {"item_exponent": 0}, {"item_exponent": 1}, {"popularity_exponent": 0}, {"popularity_exponent": -1}, {"alpha": 0},
    ):
        search(suite, f"ridge: {options}", by("ridge", **{"lambda": 2, **options}), **world)
    for options in ({"support": 1}, {"support": 2}, {"support": 2, "alpha": 0}, {"support": 2, "alpha": 5}, {"support": 3, "candidates": 3}):
        search(suite, f"ridge: a small support: {options}", by("ridge", **{"lambda": 0.5, **options}), users=16, items=7, each=3)
    search(suite, "ridge: weights", by("ridge", **{"lambda": 0.5}), **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "ridge: two neighbours", by("ridge", **{"lambda": 0.5}) | {"neighbors": 2}, **world)
    search(suite, "ridge: two threads", by("ridge", **{"lambda": 0.5}) | {"threads": 2}, **world)


def cooccurrence(suite):
    world = {"users": 12, "items": 6, "each": 2}
    add(suite, "cooccurrence: four users", table(BASE, weight=WEIGHTS), by("cooccurrence", weighting="cosine"))
    for weighting, variants in {
        "cosine": [{}], "bm25": [{}, {"k1": 0}, {"k1": 100, "b": 0.8}, {"b": 0}, {"b": 1}],
        "p3alpha": [{}, {"alpha": 0.25}, {"alpha": 0.5}, {"alpha": 2}],
        "rp3beta": [{}, {"alpha": 0.5}, {"beta": 0}, {"beta": 1}, {"beta": -0.5}, {"alpha": 1.5, "beta": 0.7}],
    }.items():
        for options in variants:
            options = {"weighting": weighting, **options}
            search(suite, f"cooccurrence: {options}", by("cooccurrence", **options), **world, weights=(0.25, 1, 2, 3.5))
    for shape in ({"users": 12, "items": 6, "each": 2}, {"users": 5, "items": 9, "each": 3}, {"users": 20, "items": 7, "each": 3}):
        search(suite, f"cooccurrence: plain views {shape}", by("cooccurrence"), **shape)
    rows = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b"), ("v", "c"), ("w", "c"), ("w", "d")]
    add(suite, "cooccurrence: a user with all items but one is worth nothing to bm25", table(rows), by("cooccurrence", weighting="bm25"))
    for keep in (1, 2):
        search(suite, f"cooccurrence: {keep} neighbours", by("cooccurrence") | {"neighbors": keep}, **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "cooccurrence: two threads", by("cooccurrence", weighting="bm25") | {"threads": 2}, **world, weights=(0.25, 1, 2, 3.5))


def ials(suite):
    world = {"users": 12, "items": 6, "each": 2}
    for options in (
        {}, {"iterations": 1}, {"iterations": 3}, {"iterations": 2, "factors": 6}, {"iterations": 3, "alpha": 5},
        {"iterations": 3, "regularization": 0.5}, {"iterations": 3, "regularization_exponent": 0.5},
        {"iterations": 3, "regularization_exponent": 1, "alpha": 4}, {"iterations": 3, "popularity_exponent": 0.5},
        {"iterations": 3, "popularity_exponent": -1}, {"iterations": 3, "candidates": 2},
        {"tolerance": None}, {"tolerance": 0}, {"tolerance": 0.05}, {"tolerance": 1},
    ):
        options = {"regularization": 2, **options}
        search(suite, f"ials: {options}", by("ials", **options), **world)
    search(suite, "ials: weights", by("ials", iterations=3, regularization=2), **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "ials: more items than users", by("ials", iterations=3, regularization=1, alpha=10), users=5, items=9, each=3)
    search(suite, "ials: two neighbours", by("ials", iterations=3, regularization=2) | {"neighbors": 2}, **world)
    search(suite, "ials: two threads", by("ials", iterations=3, regularization=2) | {"threads": 2}, **world)
    search(suite, "blend: with factors", {"trainer": ["spectral", {"name": "ials", "iterations": 2, "regularization": 2}]}, **world)


def sequence(suite):
    day = int(spectral.DAY)
    times = tuple(n * day for n in range(7))
    world = {"users": 12, "items": 6, "each": 3, "times": times}
    add(suite, "sequence: one path", table([("u", i) for i in "abcd"], timestamp=[0, 1000, 2000, 3000]), by("sequence"))
    add(suite, "sequence: at one time there is no order", table([("u", i) for i in "abcd"], timestamp=[5] * 4), by("sequence"))
    add(suite, "sequence: without times there is none", table(BASE, weight=WEIGHTS), by("sequence"))
    add(suite, "sequence: two at one time, then one", table([("u", i) for i in "abc"] + [("v", "b")], timestamp=[7, 7, 9, 0]), by("sequence"))
    add(suite, "sequence: there and back", table([("u", i) for i in "abaa"], timestamp=[1, 2, 3, 4]), by("sequence"))
    add(suite, "sequence: the same event twice, as two kinds", table(
        [("u", i) for i in "aabc"], timestamp=[1, 1, 2, 3], kind=["view", "save", "view", "save"],
    ), by("sequence"))
    add(suite, "sequence: what is disliked later is not on the way", table(
        [("u", i) for i in "abbcd"], timestamp=[1, 2, 9, 3, 4], kind=["view", "view", "dislike", "view", "view"],
    ), by("sequence"))
    for options in (
        {}, {"window": 1}, {"window": 2}, {"window": 100}, {"decay": 0}, {"decay": 1}, {"gap_half_life_days": 1}, {"gap_half_life_days": 2.5},
        {"popularity_exponent": 0}, {"popularity_exponent": 0.5}, {"popularity_exponent": -1},
    ):
        search(suite, f"sequence: {options}", by("sequence", **options), **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "sequence: ratings", by("sequence"), users=14, items=6, each=4, kinds=("rate",), weights=(0, 1, 3, 4, 5), times=times)
    search(suite, "sequence: kinds, and strong ones are capped", by("sequence") | {"kinds": {"peek": 9}}, **world, kinds=("view", "peek", "save"))
    search(suite, "sequence: decay by age beside the gap", by("sequence", gap_half_life_days=1) | {"half_life_days": 2}, **world, weights=(1, 2, 3))
    search(suite, "sequence: the newest items of each user", by("sequence") | {"max_user_items": 2}, **world, weights=(1, 2, 3))
    search(suite, "sequence: one neighbour", by("sequence") | {"neighbors": 1}, **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "sequence: two threads", by("sequence") | {"threads": 2}, **world, weights=(0.25, 1, 2, 3.5))
    one = {"name": "ridge", "lambda": 0.5}
    search(suite, "blend: with what comes after", {"trainer": [one, {"name": "sequence", "weight": 0.5}]}, **world, weights=(0.25, 1, 2, 3.5))


def blends(suite):
    world = {"users": 14, "items": 6, "each": 2}
    one = {"name": "ridge", "lambda": 0.5}
    for name, trainer in (
        ("names", ["ridge", "spectral"]),
        ("equal weights", [one, {"name": "spectral"}]),
        ("one and two", [one | {"weight": 1}, {"name": "spectral", "weight": 2}]),
        ("in the other order", [{"name": "spectral", "weight": 2}, one]),
        ("one part counts nothing", [one | {"weight": 0}, "spectral"]),
        ("one trainer twice", [{"name": "spectral", "alpha": 0}, {"name": "spectral", "alpha": 1, "weight": 0.5}]),
        ("two ridges", [one, one | {"user_exponent": 0, "weight": 3}]),
        ("two ridges that share their sums", [one, one | {"lambda": 4, "weight": 3}]),
        ("counts beside a filter", ["cooccurrence", "spectral"]),
        ("a filter after counts and before", ["spectral", {"name": "cooccurrence", "weighting": "cosine"}, one]),
        ("two counts", [{"name": "cooccurrence", "weighting": "cosine"}, {"name": "cooccurrence", "weighting": "bm25", "weight": 0.25}]),
        ("two supports", [one | {"support": 2}, one | {"support": 4}]),
    ):
        search(suite, f"blend: {name}", {"trainer": trainer}, **world)
    # What popularity counts after the trainers: long tail, a little, popular ones.
    for exponent in (-1, 0.125, 1, 2):
        for trainer in ("spectral", "cooccurrence", [one, "spectral"]):
            shown = trainer if isinstance(trainer, str) else "blend"
            options = {"trainer": trainer, "popularity_exponent": exponent}
            search(suite, f"popularity after {shown}: {exponent}", options, **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "popularity chooses the neighbours", {"trainer": one, "popularity_exponent": -2, "neighbors": 2}, **world, weights=(0.25, 1, 2, 3.5))
    search(suite, "blend: two neighbours", {"trainer": [one, "spectral"], "neighbors": 2}, **world)
    search(suite, "blend: two threads", {"trainer": [one, "spectral"], "threads": 2}, **world)
