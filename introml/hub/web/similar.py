"""The teacher's pages on which submissions of a lab resemble each other."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from introml.hub.grades import similarity
from introml.hub.web.context import CurrentCourse, CurrentLab
from introml.hub.web.similarity_report import (
    all_handed_in,
    pair_of,
    percent,
    report_of,
    side_by_side,
)
from introml.hub.web.teacher_page import Name, teacher_page

pages = APIRouter()


@pages.get("/labs/{lab}/similar")
def similarity_page(request: Request, course: CurrentCourse, lab: CurrentLab) -> Response:
    """The pairs of a lab, the most alike first, and what is usual in this class."""
    handed_in = all_handed_in(course, lab)
    return teacher_page(
        request,
        "teach_similar.html",
        lab=lab,
        handed_in=handed_in,
        report=report_of(course, lab, handed_in),
        limits=similarity,
        percent=percent,
    )


@pages.get("/labs/{lab}/similar/{one}/{other}")
def similar_pair_page(
    request: Request, course: CurrentCourse, one: Name, other: Name, lab: CurrentLab
) -> Response:
    """Two submissions side by side."""
    handed_in = all_handed_in(course, lab)
    report = report_of(course, lab, handed_in)
    pair = pair_of(report, (one, other))
    if pair is None:
        raise HTTPException(404, "These two are not in the list: something new was handed in.")
    return teacher_page(
        request,
        "teach_similar_pair.html",
        lab=lab,
        handed_in=handed_in,
        shown=side_by_side(course, lab, report, pair, handed_in),
        percent=percent,
    )
