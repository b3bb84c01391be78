"""The trainers that make a graph, and their sum, from their descriptions, with dense numpy.

A trainer gives weights `i -> j`; a blend is the weighted sum of several. The strongest
`neighbors` of each item stay. Weights are compared with a tolerance, so `neighbors` raises where
the data would not pin the answer down: two weights of a row too near each other for their order
to be sure, or one too near zero for its sign.
"""

import numpy as np

import serve
import spectral
from spectral import TOLERANCE, power, top

SPECTRAL = {"rank": 256, "alpha": 0.4, "iterations": 6, "candidates": 400, "popularity_exponent": 0.5}
RIDGE = {
    "lambda": 20.0, "support": 100, "user_exponent": 0.5, "item_exponent": 0.25, "popularity_exponent": 0.25,
    "rank": 256, "alpha": 0.4, "iterations": 6, "candidates": 400,
}
WEIGHTINGS = {"cosine": {}, "bm25": {"k1": 1.2, "b": 0.75}, "p3alpha": {"alpha": 1.0}, "rp3beta": {"alpha": 1.0, "beta": 0.5}}
SEQUENCE = {"window": 10, "decay": 0.8, "gap_half_life_days": None, "popularity_exponent": 0.25}
IALS = {
    "factors": 64, "iterations": 15, "tolerance": None, "alpha": 40.0, "regularization": 10.0, "regularization_exponent": 0.0, "candidates": 400,
    "popularity_exponent": 0.0,
}
DEFAULTS = {"ials": IALS, "spectral": SPECTRAL, "ridge": RIDGE, "cooccurrence": {"weighting": "rp3beta"}, "sequence": SEQUENCE}


def plan(trainer):
    """The parts of a blend, each with its name, its weight and all its options."""
    parts = trainer if isinstance(trainer, list) else [trainer]
    parts = [{"name": p} if isinstance(p, str) else p for p in parts]
    parts = [{"weight": 1.0} | DEFAULTS[p["name"]] | p for p in parts]
    return [WEIGHTINGS[p["weighting"]] | p if p["name"] == "cooccurrence" else p for p in parts]


def neighbors(dense, items, options, timed=()):
    """{item: [(neighbour, weight)]}, strongest first. `timed` are the paths, for `sequence`."""
    parts, keep = plan(options["trainer"]), options.get("neighbors", 100)
    dial = options.get("popularity_exponent", 0.0)
    width = keep if len(parts) == 1 and dial == 0 else 4 * keep
    sums = [{} for _ in items]
    for part in parts:
        for row, found in zip(sums, LEARN[part["name"]](dense, part, timed if part["name"] == "sequence" else width)):
            positive = [j for j in found if found[j] > 1e-12]
            if any(1e-12 < abs(found[j]) < 4 * TOLERANCE for j in found):
                raise ValueError("a weight too near zero")
            for j in top(positive, found, width):
                row[j] = row.get(j, 0.0) + part["weight"] * found[j]
    reach = power(dense.sum(0), dial) if dial else np.ones(len(items))
    sums = [{j: w * reach[j] for j, w in row.items()} for row in sums]
    # Weights are quantised in steps that grow with the largest.
    size = max([1.0, *(w for row in sums for w in row.values())])
    out = {}
    for name, row in zip(items, sums):
        kept = top([j for j in row if row[j] > 0], row, keep)
        order = [row[j] for j in kept]
        if any(a - b < 4 * TOLERANCE * size for a, b in zip(order, order[1:])):
            raise ValueError(f"{name}: two weights too near: {order}")
        out[name] = [(items[j], float(row[j])) for j in kept]
    return out


def ridge(dense, options, _):
    """Each item regressed on its strongest candidates: SLIM and EASE on a support.

    `w = (A_SS + lambda I)^-1 A_Sj` with `A_ab = s_a s_b sum_u omega_u x_ua x_ub`, in entries of
    average weight; `i -> j` weighs `w_i s_i d_j^e`.
    """
    g, smooth = spectral.pairs(dense, options)
    entry = dense[dense > 0].mean() if (dense > 0).any() else 1.0
    users, degrees = dense.sum(1), dense.sum(0) / entry
    omega = power(users / users[users > 0].mean(), -options["user_exponent"]) if (users > 0).any() else users
    scale = power(degrees, -options["item_exponent"])
    reach = power(degrees, options["popularity_exponent"])
    x = dense / entry
    gram = scale[:, None] * (x.T @ (omega[:, None] * x)) * scale
    found = spectral.candidates(g, dense.sum(0), max(options["candidates"], options["support"]))
    rows = [{} for _ in found]
    for j, chosen in enumerate(found):
        score = g[j] + options["alpha"] * smooth[j]
        support = top(chosen, score, options["support"])
        w = np.linalg.solve(gram[np.ix_(support, support)] + options["lambda"] * np.eye(len(support)), gram[support, j])
        for i, value in zip(support, w):
            rows[i][j] = value * scale[i] * reach[j]
    return rows


def cooccurrence(dense, options, _):
    """How much two columns have in common, by textbook definitions of whole matrices."""
    weighting, there = options["weighting"], dense.sum(0) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        if weighting == "cosine":
            lengths = np.sqrt((dense**2).sum(0))
            w = dense.T @ dense / np.outer(lengths, lengths)
        elif weighting == "bm25":
            # As implicit's bm25_weight(items x users, K1, B): an item is a document, a user a term.
            idf = np.log(there.sum()) - np.log1p((dense > 0).sum(1))
            length = dense.sum(0) / dense.sum(0)[there].mean()
            k1, b = options["k1"], options["b"]
            terms = np.where(dense > 0, dense * (k1 + 1) / (k1 * (1 - b + b * length) + dense), 0.0) * idf[:, None]
            w = terms.T @ terms
        else:
            # P_ij = (a_ij / d_i)^alpha on the graph of users and items; two steps from an item.
            to_user = (dense / dense.sum(0)).T ** options["alpha"]
            to_item = np.where(dense > 0, (dense / dense.sum(1)[:, None]) ** options["alpha"], 0.0)
            w = np.where(dense.T > 0, to_user, 0.0) @ to_item
            if weighting == "rp3beta":
                w = w / dense.sum(0) ** options["beta"]
    met = (dense > 0).T.astype(float) @ (dense > 0) > 0
    return [{j: w[i, j] for j in range(len(there)) if met[i, j] and i != j} for i in range(len(there))]


def paths(histories, items, dense, kinds, max_user_items=2048):
    """For each user, [(time, item, weight)] of the events that speak for an item, by time."""
    index = {name: i for i, name in enumerate(items)}
    newest = max((e[0] for events in histories.values() for e in events), default=0)
    out = []
    for row, events in enumerate(histories.values()):
        steps = {}
        for time, item, kind, weight in events:
            evidence = serve.evidence(kinds, kind, spectral.to_f32(weight))
            if kinds.half_life_ms is not None:
                evidence *= 0.5 ** (max(newest - time, 0) / kinds.half_life_ms)
            if evidence > 0 and dense[row, index[item]] > 0:
                steps[time, index[item]] = min(4.0, steps.get((time, index[item]), 0.0) + evidence)
        out.append([(time, item, weight) for (time, item), weight in sorted(steps.items())])
    return out


def sequence(dense, options, timed):
    """What comes after what: every pair of steps on its own."""
    n = dense.shape[1]
    counts, degrees = np.zeros((n, n)), np.zeros(n)
    for steps in timed:
        moments = {time: i for i, time in enumerate(sorted({time for time, _, _ in steps}))}
        for time, a, weight in steps:
            degrees[a] += weight
            for later, b, other in steps:
                distance = moments[later] - moments[time]
                if a != b and 1 <= distance <= options["window"]:
                    gap = (later - time) / spectral.DAY
                    near = 1.0 if options["gap_half_life_days"] is None else 0.5 ** (gap / options["gap_half_life_days"])
                    counts[a, b] += weight * other * options["decay"] ** (distance - 1) * near
    e = options["popularity_exponent"]
    w = counts * power(degrees, -0.5 - e)[:, None] * power(degrees, e - 0.5)
    if len({time for steps in timed for time, _, _ in steps}) < 2:
        assert not w.any()
    return [{j: w[i, j] for j in range(n) if counts[i, j] > 0} for i in range(n)]


def ials(dense, options, keep):
    """Alternating least squares with exact solutions, from unit vectors, for as many factors as items.

    A rotation of the factors changes no product of them, so where they start matters less than
    that they span everything: with fewer factors the start would be the library's hash.
    """
    users, n = dense.shape
    if options["factors"] < n:
        raise AssertionError("the start is known for full rank only")
    alpha, y = options["alpha"], np.eye(n) / np.sqrt(n)

    def solve(entries, other):
        evidence = len(other) + alpha * entries.sum(1)
        out = []
        for row, e in zip(entries, evidence):
            lam = options["regularization"] * (e / evidence.mean()) ** options["regularization_exponent"]
            left = other.T @ ((1 + alpha * row)[:, None] * other) + lam * np.eye(n)
            out.append(np.linalg.solve(left, other.T @ ((1 + alpha * row) * (row > 0))))
        return np.array(out)

    # By default all rounds are done on data as small as this.
    before, tolerance = None, options["tolerance"] or 0
    for _ in range(options["iterations"]):
        x = solve(dense, y)
        y = solve(dense.T, x)
        error = ((1 + alpha * dense) * (1 - x @ y.T) ** 2)[dense > 0].sum()
        gain = None if before is None else 1 - error / before
        if gain is not None and abs(gain - tolerance) < 1e-4 * tolerance:
            raise AssertionError("too near the tolerance for its side to be sure")
        if tolerance and gain is not None and gain <= tolerance:
            break
        before = error
    # Each item's history alone, folded in without any formula.
    g = y.T @ y + options["regularization"] * np.eye(n)
    w = np.array([y @ np.linalg.solve(g + alpha * np.outer(v, v), (1 + alpha) * v) for v in y])
    items_sum, e = dense.sum(0), options["popularity_exponent"]
    w = w * power(items_sum, e)[None, :] * power(items_sum, -e)[:, None]
    met, _ = spectral.pairs(dense, {"alpha": 0})
    found = spectral.candidates(met, items_sum, max(options["candidates"], keep))
    return [{j: w[i, j] for j in found[i]} for i in range(n)]


LEARN = {"ials": ials, "spectral": spectral.rows, "ridge": ridge, "cooccurrence": cooccurrence, "sequence": sequence}
