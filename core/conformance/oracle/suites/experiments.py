"""Experiments of our own, exact splits, sticky buckets over changes, and what is refused."""

import random

from experiments import Definition, split
from suite import Suite

DAY = 86_400_000
START = 1_700_000_000_000


def suites(models):
    suite = Suite("experiments", source="oracle/experiments.py; by hand where it says nothing else")
    assigned(suite)
    layers(suite)
    ramps(suite)
    order_of_checks(suite)
    sticky(suite)
    descriptions(suite)
    refused(suite)
    contexts(suite)
    foreign(suite)
    splits(suite)
    return [suite]


def pair(a=0.5, b=0.5):
    return [{"key": "a", "weight": a}, {"key": "b", "weight": b}]


def units():
    odd = ["", "0", "Ünïcode ✓", "😀", "x" * 300, "a\u0000b", " space ", "user@example.com", "e\u0301", "é"]
    return [unit for unit in odd if unit] + [f"user-{i}" for i in range(8)]


def asks(suite, name, payload, ask, expect, form=None):
    given = {"payload": payload, "ask": ask}
    suite.case(name, "experiment", given | ({"format": form} if form else {}), expect)


def fails(suite, name, payload, code="invalid_argument", ask=("keys",), form=None):
    given = {"payload": payload, "ask": list(ask)}
    suite.fails(name, "experiment", given | ({"format": form} if form else {}), code)


def assigned(suite):
    shapes = {
        "halves": {"variations": pair()},
        "no weights": {"variations": [{"key": "x"}, {"key": "y"}, {"key": "z"}]},
        "uneven": {"variations": pair(0.9, 0.1)},
        "a weight of 0": {"variations": pair(0, 1)},
        "thirds of floats": {"variations": [{"key": str(i), "weight": w} for i, w in enumerate([0.1] * 10)]},
        "values and names": {"variations": [
            {"key": "old", "name": "As it was", "value": {"camelCase": 1, "snake_case": [None]}, "weight": 0.25},
            {"key": "new", "value": "red", "weight": 0.75},
        ]},
        "a salt": {"variations": pair(), "salt": "größe"},
        "a unit": {"variations": pair(), "unit": "device"},
        "half covered": {"variations": pair(), "coverage": 0.5},
        "nobody covered": {"variations": pair(), "coverage": 0},
        "everybody covered": {"variations": pair(), "coverage": 1},
        "the least share": {"variations": pair(2**-32, 1 - 2**-32), "coverage": 1 - 2**-32},
    }
    payload = {"experiments": shapes}
    for key in shapes:
        definition = Definition(payload, key)
        for unit in units():
            expect = definition.assign(unit)
            attribute = shapes[key].get("unit", "id")
            asks(suite, f"{key}: {unit[:20]!r}", {"experiments": {key: shapes[key]}}, ["assign", key, {"attributes": {attribute: unit}}], expect)
        asks(suite, f"{key}: by id", {"experiments": {key: shapes[key]}}, ["assign_id", key, "user-3"], definition.assign("user-3"))
    asks(suite, "all at once", payload, ["assign_all", {"attributes": {"id": "user-1", "device": "d"}}], {
        "assignments": [Definition(payload, key).assign("d" if key == "a unit" else "user-1") for key in sorted(shapes)],
        "sticky_updates": [],
    })
    one = {"experiments": {"e": {"variations": pair()}}}
    text_of = {"an integer": (42, "42"), "a fraction": (1.5, "1.5"), "true": (True, "true"), "a list": (["a", 1], "a,1")}
    for name, (value, text) in text_of.items():
        expect = Definition(one, "e").assign(text) | {"hash_value": value}
        asks(suite, f"a unit that is {name}", one, ["assign", "e", {"attributes": {"id": value}}], expect)
    out = {"in_experiment": False, "reason": "no_unit", "key": "a", "bucket": None, "hash_value": None}
    for name, attributes in {"missing": {}, "null": {"id": None}, "empty": {"id": ""}, "false": {"id": False}, "zero": {"id": 0}}.items():
        asks(suite, f"a unit that is {name}", one, ["assign", "e", {"attributes": attributes}], out)
    asks(suite, "an id that is empty", one, ["assign_id", "e", ""], out)


def layers(suite):
    payload = {
        "experiments": {
            "first": {"variations": pair(), "layer": "checkout", "slice": [0, 0.3]},
            "second": {"variations": pair(0.2, 0.8), "layer": "checkout", "slice": [0.3, 1], "coverage": 0.7},
            "outside": {"variations": pair()},
            "whole": {"variations": pair(), "layer": "mail"},
        },
        "layers": {"checkout": {"holdout": 0.2}, "mail": {"salt": "post"}},
        "holdout": {"share": 0.1, "salt": "2026"},
    }
    seen = set()
    for i in range(40):
        unit = f"layered-{i}"
        expect = [Definition(payload, key).assign(unit) for key in sorted(payload["experiments"])]
        seen |= {one["reason"] for one in expect}
        assert not (expect[0]["in_experiment"] and expect[2]["in_experiment"])
        if i < 12:
            for one in expect:
                asks(suite, f"layers: {unit} in {one['experiment']} by id", payload, ["assign_id", one["experiment"], unit], one)
        asks(suite, f"layers: {unit}", payload, ["assign_all", {"attributes": {"id": unit}}], {"assignments": expect})
    assert seen == {"assigned", "holdout", "layer", "coverage"}, seen


def ramps(suite):
    ramp = [[START, 0.1], [START + DAY, 0.5], [START + 2 * DAY, 0.5], [START + 3 * DAY, 1]]
    payload = {"experiments": {"e": {"variations": pair(), "coverage": ramp}}}
    definition = Definition(payload, "e")
    for i in range(6):
        for now in (START - 1, START, START + DAY - 1, START + DAY, START + 2 * DAY, START + 9 * DAY, START):
            name = f"ramp: user {i} at {now - START}"
            if any(case["name"] == name for case in suite.cases):
                name += ", the clock gone back"
            unit = f"ramped-{i}"
            asks(suite, name, payload, ["assign", "e", {"attributes": {"id": unit}, "now": now}], definition.assign(unit, now))
    fails(suite, "ramp: without the time", payload, ask=["assign", "e", {"attributes": {"id": "1"}}])
    fails(suite, "ramp: an id has no time", payload, ask=["assign_id", "e", "1"])
    # Someone who is not asked for their bucket needs no time.
    asks(suite, "ramp: forced, without the time", payload, ["assign", "e", {"attributes": {"id": "1"}, "forced": {"e": 1}}], {"key": "b", "reason": "forced"})


def order_of_checks(suite):
    payload = {
        "experiments": {"e": {"variations": pair(), "condition": {"country": {"$in": ["NZ", "AU"]}, "id": {"$notInGroup": "staff"}}}},
        "groups": {"staff": ["ada"]},
    }
    definition = Definition(payload, "e")

    def check(name, context, expect):
        asks(suite, f"checks: {name}", payload, ["assign", "e", {"attributes": {"id": "eve", "country": "NZ"}} | context], expect)

    inside = definition.assign("eve")
    other = 1 - inside["variation_id"]
    out = {"in_experiment": False, "hash_used": False, "bucket": None, "variation_id": 0, "key": "a"}
    check("the condition holds", {}, inside)
    check("the condition does not hold", {"attributes": {"id": "eve", "country": "DE"}}, out | {"reason": "condition"})
    check("in a group", {"attributes": {"id": "ada", "country": "NZ"}}, out | {"reason": "condition"})
    check("not enabled", {"enabled": False, "forced": {"e": 1}}, out | {"reason": "disabled"})
    check("QA mode", {"qa_mode": True}, out | {"reason": "qa_mode"})
    forced = {"in_experiment": True, "hash_used": False, "bucket": None, "variation_id": other}
    check("forced by place", {"forced": {"e": other}}, forced | {"reason": "forced"})
    check("forced by key", {"forced": {"e": "ab"[other]}}, forced | {"reason": "forced"})
    check("forced in QA mode", {"qa_mode": True, "forced": {"e": other}}, forced | {"reason": "forced"})
    check("forced without the condition", {"attributes": {}, "forced": {"e": other}}, forced | {"reason": "forced", "hash_value": None})
    check("forced to an unknown key", {"forced": {"e": "c"}}, out | {"reason": "forced"})
    check("forced to a place beyond", {"forced": {"e": 2}}, out | {"reason": "forced"})
    check("forced to a negative place", {"forced": {"e": -1}}, out | {"reason": "forced"})
    check("forced elsewhere", {"forced": {"f": 1}}, inside)
    check("forced by the address", {"url": f"https://example.com/?a=1&e={other}#top"}, forced | {"reason": "url"})
    check("the address before the context", {"url": f"/?e={other}", "forced": {"e": 1 - other}}, forced | {"reason": "url"})
    check("an address that says nothing", {"url": "https://example.com/?e=7"}, inside)
    off = {"experiments": {"e": {"variations": pair(), "active": False}}}
    asks(suite, "checks: not active", off, ["assign_id", "e", "eve"], out | {"reason": "inactive"})
    asks(suite, "checks: not active, by id", off, ["assign_id", "e", "eve"], out | {"reason": "inactive", "hash_value": "eve"})
    asks(suite, "checks: the condition does not hold, by id", payload, ["assign_id", "e", "eve"], out | {"reason": "condition", "hash_value": "eve"})
    asks(suite, "checks: an unknown hash version, by id", {"experiments": [{"key": "e", "variations": [0, 1], "hashVersion": 3}]}, ["assign_id", "e", "eve"], out | {"reason": "unknown_version", "key": "0"}, "growthbook")
    asks(suite, "checks: stopped, by id", {"experiments": [{"key": "e", "variations": [0, 1], "status": "stopped"}]}, ["assign_id", "e", "eve"], out | {"reason": "stopped", "key": "0"}, "growthbook")
    asks(suite, "checks: not active, but forced", off, ["assign", "e", {"attributes": {"id": "eve"}, "forced": {"e": "b"}}], {"in_experiment": True, "key": "b", "reason": "forced"})


def doc(name, value, **assignments):
    return {"attributeName": name, "attributeValue": value, "assignments": assignments}


def sticky(suite):
    def check(name, definition, context, expect, payload=None):
        asks(suite, f"sticky: {name}", {"experiments": {"e": definition}} | (payload or {}), ["assign", "e", context], expect)

    plain = {"variations": pair()}
    at = {"id": "eve"}
    place = Definition({"experiments": {"e": plain}}, "e").hashed("eve")
    now, other = "ab"[place], "ab"[1 - place]
    kept = {"key": other, "reason": "sticky", "sticky_bucket_used": True, "hash_used": True, "in_experiment": True, "sticky_updates": []}
    check("nothing kept yet", plain, {"attributes": at, "sticky": []}, {"key": now, "reason": "assigned", "moved": False, "sticky_updates": [doc("id", "eve", e__0=now)]})
    check("not asked for", plain, {"attributes": at}, {"key": now, "sticky_updates": []})
    check("kept, and where the hash is", plain, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now, "moved": False})
    check("kept, and the hash is elsewhere", plain, {"attributes": at, "sticky": [doc("id", "eve", e__0=other)]}, kept | {"moved": True})
    check("other experiments are kept too", plain, {"attributes": at, "sticky": [doc("id", "eve", f__0="x")]}, {"reason": "assigned", "sticky_updates": [doc("id", "eve", e__0=now, f__0="x")]})
    check("somebody else's", plain, {"attributes": at, "sticky": [doc("id", "ada", e__0=other)]}, {"key": now, "reason": "assigned"})
    check("the later of two documents", plain, {"attributes": at, "sticky": [doc("id", "eve", e__0=now), doc("id", "eve", e__0=other)]}, kept | {"moved": True})
    check("a variation that is gone", plain, {"attributes": at, "sticky": [doc("id", "eve", e__0="c")]}, {"key": now, "reason": "assigned", "sticky_updates": [doc("id", "eve", e__0=now)]})
    check("not sticky", plain | {"sticky": False}, {"attributes": at, "sticky": [doc("id", "eve", e__0=other)]}, {"key": now, "reason": "assigned", "sticky_updates": []})
    check("a number as the unit", plain, {"attributes": {"id": 7}, "sticky": [doc("id", "7", e__0="b")]}, {"key": "b", "reason": "sticky"})
    # The weights change so that everybody would be in the other variation.
    turned = {"variations": pair(0, 1) if now == "a" else pair(1, 0)}
    check("weights changed under way", turned, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now, "moved": True})
    check("weights changed, a new user", turned, {"attributes": at, "sticky": []}, {"key": other, "reason": "assigned", "moved": False})
    check("coverage went down", plain | {"coverage": 0}, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now, "moved": True})
    check("the condition no longer holds", plain | {"condition": {"country": "NZ"}}, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now, "moved": False})
    check("held out since", plain, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now}, {"holdout": {"share": 1}})
    check("no longer active", plain | {"active": False}, {"attributes": at, "sticky": [doc("id", "eve", e__0=now)]}, {"reason": "inactive", "in_experiment": False})
    ramp = plain | {"coverage": [[START, 1]]}
    check("a clock gone back keeps its users", ramp, {"attributes": at, "now": START - 1, "sticky": [doc("id", "eve", e__0=now)]}, kept | {"key": now, "moved": True})
    newer = plain | {"bucket_version": 2}
    check("another version begins anew", newer, {"attributes": at, "sticky": [doc("id", "eve", e__0=other)]}, {"key": now, "reason": "assigned", "sticky_updates": [doc("id", "eve", e__0=other, e__2=now)]})
    blocked = newer | {"min_bucket_version": 2}
    out = {"in_experiment": False, "reason": "blocked", "sticky_bucket_used": True, "sticky_updates": []}
    check("an older version is blocked", blocked, {"attributes": at, "sticky": [doc("id", "eve", e__1=now)]}, out)
    check("an older version of another experiment is not", blocked, {"attributes": at, "sticky": [doc("id", "eve", ee__1=now)]}, {"reason": "assigned"})
    fallback = plain | {"fallback_unit": "device"}
    by_device = Definition({"experiments": {"e": plain}}, "e").assign("d-1") | {"hash_attribute": "device", "sticky_updates": [doc("device", "d-1", e__0="ab"[Definition({"experiments": {"e": plain}}, "e").hashed("d-1")])]}
    check("the fallback unit", fallback, {"attributes": {"device": "d-1"}, "sticky": []}, by_device)
    check("no fallback without sticky buckets", fallback, {"attributes": {"device": "d-1"}}, {"reason": "no_unit", "in_experiment": False})
    check("from the fallback to the unit", fallback, {"attributes": at | {"device": "d-1"}, "sticky": [doc("device", "d-1", e__0=other)]}, kept | {"moved": True, "sticky_updates": [doc("id", "eve", e__0=other)]})
    two = {"experiments": {"e": plain, "f": plain}}
    f = "ab"[Definition(two, "f").hashed("eve")]
    asks(suite, "sticky: all at once give one document", two, ["assign_all", {"attributes": at, "sticky": []}], {"sticky_updates": [doc("id", "eve", e__0=now, f__0=f)]})


def descriptions(suite):
    payload = {"experiments": {"e": {"variations": [{"key": "a", "weight": 0.25, "value": 1}, {"key": "b", "name": "B", "weight": 0.75}], "fallback_unit": "device"}}}
    asks(suite, "described", payload, ["describe", "e"], {
        "key": "e", "hash_version": 3, "buckets": 2**32, "unit": "id", "fallback_unit": "device",
        "variations": [
            {"key": "a", "name": None, "value": 1, "passthrough": False, "range": [0, 0.25]},
            {"key": "b", "name": "B", "value": None, "passthrough": False, "range": [0.25, 1]},
        ],
    })
    keys = ["", "Z", "a", "é", "😀"]
    asks(suite, "keys are in the order of their bytes", {"experiments": {key: {"variations": pair()} for key in keys if key}}, ["keys"], {"experiments": keys[1:], "features": []})
    asks(suite, "nothing at all", {}, ["keys"], {"experiments": [], "features": []})
    fails(suite, "described: an unknown experiment", payload, ask=["describe", "f"])
    fails(suite, "an unknown experiment", payload, ask=["assign", "f", {"attributes": {"id": "1"}}])
    fails(suite, "an unknown experiment by id", payload, ask=["assign_id", "f", "1"])
    asks(suite, "an unknown feature", payload, ["feature", "f", {"attributes": {"id": "1"}}], {"value": None, "on": False, "source": "unknownFeature"})
    asks(suite, "a feature that is forced", payload, ["feature", "f", {"attributes": {}, "forced_features": {"f": [0]}}], {"value": [0], "on": True, "source": "override"})


def refused(suite):
    def bad(name, definition, code="invalid_argument", **payload):
        fails(suite, f"refused: {name}", {"experiments": {"e": definition}} | payload, code)

    for name, weights in {
        "too small": (0.5, 0.4), "too large": (0.5, 0.6), "a little off": (0.5, 0.500001), "negative": (-0.5, 1.5),
        "beyond 1": (1.5, -0.5), "all 0": (0, 0), "text": ("0.5", "0.5"), "true": (True, False), "infinite": ("Infinity", 0), "NaN": ("NaN", 1),
    }.items():
        bad(f"weights {name}", {"variations": pair(*weights)})
    bad("a weight for one only", {"variations": [{"key": "a", "weight": 1}, {"key": "b"}]})
    asks(suite, "weights within 1e-9 are fine", {"experiments": {"e": {"variations": pair(0.5, 0.5 + 5e-10)}}}, ["keys"], {"experiments": ["e"]})
    for name, variations in {
        "none": [], "one": [{"key": "a"}], "null": None, "an object": {"a": 1}, "texts": ["a", "b"], "twice the same key": [{"key": "a"}, {"key": "a"}],
        "an empty key": [{"key": "a"}, {"key": ""}], "no key": [{"key": "a"}, {}], "an unknown name": [{"key": "a"}, {"key": "b", "wieght": 1}],
    }.items():
        bad(f"variations: {name}", {"variations": variations})
    bad("no variations", {})
    bad("too many variations", {"variations": [{"key": str(i)} for i in range(1_001)]}, "limit_exceeded")
    for name, coverage in {
        "below 0": -0.1, "above 1": 1.1, "text": "0.5", "an empty ramp": [], "a ramp that sinks": [[START, 0.5], [START + 1, 0.4]],
        "times that fall": [[START, 0.1], [START - 1, 0.2]], "a time twice": [[START, 0.1], [START, 0.2]], "no pairs": [START, 0.1],
        "a share beyond 1": [[START, 2]], "an object": {"share": 1},
    }.items():
        bad(f"coverage {name}", {"variations": pair(), "coverage": coverage})
    bad("a time that is not whole", {"variations": pair(), "coverage": [[0.5, 1]]}, "invalid_timestamp")
    bad("a time beyond the years", {"variations": pair(), "coverage": [[10**15, 1]]}, "invalid_timestamp")
    for version in (0, 1, 2, 4, 99, "3", 2.5):
        bad(f"version {version!r}", {"variations": pair(), "version": version})
    asks(suite, "version 3", {"experiments": {"e": {"variations": pair(), "version": 3}}}, ["keys"], {"experiments": ["e"]})
    bad("an unknown name", {"variations": pair(), "weights": [0.5, 0.5]})
    bad("a condition that is not one", {"variations": pair(), "condition": {"a": {"$gtt": 1}}}, "invalid_condition")
    bad("a unit that is a number", {"variations": pair(), "unit": 1})
    bad("active as a text", {"variations": pair(), "active": "yes"})
    bad("a negative version of buckets", {"variations": pair(), "bucket_version": -1})
    bad("a layer that is not there", {"variations": pair(), "layer": "x"})
    bad("a slice without a layer", {"variations": pair(), "slice": [0, 1]})
    for name, part in {"backwards": [0.5, 0.4], "empty": [0.5, 0.5], "beyond": [0.5, 1.5], "negative": [-0.1, 0.5], "of three": [0, 0.5, 1], "a text": "all", "null": [None, 1]}.items():
        bad(f"a slice {name}", {"variations": pair(), "layer": "l", "slice": part}, layers={"l": {}})

    def both(first, second):
        return {"experiments": {"e": {"variations": pair(), "layer": "l"} | first, "f": {"variations": pair(), "layer": "l"} | second}, "layers": {"l": {}}}

    fails(suite, "refused: slices that overlap", both({"slice": [0, 0.6]}, {"slice": [0.5, 1]}))
    fails(suite, "refused: two units in one layer", both({"slice": [0, 0.5]}, {"slice": [0.5, 1], "unit": "device"}))
    asks(suite, "slices that touch", both({"slice": [0, 0.5]}, {"slice": [0.5, 1]}), ["keys"], {"experiments": ["e", "f"]})
    asks(suite, "slices that overlap, one not active", both({"slice": [0, 0.6], "active": False}, {"slice": [0.5, 1]}), ["keys"], {"experiments": ["e", "f"]})
    fails(suite, "refused: an empty key", {"experiments": {"": {"variations": pair()}}})
    for name, payload in {"a list": [], "a text": "x", "a number": 1}.items():
        fails(suite, f"refused: a payload that is {name}", payload)
        fails(suite, f"refused: a payload of GrowthBook that is {name}", payload, form="growthbook")
        fails(suite, f"refused: a payload of Unleash that is {name}", payload, form="unleash")
    fails(suite, "refused: an unknown part of the payload", {"experiment": {}})
    fails(suite, "refused: experiments as a list", {"experiments": []})
    fails(suite, "refused: a holdout beyond 1", {"holdout": {"share": 1.5}})
    fails(suite, "refused: an unknown name in a holdout", {"holdout": {"part": 0.5}})
    fails(suite, "refused: a layer's holdout below 0", {"layers": {"l": {"holdout": -1}}})
    fails(suite, "refused: features of GrowthBook as a list", {"features": []}, form="growthbook")
    fails(suite, "refused: events of Unleash of an unknown type", {"events": [{"type": "feature-renamed"}]}, form="unleash")
    for weight in (-1, 0.5, "1", None, 2**33):
        flag = {"name": "f", "enabled": True, "strategies": [], "variants": [{"name": "v", "weight": weight}]}
        fails(suite, f"refused: a weight of Unleash of {weight!r}", {"features": [flag]}, form="unleash")


def contexts(suite):
    payload = {"experiments": {"e": {"variations": pair()}}}

    def bad(name, context, code="invalid_argument"):
        fails(suite, f"context: {name}", payload, code, ask=["assign", "e", {"attributes": {"id": "1"}} | context])

    bad("an unknown name", {"atributes": {}})
    bad("attributes as a list", {"attributes": [1]})
    bad("forced as a list", {"forced": [1]})
    bad("forced to a list", {"forced": {"e": [1]}})
    bad("forced to true", {"forced": {"e": True}})
    bad("sticky as an object", {"sticky": {"id||1": doc("id", "1")}})
    bad("a sticky document with an unknown name", {"sticky": [{"attribute": "id"}]})
    bad("a sticky bucket that is a number", {"sticky": [doc("id", "1", e__0=1)]})
    bad("an address that is a number", {"url": 1})
    bad("enabled as a text", {"enabled": "yes"})
    bad("random as a number", {"random": 0.5})


def foreign(suite):
    """What the public vectors leave out, by hand from the SDKs' descriptions."""
    even = {"variations": [0, 1], "key": "e"}

    def growthbook(name, experiment, context, expect):
        asks(suite, f"growthbook: {name}", {"experiments": [even | experiment]}, ["assign", "e", context], expect, "growthbook")

    at = {"attributes": {"id": "1"}}
    growthbook("a draft", {"status": "draft"}, at, {"reason": "inactive"})
    growthbook("stopped", {"status": "stopped"}, at, {"reason": "stopped", "in_experiment": False})
    growthbook("targets addresses", {"urlPatterns": [{"type": "simple", "include": True, "pattern": "/"}]}, at | {"url": "/"}, {"reason": "url_targeting", "in_experiment": False})
    growthbook("an unknown hash version", {"hashVersion": 3}, at, {"reason": "unknown_version", "in_experiment": False})
    growthbook("weights that do not add up are equal", {"weights": [0.2, 0.2]}, at, {"in_experiment": True})
    growthbook("forced by key", {"meta": [{"key": "c"}, {"key": "t"}]}, at | {"forced": {"e": "t"}}, {"variation_id": 1, "key": "t", "reason": "forced"})
    growthbook("ranges fewer than variations", {"ranges": [[0, 0]]}, at, {"reason": "coverage"})
    growthbook("more ranges than variations", {"ranges": [[0, 0], [0, 0], [0, 1]]}, at, {"reason": "coverage", "in_experiment": False})
    twice = {"experiments": [even | {"active": False}, even]}
    asks(suite, "growthbook: the first of a key counts", twice, ["assign", "e", at], {"reason": "inactive"}, "growthbook")
    flags = {"features": {"f": {"defaultValue": 1}, "g": {"defaultValue": 0}}}
    asks(suite, "growthbook: keys", flags, ["keys"], {"experiments": [], "features": ["f", "g"]}, "growthbook")
    asks(suite, "growthbook: a feature that is forced", flags, ["feature", "g", at | {"forced_features": {"g": 2}}], {"value": 2, "on": True, "source": "override"}, "growthbook")
    rollout = lambda percent, **more: {"features": [{"name": "f", "enabled": True, "strategies": [{"name": "flexibleRollout", "parameters": {"rollout": str(percent), "stickiness": "default", "groupId": "f"}, **more}]}]}  # noqa: E731
    asks(suite, "unleash: no id, and all are in", rollout(100), ["feature", "f", {"attributes": {}}], {"on": True}, "unleash")
    asks(suite, "unleash: no id, and not all are in", rollout(99), ["feature", "f", {"attributes": {}}], {"on": False, "source": "noStrategy"}, "unleash")
    for unit, first in (("1", murmur_place("f", "1")), ("2", murmur_place("f", "2"))):
        for percent in (first - 1, first, 0, 100):
            expect = {"on": percent >= first and percent > 0}
            asks(suite, f"unleash: user {unit} at {percent} percent", rollout(percent), ["feature", "f", {"attributes": {"userId": unit}}], expect, "unleash")
            asks(suite, f"unleash: {unit} for a random number at {percent} percent", rollout(percent), ["feature", "f", {"attributes": {}, "random": unit}], expect, "unleash")
    asks(suite, "unleash: an unknown feature", rollout(100), ["feature", "g", {"attributes": {}}], {"on": False, "source": "unknownFeature", "variant": {"name": "disabled", "enabled": False}}, "unleash")
    asks(suite, "unleash: an unknown strategy", {"features": [{"name": "f", "enabled": True, "strategies": [{"name": "mine"}]}]}, ["feature", "f", {"attributes": {}}], {"on": False}, "unleash")
    asks(suite, "unleash: nothing at all", {}, ["feature", "f", {"attributes": {}}], {"on": False, "source": "unknownFeature", "variant": {"name": "disabled", "enabled": False}}, "unleash")
    dated = rollout(100, constraints=[{"contextName": "currentTime", "operator": "DATE_AFTER", "value": "2024-02-29T12:00:00Z"}])
    for now, on in ((1_709_208_000_001, True), (1_709_208_000_000, False)):
        asks(suite, f"unleash: the time is {now}", dated, ["feature", "f", {"attributes": {}, "now": now}], {"on": on}, "unleash")


def murmur(data):
    """MurmurHash3, 32 bits for x86, seed 0, after Austin Appleby's description."""
    mask = 0xFFFFFFFF
    rotate = lambda x, r: (x << r | x >> (32 - r)) & mask  # noqa: E731
    value = 0
    for at in range(0, len(data), 4):
        block = data[at : at + 4]
        k = int.from_bytes(block, "little") * 0xCC9E2D51 & mask
        value ^= rotate(k, 15) * 0x1B873593 & mask
        if len(block) == 4:
            value = (rotate(value, 13) * 5 + 0xE6546B64) & mask
    value ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = (value ^ value >> shift) * factor & mask
    return value ^ value >> 16


def murmur_place(group, unit):
    return murmur(f"{group}:{unit}".encode()) % 100 + 1


def splits(suite):
    def case(name, ids, weights, salt="s"):
        suite.case(f"split: {name}", "split_exact", {"ids": ids, "weights": weights, "salt": salt}, {"arms": split(ids, weights, salt)})

    ids = [f"user-{i}" for i in range(100)]
    shuffled = ids[:]
    random.Random(5).shuffle(shuffled)
    case("40, 30, 30 of 100", ids, [0.4, 0.3, 0.3])
    case("the same in another order", shuffled, [0.4, 0.3, 0.3])
    case("another salt", ids, [0.4, 0.3, 0.3], "größe")
    case("thirds", ids, [1 / 3, 1 / 3, 1 / 3])
    case("remainders", ids[:37], [0.07, 0.13, 0.21, 0.59])
    case("more weights than ids", ids[:3], [0.2] * 5)
    case("a weight of 0", ids[:10], [0, 1])
    case("one weight", ids[:4], [1])
    case("nobody", [], [0.5, 0.5])
    case("integers", list(range(-5, 40)), [0.5, 0.5])
    case("odd texts", [unit for unit in units() if unit], [0.5, 0.5])
    for count in (1, 2, 7, 50):
        case(f"{count} ids", ids[:count], [0.6, 0.4])
    counts = split([str(i) for i in range(10_000)], [0.4, 0.3, 0.3], "s")
    assert [counts.count(arm) for arm in range(3)] == [4000, 3000, 3000]

    def bad(name, ids, weights, code="invalid_argument"):
        suite.fails(f"split: {name}", "split_exact", {"ids": ids, "weights": weights, "salt": "s"}, code)

    bad("an id twice", ["a", "b", "a"], [0.5, 0.5])
    bad("an empty id", ["a", ""], [0.5, 0.5], "invalid_id")
    bad("a long id", ["a", "x" * 1025], [0.5, 0.5], "invalid_id")
    for name, weights in {"none": [], "too small": [0.5, 0.4], "negative": [-0.5, 1.5], "NaN": ["NaN", 1], "infinite": ["Infinity", 0]}.items():
        bad(f"weights {name}", ["a", "b"], weights)
