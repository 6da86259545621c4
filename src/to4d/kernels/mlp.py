"""A small head: linear, ReLU, linear, without biases (the paper's density and colour nets).

The compiled version works on a few points at a time and never stores the hidden values: backward computes them again.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from to4d.kernels.threads import compiled, run_chunks

BLOCK = 4096  # points of one partial sum of the weights' gradients; fixed, so that sums keep their order


def mlp(x: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """Points (N, I), weights (I, K) and (O, K) -> (N, O); compiled for float32 on a CPU, else `mlp_twin`."""
    if x.device.type == "cpu" and x.dtype == inner.dtype == torch.float32:
        return _Mlp.apply(x.contiguous(), inner, outer)
    return mlp_twin(x, inner, outer)


def mlp_twin(x: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """The same in plain torch."""
    return (x @ inner).relu() @ outer.T


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
        ctx.save_for_backward(x, inner, outer)
        out = torch.empty(len(x), len(outer))
        weights = (inner.detach().contiguous().numpy(), outer.detach().contiguous().numpy())
        run_chunks(_forward, len(x), BLOCK, x.detach().numpy(), *weights, out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        (grad,) = grads
        x, inner, outer = (tensor.detach().contiguous() for tensor in ctx.saved_tensors)
        chunks = -(-len(x) // BLOCK)
        to_x, to_inner, to_outer = (
            torch.empty_like(x),
            torch.zeros(chunks, *inner.shape),
            torch.zeros(chunks, *outer.shape),
        )
        inputs = [tensor.numpy() for tensor in (x, inner, outer, grad.contiguous())]
        sums, weights = [tensor.numpy() for tensor in (to_x, to_inner, to_outer)], any(ctx.needs_input_grad[1:])
        run_chunks(_backward, len(x), BLOCK, *inputs, weights, *sums)
        return to_x, to_inner.sum(0) if weights else None, to_outer.sum(0) if weights else None


@compiled()
def _hidden(x, inner, hidden):
    """Hidden values of one point before the ReLU, four inputs at a time."""
    hidden[:] = 0
    fours = len(x) // 4 * 4
    for i in range(0, fours, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for k in range(len(hidden)):
            hidden[k] += a * inner[i, k] + b * inner[i + 1, k] + c * inner[i + 2, k] + d * inner[i + 3, k]
    for i in range(fours, len(x)):
        for k in range(len(hidden)):
            hidden[k] += x[i] * inner[i, k]


@compiled()
def _forward(chunk, start, stop, x, inner, outer, out):
    hidden = np.empty(inner.shape[1], np.float32)
    zero = np.float32(0)
    for n in range(start, stop):
        _hidden(x[n], inner, hidden)
        for o in range(len(outer)):
            total = zero
            for k in range(len(hidden)):
                total += max(hidden[k], zero) * outer[o, k]
            out[n, o] = total


@compiled()
def _slope(hidden, outer, grad, slope):
    """Gradient of one point's hidden values before the ReLU."""
    slope[:] = 0
    for o in range(len(outer)):
        for k in range(len(hidden)):
            slope[k] += grad[o] * outer[o, k]
    for k in range(len(hidden)):
        slope[k] = slope[k] if hidden[k] > 0 else np.float32(0)


@compiled()
def _weights(x, hidden, slope, grad, to_inner, to_outer):
    """Add one point's part to the gradients of the weights."""
    for o in range(len(grad)):
        for k in range(len(hidden)):
            to_outer[o, k] += grad[o] * max(hidden[k], np.float32(0))
    for i in range(len(x)):
        for k in range(len(hidden)):
            to_inner[i, k] += x[i] * slope[k]


@compiled()
def _backward(chunk, start, stop, x, inner, outer, grad, weights, to_x, to_inner, to_outer):
    hidden, slope = np.empty(inner.shape[1], np.float32), np.empty(inner.shape[1], np.float32)
    for n in range(start, stop):
        _hidden(x[n], inner, hidden)
        _slope(hidden, outer, grad[n], slope)
        for i in range(x.shape[1]):
            total = np.float32(0)
            for k in range(len(hidden)):
                total += slope[k] * inner[i, k]
            to_x[n, i] = total
        if weights:
            _weights(x[n], hidden, slope, grad[n], to_inner[chunk], to_outer[chunk])
