"""JupyterHub's server for one person, where a browser's session is good in its cookie alone.

    python -m introml.hub.servers.bound_server jupyterhub.singleuser …

The hub's proxy binds cookies to the place where their browser signed in. JupyterHub keeps a token
in that cookie, shows it to every script of JupyterLab's page, and takes it from anybody in a
header. Here it does neither; the tokens that people make for programs are good in a header.
"""

from __future__ import annotations

import sys
from typing import Any

from introml.hub.servers import quick


def main(arguments: list[str]) -> None:
    """Run the module `arguments[0]` with the rest as its arguments, in this process."""
    quick.without_unused()
    bind()
    quick.main(arguments)


def bind() -> None:
    """Have this process's server show a session's token to no page, and take it in no header."""
    from jupyterhub.services.auth import HubOAuth
    from jupyterhub.singleuser.extension import JupyterHubIdentityProvider

    hook, who = JupyterHubIdentityProvider.page_config_hook, HubOAuth._get_user

    def without_token(self: Any, handler: Any, page_config: dict[str, Any]) -> dict[str, Any]:
        config = hook(self, handler, page_config)
        config["token"] = ""
        return config

    async def by_cookie_or_programs_token(self: Any, handler: Any) -> Any:
        user = await who(self, handler)
        in_header = getattr(handler, "_token_authenticated", False)
        if user is not None and in_header and user.get("session_id"):
            handler._token_authenticated = False
            user = handler._cached_hub_user = None
        return user

    JupyterHubIdentityProvider.page_config_hook = without_token
    HubOAuth._get_user = by_cookie_or_programs_token


if __name__ == "__main__":
    main(sys.argv[1:])
