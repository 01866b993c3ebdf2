"""Rules of Settings, the user's network and injected credentials."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING

from localdlc.spec.error_monitoring import flaws, strays
from localdlc.spec.problems import invalid, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "cidrs",
    "credentials",
    "data_juicer",
    "default_route",
    "error_monitoring",
    "grace",
    "reservation",
    "sanity_check",
]


def reservation(request: CreateJobRequest) -> Iterator[Problem]:
    """Whether and how long the environment outlives the job."""
    settings = request.Settings
    if settings:
        allowed = ("Always", "OnFailure", "OnSucceed")
        yield from one_of("Settings.JobReservedPolicy", settings.JobReservedPolicy, allowed)
        if (settings.JobReservedMinutes or 0) < 0:
            yield invalid("Settings.JobReservedMinutes", "must be 0 or more")


def grace(request: CreateJobRequest) -> Iterator[Problem]:
    """Seconds between the polite signal and the last one."""
    seconds = request.Settings.TerminationGracePeriodSeconds if request.Settings else None
    if not 0 <= (seconds or 0) < 2**31:
        yield invalid("Settings.TerminationGracePeriodSeconds", "must be 0 to 2147483647")


def error_monitoring(request: CreateJobRequest) -> Iterator[Problem]:
    """AIMaster's arguments: those that are known have a form."""
    text = request.Settings.ErrorMonitoringArgs if request.Settings else None
    for flaw in flaws(text or ""):
        yield invalid("Settings.ErrorMonitoringArgs", flaw)


def sanity_check(request: CreateJobRequest) -> Iterator[Problem]:
    """Those of the sanity check have the same form; what they mean is the cloud's."""
    text = request.Settings.SanityCheckArgs if request.Settings else None
    for flaw in strays(text or ""):
        yield invalid("Settings.SanityCheckArgs", flaw)


def data_juicer(request: CreateJobRequest) -> Iterator[Problem]:
    """Automatic sizing reads a configuration and spreads it over replicas."""
    config, at = request.Settings and request.Settings.DataJuicerConfig, "Settings.DataJuicerConfig"
    if not config:
        return
    yield from one_of(f"{at}.ExecutionMode", config.ExecutionMode, ("standalone", "distributed"))
    yield from one_of(f"{at}.CommandType", config.CommandType, ("shell", "config"))
    sizable = (config.ExecutionMode, config.CommandType) == ("distributed", "config")
    if config.EnableResourceEstimation and not sizable:
        sentence = "needs ExecutionMode distributed and CommandType config"
        yield invalid(f"{at}.EnableResourceEstimation", sentence)


def cidrs(request: CreateJobRequest) -> Iterator[Problem]:
    """``address/bits``; host bits may be set, as in the API's own example."""
    for index, block in enumerate(request.UserVpc.ExtendedCIDRs if request.UserVpc else []):
        if not _is_cidr(block):
            sentence = "must be a CIDR block such as 192.168.0.0/24"
            yield invalid(f"UserVpc.ExtendedCIDRs[{index}]", sentence)


def default_route(request: CreateJobRequest) -> Iterator[Problem]:
    """Traffic leaves by the platform's interface or the user's."""
    if request.UserVpc:
        yield from one_of("UserVpc.DefaultRoute", request.UserVpc.DefaultRoute, ("eth0", "eth1"))


def credentials(request: CreateJobRequest) -> Iterator[Problem]:
    """Roles, or chains of them."""
    items = request.CredentialConfig.CredentialConfigItems if request.CredentialConfig else []
    for index, item in enumerate(items):
        at = f"CredentialConfig.CredentialConfigItems[{index}]"
        yield from one_of(f"{at}.Type", item.Type, ("Role", "RoleChain"))
        for number, role in enumerate(item.Roles):
            where = f"{at}.Roles[{number}]"
            user = role.AssumeUserInfo.Type if role.AssumeUserInfo else None
            yield from one_of(f"{where}.RoleType", role.RoleType, ("service", "user"))
            users = ("customer", "sub", "AssumedRoleUser")
            yield from one_of(f"{where}.AssumeUserInfo.Type", user, users)


def _is_cidr(block: str) -> bool:
    try:
        ip_interface(block)
    except ValueError:
        return False
    return "/" in block
