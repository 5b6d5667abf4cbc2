"""A student's pages: the labs, one lab, one submission, and the check of a receipt."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from introml.hub.models import Person
from introml.hub.web.context import current_course, form_checked, page, signed_in

router = APIRouter()


@router.get("/")
def home(request: Request, person: Person = Depends(signed_in)) -> Response:
    """The labs of the course, and where this person stands in each."""
    return page(request, "home.html", labs=list(current_course(request).labs.values()))


@router.post("/sign-out", dependencies=[Depends(form_checked)])
def sign_out(request: Request) -> Response:
    """End this browser's session, here and at JupyterHub."""
    return request.app.state.identify.end(request)
