"""The UserCommand itself: shells, programs, arguments, variables."""

from localdlc.why.patterns.row import Pattern

__all__ = ["COMMAND"]

COMMAND = (
    Pattern(
        name="carriage-return",
        text=(
            r"\$'\\r': command not found|\^M: bad interpreter"
            r"|cannot execute: required file not found"
            r"|\$'[^']*\\r': (?:No such file|command not found|not a valid identifier)"
        ),
        says="A script has the line ends of Windows (CR LF), or its first line names a program "
        "that is not there.",
        do="Save it with LF, as `dos2unix` or git's `* text=auto eol=lf` do.",
    ),
    Pattern(
        name="exec-format",
        text=r"(?:^|\s)(?P<path>\S+): cannot execute binary file: Exec format error"
        r"|[Ee]xec format error",
        says="A program was built for another kind of processor than this machine's[: {path}].",
        do="Use an image or a build for this architecture (`uname -m`).",
    ),
    Pattern(
        name="command-not-found",
        text=(
            r"(?:line \d+|\d+|^\S+): (?P<program>[^\s:/]+): (?:command )?not found"
            r"|(?:exec|env): \W?(?P<program2>[\w.+-]+)\W?: (?:not found|No such file or directory)"
            r"|Executable: (?P<program3>\S+)"
        ),
        says="The image {image} has no program {program}.",
        do="Install it in the image, or take an image that has it ([image_map] names another).",
    ),
    Pattern(
        name="shell-syntax",
        text=(
            r"syntax error near unexpected token .*|unexpected EOF while looking for matching .*"
            r"|syntax error: unexpected end of file|\d+: Syntax error: .*"
        ),
        says="The shell does not understand the UserCommand, or a script that it runs.",
        do="See whether quotes, `if`/`fi` and brackets are closed, and whether JSON has taken a "
        "backslash away or a script has the line ends of Windows. Settings.Shell chooses between "
        "bash and sh.",
    ),
    Pattern(
        name="variable-missing",
        text=r"in __getitem__\n(?:.*\n)??KeyError: '(?P<name>[A-Z][A-Z0-9_]*)'"
        r"|(?:line \d+|\d+): (?P<name2>[A-Za-z_]\w*): (?:unbound variable|parameter not set)",
        says="It reads the variable {name}, which is not set.",
        do="Set it in Envs of the request. `localdlc show --env` prints those of DLC.",
    ),
    Pattern(
        name="arguments",
        text=r"error: (?:unrecognized arguments: .*|the following arguments are required: .*"
        r"|argument \S+: (?:invalid|expected).*)",
        says="The program does not take the arguments that it was given.",
        do="Compare the UserCommand with its --help.",
    ),
    Pattern(
        name="tf-config",
        text=r"(?:tfconfig_cluster_resolver|multi_worker_util)\.py[\s\S]*?"
        r"^(?:json\.decoder\.JSONDecodeError|ValueError|TypeError|KeyError): .*",
        says="TensorFlow cannot use TF_CONFIG.",
        do="Leave it to DLC's (JobType TFJob sets it; `localdlc show --env` prints it), or mend "
        "the one in Envs or in the command.",
    ),
    Pattern(
        name="command-absent",
        ended="127",
        says="A program that was to be run is not in the image {image}, or a script's first line "
        "names one that is not.",
        do="Install it in the image, or take an image that has it ([image_map] names another).",
    ),
    Pattern(
        name="command-not-runnable",
        ended="126",
        says="A file that was to be run cannot be: it has no right to, or is no program here.",
        do="chmod +x, or `bash script`; for a binary compare `file` with `uname -m`.",
    ),
)
