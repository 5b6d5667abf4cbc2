"""A checker that grades nothing, and misbehaves where a submission's text asks for it.

Run as a program it speaks the checker's protocol. The submission says what it does, in a notebook's
metadata as "says", or as its bytes: "die",
"hang", "babble", "fault", "other", "flood", "once:PATH" (dies the first time), "told:PATH" (fields
of the result are those in the JSON file), "poison" (dies over what check a was given); all else
passes.
"""

import base64
import json
import os
import sys
import time
from pathlib import Path


def result(request, setup, verdict="graded"):
    return {
        "submission": request["submission"],
        "sha256": request["sha256"],
        "lab": "tiny",
        "lab_version": "v",
        "seed": setup["seed"],
        "verdict": verdict,
        "message": request["refused"],
        "checks": [
            {"name": "a", "title": "A", "points": 1.0, "max_points": 2.0, "outcome": "partial"}
        ],
        "notes": [],
        "flags": [],
        "cell_errors": [],
        "public_output": "",
        "environment": {},
        "measured": {"pid": os.getpid()},
        "teacher": {},
    }


def say(message):
    print(json.dumps(message), flush=True)


def words_of(data):
    """What a submission asks for: in its metadata if it is a notebook, else its bytes."""
    try:
        return json.loads(data)["metadata"]["says"]
    except (ValueError, KeyError, TypeError):
        return data[:300].decode(errors="replace")


def main():
    setup = json.loads(sys.stdin.readline())
    if Path(setup["lab"]).name == "unusable":
        say({"unusable": "no sandbox here"})
        return
    if setup["lab"].startswith("/once/"):
        seen = Path(setup["lab"].removeprefix("/once"))
        if not seen.exists():
            seen.touch()
            sys.exit(3)
    if Path(setup["lab"]).name == "broken":
        print("the checks are broken", file=sys.stderr)
        sys.exit(3)
    say({"ready": {"cuda": False}})
    for line in sys.stdin:
        request = json.loads(line)
        word, _, rest = words_of(base64.b64decode(request["data"])).strip().partition(":")
        say({"at": "check a"})
        if word == "once":
            if not Path(rest).exists():
                Path(rest).touch()
                os._exit(1)
        elif word == "die":
            print("last words", file=sys.stderr, flush=True)
            os._exit(7)
        elif word == "poison" and "a" not in request["without"]:
            say({"at": "check a", "over": "a"})
            os._exit(7)
        elif word == "hang":
            time.sleep(600)
        elif word == "babble":
            print("{not json")
        elif word == "flood":
            while True:
                sys.stdout.write("x" * 1_000_000)
        elif word == "slow":
            time.sleep(float(rest))
        if word == "other":
            say({"result": result(request | {"submission": "x"}, setup)})
        elif word == "nonsense":
            say({"result": {"verdict": "splendid"}})
        elif word == "told":
            say({"result": result(request, setup) | json.loads(Path(rest).read_text())})
        elif word == "rich":
            greedy = result(request, setup)
            greedy["checks"][0]["points"] = 1e9
            say({"result": greedy})
        else:
            verdict = "invalid" if request["refused"] else "graded"
            say({"result": result(request, setup, "grader fault" if word == "fault" else verdict)})


if __name__ == "__main__":
    main()
