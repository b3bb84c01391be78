"""The other questions to an engine: docs/guides/asking.md, in Python on top of `serve`.

Integers do the sums again. What is floating point in the definitions (a weight over a total, a
cosine) is done here one operation at a time, in the order that the page gives. Where a decay is
part of it, integers are checked as in `serve.fixed_point`, and similarities of users are compared
with a tolerance.
"""

import math

import profile as profiles
import serve

GROUP_BITS, MEMBER_BITS = 40, 14


def joined(model, request, recorded=()):
    """The events of a user and of a request, with indices, and the ids that the model lacks."""
    user = request.get("user_id")
    given = [profiles.event(e) for e in request.get("history") or []]
    base = serve.stored(model, user) if user is not None else []
    events, ignored = serve.history(model, base, recorded, given)
    return events, ignored, len(profiles.union(base, recorded, given))


def similar(model, request, matches=None):
    """similar_items: every item given weighs 1, and none of them comes back."""
    one = request.get("item_id")
    ids = set(request["item_ids"] if one is None else [one])
    known = sorted(model.index[i] for i in ids if i in model.index)
    integers, shift = serve.quantise({i: 1.0 for i in known})
    eligible, ignored = serve.limits(model, request, matches)
    ignored |= {i for i in ids if i not in model.index}
    ranked = serve.placed(model, integers, shift, request.get("k", 10), set(known), eligible)
    trace = serve.stages(model, request, len(ids), eligible, integers, ranked)
    return serve.written(model, request, ranked, integers, -(model.scale + shift), ignored, trace)


def score(model, request, recorded=()):
    """score_items: the sum of each candidate, in the order given."""
    events, ignored, _ = joined(model, request, recorded)
    weights, integers, shift = serve.fixed_point(model, events, request.get("now"))
    exponent = -(model.scale + shift)
    items = []
    for name in request["item_ids"]:
        item = model.index.get(name)
        whole = sum(q * model.rows[i].get(item, 0) for i, q in integers.items())
        items.append({
            "item_id": name,
            "known": item is not None,
            "seen": item in weights,
            "score": math.ldexp(float(whole), exponent),
            "reasons": serve.reasons(model, integers, exponent, item) if request.get("explain") else [],
        })
    return {"items": items, "ignored": sorted(ignored, key=str.encode)}


def portions(weights, bits, weight=1.0):
    """A member's weights over their absolute total, times the member's weight, in integers."""
    total = 0.0
    for value in weights.values():
        total += abs(value)
    if total <= 0.0:
        return {}
    return {i: round(math.ldexp(value / total * weight, bits)) for i, value in weights.items()}


def group(model, request, recorded=None, matches=None):
    """recommend_group. `recorded` are events by user."""
    average = (request.get("strategy") or "average") == "average"
    members, ignored, asked = [], set(), 0
    seen, dismissed = set(), set()
    for member in request["members"]:
        events, strangers, count = joined(model, member, (recorded or {}).get(member.get("user_id"), ()))
        ignored |= strangers
        asked += count
        # The weights, and what they would be if decay differed in its last bits.
        variants = [serve.fold(model, events, request.get("now"), ulps) for ulps in (0, -2, 2)]
        heft = 1.0 if member.get("weight") is None else float(member["weight"])
        counted = [serve.counted(model, events, w) for w in variants]
        members.append(([portions(w, GROUP_BITS if average else MEMBER_BITS, heft) for w in counted], heft))
        seen |= set(variants[0])
        dismissed |= {i for i, x in variants[0].items() if x < 0}
    leave_seen = request.get("exclude_seen")
    excluded = (seen if leave_seen is None or leave_seen else set()) | dismissed
    eligible, strangers = serve.limits(model, request, matches)
    answer = averaged if average else least
    return answer(model, request, members, asked, ignored | strangers, excluded, eligible)


def mean(members, variant):
    """The weighted mean of the members' portions; members without any do not count."""
    whole = sum(round(math.ldexp(heft, GROUP_BITS)) for parts, heft in members if parts[variant])
    sums = {}
    for parts, _ in members:
        for item, part in parts[variant].items():
            sums[item] = sums.get(item, 0) + part
    kept = sorted(sums, key=lambda item: (-abs(sums[item]), item))[:16384]
    return serve.quantise({item: sums[item] / whole for item in sorted(kept)})


def averaged(model, request, members, asked, ignored, excluded, eligible):
    integers, shift = mean(members, 0)
    if any(mean(members, variant) != (integers, shift) for variant in (1, 2)):
        raise ValueError("an expectation would hang on the last bit of a decay")
    ranked = serve.placed(model, integers, shift, request.get("k", 10), excluded, eligible)
    trace = serve.stages(model, request, asked, eligible, integers, ranked)
    answer = serve.written(model, request, ranked, integers, -(model.scale + shift), ignored, trace)
    for place in answer["items"]:
        for reason in place["reasons"]:
            item = model.index[reason["item_id"]]
            reason["members"] = [n for n, (parts, _) in enumerate(members) if parts[0].get(item)]
    return answer


def least(model, request, members, asked, ignored, excluded, eligible):
    if any(parts[0] != parts[variant] for parts, _ in members for variant in (1, 2)):
        raise ValueError("an expectation would hang on the last bit of a decay")
    counted = [(n, {i: q for i, q in parts[0].items() if q}) for n, (parts, _) in enumerate(members) if parts[0]]
    exponent = -(model.scale + MEMBER_BITS)

    def each(item):
        return [sum(q * model.rows[i].get(item, 0) for i, q in parts.items()) for _, parts in counted]

    open_to = [
        i for i in range(len(model.ids)) if model.active[i] and i in eligible and i not in excluded
    ]
    scores = {i: each(i) or [0] for i in open_to}
    key = lambda i: (-min(scores[i]), -sum(scores[i]), i)  # noqa: E731
    liked = sorted((i for i in open_to if min(scores[i]) >= 0 and sum(scores[i]) > 0), key=key)
    popular = [i for i in model.order if i in scores and not min(scores[i]) and not sum(scores[i])]
    against = sorted((i for i in open_to if min(scores[i]) < 0), key=key)
    places = [(i, "graph") for i in liked] + [(i, "popular") for i in popular] + [(i, "graph") for i in against]
    k = request.get("k", 10)
    items = []
    for place, (item, source) in enumerate(places[:k]):
        why = []
        if request.get("explain") and counted:
            lowest = scores[item].index(min(scores[item]))
            member, parts = counted[lowest]
            why = [r | {"members": [member]} for r in serve.reasons(model, parts, exponent, item)]
        value = math.ldexp(float(min(scores[item])), exponent)
        items.append({"item_id": model.ids[item], "rank": place + 1, "score": value, "source": source, "reasons": why})
    out = {"items": items, "ignored": sorted(ignored, key=str.encode)}
    if request.get("trace"):
        graph = min(k, len(liked))
        used = set().union(*(parts for _, parts in counted)) if counted else set()
        allowed = {i for i in eligible if model.active[i]}
        rows = [
            ("history", asked, len(used)), ("eligibility", len(model.ids), len(allowed)),
            ("graph", len(allowed), graph), ("top_up", k - graph, len(items) - graph),
        ]
        out["trace"] = [{"stage": s, "input": a, "output": b} for s, a, b in rows]
    return out


def vector(model, events):
    """A folded history, times the power of two that brings its largest weight to [1, 2)."""
    weights = serve.fold(model, events)
    largest = max((abs(w) for w in weights.values()), default=0.0)
    if largest == 0.0:
        return {}
    exponent = 1 - math.frexp(largest)[1]
    return {i: math.ldexp(w, exponent) for i, w in weights.items()}


def square(weights):
    total = 0.0
    for item in sorted(weights):
        total += weights[item] * weights[item]
    return total


def users(model, request, recorded=(), erased=()):
    """similar_users: cosines above 0, ties by the order of the ids."""
    events, ignored, _ = joined(model, request, recorded)
    asking = vector(model, events)
    found = []
    for user in sorted(model.histories, key=str.encode):
        if user == request.get("user_id") or user in erased:
            continue
        other = vector(model, model.histories[user])
        dot = 0.0
        for item in sorted(other):
            dot += asking.get(item, 0.0) * other[item]
        if dot > 0.0:
            found.append((min(dot / math.sqrt(square(asking) * square(other)), 1.0), user))
    found.sort(key=lambda pair: -pair[0])
    best = found[: request.get("k", 10)]
    return {
        "users": [{"user_id": user, "similarity": value} for value, user in best],
        "ignored": sorted(ignored, key=str.encode),
    }
