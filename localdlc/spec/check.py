"""Every rule of a CreateJob request, as one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from localdlc.errors import Problem
from localdlc.spec.request import CreateJobRequest
from localdlc.spec.rules import (
    cloud,
    containers,
    environment,
    inputs,
    job,
    resources,
    roles,
    settings,
    startup,
)

__all__ = ["RULES", "Rule", "check"]

Rule = Callable[[CreateJobRequest], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    job.required_members,
    job.display_name,
    job.job_type,
    job.success_policy,
    job.considered,
    job.accessibility,
    job.priority,
    job.running_time,
    job.template_version,
    job.options,
    job.size,
    job.text,
    roles.role_types,
    roles.distinct_roles,
    roles.one_leader,
    roles.zero_replicas,
    roles.replica_limit,
    roles.tensorflow_worker,
    roles.one_chief,
    roles.images,
    roles.restart_policies,
    startup.upstreams,
    startup.minimums,
    startup.circles,
    roles.services,
    roles.hyper_nodes,
    resources.one_kind_of_ask,
    resources.known_instances,
    resources.replica_quantities,
    resources.container_quantities,
    resources.data_juicer_limits,
    resources.spot_strategies,
    resources.spot_limits,
    resources.oversold,
    resources.system_disks,
    cloud.scaling,
    cloud.parallelism,
    cloud.nodes,
    containers.side_images,
    containers.side_names,
    containers.shared_volumes,
    containers.users,
    containers.capabilities,
    containers.seccomp,
    inputs.data_origin,
    inputs.uris,
    inputs.mount_paths,
    inputs.distinct_mounts,
    inputs.data_access,
    inputs.data_options,
    inputs.role_chains,
    inputs.code_revision,
    inputs.libraries,
    inputs.local_mounts,
    environment.variables,
    environment.custom_variables,
    environment.distinct_custom_variables,
    environment.container_variables,
    settings.reservation,
    settings.grace,
    settings.error_monitoring,
    settings.sanity_check,
    settings.data_juicer,
    settings.cidrs,
    settings.default_route,
    settings.credentials,
)


def check(request: CreateJobRequest, rules: Iterable[Rule] = RULES) -> list[Problem]:
    """Everything in the request that breaks a rule; an empty list when it is sound."""
    return [problem for rule in rules for problem in rule(request)]
