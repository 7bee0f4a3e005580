"""What a training run cost: throughput, operations, memory, and waiting for data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

GIGA = 1e9


class Measurement(BaseModel):
    """What a run came to on this machine, of this process's share of it since it was started."""

    model_config = ConfigDict(frozen=True)

    items: int = Field(default=0, description="posts trained on, on all devices")
    items_per_second: float = Field(
        default=0.0,
        description="posts trained on in a second, on all devices, validation and checkpoints left out",
    )
    tokens_per_second: float = Field(default=0.0, description="the same of tokens of text, padding left out")
    flops_per_item: float = Field(
        default=0.0, description="floating-point operations of the model for a post, forward and backward"
    )
    peak_flops: float = Field(default=0.0, description="what one device can do at most in a second")
    model_flops_utilisation: float = Field(default=0.0, description="share of that which the model used")
    memory_before_bytes: int = Field(default=0, description="memory of one device when training began")
    memory_peak_bytes: int = Field(
        default=0,
        description="memory of one device at most: allocated on a GPU, resident where that is the processor",
    )
    data_wait_share: float = Field(default=0.0, description="share of the time spent waiting for a batch")
    devices: int = Field(default=1, description="how many")
    device_seconds: float = Field(default=0.0, description="time of training times devices, all included")

    def __str__(self) -> str:
        pace = f"{self.items:,} posts at {self.items_per_second:,.0f} a second"
        used = f"{self.model_flops_utilisation:.0%} of what the device can do"
        memory = f"{self.memory_peak_bytes / GIGA:.1f} GB at most"
        return f"{pace}, {used}, {memory}, {self.data_wait_share:.1%} of the time waiting for data"

    @property
    def metrics(self) -> dict[str, float]:
        """By the names that runs are logged under."""
        return {f"train/{name}": float(value) for name, value in self if value}
