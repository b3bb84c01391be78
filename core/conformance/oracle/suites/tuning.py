"""Tuning: when nothing is tried, and what is refused. What is tried is judged by the core's own tests.

The default blend and its reasons are written here by hand.
"""

import trainers
from suite import Suite
from suites.training import BASE, WEIGHTS, table

BLEND = trainers.plan([{"name": "ridge", "weight": 1.0}, {"name": "spectral", "weight": 0.5}])
USED = {"validation": "auto", "k": 50, "users": 8000, "budget_s": 60.0}
FEW = "too few users with events to hold out"
NONE = "the budget is 0"


def suites(_):
    suite = Suite("tuning", source="by hand")
    events = table(BASE, weight=WEIGHTS)
    validation = {"user_id": ["u", "w", "z"], "item_id": ["c", "d", "b"]}

    def untried(name, reason, tune=None, **more):
        options = {"options": {"tune": tune}} if tune is not None else {}
        report = {"protocol": None, "reason": reason, "options": USED | (tune or {})}
        suite.case(name, "tune", {"events": events} | options | more, {"trainer": BLEND, "report": report})

    untried("four users are too few", FEW)
    untried("four users are too few to judge by given items", FEW, validation=validation)
    untried("by time without times", FEW, {"validation": "time"})
    untried("by chance", FEW, {"validation": "random", "k": 1, "users": 50, "budget_s": 1e6})
    untried("no budget", NONE, {"budget_s": 0.0})
    untried("no budget, with given items", NONE, {"budget_s": 0.0}, validation=validation)
    untried("a catalog comes too", FEW, catalog={"items": [{"id": "q", "attributes": {}}]})
    untried("users and items that nobody knows", FEW, validation={"user_id": ["x", "u"], "item_id": ["a", "y"]})
    untried("no rows to judge by", FEW, validation={"user_id": [], "item_id": []})
    suite.case("the manifest has the report and the trainers", "train", {"events": events, "options": {"tune": {"k": 7}}}, {
        "manifest": {"options": {"trainer": BLEND}, "tuning": {"protocol": None, "reason": FEW, "options": USED | {"k": 7}}},
    })
    suite.case("auto is the default", "train", {"events": events, "options": {"trainer": "auto", "tune": {"budget_s": 0}}}, {
        "manifest": {"options": {"trainer": BLEND}, "tuning": {"protocol": None, "reason": NONE}},
    })
    for tune in (
        {"validation": "newest"}, {"validation": 3}, {"k": 0}, {"k": 1001}, {"k": 1.5}, {"users": 49}, {"users": 1000001},
        {"budget_s": -1}, {"budget_s": 1.5e6}, {"budget": 3}, "time", ["time"],
    ):
        for op in ("tune", "train"):
            suite.fails(f"{op}: option refused: {tune}", op, {"events": events, "options": {"tune": tune}}, "invalid_argument")
    suite.fails("an option of training refused", "tune", {"events": events, "options": {"neighbors": 0}}, "invalid_argument")
    suite.fails("no events", "tune", {"events": {"user_id": [], "item_id": []}}, "invalid_argument")
    suite.fails("events of unequal length", "tune", {"events": events | {"item_id": ["a"]}}, "length_mismatch")
    for users, items in ((["u"], ["a", "b"]), (["u", "v"], ["a"]), (["u"], [])):
        suite.fails(f"{len(users)} users and {len(items)} items to judge by", "tune", {
            "events": events, "validation": {"user_id": users, "item_id": items},
        }, "length_mismatch")
    for users, items in ((["u", ""], ["a", "b"]), (["u"], [""]), (["u" * 1025], ["a"]), (["u"], ["b" * 1025])):
        suite.fails(f"ids to judge by of {[len(x) for x in users + items]} bytes", "tune", {
            "events": events, "validation": {"user_id": users, "item_id": items},
        }, "invalid_id")
    return [suite]
