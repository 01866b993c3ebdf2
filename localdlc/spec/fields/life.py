"""How replicas begin and end, and what that makes of the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.error_monitoring import arguments
from localdlc.spec.fields.row import Case, rows, under

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["TABLE"]


def restarts(request: CreateJobRequest) -> bool:
    """Whether AIMaster restarts what fails."""
    settings = request.Settings
    if settings is None or not settings.EnableErrorMonitoringInAIMaster:
        return False
    return arguments(settings.ErrorMonitoringArgs or "").restart


def chief_counts(request: CreateJobRequest, value: Any) -> bool:
    return value is True and request.SuccessPolicy == "ChiefWorker"


def of_another_type(request: CreateJobRequest, _: Any) -> bool:
    chiefs = any(spec.chief for spec in request.JobSpecs)
    return request.JobType != "TFJob" and not (chiefs and request.SuccessPolicy == "ChiefWorker")


TABLE = [
    *rows("honoured", "the order in the queue for GPUs: the highest first, then older", "Priority"),
    *rows(
        "honoured",
        "decides which replicas must end well",
        "SuccessPolicy",
        cases=(
            Case(
                "Partial",
                lambda _, value: value == "Partial",
                "approximated",
                "the roles with ConsiderInSuccessPolicy decide; DLC documents only its name",
            ),
            Case(
                "of another type than TFJob, without IsChief",
                of_another_type,
                "approximated",
                "has an effect on a TFJob only; any other type has a rule of its own",
            ),
        ),
    ),
    *rows(
        "ignored",
        "only counts with SuccessPolicy Partial",
        "JobSpecs[].ConsiderInSuccessPolicy",
        cases=(
            Case(
                "with SuccessPolicy Partial",
                lambda request, _: request.SuccessPolicy == "Partial",
                "approximated",
                "true: the role must end well; false: its failures do not count, either",
            ),
        ),
    ),
    *rows(
        "ignored",
        "only counts with SuccessPolicy ChiefWorker",
        *under("JobSpecs[]", "IsChief IsCheif"),
        cases=(
            Case(
                "true, with SuccessPolicy ChiefWorker",
                chief_counts,
                "approximated",
                "the job has succeeded when all replicas of this role have, in any type of job",
            ),
        ),
    ),
    *rows(
        "approximated",
        "phases are KubeDL's; ServiceReady is a TCP port that answers, MinReplicas 2 or 50%",
        *under("JobSpecs[].StartupDependencies[]", "Type OnPhase MinReplicas"),
    ),
    *rows(
        "approximated",
        "a new attempt of the replica under its name and address, 3 at most, 1 s to 30 s later",
        "JobSpecs[].RestartPolicy",
        cases=(
            Case(
                "where AIMaster restarts",
                lambda request, _: restarts(request),
                "ignored",
                "AIMaster decides what is restarted, and so no role does",
            ),
            Case("Never", lambda _, value: value == "Never", "honoured", "no replica is restarted"),
        ),
    ),
    *rows(
        "approximated",
        "restarts of the job, their number, Sync and Async, hangs by silent logs; no more",
        *under("Settings", "EnableErrorMonitoringInAIMaster ErrorMonitoringArgs"),
        cases=(
            Case("false", lambda _, value: value is False, "honoured", "nothing is monitored"),
            Case(
                "without EnableErrorMonitoringInAIMaster",
                lambda request, _: (
                    not (request.Settings and request.Settings.EnableErrorMonitoringInAIMaster)
                ),
                "ignored",
                "only counts with EnableErrorMonitoringInAIMaster",
            ),
        ),
    ),
    *rows(
        "ignored",
        "no spot market takes replicas away; `run --fault` rehearses that",
        "Settings.ElasticSpotJobMaxRestartTimes",
    ),
    *rows(
        "approximated",
        "the engine answers, and replicas reach each other by name before any of them starts",
        "Settings.EnableSanityCheck",
        cases=(Case("false", lambda _, value: value is False, "honoured", "nothing is checked"),),
    ),
    *rows(
        "ignored",
        "the check is always made once, before the replicas start",
        "Settings.SanityCheckArgs",
    ),
    *rows(
        "honoured",
        "the time a replica has to stop before it is killed",
        "Settings.TerminationGracePeriodSeconds",
    ),
    *rows(
        "honoured", "counts from Running; a job beyond it has failed", "JobMaxRunningTimeMinutes"
    ),
    *rows(
        "approximated",
        "containers can be entered, with their files; what ran in them has ended",
        *under("Settings", "JobReservedMinutes JobReservedPolicy"),
        cases=(
            Case(
                "without JobReservedMinutes",
                lambda request, _: not (request.Settings and request.Settings.JobReservedMinutes),
                "honoured",
                "the environment goes when the job ends",
            ),
        ),
    ),
]
