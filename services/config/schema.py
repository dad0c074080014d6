"""What there is to configure. The structs are the truth; `docs/configuration.md` is compared with them by a test."""

from typing import Annotated

from msgspec import Meta, Struct, field

from ..gateway.access import Access
from ..gateway.limits import Limits
from ..kinds.kind import Part, ProviderTable, Work


class Server(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``: where it listens and who may use it; the rest of its keys are those of `Access`."""

    host: str = "127.0.0.1"
    """The address to listen on; any but loopback takes `api_keys`."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """The port; 0 is any free one."""
    workers: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Processes that serve this port."""
    tls: bool = False
    """Whether to serve ``wss:`` and ``https:`` with a certificate made on the spot, where `tls_cert` names none."""
    tls_cert: str = ""
    """File with the certificate and its chain, PEM."""
    tls_key: str = ""
    """File with the certificate's key, PEM; not needed if it is in `tls_cert`."""
    drain: Annotated[float, Meta(ge=0)] = 10.0
    """Seconds that turns in progress have to end in when the server is told to stop."""
    record: str = ""
    """A folder for recordings of all sessions, with everything that is said in them; empty: nothing is recorded."""
    limits: Limits = Limits()


Seconds = Annotated[float, Meta(gt=0)]


class Patience(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[voice.patience]``: seconds that a provider may take before the next one of its chain is asked."""

    transcript: Seconds = 3.0
    """From the end of speech to its final transcript."""
    first_token: Seconds = 1.5
    """From the request to a language model to its first token."""
    between_tokens: Seconds = 5.0
    """From each token to the next."""
    first_audio: Seconds = 2.0
    """From a piece of text to its first audio."""
    between_audio: Seconds = 2.0
    """From each chunk of audio to the next."""
    last: Seconds = 15.0
    """For any of these, where nobody else is left to be asked."""
    adaptive: bool = True
    """Whether a provider is replaced earlier than that where it is later than it uses to be."""
    hedge_after: Seconds | None = None
    """From the request until a second language model is asked beside the first, if that has said nothing; whoever
    speaks first goes on. It costs a second request. None: never."""
    hedge_late: bool = False
    """Whether a second language model is asked, too, when the first is later than with 19 of its latest 20 answers."""


class Choices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[voice.choices]``: providers from which a client may choose for its session, beside those of the chains."""

    stt: tuple[str, ...] = ("browser",)
    """Of speech to text, ``NAME`` or ``NAME/MODEL``."""
    llm: tuple[str, ...] = ()
    """The same of the language model."""
    tts: tuple[str, ...] = ("browser",)
    """The same of text to speech."""

    def of(self, part: Part) -> tuple[str, ...]:
        """Return those of a part."""
        return {"stt": self.stt, "llm": self.llm, "tts": self.tts}[part]


class Voice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[voice]``: who takes which part, and how sessions begin."""

    stt: tuple[str, ...] = ()
    """Providers of speech to text, ``NAME`` or ``NAME/MODEL``: the first one that works does it, the others are there
    for when it fails. None: chosen from what there is."""
    llm: tuple[str, ...] = ()
    """The same for the language model."""
    tts: tuple[str, ...] = ()
    """The same for text to speech."""
    realtime: tuple[str, ...] = ()
    """Models that hear and speak by themselves, and hold conversations instead of the three; those then only take
    sessions that want nothing but transcripts. None: nobody does."""
    realtime_fallback: bool = False
    """Whether the three go on with a conversation where none of these models can be talked with, any more."""
    model: str = "troupe"
    """The name under which clients see the whole."""
    voice: str = "alloy"
    """The voice of a session whose client names none."""
    voices: dict[str, str] = {}
    """What a voice that clients name is called at the synthesizers: ``alloy = "af_heart"``. One that does not have it
    is asked for the name that the client said, and then speaks in its own."""
    instructions: str = ""
    """Instructions for the language model, of a session whose client gives none."""
    language: str = ""
    """Which language is spoken, as ISO 639-1 (``de``), in a session whose client does not say; empty to find out."""
    spoken_fallback: str = ""
    """What the assistant says where an answer fails; nothing if empty."""
    interrupt_after: Annotated[float, Meta(ge=0)] = 0.0
    """Seconds of voice that interrupt the assistant: 0 for the first sound, 0.5 to bear with coughs and "mhm"."""
    speculate: bool = False
    """Whether an answer is begun when the user's turn may have ended; it costs a request where the user goes on."""
    keep_latencies: bool = True
    """Whether to keep in a file how soon the providers answered that a wish such as ``fastest:speech-to-text`` stands
    for, so that the next run begins with whoever was fastest."""
    patience: Patience = Patience()
    choices: Choices = Choices()

    def chain(self, part: Work) -> tuple[str, ...]:
        """Return the providers that are named for a part, or for all of them."""
        named = {"stt": self.stt, "llm": self.llm, "tts": self.tts, "realtime": self.realtime}
        return named.get(part, ())


class ServiceTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[services.NAME]``: a container that runs with the server; the provider NAME is what is in it."""

    manifest: str = ""
    """Its manifest, the folder of one, or a service that comes with Troupe; its own name if empty."""
    variant: str = ""
    """Which variant, such as ``gpu``; empty for the plain one."""
    environment: dict[str, str] = {}
    """Variables over those of the manifest; ``"env:NAME"`` is one of the server's own."""
    allow: tuple[str, ...] = ()
    """What it may be beyond what is harmless, such as ``mount:/data``; see `docs/docker.md`."""
    adopt: bool = False
    """Whether to go on with the container that a killed server has left, in place of a new one."""


class Config(Struct, frozen=True, kw_only=True):
    """All of it."""

    server: Server = field(default_factory=Server)
    voice: Voice = field(default_factory=Voice)
    providers: dict[str, ProviderTable] = {}
    """``[providers.NAME]``; what may stand in each depends on its kind."""
    services: dict[str, ServiceTable] = {}
    """``[services.NAME]``."""
