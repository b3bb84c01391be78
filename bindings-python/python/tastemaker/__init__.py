"""tastemaker: a personalization engine that you embed.

Train on events and a catalog, save one snapshot, and recommend from it with the same bits in
Python, Rust, Node and the browser.

>>> import tastemaker as tm
>>> events = {"user_id": ["ann", "ann", "bob", "bob", "eve"], "item_id": ["tea", "cake", "tea", "cake", "tea"]}
>>> model = tm.train(events, catalog={"tea": {"title": "Tea"}, "cake": {"title": "Cake"}})
>>> engine = tm.Engine(model)
>>> answer = engine.recommend("eve", k=1, explain=True)
>>> answer.items[0].item_id, answer.items[0].reasons[0].item_id
('cake', 'tea')
"""

from tastemaker._answer import Answer, Reason, Recommendation, Score, Scores, SimilarUser, SimilarUsers, Stage
from tastemaker._bandit import Bandit, BanditAnswer, BanditArm, BanditChoice, BanditReport, BanditUpdate
from tastemaker._catalog import Catalog
from tastemaker._compare import Comparison, Difference, compare
from tastemaker._condition import matches_condition
from tastemaker._engine import BatchReport, Engine, Recorded, Rejected
from tastemaker._evaluate import Evaluation, evaluate
from tastemaker._experiments import Assignment, Assignments, Experiments, FeatureAnswer, split_exact
from tastemaker._log import DecisionLog, JoinedLog, LogTable, Merged, Removed, context_hash
from tastemaker._index import BatchNeighbors, Clusters, ItemSet, KnnGraph, Neighbors, Updated, VectorIndex
from tastemaker._model import Model, Neighbor
from tastemaker._native import __version__
from tastemaker._profile import Event, Profile
from tastemaker._recommendations import Recommendations, Row
from tastemaker._split import Split, SplitTables, split
from tastemaker._train import TrainOptions, Tuning, UpdateOptions, train, tune, update
from tastemaker._vectors import read_fvecs, read_safetensors
from tastemaker import errors, offpolicy, stats
from tastemaker.errors import (
    CancelledError,
    CorruptBanditError,
    CorruptLogError,
    CorruptProfileError,
    CorruptSnapshotError,
    DuplicateItemError,
    InternalError,
    InvalidArgumentError,
    InvalidAttributeError,
    InvalidConditionError,
    InvalidIdError,
    InvalidTimestampError,
    InvalidVectorError,
    InvalidWeightError,
    IoError,
    LengthMismatchError,
    LimitExceededError,
    NotASnapshotError,
    TastemakerError,
    UnknownItemError,
    UnknownKindError,
    UnsupportedVersionError,
)

__all__ = [
    "Answer",
    "Assignment",
    "Assignments",
    "Bandit",
    "BanditAnswer",
    "BanditArm",
    "BanditChoice",
    "BanditReport",
    "BanditUpdate",
    "BatchNeighbors",
    "BatchReport",
    "CancelledError",
    "Catalog",
    "Clusters",
    "Comparison",
    "CorruptBanditError",
    "CorruptLogError",
    "CorruptProfileError",
    "CorruptSnapshotError",
    "DecisionLog",
    "Difference",
    "DuplicateItemError",
    "Engine",
    "Evaluation",
    "Event",
    "Experiments",
    "FeatureAnswer",
    "InternalError",
    "InvalidArgumentError",
    "InvalidAttributeError",
    "InvalidConditionError",
    "InvalidIdError",
    "InvalidTimestampError",
    "InvalidVectorError",
    "InvalidWeightError",
    "IoError",
    "ItemSet",
    "KnnGraph",
    "JoinedLog",
    "LengthMismatchError",
    "LimitExceededError",
    "LogTable",
    "Merged",
    "Model",
    "Neighbor",
    "Neighbors",
    "NotASnapshotError",
    "Profile",
    "Reason",
    "Recommendation",
    "Recommendations",
    "Recorded",
    "Rejected",
    "Removed",
    "Row",
    "Score",
    "Scores",
    "SimilarUser",
    "SimilarUsers",
    "Split",
    "SplitTables",
    "Stage",
    "TastemakerError",
    "TrainOptions",
    "Tuning",
    "UpdateOptions",
    "UnknownItemError",
    "UnknownKindError",
    "UnsupportedVersionError",
    "Updated",
    "VectorIndex",
    "__version__",
    "compare",
    "context_hash",
    "errors",
    "evaluate",
    "matches_condition",
    "read_fvecs",
    "read_safetensors",
    "offpolicy",
    "split",
    "stats",
    "split_exact",
    "train",
    "tune",
    "update",
]
