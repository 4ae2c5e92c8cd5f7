"""How many flows have a name, and which logs tell it.

Usage: python benchmarks/names.py LOGS...

Every connection of TCP and UDP counts as a flow of a device, answered or not, but for those of
infrastructure: DNS, mDNS, LLMNR, NTP, DHCP, NetBIOS and SSDP by port. Shares are cumulative.
"""

from __future__ import annotations

import sys

from flowprint_zeek.config import load
from flowprint_zeek.core.flows import DNS_NAME, HTTP_HOST, SERVER_NAME
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

INFRASTRUCTURE = (0, 53, 67, 68, 123, 137, 138, 546, 547, 1900, 5353, 5355)
SETTINGS = {"device.local_networks": ["0.0.0.0/0", "::/0"], "device.unanswered": True}


def main(arguments: list[str]) -> int:
    """Print a table of shares."""
    if not arguments:
        print(__doc__)
        return 2
    config = load(None, environ={}, overrides=SETTINGS)
    logs = find_logs(arguments, KINDS)
    flows, _ = read_capture(logs, config, span=Span(), stats=ReadStats())
    flows = flows[~flows["resp_p"].isin(INFRASTRUCTURE)]
    print(f"{len(flows)} flows")
    bits = 0
    for bit, said in ((SERVER_NAME, "server name"), (HTTP_HOST, "HTTP host"), (DNS_NAME, "lookup")):
        bits |= bit
        print(f"{(flows['named_by'] & bits != 0).mean():7.2%}  {said}")
    print(f"{(flows['name'] != '').mean():7.2%}  certificate")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
