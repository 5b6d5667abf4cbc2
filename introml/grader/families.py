"""Families of operators that a lab may withhold: what each is called, and where it begins.

A lab asks for something to be written by hand, and so withholds the family that it belongs to:
`families = ["softmax"]` in lab.toml. Which operators and functions of the installed torch belong
to a family is computed there (see `wire.withdrawal`), by the roots that stand here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family by its roots.

    `words` is what it is to a reader. `roots` is a regular expression: an operator whose name holds
    a match belongs to the family in each overload and for each kind of tensor, with its derivative,
    and so do Python functions of that name which torch computes by other operators. `functions` are
    dotted names of Python functions, classes and modules that belong to it as well. `ways` are the
    dotted names by which readers know it: for advice, not for withholding.
    """

    name: str
    words: str
    roots: str = ""
    functions: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    #: Whether operations record no graph either, from which derivatives could be had.
    graph: bool = False


#: Attention holds a softmax: with the unit matrix for the values, its weights come out.
_ATTENTION = r"attention|_sdp_|multi_head|transformer_encoder"
_GRADIENTS = ("grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp")


def _named(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


#: Torch's own compilers compute some operators by themselves, beneath the dispatcher …
_COMPILERS = (
    *_named("torch._C._te", "TensorExprKernel.__init__ TensorExprKernel.run lower"),
    *_named("torch._C", "_jit_pass_fuse_tensorexprs _jit_set_texpr_fuser_enabled"),
    *_named("torch._C", "_jit_set_te_must_use_llvm_cpu _jit_override_can_fuse_on_cpu"),
    *_named("torch._C", "_jit_set_llga_enabled _jit_to_static_module _fuse_to_static_module"),
)
#: … and write derivatives by themselves.
_DERIVERS = _named(
    "torch._C",
    "_jit_differentiate _jit_pass_create_autodiff_subgraphs _jit_set_profiling_executor"
    " _jit_set_profiling_mode",
)


FAMILIES: dict[str, Family] = {
    one.name: one
    for one in (
        Family(
            "softmax",
            "the softmax and what contains it",
            rf"soft_?max|soft_?min|log(cum)?sumexp|{_ATTENTION}",
            functions=_COMPILERS,
            ways=(
                *_named("torch", "softmax log_softmax logsumexp logcumsumexp _softmax"),
                *_named("torch", "_log_softmax _safe_softmax _masked_softmax"),
                *_named("torch.nn", "Softmax LogSoftmax Softmax2d Softmin"),
                *_named("torch.nn.functional", "softmax log_softmax softmin gumbel_softmax"),
                *_named("torch.special", "softmax log_softmax logsumexp"),
                *_named("torch.Tensor", "softmax log_softmax logsumexp logcumsumexp"),
            ),
        ),
        Family(
            "attention",
            "attention",
            _ATTENTION,
            ways=(
                *_named("torch.nn", "MultiheadAttention Transformer attention"),
                *_named("torch.nn", "TransformerEncoder TransformerEncoderLayer"),
                *_named("torch.nn", "TransformerDecoder TransformerDecoderLayer"),
                "torch.nn.functional.scaled_dot_product_attention",
                "torch.nn.functional.multi_head_attention_forward",
                "torch._native_multi_head_attention",
            ),
        ),
        Family(
            "convolution",
            "convolution",
            r"conv(?!ert)",
            functions=_COMPILERS,
            ways=(
                *_named("torch.nn", "Conv1d Conv2d Conv3d"),
                *_named("torch.nn", "ConvTranspose1d ConvTranspose2d ConvTranspose3d"),
                *_named("torch.nn.functional", "conv1d conv2d conv3d"),
                *_named("torch", "conv1d conv2d conv3d convolution"),
            ),
        ),
        Family(
            "patches",
            "patches of an image as columns",
            r"im2col|col2im",
            functions=("torch.nn.functional.unfold", "torch.nn.functional.fold"),
            ways=("torch.nn.functional.unfold", "torch.nn.functional.fold", "torch.nn.Unfold"),
        ),
        Family(
            "pooling",
            "pooling",
            r"(max|avg|lp)_(un)?pool",
            functions=_COMPILERS,
            ways=(
                *_named("torch.nn", "MaxPool1d MaxPool2d AvgPool1d AvgPool2d AdaptiveAvgPool2d"),
                *_named("torch.nn.functional", "max_pool1d max_pool2d avg_pool1d avg_pool2d"),
            ),
        ),
        Family(
            "normalization",
            "normalization layers",
            r"(batch|layer|group|instance|rms|response)_norm|batchnorm",
            functions=_COMPILERS,
            ways=(
                *_named("torch.nn", "BatchNorm1d BatchNorm2d LayerNorm GroupNorm RMSNorm"),
                *_named("torch.nn.functional", "batch_norm layer_norm group_norm rms_norm"),
            ),
        ),
        Family(
            "losses",
            "loss functions",
            r"_loss|cross_entropy|kl_div",
            ways=(
                *_named("torch.nn", "MSELoss L1Loss HuberLoss SmoothL1Loss"),
                *_named("torch.nn", "CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss"),
                *_named("torch.nn.functional", "mse_loss l1_loss huber_loss smooth_l1_loss"),
                *_named("torch.nn.functional", "cross_entropy nll_loss binary_cross_entropy"),
            ),
        ),
        Family(
            "recurrent",
            "recurrent layers",
            r"(^|_)(lstm|gru|rnn)(_|$)|rnn",
            ways=_named("torch.nn", "RNN LSTM GRU RNNCell LSTMCell GRUCell"),
        ),
        Family(
            "solvers",
            "solvers and factorizations of linear algebra",
            r"lstsq|(?<![a-z])solve|linalg_(inv|pinv|tensorinv|lu|ldl|qr|eig|svd|cholesky)"
            r"|(^|_)p?inverse(_ex)?$"
            r"|cholesky|geqrf|orgqr|ormqr|householder|(^|_)(qr|svd|lu|lobpcg)(_|$)|triangular_solve",
            functions=(
                # Not NumPy's inv: Matplotlib draws with it.
                *_named("numpy.linalg", "lstsq solve pinv qr svd eig eigh cholesky tensorsolve"),
                *_named("numpy", "polyfit polynomial.polynomial.polyfit"),
                *_named("numpy.linalg._umath_linalg", "solve solve1 lstsq cholesky_lo"),
                *_named("numpy.linalg._umath_linalg", "qr_r_raw svd_f svd_s svd eig eigh_lo"),
                *_named("numpy.linalg.lapack_lite", "dgelsd dgeqrf dorgqr"),
                *_named("torch", "lobpcg pca_lowrank svd_lowrank"),
            ),
            ways=(
                *_named("torch.linalg", "lstsq solve inv pinv qr eig eigh svd cholesky"),
                *_named("torch", "inverse pinverse cholesky_solve"),
                *_named("torch.Tensor", "inverse pinverse"),
                *_named("numpy.linalg", "lstsq solve pinv"),
                "numpy.polyfit",
            ),
        ),
        Family(
            "autograd",
            "automatic differentiation",
            r"_backward|^_make_dual|^_(enter|exit)_dual_level",
            functions=(
                *_named("torch.Tensor", "backward"),
                *_named("torch.autograd", "backward grad functional Function.apply"),
                *_named("torch.autograd.forward_ad", "make_dual enter_dual_level dual_level"),
                "torch._C._ImperativeEngine.run_backward",
                *(f"torch.func.{name}" for name in _GRADIENTS),
                *_DERIVERS,
            ),
            ways=(
                *_named("torch.autograd", "grad backward forward_ad"),
                *_named("torch.autograd.functional", "jacobian hessian vjp jvp vhp hvp"),
                "torch.Tensor.backward",
                *(f"torch.func.{name}" for name in _GRADIENTS),
            ),
            graph=True,
        ),
        Family(
            "optimizers",
            "optimizers and their schedules",
            r"_fused_(adam|adamw|sgd|adagrad)_?$",
            functions=("torch.optim",),
            ways=("torch.optim",),
        ),
        Family(
            "batches",
            "loaders of data in batches",
            functions=("torch.utils.data",),
            ways=("torch.utils.data",),
        ),
    )
}
