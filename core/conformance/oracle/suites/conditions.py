"""Conditions in strict reading: what is refused, and cases that the public vectors lack."""

from suite import Suite

DEEP = 64
MAX_NODES = 10_000


def nested(depth):
    condition = {"a": 1}
    for _ in range(depth - 1):
        condition = {"$not": condition}
    return condition


def suites(models):
    suite = Suite("conditions_strict", source="by hand, from the table of core/src/condition/mod.rs")
    refused(suite)
    limits(suite)
    answers(suite)
    return [suite]


def refused(suite):
    def bad(name, condition, also_lenient=None):
        suite.fails(f"refused: {name}", "condition", {"condition": condition, "attributes": {"a": 1}}, "invalid_condition")
        if also_lenient is not None:
            suite.case(f"lenient: {name}", "condition", {"condition": condition, "attributes": {"a": 1}, "lenient": True}, {"result": also_lenient})

    for name, condition in (("a number", 5), ("a text", "a"), ("null", None), ("a list", []), ("true", True)):
        bad(f"{name} is no condition", condition, False)
    bad("unknown operator", {"a": {"$gtt": 1}}, False)
    bad("unknown operator, negated", {"a": {"$not": {"$gtt": 1}}}, True)
    bad("an operator of other case", {"a": {"$EQ": 1}}, False)
    bad("an operator at the top", {"$gt": 1})
    bad("an unknown operator at the top", {"$xor": []})
    bad("operators beside names", {"a": {"$gt": 1, "b": 2}}, False)
    for op in ("$and", "$or", "$nor"):
        for name, value in (("an object", {"a": 1}), ("a number", 1), ("null", None)):
            bad(f"{op} of {name}", {op: value}, False)
        bad(f"{op} of numbers", {op: [1]})
    bad("$not of a list", {"$not": [{"a": 1}]}, False)
    bad("$not of null", {"$not": None}, False)
    for op in ("$eq", "$ne", "$in", "$nin", "$ini", "$nini", "$all", "$alli", "$inGroup", "$regex", "$veq", "$lt"):
        bad(f"{op} of an object", {"a": {op: {"x": 1}}})
    for op in ("$in", "$nin", "$ini", "$nini", "$all", "$alli"):
        bad(f"{op} of a text", {"a": {op: "abc"}})
        bad(f"{op} of null", {"a": {op: None}})
    for op in ("$in", "$nin"):
        bad(f"{op} of lists", {"a": {op: [[1]]}})
    for op in ("$gt", "$gte", "$lt", "$lte"):
        for name, value in (("true", True), ("null", None), ("a list", [1])):
            bad(f"{op} of {name}", {"a": {op: value}})
    bad("$exists of a number", {"a": {"$exists": 1}})
    bad("$exists of a text", {"a": {"$exists": "false"}})
    bad("$type of an unknown type", {"a": {"$type": "int"}}, False)
    bad("$type of a number", {"a": {"$type": 1}})
    bad("$size of a text", {"a": {"$size": "2"}})
    bad("$size of null", {"a": {"$size": None}})
    bad("$regex of a number", {"a": {"$regex": 1}}, False)
    for pattern in ("(", "[a", "a{2", "*", "(?<=a)b", "(a)\\1", "(?P<>a)", "a{1000000}"):
        bad(f"$regex {pattern}", {"a": {"$regex": pattern}})
    bad("$inGroup of a list", {"a": {"$inGroup": ["g"]}})
    bad("$vgt of null", {"a": {"$vgt": None}})
    bad("$elemMatch of a number", {"a": {"$elemMatch": 1}}, False)
    bad("deep inside", {"$and": [{"a": 1}, {"$or": [{"b": {"$not": {"$in": 3}}}]}]})


def limits(suite):
    def bound(name, condition, holds=None):
        given = {"condition": condition, "attributes": {"a": 1}}
        for lenient in (False, True):
            full = given | {"lenient": lenient}
            label = f"{name}, {'lenient' if lenient else 'strict'}"
            if holds is None:
                suite.fails(label, "condition", full, "invalid_condition")
            else:
                suite.case(label, "condition", full, {"result": holds})

    bound(f"{DEEP} levels", nested(DEEP), False)
    bound(f"{DEEP + 1} levels", nested(DEEP + 1))
    bound("120 levels", nested(120))
    values = lambda n: {"a": {"$in": [2] * n}}  # noqa: E731
    bound("10,000 values", values(MAX_NODES - 3), False)
    bound("10,001 values", values(MAX_NODES - 2))
    bound("a pattern of 4,096 bytes", {"a": {"$regex": "x" * 4096}}, False)
    bound("a pattern of 4,097 bytes", {"a": {"$regex": "x" * 4097}})
    bound("128 patterns", {"$or": [{"a": {"$regex": f"x{i}"}} for i in range(128)]}, False)
    bound("129 patterns", {"$or": [{"a": {"$regex": f"x{i}"}} for i in range(129)]})


def answers(suite):
    def holds(name, condition, attributes, result, **more):
        suite.case(name, "condition", {"condition": condition, "attributes": attributes, **more}, {"result": result})

    a = lambda value: {"a": value}  # noqa: E731
    holds("nothing is asked", {}, a(1), True)
    holds("nothing is there", {"a": None}, {}, True)
    holds("attributes that are a list have no attributes", {"a": None}, [1], True)
    holds("attributes that are null", {"a": {"$exists": False}}, None, True)
    holds("an attribute named __proto__ is absent", {"__proto__": None}, {}, True)
    holds("an attribute named constructor is absent", {"constructor": {"$exists": True}}, {}, False)
    holds("an attribute named __proto__ that is there", {"__proto__": {"$eq": 1}}, {"__proto__": 1}, True)
    holds("toString of a text is not entered", {"a.toString": {"$exists": True}}, a("x"), False)
    holds("length of a list", {"a.length": 2}, a([1, 2]), True)
    holds("length of a text is not entered", {"a.length": {"$exists": True}}, a("xy"), False)
    holds("an index into a list", {"a.1.b": 5}, a([0, {"b": 5}]), True)
    holds("an index with a leading zero", {"a.01": {"$exists": True}}, a([0, 1]), False)
    holds("a negative index", {"a.-1": {"$exists": True}}, a([0, 1]), False)
    holds("a name with a dot is a path", {"a.b": 1}, {"a.b": 1}, False)
    holds("an empty name in a path", {"a..b": 1}, a({"": {"b": 1}}), True)
    holds("the empty name", {"": 1}, {"": 1}, True)
    holds("text equals its number", {"a": "8"}, a(8), True)
    holds("number equals its text", {"a": 8}, a("8.0"), True)
    holds("$eq does not convert", {"a": {"$eq": 8}}, a("8"), False)
    holds("$in does not convert", {"a": {"$in": [8]}}, a("8"), False)
    holds("true as a number is 1", {"a": 1}, a(True), True)
    holds("null as a number is 0", {"a": 0}, {}, True)
    holds("blank text as a number is 0", {"a": 0}, a(" \n"), True)
    holds("hexadecimal text as a number", {"a": 16}, a("0x10"), True)
    holds("other text is not a number", {"a": {"$lt": 5}}, a("four"), False)
    holds("$not of an incomparable pair", {"a": {"$not": {"$lt": 5}}}, a("four"), True)
    holds("texts compare as texts", {"a": {"$lt": "9"}}, a("10"), True)
    holds("a number and a text compare as numbers", {"a": {"$lt": "9"}}, a(10), False)
    holds("texts compare by UTF-16 units", {"a": {"$gt": "\U0001f600"}}, a("\uff21"), True)
    holds("0.1 + 0.2 is not 0.3", {"a": {"$eq": 0.3}}, a(0.30000000000000004), False)
    holds("integers beyond 2^53 are floats", {"a": {"$eq": 9007199254740993}}, a(9007199254740992), True)
    holds("-0 equals 0", {"a": {"$eq": 0}}, a(-0.0), True)
    holds("-0 is in a list with 0", {"a": {"$in": [0]}}, a(-0.0), True)
    holds("1e3 equals 1000", {"a": {"$in": [1000]}}, a(1e3), True)
    holds("composed and decomposed text differ", {"a": "é"}, a("e\u0301"), False)
    holds("a NUL inside a text", {"a": "x\u0000y"}, a("x\u0000y"), True)
    holds("a list as text", {"a": "1,2"}, a([1, 2]), True)
    holds("a list in depth", {"a": [1, {"b": [None]}]}, a([1, {"b": [None]}]), True)
    holds("a list in another order", {"a": [1, 2]}, a([2, 1]), False)
    holds("an object in another order of keys", {"a": {"x": 1, "y": 2}}, a({"y": 2, "x": 1}), True)
    holds("an object with one more key", {"a": {"x": 1}}, a({"x": 1, "y": 2}), False)
    holds("an empty object", {"a": {}}, a({}), True)
    holds("an empty object is not null", {"a": {}}, {}, False)
    holds("empty $and", {"$and": []}, {}, True)
    holds("empty $or", {"$or": []}, {}, True)
    holds("empty $nor", {"$nor": []}, {}, False)
    holds("empty $in", {"a": {"$in": []}}, a(1), False)
    holds("empty $nin", {"a": {"$nin": []}}, a(1), True)
    holds("empty $all", {"a": {"$all": []}}, a([]), True)
    holds("empty $all on what is no list", {"a": {"$all": []}}, a("x"), False)
    holds("$in of null finds the missing", {"a": {"$in": [None]}}, {}, True)
    holds("$nin holds for the missing", {"a": {"$nin": [1]}}, {}, True)
    holds("$ini knows more than ASCII", {"a": {"$ini": ["ÉCOLE"]}}, a("école"), True)
    holds("$regexi knows ASCII only", {"a": {"$regexi": "É"}}, a("é"), False)
    holds("a dot matches a whole character", {"a": {"$regex": "^.$"}}, a("\U0001f600"), True)
    holds("a pattern that backtracks elsewhere is linear here", {"a": {"$regex": "^(a+)+$"}}, a("a" * 3000 + "b"), False)
    holds("$regex on a number", {"a": {"$regex": "^1.5$"}}, a(1.5), True)
    holds("$regex on null", {"a": {"$regex": "null"}}, {}, False)
    holds("$size by operators", {"a": {"$size": {"$gt": 1}}}, a([1, 2]), True)
    holds("$size of a text", {"a": {"$size": 2}}, a("xy"), False)
    holds("$elemMatch skips falsy elements", {"a": {"$elemMatch": {"$lt": 1}}}, a([0, "", None, False]), False)
    holds("$elemMatch with a condition", {"a": {"$elemMatch": {"x": 1, "y": {"$gt": 2}}}}, a([{"x": 1, "y": 1}, {"x": 1, "y": 3}]), True)
    holds("two operators must both hold", {"a": {"$gt": 1, "$lt": 3}}, a(3), False)
    holds("a group that is there", {"a": {"$inGroup": "g"}}, a(2), True, groups={"g": [1, 2]})
    holds("a group that is not a list", {"a": {"$inGroup": "g"}}, a(2), False, groups={"g": 2})
    holds("a missing group", {"a": {"$notInGroup": "g"}}, a(2), True, groups={})
    holds("versions, not texts", {"a": {"$vgt": "9.9.9"}}, a("10.0.0"), True)
    holds("a release is after its candidate", {"a": {"$vgt": "1.0.0-rc.1"}}, a("1.0.0"), True)
    holds("a version with a v", {"a": {"$veq": "1.2.3"}}, a("v1.2.3"), True)
    for name, value in (("null", None), ("boolean", False), ("number", 0), ("string", ""), ("array", []), ("object", {})):
        for other in ("null", "boolean", "number", "string", "array", "object"):
            holds(f"$type {other} of a {name}", {"a": {"$type": other}}, a(value), name == other)
