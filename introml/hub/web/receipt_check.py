"""The page where a receipt is checked: is it genuine, whose is it, is the submission held?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from introml.hub.course import BlobDamaged, Course, Receipt, ReceiptRefused, Submission
from introml.hub.grades import receipt_of
from introml.hub.web.context import CurrentCourse, SentForm, SignedIn, page, signed_in

router = APIRouter()


@router.get("/receipts", dependencies=[Depends(signed_in)])
def receipts_page(request: Request, course: CurrentCourse) -> Response:
    """Where a receipt can be checked."""
    return page(
        request, "receipts.html", checked=None, own=False, public_key=course.signer.public_key
    )


@router.post("/receipts")
def check_receipt(
    request: Request, person: SignedIn, course: CurrentCourse, form: SentForm
) -> Response:
    """Say whether a receipt is one of ours, whose it is, and whether the submission is held."""
    given = form.get("receipt")
    text = given.file.read() if isinstance(given, UploadFile) else b""
    receipt = None
    try:
        receipt = course.signer.read(text)
        wrong = _held(course, receipt)
    except ReceiptRefused as problem:
        wrong = str(problem)
    return page(
        request,
        "receipts.html",
        checked={
            "good": not wrong,
            "words": wrong,
            "receipt": receipt,
            "at": receipt and datetime.fromisoformat(receipt.submitted_at),
        },
        own=receipt is not None and receipt.person == person.name,
        public_key=course.signer.public_key,
    )


def _held(course: Course, receipt: Receipt) -> str:
    """ "" if what the receipt says was handed in is here; else what is wrong, for the reader."""
    with course.database.reading() as session:
        one = session.get(Submission, receipt.submission)
        if one is None:
            return "The receipt is genuine, but this submission is not in the course's database."
        same = receipt_of(course, one, one.person)
    if replace(same, course=receipt.course) != receipt:
        return "The receipt is genuine, but the course's database says something else."
    try:
        course.blobs.read(receipt.sha256)
    except BlobDamaged:
        return "The receipt is genuine, but the file that was handed in is missing or damaged here."
    return ""
