"""The pure parts of a run: lines, frames, times, routes, hosts, containers, the inbox."""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from threading import Thread

import pytest
from given import JOB_ID, plan_of

from localdlc.errors import HomeError
from localdlc.plan.model import Door, Plan
from localdlc.record.events import Log, Note
from localdlc.run.containers import container_of, hosts
from localdlc.run.docker_bodies import container_config
from localdlc.run.docker_struck import with_names
from localdlc.run.follower import signal_name
from localdlc.run.frames import split_frames
from localdlc.run.host import observe_host, routed_subnets
from localdlc.run.inbox import LARGEST, Inbox, Message, Post, Prepared
from localdlc.run.lines import LONGEST_LINE, Lines
from localdlc.run.tasks import attempt

# lines


def fed(*blocks: bytes) -> list[tuple[bytes, bool]]:
    lines = Lines()
    pieces = [piece for block in blocks for piece in lines.feed("stdout", block)]
    return [(piece.data, piece.partial) for piece in (*pieces, *lines.rest())]


@pytest.mark.parametrize(
    ("blocks", "pieces"),
    [
        ([b"a\nb\n"], [(b"a\nb\n", False)]),
        ([b"a", b"b\nc", b"\n"], [(b"ab\n", False), (b"c\n", False)]),
        ([b"no newline"], [(b"no newline", True)]),
        ([b"a\n10%\r"], [(b"a\n", False), (b"10%\r", True)]),
        ([b"10%\r", b"20%\r", b"\n"], [(b"10%\r", True), (b"20%\r", True), (b"\n", False)]),
        ([b""], []),
    ],
)
def test_blocks_become_whole_lines_and_bars_at_once(
    blocks: list[bytes], pieces: list[tuple[bytes, bool]]
) -> None:
    assert fed(*blocks) == pieces


def test_a_line_without_an_end_is_cut_before_it_fills_the_memory() -> None:
    block = b"x" * (LONGEST_LINE // 4)
    assert [(len(data), partial) for data, partial in fed(*[block] * 5)] == [
        (LONGEST_LINE, True),
        (LONGEST_LINE // 4, True),
    ]


# frames and times of the engine


def frame(number: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", number, len(payload)) + payload


def test_neighbouring_frames_of_one_stream_are_one_block() -> None:
    data = frame(1, b"a\n") + frame(1, b"b\n") + frame(2, b"e\n") + frame(1, b"c")
    assert split_frames(data) == (
        [("stdout", b"a\nb\n"), ("stderr", b"e\n"), ("stdout", b"c")],
        b"",
    )


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_frame_that_is_not_whole_waits_for_its_rest(cut: int) -> None:
    whole, half = frame(1, b"a"), frame(2, b"rest")
    frames, pending = split_frames(whole + half[:cut])
    assert (frames, pending) == ([("stdout", b"a")], half[:cut])
    assert split_frames(pending + half[cut:]) == ([("stderr", b"rest")], b"")


@pytest.mark.parametrize(
    ("code", "name"),
    [(0, None), (1, None), (128, None), (137, "SIGKILL"), (143, "SIGTERM"), (255, None)],
)
def test_a_code_above_128_is_a_signal_if_there_is_one(code: int, name: str | None) -> None:
    assert signal_name(code) == name


# the machine

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t0000D50A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t0100000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
"""


def test_routes_of_the_kernel_are_networks_to_keep_clear_of(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTES)
    assert list(map(str, routed_subnets(tmp_path / "route"))) == [
        "192.168.0.0/24",
        "10.213.0.0/16",
        "10.0.0.1/32",
    ]


def test_a_machine_without_such_a_table_has_no_routes(tmp_path: Path) -> None:
    assert routed_subnets(tmp_path / "none") == ()


def test_this_machine_has_cores_and_memory() -> None:
    host = observe_host()
    assert host.cpus >= 1
    assert host.memory > 1 << 28


# containers


def placed() -> Plan:
    return plan_of({"Worker": 2}, Envs={"LR": "0.1"}).placed(IPv4Network("10.9.8.0/29"))


def test_every_name_of_every_replica_is_in_the_hosts_file() -> None:
    names = hosts(placed())
    assert names[:3] == (
        (f"{JOB_ID}-master-0", "10.9.8.2"),
        (f"{JOB_ID}-master-0.t1000000000000000", "10.9.8.2"),
        (f"{JOB_ID}-master-0.t1000000000000000.svc", "10.9.8.2"),
    )
    assert {address for _, address in names[3:]} == {"10.9.8.3"}


def test_a_replica_becomes_a_container_with_our_labels() -> None:
    plan = placed()
    spec = container_of(plan, plan.replicas[1], "digest", hosts(plan), attempt=1)
    assert (spec.name, spec.hostname, spec.ip) == (f"{JOB_ID}-worker-0",) * 2 + ("10.9.8.3",)
    assert (spec.network, spec.image) == (f"localdlc-{JOB_ID}", "img:1")
    assert spec.labels == {
        "localdlc.job": JOB_ID,
        "localdlc.home": "digest",
        "localdlc.pod": f"{JOB_ID}-worker-0",
        "localdlc.role": "worker",
        "localdlc.index": "0",
        "localdlc.attempt": "1",
        "localdlc.gpus": "",
    }
    again = container_of(plan, plan.replicas[1], "digest", hosts(plan), attempt=2)
    assert (again.name, again.hostname) == (f"{JOB_ID}-worker-0-2", f"{JOB_ID}-worker-0")


def test_only_a_placed_plan_has_containers() -> None:
    plan = plan_of({"Worker": 1})
    with pytest.raises(ValueError, match="not placed"):
        container_of(plan, plan.replicas[0], "digest", (), attempt=1)


def test_a_container_is_told_all_that_the_plan_says() -> None:
    plan = placed()
    replica = plan.replicas[0]
    limited = replace(replica, resources=replace(replica.resources, cpus=0.5, memory=1 << 30))
    spec = container_of(plan, limited, "digest", hosts(plan), attempt=1)
    config = container_config(spec)
    assert (config["Entrypoint"], config["Cmd"]) == ([], list(replica.command))
    assert {"LR=0.1", "RANK=0", "WORLD_SIZE=2"} <= set(config["Env"])
    assert (config["Image"], config["Hostname"]) == ("img:1", f"{JOB_ID}-master-0")
    host = config["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["ShmSize"]) == (500_000_000, 1 << 30, 8 << 30)
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["Init"] is True
    address = config["NetworkingConfig"]["EndpointsConfig"][f"localdlc-{JOB_ID}"]
    assert address == {"IPAMConfig": {"IPv4Address": "10.9.8.2"}}


def test_a_door_opens_on_this_machine_alone() -> None:
    plan = placed()
    open_wide = replace(plan.replicas[0], doors=(Door(8265, 9000),))
    config = container_config(container_of(plan, open_wide, "digest", (), attempt=1))
    assert config["ExposedPorts"] == {"8265/tcp": {}}
    assert config["HostConfig"]["PortBindings"] == {
        "8265/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9000"}]
    }


# the inbox


def a_log(size: int) -> Log:
    return Log("p", 1, "stdout", b"x" * (size - 1) + b"\n")


def test_messages_come_out_in_the_order_in_which_they_went_in() -> None:
    inbox = Inbox()
    for text in "abc":
        inbox.post(Note(text))
    assert [inbox.next(None) for _ in range(3)] == [Note("a"), Note("b"), Note("c")]
    assert inbox.next(0) is None


def test_output_waits_when_there_is_no_room_and_nothing_else_does() -> None:
    inbox = Inbox(room=5)
    logs = [replace(a_log(9), pod_id=pod) for pod in "abc"]
    follower = Thread(target=lambda: list(map(inbox.post, logs)), daemon=True)
    follower.start()
    follower.join(0.05)
    assert follower.is_alive()
    assert inbox.next(5) == logs[0]
    inbox.post(Note("a stop gets through"))
    rest = [inbox.next(5) for _ in range(3)]
    follower.join(5)
    assert not follower.is_alive()
    assert [message for message in rest if isinstance(message, Log)] == logs[1:]
    assert Note("a stop gets through") in rest


def test_a_block_larger_than_all_the_room_gets_through() -> None:
    inbox = Inbox(room=10)
    inbox.post(a_log(1000))
    assert inbox.next(0) == a_log(1000)


def test_output_that_waits_in_a_row_comes_as_one() -> None:
    inbox = Inbox()
    out, err, note = a_log(3), replace(a_log(3), stream="stderr"), Note("in between")
    bar = Log("p", 1, "stdout", b"10%\r", partial=True)
    for message in (out, out, out, err, err, note, out, bar, out, note):
        inbox.post(message)
    assert [inbox.next(0) for _ in range(7)] == [
        replace(out, data=out.data * 3),
        replace(err, data=err.data * 2),
        note,
        replace(bar, data=out.data + bar.data),
        out,
        note,
        None,
    ]


def test_no_event_grows_without_bound() -> None:
    inbox = Inbox()
    for _ in range(5):
        inbox.post(a_log(LARGEST // 2))
    sizes = [len(log.data) for log in iter(lambda: inbox.next(0), None) if isinstance(log, Log)]
    assert sizes == [LARGEST, LARGEST, LARGEST // 2]


def test_a_disk_that_is_full_is_no_bug() -> None:
    told: list[Message] = []

    def write(post: Post) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/jobs/x")

    attempt("layers", write, told.append)
    (end,) = told
    assert isinstance(end, Prepared)
    assert isinstance(end.error, HomeError)
    assert str(end.error) == "layers: [Errno 28] No space left on device: '/home/jobs/x'"


def test_a_hosts_file_has_its_names_again_and_each_line_once() -> None:
    had = ["peer:10.0.0.2", "peer.ns:10.0.0.2", "other:10.0.0.3"]
    table = "127.0.0.1\tlocalhost\n10.0.0.2\tpeer.ns\n10.0.0.4\tme\n10.0.0.4\tme\n"
    assert with_names(had, table) == (
        "127.0.0.1\tlocalhost\n10.0.0.2\tpeer.ns\n10.0.0.4\tme\n10.0.0.2\tpeer\n10.0.0.3\tother\n"
    )
