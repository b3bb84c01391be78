"""Tests, intervals and beliefs of experiments, by SciPy and by the textbook.

Written from the definitions in docs/guides/statistics.md. Arms are dictionaries as in a request;
moments are worked out in exact fractions, quantiles by SciPy, integrals by adaptive quadrature.
"""

import math
import warnings
from fractions import Fraction as F

import numpy as np
from scipy import integrate, optimize, special, stats as sps

INF = math.inf
# More digits are asked for than there are, so that quadrature stops where rounding begins.
warnings.simplefilter("ignore", integrate.IntegrationWarning)


def moments(metric, arm):
    """n, means and covariances of value, denominator and covariate, as fractions."""
    n = arm["n"]
    names = ["", "denominator_", "covariate_"]
    mean, cov = [F(0), F(1), F(0)], [[F(0)] * 3 for _ in range(3)]
    used = [True, metric == "ratio", any(k.startswith("covariate_") for k in arm)]
    if metric == "proportion":
        arm = arm | {"sum": arm["successes"], "sum_squares": arm["successes"]}
    sums = {}
    for i, name in enumerate(names):
        if not used[i]:
            continue
        if name + "sum" in arm:
            sums[i] = F(arm[name + "sum"])
            mean[i] = sums[i] / n
            cov[i][i] = (F(arm[name + "sum_squares"]) - sums[i] ** 2 / n) / (n - 1)
        else:
            mean[i], cov[i][i] = F(arm[name + "mean"]), F(arm[name + "variance"])
    for i, j, sums, about in [
        (0, 1, "sum_products", "covariance"),
        (0, 2, "covariate_sum_products", "covariate_covariance"),
        (1, 2, "covariate_denominator_sum_products", "covariate_denominator_covariance"),
    ]:
        if used[i] and used[j]:
            if sums in arm:
                cov[i][j] = (F(arm[sums]) - n * mean[i] * mean[j]) / (n - 1)
            else:
                cov[i][j] = F(arm[about])
            cov[j][i] = cov[i][j]
    return n, mean, cov


def linearised(metric, arm):
    """Estimate, variance a unit, covariance with the covariate, its mean and its variance."""
    n, m, c = moments(metric, arm)
    if metric == "ratio":
        r = m[0] / m[1]
        variance = (c[0][0] - 2 * r * c[0][1] + r * r * c[1][1]) / m[1] ** 2
        return n, r, variance, (c[0][2] - r * c[1][2]) / m[1], m[2], c[2][2]
    return n, m[0], c[0][0], c[0][2], m[2], c[2][2]


def slope(metric, arms):
    rows = [linearised(metric, arm) for arm in arms]
    return sum((r[0] - 1) * r[3] for r in rows) / sum((r[0] - 1) * r[5] for r in rows)


def estimates(metric, arms, cuped=True, adjusted=True):
    """(value, centre, [(variance, freedom)]) of each arm."""
    cuped = cuped and "covariate_mean" in arms[0] or cuped and "covariate_sum" in arms[0]
    out = []
    if cuped:
        theta = slope(metric, arms)
        rows = [linearised(metric, arm) for arm in arms]
        centre = sum(r[0] * r[4] for r in rows) / sum(r[0] for r in rows)
        for n, value, variance, joint, mean, spread in rows:
            value -= theta * (mean - centre)
            variance += theta * theta * spread - 2 * theta * joint
            out.append((float(value), float(value), [(float(variance / n), n - 1)]))
        return out
    for arm in arms:
        n, value, variance, *_ = linearised(metric, arm)
        if metric == "proportion" and adjusted:
            share = F(arm["successes"] + 1, n + 2)
            out.append((float(value), float(share), [(float(share * (1 - share) / (n + 2)), INF)]))
        else:
            out.append((float(value), float(value), [(float(variance / n), n - 1)]))
    return out


def stratified(metric, strata, cuped):
    weights = [s.get("weight", sum(a["n"] for a in s["arms"])) for s in strata]
    weights = [w / sum(weights) for w in weights]
    parts = [estimates(metric, s["arms"], cuped, False) for s in strata]
    out = []
    for rows in zip(*parts):
        value = sum(w * r[0] for w, r in zip(weights, rows))
        out.append((value, value, [(w * w * v, f) for w, r in zip(weights, rows) for v, f in r[2]]))
    return out


def welch(parts):
    total = sum(v for v, _ in parts)
    squares = sum(v * v / f for v, f in parts if f < INF)
    return total * total / squares if squares else INF


def rho2(units, alpha):
    return (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / units


def ln_evidence(z, x, one_sided):
    value = z * z * x / (2 * (x + 1)) - 0.5 * math.log1p(x)
    return value + math.log(2) + float(sps.norm.logcdf(z * math.sqrt(x / (x + 1)))) if one_sided else value


def reach(method, alpha, one_sided, units, freedom, tuning):
    if method == "sequential":
        x = units * rho2(tuning, alpha)
        if one_sided:
            return optimize.brentq(lambda z: ln_evidence(z, x, True) + math.log(alpha), 0, 1000, xtol=1e-13, rtol=1e-14)
        return math.sqrt(2 * (x + 1) / x * math.log(math.sqrt(x + 1) / alpha))
    dist = sps.norm if freedom == INF else sps.t(freedom)
    return float(dist.isf(alpha if one_sided else alpha / 2))


def p_value(method, alternative, z, units, freedom, alpha, tuning):
    side = {"two_sided": z, "greater": z, "less": -z}[alternative]
    if method == "sequential":
        return min(1.0, math.exp(-ln_evidence(side, units * rho2(tuning, alpha), alternative != "two_sided")))
    dist = sps.norm if freedom == INF else sps.t(freedom)
    return float(2 * dist.sf(abs(z)) if alternative == "two_sided" else dist.sf(side))


def relative(kind, z, a, va, b, vb):
    if a <= 0:
        return None, None
    if kind == "delta":
        half = z * math.sqrt(vb / a**2 + va * b**2 / a**4)
        return b / a - half - 1, b / a + half - 1
    # The ratios r with (b − r a)² = z² (vb + r² va).
    z2, a, va, b, vb = F(z) ** 2, F(a), F(va), F(b), F(vb)
    lead, middle, last = a * a - z2 * va, a * b, b * b - z2 * vb
    if lead <= 0:
        return None, None
    root = F(math.sqrt(middle * middle - lead * last))
    return float((middle - root) / lead - 1), float((middle + root) / lead - 1)


def holm(p):
    order = sorted(range(len(p)), key=lambda i: p[i])
    out, top = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        top = max(top, min(1.0, p[i] * (len(p) - rank)))
        out[i] = top
    return out


def benjamini_hochberg(p):
    return [float(v) for v in sps.false_discovery_control(p)] if p else []


CORRECTIONS = {"holm": holm, "benjamini_hochberg": benjamini_hochberg, "none": list}


def compared(given, arms, found, control):
    method, alternative = given.get("method", "frequentist"), given.get("alternative", "two_sided")
    alpha, tuning = given.get("alpha", 0.05), given.get("tuning_units", 5000)
    a, n_a = found[control], arms[control]["n"]
    out = []
    for at, (arm, b) in enumerate(zip(arms, found)):
        if at == control:
            continue
        n = n_a + arm["n"]
        parts = a[2] + b[2]
        se, freedom = math.sqrt(sum(v for v, _ in parts)), welch(parts)
        z = reach(method, alpha, alternative != "two_sided", n, freedom, tuning)
        d = b[1] - a[1]
        row = {
            "arm": arm["name"], "status": "ok", "difference": b[0] - a[0], "standard_error": se,
            "low": None if alternative == "less" else d - z * se, "high": None if alternative == "greater" else d + z * se,
            "relative": (b[0] - a[0]) / a[0] if a[0] > 0 else None,
            "p_value": p_value(method, alternative, d / se, n, freedom, alpha, tuning),
        }
        low, high = relative(given.get("relative", "fieller"), z, a[1], sum(v for v, _ in a[2]), b[1], sum(v for v, _ in b[2]))
        none = row["relative"] is None
        row["relative_low"] = None if alternative == "less" or none else low
        row["relative_high"] = None if alternative == "greater" or none else high
        out.append(row)
    return out


def analyze(given):
    """The numbers of a report, without its words."""
    metric, cuped = given["metric"], given.get("cuped", True)
    if "strata" in given:
        strata = given["strata"]
        arms = [a | {"n": sum(s["arms"][i]["n"] for s in strata)} for i, a in enumerate(strata[0]["arms"])]
        found = stratified(metric, strata, cuped)
    else:
        arms = given["arms"]
        found = estimates(metric, arms, cuped)
    control = next((i for i, a in enumerate(arms) if a["name"] == given.get("control")), 0)
    out = {
        "arms": [
            {"name": a["name"], "n": a["n"], "estimate": e[0], "standard_error": math.sqrt(sum(v for v, _ in e[2]))}
            for a, e in zip(arms, found)
        ],
        "control": arms[control]["name"],
    }
    if given.get("method") == "bayesian":
        believe(given, arms, found, control, out)
    else:
        rows = compared(given, arms, found, control)
        adjusted = CORRECTIONS[given.get("correction", "holm")]([r["p_value"] for r in rows])
        for row, p in zip(rows, adjusted):
            row |= {"p_value_adjusted": p, "significant": p <= given.get("alpha", 0.05)}
        out["comparisons"] = rows
    if "roi" in given:
        roi = given["roi"]
        worth = lambda d: None if d is None else d * roi["value_per_unit"] * roi["units"] - roi.get("cost", 0)  # noqa: E731
        for row in out["comparisons"]:
            ends = [worth(row["low"]), worth(row["high"])]
            low, high = ends[::-1] if roi["value_per_unit"] < 0 else ends
            gain = worth(row["difference"])
            row["roi"] = {"gain": gain, "low": low, "high": high, "ratio": gain / roi["cost"] if roi.get("cost") else None}
    if "shares" in given:
        out["srm"] = srm([a["n"] for a in arms], given["shares"])
    if cuped and "strata" not in given and ("covariate_mean" in arms[0] or "covariate_sum" in arms[0]):
        plain = estimates(metric, arms, False)
        other = 1 if control == 0 else 0
        total = lambda rows: sum(v for i in (control, other) for v, _ in rows[i][2])  # noqa: E731
        out["cuped"] = {"theta": float(slope(metric, arms)), "variance_reduction": 1 - total(found) / total(plain)}
    if "segments" in given:
        by_segment(given, control, out)
    return out


def by_segment(given, control, out):
    rows = []
    for segment in given["segments"]:
        by_name = {a["name"]: a for a in segment["arms"]}
        arms = [by_name[a["name"]] for a in given["arms"]]
        found = estimates(given["metric"], arms, given.get("cuped", True))
        rows += [{"segment": segment["name"]} | row for row in compared(given, arms, found, control)]
    for row, p in zip(rows, holm([r["p_value"] for r in rows])):
        row |= {"p_value_adjusted": p, "significant": p <= given.get("alpha", 0.05)}
    out["segments"] = rows
    tests = []
    for arm in given["arms"] if given.get("method", "frequentist") == "frequentist" else []:
        own = [r for r in rows if r["arm"] == arm["name"]]
        if len(own) > 1:
            d, w = np.array([r["difference"] for r in own]), np.array([r["standard_error"] ** -2.0 for r in own])
            q = float((w * (d - (w * d).sum() / w.sum()) ** 2).sum())
            tests.append({"arm": arm["name"], "q": q, "freedom": len(own) - 1, "p_value": float(sps.chi2.sf(q, len(own) - 1))})
    for row, p in zip(tests, holm([t["p_value"] for t in tests])):
        row["p_value_adjusted"] = p
    out["heterogeneity"] = tests


def srm(counts, shares, alpha=0.001):
    shares = np.array(shares, dtype=float) / sum(shares)
    units = sum(counts)
    expected = units * shares
    chi, p = sps.chisquare(counts, expected) if units else (0.0, 1.0)
    prior = 10_000 * shares
    ln = special.gammaln(10_000) - special.gammaln(10_000 + units)
    ln += sum(special.gammaln(prior + counts) - special.gammaln(prior)) - sum(np.array(counts) * np.log(shares))
    return {
        "chi_square": float(chi), "p_value": float(p), "p_value_any_time": min(1.0, math.exp(-ln)),
        "mismatch": bool(p < alpha), "expected": [float(e) for e in expected],
    }


# --- Beliefs ---


class Beta:
    """A Beta distribution by SciPy's special functions, which are called one number at a time here."""

    def __init__(self, a, b):
        # Extended precision, because logarithms times a million conversions lose digits; the
        # constant is left to quadrature for the same reason.
        self.a, self.b, self.ln = np.longdouble(a), np.longdouble(b), np.longdouble(0)
        self.ln = self.ln_density(a / (a + b))
        self.scale = 1.0
        if a > 1000:
            self.scale = 1 / integral(self.pdf, [self])
        else:
            self.ln = special.betaln(a, b)

    def ln_density(self, x):
        return (self.a - 1) * np.log(np.longdouble(x)) + (self.b - 1) * np.log1p(np.longdouble(-x)) - self.ln

    def pdf(self, x):
        return self.scale * math.exp(self.ln_density(x)) if 0 < x < 1 else 0.0

    def cdf(self, x):
        return float(special.betainc(float(self.a), float(self.b), min(1.0, max(0.0, x))))

    def sf(self, x):
        return float(special.betaincc(float(self.a), float(self.b), min(1.0, max(0.0, x))))

    def ppf(self, p):
        return float(special.betaincinv(float(self.a), float(self.b), p))

    def isf(self, p):
        return float(special.betainccinv(float(self.a), float(self.b), p))

    def mean(self):
        return float(self.a / (self.a + self.b))


class Normal:
    def __init__(self, mean, sd):
        self.m, self.s = mean, sd

    def pdf(self, x):
        return math.exp(-0.5 * ((x - self.m) / self.s) ** 2) / self.s / math.sqrt(2 * math.pi)

    def cdf(self, x):
        return float(special.ndtr((x - self.m) / self.s))

    def sf(self, x):
        return float(special.ndtr((self.m - x) / self.s))

    def ppf(self, p):
        return self.m + self.s * float(special.ndtri(p))

    def isf(self, p):
        return self.m - self.s * float(special.ndtri(p))

    def mean(self):
        return self.m

    def std(self):
        return self.s

    def var(self):
        return self.s**2


def posteriors(given, arms, found):
    prior = given.get("prior") or {}
    plain = "strata" not in given and not (given.get("cuped", True) and any(k.startswith("covariate_") for k in arms[0]))
    out = []
    for arm, (_, centre, parts) in zip(arms, found):
        variance = sum(v for v, _ in parts)
        if given["metric"] == "proportion" and plain:
            a, b = prior.get("alpha", 1), prior.get("beta", 1)
            out.append(Beta(a + arm["successes"], b + arm["n"] - arm["successes"]))
        elif given["metric"] != "proportion" and prior.get("variance") is not None:
            weight = 1 / variance + 1 / prior["variance"]
            mean = (centre / variance + prior.get("mean", 0) / prior["variance"]) / weight
            out.append(Normal(mean, weight**-0.5))
        else:
            out.append(Normal(centre, math.sqrt(variance)))
    return out


def integral(f, dists, low=None, high=None):
    """Adaptive quadrature between the quantiles of all distributions."""
    tails = [1e-40, 1e-20, 1e-12, 1e-7, 1e-4, 1e-2, 0.1, 0.3, 0.5]
    points = sorted({float(v) for d in dists for t in tails for v in (d.ppf(t), d.isf(t))})
    if low is not None:
        points = [low, *(p for p in points if low < p < high), high]
    return sum(integrate.quad(f, a, b, epsabs=1e-18, epsrel=1e-12, limit=200)[0] for a, b in zip(points, points[1:]) if b > a)


def believe(given, arms, found, control, out):
    alpha = given.get("alpha", 0.05)
    beliefs = posteriors(given, arms, found)
    sign = -1 if given.get("goal") == "decrease" else 1

    def better(dist, x):  # the chance that this arm is not better than a value of x
        return dist.cdf(x) if sign > 0 else dist.sf(x)

    def worse(dist, x):
        return dist.sf(x) if sign > 0 else dist.cdf(x)

    for row, dist in zip(out["arms"], beliefs):
        others = [d for d in beliefs if d is not dist]
        row["posterior"] = {
            "mean": float(dist.mean()), "low": float(dist.ppf(alpha / 2)), "high": float(dist.isf(alpha / 2)),
            "chance_to_be_best": integral(lambda x: dist.pdf(x) * math.prod(better(d, x) for d in others), beliefs),
            "expected_loss": integral(lambda x: better(dist, x) * -math.expm1(sum(math.log1p(-min(1 - 1e-16, worse(d, x))) for d in others)), beliefs),
        }
    a, rows = beliefs[control], []
    for at, b in enumerate(beliefs):
        if at == control:
            continue
        chance = integral(lambda x: b.pdf(x) * better(a, x), [a, b])
        loss = integral(lambda x: better(b, x) * worse(a, x), [a, b])
        value = found[at][0] - found[control][0]
        row = {
            "arm": arms[at]["name"], "status": "ok", "difference": value, "chance_to_win": chance, "expected_loss": loss,
            "relative": value / found[control][0] if found[control][0] > 0 else None, "p_value": None, "significant": False,
        }
        if isinstance(b, Normal):
            d = Normal(b.mean() - a.mean(), math.hypot(a.std(), b.std()))
            row |= {"low": float(d.ppf(alpha / 2)), "high": float(d.isf(alpha / 2))}
            z = float(sps.norm.isf(alpha / 2))
            low, high = relative(given.get("relative", "fieller"), z, a.mean(), a.var(), b.mean(), b.var())
        else:
            within = lambda g: lambda v: integral(lambda x: a.pdf(x) * b.cdf(g(x, v)), [a], 0.0, 1.0)  # noqa: E731
            below, ratio = within(lambda x, v: x + v), within(lambda x, v: x * v)
            root = lambda f, p, lo, hi: optimize.brentq(lambda v: f(v) - p, lo, hi, xtol=1e-14, rtol=1e-13)  # noqa: E731
            row |= {"low": root(below, alpha / 2, -1, 1), "high": root(below, 1 - alpha / 2, -1, 1)}
            low, high = (root(ratio, p, 1e-6, 1e6) - 1 for p in (alpha / 2, 1 - alpha / 2))
        known = row["relative"] is not None
        row |= {"relative_low": low if known else None, "relative_high": high if known else None}
        rows.append(row)
    out["comparisons"] = rows


# --- Planning ---


def plan(given):
    metric = given["metric"]
    so_far = None
    if "arms" in given:
        rows = [linearised(metric, a) for a in given["arms"]]
        baseline = float(rows[0][1])
        variance = float(sum((r[0] - 1) * r[2] for r in rows) / sum(r[0] - 1 for r in rows))
        so_far = sum(r[0] for r in rows)
    else:
        baseline = given["baseline"]
        variance = baseline * (1 - baseline) if metric == "proportion" else given["variance"]
    left = 1 - given.get("variance_reduction", 0)
    shares = np.array(given.get("shares", [1, 1]), dtype=float)
    wa, wb = shares[0] / shares.sum(), min(shares[1:]) / shares.sum()
    alpha = given.get("alpha", 0.05) / (len(shares) - 1)
    one, power = given.get("alternative", "two_sided") != "two_sided", given.get("power", 0.8)
    method, tuning = given.get("method", "frequentist"), given.get("tuning_units", 5000)
    down = given.get("goal") == "decrease" or given.get("alternative") == "less" and "goal" not in given
    effect = given.get("effect")
    if effect is not None and given.get("effect_kind", "relative") == "relative":
        effect *= abs(baseline)

    def se(n, d):
        other = (baseline + d) * (1 - baseline - d) if metric == "proportion" else variance
        return math.sqrt(left * (variance / wa + other / wb) / n)

    threshold = lambda n: reach(method, alpha, one, n * (wa + wb), INF, tuning)  # noqa: E731

    def chance(n, d):
        z, c = abs(d) / se(n, d), threshold(n)
        return float(sps.norm.sf(c - z)) + (0.0 if one else float(sps.norm.cdf(-z - c)))

    out = {k: None for k in ("units", "units_by_arm", "units_to_go", "power", "minimum_effect", "minimum_effect_relative", "threshold")}
    if effect is not None:
        n = math.exp(optimize.brentq(lambda t: chance(math.exp(t), effect) - power, math.log(2), math.log(2.0**53), xtol=1e-14, rtol=1e-15))
        out["units_by_arm"] = [math.ceil(n * s) for s in shares / shares.sum()]
        # A whole number within rounding of n would make the expectation hang on a bit.
        if any(abs(n * s - round(n * s)) < 1e-6 for s in shares / shares.sum()):
            raise ValueError(f"{given}: {n} is too near a whole number")
        out["units"] = sum(out["units_by_arm"])
        if so_far is not None:
            out["units_to_go"] = max(0, out["units"] - so_far)
    if "units" in given:
        n, sign = given["units"], -1 if down else 1
        out["threshold"] = threshold(n)
        if effect is not None:
            out["power"] = chance(n, effect)
        room = (baseline if down else 1 - baseline) if metric == "proportion" else 1e6 * se(n, 0)
        if chance(n, sign * room * (1 - 1e-12)) >= power:
            out["minimum_effect"] = optimize.brentq(lambda d: chance(n, d) - power, sign * 1e-15, sign * room * (1 - 1e-12), xtol=1e-16, rtol=1e-14)
            if baseline > 0:
                out["minimum_effect_relative"] = out["minimum_effect"] / baseline
    return out


# --- Rows ---


def summarize(given, rows):
    """Arms from rows, in exact fractions."""
    metric = given["metric"]
    units = {}
    count = len(rows["value"])
    keys = rows.get("unit", range(count))
    for row, key in enumerate(keys):
        unit = units.setdefault(key, {"arms": set(), "rows": []})
        unit["arms"].add(str(rows["arm"][row]))
        unit["rows"].append(row)
    crossed = [k for k, u in units.items() if len(u["arms"]) > 1]
    kept = {k: u for k, u in units.items() if len(u["arms"]) == 1}
    values = {}
    for key, unit in kept.items():
        of = lambda name: [F(rows[name][r]) for r in unit["rows"]]  # noqa: B023, E731
        value = max(of("value")) if metric == "proportion" else sum(of("value"))
        values[key] = [value, sum(of("denominator")) if "denominator" in rows else F(1), of("covariate")[0] if "covariate" in rows else F(0)]
    winsorized = None
    if "winsorize" in given:
        ordered = sorted(v[0] for v in values.values())
        low, high = (ordered[max(0, math.ceil(q * len(ordered)) - 1)] for q in given["winsorize"])
        beyond = sum(not low <= v[0] <= high for v in values.values())
        for v in values.values():
            v[0] = min(max(v[0], low), high)
        winsorized = {"low": float(low), "high": float(high), "units": beyond}
    names = sorted({a for u in units.values() for a in u["arms"]}, key=lambda s: s.encode())
    if "control" in given:
        names.sort(key=lambda s: s != given["control"])
    arms = []
    for name in names:
        table = [values[k] for k, u in kept.items() if name in u["arms"]]
        n = len(table)
        mean = [sum(column) / n if n else F(0) for column in zip(*table)] if n else [F(0), F(1), F(0)]

        def cov(i, j):
            return float(sum((v[i] - mean[i]) * (v[j] - mean[j]) for v in table) / (n - 1)) if n > 1 else 0.0  # noqa: B023

        arm = {"name": name, "n": n}
        if metric == "proportion":
            arm["successes"] = int(sum(v[0] for v in table))
        else:
            arm |= {"mean": float(mean[0]), "variance": cov(0, 0)}
        if metric == "ratio":
            arm |= {"denominator_mean": float(mean[1]), "denominator_variance": cov(1, 1), "covariance": cov(0, 1)}
        if "covariate" in rows:
            arm |= {"covariate_mean": float(mean[2]), "covariate_variance": cov(2, 2), "covariate_covariance": cov(0, 2)}
            if metric == "ratio":
                arm["covariate_denominator_covariance"] = cov(1, 2)
        arms.append(arm)
    return {"metric": metric, "arms": arms, "rows": count, "crossovers": len(crossed), "winsorized": winsorized}
