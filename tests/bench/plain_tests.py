"""The ten public checks as a teacher writes them for nbgrader: plain asserts, in the kernel."""

TESTS = {
    "the_error_is_a_mean": """
a, b = torch.randn(9), torch.randn(9)
assert torch.allclose(mean_squared_error(a, b), torch.nn.functional.mse_loss(a, b))
""",
    "sigmoid_is_right": """
x = 3 * torch.randn(4, 5)
assert torch.allclose(sigmoid(x), torch.special.expit(x))
""",
    "softmax_is_right": """
x = torch.randn(3, 7)
assert torch.allclose(softmax(x), torch.nn.functional.softmax(x, -1))
""",
    "cross_entropy_is_right": """
x, labels = torch.randn(6, 4), torch.randint(0, 4, (6,))
expected = torch.nn.functional.cross_entropy(x, labels)
assert torch.allclose(cross_entropy(x, labels), expected)
""",
    "one_hot_is_right": """
labels = torch.randint(0, 5, (8,))
assert torch.equal(one_hot(labels, 5), torch.nn.functional.one_hot(labels, 5).float())
""",
    "linear_is_right": """
x, w, b = torch.randn(5, 3), torch.randn(4, 3), torch.randn(4)
assert torch.allclose(linear(x, w, b), torch.nn.functional.linear(x, w, b), atol=1e-6)
""",
    "layer_norm_is_right": """
x = 2 + 3 * torch.randn(4, 9)
expected = torch.nn.functional.layer_norm(x, (9,))
assert torch.allclose(layer_norm(x), expected, atol=1e-5)
""",
    "accuracy_is_right": """
x, labels = torch.randn(20, 3), torch.randint(0, 3, (20,))
assert torch.allclose(accuracy(x, labels), (x.argmax(-1) == labels).float().mean())
""",
    "cosine_is_right": """
a, b = torch.randn(7), torch.randn(7)
expected = torch.nn.functional.cosine_similarity(a, b, dim=0)
assert torch.allclose(cosine_similarity(a, b), expected, atol=1e-6)
""",
    "moving_average_is_right": """
x = torch.randn(12)
expected = torch.nn.functional.avg_pool1d(x[None], 4, 1)[0]
assert torch.allclose(moving_average(x, 4), expected, atol=1e-6)
""",
}
