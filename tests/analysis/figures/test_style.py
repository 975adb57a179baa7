"""Figures look alike whatever else is drawn at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from drift_pipeline.analysis.figures.style import drawn, new_figure


def figure():
    drawing = new_figure(2, 2)
    axes = drawing.subplots()
    axes.plot([1, 2], [3, 4], label="a line")
    axes.legend()
    return drawing, "caption"


def test_threads_do_not_take_each_others_settings():
    expected = drawn(figure)()
    both_began, first_ended = threading.Barrier(2), threading.Event()

    def first():
        with suppress(threading.BrokenBarrierError):
            both_began.wait(timeout=0.2)
        return figure()

    def second():
        with suppress(threading.BrokenBarrierError):
            both_began.wait(timeout=0.2)
        first_ended.wait(timeout=0.2)
        return figure()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(drawn(first))
        one.add_done_callback(lambda _: first_ended.set())
        two = pool.submit(drawn(second))
        assert one.result() == expected
        assert two.result() == expected
