"""Sentences about ranks: they hold, or say for whom they do not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest

from localdlc.record.view import ReplicaView
from localdlc.testing.metric import Metric
from localdlc.testing.ranks import Rank, Ranks

LOGS = {
    "master-0": ["hello from 0", "loss 0.9", "loss 0.5", "done"],
    "worker-0": ["hello from 1", "loss 0.9", "loss 0.5"],
    "worker-1": ["hello from 2"],
}


def ranks(
    logs: Mapping[str, list[str]] = LOGS, codes: Mapping[str, int | None] | None = None
) -> Ranks:
    codes = codes or {}
    return Ranks(
        Rank(n, name, ReplicaView(name, exit_code=codes.get(name, 0)), partial(list, lines))
        for n, (name, lines) in enumerate(logs.items())
    )


def metric(**values: str) -> Ranks:
    """Ranks that printed these losses, and nothing else."""
    return ranks({name: [f"loss {v}" for v in text.split()] for name, text in values.items()})


def names(some: Ranks) -> list[str]:
    return [rank.name for rank in some]


# which


def test_ranks_are_chosen_by_number_name_and_role() -> None:
    every = ranks()
    assert names(every[0]) == names(every["master"]) == names(every["Master-0"]) == ["master-0"]
    assert names(every[1:]) == names(every["Worker"]) == ["worker-0", "worker-1"]
    assert names(every.that_printed("loss")) == ["master-0", "worker-0"]
    assert len(every.that_printed("nothing of the kind")) == 0


def test_an_unknown_rank_is_told_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"'ps'; there are: master-0, worker-0, worker-1"):
        ranks()["ps"]


# how they ended


def test_what_holds_is_said_in_one_breath() -> None:
    assert ranks().all_exited(0).all_printed(r"hello from \d").none_printed("Traceback")


def test_who_ended_otherwise_is_named_with_its_last_lines() -> None:
    logs = {**LOGS, "worker-0": [f"line {n}" for n in range(9)]}
    with pytest.raises(AssertionError) as failure:
        ranks(logs, {"worker-0": 3, "worker-1": None}).all_exited(0)
    assert str(failure.value).splitlines() == [
        "2 of 3 ranks did not exit with 0",
        "  rank 1 worker-0 ended with exit code 3",
        "    | … 4 lines before",
        *(f"    | line {n}" for n in range(4, 9)),
        "  rank 2 worker-1 had not ended",
        "    | hello from 2",
    ]


# what they printed


def test_who_never_printed_it_is_named() -> None:
    with pytest.raises(AssertionError, match=r"^2 of 3 ranks never printed 'done'") as failure:
        ranks().all_printed("done")
    assert "rank 1 worker-0" in str(failure.value)
    assert "rank 0" not in str(failure.value)


def test_who_printed_what_nobody_should_is_shown() -> None:
    with pytest.raises(AssertionError) as failure:
        ranks().none_printed("loss")
    assert str(failure.value).splitlines()[:4] == [
        "2 of 3 ranks printed 'loss'",
        "  rank 0 master-0",
        "    | loss 0.9",
        "    | loss 0.5",
    ]


# metrics


@pytest.mark.parametrize(
    ("name", "line", "values"),
    [
        ("loss", "epoch 3 loss 0.25 in 0.4 s", (0.25,)),
        ("loss", "loss: 1e-3, val_loss: 2", (0.001,)),
        ("val_loss", "loss: 1e-3, val_loss: 2", (2.0,)),
        ("loss", "train.loss=-0.5", ()),
        ("loss", '{"loss": .5, "step": 7}', (0.5,)),
        ("loss", "loss=7.", (7.0,)),
        ("time", "time 0.25s", (0.25,)),
        ("loss", "val/loss 3, nanloss 4", ()),
        ("loss|cost", "cost -1.5E+2 loss infinite", (-150.0,)),
        ("loss", "loss 0.5 loss 0.25", (0.5, 0.25)),
        ("loss", "the loss of a friend 3", ()),
        (r"step (\d+)/", "step 12/400", (12.0,)),
        (r"(?:train|val)/loss", "val/loss: 3.5", (3.5,)),
    ],
)
def test_a_number_is_read_as_frameworks_print_it(
    name: str, line: str, values: tuple[float, ...]
) -> None:
    assert Metric(name, {"master-0": [line]}).values["master-0"] == values


def test_not_a_number_is_a_value_that_falls_nowhere() -> None:
    with pytest.raises(AssertionError, match=r"loss does not fall in 1 of 1 ranks\n.*1 nan"):
        metric(a="1 nan").metric("loss").falls()


def test_a_metric_falls_and_rises() -> None:
    loss = metric(a="0.9 1.2 0.5", b="0.8 0.4").metric("loss")
    assert loss.falls().falls(to=0.5).last == {"rank 0 a": 0.5, "rank 1 b": 0.4}
    assert metric(a="1 2").metric("loss").rises(to=2)
    with pytest.raises(AssertionError, match=r"does not fall to 0.45 in 1 of 2 ranks\n  rank 0 a"):
        loss.falls(to=0.45)
    with pytest.raises(AssertionError, match=r"does not rise in 2 of 2 ranks"):
        loss.rises()


def test_ranks_that_do_not_print_it_need_not_fall() -> None:
    assert ranks().metric("loss").falls()


def test_one_value_does_not_fall() -> None:
    with pytest.raises(AssertionError, match=r"rank 0 a: 0.5 \(1 value\)"):
        metric(a="0.5").metric("loss").falls()


def test_a_metric_agrees_over_ranks() -> None:
    assert metric(a="0.9 0.5", b="0.9 0.5").metric("loss").agrees()
    apart = metric(a="0.9 0.5", b="0.9 0.51").metric("loss")
    assert apart.agrees(rel=0.1).agrees(abs=0.02)
    with pytest.raises(AssertionError, match=r"differs at value 2 of 2 \(0.5, 0.51\)"):
        apart.agrees()


def test_who_prints_it_less_often_does_not_agree() -> None:
    with pytest.raises(AssertionError) as failure:
        ranks().metric("loss").agrees()
    assert str(failure.value).splitlines() == [
        "loss is not printed equally often by all ranks",
        "  rank 0 master-0: 0.9 0.5 (2 values)",
        "  rank 1 worker-0: 0.9 0.5 (2 values)",
        "  rank 2 worker-1: none",
    ]


def test_a_metric_that_nobody_prints_is_told_with_what_they_print() -> None:
    with pytest.raises(AssertionError, match=r"^no rank printed a number for 'accuracy'\n") as told:
        ranks().metric("accuracy")
    assert "    | hello from 2" in str(told.value)


def test_many_values_are_shown_in_brief() -> None:
    many = " ".join(str(n) for n in range(100))
    assert repr(metric(a=many).metric("loss")) == (
        "Metric(loss: rank 0 a: 0 1 2 … 97 98 99 (100 values))"
    )
