"""How far gradings are, and one watcher for all who wait."""

import asyncio
import json
import time

from tiny_course import grade_next, make_course

from introml.hub.course.models import Submission
from introml.hub.grades.grading_progress import Progress, Watcher, progress_of, progress_of_many
from introml.hub.grades.submissions import hand_in
from introml.hub.queue import jobs
from introml.hub.queue.jobs import queue


def submit(course, name="ann", data=b"{}"):
    receipt = hand_in(course, name, course.labs["tiny"], "tiny.ipynb", data).receipt
    return json.loads(receipt)["submission"]


#: What a listener hears that asks while the grading is under way.
IN_BETWEEN = ["waiting", "grading", "done"]


def both(course, idents):
    """What the two ways to ask say: they must agree."""
    with course.database.reading() as session:
        many = progress_of_many(session, idents)
        single = {one: progress_of(session, session.get_one(Submission, one)) for one in idents}
    assert many == single
    return [many[one] for one in idents]


def test_from_waiting_to_done_with_the_place_in_the_queue(course):
    idents = [submit(course, "ann"), submit(course, "bob"), submit(course, "ann", b"{ }")]
    assert [one.place for one in both(course, idents)] == [0, 1, 2]
    lease = jobs.lease(course, "w", ["cpu"])
    states = [(one.state, one.place) for one in both(course, idents)]
    assert states == [("grading", 0), ("waiting", 0), ("waiting", 1)]
    jobs.hand_back(course, lease.grading, lease.token, "ended")
    grade_next(course, 5)
    assert both(course, idents)[0] == Progress("done", 0, "graded", 5.0, 10.0)


def test_graded_again_it_stays_done_and_has_no_place_before_students(course):
    first = submit(course)
    grade_next(course, 5)
    with course.database.writing() as session:
        queue(session, session.get_one(Submission, first), course, "mended")
    second = submit(course, "bob")
    done, waits = both(course, [first, second])
    assert done.state == "done"
    assert waits == Progress("waiting", 0)
    grade_next(course, 1)
    grade_next(course, 9)
    assert both(course, [first])[0].score == 9.0


def test_listeners_hear_each_change_and_the_end(sqlite_course):
    course = sqlite_course

    async def scene():
        watcher = Watcher(course, every_s=0.02)
        before, ident = submit(course, "bob"), submit(course, "ann")
        heard = []

        async def listen():
            async for progress in watcher.follow(ident):
                heard.append((progress.state, progress.place))

        listener = asyncio.create_task(listen())
        await until(lambda: heard == [("waiting", 1)])
        grade_next(course)
        await until(lambda: heard[-1] == ("waiting", 0))
        lease = jobs.lease(course, "w", ["cpu"])
        assert lease.submission == ident != before
        await until(lambda: heard[-1] == ("grading", 0))
        jobs.hand_back(course, lease.grading, lease.token, "")
        grade_next(course)
        await asyncio.wait_for(listener, 120)
        assert heard[-1] == ("done", 0)
        await until(lambda: watcher._task is None)
        assert watcher.listening == 0

    asyncio.run(scene())


def test_five_hundred_listeners_cost_no_more_questions_than_one(sqlite_course):
    course = sqlite_course
    ident = submit(course)

    async def scene():
        watcher = Watcher(course, every_s=0.1)

        async def listen():
            return [one.state async for one in watcher.follow(ident)]

        listeners = [asyncio.create_task(listen()) for _ in range(500)]
        await until(lambda: watcher.listening == 500)
        began, asked = time.monotonic(), watcher.asked
        await asyncio.sleep(1)
        rate = (watcher.asked - asked) / (time.monotonic() - began)
        assert rate <= 11
        grade_next(course)
        heard = await asyncio.wait_for(asyncio.gather(*listeners), 120)
        assert all(one in (["waiting", "done"], IN_BETWEEN) for one in heard)

    asyncio.run(scene())


def test_a_database_that_is_away_ends_no_listening(postgres, tmp_path):
    course = make_course(tmp_path, postgres.database())
    ident = submit(course)

    async def scene():
        watcher = Watcher(course, every_s=0.05)
        heard = []

        async def listen():
            async for progress in watcher.follow(ident):
                heard.append(progress.state)

        listener = asyncio.create_task(listen())
        await until(lambda: heard)
        postgres.kill()
        try:
            await asyncio.sleep(0.5)
            assert not listener.done()
        finally:
            postgres.start()
        await asyncio.to_thread(grade_next, course)
        await asyncio.wait_for(listener, 120)
        assert heard in (["waiting", "done"], IN_BETWEEN)

    asyncio.run(scene())


async def until(true, limit_s=120):
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.01)
