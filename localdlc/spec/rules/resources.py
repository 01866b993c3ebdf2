"""Rules of hardware: what replicas ask for, and how they bid for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec import instances, quantity
from localdlc.spec.paths import below
from localdlc.spec.problems import invalid, one_of
from localdlc.spec.rules.places import containers, roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "container_quantities",
    "data_juicer_limits",
    "known_instances",
    "one_kind_of_ask",
    "oversold",
    "replica_quantities",
    "spot_limits",
    "spot_strategies",
    "system_disks",
]

_OVERSOLD = ("ForbiddenQuotaOverSold", "AcceptQuotaOverSold", "ForceQuotaOverSold")


def one_kind_of_ask(request: CreateJobRequest) -> Iterator[Problem]:
    """Either a whole instance, or numbers; never both."""
    for path, spec in roles(request):
        if spec.EcsSpec and spec.ResourceConfig:
            yield invalid(f"{path}.EcsSpec", "excludes ResourceConfig; give one of the two")


def known_instances(request: CreateJobRequest) -> Iterator[Problem]:
    """What an instance type has must be known."""
    for path, spec in roles(request):
        if spec.EcsSpec and not instances.instance_of(spec.EcsSpec):
            near = " or ".join(instances.near_types(spec.EcsSpec))
            meant = f"did you mean {near}? Numbers do, too" if near else "ask in numbers"
            sentence = f"is no instance type that is known here; {meant}: a ResourceConfig"
            yield invalid(f"{path}.EcsSpec", f"{sentence} with CPU, Memory and GPU")


def replica_quantities(request: CreateJobRequest) -> Iterator[Problem]:
    """Asks are numbers in strings."""
    for path, spec in roles(request):
        ask, at = spec.ResourceConfig, f"{path}.ResourceConfig"
        if ask:
            yield from _quantity(f"{at}.CPU", ask.CPU, quantity.cpus)
            yield from _quantity(f"{at}.GPU", ask.GPU, _gpus)
            yield from _quantity(f"{at}.Memory", ask.Memory, quantity.memory_bytes)
            yield from _quantity(f"{at}.SharedMemory", ask.SharedMemory, quantity.memory_bytes)


def data_juicer_limits(request: CreateJobRequest) -> Iterator[Problem]:
    """Caps are written like asks."""
    config = request.Settings.DataJuicerConfig if request.Settings else None
    limit, at = config.ResourceLimit if config else None, "Settings.DataJuicerConfig.ResourceLimit"
    if limit:
        yield from _quantity(f"{at}.CPU", limit.CPU, quantity.cpus)
        yield from _quantity(f"{at}.GPU", limit.GPU, _gpus)
        yield from _quantity(f"{at}.Memory", limit.Memory, quantity.memory_bytes)


def container_quantities(request: CreateJobRequest) -> Iterator[Problem]:
    """Kubernetes quantities of side containers, under any resource name."""
    for path, container in containers(request):
        resources = container.Resources
        for kind in ("Limits", "Requests") if resources else ():
            for name, text in getattr(resources, kind).items():
                yield from _quantity(below(f"{path}.Resources.{kind}", name), text, _any_amount)


def spot_strategies(request: CreateJobRequest) -> Iterator[Problem]:
    """How to bid."""
    for path, spec in roles(request):
        if spec.SpotSpec:
            allowed = ("SpotWithPriceLimit", "SpotAsPriceGo")
            yield from one_of(f"{path}.SpotSpec.SpotStrategy", spec.SpotSpec.SpotStrategy, allowed)
        for index, item in enumerate(spec.ElasticSpotSpecs):
            at = f"{path}.ElasticSpotSpecs[{index}].SpotStrategy"
            yield from one_of(at, item.SpotStrategy, ("LowestPrice", "CapacityOptimized"))


def spot_limits(request: CreateJobRequest) -> Iterator[Problem]:
    """One limit, above zero; answers show 0 where none was given."""
    for path, spec in roles(request):
        bids = [
            (f"{path}.ElasticSpotSpecs[{i}]", bid) for i, bid in enumerate(spec.ElasticSpotSpecs)
        ]
        for at, bid in [(f"{path}.SpotSpec", spec.SpotSpec), *bids]:
            discount, price = (bid.SpotDiscountLimit, bid.SpotPriceLimit) if bid else (None, None)
            if discount and price:
                yield invalid(
                    f"{at}.SpotPriceLimit", "excludes SpotDiscountLimit; give one of the two"
                )
            for name, limit in (("SpotDiscountLimit", discount), ("SpotPriceLimit", price)):
                if (limit or 0) < 0:
                    yield invalid(f"{at}.{name}", "must be more than zero")


def oversold(request: CreateJobRequest) -> Iterator[Problem]:
    """Whether idle resources of others will do."""
    if request.Settings:
        yield from one_of("Settings.OversoldType", request.Settings.OversoldType, _OVERSOLD)
    for path, spec in roles(request):
        yield from one_of(f"{path}.OversoldType", spec.OversoldType, _OVERSOLD)


def system_disks(request: CreateJobRequest) -> Iterator[Problem]:
    """Disks have a size."""
    for path, spec in roles(request):
        if spec.SystemDisk and (spec.SystemDisk.Size or 0) < 0:
            yield invalid(f"{path}.SystemDisk.Size", "must be more than zero")


def _quantity(path: str, text: str | None, read: Callable[[str], object]) -> Iterator[Problem]:
    if text is None:
        return
    try:
        read(text)
    except ValueError as error:
        yield invalid(path, str(error))


def _gpus(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise ValueError("must be a whole number of GPUs as a string, such as 0 or 2")
    return int(text)


def _any_amount(text: str) -> object:
    return quantity.memory_bytes(text) if text.strip("0.") else 0
