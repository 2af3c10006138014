"""Forwarding: stores over another store, which have every method of the port without naming it."""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self

from referral_engine.ports import BlockingStore, NonBlockingStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from referral_engine.storage import AsyncMemoryStore, MemoryStore

    # No type checker sees methods that are made with a class, and a class that names the Protocol as its base is
    # abstract to them. So these are shown to them as stores that have the methods of the port, no more and no less.
    class Forwarding(MemoryStore):
        """A blocking store over the one in `_under`."""

        _under: BlockingStore

    class AsyncForwarding(AsyncMemoryStore):
        """An awaitable store over the one in `_under`."""

        _under: NonBlockingStore

else:

    class Forwarding:
        """A blocking store over `_under`: what a subclass does not write itself goes through `_forward`."""

        def __init_subclass__(cls) -> None:
            """Give the class the methods of the port that it lacks."""
            super().__init_subclass__()
            _complete(cls, BlockingStore, _forwarder)

        def _forward(self, _method: str, call: Callable[[], Any]) -> Any:
            return call()

        def __enter__(self) -> Self:
            """Use the store in a with block."""
            return self

        def __exit__(self, *exc: object) -> None:
            """Close the store."""
            self.close()

    class AsyncForwarding:
        """An awaitable store over `_under`; as Forwarding, but that what is not awaited goes straight to it."""

        def __init_subclass__(cls) -> None:
            """Give the class the methods of the port that it lacks."""
            super().__init_subclass__()
            _complete(cls, NonBlockingStore, _async_forwarder)

        async def _forward(self, _method: str, call: Callable[[], Awaitable[Any]]) -> Any:
            return await call()

        async def __aenter__(self) -> Self:
            """Use the store in an async with block."""
            return self

        async def __aexit__(self, *exc: object) -> None:
            """Close the store."""
            await self.close()


def _complete(cls: type, port: type, forwarder: Callable[[str, Any], Any]) -> None:
    for name in dir(port):
        if not name.startswith("_") and not hasattr(cls, name):
            setattr(cls, name, forwarder(name, getattr(port, name)))


def _forwarder(name: str, promised: Any) -> Any:
    @wraps(promised)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._forward(name, lambda: getattr(self._under, name)(*args, **kwargs))

    return forward


def _async_forwarder(name: str, promised: Any) -> Any:
    @wraps(promised)
    async def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._forward(name, lambda: getattr(self._under, name)(*args, **kwargs))

    @wraps(promised)
    def pass_on(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._under, name)(*args, **kwargs)

    return forward if iscoroutinefunction(promised) else pass_on
