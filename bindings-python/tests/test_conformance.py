"""The conformance suites of ``core/conformance``, run against this package.

The runner knows operations, not suites: it walks the manifest, and fails on an operation that it
does not know and on a number of cases that is not the manifest's.
"""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from conformance import FOLDER, OPERATIONS, difference, read

import tastemaker as tm

MANIFEST = read("manifest.json")


@pytest.mark.parametrize("suite", MANIFEST["suites"], ids=lambda suite: suite["file"])
def test_every_case_passes(suite: dict[str, Any]) -> None:
    content = read(suite["file"])
    failures = []
    for case in content["cases"]:
        operation = OPERATIONS.get(case["op"])
        if operation is None:
            failures.append(f"{case['name']}: the operation {case['op']} is not known")
            continue
        try:
            actual = operation(content, case["input"])
        except tm.TastemakerError as error:
            actual = {"error": error.code}
        except Exception as error:
            # A name that is no argument, or an argument that is missing, is Python's own affair.
            names = ("unexpected keyword argument", "required positional argument")
            own = isinstance(error, TypeError) and any(name in str(error) for name in names)
            actual = {"error": "invalid_argument"} if own else {"error": f"{type(error).__name__}: {error}"}
        found = difference(case["expect"], actual)
        if found is not None:
            failures.append(f"{case['name']}: {found}")
    assert not failures, f"{len(failures)} of {len(content['cases'])} cases failed:\n" + "\n".join(failures)
    assert len(content["cases"]) == suite["cases"]


def test_the_manifest_lists_every_suite() -> None:
    assert MANIFEST["format"] == 1
    there = {path.name for path in FOLDER.glob("*.json")} - {"manifest.json", "errors.json"}
    assert {suite["file"] for suite in MANIFEST["suites"]} == there


def test_the_classes_are_those_of_the_table() -> None:
    table = read("errors.json")["errors"]
    by_code = {error["code"]: error for error in table}
    assert set(by_code) == set(tm.errors._BY_CODE)
    for code, row in by_code.items():
        error = tm.errors.error_for(code, "message")
        assert type(error) is getattr(tm, row["python_class"])
        assert error.code == code
        assert isinstance(error, getattr(builtins, row["python_base"]))


def test_a_difference_shows() -> None:
    actual = {"a": 1, "b": [1.0, {"c": "x", "d": None}]}
    for good in ({"a": 1.0}, {"b": [1, {"c": "x"}]}, {"close": {"a": 1.05, "tol": 0.1}}, {"close": {"a": 1.05, "rel": 0.05}}):
        assert difference(good, actual) is None
    for bad in (
        {"a": 1.0000000000000002},
        {"e": 1},
        {"b": [1]},
        {"b": [1, {"c": None}]},
        {"close": {"a": 1.2, "tol": 0.1}},
        {"close": {"a": 1.2, "rel": 0.1}},
        {"error": "io"},
        {"a": True},
    ):
        assert difference(bad, actual) is not None
