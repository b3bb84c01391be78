"""Our own Python package, driven by the figures: offpolicy_driver.py DATA

DATA holds the small Open Bandit Dataset in `obd`. Answers each line of standard input:
`obd` evaluates the Bernoulli Thompson policy on the random policy's log: {"ips": …, "dm": …, …};
`logistic` does so with the rewards that a logistic regression predicts;
`weights` and `doubly_robust` evaluate 10 million rows in NumPy columns, `numpy` does what `weights`
does in plain NumPy: {"seconds": …, "ips": …}.

The policy's action distribution is made as the dataset's own example makes it: Beta draws with the
campaign's prior, 100,000 of them by `RandomState(12345)`, the three largest of each in the order of
the positions.
"""

import csv
import json
import pathlib
import sys
import time

import numpy as np
import scipy.optimize

import tastemaker as tm

ROWS, ACTIONS, CELLS = 10_000_000, 20, 50


def prior(path):
    """The campaign "all": two lists of one number an arm."""
    found, campaign, name = {}, None, None
    for line in path.read_text().splitlines():
        word = line.strip()
        if word.startswith("- "):
            found[campaign, name].append(float(word[2:]))
        elif line and not line.startswith(" "):
            campaign = word.rstrip(":")
        elif word:
            name = word.rstrip(":")
            found[campaign, name] = []
    return np.array(found["all", "alpha"]), np.array(found["all", "beta"])


def thompson(alpha, beta, slots=3, draws=100_000, seed=12345):
    dice = np.random.RandomState(seed)
    counts = np.zeros((slots, len(alpha)))
    for _ in range(draws):
        best = dice.beta(a=alpha, b=beta).argsort()[::-1][:slots]
        counts[np.arange(slots), best] += 1
    return counts / draws


def one_hot(values):
    """A column for each value but the first."""
    found, place = np.unique(values, return_inverse=True)
    return np.eye(len(found))[place][:, 1:]


def logistic(features, reward):
    """A logistic regression with an L2 penalty of 1/2, the intercept free; as a function."""
    x = np.column_stack([features, np.ones(len(features))])

    def loss(w):
        z = x @ w
        gradient = x.T @ (1 / (1 + np.exp(-z)) - reward)
        gradient[:-1] += w[:-1]
        return (np.logaddexp(0, z) - reward * z).sum() + (w[:-1] ** 2).sum() / 2, gradient

    w = scipy.optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    return lambda features: 1 / (1 + np.exp(-(features @ w[:-1] + w[-1])))


def predictions(user, item, action, position, reward, folds=5):
    """What each item would get in each row: a regression a position, trained on the other folds."""
    fold = np.random.RandomState(12345).permutation(len(reward)) % folds
    predicted = np.zeros((len(reward), len(item)))
    for part in range(folds):
        for slot in np.unique(position):
            train, test = (np.flatnonzero((position == slot) & own) for own in (fold != part, fold == part))
            model = logistic(np.hstack([user[train], item[action[train]]]), reward[train])
            for arm, features in enumerate(item):
                predicted[test, arm] = model(np.hstack([user[test], np.tile(features, (len(test), 1))]))
    return predicted


def open_bandit(data, predict):
    read = lambda name: list(csv.DictReader((data / "random/all" / name).read_text().splitlines()))  # noqa: E731
    rows = read("all.csv")
    column = lambda name: np.array([float(row[name]) for row in rows])  # noqa: E731
    reward, action = column("click"), column("item_id").astype(np.int64)
    cell = column("position").astype(np.int64) - 1
    policy = thompson(*prior(data / "prior_bts.yaml"))
    more = {}
    if predict:
        items = sorted(read("item_context.csv"), key=lambda item: int(item["item_id"]))
        word = lambda name: np.unique([item[name] for item in items], return_inverse=True)[1]  # noqa: E731
        words = [word(f"item_feature_{n}") for n in (1, 2, 3)]
        item = np.column_stack([[float(item["item_feature_0"]) for item in items], *words])
        user = np.hstack([one_hot([row[f"user_feature_{n}"] for row in rows]) for n in range(4)])
        more["predictions"] = predictions(user, item, action, cell, reward)
    report = tm.offpolicy.evaluate(reward, column("propensity_score"), policy, action=action, cell=cell, **more)
    return {estimate["estimator"]: estimate["value"] for estimate in report["estimates"]}


def large():
    dice = np.random.default_rng(1)
    cell, action = dice.integers(0, CELLS, ROWS), dice.integers(0, ACTIONS, ROWS)
    policy = dice.dirichlet(np.ones(ACTIONS), CELLS)
    reward = (dice.random(ROWS) < 0.02 + 0.03 * policy[cell, action]).astype(float)
    return reward, np.full(ROWS, 1 / ACTIONS), policy, action, cell


def by_numpy(reward, propensity, probability):
    """Values and standard errors of ips and snips, and of their gains over the log."""
    n = len(reward)
    weight = probability / propensity
    ips = weight * reward
    value = ips.mean()
    snips = ips.sum() / weight.sum()
    own = reward - reward.mean()
    influences = ips - value, weight * (reward - snips) / weight.mean()
    for influence in (*influences, *(i - own for i in influences)):
        np.sqrt((influence**2).sum() / (n - 1) / n)
    return value


def main():
    data = pathlib.Path(sys.argv[1]) / "obd"
    columns = None
    for line in sys.stdin:
        command = line.strip()
        if command in ("obd", "logistic"):
            print(json.dumps(open_bandit(data, command == "logistic")), flush=True)
            continue
        columns = columns or large()
        reward, propensity, policy, action, cell = columns
        probability = policy[cell, action]
        start = time.perf_counter()
        if command == "numpy":
            value = by_numpy(reward, propensity, probability)
        elif command == "weights":
            report = tm.offpolicy.evaluate(reward, propensity, probability, estimators=["ips", "snips"])
            value = report["estimates"][0]["value"]
        else:
            estimators = ["ips", "snips", "dm", "dr"]
            report = tm.offpolicy.evaluate(reward, propensity, policy, action=action, cell=cell, estimators=estimators)
            value = report["estimates"][0]["value"]
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "ips": value}), flush=True)


if __name__ == "__main__":
    main()
