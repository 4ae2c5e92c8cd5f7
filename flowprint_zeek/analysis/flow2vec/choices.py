"""What options of ``flow2vec`` offer, or take where none is given: told without NumPy or gensim."""

from __future__ import annotations

from dataclasses import dataclass

FIELDS = {
    "src": "address that opened the connection",
    "sport": "its port",
    "dst": "address that it was opened to",
    "dport": "its port",
    "proto": "transport protocol",
    "device": "local host, as everywhere else",
    "name": "name that it was made to, - without",
    "element": "that name, without one address and port",
    "domain": "registered domain of that name, without one network and port",
}
"""Fields of tokens, and what each is."""

PRESETS = {
    "flow": ("src", "dst", "dport", "proto"),
    "destination": ("dst", "dport", "proto"),
    "element": ("element",),
}
"""Names of common choices of fields; the first is that of the flow2vec document."""

LONGEST = 10_000
"""Words of a sentence; gensim leaves out what a longer one has beyond them."""

MOST_COUNTED = 1_000_000
"""Tokens that are counted at a time, by default."""

MOST_DRAWN = 4_000
"""Tokens of a picture by default, the most frequent, as in the flow2vec document."""


@dataclass(frozen=True, slots=True)
class Training:
    """Numbers that training goes by; `embedding.Settings` says what each is."""

    size: int = 64
    window: int = 10
    negative: int = 5
    sample: float = 0.001
    epochs: int = 10
    min_count: int = 2
    seed: int = 1


TRAINING = Training()
"""Those of a model for which nothing else is said."""
