"""What the text of each lab asks or promises, sentence by sentence, and the checks that hold it.

`test_promises.py` holds the table to the text and to the checks: each sentence stands in lab.md,
each line of an answer's docstring stands here, each check is named, and none that is not there.
A promise that is not about an answer names the test that holds it, by its module.
"""

# (a sentence or a part of one, the checks or tests), in the order of the text
GRADIENT_DESCENT = [
    (
        "Automatic differentiation, `torch.optim`, the library's losses, its solvers of linear "
        "equations and `torch.utils.data` are not allowed",
        ["tests/labs/test_cheating.py", "tests/grader/wire/test_withdrawal.py"],
    ),
    (
        "When you hand in, further checks run at other sizes and in double precision; they ask "
        "for nothing that the text does not say.",
        ["tests/labs/test_promises.py"],
    ),
    (
        "The docstrings give the shapes of what goes in and, after `->`, of what comes out.",
        ["predictions_and_loss", "gradient_of_the_mean_loss", "path_of_the_descent"],
    ),
    (
        "Every function works for any n ≥ 1 and d ≥ 1",
        ["gradient_at_other_sizes", "converges_up_to_the_bound", "shuffled_anew", "right_updates"],
    ),
    (
        "and returns numbers in the dtype of `X`, be it `float32` or `float64`.",
        [
            "predictions_and_loss", "gradient_of_the_mean_loss", "training_finds_the_line",
            "gradient_at_other_sizes", "converges_up_to_the_bound", "right_updates",
        ],
    ),
    (
        "None changes the tensors that it is given.",
        [
            "predictions_and_loss", "gradient_of_the_mean_loss", "one_update",
            "path_of_the_descent", "right_updates",
        ],
    ),
    (
        "A number counts as right when it is within 0.01% of the exact one in `float32`, and "
        "within a millionth of a percent in `float64` (near zero, within 10⁻⁵ and 10⁻⁹).",
        ["tests/labs/test_promises.py"],
    ),
    ("ŷ = Xw + b.", ["predictions_and_loss", "gradient_at_other_sizes"]),
    ("X (n, d), w (d,), b () -> (n,).", ["predictions_and_loss", "gradient_at_other_sizes"]),
    ("This is a *mean*, in the whole lab.", ["predictions_and_loss", "right_updates"]),
    ("The mean over the examples of ½(ŷ − y)².", ["predictions_and_loss"]),
    (
        "X (n, d), y (n,), w (d,), b () -> (), a tensor with a single number.",
        ["predictions_and_loss"],
    ),
    (
        "The example from above, to try it on: the loss should be 1.25.",
        ["tests/labs/test_gradient_descent_lab.py"],
    ),
    (
        "(∂L/∂w, ∂L/∂b) of the mean loss.",
        ["gradient_of_the_mean_loss", "gradient_at_other_sizes"],
    ),
    (
        "X (n, d), y (n,), w (d,), b () -> (d,) and ().",
        ["gradient_of_the_mean_loss", "gradient_at_other_sizes"],
    ),
    (
        "all of them belong to *one* point: the old $\\mathbf{w}$ with the old $b$.",
        ["one_update"],
    ),
    (
        "Return new tensors and leave the old ones as they are: `w -= …` would change the "
        "caller's.",
        ["one_update"],
    ),
    ("The new w and b after one step of descent on the mean loss.", ["one_update"]),
    (
        "X (n, d), y (n,), w (d,), b (), lr the learning rate η -> (d,) and ().",
        ["one_update", "converges_up_to_the_bound"],
    ),
    (
        "It has the start in its first row and one more row for each step: `steps + 1` rows in "
        "all.",
        ["path_of_the_descent"],
    ),
    ("With zero steps it is the start alone.", ["converges_up_to_the_bound"]),
    ("A row holds the d weights and then the bias.", ["path_of_the_descent"]),
    ("The rows must be values of their own.", ["path_of_the_descent"]),
    (
        "The path of gradient descent on all the data, from (w, b).",
        ["path_of_the_descent", "converges_up_to_the_bound"],
    ),
    ("The rate is constant.", ["path_of_the_descent"]),
    (
        "X (n, d), y (n,), w (d,), b () -> (steps + 1, d + 1): each row is w and then b.",
        ["path_of_the_descent"],
    ),
    (
        "So shuffle the examples, cut them into batches, and make one update for each batch.",
        ["every_example_once", "training_finds_the_line"],
    ),
    ("Each example comes exactly once.", ["every_example_once", "training_finds_the_line"]),
    (
        "The last batch is short, and it is kept",
        ["every_example_once", "training_finds_the_line", "right_updates"],
    ),
    (
        "The next epoch has a new permutation, in which every order is as likely as any other.",
        ["shuffled_anew"],
    ),
    ("Take the random numbers from torch's global generator", ["every_example_once"]),
    (
        "do not seed it: whoever calls the function does that, so that a run can be repeated.",
        ["every_example_once", "right_updates"],
    ),
    ("For each epoch a list of batches.", ["every_example_once"]),
    ("A batch is an int64 vector of indices 0 … n − 1.", ["every_example_once"]),
    (
        "All batches have batch_size indices, but for the last of an epoch, which has what is "
        "left: 1 to batch_size.",
        ["every_example_once", "shuffled_anew"],
    ),
    ("1 ≤ batch_size ≤ n.", ["shuffled_anew", "right_updates"]),
    (
        "With the same seed it returns the same batches, and with another one others.",
        ["every_example_once"],
    ),
    (
        "The first update has a rate above zero, or it would be wasted; so has the last one, "
        "t = T − 1.",
        ["climbs_then_falls", "schedule_at_every_step"],
    ),
    ("W may be 0: then the rate starts at its peak.", ["schedule_at_every_step"]),
    ("The rate of update t = 0, 1, …", ["climbs_then_falls", "schedule_at_every_step"]),
    (
        "It warms up linearly, then decays linearly to zero.",
        ["climbs_then_falls", "schedule_at_every_step"],
    ),
    (
        "warmup is W, total is T, 0 ≤ W < T -> a Python float.",
        ["climbs_then_falls", "schedule_at_every_step"],
    ),
    ("Start with all weights and the bias at zero.", ["right_updates"]),
    (
        "take the batch's rows of `X` and `y`;",
        ["training_finds_the_line", "right_updates"],
    ),
    (
        "note the batch's loss, the mean over its own examples, *before* the update;",
        ["training_finds_the_line", "right_updates"],
    ),
    (
        "make one update on the batch, with the rate of the schedule for this update.",
        ["training_finds_the_line", "right_updates"],
    ),
    (
        "The counter t of the schedule runs through all updates of all epochs, and T is their "
        "number: epochs · ⌈n / batch_size⌉.",
        ["training_finds_the_line", "right_updates"],
    ),
    (
        "Each epoch visits each example once, in an order of its own.",
        ["training_finds_the_line", "right_updates"],
    ),
    ("Nothing here is seeded either.", ["right_updates"]),
    (
        "w and b after minibatch descent with a schedule, and the losses.",
        ["training_finds_the_line", "right_updates", "holds_on_fresh_data"],
    ),
    ("There is a loss for each batch: the one before its update.", ["right_updates"]),
    (
        "X (n, d), y (n,) -> w (d,), b (), losses (updates,).",
        ["training_finds_the_line", "right_updates", "holds_on_fresh_data"],
    ),
    (
        "Try `peak=1.0` for the batches of 4 alone, `for batch_size in (4,)`. How far does the "
        "loss climb, and why does it come back? Then add `warmup=200`: does it climb less, or "
        "only later?",
        ["labs/gradient-descent/lab_test.toml", "tests/labs/test_gradient_descent_lab.py"],
    ),
]  # fmt: skip

ATTENTION = [
    (
        "Its numbers will equal PyTorch's, and so will its gradients.",
        [
            "attention_equals_torch", "heads_equal_torch", "gradients_equal_torch",
            "heads_on_the_gpu",
        ],
    ),
    (
        "PyTorch's attention and softmax functions are not allowed, and neither is its "
        "`logsumexp`.",
        ["tests/labs/test_cheating.py", "tests/grader/wire/test_withdrawal.py"],
    ),
    (
        "When you hand in, further checks run at other sizes, in other dtypes, and on properties "
        "that the text states.",
        ["attention_in_other_dtypes", "heads_at_other_sizes", "positions_at_other_sizes"],
    ),
    (
        "On a machine with a GPU some of them run on the GPU too.",
        ["attention_on_the_gpu", "heads_on_the_gpu", "blocks_on_the_gpu"],
    ),
    (
        "Results have the dtype of the inputs: `bfloat16` in, `bfloat16` out.",
        ["attention_equals_torch", "attention_in_other_dtypes"],
    ),
    (
        "A number counts as right when it is within 0.01% of the exact one in `float32`, within "
        "a millionth of a percent in `float64`, and within 5% in `bfloat16`, which keeps two to "
        "three digits (near zero, within 10⁻⁵ and 10⁻⁹, and in `bfloat16` a weight within 0.004 "
        "and an output within 0.05).",
        ["tests/labs/test_promises.py"],
    ),
    (
        "No function changes the tensors that it is given.",
        [
            "softmax_of_rows", "attention_equals_torch", "masked_positions_get_no_weight",
            "heads_equal_torch", "blocks_equal_the_whole", "gradients_equal_torch",
        ],
    ),
    (
        "New tensors go where the inputs are (`device=x.device`), so that the code runs on a GPU "
        "as well.",
        ["attention_on_the_gpu", "heads_on_the_gpu", "blocks_on_the_gpu"],
    ),
    (
        "Each row's shares: exp(xᵢ) / Σⱼ exp(xⱼ) along the last dimension.",
        ["softmax_of_rows"],
    ),
    (
        "x (…, S) -> (…, S), in the dtype of x.",
        ["softmax_of_rows", "attention_in_other_dtypes"],
    ),
    ("Finite for entries of any size.", ["softmax_of_rows", "large_scores"]),
    (
        "An entry of −∞ gets 0, and a row of −∞ alone becomes zeros.",
        ["softmax_of_rows"],
    ),
    ("**a row of $-\\infty$ alone gives a row of zeros**", ["softmax_of_rows"]),
    (
        "It is boolean, and **True means \"may attend\"**.",
        ["masks_say_who_may_attend", "masked_positions_get_no_weight"],
    ),
    (
        "position t may look at itself and at what came before.",
        ["masks_say_who_may_attend", "nothing_from_later"],
    ),
    ("Nobody may look at the filling.", ["masks_say_who_may_attend"]),
    (
        "The mask has two dimensions of size 1 in the middle, so that it broadcasts over heads "
        "and queries, to (B, H, T, S).",
        ["masks_say_who_may_attend"],
    ),
    (
        "mask[t, s] says whether query t may look at key s: if s ≤ t.",
        ["masks_say_who_may_attend"],
    ),
    ("-> (T, T), boolean.", ["masks_say_who_may_attend"]),
    (
        "mask[b, 0, 0, s] says whether key s of example b is real.",
        ["masks_say_who_may_attend"],
    ),
    ("It is if s < lengths[b].", ["masks_say_who_may_attend"]),
    (
        "lengths (B,), integers from 0 to S -> (B, 1, 1, S), boolean, on the device of lengths.",
        ["masks_say_who_may_attend", "heads_on_the_gpu"],
    ),
    (
        "A **masked score becomes $-\\infty$ before the softmax**. Then its weight is exactly 0, "
        "and the weights that are left still sum to 1.",
        ["masked_positions_get_no_weight"],
    ),
    (
        "A query that may look at nothing gets weights of zero, and so an output of zero; its "
        "gradients are zero too, not NaN.",
        ["query_that_sees_nothing"],
    ),
    ("softmax(QKᵀ/√D) V, and the weights.", ["attention_equals_torch", "large_scores"]),
    (
        "q (…, T, D), k (…, S, D), v (…, S, Dv) -> output (…, T, Dv) and weights (…, T, S).",
        ["attention_equals_torch", "attention_in_other_dtypes"],
    ),
    (
        "mask is boolean, True where a query may attend, and broadcasts to the shape of the "
        "weights.",
        ["masked_positions_get_no_weight", "attention_in_other_dtypes"],
    ),
    (
        "The width d is cut into H parts of D = d/H numbers; each head attends with its own "
        "part, and the H results are joined to d numbers again.",
        ["heads_equal_torch", "heads_at_other_sizes"],
    ),
    (
        "Keys *and* values come from a second sequence, the `context`, which may have another "
        "length S",
        ["cross_attention_reads_the_context"],
    ),
    (
        "The four linear layers have biases and are called `q_proj`, `k_proj`, `v_proj` and "
        "`out_proj`, each from d to d.",
        ["heads_equal_torch"],
    ),
    ("H heads that attend side by side.", ["heads_equal_torch"]),
    ("H divides d.", ["heads_at_other_sizes"]),
    (
        "Parameters: q_proj, k_proj, v_proj, out_proj, each nn.Linear(d, d).",
        ["heads_equal_torch"],
    ),
    ("The output, and the weights of each head.", ["heads_equal_torch"]),
    (
        "x (B, T, d), context (B, S, d), or None for self-attention -> (B, T, d) and "
        "(B, H, T, S).",
        ["heads_equal_torch", "cross_attention_reads_the_context", "heads_at_other_sizes"],
    ),
    ("mask broadcasts to (B, H, T, S).", ["heads_at_other_sizes", "nothing_from_later"]),
    (
        "Shuffle the rows of `x`, and self-attention without a mask returns the same rows, "
        "shuffled in the same way.",
        ["shuffled_in_shuffled_out"],
    ),
    (
        "Sines stand in the even columns and cosines in the odd ones; t and i count from 0.",
        ["positions_interleave"],
    ),
    (
        "The sin–cos vectors of positions 0 … T − 1.",
        ["positions_interleave", "positions_at_other_sizes"],
    ),
    (
        "d is even -> (T, d), float32.",
        ["positions_interleave", "positions_at_other_sizes"],
    ),
    (
        "each pair is one vector: the embedding of its name plus the embedding of its value;",
        ["lookup_ignores_order_and_padding", "learns_to_look_up"],
    ),
    (
        "the question's embedding attends to the pairs, by one `MultiHeadAttention(d, "
        "num_heads)` (cross-attention with T = 1);",
        ["lookup_ignores_order_and_padding"],
    ),
    (
        "a linear layer turns the output into one score for each possible value.",
        ["lookup_ignores_order_and_padding"],
    ),
    (
        "So the padding must be masked.",
        ["lookup_ignores_order_and_padding", "learns_to_look_up"],
    ),
    (
        "The order of the pairs must play no part, so no positions are added.",
        ["lookup_ignores_order_and_padding"],
    ),
    ("Answers a question from pairs of a name and a value.", ["learns_to_look_up"]),
    (
        "It looks the answer up by one layer of cross-attention.",
        ["lookup_ignores_order_and_padding"],
    ),
    ("A score for each possible value.", ["lookup_ignores_order_and_padding"]),
    (
        "names and values (B, S), lengths (B,), questions (B,), integers -> (B, num_values).",
        ["lookup_ignores_order_and_padding", "learns_to_look_up"],
    ),
    (
        "The checks call `learn_lookups`, and keep the answers to the new questions to "
        "themselves.",
        ["learns_to_look_up"],
    ),
    ("Try 100 in place of 4,000.", ["labs/attention/lab_test.toml"]),
    (
        "Read the keys in blocks of `size`.",
        ["blocks_equal_the_whole", "blocks_keep_memory_small"],
    ),
    (
        "everything summed up so far is too large by the factor $e^{m' - m}$",
        ["blocks_equal_the_whole", "large_scores"],
    ),
    (
        "Write it so that no tensor is larger than the inputs or than T × `size` (times the "
        "leading dimensions).",
        ["blocks_equal_the_whole", "blocks_keep_memory_small", "blocks_on_the_gpu"],
    ),
    (
        "To go through the queries instead, and give each of them all keys, is not what is "
        "asked: the keys are to be read in blocks.",
        ["blocks_equal_the_whole", "blocks_keep_memory_small"],
    ),
    (
        "One hidden check calls it with so many queries and keys that the table of all scores "
        "does not fit into the memory that a submission has, 800 MB.",
        ["blocks_keep_memory_small"],
    ),
    ("The last block may be short.", ["blocks_equal_the_whole"]),
    (
        "The output of attention(q, k, v), from `size` keys at a time.",
        ["blocks_equal_the_whole", "blocks_keep_memory_small"],
    ),
    (
        "q (…, T, D), k (…, S, D), v (…, S, Dv) -> (…, T, Dv).",
        ["blocks_equal_the_whole", "attention_in_other_dtypes"],
    ),
    ("size ≥ 1; it need not divide S.", ["blocks_equal_the_whole"]),
    (
        "With ten times as many blocks there are more operations, at least one for each block, "
        "and the largest tensor stays small.",
        ["tests/labs/test_attention_lab.py"],
    ),
]  # fmt: skip

AUTOGRAD_ENGINE = [
    (
        "PyTorch's own automatic differentiation is not allowed",
        ["tests/labs/test_autograd_engine_lab.py", "tests/grader/wire/test_withdrawal.py"],
    ),
    (
        "further checks run on random graphs, at other sizes and in double precision; they ask "
        "for nothing that the text does not say.",
        ["random_graphs_of_numbers", "random_graphs_of_arrays", "tests/labs/test_promises.py"],
    ),
    (
        "A result of Python numbers counts as right when it is within a millionth of a percent "
        "of the exact one.",
        ["tests/labs/test_promises.py"],
    ),
    (
        "A tensor does when it is within 0.1% in `float32` and within a millionth of a percent "
        "in `float64` (near zero, within 10⁻⁴ and 10⁻⁹).",
        ["tests/labs/test_promises.py"],
    ),
    (
        "No function changes the numbers or tensors that it is given, but for `grad`, where the "
        "task says so.",
        ["pulls_of_each_operator", "summed_to_the_smaller_shape", "gradients_of_arrays"],
    ),
    ("A number, its inputs, and its slope for each of them.", ["slopes_of_each_operator"]),
    ("a + b.", ["slopes_of_each_operator"]),
    ("a − b.", ["slopes_of_each_operator"]),
    ("a · b.", ["slopes_of_each_operator"]),
    ("a / b.", ["slopes_of_each_operator"]),
    ("e to the power a.", ["slopes_of_each_operator"]),
    ("The hyperbolic tangent.", ["slopes_of_each_operator"]),
    ("max(a, 0).", ["slopes_of_each_operator"]),
    ("at 0 too.", ["slopes_of_each_operator"]),
    ("For a leaf it is that leaf alone.", ["each_box_after_its_inputs"]),
    (
        "Everything behind result, each box once and after its inputs.",
        ["each_box_after_its_inputs", "long_chains_and_many_paths"],
    ),
    ("The boxes have inputs, a tuple of boxes.", ["each_box_after_its_inputs"]),
    ("The result is the last.", ["each_box_after_its_inputs"]),
    (
        "would fail at a chain of 20,000 boxes, which a check tries.",
        ["long_chains_and_many_paths"],
    ),
    ("60 boxes have $2^{60}$ paths.", ["long_chains_and_many_paths"]),
    (
        "what an input receives from several boxes, or from one twice, is **added**.",
        ["gradients_of_numbers", "random_graphs_of_numbers"],
    ),
    ("after a second walk, `grad` is twice as large, as in PyTorch.", ["gradients_of_numbers"]),
    (
        "Boxes that are no leaves keep their `grad` of 0.0, and nothing of one walk is left for "
        "the next.",
        ["gradients_of_numbers"],
    ),
    (
        "Add to the grad of each leaf the derivative of result.",
        ["gradients_of_numbers", "gradients_of_arrays"],
    ),
    (
        "A shape that is `u`'s own leaves it as it is.",
        ["summed_to_the_smaller_shape", "sums_at_other_shapes"],
    ),
    (
        "u added up to a shape that broadcasts to the shape of u.",
        ["summed_to_the_smaller_shape", "sums_at_other_shapes"],
    ),
    ("-> a tensor of that shape, in the dtype of u.", ["sums_at_other_shapes"]),
    (
        "A tensor, its inputs, and how to pull a gradient back to them.",
        ["pulls_of_each_operator"],
    ),
    (
        "**`saved` holds the tensors that `pull` needs, and no others.**",
        ["kept_by_random_graphs"],
    ),
    (
        "the checks take `data` away from the boxes before they walk back.",
        ["gradients_of_arrays", "random_graphs_of_arrays"],
    ),
    ("a + b, broadcast.", ["pulls_of_each_operator", "pulls_at_other_shapes"]),
    ("a − b, broadcast.", ["pulls_of_each_operator", "pulls_at_other_shapes"]),
    ("a · b number by number, broadcast.", ["pulls_of_each_operator", "pulls_at_other_shapes"]),
    (
        "The matrix product: (…, n, k) @ (…, k, m) -> (…, n, m).",
        ["pulls_of_each_operator", "pulls_at_other_shapes"],
    ),
    ("The hyperbolic tangent of each number.", ["pulls_of_each_operator"]),
    ("max(a, 0) of each number.", ["pulls_of_each_operator"]),
    ("The sum of all numbers, of shape ().", ["pulls_of_each_operator"]),
    (
        "Each input's share is added up to the input's `shape`.",
        ["gradients_of_arrays", "random_graphs_of_arrays"],
    ),
    ("a second walk adds to it. Other boxes keep `None`.", ["gradients_of_arrays"]),
    ("Never add in place", ["gradients_of_arrays", "random_graphs_of_arrays"]),
    (
        "A tensor that several boxes keep, or one box twice, is there **once**.",
        ["kept_bytes_are_counted", "kept_by_random_graphs"],
    ),
    (
        "The bytes of all tensors saved behind result, each once.",
        ["kept_bytes_are_counted", "kept_by_random_graphs"],
    ),
    (
        "A hidden check compares the weights after some steps with those that PyTorch finds.",
        ["training_equals_torch"],
    ),
]  # fmt: skip

CONVOLUTION = [
    (
        "At the end LeNet, made of your functions alone, learns from 8,000 handwritten digits to "
        "read new ones, in a few seconds.",
        ["learns_to_read_digits"],
    ),
    (
        "PyTorch's own convolution and pooling, `unfold` and `fold` of `torch.nn.functional`, "
        "which make patches of a picture into columns and back, and its automatic differentiation "
        "are not allowed.",
        ["tests/labs/test_convolution_lab.py", "tests/labs/test_cheating.py"],
    ),
    (
        "Everything else is, also views such as `as_strided` and a tensor's own method `unfold`.",
        ["tests/labs/test_convolution_lab.py"],
    ),
    (
        "When you hand in, further checks run at other sizes and in double precision; they ask "
        "for nothing that the text does not say.",
        ["convolutions_at_other_sizes", "gradients_at_other_sizes", "tests/labs/test_promises.py"],
    ),
    (
        "H and W may differ, and so may the two sizes of a kernel, kh down and kw across.",
        ["windows_as_columns", "convolution_equals_torch", "gradients_of_convolution"],
    ),
    (
        "Every function works for any sizes at which at least one window fits",
        [
            "columns_at_other_sizes", "convolutions_at_other_sizes", "columns_back_at_other_sizes",
            "gradients_at_other_sizes", "pooling_at_other_sizes", "pooling_back_at_other_sizes",
        ],
    ),
    (
        "and returns numbers in the dtype of its input, be it `float32` or `float64`.",
        [
            "windows_as_columns", "convolution_equals_torch", "columns_added_back",
            "gradients_of_convolution", "largest_and_winners", "gradients_to_winners",
            "lenet_equals_torch",
        ],
    ),
    (
        "None changes the tensors that it is given.",
        [
            "windows_as_columns", "convolution_equals_torch", "columns_added_back",
            "gradients_of_convolution", "largest_and_winners", "gradients_to_winners",
            "lenet_equals_torch",
        ],
    ),
    (
        "A number counts as right when it is within 0.1% of the exact one in `float32`, and within "
        "a millionth of a percent in `float64` (near zero, within 10⁻⁴ and 10⁻⁹).",
        ["tests/labs/test_promises.py"],
    ),
    (
        "Loops in Python over the cells of a kernel, 25 at most, cost little.",
        ["tests/labs/test_convolution_lab.py"],
    ),
    ("the check there stops after two minutes.", ["tests/labs/test_convolution_lab.py"]),
    (
        "The stride need not divide: where the window would stick out, there is no place.",
        ["sizes_of_outputs", "sizes_in_other_settings"],
    ),
    (
        "The number of places of a window, a Python int.",
        ["sizes_of_outputs", "sizes_in_other_settings"],
    ),
    (
        "Put a border of `padding` zeros around each picture. Then write each window of kh × kw "
        "cells as a column: first channel 0 row by row, then channel 1, and so on. The places, "
        "too, come row by row.",
        ["windows_as_columns", "columns_at_other_sizes"],
    ),
    ("Each window of x as a column.", ["windows_as_columns", "columns_at_other_sizes"]),
    (
        "x (N, C, H, W) -> (N, C · kh · kw, H′ · W′).",
        ["windows_as_columns", "columns_at_other_sizes"],
    ),
    (
        "The convolution of x, as deep learning has it: nothing is turned.",
        ["convolution_equals_torch", "convolutions_at_other_sizes"],
    ),
    (
        "x (N, C, H, W), weight (O, C, kh, kw), bias (O,) -> (N, O, H′, W′).",
        ["convolution_equals_torch", "convolutions_at_other_sizes"],
    ),
    (
        "put each entry back to the cell that it came from, add what meets there, and cut the "
        "border off.",
        ["columns_added_back", "columns_back_at_other_sizes"],
    ),
    ("Cells that no window has read get 0.", ["columns_back_at_other_sizes"]),
    (
        "The entries of the columns, added up where they came from.",
        ["columns_added_back", "columns_back_at_other_sizes"],
    ),
    (
        "columns (N, C · kh · kw, H′ · W′), shape (N, C, H, W) -> (N, C, H, W).",
        ["columns_added_back", "columns_back_at_other_sizes"],
    ),
    (
        "theirs are **summed** over the examples; each example has an input gradient of its own.",
        ["gradients_of_convolution", "gradients_at_other_sizes"],
    ),
    ("The gradients of x, weight and bias, in this order.", ["gradients_of_convolution"]),
    (
        "u (N, O, H′, W′), x (N, C, H, W), weight (O, C, kh, kw).",
        ["gradients_of_convolution", "gradients_at_other_sizes"],
    ),
    (
        "Each gradient has the shape of what it belongs to.",
        ["gradients_of_convolution", "gradients_at_other_sizes"],
    ),
    (
        "A window of k × k cells moves by `stride`, without padding, and keeps the largest cell, "
        "each channel by itself.",
        ["largest_and_winners", "pooling_at_other_sizes"],
    ),
    (
        "its place in the picture, row · W + column, an `int64`. If several cells of a window are "
        "the largest, the first one has won, row by row.",
        ["largest_and_winners", "pooling_at_other_sizes"],
    ),
    ("PyTorch counts so too.", ["largest_and_winners"]),
    (
        "The largest cell of each window, and its place in the picture.",
        ["largest_and_winners", "pooling_at_other_sizes"],
    ),
    (
        "x (N, C, H, W) -> two tensors (N, C, H′, W′), the second of int64.",
        ["largest_and_winners", "pooling_at_other_sizes"],
    ),
    (
        "Each output hands its whole gradient to the cell that has won, and the others get 0. "
        "Where windows overlap, a cell may win several times, and then it gets the **sum**.",
        ["gradients_to_winners", "pooling_back_at_other_sizes"],
    ),
    ("The gradient of the picture of that shape.", ["gradients_to_winners"]),
    (
        "u and winners (N, C, H′, W′), shape (N, C, H, W) -> (N, C, H, W).",
        ["gradients_to_winners", "pooling_back_at_other_sizes"],
    ),
    (
        "The order of the layers, the 5 × 5 kernels, the padding and the pooling are fixed; all "
        "other sizes are those of the parameters and of the pictures, and the checks try others.",
        ["lenets_of_other_sizes"],
    ),
    ("The scores, and what the way back needs.", ["lenet_equals_torch"]),
    ("X (N, 1, H, W) -> scores (N, classes), kept.", ["lenets_of_other_sizes"]),
    ("The gradients of the ten parameters, in their order.", ["lenet_equals_torch"]),
    ("u (N, classes).", ["lenets_of_other_sizes"]),
    (
        "if all parameters are 0 but the last bias, the scores of every picture are that bias. "
        "And then the gradient of the last bias is the sum of the rows of `u`, and all others "
        "are 0.",
        ["lenet_equals_torch"],
    ),
    (
        "A hidden check calls `learn_digits` with 8,000 digits, whose classes it has renamed, and "
        "asks it for 2,000 others: at least 97% of them must be read correctly.",
        ["learns_to_read_digits"],
    ),
    (
        "Try `count = 500`: so few digits make only 64 steps, and less than 90% are read. Try "
        "`lr=1.0`: the steps are too large, and it does no better than guessing.",
        ["labs/convolution/lab_test.toml"],
    ),
]  # fmt: skip

PROMISES = {
    "gradient-descent": GRADIENT_DESCENT,
    "attention": ATTENTION,
    "autograd-engine": AUTOGRAD_ENGINE,
    "convolution": CONVOLUTION,
}
