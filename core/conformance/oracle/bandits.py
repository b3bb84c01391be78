"""Bandits from their description in words: sums by Python's integers, posteriors and quadrature by
SciPy, regressions as one dense system by NumPy, hashes by the C library of xxHash.

Knows nothing of files or suites; `suites/bandits.py` asks it.
"""

import copy
import itertools
import json
import math
import struct

import numpy as np
import xxhash
from scipy import integrate, special, stats

WHOLE = 2**32
KEPT = 80
DEFAULTS = {
    "epsilon_greedy": {"epsilon": 0.1, "prior_mean": 0.0, "prior_weight": 1.0},
    "ucb1": {"exploration": 1.0, "range": [0.0, 1.0]},
    "ucb_tuned": {"exploration": 1.0, "range": [0.0, 1.0]},
    "beta_thompson": {"prior": [1.0, 1.0]},
    "gaussian_thompson": {"prior_mean": 0.0, "prior_sd": 1.0, "noise_sd": 1.0},
    "linucb": {"alpha": 1.0, "ridge": 1.0, "model": "disjoint", "interactions": False},
    "linear_thompson": {"noise_sd": 1.0, "ridge": 1.0, "draws": 1000, "model": "disjoint", "interactions": False},
}


def nearest(value, digits):
    """The nearest multiple of 2 to the minus `digits`, halves upwards."""
    return math.floor(value * 2.0**digits + 0.5)


def rounded(product, digits):
    """Cuts binary digits off an integer, to the nearest, halves upwards."""
    return (product + (1 << (digits - 1))) >> digits


def floats(value):
    """Numbers as the canonical definition writes them."""
    if isinstance(value, bool) or isinstance(value, str):
        return value
    return [float(v) for v in value] if isinstance(value, list) else float(value)


class Bandit:
    def __init__(self, definition):
        self.given = definition
        self.key = definition["key"]
        policy = definition["policy"]
        policy = {"name": policy} if isinstance(policy, str) else policy
        shared = {"model": "shared"} if "factors" in definition else {}
        self.policy = DEFAULTS[policy["name"]] | shared | policy
        self.name = policy["name"]
        self.floor = definition.get("floor", 0)
        self.half_life = definition.get("half_life")
        features = definition.get("features", {})
        self.context, self.arm = features.get("context", []), features.get("arm", [])
        self.factors = [(f["key"], [self.read(v) for v in f["variants"]]) for f in definition.get("factors", [])]
        self.arms = [self.read(arm) for arm in definition.get("arms", [])] + [v for _, list in self.factors for v in list]
        self.keys = [a["key"] for a in self.arms] if not self.factors else [f"{f}\0{v['key']}" for f, list in self.factors for v in list]
        # bucket -> the sums of an arm, of all arms, and their counts
        self.cells, self.shared, self.pending = {}, {}, {}
        self.newest = None

    def read(self, arm):
        arm = {"key": arm} if isinstance(arm, str) else arm
        return {"key": arm["key"], "floor": arm.get("floor", self.floor), "prior": arm.get("prior"), "value": arm.get("value")}

    # The definition with its defaults.

    def definition(self):
        policy = {"name": self.name}
        for name, value in self.policy.items():
            if name not in ("name", "draws") and value is not None:
                policy[name] = floats(value)
            elif name == "draws":
                policy[name] = value

        def arm(arm):
            out = {"key": arm["key"], "floor": float(arm["floor"])}
            if arm["prior"] is not None:
                out["prior"] = floats(arm["prior"])
            if arm["value"] is not None:
                out["value"] = arm["value"]
            return out

        out = {"key": self.key, "policy": policy, "floor": float(self.floor)}
        if self.factors:
            out["factors"] = [{"key": key, "variants": [arm(v) for v in list]} for key, list in self.factors]
        else:
            out["arms"] = [arm(a) for a in self.arms]
        if self.half_life is not None:
            out["half_life"] = self.half_life
        if self.context or self.arm:
            out["features"] = {"context": self.context, "arm": self.arm}
        return out

    # Vectors.

    @property
    def linear(self):
        return self.name in ("linucb", "linear_thompson")

    def vectors(self, context, arm):
        """An arm's own vector and the shared one, as multiples of 2^-32."""
        if not self.linear:
            return [], []
        c, a = [nearest(v, 32) for v in context], [nearest(v, 32) for v in arm]
        crossed = [nearest(x / 2**32 * (y / 2**32), 32) for x in c for y in a] if self.policy["interactions"] else []
        one = [1 << 32]
        match self.policy["model"]:
            case "disjoint":
                return one + c + a + crossed, []
            case "shared":
                return [], one + c + a + crossed
            case "hybrid":
                return one + c, a + crossed

    def combination(self, keys):
        return [], [1 << 32] + [(1 << 32) * (key in keys) for key in self.keys]

    def variant(self, key):
        return [], [0] + [(1 << 32) * (key == other) for other in self.keys]

    def widths(self):
        if self.factors:
            return 0, 1 + len(self.keys)
        own, shared = self.vectors([0] * len(self.context), [0] * len(self.arm))
        return len(own), len(shared)

    # Learning.

    def bucket(self, time):
        return 0 if self.half_life is None else time * 4 // self.half_life

    def add(self, keys, reward, time=0, own=(), shared=(), settle=False):
        """One reward; whether it still counts."""
        at, r = self.bucket(time), nearest(reward, 40)
        for key in keys:
            self.cells.setdefault(key, {})
            self.pending[key] = self.pending.get(key, 0) - settle
        if self.newest is not None and at <= self.newest - KEPT:
            return False
        self.newest = at if self.newest is None else max(self.newest, at)
        upper = lambda x: [rounded(a * b, 24) for i, a in enumerate(x) for b in x[i:]]  # noqa: E731
        with_reward = lambda x: [rounded(v * r, 32) for v in x]  # noqa: E731
        row = [r, rounded(r * r, 40)] + upper(own) + with_reward(own) + [rounded(x * z, 24) for x in own for z in shared]
        for key in keys:
            self.increase(self.cells[key], at, row)
        if shared:
            self.increase(self.shared, at, upper(shared) + with_reward(shared))
        self.forget()
        return True

    @staticmethod
    def increase(cells, at, row, count=1):
        known, sums = cells.get(at, (0, [0] * len(row)))
        cells[at] = known + count, [a + b for a, b in zip(sums, row, strict=True)]

    def forget(self):
        for cells in [self.shared, *self.cells.values()]:
            for at in [at for at in cells if at <= self.newest - KEPT]:
                del cells[at]

    def merge(self, other):
        for key, cells in other.cells.items():
            mine = self.cells.setdefault(key, {})
            self.pending[key] = self.pending.get(key, 0) + other.pending.get(key, 0)
            for at, (count, sums) in cells.items():
                self.increase(mine, at, sums, count)
        for at, (count, sums) in other.shared.items():
            self.increase(self.shared, at, sums, count)
        known = [n for n in (self.newest, other.newest) if n is not None]
        if known:
            self.newest = max(known)
            self.forget()

    # Bytes.

    def state(self):
        def pack(cells):
            out = struct.pack("<I", len(cells))
            for at in sorted(cells):
                count, sums = cells[at]
                out += struct.pack("<qQ", at, count) + b"".join(s.to_bytes(16, "little", signed=True) for s in sums)
            return out

        out = struct.pack("<qI", -(2**63) if self.newest is None else self.newest, len(self.cells))
        for key in sorted(self.cells, key=str.encode):
            out += struct.pack("<H", len(key.encode())) + key.encode() + struct.pack("<q", self.pending.get(key, 0))
            out += pack(self.cells[key])
        return out + pack(self.shared)

    def version(self):
        return f"{xxhash.xxh3_64_intdigest(self.state()):016x}"

    def bytes(self, definition=None, state=None):
        text = definition if definition is not None else json.dumps(self.definition(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        state = self.state() if state is None else state
        return seal(struct.pack("<I", len(text)) + text + state)

    # What is known.

    def now(self, time):
        newest = -(2**63) if self.newest is None else self.newest
        return newest if time is None else max(newest, self.bucket(time))

    def weight(self, at, now):
        return 2.0 ** (-(now - at) / 4)

    def seen(self, key, now):
        """Weighted count, mean, and squared deviations from it."""
        cells = self.cells.get(key, {})
        n = math.fsum(self.weight(at, now) * count for at, (count, _) in cells.items())
        total = math.fsum(self.weight(at, now) * sums[0] / 2**40 for at, (_, sums) in cells.items())
        squares = math.fsum(self.weight(at, now) * sums[1] / 2**40 for at, (_, sums) in cells.items())
        return n, total, max(squares - total * total / n, 0.0) if n else 0.0

    def weighted(self, cells, now, width):
        out = np.zeros(width)
        for at, (_, sums) in cells.items():
            out += self.weight(at, now) * np.array([s / 2**40 for s in sums])
        return out

    def regression(self, now):
        """Mean and covariance, in units of the noise, of (beta, theta of each arm): one dense system."""
        d, p = self.widths()
        keys = self.keys + sorted(set(self.cells) - set(self.keys)) if not self.factors else []
        size = p + d * len(keys)
        a, b = self.policy["ridge"] * np.eye(size), np.zeros(size)

        def symmetric(upper, width):
            out = np.zeros((width, width))
            out[np.triu_indices(width)] = upper
            return out + np.triu(out, 1).T

        if p:
            sums = self.weighted(self.shared, now, p * (p + 1) // 2 + p)
            a[:p, :p] += symmetric(sums[:-p], p)
            b[:p] += sums[-p:]
        if d:
            for i, key in enumerate(keys):
                sums = self.weighted(self.cells.get(key, {}), now, 2 + d * (d + 1) // 2 + d + d * p)[2:]
                tri = d * (d + 1) // 2
                own = slice(p + d * i, p + d * (i + 1))
                a[own, own] += symmetric(sums[:tri], d)
                b[own] += sums[tri : tri + d]
                crossed = sums[tri + d :].reshape(d, p)
                a[own, :p] += crossed
                a[:p, own] += crossed.T
        covariance = np.linalg.inv(a)
        return covariance @ b, covariance

    def scores(self, vectors, now):
        """Mean and covariance of the arms' rewards."""
        d, p = self.widths()
        mean, covariance = self.regression(now)
        rows = np.zeros((len(vectors), len(mean)))
        for i, (own, shared) in enumerate(vectors):
            rows[i, :p] = np.array(shared) / 2**32
            if d:
                rows[i, p + d * i : p + d * (i + 1)] = np.array(own) / 2**32
        return rows @ mean, rows @ covariance @ rows.T, rows, covariance

    def beliefs(self, now):
        out = []
        for arm, key in zip(self.arms, self.keys):
            n, total, _ = self.seen(key, now)
            if self.name == "beta_thompson":
                a, b = arm["prior"] or self.policy["prior"]
                out.append(stats.beta(a + total, b + n - total))
            else:
                p = self.policy
                precision = 1 / p["prior_sd"] ** 2 + n / p["noise_sd"] ** 2
                mean = (p["prior_mean"] / p["prior_sd"] ** 2 + total / p["noise_sd"] ** 2) / precision
                out.append(stats.norm(mean, precision**-0.5))
        return out

    def values(self, now):
        """What the arm with the highest one is chosen by."""
        p = self.policy
        seen = [self.seen(key, now) for key in self.keys]
        if self.name == "epsilon_greedy":
            weight = p["prior_weight"]
            return [(weight * p["prior_mean"] + total) / (weight + n) if weight + n else math.inf for n, total, _ in seen]
        low, high = p["range"]
        chosen = [n + max(self.pending.get(key, 0), 0) for key, (n, _, _) in zip(self.keys, seen)]
        log = math.log(max(sum(chosen), 1.0))
        out = []
        for (n, total, deviations), count in zip(seen, chosen):
            if count == 0:
                out.append(math.inf)
                continue
            mean = total / n if n else high
            per = log / count
            if self.name == "ucb_tuned":
                variance = deviations / n / (high - low) ** 2 if n else 0.25
                factor = per * min(0.25, variance + math.sqrt(2 * per))
            else:
                factor = 2 * per
            out.append(mean + p["exploration"] * (high - low) * math.sqrt(factor))
        return out

    def normals(self):
        d, p = self.widths()
        per = p + (len(self.keys) if d else 0)
        seed = xxhash.xxh3_64_intdigest(f"tastemaker/3/bandit-draws/{self.key}".encode())
        hashes = [xxhash.xxh3_64_intdigest(struct.pack("<Q", i), seed) for i in range(per * self.policy["draws"])]
        return special.ndtri((np.array([h >> 11 for h in hashes]) + 0.5) / 2**53).reshape(self.policy["draws"], per)

    def view(self, request, now):
        """(what decides, the numbers): values, beliefs or draws of all arms."""
        if not self.linear:
            thompson = self.name in ("beta_thompson", "gaussian_thompson")
            return ("beliefs", self.beliefs(now)) if thompson else ("values", self.values(now))
        if self.factors:
            vectors = [self.variant(key) for key in self.keys]
        else:
            context = request.get("context", [])
            context = [context[name] for name in self.context] if isinstance(context, dict) else context
            given = request.get("arm_features", {})
            arms = [given.get(a["key"], [0] * len(self.arm)) for a in self.arms]
            arms = [[a[name] for name in self.arm] if isinstance(a, dict) else a for a in arms]
            vectors = [self.vectors(context, arm) for arm in arms]
        mean, covariance, rows, whole = self.scores(vectors, now)
        sd = np.sqrt(np.diag(covariance))
        if self.name == "linucb":
            return "values", list(mean + self.policy["alpha"] * sd)
        noise = self.policy["noise_sd"]
        d, p = self.widths()
        if not p:
            return "beliefs", [stats.norm(m, noise * s) for m, s in zip(mean, sd)]
        # A draw: shared directions by the Cholesky factor of the shared precision, and what is
        # left of each arm's deviation by a number of its own.
        normals = self.normals()
        factor = np.linalg.cholesky(np.linalg.inv(whole[:p, :p]))
        left = np.zeros(len(mean))
        along = np.zeros((len(mean), p))
        for i, row in enumerate(rows):
            # cov(score, beta) = (z - BᵀA⁻¹x)ᵀ S⁻¹ = uᵀ S⁻¹
            u = np.linalg.solve(whole[:p, :p], whole[:p] @ row)
            along[i] = np.linalg.solve(factor, u)
            left[i] = max(covariance[i, i] - along[i] @ along[i], 0.0) ** 0.5
        draws = mean + noise * (normals[:, :p] @ along.T + (normals[:, p:] * left if d else 0.0))
        return "draws", draws

    def shares(self, view, places):
        kind, what = view
        if len(places) == 1:
            return [1.0]
        if kind == "values":
            best = max(what[i] for i in places)
            ties = sum(what[i] == best for i in places)
            return [(what[i] == best) / ties for i in places]
        if kind == "draws":
            some = what[:, places]
            best = some == some.max(axis=1, keepdims=True)
            return list((best / best.sum(axis=1, keepdims=True)).mean(axis=0))
        return [best_of([what[i] for i in places], i) for i in range(len(places))]

    def units(self, view, places):
        shares = self.shares(view, places)
        count = len(places)
        if self.name == "epsilon_greedy":
            e = self.policy["epsilon"]
            shares = [e / count + (1 - e) * share for share in shares]
        two = self.policy.get("top_two")
        if two is not None and count > 1:
            rest = [sum(shares[:j] + shares[j + 1 :]) for j in range(count)]
            second = lambda i: sum(shares[j] * shares[i] / rest[j] for j in range(count) if j != i and rest[j] > 0)  # noqa: E731
            stay = lambda i: shares[i] if rest[i] <= 0 else 0.0  # noqa: E731
            shares = [two * shares[i] + (1 - two) * (second(i) + stay(i)) for i in range(count)]
        floors = [self.arms[i]["floor"] for i in places]
        if sum(floors) > 0:
            left = max(1 - sum(floors), 0.0)
            shares = [floor + left * share for floor, share in zip(floors, shares)]
        total = 0.0
        for share in shares:
            total += share
        exact = [share / total * WHOLE for share in shares]
        units = [math.floor(e) for e in exact]
        order = sorted(range(count), key=lambda i: (-(exact[i] - units[i]), i))
        for i in order[: WHOLE - sum(units)]:
            units[i] += 1
        return units

    # Answers.

    def places(self, request):
        wanted = request.get("arms")
        return [i for i, key in enumerate(self.keys) if wanted is None or key in wanted]

    def choose(self, request, explain=False, check=True):
        explain = explain or request.get("explain", False)
        view = self.view(request, self.now(request.get("now")))
        seed, unit, decision = request.get("seed", 0), request.get("unit", ""), request.get("decision", "")
        salt = xxhash.xxh3_64_intdigest(f"tastemaker/3/bandit/{seed}/{self.key}".encode())
        groups = []
        if self.factors:
            at = 0
            for key, variants in self.factors:
                groups.append((key, list(range(at, at + len(variants)))))
                at += len(variants)
        left = self.places(request)
        choices, joint = [], 1.0
        for slot in range(len(groups) or request.get("slots", 1)):
            factor, places = groups[slot] if groups else (None, left)
            units = self.units(view, places)
            data = struct.pack("<I", len(unit.encode())) + unit.encode() + decision.encode() + struct.pack("<I", slot)
            bucket = xxhash.xxh3_64_intdigest(data, salt) >> 32
            ends = list(itertools.accumulate(units))
            if check and view[0] != "values":
                assert all(abs(end - bucket) > 100 for end in ends), "too near to a border: take another decision"
            at = next(i for i, end in enumerate(ends) if bucket < end)
            place, propensity = places[at], units[at] / WHOLE
            joint *= propensity
            draws = self.policy.get("draws") if view[0] == "draws" else None
            choices.append({
                "slot": slot, "factor": factor, "arm": self.arms[place]["key"], "value": self.arms[place]["value"],
                "propensity": propensity, "marginal": None,
                "standard_error": math.sqrt(propensity * (1 - propensity) / draws) if draws else 0.0,
                "shares": [{"arm": self.arms[i]["key"], "propensity": u / WHOLE} for i, u in zip(places, units)] if explain else None,
            })
            left = [i for i in left if i != place]
        if request.get("marginals"):
            for choice in choices:
                if groups:
                    choice["marginal"] = choice["propensity"]
                else:
                    choice["marginal"] = self.marginal(view, self.places(request), choice["slot"], choice["arm"])
        methods = {"values": "exact", "beliefs": "quadrature", "draws": "monte_carlo"}
        return {
            "bandit": self.key, "policy": self.name, "decision": decision, "unit": unit, "seed": seed,
            "state_version": self.version(), "method": methods[view[0]], "choices": choices, "propensity": joint,
        }

    def marginal(self, view, places, slot, arm):
        """Over all orders of the arms before it."""
        sum = 0.0
        wanted = next(i for i in places if self.arms[i]["key"] == arm)
        for before in itertools.permutations([i for i in places if i != wanted], slot):
            chance, left = 1.0, list(places)
            for place in (*before, wanted):
                chance *= self.units(view, left)[left.index(place)] / WHOLE
                left.remove(place)
                if chance == 0:
                    break
            sum += chance
        return sum

    def propensities(self, request):
        answer = self.choose(request, explain=True)
        if not request.get("decision"):
            answer["propensity"] = 1.0
        return answer

    def report(self, time=None):
        now = self.now(time)
        arms = []
        retired = sorted(set(self.cells) - set(self.keys), key=str.encode)
        beliefs = {}
        for key, prior in [*zip(self.keys, [a["prior"] for a in self.arms]), *((key, None) for key in retired)]:
            n, total, deviations = self.seen(key, now)
            p = self.policy
            if self.name == "beta_thompson":
                a, b = prior or p["prior"]
                beliefs[key] = stats.beta(a + total, b + n - total)
            elif self.name == "gaussian_thompson":
                precision = 1 / p["prior_sd"] ** 2 + n / p["noise_sd"] ** 2
                mean = (p["prior_mean"] / p["prior_sd"] ** 2 + total / p["noise_sd"] ** 2) / precision
                beliefs[key] = stats.norm(mean, precision**-0.5)
            elif self.name.startswith("ucb"):
                low, high = p["range"]
                successes = (total - n * low) / (high - low)
                beliefs[key] = stats.beta(1 + successes, 1 + n - successes, loc=low, scale=high - low)
            else:
                beliefs[key] = stats.norm(total / n, math.sqrt(deviations / (n - 1) / n)) if n >= 2 else None
        best = None
        if not self.linear and all(beliefs[key] is not None for key in self.keys):
            some = [beliefs[key] for key in self.keys]
            best = [best_of(some, i) if len(some) > 1 else 1.0 for i in range(len(some))]
        if self.factors and self.name == "linear_thompson":
            view, best, at = self.view({}, now), [], 0
            for _, variants in self.factors:
                best += self.shares(view, list(range(at, at + len(variants))))
                at += len(variants)
        for i, key in enumerate(self.keys + retired):
            n, total, _ = self.seen(key, now)
            belief = beliefs[key]
            factor, _, name = key.rpartition("\0")
            arms.append({
                "factor": factor or None, "arm": name, "pulls": n,
                "rewards": sum(count for count, _ in self.cells.get(key, {}).values()),
                "pending": self.pending.get(key, 0), "mean": total / n if n else None,
                "interval": [float(belief.ppf(0.025)), float(belief.ppf(0.975))] if belief is not None else None,
                "chance_best": best[i] if best is not None and i < len(self.keys) else None,
                "retired": i >= len(self.keys),
            })
        return {"bandit": self.key, "policy": self.name, "state_version": self.version(), "arms": arms}

    # Steps of a suite.

    def copy_state(self, other):
        for name in ("cells", "shared", "pending", "newest"):
            setattr(self, name, copy.deepcopy(getattr(other, name)))

    def redefine(self, definition):
        new = Bandit(definition)
        text = lambda keys: [key.replace("\0", "/") for key in sorted(keys, key=str.encode)]  # noqa: E731
        out = {
            "kept": text(set(new.keys) & set(self.keys)), "added": text(set(new.keys) - set(self.keys)),
            "removed": text(set(self.keys) - set(new.keys)),
        }
        new.copy_state(self)
        self.__dict__ = new.__dict__
        return out

    def update(self, columns, options=None):
        settle = bool((options or {}).get("settle", False))
        out = {"accepted": 0, "retired": 0, "expired": 0}
        arm = columns["arm"]
        for row, reward in enumerate(columns["reward"]):
            if self.factors:
                keys = [f"{factor}\0{arm[factor][row]}" for factor, _ in self.factors]
                vectors = self.combination(keys)
            else:
                keys = [str(arm[row])]
                part = lambda name: columns[name][row] if name in columns else []  # noqa: E731
                vectors = self.vectors(part("context"), part("arm_features"))
            time = columns["time"][row] if "time" in columns else 0
            kept = self.add(keys, reward, time, *vectors, settle=settle)
            known = all(key in self.keys for key in keys)
            out["accepted" if kept and known else "retired" if kept else "expired"] += 1
        return out

    def update_one(self, given):
        arm = given["arm"]
        columns = {"arm": {f: [v] for f, v in arm.items()} if isinstance(arm, dict) else [arm], "reward": [float(given["reward"])]}
        for name, order in (("context", self.context), ("arm_features", self.arm)):
            if name in given:
                values = given[name]
                columns[name] = [[values[key] for key in order] if isinstance(values, dict) else values]
        if "time" in given:
            columns["time"] = [given["time"]]
        return self.update(columns, {"settle": given.get("settle", False)})

    def play(self, steps):
        """The results of steps that succeed."""
        results = []
        for name, *arguments in steps:
            match name:
                case "await_rewards":
                    factor, arm, count = arguments
                    key = arm if factor is None else f"{factor}\0{arm}"
                    self.cells.setdefault(key, {})
                    self.pending[key] = self.pending.get(key, 0) + count
                    results.append(None)
                case "merge":
                    other = Bandit(arguments[0]["definition"])
                    other.play(arguments[0]["steps"])
                    self.merge(other)
                    results.append(None)
                case "bytes":
                    results.append(self.bytes().hex())
                case "state_version":
                    results.append(self.version())
                case _:
                    results.append(getattr(self, name)(*arguments))
        return results


def functions(belief):
    """The distribution function and the quantile of a frozen belief, without SciPy's wrapping."""
    if belief.dist.name == "norm":
        mean, sd = belief.args
        return lambda x: special.ndtr((x - mean) / sd), lambda q: mean + sd * special.ndtri(q)
    a, b = belief.args
    low, scale = belief.kwds.get("loc", 0.0), belief.kwds.get("scale", 1.0)
    return lambda x: special.betainc(a, b, min(max((x - low) / scale, 0.0), 1.0)), lambda q: low + scale * special.betaincinv(a, b, q)


def best_of(beliefs, i):
    """The chance that belief i is the highest: SciPy's adaptive quadrature over the quantiles of i,
    in parts between those where another one rises."""
    cdf, quantile = functions(beliefs[i])
    others = [functions(belief) for j, belief in enumerate(beliefs) if j != i]
    rises = (1e-12, 1e-6, 0.001, 0.02, 0.2, 0.5, 0.8, 0.98, 0.999, 1 - 1e-6, 1 - 1e-12)
    points = sorted({float(cdf(inverse(q))) for _, inverse in others for q in rises} | {0.0, 1.0})
    parts = [points[0]]
    for point in points[1:]:
        if point - parts[-1] > 1e-9:
            parts.append(point)
    parts[-1] = 1.0

    def integrand(q):
        x = quantile(q)
        return math.prod(other(x) for other, _ in others)

    return sum(integrate.quad(integrand, low, high, epsabs=1e-12, epsrel=1e-10, limit=200)[0] for low, high in zip(parts, parts[1:]))


def seal(body, version=1, magic=b"TMBN", length=None):
    head = magic + struct.pack("<HHQ", version, 0, 16 + len(body) + 8 if length is None else length)
    return head + body + struct.pack("<Q", xxhash.xxh3_64_intdigest(head + body))
