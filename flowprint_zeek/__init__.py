"""Fingerprint the apps of an encrypted network from Zeek logs."""

import logging

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
