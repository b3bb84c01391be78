"""Errors: their classes, codes and copies; damaged snapshots and profiles; files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import tastemaker as tm
from tastemaker import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", CLASSES)
def test_errors_survive_pickling_and_copying(error: type[tm.TastemakerError]) -> None:
    original = error("weight is NaN; it must be finite")
    for other in (pickle.loads(pickle.dumps(original)), copy.copy(original), copy.deepcopy(original)):
        assert type(other) is error
        assert str(other) == other.message == original.message == "weight is NaN; it must be finite"
        assert other.code == original.code
    assert isinstance(original, tm.TastemakerError)


def test_an_unknown_code_keeps_its_code() -> None:
    error = errors.error_for("from_the_future", "text")
    assert type(error) is tm.TastemakerError
    assert pickle.loads(pickle.dumps(error)).code == "from_the_future"


def test_every_class_is_exported() -> None:
    assert set(errors.__all__) <= set(tm.__all__)
    for name in tm.__all__:
        assert hasattr(tm, name)


def test_files_that_are_not_there(model: tm.Model, tmp_path: Path) -> None:
    with pytest.raises(tm.IoError) as caught:
        tm.Model.open(tmp_path / "missing.tm")
    assert caught.value.code == "io"
    assert isinstance(caught.value, OSError)
    assert "missing.tm" in str(caught.value)
    with pytest.raises(tm.IoError):
        model.save(tmp_path / "no" / "folder.tm")
    with pytest.raises(tm.IoError):
        tm.Model.open(tmp_path)


def test_foreign_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "x.tm"
    for content in (b"", b"PK\x03\x04", b"not a snapshot at all" * 100, bytes(4096)):
        path.write_bytes(content)
        with pytest.raises(tm.NotASnapshotError):
            tm.Model.open(path)
        with pytest.raises(tm.NotASnapshotError):
            tm.Model.from_bytes(content)


def test_a_damaged_snapshot_is_refused_at_every_byte() -> None:
    events = {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]}
    data = tm.train(events, {"x": {"title": "X"}}, progress=False).to_bytes()
    assert tm.Model.from_bytes(data).item_count == 2
    refusals = (tm.CorruptSnapshotError, tm.NotASnapshotError, tm.UnsupportedVersionError)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(refusals):
            tm.Model.from_bytes(bytes(damaged))
    for length in range(0, len(data), 7):
        with pytest.raises(refusals):
            tm.Model.from_bytes(data[:length])


def test_a_damaged_profile_is_refused_at_every_byte() -> None:
    profile = tm.Profile()
    profile.record("item-1", "save", weight=2, timestamp=5)
    profile.record("ïtem-2")
    data = profile.to_bytes()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x40
        with pytest.raises((tm.CorruptProfileError, tm.UnsupportedVersionError)):
            tm.Profile.from_bytes(bytes(damaged))
        with pytest.raises(tm.CorruptProfileError):
            tm.Profile.from_bytes(data[:position])


def test_profiles_survive_pickling() -> None:
    profile = tm.Profile()
    profile.record(5, "save", weight=2, timestamp=5)
    other = pickle.loads(pickle.dumps(profile))
    assert other == profile
    assert other.events == [("5", "save", 2.0, 5)]
    other.record("x")
    assert other != profile
    assert repr(other) == "Profile(2 events)"
