"""The serving twin: "How weights and scores are defined" in docs/snapshot-format.md, in Python.

Integers and fractions do the sums; floating point is used only where the page says that the
library uses it, one operation at a time. Decay is the one place where a library function could
round differently: `decay` computes 2^x to 40 digits, and `fixed_point` raises if moving every
decay by two units in the last place would change an integer weight, so that an expectation never
hangs on such a bit.
"""

import math
from decimal import Decimal, getcontext

import profile as profiles
from snapshot import to_f32

getcontext().prec = 40
LIMIT, BUDGET = 4.0, 32767.0


def decay(age, half_life, ulps=0):
    value = float(Decimal(2) ** (Decimal(-age) / Decimal(half_life)))
    if value == 0.0 or float(age) % half_life == 0:
        return value  # zero or a power of two: every implementation has it
    for _ in range(abs(ulps)):
        value = math.nextafter(value, math.inf if ulps > 0 else 0.0)
    return value


def evidence(model, kind, weight):
    rule = model.kinds.get(kind)
    if rule is None:
        return 0.0
    return rule["weight"] * ((weight - rule.get("neutral", 0.0)) / rule.get("scale", 1.0))


def fold(model, events, now=None, ulps=0):
    """{item index: weight} of events (time, index, kind, weight) in canonical order."""
    reference = now if now is not None else max((e[0] for e in events), default=0)
    sums = {}
    for time, item, kind, weight in events:
        value = evidence(model, kind, to_f32(weight))
        if model.half_life_ms is not None:
            value *= decay(max(reference - time, 0), model.half_life_ms, ulps)
        sums[item] = sums[item] + value if item in sums else value
    return {item: min(max(sums[item], -LIMIT), LIMIT) for item in sorted(sums)}


def scattered(item):
    """The finalizer of MurmurHash3 for 32 bits (Appleby, public domain)."""
    h = item
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ h >> shift) * factor & 0xFFFFFFFF
    return h


def counted(model, events, weights):
    """The items that count, where the model bounds their number: large, then new, then a draw."""
    newest = {}
    for time, item, _, _ in events:
        newest[item] = max(time, newest.get(item, time))
    order = sorted(weights, key=lambda i: (-abs(weights[i]), -newest[i], scattered(i)))
    kept = order[: model.max_history_items]
    return {item: weights[item] for item in sorted(kept)}


def quantise(weights):
    total = 0.0
    for weight in weights.values():
        total += abs(weight)
    room = BUDGET - -(-len(weights) // 2)
    if total <= 0.0 or room < 1.0:
        return {}, 0
    ratio = room / total
    exponent = math.frexp(ratio)[1] - 1 if math.isfinite(ratio) else 900
    shift = min(max(exponent, -40), 900)
    while math.ldexp(total, shift) > room:
        shift -= 1
    integers = {item: round(math.ldexp(weight, shift)) for item, weight in weights.items()}
    return {item: q for item, q in integers.items() if q}, shift


def fixed_point(model, events, now=None):
    weights = fold(model, events, now)
    result = quantise(counted(model, events, weights))
    if model.half_life_ms is not None:
        for ulps in (-2, 2):
            if quantise(counted(model, events, fold(model, events, now, ulps))) != result:
                raise ValueError("an expectation would hang on the last bit of a decay")
    return weights, *result


def rank(model, events, k, now=None, exclude_seen=True, eligible=None, baseline=False):
    """[(index, integer score, source)], the integer weights, and log2 of the unit."""
    weights, integers, shift = fixed_point(model, events, now)
    if baseline:
        integers, shift = {}, 0
    excluded = {i for i, x in weights.items() if exclude_seen or x < 0}
    return placed(model, integers, shift, k, excluded, eligible), integers, -(model.scale + shift)


def placed(model, integers, shift, k, excluded, eligible=None):
    """[(index, integer score, source)] by integer weights."""
    scores = {}
    for item, q in integers.items():
        for to, weight in model.rows[item].items():
            scores[to] = scores.get(to, 0) + q * weight
    open_to = [
        i for i in range(len(model.ids))
        if model.active[i] and i not in excluded and (eligible is None or i in eligible)
    ]
    score = lambda i: scores.get(i, 0)  # noqa: E731
    best = sorted((i for i in open_to if score(i) > 0), key=lambda i: (-score(i), i))
    allowed = set(open_to)
    popular = [i for i in model.order if i in allowed and score(i) == 0]
    against = sorted((i for i in open_to if score(i) < 0), key=lambda i: (-score(i), i))
    places = [(i, "graph") for i in best] + [(i, "popular") for i in popular] + [(i, "graph") for i in against]
    return [(i, score(i), source) for i, source in places[:k]]


def reasons(model, integers, exponent, item):
    parts = [(i, q * model.rows[i].get(item, 0)) for i, q in integers.items()]
    parts = sorted((p for p in parts if p[1]), key=lambda p: (-abs(p[1]), p[0]))
    whole = sum(part for _, part in parts)
    return [
        {
            "item_id": model.ids[i],
            "contribution": math.ldexp(float(part), exponent),
            "share": part / whole if whole else 0.0,
        }
        for i, part in parts
    ]


def history(model, *lists):
    """The events on known items, with indices, and the ids that the model does not have."""
    known, ignored = [], set()
    for time, item, kind, weight in profiles.union(*lists):
        if item in model.index:
            known.append((time, model.index[item], kind, weight))
        else:
            ignored.add(item)
    return known, ignored


def stored(model, user):
    """A training history with ids in place of indices."""
    return [(t, model.ids[i], k, w) for t, i, k, w in model.histories.get(user, [])]


def limits(model, request, matches):
    """The items that filter and lists leave, and the ids of the lists that the model lacks."""
    if ("filter" in request and request["filter"] is not None) != (matches is not None):
        raise ValueError("a filter needs its predicate")
    eligible = set(range(len(model.ids)))
    if matches:
        eligible &= {i for i, a in enumerate(model.attributes) if matches(a)}
    allow, deny = request.get("allow"), request.get("deny") or []
    if allow is not None:
        eligible &= {model.index[i] for i in allow if i in model.index}
    eligible -= {model.index[i] for i in deny if i in model.index}
    return eligible, {i for i in [*(allow or []), *deny] if i not in model.index}


def answer(model, request, recorded=(), matches=None):
    """The answer to a request. `matches` is the request's filter as a Python predicate on an
    item's attributes; `recorded` are the events recorded for its user."""
    user = request.get("user_id")
    given = [profiles.event(e) for e in request.get("history") or []]
    base = stored(model, user) if user is not None else []
    events, ignored = history(model, base, recorded, given)
    ignored_events = len(profiles.union(base, recorded, given)) - len(events)
    eligible, strangers = limits(model, request, matches)
    ignored |= strangers
    seen = request.get("exclude_seen", True)
    ranked, integers, exponent = rank(
        model, events, request.get("k", 10), request.get("now"), True if seen is None else seen, eligible,
    )
    trace = stages(model, request, len(events) + ignored_events, eligible, integers, ranked)
    return written(model, request, ranked, integers, exponent, ignored, trace)


def written(model, request, ranked, integers, exponent, ignored, trace):
    """An answer as the core's JSON."""
    items = []
    for place, (item, score, source) in enumerate(ranked):
        why = reasons(model, integers, exponent, item) if request.get("explain") else []
        value = math.ldexp(float(score), exponent)
        if request.get("explain"):
            assert math.fsum(r["contribution"] for r in why) == value
        items.append(
            {"item_id": model.ids[item], "rank": place + 1, "score": value, "source": source, "reasons": why}
        )
    out = {"items": items, "ignored": sorted(ignored, key=str.encode)}
    return out | {"trace": trace} if request.get("trace") else out


def stages(model, request, events, eligible, integers, ranked):
    """What a trace counts: [{stage, input, output}]."""
    open_to = {i for i in eligible if model.active[i]}
    graph = sum(1 for _, score, _ in ranked if score > 0)
    rows = [
        ("history", events, len(integers)),
        ("eligibility", len(model.ids), len(open_to)),
        ("graph", len(open_to), graph),
        ("top_up", request.get("k", 10) - graph, len(ranked) - graph),
    ]
    return [{"stage": s, "input": a, "output": b} for s, a, b in rows]


def batch(model, users, k=20, now=None, exclude_seen=True, matches=None, baseline=False):
    """The columns of recommend_users."""
    eligible = None
    if matches:
        eligible = {i for i, a in enumerate(model.attributes) if matches(a)}
    out = {"user_id": [], "item_id": [], "score": [], "rank": [], "source": []}
    for user in users:
        events = model.histories.get(user, [])
        ranked, _, exponent = rank(model, events, k, now, exclude_seen, eligible, baseline)
        for place, (item, score, source) in enumerate(ranked):
            out["user_id"].append(user)
            out["item_id"].append(model.ids[item])
            out["score"].append(math.ldexp(float(score), exponent))
            out["rank"].append(place + 1)
            out["source"].append(source)
    return out
