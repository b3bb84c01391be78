"""Decision logs, by oracle/decisions.py; refusals by hand."""

import struct

import decisions
from suite import Suite

KEY = "a secret that nobody knows"
OTHER = "another secret, as long as that"

DECISIONS = [
    {"id": "d-1", "time": 1000, "user": "ada", "model": "m1", "context": {"b": [True, None, "x"], "a": 1}, "assignments": {"ranker": "new", "button": "red"},
     "shown": [{"item": "mill", "propensity": 0.5}, {"item": "barn", "propensity": 0.25}]},
    {"id": "d-2", "time": 900, "user": "bo", "context": "given", "assignments": {"ranker": "old"}, "shown": [{"item": "mill", "slot": 4}]},
    {"id": "日本", "time": -5, "shown": []},
    {"id": "d-3", "time": 1000, "user": "ada", "shown": [{"item": "barn", "slot": 2, "propensity": 0.1}, {"item": "barn", "slot": 0, "propensity": 0.9}]},
]
OUTCOMES = [
    {"decision": "d-1", "time": 1500, "slot": 1, "value": 2},
    {"decision": "d-1", "time": 1400, "item": "mill"},
    {"decision": "d-1", "time": 1600, "slot": 1, "value": 5},
    {"decision": "d-1", "time": 1500},
    {"decision": "d-1", "time": 1500, "slot": 0, "item": "barn"},
    {"decision": "d-2", "time": 800},
    {"decision": "d-2", "time": 5000, "value": 0.1},
    {"decision": "d-2", "time": 5001, "value": 0.2},
    {"decision": "d-3", "time": 1000, "item": "barn", "value": -1},
    {"decision": "gone", "time": 800, "name": "sale", "value": -1.5},
    {"decision": "gone", "time": 2000},
]
RECORDS = [["record", d] for d in DECISIONS] + [["record_outcome", o] for o in OUTCOMES]


def suites(models):
    return [suite()]


def run(steps, options):
    """What the steps give, and the log after them."""
    log = decisions.Log(options.get("key"), options.get("users") == "raw")
    results = []
    for name, *arguments in steps:
        if name == "merge":
            results.append(log.merge(run(arguments[0], arguments[1])[1]))
        elif name == "pseudonym":
            results.append(log.user(arguments[0]))
        elif name == "decision":
            results.append(log.decisions.get(arguments[0]))
        elif name == "counts":
            results.append([len(log.decisions), len(log.outcomes)])
        else:
            results.append(getattr(log, name)(*arguments))
    return results, log


def suite():
    suite = Suite("decisions", source="core/conformance/oracle/decisions.py")

    def case(name, steps, options=None):
        options = {"key": KEY} if options is None else options
        results, log = run(steps, options)
        suite.case(name, "decision_log", {"options": options, "steps": steps}, {"results": results, "bytes": log.to_bytes().hex()})

    case("nothing", [["counts"], ["orphans"], ["join", {}], *(["table", t] for t in ("decisions", "shown", "assignments", "outcomes"))])
    case("records", [*RECORDS, ["counts"], ["orphans"], ["decision", "d-1"], ["decision", "gone"], ["pseudonym", "ada"]])
    case("the same records twice and backwards", [*RECORDS, *reversed(RECORDS)])
    case("users as they are", [*RECORDS, ["pseudonym", "ada"], ["erase", "bo"]], {"users": "raw"})
    case("nobody needs no key", [["record", DECISIONS[2]], *([n, o] for n, o in RECORDS[4:])], {})
    case("tables", [*RECORDS, *(["table", t] for t in ("decisions", "shown", "assignments", "outcomes"))])
    joins = [{}, {"window": 400}, {"window": 500}, {"window": 0}, {"aggregate": "first"}, {"aggregate": "max"}, {"reward": "sale"}, {"reward": "none"}, {"default": -0.5},
             {"experiment": "ranker"}, {"experiment": "button"}, {"experiment": "none"}]
    joins += [j | {"level": "decision"} for j in joins]
    case("joins", [*RECORDS, *(["join", j] for j in joins)])
    case("a user is erased", [*RECORDS, ["erase", "ada"], ["erase", "ada"], ["erase", "nobody"], ["counts"], ["orphans"]])
    for before in (-5, 900, 1000, 1001, 10_000):
        case(f"what is before {before} expires", [*RECORDS, ["expire", before], ["counts"], ["orphans"]])
    halves = RECORDS[:2] + RECORDS[4:9], RECORDS[1:4] + RECORDS[8:]
    key = {"key": KEY}
    case("two halves are merged", [*halves[0], ["merge", halves[1], key], ["merge", halves[1], key]])
    case("two halves are merged the other way", [*halves[1], ["merge", halves[0], key], ["counts"]])
    same = {"id": "x", "time": 5}
    changes = [{"time": 6}, {"user": "ada"}, {"model": "m"}, {"context": "c"}, {"assignments": {"a": "b"}}, {"assignments": {"a": "c"}}, {"shown": [{"item": "i"}]},
               {"shown": [{"item": "i", "propensity": 0.5}]}, {"shown": [{"item": "h"}]}, {"shown": [{"item": "i"}, {"item": "j"}]}, {"shown": [{"item": "i", "slot": 1}]}]
    for at, change in enumerate(changes):
        one, two = [["record", same | changes[at - 1]]], [["record", same | change]]
        case(f"conflict {at}", [*one, ["merge", two, key], ["decision", "x"]])
        case(f"conflict {at}, the other way", [*two, ["merge", one, key], ["decision", "x"]])
    case("a log without users takes over a key", [["merge", RECORDS, key]], {})

    for name, context in {"nothing": None, "names": {"b": 2, "a": 1.5}, "nested": [[], {}, {"x": [-1, 0, True, "日本"]}], "a text": "x", "numbers": [1, -0.0, 1e300, 0.1]}.items():
        suite.case(f"context: {name}", "context_hash", {"context": context}, {"hash": decisions.context_hash(context)})

    def fails(name, step, code, *before, options=None):
        steps = [*before, step, ["counts"]]
        results, log = run([*before, ["counts"]], {"key": KEY} if options is None else options)
        expect = {"results": [*results[:-1], {"error": code}, results[-1]], "bytes": log.to_bytes().hex()}
        suite.case(name, "decision_log", {"options": {"key": KEY} if options is None else options, "steps": steps}, expect)

    good = {"id": "a", "time": 1, "shown": [{"item": "i"}]}
    fails("another decision with the id", ["record", good | {"time": 2}], "invalid_argument", ["record", good])
    fails("a user without a key", ["record", good | {"user": "ada"}], "invalid_argument", options={})
    fails("a pseudonym without a key", ["pseudonym", "ada"], "invalid_argument", options={})
    fails("a user is erased without a key", ["erase", "ada"], "invalid_argument", options={})
    fails("a merge of another key", ["merge", [["record", good | {"user": "ada"}]], {"key": OTHER}], "invalid_argument", *RECORDS[:1])
    fails("a merge of users as they are", ["merge", [["record", good]], {"users": "raw"}], "invalid_argument")
    for name, change, code in (
        ("no id", {"id": ""}, "invalid_id"),
        ("a long id", {"id": "x" * 1025}, "invalid_id"),
        ("no time", {"time": None}, "invalid_timestamp"),
        ("a time that is not whole", {"time": 0.5}, "invalid_timestamp"),
        ("a time beyond the calendar", {"time": 1e15}, "invalid_timestamp"),
        ("an empty user", {"user": ""}, "invalid_id"),
        ("an unknown name", {"users": "ada"}, "invalid_argument"),
        ("a variant that is no text", {"assignments": {"a": 1}}, "invalid_argument"),
        ("an experiment without a name", {"assignments": {"": "a"}}, "invalid_id"),
        ("a slot twice", {"shown": [{"item": "i", "slot": 1}, {"item": "j"}]}, "invalid_argument"),
        ("a slot beyond all", {"shown": [{"item": "i", "slot": 1000}]}, "invalid_argument"),
        ("an item without a name", {"shown": [{"item": ""}]}, "invalid_id"),
        ("no list", {"shown": "mill"}, "invalid_argument"),
        ("too many items", {"shown": [{"item": "i"}] * 1001}, "limit_exceeded"),
        *((f"a propensity of {p}", {"shown": [{"item": "i", "propensity": p}]}, "invalid_argument") for p in (0, -0.1, 1.1, "x")),
    ):
        fails(f"decision: {name}", ["record", good | change], code, ["record", good | {"id": "b"}])
    for name, change, code in (
        ("no decision", {"decision": ""}, "invalid_id"),
        ("no time", {"time": None}, "invalid_timestamp"),
        ("no reward", {"name": ""}, "invalid_id"),
        ("a value beyond all", {"value": 1e300}, "invalid_weight"),
        ("a value that is no number", {"value": "much"}, "invalid_weight"),
        ("a slot beyond all", {"slot": 1000}, "invalid_argument"),
        ("an empty item", {"item": ""}, "invalid_id"),
        ("an unknown name", {"reward": 1}, "invalid_argument"),
    ):
        fails(f"outcome: {name}", ["record_outcome", {"decision": "a", "time": 1} | change], code)
    for options in ({"aggregate": "mean"}, {"level": "user"}, {"window": -1}, {"window": 0.5}, {"default": 1e300}, {"rewards": "x"}):
        fails(f"join: {options}", ["join", options], "invalid_argument", *RECORDS[:1])
    fails("join: an empty reward", ["join", {"reward": ""}], "invalid_id")
    fails("a table that is not there", ["table", "users"], "invalid_argument")
    fails("a time of expiry beyond the calendar", ["expire", 10**15], "invalid_timestamp")
    fails("rewards that add up to too much", ["join", {}], "limit_exceeded", ["record", good], *(["record_outcome", {"decision": "a", "time": t, "value": 1e15}] for t in (1, 2)))
    for name, options in (("a short key", {"key": "short"}), ("a key beside users as they are", {"key": KEY, "users": "raw"}), ("users", {"users": "some"})):
        suite.fails(f"options: {name}", "decision_log", {"options": options, "steps": []}, "invalid_argument")

    # Bytes of strangers.
    _, log = run(RECORDS, {"key": KEY})
    content, whole = log.content(), log.to_bytes()
    opened = {"results": [[4, 11]], "bytes": whole.hex()}
    steps = [["counts"]]
    suite.case("bytes come back", "decision_log", {"bytes": whole.hex(), "options": {"key": KEY}, "steps": steps}, opened)
    suite.case("bytes come back without the key", "decision_log", {"bytes": whole.hex(), "options": {}, "steps": steps}, opened)
    suite.fails("bytes with another key", "decision_log", {"bytes": whole.hex(), "options": {"key": OTHER}, "steps": []}, "invalid_argument")
    suite.fails("bytes with users as they are", "decision_log", {"bytes": whole.hex(), "options": {"users": "raw"}, "steps": []}, "invalid_argument")

    def forged(name, data, code="corrupt_log"):
        suite.fails(f"bytes: {name}", "decision_log", {"bytes": data.hex(), "options": {}, "steps": []}, code)

    for length in (0, 3, 5, 20, 43, 44, len(whole) - 9, len(whole) - 1):
        forged(f"cut to {length}", whole[:length])
    forged("one too many", whole + b"\0")
    forged("a flipped bit", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    patched = lambda at, data: content[:at] + data + content[at + len(data):]  # noqa: E731
    forged("another version", decisions.seal(patched(4, b"\2\0")), "unsupported_version")
    forged("a mode that is not there", decisions.seal(patched(6, b"\2")))
    forged("a byte that is zero", decisions.seal(patched(7, b"\1")))
    forged("raw users with a key", decisions.seal(patched(6, b"\1")))
    forged("pseudonyms without a key", decisions.seal(patched(8, bytes(8))))
    forged("another length", decisions.seal(patched(16, struct.pack("<Q", len(whole) + 1))))
    for at, what in ((24, "texts"), (28, "decisions"), (32, "outcomes")):
        count = struct.unpack_from("<I", content, at)[0]
        forged(f"more {what}", decisions.seal(patched(at, struct.pack("<I", 0xFFFFFFFF))))
        forged(f"fewer {what}", decisions.seal(patched(at, struct.pack("<I", count - 1))))
    forged("texts out of order", decisions.seal(patched(38, b"\xf0\x9f\x98")))
    _, single = run([["record", {"id": "a", "time": 1, "shown": [{"item": "i", "propensity": 0.5}]}]], {})
    content = single.content()
    last = len(content) - 8
    for name, value in (("NaN", float("nan")), ("0", 0.0), ("2", 2.0)):
        forged(f"a propensity of {name}", decisions.seal(patched(last, struct.pack("<d", value))))
    forged("a text beyond the table", decisions.seal(patched(last - 6, struct.pack("<I", 7))))
    forged("a slot beyond all", decisions.seal(patched(last - 2, struct.pack("<H", 1000))))
    _, single = run([["record_outcome", {"decision": "a", "time": 1}]], {})
    content = single.content()
    last = len(content) - 8
    for name, value in (("NaN", float("nan")), ("-0", -0.0), ("infinity", float("inf"))):
        forged(f"a value of {name}", decisions.seal(patched(last, struct.pack("<d", value))))
    return suite
