"""The `implicit` library, driven by the figures: implicit_driver.py TRAIN MODEL THREADS

MODEL is `als-F` (F factors) or `cosine`. Reads one command a line from standard
input, and answers each with one JSON object a line:

  fit [SEED]       trains from scratch               {"s": …}
  single           recommends 20 to each user,       {"p50": …, "p99": …, "mean": …} in µs
                   one call a user, one thread
  single-sliced    the same, each user's row cut     {"p50": …, "p99": …, "mean": …} in µs
                   out before the clock starts
  batch            recommends 20 to all users        {"s": …, "users": …}
  quality TEST     of the served lists               {"recall": …, "ndcg": …}
"""

import json
import os
import sys
import time
import warnings

import numpy as np
import scipy.sparse as sp

from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender

K = 20


def read(path):
    users, items = [], []
    with open(path) as file:
        for line in file:
            user, *rest = line.split()
            users.extend([int(user)] * len(rest))
            items.extend(map(int, rest))
    return np.array(users), np.array(items)


def matrix(path):
    """Rows are users and columns items: both are numbered from 0 in the files."""
    users, items = read(path)
    ones = np.ones(len(users), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (users, items)), shape=(users.max() + 1, items.max() + 1))
    matrix.sort_indices()
    return matrix


def make(name, threads, seed):
    if name == "cosine":
        return CosineRecommender(K=100, num_threads=threads)
    # alpha and regularization do not change the time. These gave the best
    # Recall@20 on gowalla of alpha in {1, 5, 10, 20, 40, 80, 160} and
    # regularization in {0.01, 1, 10}.
    return AlternatingLeastSquares(
        factors=int(name.removeprefix("als-")),
        alpha=40.0,
        regularization=0.01,
        iterations=15,
        use_native=True,
        use_cg=True,
        calculate_training_loss=False,
        num_threads=threads,
        random_state=seed,
    )


def spread(times):
    times = np.sort(np.array(times)) / 1e3
    rank = lambda share: float(times[int(np.ceil(share * len(times))) - 1])
    return {"p50": rank(0.5), "p99": rank(0.99), "mean": float(times.mean())}


def single(model, train, users):
    clock = time.perf_counter_ns
    times = []
    for user in users:
        start = clock()
        model.recommend(user, train[user], N=K)
        times.append(clock() - start)
    return spread(times)


def single_sliced(model, rows):
    clock = time.perf_counter_ns
    times = []
    for user, row in rows:
        start = clock()
        model.recommend(user, row, N=K)
        times.append(clock() - start)
    return spread(times)


def quality(model, train, path):
    users, items = read(path)
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    distinct, starts = np.unique(users, return_index=True)
    ids, _ = model.recommend(distinct, train[distinct], N=K, filter_already_liked_items=True)
    discount = 1 / np.log2(np.arange(2, K + 2))
    recall = ndcg = 0.0
    for row, wanted in enumerate(np.split(items, starts[1:])):
        hit = np.isin(ids[row], wanted)
        recall += hit.sum() / len(wanted)
        ndcg += (hit * discount).sum() / discount[: min(K, len(wanted))].sum()
    return {"recall": recall / len(distinct), "ndcg": ndcg / len(distinct)}


def main():
    # What implicit prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore", message="Method expects CSR input")
    train = matrix(sys.argv[1])
    threads = int(sys.argv[3])
    users = np.flatnonzero(np.diff(train.indptr))
    model = None
    rows = None
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "fit":
            model = make(sys.argv[2], threads, int(rest[0]) if rest else 0)
            start = time.perf_counter()
            model.fit(train, show_progress=False)
            answer = {"s": time.perf_counter() - start}
        elif command == "single":
            answer = single(model, train, users)
        elif command == "single-sliced":
            rows = rows or [(user, train[user]) for user in users]
            answer = single_sliced(model, rows)
        elif command == "batch":
            start = time.perf_counter()
            model.recommend(users, train[users], N=K)
            answer = {"s": time.perf_counter() - start, "users": len(users)}
        elif command == "quality":
            answer = quality(model, train, rest[0])
        else:
            answer = {"error": f"unknown command {command}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
