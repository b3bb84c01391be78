"""A library of nearest neighbours, driven by the figures: ann_driver.py LIBRARY FOLDER

LIBRARY is hnswlib, faiss or usearch. FOLDER has base.npy and queries.npy (unit vectors, compared by
inner product) and truth.npy (10 rows a query). Reads one command a line from standard input, and
answers each with one JSON object a line. All searches run on one thread, and find 10; their seconds are
those of the processor, a build's are those of the clock on the wall.

  build THREADS          the graph, m = 16, ef_construction = 200   {"s": …, "bytes": … a vector}
  search EF              all queries in one call                    {"s": …, "recall": …}
  each EF                all queries, one call each                 {"s": …, "recall": …}
  flat N                 exact, N queries, one call each            {"s": …, "recall": …}
  flat-batch N           exact, N queries in one call               {"s": …, "recall": …}
  mask MASK TRUTH        a filter, and its true neighbours          {}
  filtered EF N          N queries with the filter                  {"s": …, "recall": …}
  flat-filtered N        exact, N queries with the filter           {"s": …, "recall": …}
"""

import json
import os
import sys
import tempfile
import time

import numpy as np

K, M, EF_CONSTRUCTION = 10, 16, 200


class Hnswlib:
    def __init__(self, base):
        import hnswlib

        self.make = hnswlib.Index
        self.base = base

    def build(self, threads):
        index = self.make(space="ip", dim=self.base.shape[1])
        index.init_index(len(self.base), ef_construction=EF_CONSTRUCTION, M=M, random_seed=1)
        start = time.perf_counter()
        index.add_items(self.base, num_threads=threads)
        seconds = time.perf_counter() - start
        index.set_num_threads(1)
        self.index = index
        return seconds

    def bytes(self):
        return self.index.index_file_size()

    def search(self, queries, ef):
        self.index.set_ef(max(ef, K))
        return self.index.knn_query(queries, K, num_threads=1)[0]

    def mask(self, mask):
        self.allowed = mask.tolist()

    def filtered(self, queries, ef):
        self.index.set_ef(max(ef, K))
        found = np.full((len(queries), K), -1)
        for row, query in enumerate(queries):
            try:
                found[row] = self.index.knn_query(query, K, 1, self.allowed.__getitem__)[0][0]
            except RuntimeError:
                pass  # It found fewer than K, and gives none of them.
        return found


class Faiss:
    def __init__(self, base):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(1)
        self.base = base
        self.exact = faiss.IndexFlatIP(base.shape[1])
        self.exact.add(base)

    def build(self, threads):
        faiss = self.faiss
        self.index = faiss.IndexHNSWFlat(self.base.shape[1], M, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        faiss.omp_set_num_threads(threads)
        start = time.perf_counter()
        self.index.add(self.base)
        seconds = time.perf_counter() - start
        faiss.omp_set_num_threads(1)
        return seconds

    def bytes(self):
        return len(self.faiss.serialize_index(self.index))

    def search(self, queries, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, K)[1]

    def flat(self, queries):
        return self.exact.search(queries, K)[1]

    def mask(self, mask):
        self.bits = np.packbits(mask, bitorder="little")
        self.selector = self.faiss.IDSelectorBitmap(self.bits)

    def filtered(self, queries, ef):
        given = self.faiss.SearchParametersHNSW(sel=self.selector, efSearch=ef)
        return self.index.search(queries, K, params=given)[1]

    def flat_filtered(self, queries):
        given = self.faiss.SearchParameters(sel=self.selector)
        return self.exact.search(queries, K, params=given)[1]


class Usearch:
    def __init__(self, base):
        from usearch.index import Index

        self.make = Index
        self.base = base

    def build(self, threads):
        index = self.make(
            ndim=self.base.shape[1], metric="ip", dtype="bf16", connectivity=M, expansion_add=EF_CONSTRUCTION
        )
        keys = np.arange(len(self.base))
        start = time.perf_counter()
        index.add(keys, self.base, threads=threads)
        seconds = time.perf_counter() - start
        self.index = index
        return seconds

    def bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "index")
            self.index.save(path)
            return os.path.getsize(path)

    def search(self, queries, ef):
        self.index.expansion_search = ef
        found = self.index.search(queries, K, threads=1)
        return np.asarray(found.keys).reshape(len(queries), K)


def share(found, truth):
    """Of the true neighbours; −1 is none."""
    hits = (truth[:, :, None] == found[:, None, :].astype(np.int64)).any(axis=2) & (truth >= 0)
    return float(hits.sum() / max((truth >= 0).sum(), 1))


def timed(search, queries, truth):
    # Of one core: what else the machine does does not count.
    start = time.thread_time()
    found = search(queries)
    seconds = time.thread_time() - start
    return {"s": seconds, "recall": share(found, truth[: len(queries)])}


def main():
    library, folder = sys.argv[1:]
    base, queries, truth = (np.load(os.path.join(folder, f"{n}.npy")) for n in ("base", "queries", "truth"))
    peer = {"hnswlib": Hnswlib, "faiss": Faiss, "usearch": Usearch}[library](base)
    masked = None

    def one_by_one(search):
        return lambda some: np.concatenate([search(some[row : row + 1]) for row in range(len(some))])

    for line in sys.stdin:
        command, *rest = line.split()
        if command == "build":
            seconds = peer.build(int(rest[0]))
            answer = {"s": seconds, "bytes": peer.bytes() / len(base)}
        elif command == "search":
            answer = timed(lambda some: peer.search(some, int(rest[0])), queries, truth)
        elif command == "each":
            answer = timed(one_by_one(lambda some: peer.search(some, int(rest[0]))), queries, truth)
        elif command == "flat":
            answer = timed(one_by_one(peer.flat), queries[: int(rest[0])], truth)
        elif command == "flat-batch":
            answer = timed(peer.flat, queries[: int(rest[0])], truth)
        elif command == "mask":
            masked = np.load(rest[1])
            peer.mask(np.load(rest[0]))
            answer = {}
        elif command == "filtered":
            answer = timed(lambda some: peer.filtered(some, int(rest[0])), queries[: int(rest[1])], masked)
        elif command == "flat-filtered":
            answer = timed(one_by_one(peer.flat_filtered), queries[: int(rest[0])], masked)
        else:
            answer = {"error": f"unknown command {command}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
