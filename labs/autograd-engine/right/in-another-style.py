"""Order by counting users, gradients in lists by place, functions with names in place of lambdas.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% value
class Value:
    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes, self.grad = data, inputs, slopes, 0.0

    def __add__(self, b):
        return Value(b.data + self.data, (b, self), (1, 1))

    def __sub__(self, b):
        return Value(self.data - b.data, (b, self), (-1, 1))

    def __mul__(self, b):
        return Value(b.data * self.data, (b, self), (self.data, b.data))

    def __truediv__(self, b):
        return Value(self.data / b.data, (b, self), (-self.data / b.data**2, b.data**-1))

    def exp(self):
        return Value(math.exp(self.data), (self,), (math.exp(self.data),))

    def tanh(self):
        return Value(math.tanh(self.data), (self,), (math.cosh(self.data) ** -2,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))


# %% topological_order
def topological_order(result):
    users, found = {result: 0}, [result]
    for box in found:
        for one in box.inputs:
            if one not in users:
                users[one] = 0
                found.append(one)
            users[one] += 1
    order = [result]
    for box in order:
        for one in box.inputs:
            users[one] -= 1
            if users[one] == 0:
                order.append(one)
    return list(reversed(order))


# %% backward_numbers
def backward_numbers(result):
    order = topological_order(result)
    at = {box: place for place, box in enumerate(order)}
    received = [0.0] * len(order)
    received[-1] = 1.0
    while received:
        upstream = received.pop()
        box = order[len(received)]
        if box.inputs == ():
            box.grad = box.grad + upstream
        for one, slope in zip(box.inputs, box.slopes, strict=True):
            received[at[one]] += upstream * slope


# %% sum_to
def sum_to(u, shape):
    front = u.ndim - len(shape)
    axes = list(range(front))
    axes += [front + axis for axis, size in enumerate(shape) if size == 1]
    return u.sum(axes).reshape(shape) if axes else u


# %% array
class Array:
    def __init__(self, data, inputs=(), saved=(), pull=None):
        self.data, self.inputs, self.saved, self.pull = data, inputs, saved, pull
        self.shape, self.grad = data.shape, None

    def __add__(self, b):
        def pull(u):
            return u, u

        return Array(torch.add(self.data, b.data), (self, b), (), pull)

    def __sub__(self, b):
        def pull(u):
            return -u, u

        return Array(torch.sub(self.data, b.data), (b, self), (), pull)

    def __mul__(self, b):
        def pull(u, y, x):
            return x * u, y * u

        return Array(torch.mul(self.data, b.data), (b, self), (self.data, b.data), swap(pull))

    def __matmul__(self, b):
        def pull(u, *matrices):
            left, right = matrices
            return torch.matmul(u, right.transpose(-2, -1)), torch.matmul(left.transpose(-2, -1), u)

        return Array(torch.matmul(self.data, b.data), (self, b), (self.data, b.data), pull)

    def tanh(self):
        result = torch.tanh(self.data)
        return Array(result, (self,), [result], lambda u, t: [u - u * t**2])

    def relu(self):
        result = torch.relu(self.data)
        return Array(result, (self,), [result], lambda u, r: [torch.where(r > 0, u, 0)])

    def sum(self):
        like = self.shape
        return Array(self.data.sum(), (self,), (), lambda u: [u * torch.ones(like, dtype=u.dtype)])


def swap(pull):
    return lambda u, x, y: pull(u, y, x)


# %% backward_arrays
def backward_arrays(result):
    order = topological_order(result)
    upstream = {box: [] for box in order}
    upstream[result].append(torch.ones(result.shape, dtype=result.data.dtype))
    while order:
        box = order.pop()
        u = sum(upstream[box])
        if len(box.inputs) == 0:
            box.grad = u if box.grad is None else u + box.grad
        else:
            for one, share in zip(box.inputs, box.pull(u, *box.saved), strict=True):
                upstream[one].append(sum_to(share, one.shape))


# %% saved_bytes
def saved_bytes(result):
    tensors = [tensor for box in topological_order(result) for tensor in box.saved]
    addresses = {tensor.data_ptr() for tensor in tensors}
    return sum(next(t.nbytes for t in tensors if t.data_ptr() == address) for address in addresses)
