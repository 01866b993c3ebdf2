"""Names, ports, rendezvous and peers."""

from localdlc.why.patterns.row import Pattern

__all__ = ["NETWORK"]

OTHERS = "Look at the replica that ended first."

NETWORK = (
    Pattern(
        name="address-in-use",
        text=(
            r"EADDRINUSE"
            r"|\[Errno 98\] (?:Address already in use|error while attempting to bind)"
            r"|[Aa]ddress already in use"
            r"|UnknownError: Could not start gRPC server"
        ),
        says="A port that it wants is taken in this replica already.",
        do="Let one process of the replica listen there: MASTER_PORT is the rendezvous' own, and "
        "every further server needs another port.",
    ),
    Pattern(
        name="rendezvous-timeout",
        text=(
            r"DistStoreError: Timed out after \d+ seconds waiting for clients\. (?P<joined>\S+)"
            r"|The client socket has timed out after \d+ms while trying to connect to "
            r"\((?P<host>[^)]*)\)"
            r"|RendezvousTimeoutError"
            r"|DEADLINE_EXCEEDED: Barrier timed out"
        ),
        says="The ranks did not find each other in time[: {joined} came][, {host} did not answer].",
        do="Some rank never called init_process_group, or another MASTER_ADDR, MASTER_PORT or "
        "WORLD_SIZE than DLC's is used: `localdlc show --env` prints what each was given.",
    ),
    Pattern(
        name="collective-mismatch",
        text=r"Detected mismatch between collectives on ranks",
        says="The ranks run different collectives, or one with different shapes.",
        do="The line says which ranks, and what each runs.",
    ),
    Pattern(
        name="gloo-timeout",
        text=r"\[\S*gloo\S*\] Timed out waiting (?P<ms>\d+)ms for \w+ operation",
        says="A peer did not take part in a collective for {ms} ms.",
        do="See what the other ranks do: `localdlc run --hang-timeout 60s` shows all their stacks.",
        echo=True,
    ),
    Pattern(
        name="peer-closed",
        text=(
            r"\[\S*gloo\S*\] (?:Connection closed by peer|Read error|Write error).*"
            r"|Connection reset by peer"
            r"|\[Errno 32\] Broken pipe"
            r"|Socket closed"
            r"|DistNetworkError: .*(?:failed to recv|Connection was likely closed)"
            r"|recvValue failed"
        ),
        says="A peer closed the connection: it had ended.",
        do=OTHERS,
        echo=True,
    ),
    Pattern(
        name="xgboost-tracker",
        text=r"Failed to bootstrap the communication group[\s\S]*Connection refused.*",
        says="XGBoost's workers and its tracker did not find each other.",
        do="The tracker runs on the Master: start it there before the workers connect, and use "
        "the addresses of DLC (`localdlc show --env`).",
        echo=True,
    ),
    Pattern(
        name="connection-refused",
        text=r"\[Errno 111\] Connection refused|Connection refused",
        says="Nothing listens at the address that it asked.",
        do="Either that replica had ended, or it was not ready yet: wait for it, or let "
        "StartupDependencies do so.",
        echo=True,
    ),
    Pattern(
        name="name-unknown",
        text=(
            r"Could not resolve host(?:name)?:? (?P<host>[^:\s]+)|Name or service not known"
            r"|Temporary failure in name resolution|cannot be retrieved \(gai error"
        ),
        says="A name has no address here[: {host}].",
        do="Replicas know each other's names and what this machine knows. Addresses of the cloud's "
        "inner network (…-internal.aliyuncs.com) do not answer here: use the public ones, or "
        "--map.",
    ),
    Pattern(
        name="certificate",
        text=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSL certificate problem",
        says="A server's certificate is not one that the image trusts.",
        do="Install the authority's certificate in the image (ca-certificates), or name it in "
        "SSL_CERT_FILE in Envs.",
    ),
    Pattern(
        name="ray-absent",
        text=r"Could not find any running Ray instance|Failed to connect to GCS",
        says="There is no Ray cluster at the address that it asked.",
        do="Use JobType RayJob, whose head starts one and sets RAY_ADDRESS; ray.init() needs no "
        "address then.",
    ),
    Pattern(
        name="mpi-unreachable",
        text=(
            r"ORTE was unable to reliably start one or more daemons"
            r"|ssh: Could not resolve hostname (?P<host>[^:\s]+)"
            r"|Host key verification failed"
        ),
        says="mpirun could not start its daemon on a host[, {host}].",
        do="Use JobType MPIJob and the hostfile that DLC gives (/etc/mpi/hostfile, OMPI_MCA_…): it "
        "names the replicas.",
    ),
    Pattern(
        name="mpi-slots",
        text=r"There are not enough slots available in the system",
        says="mpirun was asked for more processes than the hostfile has slots.",
        do="Lower -np to replicas times slots, or add --oversubscribe.",
    ),
    Pattern(
        name="mpi-root",
        text=r"mpirun has detected an attempt to run as root",
        says="Open MPI does not run as root unless it is told to.",
        do="Add --allow-run-as-root, or OMPI_ALLOW_RUN_AS_ROOT=1 and "
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 to Envs.",
    ),
)
