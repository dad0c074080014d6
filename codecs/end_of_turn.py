"""Whether what the user has said is complete: the interface of such judges, and one that reads the transcript.

`TranscriptScorer` looks at how the transcript ends. Somebody who pauses after "and", "to the", "um" or in the middle of
a telephone number goes on; somebody who has asked a question or said "yes, please" does not. It is a table of words per
language, costs microseconds, and needs no model; a model that does better has the same interface.
"""

# ruff: noqa: RUF001  # letters and marks of other scripts are what this is about

import re
from typing import Final, NamedTuple, Protocol


class EndOfTurnScorer(Protocol):
    """Judges transcripts, a few times a second per session; it must not wait."""

    def score(self, transcript: str) -> float:
        """Return the probability, 0 to 1, that the turn with this transcript so far is complete."""
        ...


UNDECIDED: Final = 0.5
"""Nothing has been understood yet."""
OPEN: Final = 0.08
"""The last word or mark asks for more."""
LEANING: Final = 0.2
"""The last word mostly asks for more."""
DICTATING: Final = 0.3
"""Digits are being read out, too few for what they seem to be."""
UNPUNCTUATED: Final = 0.35
"""The recogniser punctuates, and has put nothing at the end."""
PLAIN: Final = 0.6
"""Words, and nothing known about them."""
DONE: Final = 0.9
QUESTION: Final = 0.95


class _Language(NamedTuple):
    """Words, in lower case and separated by spaces, by what they mean at a certain place."""

    leads_on: str = ""
    """As last word: conjunctions, articles, possessives, hesitations. A full stop after them is the recogniser's."""
    may_lead_on: str = ""
    """As last word without a full stop: prepositions, auxiliaries, pronouns, adverbs."""
    answers: str = ""
    """A turn of only these is complete."""
    asks: str = ""
    """As first word of three or more: a question."""
    numbers: str = ""
    """Digits and what is read out between them."""
    open_endings: str = ""
    """The last word's last letters, where a language puts its particles there: more will come."""
    closed_endings: str = ""
    """Likewise: complete."""


_LANGUAGES: Final = {
    "en": _Language(
        "and or but because if when while although though unless until whereas the a an my your his our their "
        "um uh uhm erm er hmm",
        "of to in on at by for from with without about into onto over under between through during than as like "
        "is are was were am be been being have has had do does did will would can could should shall may might must "
        "i we they he she i'm we're they're it's that's there's i'd i'll i've we'll let's gonna wanna "
        "this these those some any every each its her that which who so then also well actually basically maybe not "
        "very really just",
        "yes yeah yep no nope okay ok sure right thanks thank you please hello hi hey bye goodbye correct exactly "
        "great perfect fine good absolutely definitely stop cancel help repeat not really maybe",
        "what where when why who whom whose which how is are was were do does did can could will would should may have "
        "has am",
        "zero oh one two three four five six seven eight nine double triple dash dot point",
    ),
    "de": _Language(
        "und oder denn weil dass ob wenn während obwohl damit sondern sowie der das den dem des ein eine einen einem "
        "einer mein meine meinen dein deine sein seine ihre unser unsere äh ähm öh hm",
        "in im an am auf aus bei mit nach von vom zu zum zur für über unter vor hinter zwischen durch ohne gegen um "
        "bis als also dann aber die ist sind war waren bin habe hat haben hatte werde wird werden kann können könnte "
        "muss müssen soll will möchte ich wir er kein keine dieser diese dieses naja halt eigentlich vielleicht nicht "
        "sehr so",
        "ja nein doch okay ok gut genau danke dankeschön bitte hallo tschüss stimmt richtig gerne klar natürlich super "
        "perfekt stopp vielleicht",
        "was wo wann warum wieso weshalb wer wen wem wessen welche welcher welches wie ist sind hast haben kannst "
        "können könnten könntest gibt darf soll wird",
        "null eins zwei zwo drei vier fünf sechs sieben acht neun doppel strich punkt komma",
    ),
    "fr": _Language(
        "et ou mais donc car parce que quand lorsque puisque de du des d le la les un une mon ma mes ton ta tes son sa "
        "ses notre votre leur ce cette ces euh hum",
        "qui si comme alors puis à au aux en dans sur sous avec sans pour par chez vers entre depuis pendant est sont "
        "était suis ai as a avons avez ont vais va peux peut dois doit veux voudrais je j'ai tu il elle nous ils elles "
        "c'est qu'il ben bah enfin voilà très pas plus",
        "oui non si d'accord ok okay merci bonjour salut bonsoir exactement parfait bien super voilà "
        "s'il vous plaît stop",
        "que quoi qui où quand pourquoi comment combien quel quelle quels quelles est-ce qu'est-ce peux-tu pouvez-vous",
        "zéro un deux trois quatre cinq six sept huit neuf tiret point virgule",
    ),
    "es": _Language(
        "y e o u pero porque que cuando aunque mientras de del al el la los las un una unos unas mi mis tu tus su sus "
        "nuestro nuestra eh em",
        "si como entonces pues también a en con sin por para sobre entre desde hasta hacia este esta estos estas ese "
        "esa es son era está están estoy soy he ha han tengo tiene puedo puede quiero quería debo voy va yo nosotros "
        "ellos bueno muy no más",
        "sí si no vale claro gracias hola adiós exacto perfecto bien correcto por favor okay ok bueno",
        "qué quién quiénes dónde cuándo cómo cuánto cuánta cuántos cuál cuáles puedes puede podría hay tienes tiene",
        "cero uno dos tres cuatro cinco seis siete ocho nueve guion punto coma",
    ),
    "it": _Language(
        "e ed o oppure ma perché che quando mentre di del della dei delle al alla ai alle il lo la i gli le un uno una "
        "mio mia miei mie tuo tua suo sua nostro ehm eh uhm",
        "se come anche quindi allora poi a da dal dalla in nel nella con senza per su sul sulla tra fra questo questa "
        "quello quella è sono era ho ha hanno devo deve posso può voglio vorrei sto sta vado va io noi loro cioè beh "
        "si molto non più",
        "sì no ok okay va bene grazie prego ciao salve esatto certo perfetto giusto per favore",
        "che cosa chi dove quando perché come quanto quanta quanti quale quali puoi può potrebbe c'è hai",
        "zero uno due tre quattro cinque sei sette otto nove trattino punto virgola",
    ),
    "pt": _Language(
        "e ou mas porque que quando embora enquanto de do da dos das ao à aos às os as um uma uns umas meu minha seu "
        "sua nosso nossa hum ã",
        "se como então também em no na nos nas com sem por pelo pela para pra sobre entre desde até a o este esta esse "
        "essa isso aquele é são era está estão estou sou tenho tem posso pode quero queria preciso vou vai eu nós eles "
        "né tipo muito não mais",
        "sim não ok okay claro obrigado obrigada olá oi tchau certo exato perfeito bem por favor",
        "o que quem onde quando por quê porque como quanto quanta quantos qual quais você pode poderia há tem",
        "zero um uma dois duas três quatro cinco seis meia sete oito nove traço ponto vírgula",
    ),
    "nl": _Language(
        "en of maar want omdat dat wanneer terwijl hoewel zodat de het een mijn jouw onze hun eh ehm uh uhm",
        "als dus dan ook in op aan bij met van naar uit voor door over onder tussen zonder tegen tot om te zijn haar "
        "ons deze dit die geen is was waren ben heb heeft hebben kan kunnen moet wil zou word wordt ga gaat ik we wij "
        "ze hij nou eigenlijk misschien niet heel",
        "ja nee oké ok goed precies dank bedankt dankjewel hallo hoi doei klopt graag natuurlijk prima stop misschien",
        "wat waar wanneer waarom wie welke hoe is zijn kun kan kunt heb hebt heeft mag zou",
        "nul een twee drie vier vijf zes zeven acht negen streepje punt komma",
    ),
    "pl": _Language(
        "i oraz lub albo ale bo ponieważ że żeby jeśli jeżeli gdy kiedy chociaż w we na do od z ze za po przez dla mój "
        "moja moje twój twoja yyy eee hmm",
        "a więc też przy o u pod nad bez między jego jej nasz ten ta to te jest są był była mam ma mamy mogę może chcę "
        "chciałbym ja my oni no znaczy bardzo nie",
        "tak nie dobrze okej ok dziękuję dzięki proszę cześć halo dokładnie jasne super stop może",
        "co gdzie kiedy dlaczego czemu kto kogo komu który która które jak ile czy",
        "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć kropka przecinek",
    ),
    "ru": _Language(
        "и а но или что чтобы если когда потому хотя в во на с со к ко по из от до для за под над о об у при через без "
        "между мой моя моё мои твой э эм ээ",
        "да пока как тоже также его её наш этот эта это эти я мы они он она есть был была было могу может хочу надо "
        "нужно ну значит короче очень не",
        "да нет хорошо ладно ок окей спасибо пожалуйста привет здравствуйте пока точно верно конечно понятно стоп",
        "что где когда почему зачем кто кого кому какой какая какие как сколько чей можно можешь можете",
        "ноль один два три четыре пять шесть семь восемь девять точка тире",
    ),
    "zh": _Language(
        open_endings="然后 因为 但是 可是 不过 所以 如果 而且 还有 或者 以及 就是 那个 这个 一个 "
        "和 跟 把 被 在 从 给 的 我 嗯 呃",
        closed_endings="吗 呢 吧 了 谢谢 好的 是的 不是 对 可以 不用 再见 你好 没有",
    ),
    "ja": _Language(
        open_endings="けど けれど から ので のに が て で と は を に も の へ や とか たら なら "
        "えっと ええと あの その まあ んー",
        closed_endings="です ます ました ません でした ですか ますか ください お願いします か よ ね "
        "はい いいえ うん だ た ない ありがとう",
    ),
    "ko": _Language(
        "그리고 그런데 근데 하지만 그래서 왜냐하면 만약 음 어 저 그 이제 그러니까",
        answers="네 예 아니요 아니 응 그래 고마워 안녕",
        open_endings="고 는데 은데 서 면 은 는 이 가 을 를 에 와 과 랑 의 려고",
        closed_endings="요 다 까 죠 네 자",
    ),
}


class _Words(NamedTuple):
    leads_on: frozenset[str]
    may_lead_on: frozenset[str]
    answers: frozenset[str]
    asks: frozenset[str]
    numbers: frozenset[str]
    open_endings: tuple[str, ...]
    closed_endings: tuple[str, ...]
    known: frozenset[str]


def _words(language: _Language) -> _Words:
    leads_on, may_lead_on, answers, asks, numbers = (frozenset(text.split()) for text in language[:5])
    endings = (tuple(language.open_endings.split()), tuple(language.closed_endings.split()))
    return _Words(leads_on, may_lead_on, answers, asks, numbers, *endings, leads_on | may_lead_on | answers | asks)


_TABLES: Final = {name: _words(language) for name, language in _LANGUAGES.items()}
_UNKNOWN: Final = _words(_Language())
_SCRIPTS: Final = (  # first match decides: Japanese has Chinese characters too
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
    (re.compile("[\uac00-\ud7af]"), "ko"),
    (re.compile("[\u0400-\u04ff]"), "ru"),
)
_SPACED: Final = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")

_CLOSERS: Final = "\"'»”’)]}」』） \t\n"
_MORE: Final = ("...", "…", ",", ";", ":", "-", "–", "—", "、", "，", "；", "：")
_STOPS: Final = (".", "!", "。", "！", "।", "．")
_QUESTION_MARKS: Final = ("?", "？", "؟")
_PUNCTUATED: Final = re.compile(r"[.,!?]\s|[。，、！？]")
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_TELEPHONE_DIGITS: Final = 7


class TranscriptScorer:
    """Scores transcripts by their last words and marks.

    Args:
        language: BCP 47 tag, such as ``de`` or ``pt-BR``. Known are en, de, fr, es, it, pt, nl, pl, ru, zh, ja and ko;
            any other is judged by its marks alone. None: guessed from the transcript, by script and small words.
    """

    def __init__(self, language: str | None = None) -> None:
        self._language = language.partition("-")[0].lower() if language else None

    def score(self, transcript: str) -> float:
        """Return the probability, 0 to 1, that the turn with this transcript so far is complete."""
        text = transcript.rstrip(_CLOSERS).lower().replace("’", "'")
        words = _TOKEN.findall(text)
        if not words:
            return UNDECIDED
        if text.endswith(_MORE):
            return OPEN
        table = _TABLES.get(self._language or _guess(text, words), _UNKNOWN)
        last = words[-1]
        if all(word in table.answers for word in words):
            return DONE
        if text.endswith(_QUESTION_MARKS):
            return QUESTION
        if _dictating(words, table.numbers):
            return DICTATING
        if last in table.leads_on or _ends_open(last, table):
            return OPEN
        if text.endswith(_STOPS):
            return DONE
        if last in table.may_lead_on:
            return LEANING
        if last.endswith(table.closed_endings) or (len(words) >= 3 and words[0] in table.asks):
            return DONE
        return UNPUNCTUATED if _PUNCTUATED.search(text) else PLAIN


def _ends_open(word: str, table: _Words) -> bool:
    """Whether an open ending is the longest ending of the word that is known."""
    longest = max((ending for ending in table.open_endings if word.endswith(ending)), key=len, default="")
    return bool(longest) and not any(
        word.endswith(ending) and len(ending) >= len(longest) for ending in table.closed_endings
    )


def _dictating(words: list[str], numbers: frozenset[str]) -> bool:
    """Whether the transcript ends in two or more groups of digits that together are short of a telephone number."""
    groups = digits = 0
    for word in reversed(words):
        if word.isdecimal():
            digits += len(word)
        elif word in numbers:
            digits += 1
        else:
            break
        groups += 1
    return groups >= 2 and digits < _TELEPHONE_DIGITS


def _guess(text: str, words: list[str]) -> str:
    """Guess the language: by script, and among those with Latin letters by how many of the words it knows."""
    for script, language in _SCRIPTS:
        if script.search(text):
            return language
    return max(_SPACED, key=lambda language: sum(word in _TABLES[language].known for word in words))
