"""Every rule: what breaks it, where and how that is said, and what passes."""

# ruff: noqa: E501 - a case is a row of a table

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from localdlc.errors import InvalidRequest
from localdlc.spec import check, read_request
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

SMALLEST = (Path(__file__).parent / "requests/smallest.json").read_bytes()


class Case(NamedTuple):
    """Overrides that break a rule (between blanks), the place and sentence, and what passes."""

    rule: check.Rule
    bad: tuple[str, ...]
    path: str
    says: str
    good: tuple[str, ...] = ()


SPEC, POD = "JobSpecs[0]", "JobSpecs[0].ExtraPodSpec"
SIDE, MAIN = f"{POD}.SideCarContainers[0]", f"{POD}.MainContainerSecurityContext"
SCALES = f"{SPEC}.AutoScalingSpec"
MASTER = 'JobSpecs[1]={"Type": "Master", "Image": "i"}'
JUICER = "Settings.DataJuicerConfig"
CREDENTIAL = "CredentialConfig.CredentialConfigItems[0]"
RAY = ("JobType=RayJob", "JobSpecs[0].Type=Worker-gpu")

CASES = [
    Case(job.required_members, ("DisplayName=",), "DisplayName", "is required"),
    Case(job.required_members, ("JobType=",), "JobType", "is required"),
    Case(job.required_members, ("JobSpecs=[]",), "JobSpecs", "is required"),
    Case(job.required_members, ("UserCommand=  ",), "UserCommand", "is required", ("UserCommand=ls",)),
    Case(job.display_name, (f"DisplayName={'x' * 257}",), "DisplayName", "has 257 characters",
         (f"DisplayName={'x' * 256}",)),
    Case(job.display_name, ("DisplayName=a b",), "DisplayName", "but not ' '", ("DisplayName=A-z_0.9",)),
    Case(job.display_name, ("DisplayName=作业",), "DisplayName", r"not '\u4f5c'"),
    Case(job.job_type, ("JobType=pytorchjob",), "JobType", "did you mean PyTorchJob?", ("JobType=MPIJob",)),
    Case(job.job_type, ("JobType=TensorFlowJob",), "JobType", "did you mean TFJob?"),
    Case(job.job_type, ("JobType=pytorch",), "JobType", "did you mean PyTorchJob?"),
    Case(job.job_type, ("JobType=FlinkBatchJob",), "JobType", "not one of TFJob, PyTorchJob"),
    Case(job.success_policy, ("SuccessPolicy=allworkers",), "SuccessPolicy", "mean AllWorkers?",
         ("SuccessPolicy=ChiefWorker",)),
    Case(job.considered, ("SuccessPolicy=Partial",), "SuccessPolicy", "ConsiderInSuccessPolicy true",
         ("SuccessPolicy=Partial", f"{SPEC}.ConsiderInSuccessPolicy=true")),
    Case(job.considered, ("SuccessPolicy=Partial", f"{SPEC}.ConsiderInSuccessPolicy=true", MASTER, f"{SPEC}.PodCount=0"),
         "SuccessPolicy", "ConsiderInSuccessPolicy true"),
    Case(job.accessibility, ("Accessibility=private",), "Accessibility", "did you mean PRIVATE?",
         ("Accessibility=PUBLIC",)),
    Case(job.priority, ("Priority=10",), "Priority", "1 (lowest) to 9 (highest)", ("Priority=9",)),
    Case(job.priority, ("Priority=-1",), "Priority", "1 (lowest) to 9 (highest)", ("Priority=0",)),
    Case(job.running_time, ("JobMaxRunningTimeMinutes=-1",), "JobMaxRunningTimeMinutes", "1 or more",
         ("JobMaxRunningTimeMinutes=0",)),
    Case(job.template_version, ("TemplateVersion=-1",), "TemplateVersion", "1 or more",
         ("TemplateVersion=1",)),
    Case(job.options, ("Options=a",), "Options", "k1=v1,k2=v2", ("Options=a.b=1,c=2",)),
    Case(job.size, (f"Description={'x' * 65536}",), "", "65,536 are allowed",
         (f"Description={'x' * 65000}",)),
    Case(job.text, (r'Description="\u0000"',), "Description", "NUL", ("Description=作业",)),
    Case(roles.role_types, (f"{SPEC}.Type=",), f"{SPEC}.Type", "is required: Master, Worker"),
    Case(roles.role_types, (f"{SPEC}.Type=worker",), f"{SPEC}.Type", "did you mean Worker?"),
    Case(roles.role_types, (f"{SPEC}.Type=Chief",), f"{SPEC}.Type", "did you mean Master?"),
    Case(roles.role_types, ("JobType=TFJob", f"{SPEC}.Type=Master"), f"{SPEC}.Type", "mean Chief?"),
    Case(roles.role_types, ("JobType=RayJob", f"{SPEC}.Type=Worker-"), f"{SPEC}.Type", "letters", RAY),
    Case(roles.role_types, ("JobType=SlurmJob", f"{SPEC}.Type=a_b"), f"{SPEC}.Type", "letters",
         ("JobType=SlurmJob", f"{SPEC}.Type=Anything-1")),
    Case(roles.role_types, ("JobType=MPIJob", f"{SPEC}.Type=Lancher"), f"{SPEC}.Type", "mean Launcher?",
         ("JobType=MPIJob", f"{SPEC}.Type=Launcher")),
    Case(roles.distinct_roles, ('JobSpecs[1]={"Type": "Worker", "Image": "i"}',), "JobSpecs[1].Type",
         "also the role of JobSpecs[0]", (MASTER,)),
    Case(roles.distinct_roles, (*RAY, 'JobSpecs[1]={"Type": "Worker-GPU", "Image": "i"}'),
         "JobSpecs[1].Type", "also the role of JobSpecs[0]", RAY),
    Case(roles.one_leader, (MASTER, "JobSpecs[1].PodCount=2"), "JobSpecs[1].PodCount", "one Master",
         (MASTER,)),
    Case(roles.zero_replicas, (f"{SPEC}.PodCount=-1",), f"{SPEC}.PodCount", "not be negative"),
    Case(roles.zero_replicas, (f"{SPEC}.PodCount=0",), f"{SPEC}.PodCount", "must be 1 or more",
         (MASTER, f"{SPEC}.PodCount=0")),
    Case(roles.zero_replicas, (MASTER, "JobSpecs[1].PodCount=0"), "JobSpecs[1].PodCount", "1 or more"),
    Case(roles.replica_limit, (MASTER, f"{SPEC}.PodCount=256"), f"{SPEC}.PodCount", "at most 256",
         (f"{SPEC}.PodCount=256",)),
    Case(roles.tensorflow_worker, ("JobType=TFJob", f"{SPEC}.Type=PS"), "JobSpecs", "a Chief or a Worker",
         ("JobType=TFJob",)),
    Case(roles.one_chief, (MASTER, f"{SPEC}.IsChief=true", "JobSpecs[1].IsCheif=true"),
         "JobSpecs[1].IsChief", "JobSpecs[0] is already", (MASTER, f"{SPEC}.IsChief=true")),
    Case(roles.images, (f"{SPEC}.Image=",), f"{SPEC}.Image", "is required"),
    Case(roles.images, (f"{SPEC}.Image=a b",), f"{SPEC}.Image", "white space", (f"{SPEC}.Image=r:5/a/b:c",)),
    Case(roles.images, (f"{SPEC}.Image=docker://a",), f"{SPEC}.Image", "without a scheme"),
    Case(roles.restart_policies, (f"{SPEC}.RestartPolicy=never",), f"{SPEC}.RestartPolicy", "mean Never?",
         (f"{SPEC}.RestartPolicy=ExitCode",)),
    Case(startup.upstreams, (f"{SPEC}.StartupDependencies=[{{}}]",), f"{SPEC}.StartupDependencies[0].Type",
         "is required"),
    Case(startup.upstreams, (f"{SPEC}.StartupDependencies[0].Type=Worker",),
         f"{SPEC}.StartupDependencies[0].Type", "cannot wait for itself"),
    Case(startup.upstreams, (MASTER, f"{SPEC}.StartupDependencies[0].Type=master"),
         f"{SPEC}.StartupDependencies[0].Type", "did you mean Master?",
         (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master")),
    Case(startup.upstreams, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                             f"{SPEC}.StartupDependencies[0].OnPhase=running"),
         f"{SPEC}.StartupDependencies[0].OnPhase", "did you mean Running?"),
    Case(startup.minimums, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                            f'{SPEC}.StartupDependencies[0].MinReplicas="2"'),
         f"{SPEC}.StartupDependencies[0].MinReplicas", "must be 1 to 1",
         (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
          f'{SPEC}.StartupDependencies[0].MinReplicas="1"')),
    Case(startup.minimums, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                            f'{SPEC}.StartupDependencies[0].MinReplicas="0%"'),
         f"{SPEC}.StartupDependencies[0].MinReplicas", "above 0% and at most 100%",
         (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
          f'{SPEC}.StartupDependencies[0].MinReplicas="50%"')),
    Case(startup.minimums, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                            f'{SPEC}.StartupDependencies[0].MinReplicas="half"'),
         f"{SPEC}.StartupDependencies[0].MinReplicas", "a number or a percentage"),
    Case(startup.minimums, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                            f'{SPEC}.StartupDependencies[0].MinReplicas="{"9" * 5000}"'),
         f"{SPEC}.StartupDependencies[0].MinReplicas", "a number or a percentage"),
    Case(startup.circles, (MASTER, f"{SPEC}.StartupDependencies[0].Type=Master",
                           "JobSpecs[1].StartupDependencies[0].Type=Worker"),
         f"{SPEC}.StartupDependencies", "wait for each other: Worker -> Master -> Worker",
         (MASTER, "JobSpecs[1].StartupDependencies[0].Type=Worker")),
    Case(settings.error_monitoring, ("Settings.ErrorMonitoringArgs=--enable-job-restart maybe",),
         "Settings.ErrorMonitoringArgs", "--enable-job-restart is true or false, not 'maybe'",
         ("Settings.ErrorMonitoringArgs=--enable-job-restart true --max-num-of-job-restart=2",)),
    Case(settings.error_monitoring, ("Settings.ErrorMonitoringArgs=--job-hang-interval soon",),
         "Settings.ErrorMonitoringArgs", "a whole number, 1 to 999999999"),
    Case(settings.error_monitoring, ("Settings.ErrorMonitoringArgs=--max-num-of-job-restart ²",),
         "Settings.ErrorMonitoringArgs", "a whole number, 1 to 999999999"),
    Case(settings.error_monitoring, (f"Settings.ErrorMonitoringArgs=--job-hang-interval {'9' * 5000}",),
         "Settings.ErrorMonitoringArgs", "a whole number, 1 to 999999999, not '9999999999999999999999999999999999999999...'"),
    Case(settings.error_monitoring, ("Settings.ErrorMonitoringArgs=--x 1 2",),
         "Settings.ErrorMonitoringArgs", "'2' is no argument"),
    Case(settings.sanity_check, ("Settings.SanityCheckArgs=now",), "Settings.SanityCheckArgs",
         "'now' is no argument: --name value",
         ("Settings.SanityCheckArgs=--sanity-check-timing=BeforeJobRunning --sanity-check-timeout-ops MarkJobFail",)),
    Case(roles.services, (f"{SPEC}.ServiceSpec.ServiceMode=perpod",), f"{SPEC}.ServiceSpec.ServiceMode",
         "mean PerPod?", (f"{SPEC}.ServiceSpec.DefaultPort=8080",)),
    Case(roles.services, (f"{SPEC}.ServiceSpec.DefaultPort=65536",), f"{SPEC}.ServiceSpec.DefaultPort",
         "1 to 65535", (f"{SPEC}.ServiceSpec.DefaultPort=0",)),
    Case(roles.services, (f"{SPEC}.ServiceSpec.ExtraPorts=[80,0]",), f"{SPEC}.ServiceSpec.ExtraPorts[1]",
         "1 to 65535", (f"{SPEC}.ServiceSpec.ExtraPorts=[80]",)),
    Case(roles.hyper_nodes, (f"{SPEC}.HyperNodeSchedulingConfig.QualityPolicy=Any",),
         f"{SPEC}.HyperNodeSchedulingConfig.QualityPolicy", "AlwaysRequire",
         (f"{SPEC}.HyperNodeSchedulingConfig.QualityPolicy=AlwaysRequire",)),
    Case(roles.hyper_nodes, (f"{SPEC}.HyperNodeSchedulingConfig.MinAvailable=-1",),
         f"{SPEC}.HyperNodeSchedulingConfig.MinAvailable", "1 or more"),
    Case(resources.one_kind_of_ask, (f'{SPEC}.ResourceConfig.CPU="1"',), f"{SPEC}.EcsSpec",
         "excludes ResourceConfig", (f'{SPEC}.ResourceConfig.CPU="1"', f"{SPEC}.EcsSpec=")),
    *[Case(resources.known_instances, (f"{SPEC}.EcsSpec={name}",), f"{SPEC}.EcsSpec", says,
           (f"{SPEC}.EcsSpec={good}",))
      for name, says, good in [
          ("ecs.g6.larg", "did you mean ecs.g6.large", "ecs.g6.large"),
          ("ECS.G6.LARGE", "did you mean ecs.g6.large", "ecs.g9i.24xlarge"),
          ("ml.gu7xf.8xlarge-gu108",
           "ask in numbers: a ResourceConfig with CPU, Memory and GPU", "")]],
    *[Case(resources.replica_quantities, (f"{SPEC}.EcsSpec=", f'{SPEC}.ResourceConfig.{name}="{text}"'),
           f"{SPEC}.ResourceConfig.{name}", says,
           (f"{SPEC}.EcsSpec=", f'{SPEC}.ResourceConfig.{name}="{good}"'))
      for name, text, says, good in [
          ("CPU", "two", "4, 0.5 or 500m", "500m"), ("CPU", "0", "more than zero", "0.5"),
          ("GPU", "0.5", "whole number of GPUs", "0"), ("GPU", "-1", "whole number of GPUs", "8"),
          ("Memory", "10GB", "did you mean 10Gi?", "10Gi"), ("Memory", "-1Gi", "more than zero", "1e3"),
          ("SharedMemory", "lots", "512Mi, 10Gi or 1e9", "512M")]],
    Case(resources.container_quantities, (f'{SIDE}={{"Image": "i", "Resources": {{"Limits": {{"a/b": "x"}}}}}}',),
         f'{SIDE}.Resources.Limits["a/b"]', "must be a memory size",
         (f'{SIDE}={{"Image": "i", "Resources": {{"Requests": {{"cpu": "500m", "gpu": "0"}}}}}}',)),
    Case(resources.data_juicer_limits, (f"{JUICER}.ResourceLimit.Memory=big",),
         f"{JUICER}.ResourceLimit.Memory", "512Mi", (f'{JUICER}.ResourceLimit.CPU="4"',)),
    Case(resources.spot_strategies, (f"{SPEC}.SpotSpec.SpotStrategy=spotaspricego",),
         f"{SPEC}.SpotSpec.SpotStrategy", "mean SpotAsPriceGo?",
         (f"{SPEC}.SpotSpec.SpotStrategy=SpotWithPriceLimit",)),
    Case(resources.spot_strategies, (f"{SPEC}.ElasticSpotSpecs[0].SpotStrategy=lowest",),
         f"{SPEC}.ElasticSpotSpecs[0].SpotStrategy", "LowestPrice",
         (f"{SPEC}.ElasticSpotSpecs[0].SpotStrategy=LowestPrice",)),
    Case(resources.spot_limits, (f'{SPEC}.SpotSpec={{"SpotDiscountLimit": 0.8, "SpotPriceLimit": 1}}',),
         f"{SPEC}.SpotSpec.SpotPriceLimit", "excludes SpotDiscountLimit",
         (f'{SPEC}.SpotSpec={{"SpotDiscountLimit": 0.8, "SpotPriceLimit": 0}}',)),
    Case(resources.spot_limits, (f"{SPEC}.ElasticSpotSpecs[0].SpotPriceLimit=-1",),
         f"{SPEC}.ElasticSpotSpecs[0].SpotPriceLimit", "more than zero"),
    Case(resources.oversold, ("Settings.OversoldType=Accept",), "Settings.OversoldType",
         "AcceptQuotaOverSold", ("Settings.OversoldType=ForceQuotaOverSold",)),
    Case(resources.oversold, (f"{SPEC}.OversoldType=no",), f"{SPEC}.OversoldType", "not one of"),
    Case(resources.system_disks, (f"{SPEC}.SystemDisk.Size=-1",), f"{SPEC}.SystemDisk.Size",
         "more than zero", (f"{SPEC}.SystemDisk.Size=40",)),
    Case(cloud.scaling, (f"{SCALES}.MinReplicas=3", f"{SCALES}.MaxReplicas=2"), f"{SCALES}.MaxReplicas",
         "must not be less than MinReplicas, which is 3",
         (f"{SCALES}.MinReplicas=1", f"{SCALES}.MaxReplicas=2")),
    Case(cloud.scaling, (f"{SCALES}.MinReplicas=-1",), f"{SCALES}.MinReplicas", "0 or more"),
    Case(cloud.scaling, (f"{SCALES}.AutoscalingMetricSpec.StabilizationWindowSeconds=-1",),
         f"{SCALES}.AutoscalingMetricSpec.StabilizationWindowSeconds", "0 or more"),
    Case(cloud.parallelism, ("ElasticSpec.MinParallelism=4", "ElasticSpec.MaxParallelism=2"),
         "ElasticSpec.MaxParallelism", "less than MinParallelism", ("ElasticSpec.MaxParallelism=2",)),
    Case(cloud.nodes, (f"{SPEC}.AssignNodeSpec.NodeNames=a,,b",), f"{SPEC}.AssignNodeSpec.NodeNames",
         "commas between", (f"{SPEC}.AssignNodeSpec.NodeNames=a, b",)),
    Case(cloud.nodes, (f"{SPEC}.AssignNodeSpec.HyperNodes[0].NodeNames=a b",),
         f"{SPEC}.AssignNodeSpec.HyperNodes[0].NodeNames", "commas between"),
    Case(containers.side_names, (f"{SIDE}.Image=i", f"{SIDE}.Name=My_Init"), f"{SIDE}.Name",
         "lower-case letters", (f"{SIDE}.Image=i", f"{SIDE}.Name=my-init")),
    Case(containers.side_names,
         (f"{SIDE}.Image=i", f"{SIDE}.Name=a", f"{POD}.InitContainers[0].Image=i", f"{POD}.InitContainers[0].Name=a"),
         f"{SIDE}.Name", "is also the Name of JobSpecs[0].ExtraPodSpec.InitContainers[0]"),
    Case(containers.side_names,
         (f"{POD}.InitContainers[0].Image=i", f"{POD}.InitContainers[0].Name=init-1", f"{POD}.InitContainers[1].Image=i"),
         f"{POD}.InitContainers[1].Name", "is also the Name of JobSpecs[0].ExtraPodSpec.InitContainers[0]"),
    Case(containers.side_images, (f"{SIDE}.Name=a",), f"{SIDE}.Image", "is required",
         (f"{SIDE}.Image=busybox",)),
    Case(containers.shared_volumes, (f'{POD}.SharedVolumeMountPaths=["tmp"]',),
         f"{POD}.SharedVolumeMountPaths[0]", "absolute", (f'{POD}.SharedVolumeMountPaths=["/tmp"]',)),
    Case(containers.shared_volumes, (f'{POD}.SharedVolumeMountPaths=["/a/.."]',),
         f"{POD}.SharedVolumeMountPaths[0]", "must not hold '..'"),
    Case(containers.shared_volumes, (f'{POD}.SharedVolumeMountPaths=["/"]',),
         f"{POD}.SharedVolumeMountPaths[0]", "must not be the root folder"),
    Case(containers.shared_volumes, (f'{POD}.SharedVolumeMountPaths=["/s", "/s/"]',),
         f"{POD}.SharedVolumeMountPaths[1]", f"is the place of {POD}.SharedVolumeMountPaths[0], too",
         (f'{POD}.SharedVolumeMountPaths=["/s", "/s/t"]',)),
    Case(containers.shared_volumes,
         (f'{POD}.SharedVolumeMountPaths=["/mnt/d"]', "DataSources[0].DataSourceId=d-1", "DataSources[0].MountPath=/mnt/d/"),
         f"{POD}.SharedVolumeMountPaths[0]", "is the place of DataSources[0].MountPath, too"),
    Case(containers.shared_volumes,
         (f'{POD}.SharedVolumeMountPaths=["/l"]', f"{SPEC}.LocalMountSpecs[0].LocalPath=/x", f"{SPEC}.LocalMountSpecs[0].MountPath=/l"),
         f"{POD}.SharedVolumeMountPaths[0]", f"is the place of {SPEC}.LocalMountSpecs[0].MountPath, too"),
    Case(containers.users, (f"{MAIN}.RunAsUser=-1",), f"{MAIN}.RunAsUser", "0 to 4294967294",
         (f"{MAIN}.RunAsUser=1000",)),
    Case(containers.users, (f"{SIDE}.Image=i", f"{SIDE}.SecurityContext.RunAsGroup=4294967295"),
         f"{SIDE}.SecurityContext.RunAsGroup", "0 to 4294967294"),
    Case(containers.capabilities, (f'{MAIN}.Capabilities.Add=["NET_ADMN"]',),
         f"{MAIN}.Capabilities.Add[0]", "'NET_ADMN' is no capability of Linux; did you mean NET_ADMIN?",
         (f'{MAIN}.Capabilities.Add=["net_admin", "CAP_SYS_NICE"]', f'{MAIN}.Capabilities.Drop=["ALL"]')),
    Case(containers.seccomp, (f"{MAIN}.SeccompProfile.Type=unconfined",), f"{MAIN}.SeccompProfile.Type",
         "mean Unconfined?", (f"{MAIN}.SeccompProfile.Type=RuntimeDefault",)),
    Case(containers.seccomp, (f"{MAIN}.SeccompProfile.Type=Localhost",),
         f"{MAIN}.SeccompProfile.LocalhostProfile", "is required",
         (f'{MAIN}.SeccompProfile={{"Type": "Localhost", "LocalhostProfile": "p.json"}}',)),
    Case(containers.seccomp,
         (f'{MAIN}.SeccompProfile={{"Type": "Unconfined", "LocalhostProfile": "p.json"}}',),
         f"{MAIN}.SeccompProfile.LocalhostProfile", "only for Type Localhost"),
    Case(inputs.data_origin, ("DataSources[0].MountPath=/d",), "DataSources[0]", "a DataSourceId or a Uri",
         ("DataSources[0].DataSourceId=d-1",)),
    Case(inputs.data_origin, ("DataSources[0].DataSourceId=d-1", "DataSources[0].Uri=oss://b.e/p/"),
         "DataSources[0].Uri", "excludes DataSourceId", ("DataSources[0].Uri=oss://b.e/p/",)),
    Case(inputs.uris, ("DataSources[0].Uri=/data",), "DataSources[0].Uri", "is file:///folder",
         ("DataSources[0].Uri=file:///data",)),
    Case(inputs.uris, ("DataSources[0].Uri=oss://",), "DataSources[0].Uri", "scheme://place",
         ("DataSources[0].Uri=bmcpfs://fs.cn-x/",)),
    Case(inputs.mount_paths, ("DataSources[0]={\"Uri\": \"oss://b/\", \"MountPath\": \"data\"}",),
         "DataSources[0].MountPath", "absolute", ("CodeSource.MountPath=/root/code",)),
    Case(inputs.mount_paths, ("CodeSource.MountPath=/a/../b",), "CodeSource.MountPath", "'..'",
         ("CodeSource.MountPath=/a/..b",)),
    Case(inputs.mount_paths, ("CodeSource.MountPath=//./",), "CodeSource.MountPath", "root folder"),
    Case(inputs.distinct_mounts,
         ('DataSources=[{"Uri": "oss://a/", "MountPath": "/d/"}, {"Uri": "oss://b/", "MountPath": "/d"}]',),
         "DataSources[1].MountPath", "also the MountPath of DataSources[0]",
         ('DataSources=[{"Uri": "oss://a/", "MountPath": "/d"}, {"Uri": "oss://b/", "MountPath": "/d/e"}]',)),
    Case(inputs.distinct_mounts,
         ('DataSources[0]={"Uri": "oss://a/", "MountPath": "//d/./x"}', "CodeSource.MountPath=/d/x"),
         "CodeSource.MountPath", "also the MountPath of DataSources[0]"),
    Case(inputs.data_access, ('DataSources[0]={"Uri": "oss://a/", "MountAccess": "ro"}',),
         "DataSources[0].MountAccess", "mean RO?", ('DataSources[0]={"Uri": "oss://a/", "MountAccess": "RW"}',)),
    Case(inputs.data_options, ('DataSources[0]={"Uri": "oss://a/", "Options": "a=b"}',),
         "DataSources[0].Options", "JSON object", ('DataSources[0]={"Uri": "oss://a/", "Options": "{}"}',)),
    Case(inputs.role_chains, ('DataSources[0]={"Uri": "oss://a/", "RoleChain": "{}"}',),
         "DataSources[0].RoleChain", "JSON list", ('DataSources[0]={"Uri": "oss://a/", "RoleChain": "[]"}',)),
    Case(inputs.code_revision, ("CodeSource.Branch=--upload-pack=x",), "CodeSource.Branch", "begin with '-'",
         ("CodeSource.Branch=feature/x-1",)),
    Case(inputs.libraries, ('ThirdpartyLibs=["numpy", " "]',), "ThirdpartyLibs[1]", "numpy==",
         ('ThirdpartyLibs=["numpy"]',)),
    Case(inputs.libraries, ("ThirdpartyLibDir=code",), "ThirdpartyLibDir", "absolute",
         ("ThirdpartyLibDir=/root/code/",)),
    Case(inputs.local_mounts, (f"{SPEC}.LocalMountSpecs[0].MountPath=/a",),
         f"{SPEC}.LocalMountSpecs[0].LocalPath", "absolute",
         (f'{SPEC}.LocalMountSpecs[0]={{"LocalPath": "/a", "MountPath": "/a"}}',)),
    Case(inputs.local_mounts, (f"{SPEC}.LocalMountSpecs[0].LocalPath=/a",),
         f"{SPEC}.LocalMountSpecs[0].MountPath", "is required"),
    Case(inputs.local_mounts, (f'{SPEC}.LocalMountSpecs[0]={{"LocalPath": "/a", "MountPath": "/"}}',),
         f"{SPEC}.LocalMountSpecs[0].MountPath", "root folder"),
    Case(inputs.local_mounts, (f'{SPEC}.LocalMountSpecs[0]={{"MountMode": "Block", "MountPath": "/a"}}',),
         f"{SPEC}.LocalMountSpecs[0].MountPath", "/dev/",
         (f'{SPEC}.LocalMountSpecs[0]={{"MountMode": "Block", "MountPath": "/dev/a"}}',)),
    Case(inputs.local_mounts,
         (f'{SPEC}.LocalMountSpecs[0]={{"MountMode": "Block", "MountPath": "/dev/a", "LocalPath": "/b"}}',),
         f"{SPEC}.LocalMountSpecs[0].LocalPath", "leave it out"),
    Case(inputs.local_mounts,
         (f'{SPEC}.LocalMountSpecs[0]={{"MountMode": "block", "MountPath": "/a", "LocalPath": "/b"}}',),
         f"{SPEC}.LocalMountSpecs[0].MountMode", "mean Block?"),
    Case(environment.variables, ('Envs={"": "x"}',), 'Envs[""]', "without a name", ('Envs={"A": ""}',)),
    Case(environment.variables, ('Envs={"A=B": "x"}',), 'Envs["A=B"]', "must not hold '='"),
    Case(environment.custom_variables, ("CustomEnvs[0].Value=x",), "CustomEnvs[0].Key", "is required",
         ("CustomEnvs[0].Key=A",)),
    Case(environment.distinct_custom_variables, ('CustomEnvs=[{"Key": "A"}, {"Key": "A"}]',),
         "CustomEnvs[1].Key", "also the Key of CustomEnvs[0]", ('CustomEnvs=[{"Key": "A"}, {"Key": "a"}]',)),
    Case(environment.container_variables, (f'{SIDE}={{"Image": "i", "Env": [{{"Value": "x"}}]}}',),
         f"{SIDE}.Env[0].Name", "is required", (f'{SIDE}={{"Image": "i", "Env": [{{"Name": "x"}}]}}',)),
    Case(settings.reservation, ("Settings.JobReservedPolicy=OnSuccess",), "Settings.JobReservedPolicy",
         "mean OnSucceed?", ("Settings.JobReservedPolicy=Always",)),
    Case(settings.reservation, ("Settings.JobReservedMinutes=-1",), "Settings.JobReservedMinutes",
         "0 or more", ("Settings.JobReservedMinutes=0",)),
    Case(settings.grace, (f"Settings.TerminationGracePeriodSeconds={10**18}",),
         "Settings.TerminationGracePeriodSeconds", "0 to 2147483647"),
    Case(settings.grace, ("Settings.TerminationGracePeriodSeconds=-1",),
         "Settings.TerminationGracePeriodSeconds", "0 to 2147483647",
         ("Settings.TerminationGracePeriodSeconds=0",)),
    Case(settings.data_juicer, (f"{JUICER}.ExecutionMode=Standalone",), f"{JUICER}.ExecutionMode",
         "mean standalone?", (f"{JUICER}.ExecutionMode=distributed",)),
    Case(settings.data_juicer, (f"{JUICER}.CommandType=yaml",), f"{JUICER}.CommandType", "shell, config"),
    Case(settings.data_juicer, (f"{JUICER}.EnableResourceEstimation=true",),
         f"{JUICER}.EnableResourceEstimation", "needs ExecutionMode distributed"),
    Case(settings.cidrs, ('UserVpc.ExtendedCIDRs=["10.0.0.0"]',), "UserVpc.ExtendedCIDRs[0]", "CIDR",
         ('UserVpc.ExtendedCIDRs=["192.168.0.1/24"]',)),
    Case(settings.cidrs, ('UserVpc.ExtendedCIDRs=["10.0.0.0/40"]',), "UserVpc.ExtendedCIDRs[0]", "CIDR"),
    Case(settings.default_route, ("UserVpc.DefaultRoute=eth2",), "UserVpc.DefaultRoute", "eth0, eth1",
         ("UserVpc.DefaultRoute=eth1",)),
    Case(settings.credentials, (f"{CREDENTIAL}.Type=role",), f"{CREDENTIAL}.Type", "mean Role?",
         (f"{CREDENTIAL}.Type=RoleChain",)),
    Case(settings.credentials, (f"{CREDENTIAL}.Roles[0].RoleType=x",), f"{CREDENTIAL}.Roles[0].RoleType",
         "service, user"),
    Case(settings.credentials, (f"{CREDENTIAL}.Roles[0].AssumeUserInfo.Type=x",),
         f"{CREDENTIAL}.Roles[0].AssumeUserInfo.Type", "customer, sub"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.rule.__name__}-{case.bad[-1][:40]}"
)
def test_a_broken_rule_is_one_problem_with_path_and_sentence(case: Case) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request(SMALLEST, case.bad)
    [problem] = caught.value.problems
    assert problem.path == case.path
    assert case.says in problem.message


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.good],
    ids=lambda case: f"{case.rule.__name__}-{case.path}",
)
def test_what_keeps_the_rule_passes(case: Case) -> None:
    assert list(case.rule(read_request(SMALLEST, case.good).request)) == []


def test_every_rule_has_a_violation_and_a_passing_case() -> None:
    assert {case.rule for case in CASES} == set(check.RULES)
    assert {case.rule for case in CASES if case.good} == set(check.RULES)


@pytest.mark.parametrize("name", ["smallest", "quota", "tensorflow"])
def test_the_api_s_own_examples_keep_every_rule(name: str) -> None:
    body = (Path(__file__).parent / f"requests/{name}.json").read_bytes()
    asked = read_request(body, strict=True)
    assert check.check(asked.request) == []
    assert asked.notes == ()
