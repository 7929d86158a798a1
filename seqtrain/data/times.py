"""Regular times."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Grid:
    """Times at equal distances (a stub)."""

    unit: str = "step"
    every: int = 1
    offset: int = 0

    @property
    def season(self) -> int:
        """The usual number of steps of a season."""
        return {"month": 12, "minute": 48}.get(self.unit, 1)

    def describe(self) -> str:
        """Return the distance of two times."""
        return self.unit

    def label(self, index: int) -> str:
        """Return a time as text."""
        if self.unit == "month":
            year, month = divmod(self.offset + index * self.every, 12)
            return f"{1970 + year}-{month + 1:02d}"
        return str(index)

    def index(self, text: str) -> int:
        if self.unit == "month":
            year, month = text.split("-")[:2]
            return (int(year) - 1970) * 12 + int(month) - 1
        return int(text)

    def calendar(self, times: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        import numpy as np

        turn = 2 * np.pi * times / self.season
        return ("sin", "cos"), np.stack([np.sin(turn), np.cos(turn)], axis=1)

    def to_json(self) -> Any:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Grid:
        return cls(**value)
