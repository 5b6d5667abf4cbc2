"""What one person may have under way at once, so that nobody takes the service for themselves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import HTTPException, Request

from introml.hub.course import Person

#: Uploads and forms that are being received: each may hold the largest notebook in memory.
MOST_RECEIVED = 4
#: Pages that are told of progress: somebody's open windows.
MOST_FOLLOWED = 30
#: Notebooks that are looked at before they are taken: an odd one takes a second or two.
MOST_LOOKED_AT = 2
#: How long a body may take to come.
PATIENCE_S = 120.0


class ConcurrencyLimit:
    """Counts what each person has under way, of one kind."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._under_way: Counter[int] = Counter()

    @property
    def under_way(self) -> int:
        """How many there are now, of all persons."""
        return self._under_way.total()

    def refuse_one_too_many(self, person: Person) -> None:
        """Raise a 429 if this person can have no more now."""
        if self._under_way[person.id] >= self.most:
            raise HTTPException(
                429,
                f"You have {self.most} of these under way already. Wait until one is done.",
                {"Retry-After": "5"},
            )

    @asynccontextmanager
    async def one(self, person: Person) -> AsyncIterator[None]:
        """One more of this person's; 429 if there are too many."""
        self.refuse_one_too_many(person)
        self._under_way[person.id] += 1
        try:
            yield
        finally:
            self._under_way[person.id] -= 1
            if not self._under_way[person.id]:
                del self._under_way[person.id]


@asynccontextmanager
async def receiving(request: Request, person: Person) -> AsyncIterator[None]:
    """While a body of this person's is read; 408 if it takes too long, 429 for one too many."""
    async with request.app.state.received.one(person):
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield
        except TimeoutError:
            raise HTTPException(
                408, "This took too long to arrive. Try again where the network is better."
            ) from None
