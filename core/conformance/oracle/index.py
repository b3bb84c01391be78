"""Vector search by its definitions: every row scored, in numpy, one float operation at a time.

What the library does with codes, bounds and graphs must not show in its answers, so none of it is
here, but for the kind `binary`, which may miss a neighbour and misses the same ones everywhere. The
files of exact and binary indexes are known to the last byte, and `Index.file` writes them from
`docs/index-format.md`.

A score is a sum of 16 partial sums in float32 (value i goes to sum i mod 16), folded 16 → 8 → 4 →
2 → 1: docs/adr/0001-determinism.md.
"""

import math

import numpy as np
import snapshot as s
import xxhash

F = np.float32
MANIFEST, ID_OFFSETS, ID_BYTES, ID_SLOTS, ROW_STARTS, CENTRE, FLOATS, HALVES, CODES, SIDES, LINKS = range(64, 75)
BITS, THRESHOLDS, BIT_SCALES, BIT_OFFSETS = range(81, 85)
TINY = F(np.finfo(np.float32).tiny)
DEFAULTS = {
    "metric": "cosine", "kind": "auto", "storage": "f32", "m": 16, "ef_construction": 128, "ef": 64, "seed": 0,
    "item_id_type": "string",
}


def lanes(products):
    """Sums along the last axis, in the order of the definition."""
    products = np.asarray(products, F)
    width = products.shape[-1]
    padded = np.zeros((*products.shape[:-1], -(-width // 16) * 16), F)
    padded[..., :width] = products
    sums = np.zeros((*products.shape[:-1], 16), F)
    for at in range(0, padded.shape[-1], 16):
        sums = sums + padded[..., at:at + 16]
    while sums.shape[-1] > 1:
        half = sums.shape[-1] // 2
        sums = sums[..., :half] + sums[..., half:]
    return sums[..., 0]


def dot(a, b):
    return lanes(np.asarray(a, F) * np.asarray(b, F))


def squared(a, b):
    gap = np.asarray(a, F) - np.asarray(b, F)
    return lanes(gap * gap)


def prepared(vector, metric):
    """A vector as it is compared: of length 1 for the cosine, without negative zeros."""
    vector = np.asarray(vector, F) + F(0)
    if metric != "cosine":
        return vector
    square = 0.0
    for value in vector.tolist():
        square += value * value
    return np.array([value / math.sqrt(square) for value in vector.tolist()], F)


def round_even(values):
    return np.rint(values)


def mean(rows, kept=None):
    """The mean in float64, in sums of 1,024 rows as they come; `rows` are those `kept` of all."""
    places = np.arange(len(rows)) if kept is None else np.flatnonzero(kept)
    sums = [0.0] * len(rows[0])
    for block in range(0, places[-1] // 1024 + 1):
        part = [0.0] * len(rows[0])
        for place, row in zip(places, rows):
            if place // 1024 == block:
                part = [a + b for a, b in zip(part, row.tolist())]
        sums = [a + b for a, b in zip(sums, part)]
    return np.array([x / len(rows) for x in sums], F)


class Scale:
    """One byte a value: `centre + code · step`."""

    def __init__(self, rows, metric):
        self.centre = np.zeros(0, F)
        if metric == "l2" and len(rows):
            self.centre = mean(rows)
        largest, most, reach = self.limits(rows)
        if len(self.centre) and largest > most:
            self.centre = mean([row for row, far in zip(rows, reach) if far <= most], reach <= most)
            largest, most, _ = self.limits(rows)
        self.step = max(min(largest, most) / F(127), TINY)

    def limits(self, rows):
        """The largest value, four times the largest of 99 of 100 rows, and the largest of each row."""
        reach = np.array([np.abs(self.relative(row)).max() for row in rows], F)
        if not len(reach):
            return F(0), F(0), reach
        usual = np.sort(reach)[-(-len(reach) * 99 // 100) - 1]
        return reach.max(), usual * F(4) if usual > 0 else reach.max(), reach

    def relative(self, row):
        return row - self.centre if len(self.centre) else row

    def codes(self, row):
        return np.clip(round_even(self.relative(row) / self.step), -127, 127)

    def decode(self, codes):
        values = codes.astype(F) * self.step
        return values + self.centre if len(self.centre) else values

    def bounds(self, rows):
        """The largest loss and the largest length of a row, in float64."""
        error = length = 0.0
        for row in rows:
            lost = square = 0.0
            for value, code in zip(self.relative(row).tolist(), self.codes(row).tolist()):
                gap = value - code * float(self.step)
                lost += gap * gap
                square += value * value
            error, length = max(error, math.sqrt(lost)), max(length, math.sqrt(square))
        return error, length


class Index:
    def __init__(self, ids, vectors, options=None, columns=None, threads=None):
        self.options = DEFAULTS | (options or {})
        for name in ("threads", "memory_mb"):
            self.options.pop(name, None)
        self.metric, self.storage = self.options["metric"], self.options["storage"]
        self.columns = columns or {}  # name -> (type, {id: value})
        self.extra = {}
        rows = {}
        for name, vector in zip(map(str, ids), vectors):
            rows.setdefault(name, []).append(prepared(vector, self.metric))
        self.width = len(vectors[0]) if len(vectors) else 1
        self.settle(rows)

    def settle(self, rows, scale=None, bounds=None, codes=None):
        """Takes float rows by id, and stores them."""
        self.ids = s.by_bytes(rows)
        self.starts = [0]
        flat = []
        for name in self.ids:
            flat += rows[name]
            self.starts.append(len(flat))
        flat = np.array(flat, F).reshape(len(flat), self.width)
        self.scale = scale or Scale(flat, self.metric)
        self.bounds = bounds or self.scale.bounds(flat)
        self.codes = np.array([self.scale.codes(row) for row in flat]).reshape(flat.shape) if codes is None else codes
        if self.storage == "f32":
            self.rows = flat
        elif self.storage == "f16":
            self.rows = flat.astype(np.float16).astype(F)
        else:
            self.rows = np.array([self.scale.decode(row) for row in self.codes], F).reshape(flat.shape)
        return self.lengthen(0)

    def lengthen(self, before):
        """The squared length, in steps, to which shorter rows are lengthened for the inner product."""
        codes = self.codes.astype(np.int64)
        self.squares = (codes ** 2).sum(axis=1).tolist() if len(codes) else []
        self.usual = 0
        if self.metric == "inner_product":
            self.usual = before or (sorted(self.squares)[-(-len(self.squares) * 9 // 10) - 1] if self.squares else 0)
        return self

    def rows_of(self, item):
        return range(self.starts[item], self.starts[item + 1])

    # Changes

    def update(self, ids=(), vectors=(), remove=(), columns=None):
        """The new index, and what became of the changes."""
        new = {}
        for name, vector in zip(map(str, ids), vectors):
            new.setdefault(name, []).append(prepared(vector, self.metric))
        remove = [str(name) for name in remove]
        kept = [name for name in self.ids if name not in new and name not in remove]
        result = Index.__new__(Index)
        result.options, result.metric, result.storage, result.width = self.options, self.metric, self.storage, self.width
        result.columns, result.extra = dict(self.columns), {}
        for name, (kind, values) in (columns or {}).items():
            merged = {k: v for k, v in result.columns.get(name, (kind, {}))[1].items() if k not in new}
            result.columns[name] = (kind, merged | values)
        own = {name: [self.rows[row] for row in self.rows_of(self.ids.index(name))] for name in kept}
        fits = len(self.rows) > 0 and all(
            (np.abs(self.scale.relative(row)) <= F(127.5) * self.scale.step).all() for rows in new.values() for row in rows
        )
        if self.storage == "int8" and fits:
            fresh = self.scale.bounds([row for rows in new.values() for row in rows])
            codes = {name: [self.codes[row] for row in self.rows_of(self.ids.index(name))] for name in kept}
            codes |= {name: [self.scale.codes(row) for row in rows] for name, rows in new.items()}
            ordered = np.array([row for name in s.by_bytes(codes) for row in codes[name]]).reshape(-1, self.width)
            result.settle(own | new, self.scale, tuple(map(max, fresh, self.bounds)), ordered)
        else:
            result.settle(own | new)
            if self.storage == "int8":
                result.bounds = (result.bounds[0] + self.bounds[0], result.bounds[1] + self.bounds[0])
        if result.scale.step == self.scale.step and np.array_equal(result.scale.centre, self.scale.centre):
            result.lengthen(self.usual)
        told = {
            "inserted": sum(name not in self.ids for name in new),
            "replaced": sum(name in self.ids for name in new),
            "removed": sum(name in remove and name not in new for name in self.ids),
            "unknown": [name for name in remove if name not in self.ids],
        }
        return result, told

    def edge(self):
        """The export for browsers: the same codes, and nothing else."""
        result = Index.__new__(Index)
        result.__dict__.update(self.__dict__)
        result.options, result.storage = self.options | {"storage": "int8"}, "int8"
        result.rows = np.array([self.scale.decode(row) for row in self.codes], F).reshape(self.rows.shape)
        result.extra = {"edge": {"of": s.model_hash(self.file())}}
        return result

    # Scores

    def scores(self, query, rows=None):
        stored = self.rows if rows is None else self.rows[rows]
        if self.metric == "l2":
            return F(0) - squared(stored, query)
        found = dot(stored, query)
        if self.metric == "cosine" and self.storage == "int8":
            square = dot(stored, stored)
            whole = square > 0
            return np.where(whole, found / np.sqrt(np.where(whole, square, F(1))), F(0)).astype(F)
        return found

    def average(self, positive, negative=()):
        def mean(rows, at):
            total = 0.0
            for row in rows:
                total += float(row[at])
            return total / len(rows)

        values = []
        for at in range(self.width):
            value = mean(positive, at)
            values.append(value + (value - mean(negative, at)) if len(negative) else value)
        return prepared(np.array(values, F), self.metric)

    def example(self, given, named):
        """A prepared vector, of an item's id or of a list."""
        if not isinstance(given, str):
            return prepared(given, self.metric)
        item = self.ids.index(given)
        named.add(item)
        rows = [self.rows[row] for row in self.rows_of(item)]
        if len(rows) == 1 and (self.metric != "cosine" or self.storage == "f32"):
            return rows[0]
        return self.average(rows)

    def all_scores(self, target, named):
        """One score a row, for any target."""
        one = lambda given: self.example(given, named)  # noqa: E731
        sigma = lambda x: F(0.5) * (x / (F(1) + np.abs(x)) + F(1))  # noqa: E731
        best = lambda vectors: np.max([self.scores(v) for v in vectors], axis=0) if vectors else np.full(len(self.rows), -np.inf, F)  # noqa: E731
        if "vector" in target or "item_id" in target:
            return self.scores(one(target["vector"] if "vector" in target else target["item_id"]))
        if "positive" in target:
            positive = [one(given) for given in target["positive"]]
            negative = [one(given) for given in target.get("negative", [])]
            if target.get("strategy") != "best_score":
                return self.scores(self.average(positive, negative))
            p, n = best(positive), best(negative)
            with np.errstate(invalid="ignore"):
                return np.where(p > n, sigma(p), -sigma(n)).astype(F)
        near = one(target["target"]) if target.get("target") is not None else None
        pairs = [(self.scores(one(p)), self.scores(one(n))) for p, n in target["context"]]
        if near is None:
            total = np.zeros(len(self.rows), F)
            for p, n in pairs:
                gap = np.minimum(p - n - F(2.0**-23), F(0))
                total = total + gap / (F(1) + np.abs(gap))
            return total
        rank = sum(np.where(p > n, 1, -1) for p, n in pairs)
        return sigma(self.scores(near)) + rank.astype(F)

    # Bits

    def bits(self):
        """Thresholds, bits, scales and offsets, in codes without their 128."""
        codes = self.codes.astype(np.int64).reshape(-1, self.width)
        count = len(codes)
        thresholds = np.array([(2 * (int(sum) + 128 * count) + count) // (2 * count) - 128 if count else 0 for sum in codes.sum(axis=0)])
        x = codes - thresholds
        ratio = (x * x).sum(axis=1) / np.maximum(np.abs(x).sum(axis=1), 1)
        if self.metric == "l2":
            return thresholds, x > 0, (2 * ratio).astype(F), (-(x * x).sum(axis=1)).astype(F)
        return thresholds, x > 0, ratio.astype(F), (codes * thresholds).sum(axis=1).astype(F)

    def seemingly_near(self, query, rows, ef, more):
        """The rows, of those that may match, that a search by bits scores."""
        close = 8 * max(ef, more)
        if len(rows) <= 2 * close:
            return rows
        thresholds, bits, scales, offsets = self.bits()
        relative = self.scale.relative(query)
        apart = [float(v) / float(self.scale.step) - float(t) for v, t in zip(relative, thresholds)]
        delta = max(map(abs, apart)) / 7 or 1.0
        levels = np.array([round(v / delta) for v in apart])
        counts = 2 * (bits * levels).sum(axis=1) - levels.sum()
        estimates = scales * (counts.astype(F) * F(min(delta, 1e25))) + offsets
        best = sorted(rows, key=lambda row: (-estimates[row], row))[:close]
        if len(self.ids) != len(self.rows) or close <= (most := more + more // 2 + 16):
            return best
        step = max(np.abs(relative).max() / F(127), TINY)
        dots = (self.codes * np.clip(round_even(relative / step), -127, 127)).sum(axis=1).astype(F)
        if self.metric == "l2":
            dots = F(2 * float(step) / float(self.scale.step)) * dots - np.array(self.squares, F)
        return sorted(best, key=lambda row: (-dots[row], row))[:most]

    # Searches

    def search(self, target, k=10, ef=None, exact=False, allow=None, deny=(), min_score=None, diversity=None, candidates=None, trace=False, matching=None):
        """(item, row, score) of the best; `matching` are ids that may appear."""
        named = set()
        scores = self.all_scores(target, named)
        denied = {self.ids.index(name) for name in map(str, deny) if name in self.ids}
        may = [
            item for item, name in enumerate(self.ids)
            if (allow is None or name in map(str, allow)) and (matching is None or name in matching)
        ]
        looked = rows = [row for item in may for row in self.rows_of(item)]
        if self.options["kind"] == "binary" and not exact and ("vector" in target or "item_id" in target):
            query = self.example(target.get("vector", target.get("item_id")), set())
            more = (max(k, candidates or 4 * k) if diversity else k) + len(named | denied)
            looked = self.seemingly_near(query, rows, ef or self.options["ef"], more)
            held = len({next(i for i in may if row in self.rows_of(i)) for row in looked})
            looked = rows if held < min(more, len(rows)) else looked
        looked = set(looked)
        named |= denied
        found = []
        for item in may:
            rows = [row for row in self.rows_of(item) if row in looked]
            if item in named or not rows:
                continue
            row = max(rows, key=lambda row: (scores[row], -row))
            if min_score is None or scores[row] >= F(min_score):
                found.append((item, row, scores[row]))
        found.sort(key=lambda n: (-n[2], n[0]))
        if diversity:
            return self.varied(found[:max(k, candidates or 4 * k)], k, F(diversity))
        return found[:k]

    def varied(self, left, k, share):
        """Maximal marginal relevance, in float32."""
        chosen, near = [], {}
        left = list(left)
        while len(chosen) < k and left:
            worth = [(F(1) - share) * score - share * near.get(item, F(0)) for item, _, score in left]
            best = max(range(len(left)), key=lambda at: (worth[at], -at))
            item, row, score = left.pop(best)
            chosen.append((item, row, score))
            scores = self.scores(self.rows[row])
            for other, place, _ in left:
                near[other] = max(near[other], scores[place]) if other in near else scores[place]
        return chosen

    def columns_of(self, found):
        """The answer as columns."""
        return {
            "item_id": [self.ids[item] for item, _, _ in found],
            "score": [float(score) for _, _, score in found],
            "rank": list(range(1, len(found) + 1)),
            "vector": [row - self.starts[item] for item, row, _ in found],
        }

    def batch(self, vectors, **options):
        lists = [self.search({"vector": vector}, **options) for vector in vectors]
        whole = self.columns_of([n for found in lists for n in found])
        return whole | {
            "query": [query for query, found in enumerate(lists) for _ in found],
            "rank": [place + 1 for found in lists for place in range(len(found))],
        }

    def graph(self, k=10, **options):
        """The nearest items of every item."""
        lists = [self.search({"item_id": name}, k=k, **options) for name in self.ids]
        return {
            "item_id": [name for name, found in zip(self.ids, lists) for _ in found],
            "neighbor_id": [self.ids[n[0]] for found in lists for n in found],
            "score": [float(n[2]) for found in lists for n in found],
            "rank": [place + 1 for found in lists for place in range(len(found))],
        }

    def duplicates(self, min_score):
        groups = {name: {name} for name in self.ids}
        graph = self.graph(32)
        for a, b, score in zip(graph["item_id"], graph["neighbor_id"], graph["score"]):
            if score >= float(F(min_score)) and groups[a] is not groups[b]:
                joined = groups[a] | groups[b]
                groups |= dict.fromkeys(joined, joined)
        distinct = {tuple(s.by_bytes(group)) for group in groups.values() if len(group) > 1}
        return sorted((list(group) for group in distinct), key=lambda group: group[0].encode())

    def cluster(self, clusters=8, iterations=25, seed=0, threads=1):
        rows = np.array([prepared(row, "cosine") for row in self.rows], F)
        count = len(rows)

        def draw(step):
            data = seed.to_bytes(8, "little") + step.to_bytes(8, "little")
            return (xxhash.xxh3_64_intdigest(data) >> 11) / 2**53

        chosen = [min(int(draw(0) * count), count - 1)]
        far = np.full(count, np.inf, F)
        for step in range(1, clusters):
            far = np.minimum(far, np.maximum(F(1) - dot(rows, rows[chosen[-1]]), F(0)))
            far[chosen] = 0
            total = 0.0
            for value in far.tolist():
                total += value
            left, following = draw(step) * total, None
            for at, value in enumerate(far.tolist()):
                if value > 0:
                    following, left = at, left - value
                    if left <= 0:
                        break
            if following is None:
                following = next(at for at in range(count) if at not in chosen)
            chosen.append(following)
        centres = rows[chosen].copy()
        assignment = np.full(count, -1)
        rounds, converged = 0, False
        while rounds < iterations and not converged:
            rounds += 1
            scores = np.array([dot(centres, row) for row in rows])
            nearest, best = scores.argmax(axis=1), scores.max(axis=1)
            converged = bool((nearest == assignment).all())
            assignment = nearest
            for empty in range(clusters):
                sizes = np.bincount(assignment, minlength=clusters)
                if sizes[empty]:
                    continue
                row = min((r for r in range(count) if sizes[assignment[r]] > 1), key=lambda r: (best[r], r))
                assignment[row], best[row] = empty, 1
            if not converged:
                for cluster in range(clusters):
                    sums = [0.0] * self.width
                    for row in rows[assignment == cluster].tolist():
                        sums = [a + b for a, b in zip(sums, row)]
                    square = 0.0
                    for x in sums:
                        square += x * x
                    if square > 0:
                        centres[cluster] = np.array([x / math.sqrt(square) for x in sums], F)
        total = 0.0
        for cluster, row in zip(assignment, rows):
            total += float(dot(row, centres[cluster]))
        return {
            "assignment": assignment.tolist(), "sizes": np.bincount(assignment, minlength=clusters).tolist(),
            "centroids": centres.astype(float).tolist(), "cohesion": total / count,
            "iterations": rounds, "converged": converged,
        }

    # The file

    def describe(self):
        data = self.file()
        kind = self.options["kind"]
        return {
            "items": len(self.ids), "rows": len(self.rows), "dimension": self.width, "metric": self.metric,
            "kind": "exact" if kind == "auto" else kind, "storage": self.storage,
            "item_ids": self.ids, "hash": s.model_hash(data),
        }

    def file(self):
        out = dict(zip([(ID_OFFSETS, 0), (ID_BYTES, 0), (ID_SLOTS, 0)], s.id_table(self.ids)))
        listed = []
        for number, (name, (kind, values)) in enumerate(sorted(self.columns.items(), key=lambda c: c[0].encode())):
            listed.append({"name": name, "type": kind})
            out |= s.column_sections(number, kind, values, self.ids)
        manifest = {
            "library": "tastemaker", "version": "0.1.0", "options": self.options,
            "kind": "binary" if self.options["kind"] == "binary" else "exact", "levels": 0, "dimension": self.width, "rows": len(self.rows), "items": len(self.ids),
            "usual": self.usual, "step": float(self.scale.step), "bounds": {"error": self.bounds[0], "length": self.bounds[1]},
            "columns": listed if self.columns else None,
        } | self.extra
        out[MANIFEST, 0] = json_text(manifest).encode()
        if len(self.rows) != len(self.ids):
            out[ROW_STARTS, 0] = s.u32(self.starts)
        if len(self.scale.centre):
            out[CENTRE, 0] = self.scale.centre.tobytes()
        if self.storage == "f32" and self.rows.size:
            out[FLOATS, 0] = self.rows.tobytes()
        if self.storage == "f16" and self.rows.size:
            out[HALVES, 0] = self.rows.astype(np.float16).tobytes()
        stride = -(-self.width // 64) * 64
        codes = np.full((len(self.codes), stride), 128, np.uint8)
        codes[:, :self.width] = self.codes + 128
        out[CODES, 0] = codes.tobytes()
        sides = self.squares if self.metric == "l2" else []
        if self.metric == "inner_product":
            sides = [int(round_even(math.sqrt(max(self.usual - square, 0)))) for square in self.squares]
        if sides:
            out[SIDES, 0] = np.array(sides, "<i4").tobytes()
        if self.options["kind"] == "binary":
            thresholds, bits, scales, offsets = self.bits()
            words = -(-self.width // 64)
            padded = np.zeros((-(-len(bits) // 8) * 8, words * 64), bool)
            padded[:len(bits), :self.width] = bits
            packed = np.packbits(padded, axis=1, bitorder="little").view("<u8")  # row, word
            out[BITS, 0] = packed.reshape(-1, 8, words).transpose(0, 2, 1).tobytes()
            out[THRESHOLDS, 0] = (thresholds + 128).astype(np.uint8).tobytes()
            out[BIT_SCALES, 0], out[BIT_OFFSETS, 0] = scales.tobytes(), offsets.tobytes()
        return s.lay_out(out)


def json_text(value):
    """Compact JSON with keys in order, and floats as the library writes them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{s.compact(k)}:{json_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return shortest(value) if isinstance(value, float) else s.compact(value)


def shortest(number):
    """The shortest digits, with an exponent below 1e-5 and from 1e16 on."""
    digits, _, power = f"{number!r}".partition("e")
    if not power:
        return digits
    power = int(power)
    if -5 <= power < 0:
        return "0." + "0" * (-power - 1) + digits.replace(".", "")
    return f"{digits.removesuffix('.0')}e{power}"
