"""True safetensors files: header, padding and a data buffer without holes; noise for weights."""

import json
import struct

from .content import Bytes, Joined, Noise

_WIDTH = {"BF16": 2, "F16": 2, "F32": 4, "I64": 8}


def build(tensors, seed):
    """A safetensors file as a `Content`; `tensors` maps a name to (dtype, shape)."""
    header, data, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, (dtype, shape) in tensors.items():
        size = _WIDTH[dtype]
        for dim in shape:
            size *= dim
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        data.append(Noise(f"{seed} {name}", size))
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return Joined([Bytes(struct.pack("<Q", len(text)) + text), *data])


def tensors_of_llama(blocks=6, embedding=128, feed_forward=384, vocabulary=512, dtype="BF16"):
    """The tensors of a small llama model under the names that transformers gives them."""
    n, ff = embedding, feed_forward
    tensors = {"model.embed_tokens.weight": (dtype, (vocabulary, n))}
    for block in range(blocks):
        prefix = f"model.layers.{block}."
        tensors[prefix + "input_layernorm.weight"] = (dtype, (n,))
        for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
            tensors[f"{prefix}self_attn.{part}.weight"] = (dtype, (n, n))
        tensors[prefix + "post_attention_layernorm.weight"] = (dtype, (n,))
        tensors[prefix + "mlp.gate_proj.weight"] = (dtype, (ff, n))
        tensors[prefix + "mlp.up_proj.weight"] = (dtype, (ff, n))
        tensors[prefix + "mlp.down_proj.weight"] = (dtype, (n, ff))
    tensors["model.norm.weight"] = (dtype, (n,))
    tensors["lm_head.weight"] = (dtype, (vocabulary, n))
    return tensors


def sharded(tensors, count, seed):
    """Split into `count` files and an index: yields (file name, content or text)."""
    names = list(tensors)
    share = -(-len(names) // count)
    weight_map, total = {}, 0
    for number in range(count):
        part = {name: tensors[name] for name in names[number * share : (number + 1) * share]}
        file = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        for name, (dtype, shape) in part.items():
            weight_map[name] = file
            size = _WIDTH[dtype]
            for dim in shape:
                size *= dim
            total += size
        yield file, build(part, f"{seed} {number}")
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    yield "model.safetensors.index.json", json.dumps(index, indent=2) + "\n"
