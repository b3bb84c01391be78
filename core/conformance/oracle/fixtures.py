"""The hand-made models of the suites, and the files under snapshots/ that hold them."""

import random

import example
import snapshot
from snapshot import DEFAULT_KINDS, Description

DAY = 86_400_000

VENUES = "barn castle chapel garden hall loft manor mill orchard pier tower vault".split()


def small():
    return Description(
        items=VENUES,
        graph={
            "barn": {"mill": 900, "orchard": 700, "loft": 300, "garden": 300, "hall": 100},
            "castle": {"manor": 1000, "chapel": 500, "tower": 500, "garden": 250},
            "chapel": {"castle": 500, "garden": 400, "hall": 400},
            "garden": {"orchard": 450, "chapel": 400, "manor": 350, "castle": 250},
            "hall": {"loft": 800, "barn": 100, "chapel": 400},
            "loft": {"hall": 800, "barn": 300, "mill": 300, "vault": 999},
            "manor": {"castle": 1000, "garden": 350, "tower": 600},
            "mill": {"barn": 900, "orchard": 600, "pier": 200, "loft": 300},
            "orchard": {"barn": 700, "mill": 600, "garden": 450},
            "pier": {"mill": 200, "tower": 100},
            "tower": {"castle": 500, "manor": 600, "pier": 100},
            "vault": {"loft": 999},
        },
        popularity={
            "barn": 9, "castle": 7, "chapel": 3, "garden": 7, "hall": 1, "loft": 4,
            "manor": 2, "mill": 5, "orchard": 5, "tower": 0.5, "vault": 30,
        },
        inactive={"vault"},
        columns={
            "title": ("text", {
                "barn": "Old Barn", "castle": "Höhenburg", "chapel": "St. Mary's", "garden": "緑の庭",
                "hall": "Town Hall", "loft": "", "mill": "Old Mill", "tower": "Tower 😀",
            }),
            "styles": ("tags", {
                "barn": ["rustic", "outdoor"], "castle": ["grand"], "chapel": ["quiet", "quiet"],
                "garden": ["outdoor", "quiet"], "hall": [], "mill": ["rustic", ""], "pier": ["outdoor"],
            }),
            "price": ("number", {
                "barn": 1200.0, "castle": 9000.0, "chapel": 300.0, "garden": 450.5, "hall": 0.0,
                "loft": 800.0, "manor": 5200.0, "mill": 1200.0, "orchard": -1.5, "tower": 1e-3,
            }),
            "open": ("bool", {
                "barn": True, "castle": False, "chapel": True, "garden": True, "hall": False, "mill": True,
            }),
            "since": ("time", {
                "barn": -2208988800000.0, "castle": -62135596800000.0, "garden": 0.0,
                "hall": 1700000000000.0, "pier": 253402300799999.0,
            }),
            "place": ("place", {
                "barn": (52.5, 13.25), "castle": (-90.0, 180.0), "mill": (90.0, -180.0), "pier": (0.0, 0.0),
            }),
        },
        histories={
            "ann": [(1000, "barn", "view", 1), (2000, "mill", "save", 1)],
            "bob": [(1000, "castle", "view", 1), (2000, "manor", "rate", 4.5), (3000, "tower", "dismiss", 1)],
            "cat": [(5, "hall", "book", 1)],
            "eve": [(i, name, "view", 1) for i, name in enumerate(VENUES) if name != "pier"],
            "fay": [(7, "barn", "dismiss", 1)],
            "gil": [(1, "pier", "rate", 2.5)],
            "hal": [(1, "mill", "view", 1), (2, "mill", "dismiss", 1)],
            "ida": [(1, "barn", "view", 1), (1, "orchard", "dismiss", 1)],
        },
    )


def other():
    """The venues with other neighbours, for comparisons with `small`."""
    model = small()
    model.graph = {a: {b: 1001 - w for b, w in row.items()} for a, row in model.graph.items()}
    model.graph["pier"] = {"hall": 7, "chapel": 9}
    return model


def large_other():
    """`large` with other weights and other popularity."""
    dice = random.Random(7)
    model = large()
    model.graph = {a: {b: w if dice.random() < 0.6 else 70 for b, w in row.items()} for a, row in model.graph.items()}
    model.popularity = {name: dice.randrange(0, 30) for name in model.items}
    return model


def decay():
    letters = "abcdef"
    return Description(
        items=list(letters),
        graph={
            x: {y: 1000 + 37 * i - 11 * j for j, y in enumerate(letters) if y != x}
            for i, x in enumerate(letters)
        },
        scale=12,
        popularity={x: i for i, x in enumerate(letters)},
        kinds=DEFAULT_KINDS | {
            "dwell": {"weight": 0.5, "neutral": 10.0, "scale": 60.0}, "wish": 2.5, "view": 0.75,
            "頷く": 3.0, "nothing": 0.0,
        },
        half_life_ms=float(DAY),
        histories={
            "old": [(0, "a", "view", 1), (DAY, "b", "view", 1), (3 * DAY, "c", "save", 1)],
            "one": [(10 * DAY, "d", "wish", 2)],
            "mix": [(0, "a", "dislike", 1), (DAY, "a", "save", 1), (DAY, "b", "dwell", 130)],
        },
    )


E_ACUTE, E_COMBINED = "é", "e\u0301"

STRANGE_IDS = [
    E_ACUTE, E_COMBINED, "e", "E", " e", "e ", "\u0000", "\u0001", "\n", "\t", " ", "\u007f", "a\u0000b", "a",
    "\u00a0", "\u200b", "\ufeff", "\u202e", "\ufffd", "\uffff", "\ue000", "\U0001f600", "\U0010ffff",
    "👩\u200d👩\u200d👧", "ﬁ", "fi", "ß", "ss", "ẞ", "İ", "ı", "i", "\u00c5", "\u212b", "A\u030a", "日本", "日本\U000e0100", "한",
    "\u1112\u1161\u11ab", "٣", "3", "03", "3.0", "-3", "+3", "1e3", "9007199254740993", "null", "NaN", "true",
    "__proto__", "constructor", "toString", "hasOwnProperty", "length", "$gt", "a.b", "", "../etc", "\\", "\"", "'",
    "<b>", "%00", "a" * 1024, "é" * 512, "\U0001f600" * 256, "a" * 1023 + "b", "a" * 1023,
]


def unicode():
    ids = [name for name in STRANGE_IDS if name]
    ring = dict(zip(ids, ids[1:] + ids[:1]))
    return Description(
        items=ids,
        graph={name: {to: 1000} for name, to in ring.items()},
        popularity={name: (i * 7) % 5 for i, name in enumerate(ids)},
        histories={name: [(0, name, "view", 1)] for name in ids},
        columns={"id": ("text", {name: name for name in ids}), "日本": ("tags", {"e": [E_ACUTE, E_COMBINED, "\u0000"]})},
    )


def large():
    dice = random.Random(20261123)
    ids = [f"i{n:03}" for n in range(200)]
    graph = {}
    for name in ids:
        others = dice.sample([i for i in ids if i != name], dice.randrange(0, 18))
        graph[name] = {other: dice.choice([1, 5, 60, 400, 2000, 65535]) for other in others}
    kinds = list(DEFAULT_KINDS)
    histories = {}
    for n in range(40):
        count = [1, 2, 5, 20, 90, 190][n % 6]
        events = {}
        for item in dice.sample(ids, count):
            kind = dice.choice(kinds)
            weight = dice.choice([1, 1, 1, 0.5, 3.25, 5, 0]) if kind != "rate" else dice.choice([0, 1, 2.5, 4, 5])
            events[dice.randrange(0, 10**9) * 1000, item, kind] = weight
        histories[f"u{n:02}"] = [(*key, weight) for key, weight in events.items()]
    return Description(
        items=ids, graph=graph, scale=16, popularity={name: dice.randrange(0, 30) for name in ids},
        inactive=set(ids[::17]), histories=histories,
        columns={
            "n": ("number", {name: float(i) for i, name in enumerate(ids)}),
            "tens": ("text", {name: f"t{i // 10}" for i, name in enumerate(ids) if i % 3}),
            "odd": ("bool", {name: bool(i % 2) for i, name in enumerate(ids) if i % 5}),
            "marks": ("tags", {name: [f"m{i % d}" for d in (2, 3, 7)] for i, name in enumerate(ids) if i % 4}),
        },
    )


def limited():
    """Seven items of a history count; times and weights are coarse, so that many are equal."""
    dice = random.Random(20261127)
    model = large()
    for user in model.histories:
        count = dice.choice([3, 7, 8, 20, 90, 199])
        model.histories[user] = list({
            (item, kind): (dice.choice([0, 1000, 2000]), item, kind, 1)
            for item in dice.sample(model.items, count)
            for kind in dice.choices(["view", "save", "dismiss"], [5, 1, 1], k=dice.choice([1, 1, 2]))
        }.values())
    model.manifest = {"max_history_items": 7}
    return model


def decay_limited():
    """The two newest items of a history count."""
    model = decay()
    model.manifest = {"max_history_items": 2}
    return model


def extreme(scale):
    """The largest weights that the format has, at an extreme scale."""
    ids = ["p", "q", "r", "s"]
    return Description(
        items=ids, graph={x: {y: 65535 for y in ids if y != x} for x in ids}, scale=scale,
        histories={"u": [(0, "p", "book", 1), (0, "q", "book", 1), (0, "r", "dislike", 1)]},
        write_kinds=True,
    )


def one():
    return Description(items=["only"], popularity={"only": 1}, histories={"u": [(0, "only", "view", 1)]})


def empty():
    return Description(items=[])


MODELS = {
    "small": small, "decay": decay, "unicode": unicode, "large": large,
    "extreme-high": lambda: extreme(64), "extreme-low": lambda: extreme(-64), "other": other, "large-other": large_other, "limited": limited, "decay-limited": decay_limited, "one": one, "empty": empty, "example": example.description,
}


def files():
    return {f"snapshots/{name}.tm": snapshot.write(make()) for name, make in MODELS.items()}


def parsed():
    return {name: snapshot.parse(snapshot.write(make())) for name, make in MODELS.items()}
