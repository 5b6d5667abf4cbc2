"""Prints and raises HTML, XML, CSV formulas, terminal escapes and right-to-left marks."""
# ruff: noqa

# %% before
BAD = (
    "</pre><script>alert(1)</script><img src=x onerror=alert(1)>]]>&quot;{{7*7}}{% raw %}"
    "\x1b[2J\x1b]0;title\x07\r\n=cmd|' /C calc'!A0\u202e\x00\ud800"
)
print("attempted", BAD.encode(errors="replace").decode())


# %% loss
def loss(w, x, y):
    raise type("</pre><script>", (Exception,), {})(BAD)


# %% gradient
def gradient(w, x, y):
    return {BAD.replace("\ud800", ""): BAD.replace("\ud800", "")}
