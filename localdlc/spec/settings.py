"""The job's options (``Settings``).

Source: JobSettings of pai-dlc 2020-12-03, as in the official SDK 1.11.6.
"""
# ruff: noqa: RUF012 - pydantic copies its defaults

from typing import Any

from localdlc.spec.part import Int32, Part

__all__ = ["DataJuicer", "DataJuicerLimit", "JobSettings", "ModelTarget", "ModelTemplateRef"]


class DataJuicerLimit(Part):
    """The most that automatic sizing may take."""

    CPU: str | None = None
    GPU: str | None = None
    Memory: str | None = None


class DataJuicer(Part):
    """How a DataJuicerJob runs and how its UserCommand reads."""

    ExecutionMode: str | None = None
    CommandType: str | None = None
    EnableResourceEstimation: bool | None = None
    ResourceLimit: DataJuicerLimit | None = None


class ModelTemplateRef(Part):
    """The template of an output model."""

    Collections: str | None = None
    ModelName: str | None = None
    Provider: str | None = None


class ModelTarget(Part):
    """Under which name the output model is registered."""

    ModelName: str | None = None
    ModelTemplate: ModelTemplateRef | None = None


class JobSettings(Part):
    """Options of the whole job; most steer the cloud's scheduler."""

    AdvancedSettings: dict[str, Any] = {}
    AllocateAllRDMADevices: bool | None = None
    AllowUnschedulableNodes: bool | None = None
    BusinessUserId: str | None = None
    Caller: str | None = None
    DataJuicerConfig: DataJuicer | None = None
    DisableEcsStockCheck: bool | None = None
    Driver: str | None = None
    ElasticSpotJobMaxRestartTimes: Int32 | None = None
    EnableCPUAffinity: bool | None = None
    EnableDSWDev: bool | None = None
    EnableErrorMonitoringInAIMaster: bool | None = None
    ErrorMonitoringArgs: str | None = None
    EnableOssAppend: bool | None = None
    EnableRDMA: bool | None = None
    EnableSanityCheck: bool | None = None
    SanityCheckArgs: str | None = None
    EnableTideResource: bool | None = None
    JobReservedMinutes: Int32 | None = None
    JobReservedPolicy: str | None = None
    ModelConfig: ModelTarget | None = None
    OversoldType: str | None = None
    PipelineId: str | None = None
    Shell: str | None = None
    Tags: dict[str, str] = {}
    TerminationGracePeriodSeconds: int | None = None
