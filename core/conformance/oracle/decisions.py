"""Decision logs: sets of decisions and outcomes, their bytes (docs/snapshot-format.md), their joins.

Knows nothing of files or suites; `suites/decisions.py` asks it. Pseudonyms are made with Python's
own HMAC and SHA-256.
"""

import hashlib
import hmac
import struct

import xxhash

NONE, NO_SLOT = 0xFFFFFFFF, 0xFFFF
FINGERPRINT = b"tastemaker decision log\0"


def pseudonym(key, user):
    return hmac.new(key.encode(), user.encode(), hashlib.sha256).digest()[:16].hex()


def context_hash(value):
    def put(v):
        if v is None:
            return b"n"
        if isinstance(v, bool):
            return b"t" if v else b"f"
        if isinstance(v, (int, float)):
            return b"d" + struct.pack("<d", float(v) + 0.0)
        if isinstance(v, str):
            return b"s" + text(v)
        if isinstance(v, list):
            return b"a" + struct.pack("<Q", len(v)) + b"".join(map(put, v))
        names = sorted(v, key=lambda n: n.encode())
        return b"o" + struct.pack("<Q", len(v)) + b"".join(text(n) + put(v[n]) for n in names)

    def text(t):
        return struct.pack("<Q", len(t.encode())) + t.encode()

    return f"{xxhash.xxh3_64_intdigest(put(value)):016x}"


class Log:
    """A log with a key (a text), or with ids as they are."""

    def __init__(self, key=None, raw=False):
        self.key, self.raw = key, raw
        self.decisions, self.outcomes = {}, []

    def user(self, user):
        return user if self.raw or user is None else pseudonym(self.key, user)

    def decision(self, given):
        context = given.get("context")
        shown = [
            {"item": s["item"], "slot": s.get("slot", at), "propensity": float(s.get("propensity", 1))}
            for at, s in enumerate(given.get("shown", []))
        ]
        return {
            "id": given["id"],
            "time": given["time"],
            "user": self.user(given.get("user")),
            "model": given.get("model"),
            "context": context if context is None or isinstance(context, str) else context_hash(context),
            "assignments": dict(sorted(given.get("assignments", {}).items())),
            "shown": sorted(shown, key=lambda s: s["slot"]),
        }

    def record(self, given):
        new = self.decision(given)
        if new["id"] in self.decisions:
            assert self.decisions[new["id"]] == new, "the suites have an error where this differs"
            return False
        self.decisions[new["id"]] = new
        return True

    def record_outcome(self, given):
        new = {
            "decision": given["decision"],
            "time": given["time"],
            "name": given.get("name", "reward"),
            "value": float(given.get("value", 1)) + 0.0,
            "slot": given.get("slot"),
            "item": given.get("item"),
        }
        if new in self.outcomes:
            return False
        self.outcomes.append(new)
        self.outcomes.sort(key=outcome_key)
        return True

    def merge(self, other):
        done = {"decisions": 0, "outcomes": 0, "conflicts": []}
        self.key = self.key or other.key
        for name in sorted(other.decisions, key=str.encode):
            theirs, own = other.decisions[name], self.decisions.get(name)
            if own is None:
                done["decisions"] += 1
                self.decisions[name] = theirs
            elif own != theirs:
                done["conflicts"].append(name)
                self.decisions[name] = min(own, theirs, key=decision_key)
        for outcome in other.outcomes:
            if outcome not in self.outcomes:
                done["outcomes"] += 1
                self.outcomes.append(outcome)
        self.outcomes.sort(key=outcome_key)
        return done

    def keep(self, decisions, outcomes):
        gone = {n for n, d in self.decisions.items() if not decisions(d)}
        before = len(self.decisions), len(self.outcomes)
        self.outcomes = [o for o in self.outcomes if o["decision"] not in gone]
        self.decisions = {n: d for n, d in self.decisions.items() if n not in gone}
        self.outcomes = [o for o in self.outcomes if outcomes(o)]
        return {"decisions": before[0] - len(self.decisions), "outcomes": before[1] - len(self.outcomes)}

    def erase(self, user):
        user = self.user(user)
        return self.keep(lambda d: d["user"] != user, lambda o: True)

    def expire(self, before):
        return self.keep(lambda d: d["time"] >= before, lambda o: o["time"] >= before or o["decision"] in self.decisions)

    def orphans(self):
        return [o for o in self.outcomes if o["decision"] not in self.decisions]

    def in_time(self):
        return sorted(self.decisions.values(), key=lambda d: (d["time"], d["id"].encode()))

    def table(self, name):
        def columns(names, rows):
            return {n: [row[at] for row in rows] for at, n in enumerate(names)}

        if name == "decisions":
            names = ["id", "time", "user", "model", "context"]
            return columns(["decision", *names[1:]], [[d[n] for n in names] for d in self.in_time()])
        if name == "shown":
            rows = [[d["id"], d["time"], s["slot"], s["item"], s["propensity"]] for d in self.in_time() for s in d["shown"]]
            return columns(["decision", "time", "slot", "item", "propensity"], rows)
        if name == "assignments":
            rows = [[d["id"], e, v] for d in self.in_time() for e, v in d["assignments"].items()]
            return columns(["decision", "experiment", "variant"], rows)
        names = ["decision", "time", "name", "value", "slot", "item"]
        return columns(names, [[o[n] for n in names] for o in self.outcomes])

    def join(self, options):
        experiment, whole = options.get("experiment"), options.get("level") == "decision"
        aggregate, window = options.get("aggregate", "sum"), options.get("window")
        rows, counts = [], dict.fromkeys(["matched", "superseded", "early", "late", "unplaced", "orphans", "outside"], 0)
        for d in self.in_time():
            if experiment is not None and experiment not in d["assignments"]:
                continue
            product = 1.0
            for s in d["shown"]:
                product *= s["propensity"]
            base = {"decision": d["id"], "time": d["time"], "user": d["user"], "model": d["model"], "context": d["context"]}
            variant = {} if experiment is None else {"variant": d["assignments"][experiment]}
            if whole:
                rows.append(base | {"propensity": product, "values": []} | variant)
            rows += [base | s | {"values": []} | variant for s in d["shown"] if not whole]
        for o in self.outcomes:
            if o["name"] != options.get("reward", "reward"):
                continue
            d = self.decisions.get(o["decision"])
            own = [row for row in rows if row["decision"] == o["decision"]]
            if d is None:
                counts["orphans"] += 1
            elif experiment is not None and experiment not in d["assignments"]:
                counts["outside"] += 1
            elif o["time"] < d["time"]:
                counts["early"] += 1
            elif window is not None and o["time"] - d["time"] > window:
                counts["late"] += 1
            else:
                if not whole and (o["slot"] is not None or o["item"] is not None):
                    own = [r for r in own if o["slot"] in (None, r["slot"]) and o["item"] in (None, r["item"])][:1]
                if len(own) != 1:
                    counts["unplaced"] += 1
                elif own[0]["values"] and aggregate != "sum":
                    counts["superseded"] += 1
                    if aggregate == "max":
                        own[0]["values"] = [max(own[0]["values"][0], o["value"])]
                else:
                    counts["matched"] += 1
                    own[0]["values"].append(o["value"])
        for row in rows:
            values = row.pop("values")
            reward = values[0] if values else float(options.get("default", 0))
            for value in values[1:]:
                reward += value
            row["reward"], row["outcomes"] = reward, len(values)
        names = ["decision", "time", "user", "model", "context", *([] if whole else ["slot", "item"]), "propensity", "reward", "outcomes", *(["variant"] if experiment is not None else [])]
        return {"columns": {n: [row[n] for row in rows] for n in names}, "counts": counts}

    def to_bytes(self):
        return seal(self.content())

    def content(self):
        decisions = [self.decisions[n] for n in sorted(self.decisions, key=str.encode)]
        texts = set()
        for d in decisions:
            texts |= {d["id"], d["user"], d["model"], d["context"], *d["assignments"], *d["assignments"].values()}
            texts |= {s["item"] for s in d["shown"]}
        for o in self.outcomes:
            texts |= {o["decision"], o["name"], o["item"]}
        texts = sorted(texts - {None}, key=str.encode)
        place = {t: i for i, t in enumerate(texts)} | {None: NONE}
        fingerprint = bytes(8) if self.key is None else hmac.new(self.key.encode(), FINGERPRINT, hashlib.sha256).digest()[:8]
        body = b"".join(struct.pack("<H", len(t.encode())) + t.encode() for t in texts)
        for d in decisions:
            body += struct.pack("<Iq3I", place[d["id"]], d["time"], place[d["user"]], place[d["model"]], place[d["context"]])
            body += struct.pack("<HH", len(d["assignments"]), len(d["shown"]))
            for e in sorted(d["assignments"], key=str.encode):
                body += struct.pack("<II", place[e], place[d["assignments"][e]])
            for s in d["shown"]:
                body += struct.pack("<IHd", place[s["item"]], s["slot"], s["propensity"])
        for o in self.outcomes:
            slot = NO_SLOT if o["slot"] is None else o["slot"]
            body += struct.pack("<IqHIId", place[o["decision"]], o["time"], slot, place[o["name"]], place[o["item"]], o["value"])
        head = b"TMDL" + struct.pack("<HBB", 1, self.raw, 0) + fingerprint
        length = len(head) + 8 + 12 + len(body) + 8
        return head + struct.pack("<QIII", length, len(texts), len(decisions), len(self.outcomes)) + body


def seal(content):
    return content + struct.pack("<Q", xxhash.xxh3_64_intdigest(content))


def absent_first(text):
    return (0, b"") if text is None else (1, text.encode())


def outcome_key(o):
    slot = -1 if o["slot"] is None else o["slot"]
    return o["decision"].encode(), o["time"], slot, o["name"].encode(), absent_first(o["item"]), o["value"]


def decision_key(d):
    texts = [absent_first(d[n]) for n in ("user", "model", "context")]
    assignments = sorted((e.encode(), v.encode()) for e, v in d["assignments"].items())
    shown = [(s["slot"], s["item"].encode(), s["propensity"]) for s in d["shown"]]
    return d["time"], texts, assignments, shown
