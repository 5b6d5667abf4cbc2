"""Loops over places and over the kernel's cells, a convolution without columns, windows compared.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% output_size
def output_size(n, k, stride=1, padding=0):
    count = 0
    for start in range(-padding, n + padding, stride):
        if start + k <= n + padding:
            count += 1
    return count


# %% im2col
def im2col(x, kh, kw, stride=1, padding=0):
    _N, _C, H, W = x.shape
    framed = torch.nn.functional.pad(x, [padding] * 4)
    columns = []
    for i in range(output_size(H, kh, stride, padding)):
        for j in range(output_size(W, kw, stride, padding)):
            top, left = i * stride, j * stride
            columns.append(framed[:, :, top : top + kh, left : left + kw].flatten(1))
    return torch.stack(columns, dim=2)


# %% conv
def conv(x, weight, bias, stride=1, padding=0):
    _N, _C, H, W = x.shape
    kh, kw = weight.shape[2:]
    height, width = output_size(H, kh, stride, padding), output_size(W, kw, stride, padding)
    framed = torch.nn.functional.pad(x, [padding] * 4)
    y = bias.reshape(1, -1, 1, 1)
    for a in range(kh):
        for b in range(kw):
            seen = framed[:, :, a::stride, b::stride][:, :, :height, :width]
            y = y + torch.einsum("oc,nchw->nohw", weight[:, :, a, b], seen)
    return y


# %% col2im
def col2im(columns, shape, kh, kw, stride=1, padding=0):
    N, C, H, W = shape
    width = output_size(W, kw, stride, padding)
    framed = torch.zeros(N, C, H + 2 * padding, W + 2 * padding, dtype=columns.dtype)
    for place in range(columns.shape[2]):
        top, left = place // width * stride, place % width * stride
        window = columns[:, :, place].reshape(N, C, kh, kw)
        framed[:, :, top : top + kh, left : left + kw] += window
    return framed[:, :, padding : padding + H, padding : padding + W].contiguous()


# %% conv_backward
def conv_backward(u, x, weight, stride=1, padding=0):
    _N, _C, H, W = x.shape
    height, width = u.shape[2:]
    framed = torch.nn.functional.pad(x, [padding] * 4)
    to_framed, to_weight = torch.zeros_like(framed), torch.zeros_like(weight)
    for a in range(weight.shape[2]):
        for b in range(weight.shape[3]):
            seen = framed[:, :, a::stride, b::stride][:, :, :height, :width]
            to_weight[:, :, a, b] = torch.einsum("nohw,nchw->oc", u, seen)
            part = to_framed[:, :, a::stride, b::stride][:, :, :height, :width]
            part += torch.einsum("oc,nohw->nchw", weight[:, :, a, b], u)
    to_x = to_framed[:, :, padding : H + padding, padding : W + padding]
    return to_x, to_weight, u.sum(dim=(0, 2, 3))


# %% max_pool
def max_pool(x, k, stride):
    H, W = x.shape[2:]
    height, width = output_size(H, k, stride), output_size(W, k, stride)
    places = torch.arange(H * W).reshape(H, W)
    y = winners = None
    for a in range(k):
        for b in range(k):
            seen = x[:, :, a::stride, b::stride][:, :, :height, :width]
            place = places[a::stride, b::stride][:height, :width].expand(seen.shape)
            if y is None:
                y, winners = seen, place
            else:
                larger = seen > y
                y, winners = torch.where(larger, seen, y), torch.where(larger, place, winners)
    return y, winners


# %% max_pool_backward
def max_pool_backward(u, winners, shape):
    gradient = torch.zeros(shape, dtype=u.dtype).flatten(2)
    for i in range(u.shape[2]):
        for j in range(u.shape[3]):
            gradient.scatter_add_(2, winners[:, :, i, j, None], u[:, :, i, j, None])
    return gradient.unflatten(2, shape[2:])


# %% lenet
def lenet(parameters, X):
    kept, h = [], X
    for layer in range(5):
        weight, bias = parameters[2 * layer : 2 * layer + 2]
        y = conv(h, weight, bias, padding=2 - 2 * layer) if layer < 2 else h @ weight + bias
        if layer == 4:
            kept.append((h,))
            return y, kept
        y = y.relu()
        if layer < 2:
            pooled, winners = max_pool(y, 2, 2)
            kept.append((h, y, winners))
            h = pooled if layer == 0 else pooled.flatten(1)
        else:
            kept.append((h, y))
            h = y
    return None


def lenet_backward(parameters, kept, u):
    gradients = []
    for layer in (4, 3, 2, 1, 0):
        weight, (h, *rest) = parameters[2 * layer], kept[layer]
        if layer < 2:
            y, winners = rest
            u = max_pool_backward(u.reshape(winners.shape), winners, y.shape)
        if layer < 4:
            u = torch.where(rest[0] > 0, u, 0)
        if layer < 2:
            u, to_weight, to_bias = conv_backward(u, h, weight, padding=2 - 2 * layer)
        else:
            u, to_weight, to_bias = u @ weight.T, h.T @ u, u.sum(0)
        gradients += [to_bias, to_weight]
    return gradients[::-1]
