"""Profiles: the history of one user as a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tastemaker import _native
from tastemaker._typing import Buffer, Id, Time


class Event(NamedTuple):
    """One event of a history."""

    item_id: str
    kind: str
    weight: float
    timestamp: int
    """Unix milliseconds."""


class Profile:
    """The history of one user: events in canonical order, the newest 2,048.

    Adding an event and merging are unions: events that come late, twice or from two devices give
    the same profile, and the same bytes, as events that come once and in order.

    >>> import tastemaker as tm
    >>> phone, laptop = tm.Profile(), tm.Profile()
    >>> phone.record("venue-1", "view", timestamp=1_000)
    True
    >>> laptop.record("venue-2", "save", timestamp=2_000)
    True
    >>> phone.merge(laptop)
    True
    >>> [event.item_id for event in tm.Profile.from_bytes(phone.to_bytes()).events]
    ['venue-1', 'venue-2']
    """

    __slots__ = ("_native",)

    def __init__(self) -> None:
        self._native = _native.Profile()

    @classmethod
    def _wrap(cls, native: _native.Profile) -> Profile:
        profile = cls.__new__(cls)
        profile._native = native
        return profile

    @classmethod
    def from_bytes(cls, data: Buffer) -> Profile:
        """Reads what ``to_bytes`` wrote, in any language. Raises ``CorruptProfileError``."""
        return cls._wrap(_native.Profile.from_bytes(bytes(data)))

    def to_bytes(self) -> bytes:
        """The profile as bytes; equal profiles give equal bytes in every language."""
        return self._native.to_bytes()

    def record(
        self,
        item_id: Id,
        kind: str | None = None,
        *,
        weight: float | None = None,
        timestamp: Time | None = None,
    ) -> bool:
        """Adds an event and returns whether the profile changed; without a kind it is a view."""
        return self._native.record(item_id, kind, weight, timestamp)

    def merge(self, other: Profile) -> bool:
        """Takes over all events of another profile and returns whether that changed this one."""
        return self._native.merge(other._native)

    def forget_item(self, item_id: Id) -> int:
        """Removes every event on an item and returns how many there were."""
        return self._native.forget_item(item_id)

    @property
    def events(self) -> list[Event]:
        """The events, oldest first."""
        return [Event(**event) for event in self._native.events()]

    def __len__(self) -> int:
        return len(self._native)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Callable[[bytes], Profile], tuple[bytes]]:
        return Profile.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"Profile({len(self)} events)"
