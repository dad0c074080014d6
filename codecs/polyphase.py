"""Polyphase filters: band-limited interpolation as a product of two matrices.

Output k of a conversion is the band-limited input at the time of output k. With ``output rate / input rate`` reduced to
L / M, the filters repeat after L outputs. Outputs are computed in blocks: a block is a row of input samples times a
matrix with its outputs' filters side by side, and a chunk of audio is then one product.

Filter: sinc with a Kaiser window, 32 zero crossings to each side. What lies above the lower of the two Nyquist
frequencies comes out 80 dB down or more; up to 0.87 of it the response is flat within 0.2 dB.

Coefficients are multiples of 2^-32: their products with int16 samples, and the sums of those, are exact in float64
whatever the order of summation, so a result can't depend on how the input was cut into chunks.
"""

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .pcm import Float64

Convolved: TypeAlias = NDArray[np.int16 | np.float64]

_ZERO_CROSSINGS = 32
_KAISER_BETA = 8.0
_CUTOFF = 0.93  # of the lower Nyquist frequency
_STEPS_PER_UNIT = 2.0**32  # of a coefficient
_OUTPUTS_PER_BLOCK = range(16, 50)
_MOST_RATIO = 256  # of the rates, either way; it bounds the size of a filter, and what a chunk can become
_MOST_COEFFICIENTS_KEPT = 2**19  # of a ratio: 4 MiB
_MOST_PRODUCTS_AT_ONCE = 2**18  # beyond a million OpenBLAS goes to its threads, at a hundred times the cost


class FilterBank:
    """The filters from one rate to another, in blocks of outputs.

    Block j makes `outputs` outputs from `width` inputs, which begin at input `start(j)`. Its matrix and that of block
    ``j + phases`` are the same; these two begin `period` inputs apart.

    Raises:
        ValueError: if a rate is not positive, or the rates are more than 256 times apart.
    """

    def __init__(self, input_rate: int, output_rate: int) -> None:
        if input_rate <= 0 or output_rate <= 0:
            raise ValueError(f"rates must be positive: {input_rate} Hz, {output_rate} Hz")
        if max(input_rate, output_rate) > _MOST_RATIO * min(input_rate, output_rate):
            raise ValueError(f"{input_rate} Hz and {output_rate} Hz are more than {_MOST_RATIO} times apart")
        divisor = math.gcd(input_rate, output_rate)
        self.up, self.down = output_rate // divisor, input_rate // divisor
        self.outputs = min(_OUTPUTS_PER_BLOCK, key=self._phases)
        self.phases = self._phases(self.outputs)
        self.period = self.phases * self.outputs * self.down // self.up
        self._crossing = max(self.up, self.down)  # distance of two zero crossings, in inputs / up
        self._reach = -(-_ZERO_CROSSINGS * self._crossing // self.up)
        self.width = 2 * self._reach + 1 + ((self.outputs - 1) * self.down + self.up - 1) // self.up
        self._matrices: dict[int, Float64] = {}
        self._rows_at_once = max(1, _MOST_PRODUCTS_AT_ONCE // (self.width * self.outputs))
        self._keep = self.phases * self.width * self.outputs <= _MOST_COEFFICIENTS_KEPT

    def _phases(self, outputs: int) -> int:
        return self.up // math.gcd(self.up, outputs)

    def start(self, block: int) -> int:
        """Position of the first input of a block; for the first blocks it lies before the stream begins."""
        return block * self.outputs * self.down // self.up - self._reach

    def blocks(self, frames: int) -> int:
        """Number of blocks whose inputs all lie within the first `frames`."""
        starts = frames - self.width + self._reach + 1
        return max(0, -(-starts * self.up // (self.outputs * self.down)))

    def matrix(self, block: int) -> Float64:
        """Filters of a block, shape ``(width, outputs)``; each column sums to 1."""
        phase = block % self.phases
        if phase in self._matrices:
            return self._matrices[phase]
        first = self._reach * self.up + phase * self.outputs * self.down % self.up
        outputs, inputs = first + np.arange(self.outputs) * self.down, np.arange(self.width)[:, None] * self.up
        crossings = (outputs - inputs) / self._crossing
        window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (crossings / _ZERO_CROSSINGS) ** 2, 0)))
        filters: Float64 = np.where(np.abs(crossings) < _ZERO_CROSSINGS, window * np.sinc(_CUTOFF * crossings), 0)
        filters = np.rint(filters / filters.sum(axis=0) * _STEPS_PER_UNIT) / _STEPS_PER_UNIT
        if self._keep:
            self._matrices[phase] = filters
        return filters

    def convolve(self, samples: Convolved, channels: int, first: int, last: int) -> Float64:
        """Compute the outputs of blocks `first` up to but without `last`.

        Args:
            samples: interleaved and packed, from input `start(first)` on; int16 or float64.
            channels: how many are interleaved.
            first: a block.
            last: a later block, or the same.

        Returns:
            Shape ``(last - first, channels, outputs)``, on the scale of the samples, neither rounded nor clamped.
        """
        if self.phases == 1:  # the common ratios: nothing to put in order
            return self._same_phase(samples, channels, first, last - first)
        result = np.empty((last - first, channels, self.outputs))
        for block in range(first, min(last, first + self.phases)):
            since_block = samples[(self.start(block) - self.start(first)) * channels :]
            periods = len(range(block, last, self.phases))
            result[block - first :: self.phases] = self._same_phase(since_block, channels, block, periods)
        return result

    def _same_phase(self, samples: Convolved, channels: int, block: int, periods: int) -> Float64:
        """Compute `block`, which begins where `samples` do, and the next ones a period apart."""
        shape, size = (periods, channels, self.width), samples.itemsize
        strides = (self.period * channels * size, size, channels * size)
        rows = np.ndarray(shape, samples.dtype, samples, 0, strides).astype(np.float64, order="C")
        rows, matrix, most = rows.reshape(-1, self.width), self.matrix(block), self._rows_at_once
        if len(rows) <= most:
            outputs: Float64 = np.dot(rows, matrix)  # for small ones faster than @
        else:
            outputs = np.concatenate([rows[first : first + most] @ matrix for first in range(0, len(rows), most)])
        return outputs.reshape(periods, channels, self.outputs)


filter_bank = lru_cache(maxsize=16)(FilterBank)
"""The `FilterBank` of two rates, shared."""
