from __future__ import annotations

import subprocess
import sys

import pytest

from geomem.batch import Alphabet
from geomem.errors import InputError
from geomem.objectives import OBJECTIVES
from geomem.objectives.catch_your_breath import CatchYourBreath
from geomem.objectives.hybrid import Hybrid
from geomem.objectives.masked_diffusion import MaskedDiffusion
from geomem.objectives.next_token import NextToken
from geomem.objectives.teacherless import Teacherless
from geomem.objectives.wrapping import Wrapped
from geomem.spec import resolve


def test_names_build_their_objectives():
    words = Alphabet(9)
    built = {name: type(resolve(OBJECTIVES, name).build(words)) for name in OBJECTIVES}  # type: ignore[attr-defined]
    plain = {"next-token": NextToken, "teacherless": Teacherless, "masked-diffusion": MaskedDiffusion,
             "hybrid-teacherless": Hybrid, "catch-your-breath": CatchYourBreath}  # fmt: skip
    assert built == {**dict.fromkeys(("first-token", "pause", "reversed", "seed"), Wrapped), **plain}


def test_an_unknown_objective_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'teacherless'"):
        resolve(OBJECTIVES, "teacher-less")


def test_settings_do_not_import_torch():
    code = "import sys, geomem.objectives.specs, geomem.tasks.specs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
