"""Views by as_strided, places by indices, products by einsum over the windows.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% output_size
def output_size(n, k, stride=1, padding=0):
    return math.ceil((n + 2 * padding - k + 1) / stride)


# %% im2col
def im2col(x, kh, kw, stride=1, padding=0):
    return windows_of(x, kh, kw, stride, padding).reshape(len(x), x.shape[1] * kh * kw, -1)


def windows_of(x, kh, kw, stride, padding):
    N, C, H, W = x.shape
    framed = torch.nn.functional.pad(x, (padding, padding, padding, padding)).contiguous()
    n, c, h, w = framed.stride()
    height, width = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    shape = (N, C, kh, kw, height, width)
    return framed.as_strided(shape, (n, c, h, w, stride * h, stride * w))


# %% conv
def conv(x, weight, bias, stride=1, padding=0):
    windows = windows_of(x, weight.shape[2], weight.shape[3], stride, padding)
    return torch.einsum("ocab,ncabhw->nohw", weight, windows) + bias[None, :, None, None]


# %% col2im
def col2im(columns, shape, kh, kw, stride=1, padding=0):
    N, C, H, W = shape
    down, across = H + 2 * padding, W + 2 * padding
    cells = torch.arange(down * across, dtype=torch.float64).reshape(1, 1, down, across)
    came_from = windows_of(cells, kh, kw, stride, 0).reshape(-1).long()
    framed = columns.new_zeros(N * C, down * across)
    framed.index_add_(1, came_from, columns.reshape(N * C, -1))
    framed = framed.reshape(N, C, down, across)
    return framed[..., padding : down - padding, padding : across - padding]


# %% conv_backward
def conv_backward(u, x, weight, stride=1, padding=0):
    _O, C, kh, kw = weight.shape
    windows = windows_of(x, kh, kw, stride, padding)
    to_weight = torch.einsum("nohw,ncabhw->ocab", u, windows)
    to_columns = torch.einsum("ocab,nohw->ncabhw", weight, u)
    to_columns = to_columns.reshape(len(x), C * kh * kw, -1)
    to_x = col2im(to_columns, x.shape, kh, kw, stride, padding)
    return to_x, to_weight, torch.einsum("nohw->o", u)


# %% max_pool
def max_pool(x, k, stride):
    _N, _C, H, W = x.shape
    windows = windows_of(x, k, k, stride, 0).flatten(2, 3)
    cell = windows.argmax(2, keepdim=True)
    y = windows.gather(2, cell).squeeze(2)
    places = torch.arange(H * W, dtype=x.dtype).reshape(1, 1, H, W)
    places = windows_of(places, k, k, stride, 0).flatten(2, 3).expand(windows.shape)
    return y, places.gather(2, cell).squeeze(2).long()


# %% max_pool_backward
def max_pool_backward(u, winners, shape):
    N, C, H, W = shape
    plane = torch.arange(N * C).reshape(N, C, 1, 1) * (H * W)
    gradient = torch.zeros(N * C * H * W, dtype=u.dtype)
    gradient.put_(plane + winners, u, accumulate=True)
    return gradient.view(shape)


# %% lenet
def lenet(parameters, X):
    K1, b1, K2, b2, *dense = parameters
    kept = {"in 1": X, "out 1": torch.relu(conv(X, K1, b1, 1, 2))}
    kept["in 2"], kept["winners 1"] = max_pool(kept["out 1"], 2, 2)
    kept["out 2"] = torch.relu(conv(kept["in 2"], K2, b2))
    pooled, kept["winners 2"] = max_pool(kept["out 2"], 2, 2)
    kept["in 3"] = pooled.reshape(len(X), -1)
    kept["in 4"] = torch.relu(torch.addmm(dense[1], kept["in 3"], dense[0]))
    kept["in 5"] = torch.relu(torch.addmm(dense[3], kept["in 4"], dense[2]))
    return torch.addmm(dense[5], kept["in 5"], dense[4]), (kept,)


def lenet_backward(parameters, kept, u):
    (kept,) = kept
    gradients = {9: u.sum(0), 8: torch.mm(kept["in 5"].T, u)}
    u = torch.mm(u, parameters[8].T) * kept["in 5"].sign()
    gradients |= {7: u.sum(0), 6: torch.mm(kept["in 4"].T, u)}
    u = torch.mm(u, parameters[6].T) * kept["in 4"].sign()
    gradients |= {5: u.sum(0), 4: torch.mm(kept["in 3"].T, u)}
    u = torch.mm(u, parameters[4].T).view(kept["winners 2"].shape)
    u = max_pool_backward(u, kept["winners 2"], kept["out 2"].shape) * kept["out 2"].sign()
    u, gradients[2], gradients[3] = conv_backward(u, kept["in 2"], parameters[2])
    u = max_pool_backward(u, kept["winners 1"], kept["out 1"].shape) * kept["out 1"].sign()
    _, gradients[0], gradients[1] = conv_backward(u, kept["in 1"], parameters[0], 1, 2)
    return [gradients[number] for number in range(10)]
