"""Catalogs: types, inference, refusals, add, replace and remove. By hand."""

from suite import Suite

TYPES = ("text", "tags", "number", "bool", "time", "place")


def suites(models):
    suite = Suite("catalog", source="by hand, from the documentation of core/src/catalog")
    good(suite)
    refused(suite)
    limits(suite)
    return [suite]


def good(suite):
    def add(name, ops, items, schema=None, types=None):
        given = {"ops": ops} | ({"schema": schema} if schema is not None else {})
        suite.case(name, "catalog", given, {"items": items} | ({"schema": types} if types is not None else {}))

    full = {
        "title": "Old Mill", "tags": ["b", "a", "b", ""], "price": 12.5, "open": False, "place": {"lat": -90, "lon": 180},
    }
    add("empty", [], {}, types={})
    add("an empty schema", [], {}, {}, {})
    add("types are inferred", [["add", "a", full]], {"a": full}, types={
        "title": "text", "tags": "tags", "price": "number", "open": "bool", "place": "place",
    })
    add("types are declared", [["add", "a", {"x": 5}]], {"a": {"x": 5}}, {"x": "time"}, {"x": "time"})
    add("a schema is kept without values", [], {}, {t: t for t in TYPES}, {t: t for t in TYPES})
    add("what the schema does not name may come", [["add", "a", {"y": 1}]], {"a": {"y": 1}}, {"x": "time"}, {"x": "time", "y": "number"})
    add("null is absent", [["add", "a", {"x": None, "y": 1}]], {"a": {"y": 1}}, types={"y": "number"})
    add("a type comes from the first value, not from null", [["add", "a", {"x": None}], ["add", "b", {"x": "t"}]], {"a": {}, "b": {"x": "t"}})
    add("no attributes", [["add", "a", {}]], {"a": {}})
    add("replace takes all old attributes away", [["add", "a", {"x": 1, "y": 2}], ["replace", "a", {"y": 3}]], {"a": {"y": 3}})
    add("replace by nothing", [["add", "a", {"x": 1}], ["replace", "a", {}]], {"a": {}}, types={"x": "number"})
    add("remove", [["add", "a", {}], ["add", "b", {}], ["remove", "a"]], {"b": {}})
    add("remove and add again", [["add", "a", {"x": 1}], ["remove", "a"], ["add", "a", {"x": 2}]], {"a": {"x": 2}})
    add("a type outlives its items", [["add", "a", {"x": 1}], ["remove", "a"]], {}, types={"x": "number"})
    add("names of attributes with dots behind and spaces", [["add", "a", {"x y": 1, "é": 2, "a$": 3}]], {"a": {"x y": 1, "é": 2, "a$": 3}})
    add("a name of 128 bytes", [["add", "a", {"n" * 128: 1}]], {"a": {"n" * 128: 1}})
    add("__proto__ is a name like any other", [["add", "a", {"__proto__": 1, "constructor": "x"}]], {"a": {"__proto__": 1, "constructor": "x"}})
    add("ids are compared by bytes", [["add", "é", {}], ["add", "e\u0301", {}], ["add", "E", {}]], {"E": {}, "e\u0301": {}, "é": {}})
    add("the empty text", [["add", "a", {"x": ""}]], {"a": {"x": ""}})
    add("the empty list", [["add", "a", {"x": []}]], {"a": {"x": []}}, types={"x": "tags"})
    for value in (0, -0.5, 1e308, -1e308, 5e-324, 2**53 - 1, 0.1):
        add(f"number {value!r}", [["add", "a", {"x": value}]], {"a": {"x": value}})
    for value in (0, -1, -62135596800000, 253402300799999):
        add(f"time {value}", [["add", "a", {"x": value}]], {"a": {"x": value}}, {"x": "time"})
    for lat, lon in ((0, 0), (90, 180), (-90, -180), (0.1, -0.1)):
        add(f"place {lat} {lon}", [["add", "a", {"x": {"lat": lat, "lon": lon}}]], {"a": {"x": {"lat": lat, "lon": lon}}})
    add("a longer text", [["add", "a", {"x": "t" * 64}]], {"a": {"x": "t" * 64}})
    add("4,096 tags", [["add", "a", {"x": ["t"] * 4096}]], {"a": {"x": ["t"] * 4096}})


def refused(suite):
    def bad(name, ops, code="invalid_attribute", schema=None):
        suite.fails(f"refused: {name}", "catalog", {"ops": ops} | ({"schema": schema} if schema is not None else {}), code)

    one = ["add", "a", {"x": 1}]
    bad("add twice", [one, one], "duplicate_item")
    bad("add twice, other attributes", [one, ["add", "a", {}]], "duplicate_item")
    bad("replace an unknown item", [["replace", "a", {}]], "unknown_item")
    bad("remove an unknown item", [["remove", "a"]], "unknown_item")
    bad("remove twice", [one, ["remove", "a"], ["remove", "a"]], "unknown_item")
    bad("replace after remove", [one, ["remove", "a"], ["replace", "a", {}]], "unknown_item")
    bad("the id in another normal form", [["add", "é", {}], ["remove", "e\u0301"]], "unknown_item")
    bad("an empty id", [["add", "", {}]], "invalid_id")
    bad("an id of 1,025 bytes", [["add", "a" * 1025, {}]], "invalid_id")
    wrong = {
        "text": (1, True, ["a"], {"lat": 1, "lon": 1}), "tags": ("a", 1, ["a", 1], [None], [["a"]], {"lat": 1, "lon": 1}),
        "number": ("1", True, [1], {"lat": 1, "lon": 1}), "bool": (0, "true", [True]),
        "time": ("2024-01-01", True, 0.5, -62135596800001, 253402300800000, 1e300),
        "place": (1, "0,0", [0, 0], {"lat": 1}, {"lat": "1", "lon": 1}, {"lat": 90.5, "lon": 0}, {"lat": 0, "lon": -180.5},
                  {"lat": 0, "lon": 0, "alt": 0}, {"lat": None, "lon": 0}, {}),
    }
    for kind, values in wrong.items():
        for value in values:
            bad(f"{value!r} for {kind}", [["add", "a", {"x": value}]], schema={"x": kind})
    bad("a second value of another type", [one, ["add", "b", {"x": "1"}]])
    bad("replace by another type", [one, ["replace", "a", {"x": [1]}]])
    bad("a type holds after its item is gone", [one, ["remove", "a"], ["add", "a", {"x": "1"}]])
    for value in ({}, {"deep": 1}, {"lat": 1}, [1], [["a"]], [None], ["a", 2], {"lat": 91, "lon": 0}, {"lat": 0, "lon": 0, "x": 0}):
        bad(f"{value!r} without a schema", [["add", "a", {"x": value}]])
    for name in ("", "$x", "$", "a.b", ".", "n" * 129, "é" * 65):
        bad(f"the name {name[:8]!r} ({len(name.encode())} bytes)", [["add", "a", {name: 1}]])
        bad(f"the name {name[:8]!r} ({len(name.encode())} bytes) in a schema", [], schema={name: "text"})
    for kind in ("string", "Text", "", "int", "text "):
        bad(f"the type {kind!r}", [], schema={"x": kind})


def limits(suite):
    names = {f"n{i}": 1 for i in range(1024)}
    suite.case("1,024 attributes", "catalog", {"ops": [["add", "a", names]]}, {"items": {"a": names}})
    suite.fails("1,025 attributes", "catalog", {"ops": [["add", "a", names | {"more": 1}]]}, "limit_exceeded")
    suite.fails("1,024 attributes and one more", "catalog", {"ops": [["add", "a", names], ["add", "b", {"more": 1}]]}, "limit_exceeded")
    suite.fails("a schema of 1,025", "catalog", {"ops": [], "schema": {name: "text" for name in names} | {"more": "text"}}, "limit_exceeded")
    suite.fails("4,097 tags", "catalog", {"ops": [["add", "a", {"x": ["t"] * 4097}]]}, "invalid_attribute")
