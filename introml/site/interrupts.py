"""Run a coroutine that SIGINT, SIGTERM and SIGHUP end in good order."""

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_signal(main: Callable[[], Awaitable[None]]) -> None:
    """Run the coroutine; a signal cancels it, and is raised once it has cleaned up after itself.

    SIGINT becomes `KeyboardInterrupt`, the others `SystemExit` with 128 and the signal's number.
    Signals that the process ignores, as under nohup, stay ignored. Outside the main thread, where
    Python hears no signals, the coroutine just runs.
    """
    heard = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in heard}
    before = {n: handler for n, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    received: list[int] = []

    async def guarded() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop(number: int) -> None:
            received.append(number)
            if len(received) == 1 and task is not None:
                task.cancel()

        for number in before:
            loop.add_signal_handler(number, stop, number)
        try:
            await main()
        except asyncio.CancelledError:
            if not received:
                raise

    try:
        asyncio.run(guarded())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received[:1] == [signal.SIGINT]:
        raise KeyboardInterrupt
    if received:
        sys.exit(128 + received[0])
