"""What runs beside the service ends with it, and does not fail unseen."""

import asyncio
import logging

import pytest

from introml.hub.queue import beside


def test_work_goes_on_in_the_block_and_has_ended_after_it():
    steps = []

    async def work():
        try:
            steps.append("began")
            await asyncio.sleep(60)
        finally:
            steps.append("ended")

    async def block():
        async with beside(work(), work()):
            await asyncio.sleep(0)
            steps.append("block")

    asyncio.run(block())
    assert steps == ["began", "began", "block", "ended", "ended"]


def test_work_ends_when_the_block_fails():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def block():
        async with beside(work()):
            await asyncio.sleep(0)
            raise ValueError("the service's own")

    with pytest.raises(ValueError, match="own"):
        asyncio.run(block())
    assert ended == [True]


def test_work_that_fails_leaves_the_block_alone_and_is_logged(caplog):
    async def work():
        raise OSError("no such disk")

    async def block():
        async with beside(work()):
            await asyncio.sleep(0)
        return "served"

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(block()) == "served"
    assert "no such disk" in caplog.text
