"""What every actor of a provider tells of itself: what was used, model by model. It needs no network to be imported."""

from ..runtime import Actor
from .contracts import Account, GetAccounts, GetUsage, Usage
from .usage import Meters


class AccountingActor(Actor):
    """Base of actors that count what is used of them.

    Args:
        meters: Where it is counted; new ones if not given.
    """

    def __init__(self, meters: Meters | None = None) -> None:
        self._meters = meters or Meters()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meters.usage

    def accounts(self, request: GetAccounts) -> tuple[Account, ...]:
        """Return what was used so far of each model, and what it took to ask."""
        return self._meters.accounts
