"""Where the time of a function goes, by the functions of its module that it calls."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import wraps
from inspect import isfunction
from time import process_time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable

REST = "rest"


def shares(function: Callable[..., Any], run: Callable[[], object]) -> dict[str, float]:
    """Return the share of each stage in the time of a run.

    Parameters
    ----------
    function : callable
        Its stages are the functions that it calls by a global name of its module.
    run : callable
        Calls the function.

    Returns
    -------
    dict
        Stage to share, in the order of the calls, and ``rest``; they add up to 1.
    """
    module = sys.modules[function.__module__]
    spent: dict[str, float] = {}
    with ExitStack() as stack:
        for name in function.__code__.co_names:
            stage = vars(module).get(name)
            if isfunction(stage):
                stack.enter_context(patch.object(module, name, _watched(name, stage, spent)))
        begin = process_time()
        run()
        total = process_time() - begin
    found = {name.lstrip("_"): seconds / total for name, seconds in spent.items()}
    return found | {REST: 1 - sum(found.values())}


def _watched(name: str, stage: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    @wraps(stage)
    def watched(*args: object, **kwargs: object) -> object:
        begin = process_time()
        try:
            return stage(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + process_time() - begin

    return watched
