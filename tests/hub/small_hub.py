"""A stand-in for JupyterHub's API, for tests of the service that asks it who someone is."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from served import PREFIX

ACCESS = "access:services!service=course"


def challenge_of(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class SmallHub:
    """What of JupyterHub's API the service uses: who a token is, and a token for a code."""

    def __init__(self):
        self.users: dict[str, dict] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        self.asked = 0
        self.down = False
        self.app = FastAPI()
        self.app.get("/hub/api/user")(self.user)
        self.app.post("/hub/api/oauth2/token")(self.token)

    def make_token(self, name, scopes=(ACCESS,), kind="user", session_id=None):
        token = secrets.token_hex(16)
        self.users[token] = {
            "name": name, "kind": kind, "scopes": list(scopes), "admin": False,
            "session_id": session_id,
        }  # fmt: skip
        return token

    def authorize(self, address, name):
        """What the hub does when someone comes by that address and is signed in: the way back."""
        query = {key: value for key, (value,) in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_hex(8)
        self.codes[code] = (name, query["code_challenge"])
        path = query["redirect_uri"].removeprefix(PREFIX)
        return f"{path}?code={code}&state={query['state']}"

    async def user(self, request: Request):
        self.asked += 1
        if self.down:
            return JSONResponse({}, 502)
        token = request.headers["authorization"].removeprefix("token ")
        found = self.users.get(token)
        return JSONResponse(found or {"message": "Forbidden"}, 200 if found else 403)

    async def token(self, request: Request):
        form = await request.form()
        name, challenge = self.codes.pop(form["code"], ("", ""))
        right = challenge_of(form.get("code_verifier", "")) == challenge
        if not name or not right or form["client_secret"] != "the-services-token":
            return JSONResponse({"error": "invalid_grant"}, 400)
        return {"access_token": self.make_token(name, session_id="s1"), "token_type": "Bearer"}
