"""How replicas begin and end, and what that makes of the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.fields.row import Case, rows, under

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["TABLE"]

NOT_YET = "{path} is not emulated yet; remove it"


def is_true(_: CreateJobRequest, value: Any) -> bool:
    return value is True


TABLE = [
    *rows(
        "honoured",
        "decides which replicas must end well",
        "SuccessPolicy",
        cases=(
            Case(
                "Partial",
                lambda _, value: value == "Partial",
                "refused",
                "SuccessPolicy Partial is not emulated yet; set it to AllWorkers or ChiefWorker",
            ),
            Case(
                "of another type than TFJob",
                lambda request, _: request.JobType != "TFJob",
                "approximated",
                "has an effect on a TFJob only; any other type has a rule of its own",
            ),
        ),
    ),
    *rows(
        "ignored", "only counts with SuccessPolicy Partial", "JobSpecs[].ConsiderInSuccessPolicy"
    ),
    *rows(
        "ignored",
        "false changes nothing",
        *under("JobSpecs[]", "IsChief IsCheif"),
        cases=(
            Case(
                "true",
                is_true,
                "refused",
                "{path} is not emulated yet; remove it or set it to false",
            ),
        ),
    ),
    *rows(
        "refused", NOT_YET, *under("JobSpecs[].StartupDependencies[]", "Type OnPhase MinReplicas")
    ),
    *rows(
        "approximated",
        "taken as Never: no replica is restarted yet",
        "JobSpecs[].RestartPolicy",
        cases=(
            Case("Never", lambda _, value: value == "Never", "honoured", "no replica is restarted"),
        ),
    ),
    *rows(
        "ignored",
        "fault tolerance by AIMaster is not emulated yet; a failed replica fails the job",
        *under("Settings", "EnableErrorMonitoringInAIMaster ErrorMonitoringArgs"),
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
        "ignored",
        "the environment goes when the job ends",
        *under("Settings", "JobReservedMinutes JobReservedPolicy"),
    ),
]
