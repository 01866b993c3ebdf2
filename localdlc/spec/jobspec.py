"""One role of a job (``JobSpecs[]``) and everything in it.

Source: JobSpec of pai-dlc 2020-12-03, as in the official SDK 1.11.6.
"""
# ruff: noqa: RUF012 - pydantic copies its defaults

from localdlc.spec.part import Int32, Part

__all__ = [
    "AutoScaling",
    "Container",
    "ContainerEnv",
    "ContainerResources",
    "ContainerSecurity",
    "Disk",
    "ElasticSpotSpec",
    "ExecAction",
    "HyperNode",
    "HyperNodeScheduling",
    "JobSpec",
    "LifecycleHandler",
    "LifecycleHooks",
    "LinuxCapabilities",
    "LocalMount",
    "Nodes",
    "PodExtras",
    "RegistryAccess",
    "ResourceAsk",
    "ScalingMetric",
    "Seccomp",
    "Service",
    "Spot",
    "StartupDependency",
]


class ResourceAsk(Part):
    """What one replica asks for; numbers come as strings, memory as Kubernetes quantities."""

    CPU: str | None = None
    GPU: str | None = None
    GPUType: str | None = None
    Memory: str | None = None
    SharedMemory: str | None = None


class RegistryAccess(Part):
    """How to pull a private image. Password and Auth are secrets."""

    DockerRegistry: str | None = None
    Username: str | None = None
    Password: str | None = None
    Auth: str | None = None


class Seccomp(Part):
    """A seccomp profile; LocalhostProfile only with Type ``Localhost``."""

    Type: str | None = None
    LocalhostProfile: str | None = None


class LinuxCapabilities(Part):
    """Linux capabilities to give and to take."""

    Add: list[str] = []
    Drop: list[str] = []


class ContainerSecurity(Part):
    """As whom and with what rights a container runs."""

    RunAsUser: int | None = None
    RunAsGroup: int | None = None
    Privileged: bool | None = None
    Capabilities: LinuxCapabilities | None = None
    SeccompProfile: Seccomp | None = None


class ContainerEnv(Part):
    """An environment variable of a side container: a list item here, a map entry elsewhere."""

    Name: str | None = None
    Value: str | None = None


class ContainerResources(Part):
    """Kubernetes quantities by resource name."""

    Limits: dict[str, str] = {}
    Requests: dict[str, str] = {}


class Container(Part):
    """An init or sidecar container."""

    Name: str | None = None
    Image: str | None = None
    Command: list[str] = []
    Args: list[str] = []
    WorkingDir: str | None = None
    Env: list[ContainerEnv] = []
    Resources: ContainerResources | None = None
    SecurityContext: ContainerSecurity | None = None


class ExecAction(Part):
    """A command line run inside the container."""

    Command: list[str] = []


class LifecycleHandler(Part):
    """What to do at one moment of a container's life."""

    Exec: ExecAction | None = None


class LifecycleHooks(Part):
    """Commands after the start and before the end of the main container."""

    PostStart: LifecycleHandler | None = None
    PreStop: LifecycleHandler | None = None


class PodExtras(Part):
    """What a pod has besides its main container."""

    InitContainers: list[Container] = []
    SideCarContainers: list[Container] = []
    SharedVolumeMountPaths: list[str] = []
    PodLabels: dict[str, str] = {}
    PodAnnotations: dict[str, str] = {}
    Lifecycle: LifecycleHooks | None = None
    MainContainerSecurityContext: ContainerSecurity | None = None


class StartupDependency(Part):
    """The role waits until replicas of another role have reached a phase."""

    Type: str | None = None
    OnPhase: str | None = None
    MinReplicas: str | None = None


class Service(Part):
    """Network service in front of the replicas."""

    ServiceMode: str | None = None
    DefaultPort: Int32 | None = None
    ExtraPorts: list[Int32] = []


class ScalingMetric(Part):
    """The number that auto-scaling holds steady."""

    MetricName: str | None = None
    TargetValue: Int32 | None = None
    StabilizationWindowSeconds: Int32 | None = None
    Tolerance: str | None = None


class AutoScaling(Part):
    """Bounds and metric of an elastic replica count."""

    ScalingStrategy: str | None = None
    MinReplicas: Int32 | None = None
    MaxReplicas: Int32 | None = None
    PodsToDelete: list[str] = []
    AutoscalingMetricSpec: ScalingMetric | None = None


class LocalMount(Part):
    """A path or block device of the node, mounted into the replicas."""

    MountMode: str | None = None
    LocalPath: str | None = None
    MountPath: str | None = None


class HyperNode(Part):
    """A Lingjun hyper-node and nodes in it."""

    HyperNodeName: str | None = None
    NodeNames: str | None = None


class Nodes(Part):
    """Nodes to use and to avoid."""

    EnableAssignNode: bool | None = None
    NodeNames: str | None = None
    AntiAffinityNodeNames: str | None = None
    HyperNodes: list[HyperNode] = []
    AntiAffinityHyperNodes: list[HyperNode] = []


class HyperNodeScheduling(Part):
    """Gang placement that follows the topology of hyper-nodes."""

    MinAvailable: int | None = None
    QualityPolicy: str | None = None


class Spot(Part):
    """A bid for preemptible instances; one of the two limits at most."""

    SpotStrategy: str | None = None
    SpotDiscountLimit: float | None = None
    SpotPriceLimit: float | None = None


class ElasticSpotSpec(Part):
    """A candidate instance type of an elastic role."""

    InstanceType: str | None = None
    SpotStrategy: str | None = None
    SpotDiscountLimit: float | None = None
    SpotPriceLimit: float | None = None


class Disk(Part):
    """The extra system disk of a node."""

    Category: str | None = None
    PerformanceLevel: str | None = None
    Size: int | None = None


class JobSpec(Part):
    """One role: how many replicas of what image, and what each of them asks for."""

    Type: str | None = None
    PodCount: int | None = None
    Image: str | None = None
    UserCommand: str | None = None
    EcsSpec: str | None = None
    ResourceConfig: ResourceAsk | None = None
    ImageConfig: RegistryAccess | None = None
    ExtraPodSpec: PodExtras | None = None
    RestartPolicy: str | None = None
    IsChief: bool | None = None
    IsCheif: bool | None = None
    ConsiderInSuccessPolicy: bool | None = None
    StartupDependencies: list[StartupDependency] = []
    ServiceSpec: Service | None = None
    AutoScalingSpec: AutoScaling | None = None
    LocalMountSpecs: list[LocalMount] = []
    AssignNodeSpec: Nodes | None = None
    HyperNodeSchedulingConfig: HyperNodeScheduling | None = None
    UseSpotInstance: bool | None = None
    SpotSpec: Spot | None = None
    ElasticSpotSpecs: list[ElasticSpotSpec] = []
    OversoldType: str | None = None
    QuotaId: str | None = None
    Driver: str | None = None
    SystemDisk: Disk | None = None

    @property
    def replicas(self) -> int:
        """PodCount, or 1 where it is absent."""
        return 1 if self.PodCount is None else self.PodCount

    @property
    def chief(self) -> bool:
        """IsChief, under either of the API's spellings."""
        return bool(self.IsChief or self.IsCheif)
