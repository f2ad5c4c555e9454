"""The fixed passages on which a converted model is checked, and the perplexity of a model on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from geomem.errors import InputError
from geomem.fetch.checkpoints import quiet_transformers

if TYPE_CHECKING:
    from pathlib import Path

    from geomem.fetch.items import Perplexity

PLAIN = (
    "The lake lies between two ranges of hills, and most of its water comes from snow that melts in the spring. "
    "A small river leaves it at the southern end and runs through three villages before it reaches the sea. "
    "For many years the people of the valley lived from fishing and from the wood of the forests. "
    "When the railway was built, they began to send timber to the city, and the number of inhabitants grew quickly. "
    "The oldest building is a stone church on the island, which can be reached only by boat. "
    "Its tower was struck by lightning and had to be repaired, and since then a bell has been rung every evening. "
    "Scientists measure the temperature of the water at several depths. They have found that the surface is now "
    "warmer in summer than it was fifty years ago, and that the ice breaks earlier. Some kinds of fish prefer cold "
    "water, so they have moved to the deeper parts of the lake."
)
"""English prose of our own, for models of the language at large."""

STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park with her dog, Max. "
    "One day, Lily saw a big red ball under a tree. She wanted to play with it, but it was too high up in the tree. "
    'Lily was sad. "Mom, can you help me?" she asked. Her mom smiled and said, "Yes, I can help you." '
    "She reached up and got the ball. Lily was so happy. She said thank you to her mom and gave her a big hug. "
    "Then Lily and Max played with the ball all day long. When it was time to go home, Lily was tired but happy. "
    "She knew that her mom would always help her."
)
"""A children's story of our own in the few words that story models know."""

PASSAGES = {"plain": PLAIN, "story": STORY}

TOLERANCE = 0.01
"""Relative. Measured: in float64 instead of float32 a perplexity moves by 2e-7 of itself, in half precision by at most
1.3e-3, so that no processor or version reaches this; rotary rows left interleaved make 31.6 of 2.44."""


def perplexity(folder: Path, text: str) -> float:
    """Open the causal model and tokenizer saved in `folder`; return its perplexity on `text`.

    The exponential of the mean negative log-likelihood (nats) of every token after the first; the tokenizer decides
    whether the first is a start-of-text token. Computed in float32.
    """
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    tokens = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        loss = model.eval()(input_ids=tokens, labels=tokens).loss
    return math.exp(float(loss))


def check_perplexity(folder: Path, expected: Perplexity) -> float:
    """Return the perplexity of a converted model. Raises InputError when it is not what the catalogue expects."""
    found = perplexity(folder, PASSAGES[expected.passage])
    # Written so that a NaN fails as well.
    if not abs(found - expected.value) <= TOLERANCE * expected.value:
        raise InputError(
            f"the converted model is not what it should be: perplexity {found:.4g} on the passage "
            f"'{expected.passage}', expected {expected.value:.4g}; nothing was kept"
        )
    return found
