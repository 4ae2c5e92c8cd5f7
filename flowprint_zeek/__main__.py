"""``python -m flowprint_zeek``: the command line."""

from __future__ import annotations

from flowprint_zeek.cli.main import run

if __name__ == "__main__":
    run()
