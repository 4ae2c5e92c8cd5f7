"""What elements are a part of: names of registered domains, endpoints of networks."""

from __future__ import annotations

import ipaddress
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from flowprint_zeek.core.elements import CERTIFICATE, NAME, split_endpoint


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1 << 17)
def registered_domain(name: str) -> str:
    """Return the registered domain of a normalised name, the name itself where there is none.

    Suffixes under which a company lets others register names count as public suffixes, so the
    sites of two customers of a hoster are two domains. The list is the one that came with the
    package ``publicsuffixlist``; nothing is fetched. Under a top-level domain that it does not
    know, the last two labels are a domain.

    Parameters
    ----------
    name : str
        Name in lower case, international ones as ``xn--``.

    Returns
    -------
    str
        "" for an address, which nobody registered as a name; a public suffix and a name without
        a dot are returned as they are.

    Examples
    --------
    >>> registered_domain("www.example.co.uk"), registered_domain("a.b.example.github.io")
    ('example.co.uk', 'example.github.io')
    >>> registered_domain("co.uk"), registered_domain("printer"), registered_domain("192.0.2.7")
    ('co.uk', 'printer', '')
    """
    # Most names cannot be addresses; finding that out costs as much as the domain.
    if ":" in name or name[-1:].isdigit():
        try:
            ipaddress.ip_address(name)
        except ValueError:
            pass
        else:
            return ""
    return _suffixes().privatesuffix(name) or name


@lru_cache(maxsize=1 << 17)
def wider(element: str) -> str:
    """Return what an element is a part of, "" for a certificate and an address as a name.

    >>> wider("192.0.2.7:443"), wider("[2001:db8::7]:53")
    ('net:192.0.2.0/24:443', 'net:2001:db8::/48:53')
    >>> wider("name:www.example.com")
    'domain:example.com'
    """
    if element.startswith(CERTIFICATE):
        return ""
    if element.startswith(NAME):
        domain = registered_domain(element.removeprefix(NAME))
        return f"domain:{domain}" if domain else ""
    address, port = split_endpoint(element)
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return ""
    if version == 4:
        return f"net:{address.rpartition('.')[0]}.0/24:{port}"
    return f"net:{ipaddress.ip_network((address, 48), strict=False)}:{port}"
