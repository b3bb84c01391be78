"""A progress bar for terminals and notebooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, Union

Progress: TypeAlias = Union[bool, Callable[[str, int, int], object]]
"""``True`` for a bar, ``False`` for silence, or a callable of (stage, done, total), which comes at
most ten times a second; it cancels the work by returning ``False``."""


@contextmanager
def reporter(progress: Progress, what: str) -> Iterator[Callable[[str, int, int], object] | None]:
    """The callable to hand to the native module, if any."""
    if callable(progress):
        yield progress
        return
    if not progress or not (_in_notebook() or sys.stderr is not None and sys.stderr.isatty()):
        yield None
        return
    bar = _tqdm(what) or _Line(what)
    try:
        yield bar
    finally:
        bar.close()


def _in_notebook() -> bool:
    """True under a Jupyter kernel, whose standard error is not a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _tqdm(what: str) -> _Tqdm | None:
    try:
        return _Tqdm(what)
    except ImportError:
        return None


class _Tqdm:
    """A bar of tqdm, which has a form for terminals and one for notebooks."""

    def __init__(self, what: str) -> None:
        import warnings

        with warnings.catch_warnings():
            # Without ipywidgets, tqdm warns once and draws text.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm  # type: ignore[import-untyped, import-not-found, unused-ignore]

            form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
            self._bar: Any = tqdm(desc=what, total=1, leave=False, bar_format=form)
        self._what = what

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._bar.set_description_str(f"{self._what}: {stage}", refresh=False)
        if self._bar.total != total:
            self._bar.reset(total=total)
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Line:
    """One line on standard error, rewritten in place."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        share = f" {100 * done // total:3d}%" if total else ""
        self._write(f"{self._what}: {stage}{share}")

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def close(self) -> None:
        if self._width:
            self._write("")
            sys.stderr.write("\r")
            sys.stderr.flush()


def thread_count(threads: int | None) -> int:
    """The number given, or the number of processors that this process may use."""
    if threads is not None:
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
