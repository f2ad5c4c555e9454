"""`import geomem` is cheap, and transformers' Auto classes open our checkpoints in either import order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from geomem._autoload import register_with_transformers
from geomem.models import MODELS
from geomem.models.hub import quiet_progress

OPEN = """
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
torch.save(model(input_ids=torch.tensor([[1, 2, 3]])).logits.detach(), sys.argv[2])
print(type(model).__name__, AutoConfig.from_pretrained(sys.argv[1]).model_type)
"""
ORDERS = {
    "transformers first": "from transformers import AutoConfig, AutoModelForCausalLM\nimport geomem\n",
    "our module first": "import geomem.models.mamba\nfrom transformers import AutoConfig, AutoModelForCausalLM\n",
    # Strict about "geomem first": this module imports the Auto classes half-way through its own import.
    "geomem first": "import geomem\nimport transformers.models.gpt2.modeling_gpt2\n"
    "from transformers import AutoConfig, AutoModelForCausalLM\n",
}


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", "-c", "import sys\n" + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_cheap_and_has_a_version() -> None:
    heavy = "torch transformers sklearn matplotlib pyarrow plotly networkx scipy"
    loaded = run(f"import geomem\nassert geomem.__version__\nprint([n for n in '{heavy}'.split() if n in sys.modules])")
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    ("order", "kind", "name"),
    [
        ("transformers first", "associative", "GeomemLinearForCausalLM geomem-linear"),
        ("our module first", "mamba", "GeomemMambaForCausalLM geomem-mamba"),
        ("geomem first", "transformer", "GeomemTransformerForCausalLM geomem-transformer"),
    ],
)
def test_auto_classes_open_our_checkpoints(order: str, kind: str, name: str, tmp_path: Path) -> None:
    model = MODELS.get(kind)(kind=kind, width=16).build(12, 0).eval()  # pyright: ignore
    with quiet_progress():
        model.save_pretrained(tmp_path / "checkpoint")
    out = run(ORDERS[order] + "import torch\n" + OPEN, str(tmp_path / "checkpoint"), str(tmp_path / "logits.pt"))
    assert out.strip() == name
    want = model(input_ids=torch.tensor([[1, 2, 3]])).logits
    assert torch.equal(torch.load(tmp_path / "logits.pt"), want)


def test_configurations_alone_do_not_load_models() -> None:
    code = (
        "import geomem\nfrom transformers import AutoConfig\n"
        "print(type(AutoConfig.for_model('geomem-linear')).__name__, 'geomem.models.linear' in sys.modules)"
    )
    assert run(code).strip() == "GeomemLinearConfig False"


def test_registering_again_is_harmless() -> None:
    register_with_transformers()
    register_with_transformers()
    from transformers import AutoConfig

    assert AutoConfig.for_model("geomem-linear", hidden_size=5).hidden_size == 5
