"""A small shop that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tastemaker as tm

DAY = 86_400_000


def make_events(users: int = 60, items: int = 40, rows: int = 900, seed: int = 7) -> dict[str, Any]:
    """Events with two tastes: even users like even items, odd users like odd ones."""
    random = np.random.default_rng(seed)
    user = random.integers(0, users, rows)
    item = random.integers(0, items // 2, rows) * 2 + (user % 2)
    kinds = np.array(["view", "save", "purchase"])[random.integers(0, 3, rows)]
    return {
        "user_id": [f"user-{u:02}" for u in user],
        "item_id": [f"item-{i:02}" for i in item],
        "kind": kinds.tolist(),
        "weight": random.uniform(0.5, 2.0, rows).tolist(),
        "timestamp": (1_700_000_000_000 + random.integers(0, 90 * DAY, rows)).tolist(),
    }


def make_catalog(items: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "item_id": f"item-{i:02}",
            "title": f"Thing {i}",
            "price": 10.0 * i,
            "styles": ["even" if i % 2 == 0 else "odd", "thing"],
            "open": i % 3 == 0,
        }
        for i in range(items)
    ]


@pytest.fixture(scope="session")
def events() -> dict[str, Any]:
    return make_events()


@pytest.fixture(scope="session")
def model(events: dict[str, Any]) -> tm.Model:
    return tm.train(events, make_catalog(), {"neighbors": 20, "trainer": {"name": "spectral", "rank": 8}}, progress=False)


@pytest.fixture
def engine(model: tm.Model) -> tm.Engine:
    return tm.Engine(model)
