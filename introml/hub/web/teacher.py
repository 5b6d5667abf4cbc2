"""The teacher's pages: each of them is for teachers alone, and each form is checked.

Both hold for whole routers, so that a new page or form cannot be without.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends

from introml.hub.web import similar, teacher_course, teacher_forms, teacher_labs, teacher_roster
from introml.hub.web.context import form_checked, teacher

router = APIRouter(dependencies=[Depends(teacher)])
for module in (teacher_course, teacher_labs, teacher_roster, similar):
    router.include_router(module.pages, prefix="/teach")
for module in (teacher_forms, teacher_roster):
    router.include_router(module.forms, prefix="/teach", dependencies=[Depends(form_checked)])
