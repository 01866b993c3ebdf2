from __future__ import annotations

from localdlc.record.metrics import Series, csv_rows, job_metrics, limits_in
from localdlc.record.usage import GpuUse, Limits, Sample, Usage

GIB = 1 << 30
LIMITS = Limits(2.0, 4 * GIB)
SAMPLES = (
    Sample(100.0, Usage()),
    Sample(102.0, Usage(1.0, GIB, received=400, written=20)),
    Sample(104.5, Usage(6.0, 3 * GIB, received=400, written=25)),
)
# DLC's own, dlc-api G.6.
METRIC_TYPES = {
    *("CpuCoreUsage", "MemoryUsage", "GpuCoreUsage", "GpuMemoryUsage"),
    *("NetworkInputRate", "NetworkOutputRate", "DiskReadRate", "DiskWriteRate"),
}


def series(pod: str, attempt: int = 1, limits: Limits = LIMITS) -> Series:
    return Series(pod, attempt, limits, SAMPLES)


def test_a_series_has_the_shape_and_the_names_of_the_cloud() -> None:
    told = job_metrics("dlc1", [series("dlc1-worker-0"), series("dlc1-worker-1")])
    assert told["JobId"] == "dlc1"
    assert METRIC_TYPES - told["Metrics"].keys() == {"GpuCoreUsage", "GpuMemoryUsage"}
    assert told["Metrics"]["CpuCoreUsage"][1] == {
        "PodId": "dlc1-worker-1",
        "Metrics": [{"Time": 102000, "Value": 25.0}, {"Time": 104500, "Value": 100.0}],
    }
    values = {
        name: [point["Value"] for point in pods[0]["Metrics"]]
        for name, pods in told["Metrics"].items()
    }
    assert values["MemoryUsage"] == [25.0, 75.0]
    assert values["NetworkInputRate"] == [200.0, 0.0]
    assert values["DiskWriteRate"] == [10.0, 2.0]
    assert values["CpuCores"] == [0.5, 2.0]
    assert values["MemoryBytes"] == [GIB, 3 * GIB]
    assert told["Units"].keys() == told["Metrics"].keys()
    assert told["Units"]["MemoryUsage"] == "percent"
    assert told["Units"]["DiskWriteRate"] == "bytes/s"


def test_gpus_have_theirs() -> None:
    used = Sample(102.0, Usage(), GpuUse(70.0, 20 * GIB, 80 * GIB))
    told = job_metrics("dlc1", [Series("p", 1, LIMITS, (Sample(100.0, Usage()), used))])
    assert told["Metrics"].keys() >= METRIC_TYPES
    assert told["Metrics"]["GpuCoreUsage"][0]["Metrics"][0]["Value"] == 70.0
    assert told["Metrics"]["GpuMemoryUsage"][0]["Metrics"][0]["Value"] == 25.0


def test_attempts_of_one_replica_are_one_series() -> None:
    told = job_metrics("dlc1", [series("p", 1), series("p", 2)])
    (pod,) = told["Metrics"]["CpuCores"]
    assert len(pod["Metrics"]) == 4


def test_without_a_limit_there_is_no_share_of_it() -> None:
    told = job_metrics("dlc1", [series("p", limits=Limits())])
    assert {"CpuCoreUsage", "MemoryUsage"}.isdisjoint(told["Metrics"])
    assert told["Metrics"]["CpuCores"][0]["Metrics"]


def test_csv_has_a_row_for_each_time() -> None:
    head, first, second = csv_rows([series("p", 2)])
    row = dict(zip(head, first, strict=True))
    assert head[:3] == ("Time", "PodId", "Attempt")
    assert set(head) >= METRIC_TYPES
    assert (row["Time"], row["PodId"], row["Attempt"]) == ("102000", "p", "2")
    assert (row["CpuCoreUsage"], row["NetworkInputRate"], row["GpuCoreUsage"]) == ("25", "200", "")
    assert dict(zip(head, second, strict=True))["Time"] == "104500"


def test_a_series_sums_up_to_what_was_used() -> None:
    used = series("p", 2).used()
    assert used
    assert (used.attempt, used.cpus_peak, used.memory_peak) == (2, 2.0, 3 * GIB)
    assert Series("p", 1, LIMITS, SAMPLES[:1]).used() is None
    assert Series("p", 1, LIMITS, ()).used() is None


def test_limits_are_those_of_the_stored_plan() -> None:
    asked = {"instance": None, "cpus": 8, "memory": GIB, "shm": None}
    resources = {"cpus": 2.0, "memory": 5, "shm": 1, "gpus": [], "asked": asked}
    assert limits_in({"resources": resources}) == Limits(2.0, 5, 8, GIB)
    assert limits_in({"resources": {**resources, "asked": None}}) == Limits(2.0, 5)
