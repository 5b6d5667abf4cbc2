"""Finds the worker in memory and makes it answer what it likes: huge errors, false calls, lies."""
# ruff: noqa

# %% before
import gc
import sys

workers = [one for one in gc.get_objects() if type(one).__name__ == "Worker"]
for worker in workers:

    def answer(node, blobs, number=[1]):
        fields = {key: value for key, value in node["dict"]}
        # As long as a frame may be, and three times as long again where it is written as ASCII.
        place = {"list": ["\u00e9" * 500_000] * 7}
        error = [["kind", "raised"], ["type", "E"], ["message", "m"], ["line", place], ["cell", ""]]
        calls = {"list": ["torch.lie"] * 90}
        pairs = [["id", fields["id"]], ["error", {"dict": error}], ["forbidden_calls", calls]]
        if fields.get("op") == "call":
            return {"dict": pairs}, []
        return type(worker).answer(worker, node, blobs)

    worker.answer = answer
    try:
        worker.withdrawal.put_back()
    except Exception:
        pass
print("attempted", len(workers) == 1)
