"""Python, its packages, and the shared libraries below them."""

from localdlc.why.patterns.row import Pattern

__all__ = ["PACKAGES"]

PACKAGES = (
    Pattern(
        name="module-missing",
        text=r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?"
        r"|: No module named '?(?P<module2>[\w.]+)'?$",
        says="It imports {module}, which is not installed in its image ({image}) and not "
        "in the code's folder.",
        do="Name it in ThirdpartyLibs, or take an image that has it; if it is your own, change "
        "into its folder first or put that into PYTHONPATH.",
    ),
    Pattern(
        name="library-missing",
        text=r"(?P<library>lib[\w.+-]+\.so[\w.]*): cannot open shared object file",
        says="A package needs the system library {library}, which its image ({image}) does not "
        "have.",
        do="Install the Debian package that holds it in the image (libGL.so.1 is in libgl1, "
        "libgomp.so.1 in libgomp1), or take a package without the need (opencv-python-headless).",
    ),
    Pattern(
        name="python-version",
        text=r"requires a different Python: (?P<has>\S+) not in '(?P<wants>[^']*)'"
        r"|Requires-Python (?P<wants2>\S+)",
        says="A package wants another Python ({wants}) than the image's[, {has}].",
        do="Take an image with such a Python, or a version of the package for this one.",
    ),
    Pattern(
        name="pip",
        text=(
            r"ERROR: No matching distribution found for (?P<wanted>\S+)"
            r"|ERROR: Could not find a version that satisfies the requirement (?P<wanted2>\S+)"
            r"|ERROR: ResolutionImpossible.*|error: externally-managed-environment"
        ),
        says="pip cannot install {wanted}.",
        do="See whether name and version are right and the index has them for the image's Python; "
        "pip's settings of this machine hold for ThirdpartyLibs, not for a pip in the command.",
    ),
    Pattern(
        name="versions-conflict",
        text=(
            r"ImportError: cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'.*"
            r"|AttributeError: module '(?P<module2>[\w.]+)' has no attribute '(?P<name2>\w+)'.*"
            r"|A module that was compiled using NumPy 1\.x cannot be run"
            r"|numpy\.dtype size changed, may indicate binary incompatibility"
            r"|(?:ContextualVersionConflict|VersionConflict): .*"
        ),
        says="The code was written for another version of {module} than the image has"
        "[: {name} is not in it].",
        do="Pin the version that the code wants in ThirdpartyLibs, or take another image. A file "
        "of your own with the same name as a package looks the same.",
    ),
    Pattern(
        name="python-syntax",
        text=r"^(?:SyntaxError|IndentationError|TabError): .*",
        says="This Python does not understand the code.",
        do="Mend the line that is shown, or take an image with the Python that it was written for.",
    ),
)
