"""What counts as the place of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.models.places import cache_folder, find_checkpoint


def touch(*places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_folder_with_a_configuration(tmp_path: Path) -> None:
    touch(tmp_path / "config.json")
    assert find_checkpoint(tmp_path) == find_checkpoint(str(tmp_path)) == tmp_path


def test_a_run_and_the_last_of_its_steps(tmp_path: Path) -> None:
    touch(*(tmp_path / "checkpoints" / name / "config.json" for name in ("step-9", "step-10", "step-last")))
    assert find_checkpoint(tmp_path).name == "step-10"
    touch(tmp_path / "checkpoint" / "config.json")
    assert find_checkpoint(tmp_path).name == "checkpoint"


def test_gguf(tmp_path: Path) -> None:
    touch(tmp_path / "config.json", tmp_path / "a.gguf")
    assert find_checkpoint(tmp_path) == find_checkpoint(tmp_path / "a.gguf") == tmp_path / "a.gguf"
    touch(tmp_path / "b.gguf")
    with pytest.raises(InputError, match=r"holds 2 GGUF files; give the path of one: a.gguf, b.gguf"):
        find_checkpoint(tmp_path)
    touch(tmp_path / "model.safetensors")
    assert find_checkpoint(tmp_path) == tmp_path


def test_cache_entries(cache: Path) -> None:
    entry = cache / "models--org--name"
    touch(entry / "snapshots" / "one" / "config.json")
    assert cache_folder("org/name") == entry
    assert find_checkpoint("org/name") == find_checkpoint(entry) == entry / "snapshots" / "one"
    touch(entry / "snapshots" / "two" / "config.json")
    with pytest.raises(InputError, match=r"no refs/main and 2 snapshots; give the path of one"):
        find_checkpoint(entry)
    touch(entry / "refs" / "main")
    (entry / "refs" / "main").write_text("two\n")
    assert find_checkpoint("org/name").name == "two"
    (entry / "refs" / "main").write_text("three")
    with pytest.raises(InputError, match="names snapshot three, which is not in the cache"):
        find_checkpoint("org/name")


def test_old_ids_have_no_owner(cache: Path) -> None:
    touch(cache / "models--gpt2" / "snapshots" / "one" / "config.json")
    assert find_checkpoint("gpt2").name == "one"


@pytest.mark.usefixtures("cache")
def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"org/name: no such file or folder, and the .* cache .*--download gets it"):
        find_checkpoint("org/name")
    with pytest.raises(InputError, match=r"/nowhere: no such file or folder$"):
        find_checkpoint(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"stories15: no such file or folder; did you mean 'stories15m'\?"):
        find_checkpoint("stories15")
    touch(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"notes.txt: is a file; give the folder"):
        find_checkpoint(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"no config.json here or in .*checkpoint; not a checkpoint or a run"):
        find_checkpoint(tmp_path)
