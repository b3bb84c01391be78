"""The ingestion of events and the spectral trainer, from their description, with dense numpy.

`w_ij = (g_ij + alpha * q_i.q_j) * (d_j / d_i)^e`, where g = R~'R~ off its diagonal, R~ is the
user x item matrix of positive evidence with rows and columns scaled by the roots of their sums,
and QQ' is the projector on the leading right singular subspace of R~, here from a full
eigendecomposition. Only pairs with g > 0 have an edge.

The library works in float32 and by subspace iteration, so weights are compared with a
tolerance. What the data would not pin down raises: a subspace without a gap, a tie at a cut.
"""

import numpy as np

import profile
import serve
from snapshot import DEFAULT_KINDS, by_bytes, to_f32

TOLERANCE = 2e-5
DAY = 86_400_000.0


class Kinds:
    def __init__(self, changes=None, half_life_days=None):
        table = DEFAULT_KINDS | (changes or {})
        self.kinds = {n: r if isinstance(r, dict) else {"weight": r} for n, r in table.items()}
        self.half_life_ms = None if half_life_days is None else max(half_life_days * DAY, 1.0)
        for rule in self.kinds.values():
            rule.setdefault("weight", 1.0)


def rows_of(events):
    n = len(events["user_id"])
    column = lambda name, default: events.get(name) or [default] * n  # noqa: E731
    return list(zip(
        map(str, events["user_id"]), column("timestamp", 0), map(str, events["item_id"]), column("kind", "view"),
        column("weight", 1.0),
    ))


def ingest(events, catalog=None, kinds=None):
    """(users -> events, item ids, counts) of valid rows."""
    rows = rows_of(events)
    by_user = {}
    for user, *event in rows:
        by_user.setdefault(user, []).append(tuple(event))
    distinct = len({(u, t, i, k) for u, t, i, k, _ in rows})
    histories = {u: profile.union(by_user[u]) for u in by_bytes(by_user)}
    listed = [item["id"] for item in (catalog or {}).get("items", [])]
    items = by_bytes([r[2] for r in rows] + listed)
    counts = {
        "events": len(rows), "duplicates": len(rows) - distinct, "users": len(histories), "items": len(items),
        "beyond_history": distinct - sum(map(len, histories.values())),
        "unlisted_items": len(set(items) - set(listed)) if catalog else 0,
    }
    return histories, items, counts


def matrix(histories, items, kinds, max_user_items=2048):
    index = {name: i for i, name in enumerate(items)}
    newest = max((e[0] for events in histories.values() for e in events), default=0)
    dense = np.zeros((len(histories), len(items)))
    for row, events in enumerate(histories.values()):
        last = {}
        for time, item, _, _ in events:
            last[index[item]] = max(time, last.get(index[item], time))
        kept = sorted(last, key=lambda i: (last[i], i))[-max_user_items:]
        signals = [(t, index[i], k, w) for t, i, k, w in events if index[i] in kept]
        for item, weight in serve.fold(kinds, signals, newest).items():
            dense[row, item] = max(to_f32(weight), 0.0)
    return dense


def scaled(dense):
    """R~, and the sums of the columns of R."""
    users, items_sum = dense.sum(1), dense.sum(0)
    return dense * power(users, -0.5)[:, None] * power(items_sum, -0.5), items_sum


def power(values, exponent):
    """values ** exponent, and 0 for what is not positive."""
    return np.where(values > 0, np.where(values > 0, values, 1.0) ** exponent, 0.0)


def pairs(dense, options):
    """g and q.q of all pairs."""
    normal, _ = scaled(dense)
    gram = normal.T @ normal
    smooth = np.zeros_like(gram)
    if options.get("alpha", 0.4) > 0:
        values, vectors = np.linalg.eigh(gram)
        values, vectors = values[::-1], vectors[:, ::-1]
        rank = min(options.get("rank", 256), *dense.shape)
        full = int((values > 1e-9).sum())
        if rank < full:
            if values[rank] > 0.5 * values[rank - 1]:
                raise ValueError(f"no gap at rank {rank}: {values[rank - 1]} {values[rank]}")
        elif full and values[full - 1] < 0.05:
            raise ValueError(f"an eigenvalue of {values[full - 1]} is lost in float32")
        basis = vectors[:, : min(rank, full)]
        smooth = basis @ basis.T
    return gram - np.diag(np.diag(gram)), smooth


def candidates(g, items_sum, limit):
    """For each item, the strongest by g and by g * sqrt(d)."""
    out = []
    for i in range(len(items_sum)):
        there = [j for j in range(len(items_sum)) if g[i, j] > 1e-12]
        out.append(sorted(set(top(there, g[i], limit)) | set(top(there, g[i] * np.sqrt(items_sum), limit))))
    return out


def rows(dense, options, keep):
    """For each item, {neighbour: weight}."""
    g, smooth = pairs(dense, options)
    items_sum = dense.sum(0)
    reach = power(items_sum, options.get("popularity_exponent", 0.5))
    back = power(items_sum, -options.get("popularity_exponent", 0.5))
    weights = (g + options.get("alpha", 0.4) * smooth) * reach[None, :] * back[:, None]
    found = candidates(g, items_sum, max(options.get("candidates", 400), keep))
    return [{j: weights[i, j] for j in found[i]} for i in range(len(items_sum))]


def top(indices, values, keep):
    ordered = sorted(indices, key=lambda j: -values[j])
    if len(ordered) > keep and values[ordered[keep - 1]] - values[ordered[keep]] < 4 * TOLERANCE:
        raise ValueError("a tie at the cut")
    return ordered[:keep]
