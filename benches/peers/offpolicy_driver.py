"""Our own Python package, driven by the figures: offpolicy_driver.py DATA

DATA holds the small Open Bandit Dataset in `obd`. Answers each line of standard input:
`obd` evaluates the Bernoulli Thompson policy on the random policy's log: {"ips": …, "dm": …, …};
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


def open_bandit(data):
    with (data / "random/all/all.csv").open() as file:
        rows = list(csv.DictReader(file))
    column = lambda name: np.array([float(row[name]) for row in rows])  # noqa: E731
    policy = thompson(*prior(data / "prior_bts.yaml"))
    report = tm.offpolicy.evaluate(
        column("click"),
        column("propensity_score"),
        policy,
        action=column("item_id").astype(np.int64),
        cell=column("position").astype(np.int64) - 1,
    )
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
        if command == "obd":
            print(json.dumps(open_bandit(data)), flush=True)
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
