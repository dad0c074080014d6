"""The filter bank: block arithmetic against brute force, and coefficients that make float64 exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.polyphase import FilterBank, filter_bank

rates = st.sampled_from([7999, 8000, 11025, 16000, 22050, 24000, 44100, 48000])


@given(rates, rates, st.integers(0, 3000))
def test_a_block_counts_as_soon_as_all_its_inputs_are_there(input_rate: int, output_rate: int, frames: int) -> None:
    bank = filter_bank(input_rate, output_rate)
    complete = 0
    while bank.start(complete) + bank.width <= frames:
        complete += 1
    assert bank.blocks(frames) == complete


@given(rates, rates, st.integers(0, 500))
def test_blocks_repeat_after_a_period_and_hold_all_their_filters(input_rate: int, output_rate: int, block: int) -> None:
    bank = filter_bank(input_rate, output_rate)
    assert bank.start(block + bank.phases) - bank.start(block) == bank.period
    for output in (block * bank.outputs, (block + 1) * bank.outputs - 1):
        time = output * input_rate / output_rate
        reach = 32 * max(1, input_rate / output_rate)
        assert bank.start(block) <= time - reach + 1
        assert time + reach - 1 <= bank.start(block) + bank.width - 1


@pytest.mark.parametrize("ratio", [(24000, 16000), (44100, 16000), (8000, 44100), (44100, 47999)])
def test_coefficients_are_whole_steps_and_pass_a_constant(ratio: tuple[int, int]) -> None:
    bank = FilterBank(*ratio)
    for block in range(5):
        matrix = bank.matrix(block)
        assert matrix.shape == (bank.width, bank.outputs)
        assert np.array_equal(matrix * 2**32, np.rint(matrix * 2**32))
        assert np.abs(matrix.sum(axis=0) - 1).max() < 2**-22  # far less than a step of int16
        assert np.abs(matrix).sum(axis=0).max() * 32768 * 2**32 < 2**53  # the largest sum is exact in float64


def test_matrices_of_common_ratios_are_kept_and_of_others_not() -> None:
    assert filter_bank(24000, 16000) is filter_bank(24000, 16000)
    common, odd = FilterBank(44100, 16000), FilterBank(44100, 47999)
    assert common.matrix(1) is common.matrix(1 + common.phases)
    assert odd.matrix(1) is not odd.matrix(1)


def test_float_samples_are_convolved_without_clamping() -> None:
    bank = filter_bank(1, 4)
    loud = np.full(bank.width + 9 * bank.period, 5.0)
    result = bank.convolve(loud, 1, 0, 10)
    assert result.shape == (10, 1, bank.outputs)
    assert np.allclose(result, 5.0)


@pytest.mark.parametrize("ratio", [(0, 8000), (8000, -1), (1, 257), (257, 1)])
def test_impossible_ratios_are_refused(ratio: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be positive|more than 256 times apart"):
        FilterBank(*ratio)
