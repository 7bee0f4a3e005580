"""What a search may take. Apart from the search, whose libraries no form needs to start."""

from __future__ import annotations

from models.domain.errors import UserError
from tasks.plumbing.handle import Handle

HOUR, MINUTE = 3600.0, 60.0  # seconds


class BudgetError(UserError):
    """A budget that bounds nothing."""


class Budget(Handle):
    """What a search may take, all trials together; 0 is no bound."""

    minutes: float
    money: float = 0.0
    trials: int = 0

    def check(self, price: float) -> None:
        """Raises BudgetError where a search would have no end, or money no measure."""
        if not (self.minutes or self.money or self.trials):
            raise BudgetError("a search needs a bound: --minutes, --money or --trials")
        if self.money and not price:
            raise BudgetError(
                f"a budget of {self.money:g} buys no time while MODERATO_DEVICE_HOUR_PRICE is 0: set what a device "
                "costs in an hour, or bound the search in minutes"
            )

    def seconds(self, price: float) -> float:
        """Of training on one device at `price` an hour."""
        bounds = [self.minutes * MINUTE] if self.minutes else []
        bounds += [self.money / price * HOUR] if self.money else []
        return min(bounds, default=float("inf"))
