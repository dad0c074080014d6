"""The transcript's end: what asks for more, what is complete, in several languages; never out of range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.end_of_turn import TranscriptScorer

COMPLETE = {
    "en": ["Yes.", "yes please", "no", "What time is it?", "what time is it", "Book a table for two at seven.",
           "No, I don't think so.", "What are you waiting for?", "Turn it on.", "not really"],
    "de": ["ja danke", "Wie spät ist es?", "Wie spät ist es", "Ich möchte nach Berlin.", "genau"],
    "fr": ["oui merci", "Quelle heure est-il ?", "où est la gare", "Je voudrais un café."],
    "es": ["sí claro", "¿Qué hora es?", "dónde está la estación", "Quiero un café."],
    "it": ["va bene grazie", "Che ore sono?", "dove si trova la stazione", "Vorrei un caffè."],
    "pt": ["sim obrigado", "Que horas são?", "onde fica a estação", "Quero um café."],
    "nl": ["ja bedankt", "Hoe laat is het?", "waar staat de auto", "Ik wil koffie."],
    "pl": ["tak dziękuję", "Która godzina?", "gdzie jest dworzec", "Poproszę kawę."],
    "ru": ["да спасибо", "Сколько это стоит?", "где находится вокзал", "Я хочу кофе."],
    "zh": ["你吃了吗", "好的", "我想订一张桌子。", "谢谢"],
    "ja": ["明日は雨ですか", "はい", "コーヒーをお願いします", "わかりました。"],
    "ko": ["네", "커피 주세요", "지금 몇 시예요?", "알겠습니다"],
}  # fmt: skip
UNFINISHED = {
    "en": ["I would like to go to the", "I would like to go to the.", "um", "Book a table and", "well...", "It's,",
           "tell me about", "my number is five five", "it is 0 1 7 1", "I think that", "can you tell me where the"],
    "de": ["Ich möchte nach Berlin und", "ich brauche eine", "das ist äh", "meine Nummer ist null eins sieben"],
    "fr": ["je voudrais une", "je vais à Paris et", "parce que", "c'est euh"],
    "es": ["quiero una mesa para", "voy a Madrid y", "porque", "es que eh"],
    "it": ["vorrei un tavolo per", "vado a Roma e", "perché", "è una"],
    "pt": ["quero uma mesa para", "vou para Lisboa e", "porque", "é uma"],
    "nl": ["ik wil een", "ik ga naar Amsterdam en", "omdat", "het is uh"],
    "pl": ["chciałbym jechać do", "jadę do Warszawy i", "ponieważ", "to jest yyy"],
    "ru": ["я хочу поехать в", "я еду в Москву и", "потому что", "это э"],
    "zh": ["我想订一张桌子然后", "因为", "我想要那个", "我和"],
    "ja": ["明日は雨だけど", "コーヒーを", "えっと", "東京に行って"],
    "ko": ["커피를", "제가 가고", "그런데", "음"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), [(key, text) for key, texts in COMPLETE.items() for text in texts])
def test_complete(language: str, text: str) -> None:
    assert TranscriptScorer(language).score(text) >= 0.9
    assert TranscriptScorer().score(text) >= 0.9, "without being told the language"


@pytest.mark.parametrize(("language", "text"), [(key, text) for key, texts in UNFINISHED.items() for text in texts])
def test_unfinished(language: str, text: str) -> None:
    assert TranscriptScorer(language).score(text) <= 0.3
    assert TranscriptScorer().score(text) <= 0.3, "without being told the language"


def test_in_between() -> None:
    score = TranscriptScorer("en-GB").score
    assert score("") == score("  ") == score("…!") == 0.5
    assert 0.5 < score("book a table for two at seven") < 0.9
    assert score("Hello. Book a table for two at seven") < 0.5, "the recogniser would have put a full stop"
    assert score("my number is 0171 2345678") > 0.5
    assert score("I would like two") > 0.5


def test_an_unknown_language_is_judged_by_its_marks() -> None:
    score = TranscriptScorer("fi").score
    assert score("Haluan kahvia.") == 0.9
    assert score("Paljonko kello on?") == 0.95
    assert score("Haluan kahvia ja,") < 0.1
    assert score("and") == score("Haluan kahvia ja") == 0.6


@given(st.text(max_size=60))
def test_any_text_has_a_probability(text: str) -> None:
    assert 0 <= TranscriptScorer().score(text) <= 1


def test_closing_quotes_and_brackets_do_not_hide_the_end() -> None:
    score = TranscriptScorer("en").score
    assert score('He said "What time is it?"') == score("What time is it? ) ") == 0.95
