"""What stands around the main container of a replica: side containers, hooks, rights, names."""

from __future__ import annotations

from localdlc.spec.fields.row import Case, Row, rows, under

__all__ = ["TABLE"]

POD = "JobSpecs[].ExtraPodSpec"
KINDS = ("InitContainers[]", "SideCarContainers[]")


def contexts(*owners: str) -> list[Row]:
    """Rows of SecurityContext, wherever it stands."""
    return [
        row
        for owner in owners
        for row in (
            *rows(
                "honoured",
                "the container's user and group, as numbers",
                *under(owner, "RunAsUser RunAsGroup"),
            ),
            *rows(
                "honoured",
                "only with --allow-privileged: it can do all that the machine's root can",
                f"{owner}.Privileged",
            ),
            *rows(
                "honoured",
                "added to or taken from the engine's own set; those that give the machine away"
                " need --allow-privileged",
                *under(f"{owner}.Capabilities", "Add Drop"),
            ),
            *rows(
                "honoured",
                "the engine's own profile, none, or a file of this machine",
                *under(f"{owner}.SeccompProfile", "Type LocalhostProfile"),
            ),
        )
    ]


TABLE = [
    *rows(
        "honoured",
        "run one after another in the replica's place before its command; one that fails is the"
        " replica's end",
        *under(f"{POD}.InitContainers[]", "Name Image Command Args WorkingDir"),
    ),
    *rows(
        "honoured",
        "run in the replica's network from its start to its end, and do not count for the verdict",
        *under(f"{POD}.SideCarContainers[]", "Name Image Command Args WorkingDir"),
    ),
    *rows(
        "honoured",
        "set in this container alone",
        *(path for kind in KINDS for path in under(f"{POD}.{kind}.Env[]", "Name Value")),
    ),
    *rows(
        "approximated",
        "cpu and memory are limits of the container, at most what this machine has; other resources"
        " have no effect",
        *(f"{POD}.{kind}.Resources.Limits" for kind in KINDS),
    ),
    *rows(
        "ignored",
        "nothing is reserved on one machine",
        *(f"{POD}.{kind}.Resources.Requests" for kind in KINDS),
    ),
    *contexts(
        *(f"{POD}.{kind}.SecurityContext" for kind in KINDS), f"{POD}.MainContainerSecurityContext"
    ),
    *rows(
        "honoured",
        "an empty folder of the replica's own that all its containers see, gone with the job",
        f"{POD}.SharedVolumeMountPaths",
    ),
    *rows(
        "honoured",
        "run in the main container right after its start; if it fails the container is killed",
        f"{POD}.Lifecycle.PostStart.Exec.Command",
    ),
    *rows(
        "honoured",
        "run in the main container before SIGTERM, within the grace period",
        f"{POD}.Lifecycle.PreStop.Exec.Command",
    ),
    *rows(
        "approximated",
        "labels of the replica's container",
        *under(POD, "PodLabels PodAnnotations"),
    ),
    *rows(
        "honoured",
        "every replica has a name of its own; PerRole adds one for all replicas of the role",
        "JobSpecs[].ServiceSpec.ServiceMode",
        cases=(
            Case(
                "PerRole",
                lambda _, value: value == "PerRole",
                "approximated",
                "<JobId>-<role> resolves to the addresses of all replicas of the role; nothing"
                " balances between them",
            ),
        ),
    ),
    *rows(
        "honoured",
        "replicas reach each other by name on every port",
        *under("JobSpecs[].ServiceSpec", "DefaultPort ExtraPorts"),
    ),
]
