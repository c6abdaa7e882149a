"""A service to talk to, and its log lines."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from caloron_actors.domain.dag import Dag
from tests.actors.service import Service, running

MakeService = Callable[..., Awaitable[Service]]


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What was logged, as it was said."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def service() -> AsyncIterator[MakeService]:
    """Makes a started service of a plan; see `Service` for the options."""
    async with AsyncExitStack() as stack:

        async def make(dag: Dag, **options: Any) -> Service:
            return await stack.enter_async_context(running(dag, **options))

        yield make
