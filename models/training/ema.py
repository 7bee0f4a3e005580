"""The running average of a network's weights, which validation and the exported model use."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

WARM_UP_UPDATES = 9  # of the n-th update the average keeps n / (n + WARM_UP) at most


class Average(nn.Module):
    """Exponential moving average of what is trained of a network; of its first updates it keeps less, as TensorFlow's
    average does with `num_updates`, so that a short run's is not of weights from before it.

    Its values are parameters that nothing trains, so that they move, are sharded and are saved as the network's are.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.values = nn.ParameterList(
            nn.Parameter(parameter.detach().clone(), requires_grad=False) for parameter in _trained(network)
        )

    @torch.no_grad()
    def update(self, network: nn.Module, number: int) -> None:
        """Draw the average to the network's weights, for the `number`-th time; the 0th it takes them as they are."""
        kept = min(self.decay, number / (number + WARM_UP_UPDATES))
        for value, parameter in zip(self.values, _trained(network), strict=True):
            value.lerp_(parameter, 1 - kept)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """The network takes the averages, and its weights are kept here; a second call takes that back."""
        for value, parameter in zip(self.values, _trained(network), strict=True):
            kept = value.clone()
            value.copy_(parameter)
            parameter.copy_(kept)


def averaged(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The state of a network with its averages in place of its weights, of a module that holds both as `network` and
    `average`; `network` is one like it.
    """
    prefix = "network."
    found = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    names = (name for name, parameter in network.named_parameters() if parameter.requires_grad)
    return found | {name: state[f"average.values.{place}"] for place, name in enumerate(names)}


def _trained(network: nn.Module) -> Iterator[nn.Parameter]:
    return (parameter for parameter in network.parameters() if parameter.requires_grad)
