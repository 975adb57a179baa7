"""Several batches at once give what one after the other gives."""

import threading

import pytest
import torch

from drift_pipeline.common.threads import shares, side_by_side


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order(workers):
    with side_by_side(workers) as mapped:
        assert list(mapped(lambda a, b: (a, b), range(7), "abcdefg")) == list(
            zip(range(7), "abcdefg", strict=True)
        )


def test_workers_run_at_the_same_time_and_share_the_cores():
    meeting, cores = threading.Barrier(2, timeout=20), torch.get_num_threads()
    each = max(1, cores // 2)

    def meet(_: int) -> int:
        meeting.wait()  # only two at once get past it
        return torch.get_num_threads()

    with side_by_side(2) as mapped:
        assert list(mapped(meet, range(4))) == [each] * 4
    assert torch.get_num_threads() == cores


def test_an_error_comes_out_and_the_cores_come_back():
    cores = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), side_by_side(2) as mapped:
        list(mapped(lambda value: 1 / value, [1, 0]))
    assert torch.get_num_threads() == cores


@pytest.mark.parametrize(
    ("rows", "size", "workers", "expected"),
    [
        (256, 128, 2, [128, 128]),
        (128, 128, 2, [64, 64]),  # one batch would leave a worker idle
        (128, 128, 1, [128]),
        (300, 128, 2, [75, 75, 75, 75]),  # three would leave one idle at the end
        (5, 2, 2, [2, 1, 1, 1]),
        (1, 64, 4, [1]),
        (0, 64, 4, []),
    ],
)
def test_every_worker_has_an_equal_share(rows, size, workers, expected):
    batches = shares(torch.arange(rows), size, workers)
    assert [len(batch) for batch in batches] == expected
    assert torch.cat([torch.empty(0, dtype=torch.long), *batches]).tolist() == [*range(rows)]
