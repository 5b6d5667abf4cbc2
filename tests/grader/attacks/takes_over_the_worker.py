"""Finds the worker in memory and makes it answer what it likes: huge errors, false calls, lies."""
# ruff: noqa

# %% before
import gc
import sys

workers = [one for one in gc.get_objects() if type(one).__name__ == "Worker"]
for worker in workers:
    modules = type(worker).answer.__globals__

    def answer(node, blobs, number=[1]):
        fields = {key: value for key, value in node["dict"]}
        places = ["x" * 900_000] * 7
        error = {"kind": "raised", "type": "E", "message": "m" * 1_000_000, "line": places,
                 "cell": places}  # fmt: skip
        reply = {"id": fields["id"], "error": error, "forbidden_calls": ["torch.lie"] * 90}
        if fields.get("op") == "call":
            return modules["encode"](reply)
        return type(worker).answer(worker, node, blobs)

    worker.answer = answer
    worker.watch.allow()
print("attempted", len(workers) == 1)
