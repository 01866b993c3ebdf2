"""Every setting, from flags, LOCALDLC_* variables and localdlc.toml, as one frozen `Config`."""

from __future__ import annotations

from localdlc.config.layers import load_config
from localdlc.config.model import Cloud, CodeSource, Config, Dataset, Oss, Sample
from localdlc.config.settings import SETTINGS
from localdlc.config.variables import strangers

__all__ = [
    "SETTINGS",
    "Cloud",
    "CodeSource",
    "Config",
    "Dataset",
    "Oss",
    "Sample",
    "load_config",
    "strangers",
]
