"""Vowpal Wabbit's contextual bandits, driven by the figures: vw_driver.py

Reads one command a line from standard input and answers each with one JSON object a line:

  play SETTING SEED FILE T K D    plays T rounds of K arms and D features: {"regret": …}
                                  FILE holds f64: the arms' means, their rewards, the contexts
  replay SETTING SEED FILE T K    replays T logged rows; FILE holds f64: arms, then rewards:
                                  {"matched": …, "reward": …}

SETTING is `epsilon`, `bag`, `cover` or `squarecb`. Arms are drawn from the distribution that VW
gives, with NumPy's generator, and learnt from with that probability.
"""

import json
import sys

import numpy as np
from vowpalwabbit import Workspace

SETTINGS = {
    "epsilon": "--cb_explore {k} --epsilon 0.05",
    "bag": "--cb_explore {k} --bag 5",
    "cover": "--cb_explore {k} --cover 3",
    "squarecb": "--cb_explore_adf --squarecb --gamma_scale 100 --quadratic ua",
}


class Learner:
    def __init__(self, setting, arms, seed):
        self.arms, self.adf = arms, setting == "squarecb"
        self.vw = Workspace(SETTINGS[setting].format(k=arms) + f" --quiet --random_seed {seed}")
        self.dice = np.random.default_rng(seed)

    def example(self, context, label=None):
        words = "bias " + " ".join(f"f{i}:{value}" for i, value in enumerate(context))
        if not self.adf:
            return ("" if label is None else "{}:{}:{}".format(label[0] + 1, *label[1:])) + f" |u {words}"
        lines = [f"shared |u {words}"]
        for arm in range(self.arms):
            mark = "0:{}:{} ".format(*label[1:]) if label is not None and label[0] == arm else ""
            lines.append(f"{mark}|a arm{arm}")
        return lines

    def choose(self, context):
        found = np.asarray(self.vw.predict(self.example(context)), dtype=float)
        found /= found.sum()
        arm = int(self.dice.choice(self.arms, p=found))
        return arm, found[arm]

    def learn(self, context, arm, reward, probability):
        self.vw.learn(self.example(context, (arm, -reward, probability)))


def play(setting, seed, file, rounds, arms, width):
    data = np.fromfile(file)
    means, rest = data[: rounds * arms].reshape(rounds, arms), data[rounds * arms :]
    rewards, contexts = rest[: rounds * arms].reshape(rounds, arms), rest[rounds * arms :].reshape(rounds, width)
    learner = Learner(setting, arms, seed)
    regret = 0.0
    for t in range(rounds):
        arm, probability = learner.choose(contexts[t])
        learner.learn(contexts[t], arm, rewards[t, arm], probability)
        regret += means[t].max() - means[t, arm]
    return {"regret": regret}


def replay(setting, seed, file, rows, arms):
    data = np.fromfile(file)
    logged, rewards = data[:rows].astype(int), data[rows:]
    learner = Learner(setting, arms, seed)
    matched = reward = 0
    for t in range(rows):
        arm, probability = learner.choose(())
        if arm == logged[t]:
            learner.learn((), arm, rewards[t], probability)
            matched, reward = matched + 1, reward + rewards[t]
    return {"matched": matched, "reward": reward}


def main():
    for line in sys.stdin:
        command, setting, seed, file, *sizes = line.split()
        work = {"play": play, "replay": replay}[command]
        print(json.dumps(work(setting, int(seed), file, *map(int, sizes))), flush=True)


if __name__ == "__main__":
    main()
