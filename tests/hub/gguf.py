"""True GGUF v3 files: a header that any reader accepts, tensors of the sizes it announces, noise for weights."""

import struct

from .content import Bytes, Joined, Noise

ALIGNMENT = 32

# name -> (ggml_type, elements per block, bytes per block)
TENSOR_TYPES = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "Q8_0": (8, 32, 34),
    "Q2_K": (10, 256, 84),
    "Q3_K": (11, 256, 110),
    "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176),
    "Q6_K": (14, 256, 210),
}

# quant label -> (general.file_type, type of most matrices, of attn_v and ffn_down, of embedding, of output)
RECIPES = {
    "Q2_K": (10, "Q2_K", "Q3_K", "Q2_K", "Q6_K"),
    "Q3_K_M": (12, "Q3_K", "Q4_K", "Q3_K", "Q6_K"),
    "Q4_K_S": (14, "Q4_K", "Q4_K", "Q4_K", "Q6_K"),
    "Q4_K_M": (15, "Q4_K", "Q6_K", "Q4_K", "Q6_K"),
    "UD-Q4_K_XL": (15, "Q4_K", "Q6_K", "Q8_0", "Q8_0"),
    "Q5_K_M": (17, "Q5_K", "Q6_K", "Q5_K", "Q6_K"),
    "Q6_K": (18, "Q6_K", "Q6_K", "Q6_K", "Q6_K"),
    "Q6_K_L": (18, "Q6_K", "Q6_K", "Q8_0", "Q8_0"),
    "Q8_0": (7, "Q8_0", "Q8_0", "Q8_0", "Q8_0"),
    "F16": (1, "F16", "F16", "F16", "F16"),
}

# value type -> (its number in the file, how struct packs one)
_VALUES = {
    "u8": (0, "<B"),
    "i8": (1, "<b"),
    "u16": (2, "<H"),
    "i16": (3, "<h"),
    "u32": (4, "<I"),
    "i32": (5, "<i"),
    "f32": (6, "<f"),
    "bool": (7, "<?"),
    "str": (8, None),
    "u64": (10, "<Q"),
    "i64": (11, "<q"),
    "f64": (12, "<d"),
}
_ARRAY = 9


def _string(text):
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _scalar(kind, value):
    return _string(value) if kind == "str" else struct.pack(_VALUES[kind][1], value)


def _pair(key, kind, value):
    if kind.startswith("["):
        element = kind.strip("[]")
        head = struct.pack("<IIQ", _ARRAY, _VALUES[element][0], len(value))
        return _string(key) + head + b"".join(_scalar(element, item) for item in value)
    return _string(key) + struct.pack("<I", _VALUES[kind][0]) + _scalar(kind, value)


def tensor_bytes(dims, kind):
    """How many bytes a tensor takes; its first dimension is a whole number of blocks."""
    _, per_block, block_bytes = TENSOR_TYPES[kind]
    if dims[0] % per_block:
        raise ValueError(f"{dims} does not divide into blocks of {kind}")
    elements = 1
    for dim in dims:
        elements *= dim
    return elements // per_block * block_bytes


def build(metadata, tensors, seed):
    """A GGUF file as a `Content`.

    `metadata` is a list of (key, type, value), with types as in `_VALUES` or `[type]` for an array; `tensors` a list
    of (name, dims, type name).
    """
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    head += [_pair(*entry) for entry in metadata]
    data, offset = [], 0
    for name, dims, kind in tensors:
        head.append(_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, TENSOR_TYPES[kind][0], offset))
        size = tensor_bytes(dims, kind)
        padding = -size % ALIGNMENT
        data += [Noise(f"{seed} {name}", size), Bytes(bytes(padding))]
        offset += size + padding
    header = b"".join(head)
    return Joined([Bytes(header + bytes(-len(header) % ALIGNMENT)), *data])


class Llama:
    """A small model of the llama architecture, in any of the quants of `RECIPES`."""

    def __init__(
        self, name, size_label, blocks=12, embedding=256, feed_forward=512, heads=8, kv_heads=4, vocabulary=512
    ):
        self.name, self.size_label, self.blocks = name, size_label, blocks
        self.embedding, self.feed_forward = embedding, feed_forward
        self.heads, self.kv_heads, self.vocabulary = heads, kv_heads, vocabulary

    CONTEXT = 8192
    CHAT_TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"

    def matrices(self):
        """(name, dims, role) of every tensor, where the role picks the type from a recipe."""
        n, ff, kv = self.embedding, self.feed_forward, self.embedding // self.heads * self.kv_heads
        yield "token_embd.weight", (n, self.vocabulary), "embedding"
        for block in range(self.blocks):
            prefix = f"blk.{block}."
            yield prefix + "attn_norm.weight", (n,), "norm"
            yield prefix + "attn_q.weight", (n, n), "most"
            yield prefix + "attn_k.weight", (n, kv), "most"
            yield prefix + "attn_v.weight", (n, kv), "fine"
            yield prefix + "attn_output.weight", (n, n), "most"
            yield prefix + "ffn_norm.weight", (n,), "norm"
            yield prefix + "ffn_gate.weight", (n, ff), "most"
            yield prefix + "ffn_up.weight", (n, ff), "most"
            yield prefix + "ffn_down.weight", (ff, n), "fine"
        yield "output_norm.weight", (n,), "norm"
        yield "output.weight", (n, self.vocabulary), "output"

    def parameters(self):
        """The number of weights."""
        total = 0
        for _, dims, _ in self.matrices():
            count = 1
            for dim in dims:
                count *= dim
            total += count
        return total

    def tensors(self, quant):
        """The tensor list of the model in one quant."""
        _, most, fine, embedding, output = RECIPES[quant]
        kinds = {"most": most, "fine": fine, "embedding": embedding, "output": output, "norm": "F32"}
        return [(name, dims, kinds[role]) for name, dims, role in self.matrices()]

    def metadata(self, quant):
        """The metadata of the model in one quant."""
        tokens = ["<unk>", "<s>", "</s>"] + [f"▁w{n}" for n in range(3, self.vocabulary)]
        return [
            ("general.architecture", "str", "llama"),
            ("general.type", "str", "model"),
            ("general.name", "str", self.name),
            ("general.basename", "str", self.name.split()[0]),
            ("general.size_label", "str", self.size_label),
            ("general.license", "str", "apache-2.0"),
            ("general.tags", "[str]", ["text-generation"]),
            ("general.quantization_version", "u32", 2),
            ("general.file_type", "u32", RECIPES[quant][0]),
            ("llama.block_count", "u32", self.blocks),
            ("llama.context_length", "u32", self.CONTEXT),
            ("llama.embedding_length", "u32", self.embedding),
            ("llama.feed_forward_length", "u32", self.feed_forward),
            ("llama.attention.head_count", "u32", self.heads),
            ("llama.attention.head_count_kv", "u32", self.kv_heads),
            ("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5),
            ("llama.rope.dimension_count", "u32", self.embedding // self.heads),
            ("llama.rope.freq_base", "f32", 10000.0),
            ("llama.vocab_size", "u32", self.vocabulary),
            ("tokenizer.ggml.model", "str", "llama"),
            ("tokenizer.ggml.tokens", "[str]", tokens),
            ("tokenizer.ggml.scores", "[f32]", [0.0] * len(tokens)),
            ("tokenizer.ggml.token_type", "[i32]", [2, 3, 3] + [1] * (len(tokens) - 3)),
            ("tokenizer.ggml.bos_token_id", "u32", 1),
            ("tokenizer.ggml.eos_token_id", "u32", 2),
            ("tokenizer.ggml.add_bos_token", "bool", True),
            ("tokenizer.chat_template", "str", self.CHAT_TEMPLATE),
        ]

    def file(self, quant, seed):
        """The model in one quant, in one file."""
        return build(self.metadata(quant), self.tensors(quant), f"{seed} {quant}")

    def shards(self, quant, count, seed):
        """The model in one quant, split in `count` files as llama-gguf-split does: all metadata in the first."""
        tensors = self.tensors(quant)
        share = -(-len(tensors) // count)
        for number in range(count):
            split = [
                ("split.no", "u16", number),
                ("split.count", "u16", count),
                ("split.tensors.count", "i32", len(tensors)),
            ]
            metadata = self.metadata(quant) + split if number == 0 else split
            yield build(metadata, tensors[number * share : (number + 1) * share], f"{seed} {quant} {number}")


def projector(name, seed, embedding=256, blocks=2):
    """A multimodal projector (an `mmproj` file) in F16."""
    metadata = [
        ("general.architecture", "str", "clip"),
        ("general.type", "str", "mmproj"),
        ("general.name", "str", name),
        ("general.file_type", "u32", 1),
        ("clip.has_vision_encoder", "bool", True),
        ("clip.projector_type", "str", "mlp"),
        ("clip.vision.image_size", "u32", 224),
        ("clip.vision.patch_size", "u32", 14),
        ("clip.vision.embedding_length", "u32", 128),
        ("clip.vision.feed_forward_length", "u32", 256),
        ("clip.vision.projection_dim", "u32", embedding),
        ("clip.vision.block_count", "u32", blocks),
        ("clip.vision.attention.head_count", "u32", 4),
        ("clip.vision.attention.layer_norm_epsilon", "f32", 1e-5),
        ("clip.vision.image_mean", "[f32]", [0.5, 0.5, 0.5]),
        ("clip.vision.image_std", "[f32]", [0.5, 0.5, 0.5]),
        ("clip.use_gelu", "bool", True),
    ]
    tensors = [
        ("mm.0.weight", (128, embedding), "F16"),
        ("mm.0.bias", (embedding,), "F32"),
        ("mm.2.weight", (embedding, embedding), "F16"),
        ("mm.2.bias", (embedding,), "F32"),
        ("v.patch_embd.weight", (14, 14, 3, 128), "F16"),
    ]
    for block in range(blocks):
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors.append((f"v.blk.{block}.{part}.weight", (128, 128), "F16"))
        tensors.append((f"v.blk.{block}.ffn_up.weight", (128, 256), "F16"))
        tensors.append((f"v.blk.{block}.ffn_down.weight", (256, 128), "F16"))
    return build(metadata, tensors, seed)
