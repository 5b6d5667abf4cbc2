"""The teacher's pages on which submissions of a lab resemble each other."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from introml.grader.lab import Lab
from introml.hub.grades import similarity
from introml.hub.web.context import current_course, current_lab
from introml.hub.web.similarity_report import (
    newest_of_all,
    pair_of,
    percent,
    report_of,
    side_by_side,
)
from introml.hub.web.teacher_page import Name, teacher_page

pages = APIRouter()


@pages.get("/labs/{lab}/similar")
def similarity_page(request: Request, lab: Lab = Depends(current_lab)) -> Response:
    """The pairs of a lab, the most alike first, and what is usual in this class."""
    course = current_course(request)
    newest = newest_of_all(course, lab)
    return teacher_page(
        request,
        "teach_similar.html",
        lab=lab,
        newest=newest,
        report=report_of(course, lab, newest),
        limits=similarity,
        percent=percent,
    )


@pages.get("/labs/{lab}/similar/{one}/{other}")
def similar_pair_page(
    request: Request, one: Name, other: Name, lab: Lab = Depends(current_lab)
) -> Response:
    """Two submissions side by side."""
    course = current_course(request)
    newest = newest_of_all(course, lab)
    report = report_of(course, lab, newest)
    pair = pair_of(report, (one, other))
    if pair is None:
        raise HTTPException(404, "These two are not in the list: something new was handed in.")
    return teacher_page(
        request,
        "teach_similar_pair.html",
        lab=lab,
        newest=newest,
        shown=side_by_side(course, lab, report, pair, newest),
        percent=percent,
    )
