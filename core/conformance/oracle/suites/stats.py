"""Statistics of experiments: by SciPy, and a few numbers that others published."""

import random

import stats
from suite import Suite

REL = 1e-9


def suites(models):
    return [questions(), rows()]


def p(name, n, successes, **more):
    return {"name": name, "n": n, "successes": successes} | more


def m(name, n, mean, variance, **more):
    return {"name": name, "n": n, "mean": mean, "variance": variance} | more


def with_covariate(arm, mean, variance, covariance):
    return arm | {"covariate_mean": mean, "covariate_variance": variance, "covariate_covariance": covariance}


def ratio(name, n, mean, variance, denominator, spread, covariance):
    return m(name, n, mean, variance, denominator_mean=denominator, denominator_variance=spread, covariance=covariance)


PAIR = [p("control", 1000, 100), p("new", 1010, 131)]
FEW = [p("a", 24, 3), p("b", 27, 9)]
MANY = [p("a", 4_000_000, 200_000), p("b", 4_100_000, 206_100)]
THREE = [p("a", 5000, 250), p("b", 4900, 301), p("c", 5100, 263)]
MEANS = [m("a", 400, 10.25, 31.5), m("b", 380, 11.5, 64.25)]
CUPED = [with_covariate(m("a", 900, 5.5, 16.0), 5.0, 9.0, 9.6), with_covariate(m("b", 950, 5.75, 18.0), 5.1, 9.5, 10.4)]
RATIO = [ratio("a", 700, 2.0, 4.5, 10.0, 30.0, 8.0), ratio("b", 720, 2.3, 5.5, 10.2, 33.0, 9.5)]
SUMS = [{"name": "a", "n": 8, "sum": 36, "sum_squares": 204}, {"name": "b", "n": 6, "sum": 42.5, "sum_squares": 320.25}]


def questions():
    suite = Suite("stats", source="core/conformance/oracle/stats.py (SciPy); GrowthBook's tests of gbstats, MIT")

    def add(name, question, request, answer):
        suite.case(name, "stats", {"question": question, "request": request}, {"close": {"rel": REL} | answer})

    def analyze(name, metric, arms=None, **more):
        request = {"metric": metric} | ({"arms": arms} if arms else {}) | more
        add(name, "analyze", request, stats.analyze(request))

    both = {"proportions": ("proportion", PAIR), "few": ("proportion", FEW), "many": ("proportion", MANY), "means": ("mean", MEANS), "sums": ("mean", SUMS), "a covariate": ("mean", CUPED), "a ratio": ("ratio", RATIO)}
    for what, (metric, arms) in both.items():
        for alternative in ("two_sided", "greater", "less"):
            analyze(f"{what}, {alternative}", metric, arms, alternative=alternative)
        if arms not in (SUMS, FEW):
            for alternative in ("two_sided", "greater", "less"):
                analyze(f"{what}, sequential, {alternative}", metric, arms, method="sequential", alternative=alternative)
            analyze(f"{what}, sequential, tuned to 1,000", metric, arms, method="sequential", tuning_units=1000)
        analyze(f"{what}, alpha 0.01, delta", metric, arms, alpha=0.01, relative="delta")
        analyze(f"{what}, bayesian", metric, arms, method="bayesian")
        analyze(f"{what}, bayesian, less is better, alpha 0.2", metric, arms, method="bayesian", goal="decrease", alpha=0.2)
        analyze(f"{what}, the second is the control", metric, arms, control=arms[1]["name"])
    analyze("no conversions", "proportion", [p("a", 50, 0), p("b", 60, 0)])
    analyze("no conversions of the control", "proportion", [p("a", 50, 0), p("b", 60, 9)])
    analyze("all convert", "proportion", [p("a", 50, 50), p("b", 60, 55)], method="bayesian")
    analyze("no conversions, bayesian", "proportion", [p("a", 300, 0), p("b", 310, 4)], method="bayesian", prior={"alpha": 0.5, "beta": 0.5})
    analyze("a strong prior of shares", "proportion", PAIR, method="bayesian", prior={"alpha": 120, "beta": 880})
    analyze("a prior of means", "mean", MEANS, method="bayesian", prior={"mean": 10, "variance": 0.25})
    analyze("a prior of ratios", "ratio", RATIO, method="bayesian", prior={"variance": 0.01})
    analyze("shares with a covariate are means", "proportion", [with_covariate(PAIR[0], 0.2, 0.5, 0.08), with_covariate(PAIR[1], 0.22, 0.55, 0.09)], method="bayesian")
    analyze("a covariate that is not used", "mean", CUPED, cuped=False)
    covered = [a | {"covariate_mean": c, "covariate_variance": 25.0, "covariate_covariance": 5.0, "covariate_denominator_covariance": 14.0} for a, c in zip(RATIO, (9.5, 9.75))]
    analyze("a ratio with a covariate", "ratio", covered)
    analyze("a ratio of sums with a covariate", "ratio", [
        {"name": name, "n": 6, "sum": s, "sum_squares": ss, "denominator_sum": d, "denominator_sum_squares": dd, "sum_products": sd,
         "covariate_sum": c, "covariate_sum_squares": cc, "covariate_sum_products": sc, "covariate_denominator_sum_products": dc}
        for name, s, ss, d, dd, sd, c, cc, sc, dc in [("a", 12, 34, 21, 91, 52, 15, 55, 40, 66), ("b", 17, 63, 22, 98, 75, 16, 60, 57, 70)]
    ])
    analyze("a negative control has no relative difference", "mean", [m("a", 40, -1.5, 3.0), m("b", 44, 0.5, 4.0)])
    analyze("a control near 0 has no interval of the relative difference", "mean", [m("a", 40, 0.1, 3.0), m("b", 44, 0.5, 4.0)])
    for correction in ("holm", "benjamini_hochberg", "none"):
        analyze(f"three arms, {correction}", "proportion", THREE, correction=correction)
    analyze("three arms, bayesian", "proportion", THREE, method="bayesian")
    analyze("three means, bayesian", "mean", [*MEANS, m("c", 410, 10.75, 40.0)], method="bayesian")
    analyze("three arms, the split checked", "proportion", THREE, shares=[1, 1, 1])
    analyze("a wrong split", "proportion", [p("a", 5000, 250), p("b", 4500, 301)], shares=[0.5, 0.5])
    analyze("what it is worth", "mean", MEANS, roi={"value_per_unit": 2.5, "units": 10_000, "cost": 12_000})
    analyze("what it costs, each unit being a loss", "proportion", PAIR, roi={"value_per_unit": -30, "units": 1000}, goal="decrease")
    strata = [
        {"name": "mobile", "arms": [p("a", 600, 30), p("b", 640, 51)]},
        {"name": "desktop", "arms": [p("a", 400, 62), p("b", 380, 71)]},
    ]
    analyze("post-stratification of shares", "proportion", strata=strata)
    analyze("post-stratification, sequential", "proportion", strata=strata, method="sequential")
    analyze("post-stratification, bayesian", "proportion", strata=strata, method="bayesian")
    analyze("post-stratification with given weights", "mean", strata=[
        {"name": "x", "weight": 3, "arms": MEANS}, {"name": "y", "weight": 1, "arms": [m("a", 30, 20.0, 50.0), m("b", 35, 23.0, 55.0)]},
        {"name": "z", "weight": 0, "arms": [m("a", 3, 1.0, 50.0), m("b", 5, 2.0, 55.0)]},
    ])
    analyze("post-stratification and CUPED", "mean", strata=[
        {"name": "x", "arms": CUPED}, {"name": "y", "arms": [with_covariate(m("a", 50, 7.0, 20.0), 6.0, 10.0, 12.0), with_covariate(m("b", 60, 7.5, 21.0), 6.1, 11.0, 12.5)]},
    ])
    segments = [
        {"name": "new", "arms": [p("control", 400, 30), p("new", 410, 60)]},
        {"name": "old", "arms": [p("new", 600, 71), p("control", 600, 70)]},
    ]
    analyze("segments", "proportion", PAIR, segments=segments)
    analyze("segments, sequential", "proportion", PAIR, segments=segments, method="sequential")

    # What GrowthBook's tests of gbstats expect, to five digits: packages/stats/tests, MIT,
    # commits 59f39a7 and 4d49988. Arms are given as mean and standard deviation there.
    growthbook = [m("a", 3407, 0.41, 3.9**2), m("b", 3461, 0.7, 6.2**2)]
    suite.case("GrowthBook: a two-sided t-test, relative", "stats", {"question": "analyze", "request": {"metric": "mean", "arms": growthbook, "relative": "delta"}}, {
        "close": {"tol": 6e-6, "comparisons": [{"relative": 0.70732, "relative_low": -0.03526, "relative_high": 1.44989}]}})
    suite.case("GrowthBook: 49 and 51 of 100, bayesian", "stats", {"question": "analyze", "request": {"metric": "proportion", "method": "bayesian", "arms": [p("a", 100, 49), p("b", 100, 51)]}}, {
        # They approximate by a normal distribution of the logarithm: chance 0.61052, risk 0.01912.
        "close": {"tol": 2e-3, "comparisons": [{"chance_to_win": 0.61052, "expected_loss": 0.01912}]}})

    for n in ([500, 500], [500, 600], [0, 0], [0, 7], [10_000, 10_600, 9_800]):
        add(f"split {n}", "sample_ratio", {"counts": n}, stats.srm(n, [1] * len(n)))
    add("split 90/10", "sample_ratio", {"counts": [9_050, 950], "shares": [90, 10]}, stats.srm([9_050, 950], [90, 10]))
    add("split 90/10, another level", "sample_ratio", {"counts": [9_100, 950], "shares": [0.9, 0.1], "alpha": 0.2}, stats.srm([9_100, 950], [0.9, 0.1], 0.2))
    for values in ([], [0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 1.0, 0.0], [0.2, 0.2, 0.01]):
        for method in ("holm", "benjamini_hochberg", "none"):
            add(f"{method} of {values}", "adjust", {"p_values": values, "method": method}, {"p_values": stats.CORRECTIONS[method](values)})

    def plan(name, metric, **more):
        request = {"metric": metric} | more
        add(name, "plan", request, stats.plan(request))

    plan("units for a share", "proportion", baseline=0.05, effect=0.1)
    plan("units for a share, one-sided, power 0.9", "proportion", baseline=0.05, effect=-0.01, effect_kind="absolute", alternative="less", power=0.9, alpha=0.01)
    plan("units for a mean, one large arm", "mean", baseline=10, variance=400, effect=0.02, shares=[9, 1])
    plan("units for three arms", "mean", baseline=10, variance=400, effect=0.05, shares=[2, 1, 1])
    plan("units with CUPED", "mean", baseline=10, variance=400, effect=0.03, variance_reduction=0.4)
    plan("units for a ratio, sequential", "ratio", baseline=0.25, variance=0.5, effect=0.08, method="sequential")
    plan("power and smallest effect", "proportion", baseline=0.1, effect=0.05, units=20_000)
    plan("smallest decrease of a share", "proportion", baseline=0.1, units=3_000, goal="decrease")
    plan("smallest effect, sequential, one-sided", "mean", baseline=3, variance=12, units=10_000, method="sequential", alternative="greater", tuning_units=2_000)
    plan("no smallest effect of two units", "proportion", baseline=0.1, units=2, goal="decrease")
    plan("in the middle of an experiment", "proportion", arms=PAIR, effect=0.1, units=20_000)
    plan("in the middle of one of means", "mean", arms=MEANS, effect=0.5, effect_kind="absolute", units=2_000)
    plan("power below one half", "mean", baseline=1, variance=1, effect=0.01, power=0.2, units=500)

    status = {"proportion": [p("a", 0, 0), p("b", 100, 10)], "mean": [m("a", 1, 2.0, 0.0), m("b", 100, 10, 3.0)], "ratio": [ratio("a", 50, 0, 0, 0, 0, 0), RATIO[1]]}
    for metric, arms in status.items():
        for method in ("frequentist", "sequential", "bayesian"):
            suite.case(f"too few units: {metric}, {method}", "stats", {"question": "analyze", "request": {"metric": metric, "arms": arms, "method": method}}, {
                "comparisons": [{"status": "too_few_units", "p_value": None, "low": None, "high": None, "chance_to_win": None, "significant": False}]})
    flat = [m("a", 100, 2.0, 0.0), m("b", 100, 3.0, 0.0)]
    for method in ("frequentist", "sequential", "bayesian"):
        suite.case(f"no variance: {method}", "stats", {"question": "analyze", "request": {"metric": "mean", "arms": flat, "method": method}}, {
            "comparisons": [{"status": "zero_variance", "difference": 1.0, "p_value": None, "low": None, "significant": False}]})
    suite.case("too early", "stats", {"question": "analyze", "request": {"metric": "proportion", "arms": FEW, "method": "sequential"}}, {
        "comparisons": [{"status": "too_early", "p_value": None, "low": None, "significant": False}]})
    suite.case("a verdict does not claim that two arms are alike", "stats", {"question": "analyze", "request": {"metric": "proportion", "arms": [p("a", 1000, 100), p("b", 1000, 100)]}}, {
        "verdict": "It is not shown that b differs from a (p = 1). That does not show that they are alike: the data agree with a difference of -0.02636 to 0.02636."})
    suite.case("a verdict after a wrong split", "stats", {"question": "analyze", "request": {"metric": "proportion", "arms": [p("a", 5000, 250), p("b", 4500, 301)], "shares": [1, 1]}}, {
        "verdict": "Do not use these results: the units are not split as they should be, so that something is wrong with the assignment or the log."})

    def refused(name, request, code="invalid_argument", question="analyze"):
        suite.fails(f"refused: {name}", "stats", {"question": question, "request": request}, code)

    ok = {"metric": "proportion", "arms": PAIR}
    for name, change in {
        "no metric": {"metric": None}, "an unknown metric": {"metric": "median"}, "no arms": {"arms": None}, "one arm": {"arms": PAIR[:1]},
        "an unknown name": {"arm": 1}, "an arm twice": {"arms": [PAIR[0], PAIR[0]]}, "an arm without a name": {"arms": [{"n": 1, "successes": 1}, PAIR[0]]},
        "more successes than units": {"arms": [p("x", 5, 6), PAIR[0]]}, "half a unit": {"arms": [p("x", 5.5, 1), PAIR[0]]}, "units below 0": {"arms": [p("x", -1, 0), PAIR[0]]},
        "units without end": {"arms": [p("x", 1e30, 0), PAIR[0]]}, "a share with a mean": {"arms": [p("x", 5, 1, mean=2), PAIR[0]]},
        "other units": {"arms": [p("x", 5, 1, unit="user"), p("y", 5, 1, unit="session")]}, "sessions where users were assigned": {"unit": "session", "randomization_unit": "user"},
        "a covariate of one arm": {"arms": [with_covariate(PAIR[0], 1, 1, 0), PAIR[1]]}, "alpha 0": {"alpha": 0}, "alpha 0.6": {"alpha": 0.6}, "an unknown method": {"method": "magic"},
        "an unknown control": {"control": "x"}, "shares of other arms": {"shares": [1, 1, 1]}, "a share of 0": {"shares": [0, 1]}, "a prior below one half": {"prior": {"alpha": 0.4}},
        "a normal prior of shares": {"prior": {"mean": 0}}, "one side of a belief": {"method": "bayesian", "alternative": "less"}, "segments of beliefs": {"method": "bayesian", "segments": segments},
        "segments without an arm": {"segments": [{"name": "x", "arms": [PAIR[0], p("other", 5, 1)]}]}, "arms and strata": {"strata": strata}, "no segment": {"segments": []},
        "two segments of one name": {"segments": [segments[0], segments[0]]}, "a worth without a value": {"roi": {"units": 5}}, "a list": {"roi": [1]},
    }.items():
        refused(name, {k: v for k, v in (ok | change).items() if v is not None})
    for name, arm in {
        "a variance below 0": m("x", 5, 1, -1), "squares below the sum": {"name": "x", "n": 5, "sum": 10, "sum_squares": 1}, "sums and means": m("x", 5, 1, 1, sum=5, sum_squares=9),
        "no moments": {"name": "x", "n": 5}, "successes of a mean": m("x", 5, 1, 1, successes=2), "a covariance beyond the variances": with_covariate(m("x", 5, 1, 1), 1, 1, 1.5),
        "a denominator of a mean": ratio("x", 5, 1, 1, 1, 1, 0), "a text": m("x", 5, "1", 1),
    }.items():
        refused(name, {"metric": "mean", "arms": [arm, MEANS[0]]})
    refused("moments that overflow", {"metric": "mean", "arms": [{"name": "x", "n": 5, "sum": 1e200, "sum_squares": 1e308}, MEANS[0]]}, "limit_exceeded")
    refused("estimates that overflow", {"metric": "ratio", "arms": [ratio("x", 5, 1e300, 1, 1e-300, 1, 0), RATIO[0]]}, "limit_exceeded")
    refused("units that overflow together", {"metric": "proportion", "arms": [p("x", 2**53, 1), p("y", 2**53, 1)]}, "limit_exceeded")
    refused("counts that overflow", {"counts": [2**53, 2**53]}, "limit_exceeded", "sample_ratio")
    for name, request in {"one count": {"counts": [5]}, "no counts": {}, "half a count": {"counts": [0.5, 1]}, "other shares": {"counts": [1, 2], "shares": [1]}, "an unknown name": {"count": [1, 2]}}.items():
        refused(f"split: {name}", request, question="sample_ratio")
    for name, request in {"beyond 1": {"p_values": [0.5, 1.5]}, "a text": {"p_values": ["x"]}, "none": {}, "an unknown method": {"p_values": [], "method": "x"}}.items():
        refused(f"p-values: {name}", request, question="adjust")
    base = {"metric": "proportion", "baseline": 0.1}
    for name, request in {
        "nothing asked": base, "no effect": base | {"effect": 0}, "a share beyond 1": base | {"effect": 10}, "no baseline": {"metric": "mean", "effect": 1}, "no variance": {"metric": "mean", "baseline": 1, "effect": 1},
        "the variance of a share": base | {"variance": 1, "effect": 0.1}, "power 1": base | {"effect": 0.1, "power": 1}, "one unit": base | {"units": 1}, "one share": base | {"units": 10, "shares": [1]},
        "arms without variance": {"metric": "mean", "arms": flat, "effect": 0.1}, "arms and a baseline": base | {"arms": PAIR, "effect": 0.1}, "a whole reduction": base | {"effect": 0.1, "variance_reduction": 1},
    }.items():
        refused(f"plan: {name}", request, question="plan")
    return suite


def rows():
    suite = Suite("experiment_rows", source="core/conformance/oracle/stats.py (exact fractions)")
    dice = random.Random(7)

    def add(name, options, table):
        suite.case(name, "summarize", {"rows": table, "options": options}, {"close": {"rel": REL} | stats.summarize(options, table)})

    def table(count, units, value, **more):
        unit = [dice.randrange(units) for _ in range(count)]
        columns = {"arm": [("control", "new")[u % 2] for u in unit], "unit": unit, "value": [value() for _ in unit]}
        return columns | {name: [make(u) for u in unit] for name, make in more.items()}

    money = lambda: round(dice.lognormvariate(2, 1), 2)  # noqa: E731
    few = table(60, 12, money)
    add("rows are units", {"metric": "mean"}, {k: v for k, v in few.items() if k != "unit"})
    add("rows are added up by unit", {"metric": "mean"}, few)
    add("two threads", {"metric": "mean", "threads": 2}, table(3000, 500, money))
    add("the control first", {"metric": "mean", "control": "new"}, few)
    add("units that are texts", {"metric": "mean"}, few | {"unit": [f"ü{u}" for u in few["unit"]]})
    add("arms that are integers", {"metric": "mean"}, few | {"arm": [u % 2 for u in few["unit"]]})
    flags = table(80, 30, lambda: dice.randrange(4) // 3)
    add("a unit converts once", {"metric": "proportion"}, flags)
    add("conversions of rows", {"metric": "proportion"}, {k: v for k, v in flags.items() if k != "unit"})
    add("a ratio", {"metric": "ratio"}, table(90, 20, lambda: dice.randrange(4), denominator=lambda u: dice.randrange(1, 9)))
    add("a covariate", {"metric": "mean"}, table(90, 20, money, covariate=lambda u: u * 1.25 - 7))
    add("a ratio with a covariate", {"metric": "ratio"}, table(90, 20, money, denominator=lambda u: dice.randrange(1, 9), covariate=lambda u: u * 1.25 - 7))
    add("a share with a covariate", {"metric": "proportion"}, table(90, 20, lambda: dice.randrange(2), covariate=lambda u: u / 8))
    for bounds in ([0, 0.9], [0.1, 1], [0.05, 0.95], [0, 1]):
        add(f"winsorised {bounds}", {"metric": "mean", "winsorize": bounds}, table(200, 90, money))
    add("winsorised rows", {"metric": "mean", "winsorize": [0, 0.75]}, {"arm": ["a", "b"] * 10, "value": [1.5**n for n in range(20)]})
    far = [1e9 + n for n in (0, 1, 2, 5, 7, 9)]
    add("values far from 0 keep their variance", {"metric": "mean"}, {"arm": list("ababab"), "value": far})
    add("what cancels is gone", {"metric": "mean"}, {"arm": list("abaaab"), "unit": [1, 2, 1, 1, 3, 4], "value": [1e15, 2, 0.125, -1e15, 1, 3]})
    add("one unit has no variance", {"metric": "mean"}, {"arm": ["a", "b", "b"], "unit": [1, 2, 2], "value": [1, 2, 3]})
    crossed = {"arm": list("aabbba"), "unit": [1, 2, 2, 3, 4, 5], "value": [1, 2, 3, 4, 5, 6]}
    add("units in two arms are left out", {"metric": "mean", "crossovers": "drop"}, crossed)
    suite.case("no rows", "summarize", {"rows": {"arm": [], "value": []}, "options": {"metric": "mean"}}, {"arms": [], "rows": 0})

    def refused(name, table, code, options={"metric": "mean"}):  # noqa: B006
        suite.fails(f"refused: {name}", "summarize", {"rows": table, "options": options}, code)

    pair = {"arm": ["a", "b"], "value": [1, 2]}
    refused("units in two arms", crossed, "invalid_argument")
    for text in ("NaN", "Infinity", "-Infinity"):
        refused(f"a value of {text}", pair | {"value": [1, text]}, "invalid_weight")
    refused("a value beyond 2^50", pair | {"value": [1, 2**50]}, "limit_exceeded")
    refused("values that sum beyond 2^50", {"arm": ["a"] * 3, "unit": [1, 1, 2], "value": [1e15, 1e15, 2]}, "limit_exceeded")
    refused("columns of other lengths", pair | {"value": [1]}, "length_mismatch")
    refused("units of other lengths", pair | {"unit": [1]}, "length_mismatch")
    refused("an arm without a name", pair | {"arm": ["a", ""]}, "invalid_id")
    refused("a unit without a name", pair | {"unit": ["x", ""]}, "invalid_id")
    refused("a share of one half", pair | {"value": [0, 0.5]}, "invalid_argument", {"metric": "proportion"})
    refused("a ratio without a denominator", pair, "invalid_argument", {"metric": "ratio"})
    refused("a mean with a denominator", pair | {"denominator": [1, 1]}, "invalid_argument")
    refused("a unit with two covariates", {"arm": ["a", "a"], "unit": [1, 1], "value": [1, 2], "covariate": [1, 2]}, "invalid_argument")
    refused("more than 100 arms", {"arm": list(range(101)), "value": [1] * 101}, "limit_exceeded")
    for options in ({}, {"metric": "mean", "winsorize": [0.9, 0.1]}, {"metric": "mean", "winsorize": 0.9}, {"metric": "proportion", "winsorize": [0, 0.9]}, {"metric": "mean", "crossovers": "keep"}, {"metric": "mean", "control": "x"}, {"metric": "mean", "threads": 0}, {"metric": "mean", "unit": 1}):
        refused(f"{options}", pair, "invalid_argument", options)
    return suite
