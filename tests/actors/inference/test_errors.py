import pickle

import pytest
from troupe.actors.inference import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.NotInstalled("pip install 'troupe[embedded]'"),
        errors.UnknownVoice.among("en-uk", ["en-us", "en-gb", "klingon"]),
        errors.UnknownWords(("foo", "bar")),
        errors.BadGrammar("no JSGF"),
        errors.EngineBusy("busy"),
        errors.EngineFailed("error 2"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_a_process_border(error: errors.InferenceError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_unknown_voice_names_the_nearest() -> None:
    assert str(errors.UnknownVoice.among("en-uk", ["en-us", "en-gb", "klingon"])) == (
        "there is no voice 'en-uk'; the nearest are en-us, en-gb"
    )
    assert "voices()" in str(errors.UnknownVoice.among("12345", ["en-us"]))


def test_unknown_words_are_named() -> None:
    error = errors.UnknownWords(("barx", "foox"))
    assert error.words == ("barx", "foox")
    assert "barx, foox" in str(error)
