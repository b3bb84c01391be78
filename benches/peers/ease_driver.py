"""EASE in NumPy, driven by the figures: ease_driver.py TRAIN

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with `G = XᵀX` and
`P = (G + λI)⁻¹`, the weights are `B = I − P / diag(P)`, and a user's scores `X B`. Dense: it
fits where the square of the number of items does.

Reads one command a line from standard input, and answers each with one JSON object a line:

  quality TEST LAMBDA    of lists of 20             {"recall": …, "ndcg": …}
"""

import json
import sys

import numpy as np
import scipy.sparse as sp

from implicit_driver import K, matrix, read

USERS = 1000


def weights(train, strength):
    gram = (train.T @ train).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += strength
    inverse = np.linalg.inv(gram)
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


def quality(train, found, path):
    users, items = read(path)
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    distinct, starts = np.unique(users, return_index=True)
    wanted = np.split(items, starts[1:])
    discount = 1 / np.log2(np.arange(2, K + 2))
    recall = ndcg = 0.0
    for start in range(0, len(distinct), USERS):
        rows = train[distinct[start:start + USERS]]
        scores = rows @ found
        scores[rows.nonzero()] = -np.inf
        lists = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        for ids, own in zip(lists, wanted[start:start + USERS]):
            hit = np.isin(ids, own)
            recall += hit.sum() / len(own)
            ndcg += (hit * discount).sum() / discount[: min(K, len(own))].sum()
    return {"recall": recall / len(distinct), "ndcg": ndcg / len(distinct)}


def main():
    train = sp.csr_matrix(matrix(sys.argv[1]))
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "quality":
            answer = quality(train, weights(train, float(rest[1])), rest[0])
        else:
            answer = {"error": f"unknown command {command}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
