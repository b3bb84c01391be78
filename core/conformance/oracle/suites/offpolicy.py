"""Off-policy evaluation, by NumPy and SciPy; refusals by hand."""

import random

import numpy as np
import offpolicy
from suite import Suite

REL = 1e-8

LOGGING = [[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]
POLICY = [[0.7, 0.2, 0.1], [0.05, 0.45, 0.5]]
OTHER = [[0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]
SHARP = [[0.98, 0.01, 0.01], [0.01, 0.01, 0.98]]


def suites(models):
    return [suite()]


def plain(value):
    """Numbers of Python in the place of NumPy's."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def made(rows, seed, logging=LOGGING):
    """A log of a policy with two cells and three actions."""
    dice = random.Random(seed)
    log = {"reward": [], "propensity": [], "action": [], "cell": []}
    for _ in range(rows):
        cell = int(dice.random() < 0.4)
        action = dice.choices(range(3), logging[cell])[0]
        log["cell"].append(cell)
        log["action"].append(action)
        log["propensity"].append(logging[cell][action])
        log["reward"].append(round(dice.expovariate(1) * (1 + action + 2 * cell), 3) if dice.random() < 0.6 else 0)
    return log


def logged(log, policy):
    return {"probability": [policy[c][a] for c, a in zip(log["cell"], log["action"])]}


def suite():
    suite = Suite("offpolicy", source="core/conformance/oracle/offpolicy.py (NumPy, SciPy)")

    def evaluate(name, log, policy, exact=None, **options):
        given = {"log": log, "policy": policy, "options": options}
        expect = {"close": {"rel": REL} | plain(offpolicy.evaluate(log, policy, options))}
        suite.case(name, "off_policy", given, expect)

    def compare(name, log, a, b, **options):
        given = {"log": log, "policy": a, "b": b, "options": options}
        suite.case(name, "off_policy", given, {"close": {"rel": REL} | plain(offpolicy.compare(log, a, b, options))})

    def slates(name, log, **options):
        expect = {"close": {"rel": REL} | plain(offpolicy.slates(log, options))}
        suite.case(name, "slates", {"log": log, "options": options}, expect)

    def refuse(name, code, log, policy, op="off_policy", **options):
        suite.case(name, op, {"log": log, "policy": policy, "options": options}, {"error": code})

    log, all_of = made(120, 1), {"actions": POLICY}
    evaluate("weights alone", log, logged(log, POLICY))
    evaluate("all estimators, cells", log, all_of)
    evaluate("shrinkage of 10", log, all_of, shrinkage=10, estimators=["dm", "dr", "mrdr"])
    evaluate("all estimators of a longer log", made(500, 11), all_of)
    evaluate("alpha 0.2", log, all_of, alpha=0.2)
    evaluate("thresholds that are given", log, all_of, clip=1.3, switch=1.2, estimators=["clipped_ips", "switch_dr"])
    evaluate("one fold, no shrinkage", log, all_of, folds=1, shrinkage=0)
    evaluate("two folds, much shrinkage", log, all_of, folds=2, shrinkage=500)
    evaluate("the bootstrap", log, all_of, replicates=40)
    evaluate("the bootstrap, another seed", log, all_of, replicates=31, seed=7, estimators=["ips", "snips", "sndr", "dr"])
    heavy = made(300, 2, [[0.05, 0.15, 0.8], [0.8, 0.15, 0.05]])
    evaluate("large weights, the bound", heavy, {"actions": SHARP}, estimators=["ips", "clipped_ips", "dr", "switch_dr"])
    evaluate("large weights, slope", heavy, {"actions": SHARP}, threshold_rule="slope", estimators=["clipped_ips", "switch_dr"])
    evaluate("large weights, slope, less sure", heavy, {"actions": SHARP}, threshold_rule="slope", alpha=0.5, estimators=["clipped_ips", "switch_dr"])
    rare = made(400, 12, [[0.01, 0.495, 0.495], [0.495, 0.495, 0.01]])
    evaluate("very large weights, the bound", rare, {"actions": SHARP}, estimators=["ips", "clipped_ips", "switch_dr"])
    lone = {"reward": [1, *([0, 1] * 30)], "propensity": [1 / 64, *([0.5] * 60)]}
    evaluate("one large weight, the bound", lone, {"probability": [1, *([0.5, 0.25, 0.75] * 20)]})
    units = made(90, 3)
    units["unit"] = [f"u{(7 * i) % 25}" for i in range(90)]
    evaluate("units", units, all_of)
    evaluate("units, bootstrapped", units, all_of, replicates=40, estimators=["ips", "snips", "dr"])
    evaluate("units as integers", units | {"unit": [(3 * i) % 11 for i in range(90)]}, all_of, estimators=["ips", "dm", "dr"])
    evaluate("a policy without cells", {k: v for k, v in log.items() if k != "cell"}, {"actions": [POLICY[0]]})
    by_row = {k: v for k, v in log.items() if k != "cell"}
    evaluate("a row of the policy a row of the log", by_row, {"actions": [POLICY[c] for c in log["cell"]]})
    evaluate("the logging policy itself", log | {"logging": LOGGING}, {"actions": LOGGING}, estimators=["ips", "snips", "dm", "dr"])
    predictions = [[0.5, 1.2, 2.0], [1.5, 2.5, 3.5]]
    evaluate("predictions that are given", log | {"predictions": predictions}, all_of)
    by_row = [[round(x + n % 7 / 10, 3) for x in predictions[c]] for n, c in enumerate(log["cell"])]
    evaluate("predictions a row of the log, beside cells", log | {"predictions": by_row}, all_of)
    q = [predictions[c][a] for c, a in zip(log["cell"], log["action"])]
    v = [sum(p * x for p, x in zip(POLICY[c], predictions[c])) for c in log["cell"]]
    evaluate("predictions as columns", log | {"predicted": q}, logged(log, POLICY) | {"predicted": v})
    dice = random.Random(4)
    features = [[round(dice.gauss(0, 2), 3), round(dice.random(), 3), 5.0] for _ in log["reward"]]
    evaluate("ridge regressions", log | {"features": features}, all_of)
    evaluate("ridge regressions, penalised", log | {"features": features}, all_of, regularization=50, folds=3, estimators=["dm", "dr", "mrdr"])
    evaluate("cells beside features", log | {"features": features}, all_of, reward_model="cells", estimators=["dm"])
    uniform = made(80, 5, [[1 / 3] * 3] * 2)
    choice = {"probability": [float(a == 2 * c) for c, a in zip(uniform["cell"], uniform["action"])]}
    evaluate("replay", uniform, choice, estimators=["replay", "snips"])
    gaps = {k: list(v) for k, v in log.items()}
    for row, p in ((3, 0), (50, "NaN"), (77, 0)):
        gaps["propensity"][row] = p
    evaluate("rows without a propensity, ignored", gaps, all_of, unsupported="ignore", estimators=["ips", "snips", "dr"])
    no_third = [[0.4, 0.6, 0.0], [0.6, 0.4, 0.0]]
    lacking = made(60, 6, no_third)
    evaluate("actions that are never logged, ignored", lacking | {"logging": no_third}, all_of, unsupported="ignore", estimators=["ips", "snips"])
    one = {"reward": [0.25], "propensity": [0.5]}
    evaluate("one row", one, {"probability": [0.5]})
    same = {"reward": [2, 2, 2], "propensity": [0.5, 0.5, 0.5]}
    evaluate("no variance", same, {"probability": [0.5, 0.5, 0.5]})
    suite.case(
        "no overlap", "off_policy", {"log": same, "policy": {"probability": [0, 0, 0]}, "options": {}},
        {"logged": {"value": 2}, "estimates": [{"estimator": e, "status": "no_overlap", "value": None, "low": None, "gain": {"status": "no_overlap", "p_value": None}} for e in ("ips", "snips", "clipped_ips")],
         "weights": {"effective_sample_size": 0, "max": 0, "zero_share": 1}},
    )
    # By hand: ratios 2, 0, 2, 1.
    suite.case(
        "by hand", "off_policy", {"log": {"reward": [1, 4, 2, 3], "propensity": [0.5, 0.5, 0.25, 0.5]}, "policy": {"probability": [1, 0, 0.5, 0.5]}, "options": {"estimators": ["ips", "snips", "clipped_ips"], "clip": 1.5}},
        {"logged": {"value": 2.5}, "estimates": [{"value": 2.25, "gain": {"value": -0.25}}, {"value": 1.8}, {"value": 1.875, "above_threshold": 0.5, "threshold": 1.5}],
         "weights": {"mean": 1.25, "max": 2, "largest_share": 0.4, "zero_share": 0.25, "effective_sample_size": 25 / 9}},
    )
    compare("two policies", log, all_of, {"actions": OTHER})
    compare("two policies, bootstrapped", units, all_of, {"actions": OTHER}, replicates=40, estimators=["ips", "snips", "dr"])

    def lists(seed, count, most):
        dice = random.Random(seed)
        log = {"slate": [], "slot": [], "reward": [], "propensity": [], "probability": []}
        for s in range(count):
            for k in range(dice.randint(1, most)):
                log["slate"].append(f"s{s}")
                log["slot"].append(k)
                log["reward"].append(round(dice.expovariate(1), 3) if dice.random() < 0.5 else 0)
                log["propensity"].append(dice.choice([0.2, 0.5, 0.8]))
                log["probability"].append(dice.choice([0.1, 0.3, 0.6]))
        order = list(range(len(log["slot"])))
        dice.shuffle(order)
        return {name: [values[i] for i in order] for name, values in log.items()}

    three = lists(8, 60, 3)
    slates("slates", three)
    slates("slates, self-normalised", three, self_normalized=True)
    slates("slates, bootstrapped", three, replicates=30, seed=3)
    slates("slates, self-normalised and bootstrapped", three, replicates=30, self_normalized=True, estimators=["standard_ips", "cascade_ips"])
    slates("slates of units", three | {"unit": [f"u{int(s[1:]) % 13}" for s in three["slate"]]}, alpha=0.1)
    slates("slates of one slot", lists(9, 40, 1))

    small = {"reward": [1, 2], "propensity": [0.5, 0.5]}
    half = {"probability": [0.5, 0.5]}
    acting = small | {"action": [0, 1]}
    refuse("no rows", "invalid_argument", {"reward": [], "propensity": []}, {"probability": []})
    refuse("columns of two lengths", "length_mismatch", small | {"propensity": [0.5]}, half)
    refuse("a policy of another length", "length_mismatch", small, {"probability": [0.5]})
    for bad in ("NaN", "Infinity"):
        refuse(f"a reward that is {bad}", "invalid_weight", small | {"reward": [1, bad]}, half)
    refuse("a reward beyond all", "limit_exceeded", small | {"reward": [1, 2e15]}, half)
    for bad in (0, -0.5, 1.5, "NaN", "Infinity"):
        refuse(f"a propensity of {bad}", "invalid_argument", small | {"propensity": [0.5, bad]}, half)
    refuse("a propensity of 1.5 is not ignored", "invalid_argument", small | {"propensity": [0.5, 1.5]}, half, unsupported="ignore")
    for bad in (-0.1, 1.1, "NaN"):
        refuse(f"a probability of {bad}", "invalid_argument", small, {"probability": [0.5, bad]})
    refuse("a weight beyond all", "limit_exceeded", small | {"propensity": [0.5, 1e-300]}, half)
    refuse("a product beyond all", "limit_exceeded", {"reward": [1e10, 1], "propensity": [1e-8, 0.5]}, half)
    refuse("probabilities that do not add up", "invalid_argument", acting, {"actions": [[0.5, 0.4]]})
    refuse("probabilities below 0", "invalid_argument", acting, {"actions": [[1.5, -0.5]]})
    refuse("neither of both", "invalid_argument", small, {})
    refuse("both", "invalid_argument", acting, half | {"actions": [[0.5, 0.5]]})
    refuse("no actions", "invalid_argument", small, {"actions": [[0.5, 0.5]]})
    refuse("an action beyond the matrix", "invalid_argument", acting, {"actions": [[1]]})
    refuse("an action that is not whole", "invalid_argument", small | {"action": [0, 0.5]}, {"actions": [[0.5, 0.5]]})
    refuse("a cell beyond the matrix", "invalid_argument", acting | {"cell": [0, 1]}, {"actions": [[0.5, 0.5]]})
    rows = {"actions": [[0.5, 0.5]] * len(acting["reward"])}
    refuse("a policy a row of the log, beside cells", "length_mismatch", acting | {"cell": [0] * len(acting["reward"])}, rows)
    by_row = {"logging": rows["actions"], "cell": [0] * len(acting["reward"])}
    refuse("a log's policy a row of the log, beside cells", "length_mismatch", acting | by_row, {"actions": [[0.5, 0.5]]})
    refuse("a matrix of another length", "length_mismatch", acting, {"actions": [[0.5, 0.5]] * 3})
    refuse("dr without all probabilities", "invalid_argument", small, half, estimators=["dr"])
    refuse("mrdr with predictions", "invalid_argument", acting | {"predictions": [[1, 2]]}, {"actions": [[0.5, 0.5]]}, estimators=["mrdr"])
    refuse("predictions of other actions", "length_mismatch", acting | {"predictions": [[1, 2, 3]]}, {"actions": [[0.5, 0.5]]})
    refuse("predictions by half", "invalid_argument", small | {"predicted": [1, 2]}, half)
    refuse("a prediction that is NaN", "invalid_weight", small | {"predicted": [1, "NaN"]}, half | {"predicted": [1, 2]})
    refuse("replay of a policy with chance", "invalid_argument", small, half, estimators=["replay"])
    refuse("ridge without features", "invalid_argument", acting, {"actions": [[0.5, 0.5]]}, reward_model="ridge")
    refuse("an action that is never logged", "invalid_argument", acting | {"propensity": [1, 1], "action": [0, 0], "logging": [[1, 0]]}, {"actions": [[0.5, 0.5]]})
    refuse("propensities that are not those of logging", "invalid_argument", acting | {"logging": [[0.4, 0.6]]}, {"actions": [[0.5, 0.5]]})
    refuse("a unit without a name", "invalid_id", small | {"unit": ["a", ""]}, half)
    for options in ({"estimators": ["best"]}, {"estimators": ["ips", "ips"]}, {"alpha": 0.6}, {"clip": 0}, {"clip": "none"}, {"replicates": 5}, {"folds": 0}, {"unsupported": "drop"}, {"shrinkage": -1}, {"reward_model": "tree"}):
        refuse(f"options {options}", "invalid_argument", small, half, **options)
    slate = {"slate": ["a", "a"], "slot": [0, 1], "reward": [1, 0], "propensity": [0.5, 0.5], "probability": [0.5, 0.5]}
    for name, change, code in (
        ("a slot twice", {"slot": [1, 1]}, "invalid_argument"),
        ("a slot beyond all", {"slot": [0, 1000]}, "limit_exceeded"),
        ("no propensity", {"propensity": [0.5, 0]}, "invalid_argument"),
        ("two units", {"unit": ["u", "v"]}, "invalid_argument"),
        ("no name", {"slate": ["a", ""]}, "invalid_id"),
        ("two lengths", {"slot": [0]}, "length_mismatch"),
        ("a reward that is NaN", {"reward": ["NaN", 1]}, "invalid_weight"),
    ):
        suite.case(f"slates: {name}", "slates", {"log": slate | change, "options": {}}, {"error": code})
    return suite
