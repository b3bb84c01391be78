"""Times to Unix milliseconds, exactly."""

from __future__ import annotations

import datetime as dt

import numpy as np

TIME_TYPES = (dt.date, np.datetime64)

_EPOCH = dt.datetime(1970, 1, 1)
_MILLISECOND = dt.timedelta(milliseconds=1)


def to_millis(value: dt.date | np.datetime64) -> int | None:
    """Unix milliseconds of a date or time, rounded down; ``None`` for a missing one.

    A time without a zone is taken as UTC, a date as its midnight in UTC.
    """
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            return None
        return int(value.astype("datetime64[ms]").astype(np.int64))
    if value != value:  # pandas.NaT
        return None
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        # `replace` drops the zone after the shift; pandas.Timestamp keeps its type here.
        value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
    return (value - _EPOCH) // _MILLISECOND
