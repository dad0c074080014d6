"""A Whisper model of a few kilobytes with random weights: all of faster-whisper runs on it, and hears one word."""

import json
from pathlib import Path

import numpy as np

WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")
WIDTH, MELS, POSITIONS = 16, 80, 1500
SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>")
LAST = ("<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")


def save(folder: Path, *, text_positions: int = 448) -> Path:
    """Write the model into a folder, as `WhisperModel` reads it; with few positions it fails when it gets that far."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    # faster-whisper asks for the tokens of these signs in order to suppress them
    signs = [f"Ġ{sign}" for sign in ("-", "'")]
    texts = [f"Ġ{word}" for word in WORDS] + signs
    tokens = [*texts, *SPECIAL, *LAST, *(f"<|{0.02 * number:.2f}|>" for number in range(1501))]
    random = np.random.default_rng(5)

    def weights(*shape: int, scale: float = 0.3) -> np.ndarray:
        return (scale * random.standard_normal(shape)).astype(np.float32)

    def linear(spec, outputs: int, inputs: int = WIDTH) -> None:
        spec.weight, spec.bias = weights(outputs, inputs), weights(outputs)

    def norm(spec) -> None:
        spec.gamma, spec.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def attention(spec, *, own: bool) -> None:
        norm(spec.layer_norm)
        for layer, outputs in zip(spec.linear, [3 * WIDTH, WIDTH] if own else [WIDTH, 2 * WIDTH, WIDTH], strict=True):
            linear(layer, outputs)

    def feed_forward(spec) -> None:
        norm(spec.layer_norm)
        linear(spec.linear_0, 4 * WIDTH)
        linear(spec.linear_1, WIDTH, 4 * WIDTH)

    spec = WhisperSpec(1, 2, 1, 2)
    for convolution, inputs in ((spec.encoder.conv1, MELS), (spec.encoder.conv2, WIDTH)):
        convolution.weight, convolution.bias = weights(WIDTH, inputs, 3), weights(WIDTH)
    spec.encoder.position_encodings.encodings = weights(POSITIONS, WIDTH)
    norm(spec.encoder.layer_norm)
    attention(spec.encoder.layer[0].self_attention, own=True)
    feed_forward(spec.encoder.layer[0].ffn)
    spec.decoder.embeddings.weight = weights(len(tokens), WIDTH)
    spec.decoder.position_encodings.encodings = weights(text_positions, WIDTH)
    norm(spec.decoder.layer_norm)
    attention(spec.decoder.layer[0].self_attention, own=True)
    attention(spec.decoder.layer[0].attention, own=False)
    feed_forward(spec.decoder.layer[0].ffn)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    spec.decoder.projection.bias = np.zeros(len(tokens), np.float32)
    spec.decoder.projection.bias[1] = 30.0  # it says this on any processor; the first one, unknown signs, is suppressed
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokens.index("<|en|>")]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize(quantization="float32")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    added = [
        {
            "id": number,
            "content": token,
            "special": token in {*SPECIAL, *LAST},
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for number, token in enumerate(tokens)
        if number >= len(texts)
    ]
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "WordLevel",
            "vocab": {token: number for number, token in enumerate(texts)},
            "unk_token": texts[0],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder
