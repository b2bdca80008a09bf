"""What the books should do, said again in plain Python: one wallet without locks, batches or SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Shadow:
    """A wallet as it should be after the same deeds. All amounts are nano-USD."""

    balance: int = 0
    held: int = 0
    bonus: int = 0
    status: str = "active"
    entries: int = 0
    open: dict[UUID, int] = field(default_factory=dict)
    closed: set[UUID] = field(default_factory=set)
    charged: dict[UUID, int] = field(default_factory=dict)

    def place(self, call: UUID, amount: int) -> str:
        """The outcome of a placement."""
        if amount <= 0:
            return "invalid"
        if call in self.open or call in self.closed:
            return "duplicate"
        if self.status != "active":
            return "frozen"
        if self.balance - self.held < amount:
            return "insufficient"
        self.open[call] = amount
        self.held += amount
        return "placed"

    def extend(self, call: UUID, add: int) -> str:
        """The outcome of an extension."""
        if add < 0:
            return "invalid"
        if call not in self.open:
            return "closed"
        if add and (self.status != "active" or self.balance - self.held < add):
            return "insufficient"
        self.open[call] += add
        self.held += add
        return "extended"

    def settle(self, call: UUID, cost: int) -> tuple[str, int]:
        """The outcome of a settlement and its charge."""
        if cost < 0:
            return "invalid", 0
        if call in self.charged:
            return "duplicate", self.charged[call]
        late = call not in self.open
        free = max(0, self.balance - self.held)
        own = self._close(call)
        charge = min(cost, own + free)
        self.balance -= charge
        self.bonus -= min(self.bonus, charge)
        self.entries += charge > 0
        self.charged[call] = charge
        if charge < cost:
            return "shortfall", charge
        return ("late" if late else "settled" if cost else "released"), charge

    def release(self, call: UUID) -> str:
        """The outcome of a release."""
        if call in self.open:
            self._close(call)
            return "released"
        return "closed" if call in self.closed else "missing"

    def post(self, kind: str, delta: int) -> str:
        """The outcome of a posting under a fresh key."""
        after = self.balance + delta
        if delta < 0 and kind not in ("refund", "dispute") and after < self.held:
            return "insufficient"
        if kind == "expiry" and self.bonus + delta < 0:
            return "insufficient"
        self.balance = after
        self.bonus += delta if kind in ("promo", "expiry") else 0
        self.entries += 1
        self.status = "frozen" if after < 0 else "active"
        return "posted"

    def _close(self, call: UUID) -> int:
        amount = self.open.pop(call, 0)
        self.closed.add(call)
        self.held -= amount
        return amount
