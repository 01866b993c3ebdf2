"""Every setting, from flags, LOCALDLC_* variables and localdlc.toml, as one frozen `Config`."""

from __future__ import annotations

from localdlc.config.layers import load_config
from localdlc.config.model import CodeSource, Config, Dataset, Sample
from localdlc.config.settings import SETTINGS

__all__ = ["SETTINGS", "CodeSource", "Config", "Dataset", "Sample", "load_config"]
