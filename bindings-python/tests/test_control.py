"""Long work: progress, cancelling, Ctrl-C, and other threads meanwhile."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tastemaker as tm
from tastemaker import _progress

LARGE = """
    import numpy as np, tastemaker as tm
    random = np.random.default_rng(1)
    events = {"user_id": random.integers(0, 20_000, 1_000_000), "item_id": random.zipf(1.3, 1_000_000) % 20_000}
    options = {"trainer": {"name": "spectral", "rank": 1024, "iterations": 20}}
"""


def large() -> tuple[dict[str, Any], dict[str, Any]]:
    names: dict[str, Any] = {}
    exec(textwrap.dedent(LARGE), names)
    return names["events"], names["options"]


def test_progress_is_reported_and_throttled() -> None:
    events, options = large()
    calls: list[tuple[float, str, int, int]] = []

    def report(stage: str, done: int, total: int) -> bool:
        calls.append((time.monotonic(), stage, done, total))
        return len(calls) < 4

    began = time.monotonic()
    with pytest.raises(tm.CancelledError) as caught:
        tm.train(events, options=options, progress=report)
    assert caught.value.code == "cancelled"
    assert isinstance(caught.value, RuntimeError)
    assert time.monotonic() - began < 30
    assert len(calls) >= 4
    assert all(0 <= done <= total and stage for _, stage, done, total in calls)
    gaps = np.diff([moment for moment, *_ in calls])
    assert gaps.min() > 0.05


def test_an_exception_in_the_callable_stops_and_passes() -> None:
    events, options = large()

    def report(stage: str, done: int, total: int) -> None:
        raise LookupError(stage)

    with pytest.raises(LookupError):
        tm.train(events, options=options, progress=report)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_an_interrupt_stops_training_promptly() -> None:
    program = textwrap.dedent(LARGE) + textwrap.dedent("""
        import time
        print("training", flush=True)
        try:
            tm.train(events, options=options, threads=2)
        except KeyboardInterrupt:
            print("interrupted", time.time(), flush=True)
        else:
            print("finished", flush=True)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "training\n"
        time.sleep(1)
        sent = time.time()
        os.kill(child.pid, signal.SIGINT)
        word, *moment = child.stdout.readline().split()
        assert word == "interrupted"
        assert float(moment[0]) - sent < 3
    assert child.returncode == 0


def test_training_lets_other_threads_run() -> None:
    events, options = large()
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    calls = 0

    def report(stage: str, done: int, total: int) -> bool:
        nonlocal calls
        calls += 1
        return calls < 5

    with pytest.raises(tm.CancelledError):
        tm.train(events, options=options, progress=report, threads=1)
    stop.set()
    thread.join()
    assert len(ticks) > 20
    assert np.median(np.diff(ticks)) < 0.1


def test_an_engine_is_shared_by_threads(engine: tm.Engine, model: tm.Model) -> None:
    expected = {user: engine.recommend(user, k=5) for user in model.user_ids}

    def work(n: int) -> bool:
        user = model.user_ids[n % 60]
        engine.record(f"new-{n}", f"item-{n % 40:02}", timestamp=n)
        engine.recommend(f"new-{n % 7}")
        return engine.recommend(user, k=5) == expected[user]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(2000)))
    assert engine.user_count == 2000


def test_a_catalog_may_change_while_a_model_trains(events: dict[str, Any]) -> None:
    catalog = tm.Catalog.from_items({f"item-{i:02}": {"n": i} for i in range(40)})
    expected = tm.train(events, catalog, progress=False).hash
    with ThreadPoolExecutor(2) as pool:
        training = pool.submit(tm.train, events, catalog, None, False)
        assert training.result().hash == expected
        training = pool.submit(tm.train, events, catalog, None, False)
        for i in range(100, 200):
            catalog.add(f"item-{i}", {"n": i})
        training.result()
    assert len(catalog) == 140


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_in_a_terminal(events: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for use_tqdm in (True, False):
        if not use_tqdm:
            monkeypatch.setattr(_progress, "_tqdm", lambda what: None)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        tm.train(events, progress=True)
        assert terminal.getvalue().startswith("\r") or "training" in terminal.getvalue()


def test_silence_elsewhere(events: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    tm.train(events, progress=True)
    tm.train(events, progress=False)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
