"""How replicas reach each other by ssh: files of the job's own, and the shell lines around them.

Nothing is asked of the image but OpenSSH, and nothing of ours is left in it: no key in a home, no
line in a known_hosts. One key pair a job is both who calls and who answers.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from localdlc.plan.command import Script
from localdlc.plan.files import PLACEHOLDER, PRIVATE, File

__all__ = ["AGENT", "CALL", "serve", "ssh_files", "until_reached"]

PLACE = "/etc/mpi"
AGENT = f"{PLACE}/ssh"
# Libraries are installed before a replica answers, and that may take its time.
PATIENCE = 600

# OpenSSH refuses a key that others can read, or that somebody else owns.
TAKE_KEY = f"""\
(umask 077 && mkdir -p {PRIVATE} && cat {PLACE}/key >{PRIVATE}/key) || exit $?
"""

CALL = f"""\
command -v ssh >/dev/null || {{
  echo "localdlc: this image has no ssh client, and this replica is to reach the others by ssh." \\
    "Install openssh-client (Debian, Ubuntu) or openssh-clients (Fedora, CentOS) in it." >&2
  exit 127
}}
{TAKE_KEY}"""

SERVE = f'"$sshd" -D -e -f {PLACE}/sshd_config'

# What the image's ENV set, and what credentials were exported, only the replica itself knows.
PREPARE = f"""\
sshd=$(PATH="$PATH:/usr/sbin:/usr/local/sbin"; command -v sshd) || {{
  echo "localdlc: this image has no ssh server (sshd), by which other replicas are to reach" \\
    "this one. Install openssh-server (Debian, Ubuntu, Fedora) or openssh (Alpine) in it." >&2
  exit 127
}}
{TAKE_KEY}(umask 077 && sh -c 'export -p' >{PRIVATE}/environment) || exit $?
mkdir -p /run/sshd 2>/dev/null
"""

REACH = """\
(
  end=$(($(date +%s) + {patience}))
  reach() {{
    until said=$({agent} "$1" true 2>&1 </dev/null); do
      [ "$(date +%s)" -lt "$end" ] || {{
        echo "localdlc: $1 has not accepted ssh for {patience} s: $said" >&2
        exit 255
      }}
      sleep 0.2
    done
  }}
  for host in {hosts}; do
    reach "$host" &
    pids="$pids $!"
  done
  for pid in $pids; do wait "$pid" || exit $?; done
) || exit $?
"""

SSH_CONFIG = f"""\
Host {{job_id}}-*
  IdentityFile {PRIVATE}/key
  IdentitiesOnly yes
  UserKnownHostsFile {PLACE}/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
  LogLevel ERROR
"""

# Where ssh looks by itself, this comes first; what an image adds for other hosts still counts.
REST_OF_SYSTEM = "Host *\n  Include /etc/ssh/ssh_config.d/*.conf\n"

# Without PAM: its module for sessions refuses in many containers. Who owns a file of ours is not
# who logs in, hence no StrictModes.
SSHD_CONFIG = f"""\
Port 22
HostKey {PRIVATE}/key
AuthorizedKeysFile {PLACE}/authorized_keys
ForceCommand {PLACE}/session
PermitRootLogin prohibit-password
PasswordAuthentication no
ChallengeResponseAuthentication no
StrictModes no
UsePAM no
UseDNS no
MaxStartups 1000
PidFile none
LogLevel ERROR
Subsystem sftp sftp-server
"""

# sshd gives a session next to no variables; a process of the replica has all of them. Where the
# server of scp and sftp lies is each distribution's own: Debian, Fedora, Alpine.
SESSION = f"""\
#!/bin/sh
. {PRIVATE}/environment
[ "$SSH_ORIGINAL_COMMAND" != sftp-server ] ||
  PATH="/usr/lib/openssh:/usr/libexec/openssh:/usr/lib/ssh:$PATH"
exec "${{SHELL:-/bin/sh}}" ${{SSH_ORIGINAL_COMMAND:+-c "$SSH_ORIGINAL_COMMAND"}}
"""


def ssh_files(job_id: str) -> tuple[File, ...]:
    """What every replica needs, to call and to answer."""
    config = SSH_CONFIG.format(job_id=job_id)
    return (
        File(f"{PLACE}/key", made="ssh-key"),
        File(f"{PLACE}/authorized_keys", made="ssh-public-key"),
        File(f"{PLACE}/known_hosts", f"{job_id}-* {PLACEHOLDER}", made="ssh-public-key"),
        File(f"{PLACE}/ssh_config", config),
        File("/etc/ssh/ssh_config", config + REST_OF_SYSTEM),
        File(f"{PLACE}/sshd_config", SSHD_CONFIG),
        File(AGENT, f'#!/bin/sh\nexec ssh -F {PLACE}/ssh_config "$@"\n', 0o555),
        File(f"{PLACE}/session", SESSION, 0o555),
    )


def serve(own: str = "") -> Script:
    """A replica that answers; ``own`` is what it runs beside that, and then ends with.

    No `exec`: sshd ends with 0 when it is stopped, and the shell with a code that says so. In a
    shell of its own it is no child of who waits for children.
    """
    return Script(own, f"{PREPARE}({SERVE} &)\n") if own else Script(SERVE, PREPARE)


def until_reached(hosts: Iterable[str]) -> str:
    """Shell lines that wait for all of them to answer; 255, as ssh itself ends, when one does not.

    A replica that has ended meanwhile is not waited for: it has ended the job.
    """
    return REACH.format(agent=AGENT, patience=PATIENCE, hosts=" ".join(map(shlex.quote, hosts)))
