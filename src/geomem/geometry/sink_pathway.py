"""Where in an MLP a token takes the primary sink's direction.

Source: arXiv 2512.22213: at a secondary sink's creation layer the cosine of its MLP's inner states with those of the
primary sink is claimed to jump at the last step, the down projection. Compare with tokens of the same id that are no
sinks (`sinks.same_token_others`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from geomem.geometry.vectors import unit_rows

Step = Callable[[Tensor], Tensor]


def mlp_pathway(
    inputs: Float[Tensor, "n d"],
    primary: Float[Tensor, " d"],
    *,
    up: Step,
    activation: Step,
    down: Step,
    gate: Step | None = None,
) -> dict[str, Float[Tensor, " n"]]:
    """Return the cosine of n tokens with the primary sink at every step of the MLP, in order, float64.

    inputs, primary: what the MLP reads. gate, up, down: its projections, biases included; activation: its nonlinearity.
    Steps: input, gate, up, activated = act(gate), product = act(gate) * up, output; without a gate: input, up,
    activated = act(up), output. Random directions have cosine 0 with standard deviation 1/sqrt(width of the step).
    """
    rows = torch.cat([inputs, primary[None]])
    raised = up(rows)
    if gate is None:
        inner = activation(raised)
        steps = {"input": rows, "up": raised, "activated": inner, "output": down(inner)}
    else:
        opened = gate(rows)
        inner = activation(opened)
        product = inner * raised
        steps = {"input": rows, "gate": opened, "up": raised, "activated": inner, "product": product}
        steps["output"] = down(product)
    unit = {name: unit_rows(step) for name, step in steps.items()}
    return {name: step[:-1] @ step[-1] for name, step in unit.items()}
