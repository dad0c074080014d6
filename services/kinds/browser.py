"""The browser of a session's page: see `troupe.actors.providers.browser`.

The actors that are made here know no page, and say so: sessions whose client has one get actors of their own, see
`troupe.services.cast`.
"""

from ...actors.providers.browser.page import Page
from ...actors.providers.browser.recogniser import BrowserRecogniser
from ...actors.providers.browser.synthesizer import BrowserSynthesizer
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    return child(BrowserRecogniser, Page(), name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    return child(BrowserSynthesizer, Page(), name=setup.actor)
