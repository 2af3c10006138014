"""Combiners: threads, or tasks, that record single events share their transactions. `engine.combiner()` opens one."""

from typing import TYPE_CHECKING, Any

from referral_engine.storage.combining.blocking import Combiner

if TYPE_CHECKING:
    from referral_engine.storage.combining.asynchronous import AsyncCombiner

__all__ = ["AsyncCombiner", "Combiner"]


def __getattr__(name: str) -> Any:
    """Load the combiner for tasks when it is asked for: a program of threads needs no asyncio."""
    if name != "AsyncCombiner":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from referral_engine.storage.combining.asynchronous import AsyncCombiner  # noqa: PLC0415 - see above

    return AsyncCombiner
