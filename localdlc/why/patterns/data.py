"""Files: absent, of another place, read-only, not what they seem."""

from localdlc.why.patterns.row import Pattern

__all__ = ["DATA"]

DATA = (
    Pattern(
        name="lfs-pointer",
        text=(
            r"invalid load key, 'v'\."
            r"|Weights only load failed[\s\S]{0,700}Unsupported operand 118"
            r"|version https://git-lfs\.github\.com/spec/v1"
        ),
        says="It read a Git LFS pointer, a text of three lines, instead of the file itself.",
        do="Fetch the real files: `git lfs pull` where the data or code comes from. Code that "
        "localdlc clones comes with them when git-lfs is installed on this machine.",
    ),
    Pattern(
        name="script-not-found",
        text=r"can't open file '/?(?P<path>/[^']+)': \[Errno 2\]",
        says="Python was told to run a script that is not there: {place}.",
        do="Change into the folder of the code first, or name the script in full. Containers begin "
        "in the image's working directory, as in the cloud.",
    ),
    Pattern(
        name="folder-not-found",
        text=r"(?:^|: )cd: (?:can't cd to )?(?P<path>[^\s:$']+)(?:: No such file or directory|$)",
        says="The command changes into a folder that is not there: {place}.",
        do="Compare it with the MountPath of the code source and the name of the repository.",
    ),
    Pattern(
        name="file-not-found",
        text=(
            r"(?:FileNotFoundError|NotADirectoryError)\b.*(?:No such file or directory|"
            r"Not a directory): b?'(?P<path>[^']*)'"
            r"|cannot (?:open|access|stat) '(?P<path2>[^']*)'.*: No such file or directory"
            r"|NotFoundError: .*?(?P<path3>/\S+?); No such file or directory"
            r"|LocalFileSystem\.\w+ (?P<path5>\S+) error: No such file or directory"
            r"|(?:^|: )(?P<path4>/[^\s:]+): No such file or directory"
        ),
        says="It opened a file that is not there: {place}.",
        do="Compare the path with what the input holds (`localdlc show` says where each comes "
        "from), and its spelling, upper and lower case.",
    ),
    Pattern(
        name="read-only",
        text=r"(?:\[Errno 30\] )?Read-only file system(?:: '(?P<path>[^']*)')?",
        says="It wrote to a place that is read-only[: {place}].",
        do="Write elsewhere, or give the data source MountAccess RW.",
    ),
    Pattern(
        name="no-space",
        text=r"\[Errno 28\] No space left on device|No space left on device",
        says="A disk is full: of this machine, where containers and mounted folders are; or "
        "/dev/shm, of which the replica has {shm}.",
        do="`df -h` on this machine shows which; `localdlc cache rm` and `docker system df` what "
        "can go. If it was /dev/shm, raise ResourceConfig.SharedMemory of the role.",
    ),
    Pattern(
        name="permission-denied",
        text=(
            r"PermissionError: \[Errno 13\] Permission denied: '(?P<path>[^']*)'"
            r"|(?:^|: )(?P<path2>/?[^\s:]+): Permission denied"
        ),
        says="It may not do that to a file[: {place}].",
        do="A script needs the right to be run (chmod +x, or `bash script`); a file must belong to "
        "the user of the container or let others in.",
    ),
    Pattern(
        name="dubious-ownership",
        text=r"detected dubious ownership in repository at '(?P<path>[^']*)'",
        says="git does not trust a folder of another user: {place}.",
        do="git config --global --add safe.directory with that folder, at the start of the "
        "command.",
    ),
)
