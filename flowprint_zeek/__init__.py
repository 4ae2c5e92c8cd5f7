"""Fingerprint the apps of an encrypted network from Zeek logs."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowprint_zeek.core.fingerprint import Fingerprint
    from flowprint_zeek.core.flows import Flow
    from flowprint_zeek.generator import FingerprintGenerator
    from flowprint_zeek.model import FlowPrint

__all__ = ["Fingerprint", "FingerprintGenerator", "Flow", "FlowPrint", "__version__"]

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "Fingerprint": "flowprint_zeek.core.fingerprint",
    "FingerprintGenerator": "flowprint_zeek.generator",
    "Flow": "flowprint_zeek.core.flows",
    "FlowPrint": "flowprint_zeek.model",
}


def __getattr__(name: str) -> object:
    # Importing them here would cost every command the second that scikit-learn takes.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
