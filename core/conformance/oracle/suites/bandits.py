"""Bandits: shares, choices, states to the byte, and what is refused."""

import json
import pathlib
import random
import struct

import fixtures
import snapshot
from bandits import Bandit, seal
from suite import Suite

FOLDER = pathlib.Path(__file__).resolve().parents[2]
TOL = 1e-8
DAY = 86_400_000
START = 1_700_000_000_000


def suites(models):
    suite = Suite("bandits", source="oracle/bandits.py; refusals by hand")
    plain(suite)
    thompson(suite)
    linear(suite)
    factored(suite)
    slots(suite)
    states(suite)
    discounted(suite)
    pending(suite)
    changes(suite)
    refused(suite)
    forged(suite)
    stored(suite, models)
    return [suite]


def plays(suite, name, definition, steps, exact=False):
    """What the oracle gives, to the bit or nearly."""
    results = Bandit(definition).play(steps)
    expect = {"results": results} if exact else {"close": {"results": plain_numbers(results), "tol": TOL}}
    suite.case(name, "bandit", {"definition": definition, "steps": steps}, expect)


def plain_numbers(value):
    if isinstance(value, dict):
        return {key: plain_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain_numbers(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, str, int)) else float(value)


def fails(suite, name, definition, code="invalid_argument"):
    suite.fails(f"refused: {name}", "bandit", {"definition": definition, "steps": []}, code)


def errors(suite, name, definition, steps, codes):
    """Steps that fail, one code each, or null for one that succeeds with any result."""
    expect = [{"error": code} for code in codes]
    suite.case(f"refused: {name}", "bandit", {"definition": definition, "steps": steps}, {"results": expect})


def one(arm, reward, **more):
    return ["update_one", {"arm": arm, "reward": reward} | more]


def ask(decision="d", **more):
    return ["choose", {"decision": decision} | more]


def rows(seed, count, arms="xyz", binary=True):
    dice = random.Random(seed)
    arm = [dice.choice(arms) for _ in range(count)]
    reward = [float(dice.random() < 0.2 + 0.2 * arms.index(a)) if binary else round(dice.gauss(1 + arms.index(a), 2), 3) for a in arm]
    return {"arm": arm, "reward": reward}


def definition(policy, arms=("x", "y", "z"), **more):
    return {"key": "b", "policy": policy, "arms": list(arms)} | more


def plain(suite):
    greedy = {"name": "epsilon_greedy", "epsilon": 0.2}
    few = ["update", rows(1, 40), {}]
    many = [ask(f"d{i}", unit=f"user-{i % 3}", seed=i) for i in range(12)]
    plays(suite, "epsilon-greedy, nothing seen: all share", definition(greedy), [ask(), ["propensities", {}]], exact=True)
    plays(suite, "epsilon-greedy, forty rewards", definition(greedy), [few, *many, ["propensities", {}]], exact=True)
    plays(suite, "epsilon-greedy by its name alone", definition("epsilon_greedy"), [few, ask(explain=True)], exact=True)
    plays(suite, "epsilon-greedy, two arms alike", definition(greedy), [one("x", 1), one("z", 1), ["propensities", {}]], exact=True)
    plays(suite, "epsilon-greedy without a prior tries each arm first", definition(greedy | {"prior_weight": 0}), [one("x", 5), ["propensities", {}]], exact=True)
    plays(suite, "epsilon-greedy with a prior", definition(greedy | {"prior_mean": 0.5, "prior_weight": 10}), [few, one("y", -3), ["propensities", {}]], exact=True)
    plays(suite, "epsilon of 0 and of 1", definition(greedy | {"epsilon": 0}), [few, ["propensities", {}]], exact=True)
    plays(suite, "epsilon of 1 is even", definition(greedy | {"epsilon": 1}), [few, ["propensities", {}], *many[:3]], exact=True)
    for name in ("ucb1", "ucb_tuned"):
        plays(suite, f"{name}, nothing seen", definition(name), [["propensities", {}]], exact=True)
        plays(suite, f"{name}, an arm that was not tried", definition(name), [one("x", 1), one("y", 0.5), ["propensities", {}]], exact=True)
        plays(suite, f"{name}, forty rewards", definition(name), [few, *many[:4], ["propensities", {}]], exact=True)
        plays(suite, f"{name}, wide rewards", definition({"name": name, "range": [-10, 30], "exploration": 0.5}), [["update", rows(3, 30, binary=False), {}], ["propensities", {}]], exact=True)
        plays(suite, f"{name}, report", definition({"name": name, "range": [-10, 30]}), [["update", rows(3, 30, binary=False), {}], ["report", None]])
        plays(suite, f"{name}, alike", definition(name), [one(arm, 0.25) for arm in "xyz"] + [["propensities", {}]], exact=True)
    plays(suite, "epsilon-greedy, report", definition(greedy), [["update", rows(5, 60, binary=False), {}], ["report", None]])
    plays(suite, "epsilon-greedy, report of an arm with one reward", definition(greedy), [one("x", 1), one("x", 2), one("y", 1), ["report", None]])
    plays(suite, "one arm", definition("ucb1", ["only"]), [ask(), one("only", 0.5), ask(explain=True)], exact=True)
    floors = definition(greedy, [{"key": "x", "floor": 0.25}, "y", {"key": "z", "value": {"camelCase": [1]}}], floor=0.125)
    plays(suite, "floors", floors, [few, ["propensities", {}], *many[:4]], exact=True)
    plays(suite, "floors that leave nothing", definition("ucb1", floor=0.25, arms="wxyz"), [one("w", 1), ["propensities", {}]], exact=True)
    plays(suite, "some arms only", definition(greedy), [few, ask(arms=["z", "x"], explain=True), ask(arms=["y"], explain=True), ask("d2", arms=["y", "z", "x", "x"])], exact=True)
    odd = [ask(d, unit=u, seed=s) for d, u, s in (("ü✓", "😀", 0), ("a\u0000b", "", 2**53 - 1), ("b", "a", 1), ("ba", "", 1), ("", "x", 1))][:-1]
    plays(suite, "odd decisions, units and seeds", definition(greedy | {"epsilon": 1}), odd, exact=True)
    plays(suite, "arms of integers", definition(greedy, ["1", "2"]), [["update", {"arm": [1, 2, 2], "reward": [1.0, 0.5, 1.0]}, {}], ["propensities", {}]], exact=True)


def thompson(suite):
    for seed, count in ((7, 0), (7, 5), (8, 60), (9, 3000)):
        steps = [["update", rows(seed, count), {}]] if count else []
        plays(suite, f"beta, {count} rewards", definition("beta_thompson"), [*steps, ["propensities", {}], ask(explain=True), ["report", None]])
        wide = [["update", rows(seed, count, binary=False), {}]] if count else []
        plays(suite, f"gaussian, {count} rewards", definition({"name": "gaussian_thompson", "noise_sd": 2, "prior_sd": 5, "prior_mean": 1}), [*wide, ["propensities", {}], ask(), ["report", None]])
        plays(suite, f"top-two, {count} rewards", definition({"name": "beta_thompson", "top_two": 0.5}), [*steps, ["propensities", {}], ask("d3")])
    few = ["update", rows(11, 30), {}]
    for beta in (0, 0.3, 1):
        plays(suite, f"top-two, leader with chance {beta}", definition({"name": "gaussian_thompson", "top_two": beta}), [few, ["propensities", {}]])
    plays(suite, "top-two of one arm", definition({"name": "beta_thompson", "top_two": 0.5}, ["x"]), [ask()], exact=True)
    priors = [{"key": "x", "prior": [47, 8950]}, {"key": "y", "prior": [8, 1000.5]}, "z"]
    plays(suite, "beta, priors by arm", definition({"name": "beta_thompson", "prior": [0.5, 20]}, priors), [few, ["propensities", {}], ["report", None]])
    plays(suite, "beta, fractions of a success", definition("beta_thompson"), [one("x", 0.25), one("x", 0.5), one("y", 0.9), ["propensities", {}], ["report", None]])
    plays(suite, "beta, true and false", definition("beta_thompson"), [one("x", True), one("y", False), ["propensities", {}]])
    plays(suite, "beta, floors", definition({"name": "beta_thompson", "top_two": 0.5}, floor=0.1), [few, ["propensities", {}]])
    plays(suite, "beta, ten arms", definition("beta_thompson", "abcdefghij"), [["update", rows(12, 300, "abcd"), {}], ["propensities", {}], *[ask(f"t{i}") for i in range(4)]])
    plays(suite, "beta, some arms only", definition("beta_thompson"), [few, ask(arms=["x", "y"], explain=True)])


LINEAR = {"context": ["age", "mobile"], "arm": ["price"]}


def linear_rows(seed, count, arms="xyz"):
    dice = random.Random(seed)
    out = {"arm": [], "reward": [], "context": [], "arm_features": []}
    for _ in range(count):
        arm = dice.choice(arms)
        age, mobile = round(dice.random(), 3), float(dice.random() < 0.5)
        price = 0.3 * (arms.index(arm) + 1)
        out["arm"].append(arm)
        out["context"].append([age, mobile])
        out["arm_features"].append([price])
        out["reward"].append(round(0.2 * arms.index(arm) + 0.5 * age * mobile - price * age + dice.gauss(0, 0.3), 3))
    return out


def linear(suite):
    given = {"context": {"age": 0.5, "mobile": True}, "arm_features": {"x": [0.3], "y": {"price": 0.6}, "z": [0.9]}}
    other = {"context": [0.1, 0.0], "arm_features": {"x": [0.3], "y": [0.6], "z": [0.9]}}
    for model in ("disjoint", "shared", "hybrid"):
        for interactions in (False, True):
            words = f"{model}{', interactions' if interactions else ''}"
            ucb = {"name": "linucb", "model": model, "interactions": interactions, "alpha": 0.5, "ridge": 2}
            sampling = {"name": "linear_thompson", "model": model, "interactions": interactions, "noise_sd": 0.3, "draws": 400}
            for count in (0, 4, 80):
                steps = [["update", linear_rows(count, count), {}]] if count else []
                plays(suite, f"linucb, {words}, {count} rewards", definition(ucb, features=LINEAR), [*steps, ask(**given), ask("d2", **other), ["propensities", given]])
                plays(suite, f"linear thompson, {words}, {count} rewards", definition(sampling, features=LINEAR), [*steps, ask(**given), ["propensities", other]])
    sampling = {"name": "linear_thompson", "noise_sd": 0.5, "top_two": 0.5}
    few = ["update", linear_rows(3, 50), {}]
    plays(suite, "linear thompson, top-two and floors", definition(sampling, features=LINEAR, floor=0.05), [few, ["propensities", given]])
    plays(suite, "linear thompson, top-two of draws", definition(sampling | {"model": "shared", "draws": 500}, features=LINEAR), [few, ["propensities", given]])
    plays(suite, "linear thompson, some arms only", definition(sampling, features=LINEAR), [few, ask(arms=["z", "x"], explain=True, context=[0.4, 1], arm_features={"x": [0.3], "z": [0.1]})])
    plays(suite, "linear without features is an intercept", definition("linear_thompson"), [["update", rows(4, 30, binary=False) | {}, {}], ["propensities", {}]])
    plays(suite, "linear, arms that share a vector share alike", definition({"name": "linear_thompson", "model": "shared"}, features={"context": ["age"]}), [one("x", 1, context=[0.5]), ["propensities", {"context": [1]}]])
    plays(suite, "linear, report", definition("linucb", features=LINEAR), [few, ["report", None]])
    plays(suite, "linear, one by one, features by name", definition("linucb", features=LINEAR), [one("y", 1.5, context={"mobile": 1, "age": 0.25}, arm_features={"price": 2}), one("x", 1, context=[0.1, 0], arm_features=[1]), ask(**given)])
    # Both columns of the context are equal: the ridge decides between them.
    alike = {"arm": ["x", "y"] * 10, "reward": [1.0, 0.5] * 10, "context": [[0.7, 0.7]] * 20, "arm_features": [[0.0]] * 20}
    plays(suite, "linear, equal features", definition("linucb", features=LINEAR), [["update", alike, {}], ask(**given)])


FACTORS = {
    "key": "page", "policy": {"name": "linear_thompson", "noise_sd": 0.3, "draws": 400},
    "factors": [{"key": "headline", "variants": ["short", {"key": "long", "value": "A longer one"}]}, {"key": "image", "variants": ["venue", "couple", "none"]}],
}


def factor_rows(seed, count):
    dice = random.Random(seed)
    headline = [dice.choice(["short", "long"]) for _ in range(count)]
    image = [dice.choice(["venue", "couple", "none"]) for _ in range(count)]
    reward = [round(0.3 * (h == "long") + 0.2 * (i == "couple") + dice.gauss(0, 0.3), 3) for h, i in zip(headline, image)]
    return {"arm": {"headline": headline, "image": image}, "reward": reward}


def factored(suite):
    ucb = FACTORS | {"policy": {"name": "linucb", "alpha": 0.2}}
    for count in (0, 10, 200):
        steps = [["update", factor_rows(count, count), {}]] if count else []
        plays(suite, f"factors, thompson, {count} rewards", FACTORS, [*steps, ask(), ask("e", explain=True), ["propensities", {}], ["report", None]])
        plays(suite, f"factors, linucb, {count} rewards", ucb, [*steps, ask(), ["propensities", {}], ["report", None]])
    few = ["update", factor_rows(5, 30), {}]
    plays(suite, "factors, floors and marginals", FACTORS | {"floor": 0.1}, [few, ask(marginals=True)])
    plays(suite, "factors, one by one", FACTORS, [one({"image": "none", "headline": "long"}, 1), ["propensities", {}], ["await_rewards", "image", "none", 2], ["report", None]])
    plays(suite, "factors, bytes", FACTORS, [few, ["bytes"], ["state_version"], ["definition"]], exact=True)


def slots(suite):
    few = ["update", rows(21, 50, "abcde"), {}]
    for policy in ("epsilon_greedy", "ucb1"):
        plays(suite, f"slots, {policy}", definition(policy, "abcde", floor=0.02), [few, ask(slots=3, marginals=True, explain=True), ask("d2", slots=5)])
    plays(suite, "slots, beta", definition("beta_thompson", "abcde"), [few, ask(slots=2, marginals=True, explain=True), ask("d2", slots=5)])
    given = {"context": [0.5, 1], "arm_features": {"x": [0.3], "y": [0.6], "z": [0.9]}}
    for model in ("disjoint", "shared"):
        sampling = {"name": "linear_thompson", "model": model, "noise_sd": 0.5}
        plays(suite, f"slots, linear, {model}", definition(sampling, features=LINEAR), [["update", linear_rows(3, 20), {}], ask(slots=3, marginals=True, **given)])
    plays(suite, "slots, some arms only", definition("epsilon_greedy", "abcde"), [few, ask(slots=2, arms=["b", "d", "e"], explain=True, marginals=True)])
    plays(suite, "slots, shares along a decision", definition("epsilon_greedy", "abcde"), [few, ["propensities", {"decision": "d", "slots": 2}]])


def states(suite):
    everything = ["bytes"], ["state_version"]
    policies = {
        "epsilon-greedy": definition({"name": "epsilon_greedy", "epsilon": 0.25}),
        "beta": definition({"name": "beta_thompson", "prior": [2, 3], "top_two": 0.5}, [{"key": "x", "value": {"b": [1, None], "a": "ü"}}, {"key": "y", "prior": [1, 4.5], "floor": 0.125}, "z"]),
        "ucb": definition({"name": "ucb_tuned", "range": [-1, 2.5]}),
    }
    for name, given in policies.items():
        plays(suite, f"state, {name}, empty", given, [*everything, ["definition"]], exact=True)
        plays(suite, f"state, {name}", given, [["update", rows(31, 25), {}], *everything], exact=True)
    fine = {"arm": ["x", "x", "y", "y"], "reward": [0.1, 1e-13, -999_999.75, 3.3333333333333335]}
    plays(suite, "state, fine and large rewards", definition("epsilon_greedy"), [["update", fine, {}], *everything], exact=True)
    part = lambda seed: {"definition": policies["beta"], "steps": [["update", rows(seed, 30), {}], ["await_rewards", None, "x", seed - 40]]}  # noqa: E731
    for order in ((41, 42, 43), (43, 41, 42), (42, 43, 41)):
        plays(suite, f"state, merged in the order {order}", policies["beta"], [*(["merge", part(seed)] for seed in order), *everything], exact=True)
    nested = {"definition": policies["beta"], "steps": [["merge", part(43)], ["merge", part(42)]]}
    plays(suite, "state, merged by pairs", policies["beta"], [["merge", nested], ["merge", part(41)], *everything], exact=True)
    for model in ("disjoint", "shared", "hybrid"):
        given = definition({"name": "linucb", "model": model, "interactions": True}, features=LINEAR)
        plays(suite, f"state, linear, {model}", given, [["update", linear_rows(5, 12), {}], *everything, ["definition"]], exact=True)
        merged = {"definition": given, "steps": [["update", linear_rows(6, 7), {}]]}
        plays(suite, f"state, linear, {model}, merged", given, [["update", linear_rows(5, 12), {}], ["merge", merged], *everything], exact=True)
    plays(suite, "state, keys in the order of their bytes", definition("ucb1", ["é", "z", "Z", "e\u0301", "😀"]), [one(arm, 0.5) for arm in ("😀", "é", "z", "e\u0301")] + [*everything], exact=True)


def discounted(suite):
    half = {"half_life": 7 * DAY}
    dice = random.Random(50)
    columns = rows(50, 60) | {"time": [START + dice.randrange(60 * DAY) for _ in range(60)]}
    order = list(range(60))
    dice.shuffle(order)
    shuffled = {name: [values[i] for i in order] for name, values in columns.items()}
    sizes = [1 + 20 * DAY * i for i in range(12)]
    spread = {"arm": ["x", "y", "z"] * 4, "reward": [1.0, 0.5, 0.25] * 4, "time": [START + size for size in sizes]}
    for policy in ("beta_thompson", "ucb1", "ucb_tuned", "epsilon_greedy", "gaussian_thompson"):
        given = definition(policy, **half)
        later = {"now": START + 80 * DAY}
        plays(suite, f"discounted, {policy}", given, [["update", columns, {}], ["propensities", {}], ["propensities", later], ["report", None], ["report", START + 80 * DAY], ["report", START - DAY]])
    given = definition("beta_thompson", **half)
    plays(suite, "discounted, in the order of time", given, [["update", columns, {}], ["bytes"], ["state_version"]], exact=True)
    plays(suite, "discounted, in another order", given, [["update", shuffled, {}], ["bytes"], ["state_version"]], exact=True)
    plays(suite, "discounted, what is too old is dropped", given, [["update", spread, {}], ["bytes"], one("x", 1, time=START), ["bytes"], ["report", None]])
    parts = [{"definition": given, "steps": [["update", {n: v[i::3] for n, v in spread.items()}, {}]]} for i in range(3)]
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        plays(suite, f"discounted, merged in the order {order}", given, [*(["merge", parts[i]] for i in order), ["bytes"]], exact=True)
    before = {"arm": ["x", "y"], "reward": [1.0, 0.0], "time": [-1, -62_135_596_800_000]}
    plays(suite, "discounted, before 1970", given, [["update", before, {}], ["bytes"], ["propensities", {"now": -1}]])
    linear = definition("linucb", features=LINEAR, half_life=1000)
    timed = linear_rows(9, 30) | {"time": [i * 200 for i in range(30)]}
    asked = {"context": [0.5, 1], "arm_features": {"x": [0.3], "y": [0.6], "z": [0.9]}}
    plays(suite, "discounted, linear", linear, [["update", timed, {}], ask(**asked), ask(now=9_000, **asked), ["bytes"]])


def pending(suite):
    given = definition("ucb1")
    waiting = [one(arm, 0.5) for arm in "xyz"] + [["await_rewards", None, "x", 3], ["await_rewards", None, "y", 1]]
    plays(suite, "pending choices count for ucb1", given, [*waiting, ["propensities", {}], ["report", None]])
    plays(suite, "pending choices alone", definition("ucb_tuned"), [["await_rewards", None, "x", 2], ["propensities", {}], ["await_rewards", None, "y", 1], ["await_rewards", None, "z", 1], ["propensities", {}]], exact=True)
    settled = ["update", {"arm": ["x", "x"], "reward": [1.0, 0.0]}, {"settle": True}]
    plays(suite, "pending choices are settled", given, [*waiting, settled, one("x", 0, settle=True), ["report", None], ["bytes"]])
    plays(suite, "pending choices are taken back", given, [*waiting, ["await_rewards", None, "x", -3], ["propensities", {}], ["bytes"]], exact=True)
    part = {"definition": given, "steps": [settled]}
    plays(suite, "settled in one process, chosen in another", given, [*waiting, ["merge", part], ["report", None]])
    alone = [one("x", 0.5, settle=True), one("y", 0.5), one("z", 0.5)]
    plays(suite, "settled before they were pending", given, [*alone, ["propensities", {}], ["report", None]])
    plays(suite, "pending changes nothing for thompson", definition("beta_thompson"), [["await_rewards", None, "x", 100], ["propensities", {}]])


def changes(suite):
    given = definition("beta_thompson", ["x", "y"])
    steps = [one("x", 1), one("y", 0), ["redefine", definition("beta_thompson", ["y", "z"])], one("x", 0), ["propensities", {}], ["report", None], ["bytes"]]
    plays(suite, "arms come and go", given, steps)
    plays(suite, "an arm comes back", given, [*steps[:4], ["redefine", definition("beta_thompson", ["z", "x"])], ["propensities", {}], ["report", None]])
    plays(suite, "another policy over the same sums", given, [*steps[:2], ["redefine", definition("ucb1", ["x", "y"])], ["propensities", {}]])
    other = {"definition": definition("beta_thompson", ["w", "y"]), "steps": [one("w", 1), one("y", 1)]}
    plays(suite, "merged with other arms", given, [one("x", 1), ["merge", other], ["report", None], ["bytes"]])


def refused(suite):
    for name, value in {"null": None, "a list": [], "a text": "b"}.items():
        fails(suite, f"a definition that is {name}", value)
    good = definition("ucb1")
    without = lambda name: {k: v for k, v in good.items() if k != name}  # noqa: E731
    fails(suite, "no key", without("key"), "invalid_id")
    fails(suite, "no policy", without("policy"))
    fails(suite, "no arms", without("arms"))
    fails(suite, "zero arms", good | {"arms": []})
    fails(suite, "arms and factors", good | {"factors": FACTORS["factors"]})
    fails(suite, "an unknown name", good | {"colour": 1})
    fails(suite, "an arm twice", good | {"arms": ["x", "x"]})
    fails(suite, "an arm without a key", good | {"arms": [{}]}, "invalid_id")
    fails(suite, "an arm with NUL", good | {"arms": ["a\u0000b"]}, "invalid_id")
    fails(suite, "a long arm", good | {"arms": ["x" * 1025]}, "invalid_id")
    fails(suite, "an arm with an unknown name", good | {"arms": [{"key": "x", "weight": 1}]})
    fails(suite, "1,001 arms", good | {"arms": [f"{i}" for i in range(1001)]}, "limit_exceeded")
    fails(suite, "floors that cannot be met", good | {"floor": 0.34})
    fails(suite, "floors of arms that cannot be met", good | {"arms": [{"key": "x", "floor": 0.9}, {"key": "y", "floor": 0.2}]})
    fails(suite, "floors of variants that cannot be met", FACTORS | {"floor": 0.4})
    for floor in (-0.1, 1.5, "a", True):
        fails(suite, f"a floor of {floor!r}", good | {"floor": floor})
    for half in (0, -1, 999, 1000.5, 1e18, "day"):
        fails(suite, f"a half-life of {half!r}", good | {"half_life": half})
    policies = {
        "an unknown policy": "exp3", "an empty policy": {}, "a policy of a number": 1,
        "an option of another policy": {"name": "ucb1", "epsilon": 0.1},
        "epsilon above 1": {"name": "epsilon_greedy", "epsilon": 1.1},
        "epsilon below 0": {"name": "epsilon_greedy", "epsilon": -0.1},
        "a range upside down": {"name": "ucb1", "range": [1, 0]}, "a range of one": {"name": "ucb1", "range": [1]},
        "an empty range": {"name": "ucb1", "range": [1, 1]}, "a prior of 0": {"name": "beta_thompson", "prior": [0, 1]},
        "a prior of three": {"name": "beta_thompson", "prior": [1, 1, 1]}, "top-two of 2": {"name": "beta_thompson", "top_two": 2},
        "a deviation of 0": {"name": "gaussian_thompson", "noise_sd": 0}, "a prior deviation of 0": {"name": "gaussian_thompson", "prior_sd": 0},
        "a ridge of 0": {"name": "linucb", "ridge": 0}, "an unknown model": {"name": "linucb", "model": "deep"},
        "too few draws": {"name": "linear_thompson", "draws": 10}, "hybrid without features of arms": {"name": "linucb", "model": "hybrid"},
    }
    for name, policy in policies.items():
        fails(suite, name, good | {"policy": policy})
    fails(suite, "a prior of an arm without beta", good | {"arms": [{"key": "x", "prior": [1, 1]}]})
    fails(suite, "features without a linear policy", good | {"features": LINEAR})
    fails(suite, "a feature twice", definition("linucb", features={"context": ["a", "a"]}))
    fails(suite, "features of a number", definition("linucb", features={"context": 3}))
    fails(suite, "too many features", definition("linucb", features={"context": [f"f{i}" for i in range(1000)]}), "limit_exceeded")
    fails(suite, "too many sums", definition("linucb", [str(i) for i in range(100)], features={"context": [f"f{i}" for i in range(200)]}), "limit_exceeded")
    fails(suite, "too many draws", definition({"name": "linear_thompson", "model": "shared", "draws": 100_000}, features={"context": [f"f{i}" for i in range(100)]}), "limit_exceeded")
    fails(suite, "factors with a policy without a model", FACTORS | {"policy": "beta_thompson"})
    fails(suite, "factors with features", FACTORS | {"features": LINEAR})
    for policy in ({"model": "disjoint"}, {"interactions": True}):
        fails(suite, f"factors with {policy}", FACTORS | {"policy": {"name": "linucb"} | policy})
    fails(suite, "a factor twice", FACTORS | {"factors": [FACTORS["factors"][0]] * 2})
    fails(suite, "a factor without variants", FACTORS | {"factors": [{"key": "headline", "variants": []}]})

    choose = lambda **request: ["choose", {"decision": "d"} | request]  # noqa: E731
    wrong = "invalid_argument"
    steps = [
        ["choose", {}], choose(decision=""), choose(decision="x" * 1025), choose(unit="x" * 1025), choose(arms=[]), choose(arms=["w"]),
        choose(slots=4), choose(slots=0), choose(slots=1.5), choose(seed=-1), choose(seed=0.5), choose(now=0.5), choose(now=1e300),
        choose(context=[1]), choose(arm_features={"x": [1]}), ["propensities", {"slots": 2}],
    ]
    codes = ["invalid_id"] * 4 + [wrong] * 7 + ["invalid_timestamp"] * 2 + [wrong] * 3
    errors(suite, "requests", good, steps, codes)
    many = definition("ucb1", [str(i) for i in range(40)])
    errors(suite, "marginals over too many ways", many, [choose(slots=3, marginals=True)], ["limit_exceeded"])
    rest = ["update_one", {"arm": "x", "reward": 0.5}]
    columns = lambda **more: ["update", {"arm": ["x", "y"], "reward": [1.0, 0.0]} | more, {}]  # noqa: E731
    for policy, bad in {"beta_thompson": ["NaN", "Infinity", "-Infinity", 1.5, -0.1], "ucb1": ["NaN", 2.0], "epsilon_greedy": ["NaN", 1000001.0], "gaussian_thompson": ["Infinity"]}.items():
        errors(suite, f"rewards of {policy}", definition(policy), [columns(reward=[1.0, value]) for value in bad], ["invalid_weight"] * len(bad))
    errors(suite, "rewards", definition("beta_thompson"), [
        columns(arm=["x", "w"]), columns(arm=["x"]), columns(time=[1]), columns(context=[[1], [1]]), columns(arm=["x", ""]),
        ["update_one", {"reward": 1}], ["update_one", {"arm": "x"}], ["update_one", {"arm": "x", "reward": "1"}], ["update_one", {"arm": "x", "reward": 1.5}],
        ["update_one", {"arm": {"f": "x"}, "reward": 1}],
        ["await_rewards", None, "w", 1], ["await_rewards", None, "x", 2**41],
    ], [wrong, "length_mismatch", "length_mismatch", "length_mismatch", wrong, wrong, wrong, wrong, "invalid_weight", wrong, wrong, "limit_exceeded"])
    timed = definition("ucb1", half_life=DAY)
    late = lambda time, **options: ["update", {"arm": ["x"], "reward": [1.0], "time": [time]}, options]  # noqa: E731
    errors(suite, "times", timed, [rest, columns(), late(300_000_000_000_000), late(START, now=START - 1)], [wrong, wrong, "invalid_timestamp", "invalid_timestamp"])
    learned = definition("linucb", features=LINEAR)
    full = lambda **more: ["update", {"arm": ["x"], "reward": [1.0], "context": [[0.5, 1]], "arm_features": [[2]]} | more, {}]  # noqa: E731
    given = {"context": [1, 1], "arm_features": {arm: [1] for arm in "xyz"}}
    errors(suite, "features", learned, [
        rest, full(context=[[0.5]]), full(arm_features=[[1, 2]]), full(context=[["NaN", 1]]), full(context=[[2000, 1]]),
        choose(), choose(**given | {"context": [1]}), choose(**given | {"context": {"age": 1}}), choose(**given | {"context": {"age": 1, "mobile": 1, "tall": 1}}),
        choose(**given | {"context": ["a", 1]}), choose(**given | {"context": [2000, 1]}), choose(**given | {"context": "age"}),
        choose(**given | {"arm_features": {"x": [1]}}), choose(**given | {"arm_features": [1]}), choose(**given | {"arm_features": given["arm_features"] | {"w": [1]}}),
    ], [wrong, "length_mismatch", "length_mismatch", "invalid_weight", "invalid_weight", wrong, "length_mismatch", wrong, wrong, wrong, "invalid_weight", wrong, wrong, wrong, wrong])
    large = definition({"name": "linucb", "interactions": True}, features=LINEAR)
    errors(suite, "a product of features", large, [full(context=[[900, 1]])], ["invalid_weight"])
    pair = {"headline": "short", "image": "none"}
    errors(suite, "factors", FACTORS, [
        ["update_one", {"arm": "short", "reward": 1}], ["update_one", {"arm": {"headline": "short"}, "reward": 1}], ["update_one", {"arm": pair | {"colour": "red"}, "reward": 1}],
        ["update_one", {"arm": pair | {"image": "long"}, "reward": 1}], choose(slots=2), choose(arms=["short"]), choose(context=[1]),
    ], [wrong] * 7)
    errors(suite, "merges and changes", good, [
        ["merge", {"definition": good | {"key": "c"}, "steps": []}], ["merge", {"definition": good | {"half_life": DAY}, "steps": []}],
        ["merge", {"definition": definition("linucb"), "steps": []}], ["redefine", good | {"key": "c"}], ["redefine", good | {"arms": []}],
    ], [wrong] * 5)
    wide = definition("epsilon_greedy")
    suite.case("refused: a policy that would not have taken the rewards", "bandit", {"definition": wide, "steps": [one("x", 5), ["redefine", good]]}, {"results": [{"accepted": 1}, {"error": wrong}]})
    same = Bandit(good).bytes().hex()
    suite.case("refused: nothing changes", "bandit", {"definition": good, "steps": [columns(reward=[1.0, "NaN"]), ["bytes"]]}, {"results": [{"error": "invalid_weight"}, same]})


def forged(suite):
    """Bytes that could not have been written, under a valid checksum."""
    bandit = Bandit(definition("beta_thompson", half_life=1000))
    bandit.play([["update", {"arm": ["x", "y", "x"], "reward": [1.0, 0.5, 0.0], "time": [0, 5_000, 7_000]}, {}], ["await_rewards", None, "y", 2]])
    state = bandit.state()
    text = json.dumps(bandit.definition(), sort_keys=True, separators=(",", ":")).encode()

    def opens(name, data, code="corrupt_bandit"):
        suite.fails(f"forged: {name}", "bandit", {"bytes": data.hex(), "steps": []}, code)

    good = bandit.bytes()
    results = Bandit(bandit.given)
    results.copy_state(bandit)
    suite.case("bytes are read", "bandit", {"bytes": good.hex(), "steps": [["bytes"], ["state_version"]]}, {"results": results.play([["bytes"], ["state_version"]])})
    opens("nothing", b"")
    opens("another start", b"TMPF" + good[4:])
    opens("cut", good[:-1])
    opens("a byte too many", good + b"\0")
    opens("a flipped bit", good[:40] + bytes([good[40] ^ 1]) + good[41:])
    opens("another version", seal(good[16:-8], version=2), "unsupported_version")
    opens("another length", seal(good[16:-8], length=len(good) + 1))
    opens("a definition that is not JSON", bandit.bytes(definition=b"{"))
    opens("a definition that is not valid", bandit.bytes(definition=b'{"key":"b"}'))
    opens("a definition in another form", bandit.bytes(definition=text.replace(b":", b": ", 1)))
    opens("no definition", seal(struct.pack("<I", 0) + state))
    opens("a definition longer than the bytes", seal(struct.pack("<I", 2**32 - 1) + text + state))
    opens("bytes after the state", bandit.bytes(state=state + b"\0"))
    opens("a state that is cut", bandit.bytes(state=state[:-4]))

    def changed(name, change):
        other = Bandit(bandit.given)
        other.copy_state(bandit)
        change(other)
        opens(name, other.bytes())

    def cell(b, arm, at, count=None, sums=None):
        known = b.cells[arm][at]
        b.cells[arm][at] = (known[0] if count is None else count, known[1] if sums is None else sums)

    changed("a newest time without sums", lambda b: setattr(b, "newest", 29))
    changed("a sum newer than the newest", lambda b: setattr(b, "newest", 27))
    changed("a sum that is too old", lambda b: b.cells["x"].update({-60: (1, [0, 0])}))
    changed("a count of 0", lambda b: cell(b, "x", 0, count=0))
    changed("a count above 2^40", lambda b: cell(b, "x", 0, count=2**40 + 1))
    changed("a sum beyond its count", lambda b: cell(b, "x", 0, sums=[2**82, 0]))
    changed("a negative sum of squares", lambda b: cell(b, "x", 0, sums=[0, -1]))
    changed("shared sums of a model without", lambda b: b.shared.update({28: (1, [])}))
    changed("pending beyond 2^40", lambda b: b.pending.update({"y": 2**41}))
    changed("an arm without a key", lambda b: b.cells.update({"": {}}))
    changed("an arm with a long key", lambda b: b.cells.update({"x" * 2050: {}}))
    swapped = struct.pack("<qI", -(2**63), 2) + b"".join(struct.pack("<H", 1) + k + struct.pack("<qI", 0, 0) for k in (b"y", b"x")) + struct.pack("<I", 0)
    opens("arms in another order", bandit.bytes(state=swapped))
    twice = struct.pack("<qI", -(2**63), 2) + b"".join(struct.pack("<H", 1) + b"x" + struct.pack("<qI", 0, 0) for _ in range(2)) + struct.pack("<I", 0)
    opens("an arm twice", bandit.bytes(state=twice))
    wrong = struct.pack("<qI", -(2**63), 1) + struct.pack("<H", 1) + b"\xff" + struct.pack("<qI", 0, 0) + struct.pack("<I", 0)
    opens("a key that is not UTF-8", bandit.bytes(state=wrong))
    many = struct.pack("<qI", -(2**63), 2**32 - 1)
    opens("four billion arms", bandit.bytes(state=many))
    cells = struct.pack("<qI", 0, 1) + struct.pack("<H", 1) + b"x" + struct.pack("<qI", 0, 81)
    opens("81 sums of an arm", bandit.bytes(state=cells))
    steady = Bandit(definition("beta_thompson"))
    steady.cells, steady.newest = {"x": {1: (1, [0, 0])}}, 1
    opens("a time without a half-life", steady.bytes())
    linear = Bandit(definition("linucb"))
    linear.cells, linear.newest = {"x": {0: (1, [0, 0, -1, 0])}}, 0
    opens("a square below 0 in a model", linear.bytes())


def stored(suite, models):
    """Bandits in a snapshot: a section each, after all others, their keys in the manifest."""
    for file in ("snapshots/small.tm", "snapshots/v1/small.tm"):
        data = fixtures.files()[file] if "v1" not in file else (FOLDER / file).read_bytes()
        for others in ([], ["zebra", "Ähre", "a"]):
            given = [Bandit(definition("ucb1") | {"key": key}) for key in ["b", *others]]
            given[0].play([["update", rows(61, 9), {}]])
            given.sort(key=lambda bandit: bandit.key.encode())
            sections = snapshot.read(data)
            manifest = json.loads(sections[1, 0]) | {"bandits": [bandit.key for bandit in given]}
            sections[1, 0] = snapshot.compact(manifest).encode()
            for at, bandit in enumerate(given):
                sections[48, at] = bandit.bytes()
            whole = snapshot.lay_out(sections, version=struct.unpack_from("<I", data, 8)[0])
            own = next(bandit for bandit in given if bandit.key == "b")
            expect = {"hash": snapshot.model_hash(whole), "bandits": [bandit.key for bandit in given], "bytes": own.bytes().hex()}
            more = [{"definition": definition("ucb1") | {"key": key}, "steps": []} for key in others]
            steps = [["update", rows(61, 9), {}], ["in_model", {"snapshot": file}, more]]
            name = f"in {file}, {len(given)} bandits"
            suite.case(name, "bandit", {"definition": definition("ucb1"), "steps": steps}, {"results": [{"accepted": 9}, expect]})
    twice = [{"definition": definition("ucb1"), "steps": []}]
    errors(suite, "two of one key in a snapshot", definition("ucb1"), [["in_model", {"snapshot": "snapshots/small.tm"}, twice]], ["invalid_argument"])
