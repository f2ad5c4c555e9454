"""For the whole suite: shapes and types of the measurements are checked at run time, and BLAS keeps to one thread."""

from __future__ import annotations

import os

from jaxtyping import install_import_hook

import tests.checked  # noqa: F401  (the hook below looks it up by name)

# Set before torch is first imported: several busy BLAS threads on few cores are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# jaxtyping's annotations are checked by beartype in tests only; ordinary runs do not pay for it.
install_import_hook("geomem.geometry", "tests.checked.checked")
