"""The errors of tastemaker.

Every error has a stable :attr:`TastemakerError.code`, the same in all languages, and a class of
its own that is also one of Python's built-in errors: ``except ValueError`` catches bad input,
``except OSError`` a file that cannot be read.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CancelledError",
    "CorruptBanditError",
    "CorruptLogError",
    "CorruptProfileError",
    "CorruptSnapshotError",
    "DuplicateItemError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidAttributeError",
    "InvalidConditionError",
    "InvalidIdError",
    "InvalidTimestampError",
    "InvalidVectorError",
    "InvalidWeightError",
    "IoError",
    "LengthMismatchError",
    "LimitExceededError",
    "NotASnapshotError",
    "TastemakerError",
    "UnknownItemError",
    "UnknownKindError",
    "UnsupportedVersionError",
]


class TastemakerError(Exception):
    """The base of all errors of this library."""

    _code: ClassVar[str] = "internal"

    message: str
    """What is wrong, with the field, the value and the rule."""

    code: str
    """The stable code, in snake_case."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = self._code if code is None else code

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[TastemakerError], tuple[str, str]]:
        return type(self), (self.message, self.code)


class InvalidArgumentError(TastemakerError, ValueError):
    """An option or argument is outside its documented range."""

    _code = "invalid_argument"


class InvalidIdError(TastemakerError, ValueError):
    """An id is empty, longer than 1 KiB, or neither text nor an integer."""

    _code = "invalid_id"


class InvalidWeightError(TastemakerError, ValueError):
    """A weight is NaN, infinite or beyond ±1e6."""

    _code = "invalid_weight"


class InvalidTimestampError(TastemakerError, ValueError):
    """A timestamp is not a whole number of milliseconds between the years 1 and 9999."""

    _code = "invalid_timestamp"


class UnknownKindError(TastemakerError, ValueError):
    """An event kind that the model does not define."""

    _code = "unknown_kind"


class LengthMismatchError(TastemakerError, ValueError):
    """Columns of one table have different lengths."""

    _code = "length_mismatch"


class InvalidConditionError(TastemakerError, ValueError):
    """A filter is not a valid condition."""

    _code = "invalid_condition"


class InvalidAttributeError(TastemakerError, ValueError):
    """A catalog attribute has an unusable name, value or type."""

    _code = "invalid_attribute"


class InvalidVectorError(TastemakerError, ValueError):
    """A vector has a value that is not finite or too large, another length than it must, or no
    direction where one is needed."""

    _code = "invalid_vector"


class DuplicateItemError(TastemakerError, ValueError):
    """An item was added that the catalog already has."""

    _code = "duplicate_item"


class UnknownItemError(TastemakerError, KeyError):
    """An operation needs an item that the catalog or the model does not have."""

    _code = "unknown_item"


class NotASnapshotError(TastemakerError, ValueError):
    """The bytes are not a tastemaker snapshot at all."""

    _code = "not_a_snapshot"


class UnsupportedVersionError(TastemakerError, ValueError):
    """A snapshot of a format version that this build does not read."""

    _code = "unsupported_version"


class CorruptSnapshotError(TastemakerError, ValueError):
    """A snapshot that is truncated, damaged or inconsistent."""

    _code = "corrupt_snapshot"


class CorruptProfileError(TastemakerError, ValueError):
    """Bytes that are not a valid profile."""

    _code = "corrupt_profile"


class CorruptBanditError(TastemakerError, ValueError):
    """Bytes that are not a valid bandit."""

    _code = "corrupt_bandit"


class CorruptLogError(TastemakerError, ValueError):
    """Bytes that are not a valid decision log."""

    _code = "corrupt_log"


class CancelledError(TastemakerError, RuntimeError):
    """The caller cancelled the work: its progress callable returned ``False``."""

    _code = "cancelled"


class IoError(TastemakerError, OSError):
    """The operating system refused to read or write a file."""

    _code = "io"


class LimitExceededError(TastemakerError, ValueError):
    """The input exceeds a documented limit."""

    _code = "limit_exceeded"


class InternalError(TastemakerError, RuntimeError):
    """A defect of this library; please report it."""

    _code = "internal"


_BY_CODE: dict[str, type[TastemakerError]] = {
    error._code: error
    for error in (
        InvalidArgumentError,
        InvalidIdError,
        InvalidWeightError,
        InvalidTimestampError,
        UnknownKindError,
        LengthMismatchError,
        InvalidConditionError,
        InvalidAttributeError,
        InvalidVectorError,
        DuplicateItemError,
        UnknownItemError,
        NotASnapshotError,
        UnsupportedVersionError,
        CorruptSnapshotError,
        CorruptProfileError,
        CorruptBanditError,
        CorruptLogError,
        CancelledError,
        IoError,
        LimitExceededError,
        InternalError,
    )
}


def error_for(code: str, message: str) -> TastemakerError:
    """The exception for a code; the base class for one that this version does not know."""
    return _BY_CODE.get(code, TastemakerError)(message, code)
