"""Who holds what: entries of the list, and containers of those who are in it or not."""

from __future__ import annotations

from localdlc.plan.room import Holder
from localdlc.run.engine import Leftover
from localdlc.run.holders import abandoned, holders
from localdlc.run.waiting_list import Entry

GIB = 1 << 30


def container(job_id: str, home: str = "mine", **labels: str) -> Leftover:
    ours = {"localdlc.job": job_id, "localdlc.home": home}
    others = {f"localdlc.{name}": value for name, value in labels.items()}
    return Leftover("container", f"{job_id}-id", job_id, {**ours, **others})


def admitted(job_id: str, digest: str = "mine", **members: object) -> Entry:
    return Entry(job_id, f"/home/{digest}", digest, admitted=True, **members)  # type: ignore[arg-type]


def test_who_was_admitted_holds_what_it_was_given_whatever_runs() -> None:
    entries = [admitted("dlca", gpus=("GPU-0", "GPU-1")), Entry("dlcw", "/home/mine", "mine")]
    running = [container("dlca", gpus="GPU-0", cpus="0.5", memory=str(GIB))]
    assert holders(entries, running, "mine") == (
        Holder("dlca", frozenset({"GPU-0", "GPU-1"}), cpus=500, memory=GIB),
    )
    assert holders(entries, (), "mine")[0].gpus == {"GPU-0", "GPU-1"}
    assert abandoned(entries, running) == ()


def test_replicas_of_a_job_are_added_up() -> None:
    running = [container("dlca", cpus="0.888", memory="10"), container("dlca", cpus="2")]
    assert holders((), running, "mine") == (Holder("dlca", cpus=2888, memory=10),)


def test_what_a_job_has_been_promised_counts_before_it_runs() -> None:
    entries = [admitted("dlca", cpus=4000, memory=2 * GIB)]
    running = [container("dlca", cpus="1", memory=str(GIB))]
    (holder,) = holders(entries, running, "mine")
    assert (holder.cpus, holder.memory) == (4000, 2 * GIB)


def test_homes_are_told_apart_and_named_when_they_are_known() -> None:
    entries = [admitted("dlca", "other", gpus=("GPU-0",), shared=True)]
    running = [container("dlca", "mine", gpus="GPU-1"), container("dlcp", "third", cpus="1")]
    assert holders(entries, running, "mine") == (
        Holder("dlca", frozenset({"GPU-1"}), gone=True),
        Holder("dlca", frozenset({"GPU-0"}), shared=True, home="/home/other"),
        Holder("dlcp", cpus=1000, home="another home"),
    )


def test_gpus_of_a_job_that_is_in_no_list_were_left_behind() -> None:
    left, plain = container("dlca", gpus="GPU-0,GPU-1"), container("dlcp", gpus="")
    assert abandoned((), [left, plain]) == (left,)
    assert [(h.gpus, h.gone) for h in holders((), [left, plain], "mine")] == [
        ({"GPU-0", "GPU-1"}, True),
        (frozenset(), False),
    ]


def test_labels_of_another_version_are_no_numbers() -> None:
    assert holders((), [container("dlca", cpus="many")], "mine")[0].cpus == 0
