"""What only the cloud has: its scheduler, its network, other users."""

from __future__ import annotations

from localdlc.spec.fields.row import rows, under

__all__ = ["TABLE"]

CLOUD = "it steers the cloud's scheduler; there is one machine here"
RIGHTS = "jobs here have no other users to be seen by or billed to"
FABRIC = "the network and devices of this machine are used as they are"
SPOT = "nobody bids for this machine; --fault REPLICA:preempt rehearses a pre-emption"
KEPT = "kept with the job, and without effect"

TABLE = [
    *rows(
        "ignored",
        "replicas have a network of their own on this machine",
        *under("UserVpc", "VpcId SwitchId SecurityGroupId ExtendedCIDRs DefaultRoute"),
    ),
    *rows(
        "ignored",
        "the number of replicas is fixed",
        *under(
            "JobSpecs[].AutoScalingSpec", "ScalingStrategy MinReplicas MaxReplicas PodsToDelete"
        ),
        *under(
            "JobSpecs[].AutoScalingSpec.AutoscalingMetricSpec",
            "MetricName TargetValue StabilizationWindowSeconds Tolerance",
        ),
    ),
    *rows(
        "ignored",
        CLOUD,
        "ResourceId",
        "SchedulingStrategy",
        *under("JobSpecs[].AssignNodeSpec", "EnableAssignNode NodeNames AntiAffinityNodeNames"),
        *under("JobSpecs[].AssignNodeSpec.HyperNodes[]", "HyperNodeName NodeNames"),
        *under("JobSpecs[].AssignNodeSpec.AntiAffinityHyperNodes[]", "HyperNodeName NodeNames"),
        *under("JobSpecs[].HyperNodeSchedulingConfig", "MinAvailable QualityPolicy"),
        *under("JobSpecs[]", "OversoldType QuotaId"),
        *under("Settings", "AllowUnschedulableNodes DisableEcsStockCheck EnableTideResource"),
        "Settings.OversoldType",
    ),
    *rows(
        "ignored",
        SPOT,
        "JobSpecs[].UseSpotInstance",
        *under("JobSpecs[].SpotSpec", "SpotStrategy SpotDiscountLimit SpotPriceLimit"),
        *under(
            "JobSpecs[].ElasticSpotSpecs[]",
            "InstanceType SpotStrategy SpotDiscountLimit SpotPriceLimit",
        ),
    ),
    *rows(
        "ignored",
        FABRIC,
        "JobSpecs[].Driver",
        *under("JobSpecs[].SystemDisk", "Category PerformanceLevel Size"),
        *under("Settings", "AllocateAllRDMADevices Driver EnableCPUAffinity EnableRDMA"),
    ),
    *rows(
        "ignored",
        RIGHTS,
        "WorkspaceId",
        "Accessibility",
        *under("Settings", "BusinessUserId Caller PipelineId"),
    ),
    *rows("ignored", KEPT, "Description", *under("Settings", "AdvancedSettings EnableDSWDev")),
    *rows(
        "ignored",
        "no model is registered",
        "Settings.ModelConfig.ModelName",
        *under("Settings.ModelConfig.ModelTemplate", "Collections ModelName Provider"),
    ),
    *rows(
        "ignored",
        "the API itself no longer supports it",
        "DebuggerConfigContent",
        *under("ElasticSpec", "AIMasterDockerImage AIMasterType ElasticStrategy"),
        *under("ElasticSpec", "EDPMaxParallelism EDPMinParallelism EnableAIMaster EnableEDP"),
        *under("ElasticSpec", "EnableElasticTraining EnablePsJobElasticPS"),
        *under("ElasticSpec", "EnablePsJobElasticWorker EnablePsResourceEstimate"),
        *under("ElasticSpec", "MaxParallelism MinParallelism PSMaxParallelism PSMinParallelism"),
    ),
]
