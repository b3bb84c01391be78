"""Ids and Unicode; profiles; events and decay."""

import random

import fixtures
import profile
import serve
import snapshot
from suite import Suite

DAY = fixtures.DAY


def suites(models):
    return [ids(models), decay(models), profiles()]


def short(name):
    """A readable name of a strange id."""
    text = name.encode("unicode_escape").decode().replace("\\", "/")
    return text if len(text) < 24 else f"{text[:12]}.. ({len(name.encode())} bytes)"


def ids(models):
    suite = Suite("ids", source="core/conformance/oracle")
    model = models["unicode"]
    file = {"snapshot": "snapshots/unicode.tm"}
    suite.case("the file opens, and every id finds its item", "model", file | {"attributes": model.ids}, {
        "item_count": len(model.ids), "user_count": len(model.ids),
        "attributes": dict(zip(model.ids, model.attributes)),
    })
    strangers = ["E\u0301", "É", "\u0000\u0000", "a" * 1022, "日", "0", "00003", "\u1112", "jours", "é "]
    suite.case("what is not there is not found, however alike it looks", "model", file | {"attributes": strangers}, {
        "attributes": dict.fromkeys(strangers),
    })
    for i, name in enumerate(model.ids):
        request = {"user_id": name, "k": 2, "explain": True, "allow": [name, model.ids[i - 1], model.ids[(i * 5 + 3) % len(model.ids)]]}
        given = file | {"request": request}
        suite.case(f"id {i}: {short(name)}: user, item, list", "recommend", given, serve.answer(model, request))
    popular = {"k": len(model.ids)}
    suite.case("all ids, by popularity and then by bytes", "recommend", file | {"request": popular}, serve.answer(model, popular))
    training(suite)
    for bad, name in (("", "empty"), ("a" * 1025, "1,025 bytes"), ("é" * 512 + "a", "1,025 bytes in 513 characters"), ("\U0001f600" * 257, "1,028 bytes in 257 characters")):
        event = {"item_id": bad, "kind": "view"}
        suite.fails(f"item id, {name}: history", "recommend", file | {"request": {"history": [{"item_id": bad}]}}, "invalid_id")
        suite.fails(f"item id, {name}: record", "recommend", file | {"record": [{"user_id": "u", **event}], "request": {}}, "invalid_id")
        suite.fails(f"item id, {name}: profile", "profile", {"events": [event]}, "invalid_id")
        suite.fails(f"item id, {name}: catalog", "catalog", {"ops": [["add", bad, {}]]}, "invalid_id")
        suite.fails(f"user id, {name}: request", "recommend", file | {"request": {"user_id": bad}}, "invalid_id")
        suite.fails(f"user id, {name}: record", "recommend", file | {"record": [{"user_id": bad, "item_id": "e", "kind": "view"}], "request": {}}, "invalid_id")
        suite.fails(f"user id, {name}: train", "train", {"events": {"user_id": ["a", bad], "item_id": ["x", "y"]}}, "invalid_id")
        suite.fails(f"item id, {name}: train", "train", {"events": {"user_id": ["a", "b"], "item_id": ["x", bad]}}, "invalid_id")
    return suite


def training(suite):
    """The popular order of a fresh model is the order of the ids' bytes, where all are as popular."""
    names = [name for name in fixtures.STRANGE_IDS if name]
    random.Random(5).shuffle(names)
    ordered = snapshot.by_bytes(names)
    popular = lambda found: {"items": [{"item_id": i, "source": "popular", "rank": r + 1} for r, i in enumerate(found)]}  # noqa: E731
    events = {"user_id": [f"u{i}" for i in range(len(names))], "item_id": names}
    suite.case("training keeps every id as it is, ordered by bytes", "recommend", {
        "train": {"events": events}, "request": {"k": len(names)},
    }, popular(ordered))
    suite.case("a catalog keeps every id as it is", "recommend", {
        "train": {
            "events": {"user_id": [], "item_id": []},
            "catalog": {"items": [{"id": name, "attributes": {}} for name in names]},
        },
        "request": {"k": len(names)},
    }, popular(ordered))
    suite.case("users of every kind of name", "model", {
        "train": {"events": {"user_id": names, "item_id": ["x"] * len(names)}}, "profiles": names,
    }, {"user_count": len(names), "profiles": {n: profile.hexed([(0, "x", "view", 1.0)]) for n in names}})
    numbers = [10, 9, -3, 0, 100, 2147483648, -2147483649, 9007199254740991, 1]
    texts = snapshot.by_bytes(map(str, numbers))
    each = [f"u{i}" for i in range(len(numbers))]
    suite.case("integers are ids by their decimal text", "recommend", {
        "train": {"events": {"user_id": each, "item_id": numbers}}, "request": {"k": 20},
    }, popular(texts))
    suite.case("a history names integers by their text", "recommend", {
        "train": {"events": {"user_id": each, "item_id": numbers}},
        "request": {"k": 20, "history": [{"item_id": "9"}, {"item_id": "09"}, {"item_id": "9.0"}]},
    }, popular([t for t in texts if t != "9"]) | {"ignored": ["09", "9.0"]})
    suite.case("integer users", "model", {
        "train": {"events": {"user_id": [7, 7, -7, 10], "item_id": [1, 2, 1, 3]}}, "profiles": ["7", "-7", "10", "07"],
    }, {"user_count": 3, "item_count": 3, "profiles": {
        "7": profile.hexed([(0, "1", "view", 1.0), (0, "2", "view", 1.0)]), "-7": profile.hexed([(0, "1", "view", 1.0)]),
        "10": profile.hexed([(0, "3", "view", 1.0)]), "07": None,
    }})


def decay(models):
    suite = Suite("events", source="core/conformance/oracle/serve.py: decay, fold")
    model = models["decay"]
    file = {"snapshot": "snapshots/decay.tm"}

    def add(name, request, snapshot="decay", record=None):
        given = {"snapshot": f"snapshots/{snapshot}.tm"}
        recorded = []
        if record:
            given["record"] = [{"user_id": request["user_id"], **e} for e in record]
            recorded = [profile.event(e) for e in record]
        request = {"explain": True, "exclude_seen": False} | request
        suite.case(name, "recommend", given | {"request": request}, serve.answer(models[snapshot], request, recorded))

    event = lambda item, time=0, kind="view", **more: {"item_id": item, "kind": kind, "timestamp": time, **more}  # noqa: E731
    for user in ("old", "one", "mix"):
        add(f"{user}: age from the newest event", {"user_id": user})
        for days in (0, 1, 2, 10, 100):
            add(f"{user}: now is day {days}", {"user_id": user, "now": days * DAY})
    for days in (16, 40, 52, 500, 900, 1000):
        add(f"an event {days} half-lives ago beside a new one", {"history": [event("a"), event("b", days * DAY)]})
        add(f"alone, {days} half-lives ago", {"history": [event("a")], "now": days * DAY})
    add("alone, 1,080 half-lives ago: gone", {"history": [event("a")], "now": 1080 * DAY})
    add("alone, from the year 1 to the year 9999", {"history": [event("a", -62135596800000)], "now": 253402300799999})
    add("an event from the future counts in full", {"history": [event("a", 5 * DAY), event("b")], "now": 0})
    add("a future event and a past one", {"history": [event("a", 9 * DAY), event("b", DAY)], "now": 2 * DAY})
    for hours in (1, 5, 7, 13, 25):
        add(f"a part of a half-life: {hours} hours", {"history": [event("a"), event("b", hours * 3_600_000)]})
    add("one millisecond", {"history": [event("a"), event("b", 1)]})
    add("now without an event", {"now": 77})
    add("evidence of one item decays event by event", {
        "history": [event("a"), event("a", DAY), event("a", 2 * DAY, "dismiss"), event("b", 2 * DAY)],
    })
    add("a dismissal fades against a later view", {"history": [event("a", 0, "dislike"), event("a", 3 * DAY), event("b", 0)]})
    add("the limit holds after the decay", {"history": [event("a", t * DAY, "book") for t in range(6)] + [event("b", 5 * DAY)]})
    for kind, weight in (
        ("dwell", 10), ("dwell", 70), ("dwell", 0), ("dwell", -1000), ("dwell", 1e6), ("wish", 1), ("wish", -0.5), ("view", 1),
        ("頷く", 1), ("nothing", 5), ("rate", 0), ("rate", 2.5), ("rate", 5), ("rate", 3.75), ("rate", -5), ("rate", 50),
    ):
        add(f"kind {kind}, weight {weight}", {"history": [event("a", 0, kind, weight=weight), event("b")]})
    newer, older = event("a", DAY, "save"), event("b", 0)
    add("recorded in order", {"user_id": "x"}, record=[older, newer])
    add("recorded out of order", {"user_id": "x"}, record=[newer, older])
    add("recorded twice, out of order", {"user_id": "x"}, record=[newer, older, newer, older])
    add("recorded with two weights", {"user_id": "x"}, record=[event("a", 1, weight=1), event("a", 1, weight=3), event("a", 1, weight=2)])
    add("same time, other kind: two events", {"user_id": "x"}, record=[event("a", 1), event("a", 1, "wish")])
    add("recorded on top of the training history", {"user_id": "old"}, record=[event("e", 4 * DAY, "wish")])
    add("recorded before the training history", {"user_id": "old"}, record=[event("e", -4 * DAY, "wish")])
    add("no half-life: times do not matter", {"history": [event("barn", 0), event("castle", 900 * DAY)], "now": 5000 * DAY}, "small")
    for kind, name in (("teleport", "unknown"), ("", "empty"), ("View", "other case"), ("v" * 65, "65 bytes"), ("view ", "a space")):
        suite.fails(f"kind refused, {name}: history", "recommend", file | {"request": {"history": [{"item_id": "a", "kind": kind}]}}, "unknown_kind")
        suite.fails(f"kind refused, {name}: record", "recommend", file | {"record": [{"user_id": "u", "item_id": "a", "kind": kind}], "request": {}}, "unknown_kind")
    suite.fails("a kind of another model is unknown", "recommend", {"snapshot": "snapshots/small.tm", "request": {"history": [{"item_id": "barn", "kind": "wish"}]}}, "unknown_kind")
    return suite


def profiles():
    suite = Suite("profiles", source="core/conformance/oracle/profile.py")

    def add(name, *lists, bytes=None):
        union = profile.union(*([[profile.event(e) for e in events] for events in lists]))
        given = {"events": lists[0]}
        expect = {}
        if lists[1:]:
            given["merge"] = list(lists[1:])
            steps = [[profile.event(e) for e in events] for events in lists]
            states = [profile.union(*steps[:n]) for n in range(1, len(steps) + 1)]
            expect["merged"] = [before != after for before, after in zip(states, states[1:])]
        suite.case(name, "profile", given, expect | {"events": profile.to_json(union), "bytes": profile.hexed(union), "len": len(union)})

    event = lambda item, kind="view", timestamp=0, **more: {"item_id": item, "kind": kind, "timestamp": timestamp, **more}  # noqa: E731
    add("empty", [])
    add("one event", [event("a")])
    add("order: time, then item, then kind", [event("b"), event("a", "save"), event("a", "click"), event("z", timestamp=-1), event("a", timestamp=1)])
    add("item order is by bytes, not by UTF-16 units", [event("\U0001f600"), event("\ue000"), event("\uffff"), event("z"), event("é")])
    add("the same event twice", [event("a"), event("a")])
    add("the larger weight stays", [event("a", weight=1), event("a", weight=2), event("a", weight=1.5)])
    add("the larger of negative weights stays", [event("a", weight=-1), event("a", weight=-2)])
    add("zero is larger than negative", [event("a", weight=-1), event("a", weight=0)])
    add("a negative zero is kept as zero", [event("a", weight=-0.0)])
    add("a negative zero after zero", [event("a", weight=0.0), event("a", weight=-0.0)])
    for weight in (0.1, 1e-45, 1e-46, 1e6, -1e6, 999999.97, 1 / 3, 16777217.0 / 32, 3.4e-38):
        add(f"weight {weight!r} is kept as an f32", [event("a", weight=weight)])
    for time in (-62135596800000, 253402300799999, 0, -1, 2**31, 2**53 // 64):
        add(f"time {time}", [event("a", timestamp=time)])
    add("kinds of any name up to 64 bytes", [event("a", "x"), event("a", "é" * 32), event("a", "k" * 64), event("a", "\u0000")])
    add("ids of any name up to 1,024 bytes", [event(i) for i in ("a" * 1024, "é" * 512, "\u0000", " ", "e\u0301", "é")])
    left = [event("a"), event("b", "save", 5), event("c", weight=2)]
    right = [event("b", "save", 5), event("c", weight=3), event("d", timestamp=-3)]
    add("merge", left, right)
    add("merge the other way", right, left)
    add("merge with itself", left, left)
    add("merge with nothing", left, [])
    add("merge into nothing", [], left)
    add("merge of three", left, right, [event("c", weight=9), event("z", timestamp=99)])
    dice = random.Random(11)
    many = [event(dice.choice("abc"), dice.choice(["view", "save"]), dice.randrange(4), weight=dice.randrange(-2, 3)) for _ in range(60)]
    add("60 events with collisions", many)
    add("60 events with collisions, backwards", many[::-1])
    add("60 events with collisions, in two halves", many[30:], many[:30])
    forgotten(suite, event)
    bounded(suite, add, event)
    broken(suite)
    for field, value, code in (
        ("weight", "NaN", "invalid_weight"), ("weight", "Infinity", "invalid_weight"), ("weight", "-Infinity", "invalid_weight"),
        ("weight", 1000000.1, "invalid_weight"), ("weight", -1e300, "invalid_weight"),
        ("timestamp", -62135596800001, "invalid_timestamp"), ("timestamp", 253402300800000, "invalid_timestamp"),
        ("timestamp", 9007199254740991, "invalid_timestamp"), ("kind", "", "unknown_kind"), ("kind", "k" * 65, "unknown_kind"),
        ("kind", "é" * 33, "unknown_kind"),
    ):
        suite.fails(f"refused: {field} {str(value)[:20]}", "profile", {"events": [event("a") | {field: value}]}, code)
    return suite


def forgotten(suite, event):
    """Items that are forgotten, in turn: how many events each had, and what is left."""
    events = [event("a"), event("b", "save", 5), event("a", "save", 7), event("A"), event("é"), event("c", weight=2)]
    for items in (["a"], ["b"], ["moon"], ["a", "a"], ["A"], ["e\u0301"], ["é"], [""], ["c", "b", "a", "A", "é"]):
        left, counts = profile.union([profile.event(e) for e in events]), []
        for item in items:
            kept = [e for e in left if e[1] != item]
            counts.append(len(left) - len(kept))
            left = kept
        suite.case(f"forget {items}", "profile", {"events": events, "forget": items}, {
            "forgotten": counts, "events": profile.to_json(left), "bytes": profile.hexed(left), "len": len(left),
        })
    suite.case("forget in an empty profile", "profile", {"events": [], "forget": ["a"]}, {"forgotten": [0], "len": 0})


def bounded(suite, add, event):
    """Large profiles, compared by what they keep."""
    full = [event("a", timestamp=t) for t in range(2053)]
    union = profile.union([profile.event(e) for e in full])
    expect = {"len": 2048, "bytes": profile.hexed(union)}
    suite.case("only the newest 2,048 events stay, whatever the order", "profile", {"events": full[::-1]}, expect)
    start = profile.union([profile.event(e) for e in full[:2048]])
    suite.case("a full profile makes room for newer events", "profile", {
        "bytes": profile.hexed(start), "events": full[2050:], "merge": [[event("a", timestamp=-1), *full[2047:2050]]],
    }, expect)


def broken(suite):
    """Bytes that are no profile, with a good checksum wherever that is not the point."""
    a, b = (0, "a", "view", 1.0), (5, "b", "save", 2.5)
    good = profile.pack([a, b])
    suite.case("bytes come back", "profile", {"bytes": good.hex()}, {"events": profile.to_json([a, b]), "bytes": good.hex()})
    suite.case("bytes and more events", "profile", {"bytes": good.hex(), "events": [{"item_id": "a", "kind": "view", "weight": 7, "timestamp": 0}]}, {
        "bytes": profile.hexed([(0, "a", "view", 7.0), b]),
    })
    suite.case("empty bytes of a profile", "profile", {"bytes": profile.pack([]).hex()}, {"events": [], "len": 0})
    nan, inf = float("nan"), float("inf")
    too_many = [(t, "a", "view", 1.0) for t in range(2049)]
    forged = {
        "no bytes": b"", "a magic alone": b"TMPF", "another magic": profile.pack([a], magic=b"TMPG"),
        "lower case magic": profile.pack([a], magic=b"tmpf"), "surplus bytes": profile.seal(good[:-8] + b"\0"),
        "bytes after the checksum": good + b"\0", "cut by one": good[:-1], "half": good[: len(good) // 2], "no checksum": good[:-8],
        "a count above": profile.pack([a, b], count=3), "a count below": profile.pack([a, b], count=1),
        "a count of 65,535": profile.pack([a, b], count=65535), "2,049 events": profile.pack(too_many),
        "out of order": profile.pack([b, a]), "an event twice": profile.pack([a, a]),
        "an event with two weights": profile.pack([a, (0, "a", "view", 2.0)]),
        "items out of order": profile.pack([(0, "b", "view", 1.0), a]), "kinds out of order": profile.pack([a, (0, "a", "click", 1.0)]),
        "an empty id": profile.pack([(0, "", "view", 1.0)]), "an id of 1,025 bytes": profile.pack([(0, "a" * 1025, "view", 1.0)]),
        "an empty kind": profile.pack([(0, "a", "", 1.0)]), "a kind of 65 bytes": profile.pack([(0, "a", "k" * 65, 1.0)]),
        "weight NaN": profile.pack([(0, "a", "view", nan)]), "weight infinite": profile.pack([(0, "a", "view", -inf)]),
        "weight 1,000,001": profile.pack([(0, "a", "view", 1000001.0)]), "weight -0": profile.pack([(0, "a", "view", -0.0)]),
        "a time before the year 1": profile.pack([(-62135596800001, "a", "view", 1.0)]),
        "a time after 9999": profile.pack([(253402300800000, "a", "view", 1.0)]),
        "the largest time": profile.pack([(2**63 - 1, "a", "view", 1.0)]),
        "an id that is not UTF-8": profile.pack([(0, b"\xff", "view", 1.0)]), "half a character": profile.pack([(0, b"\xc3", "view", 1.0)]),
        "a surrogate": profile.pack([(0, b"\xed\xa0\x80", "view", 1.0)]), "an overlong NUL": profile.pack([(0, b"\xc0\x80", "view", 1.0)]),
        "a kind that is not UTF-8": profile.pack([(0, "a", b"\x80", 1.0)]),
        "a snapshot": snapshot.write(fixtures.one()),
    }
    for name, data in forged.items():
        suite.fails(f"forged: {name}", "profile", {"bytes": data.hex()}, "corrupt_profile")
    for version in (0, 2, 256, 65535):
        suite.fails(f"version {version}", "profile", {"bytes": profile.pack([a], version=version).hex()}, "unsupported_version")
    for at in (0, 6, 7, 8, 15, 16, 19, 20, 21, 23, 24, len(good) - 9, len(good) - 8, len(good) - 1):
        data = bytearray(good)
        data[at] ^= 0x10
        suite.fails(f"byte {at} changed", "profile", {"bytes": bytes(data).hex()}, "corrupt_profile")
