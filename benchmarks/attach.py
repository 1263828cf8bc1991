"""Attaches to architectures nobody chose for it: are all measured, and does training stay what it was, bit by bit?

    python benchmarks/attach.py                        # all that can be built small; hours on one core
    python benchmarks/attach.py --resume               # go on with the table that is there
    python benchmarks/attach.py --sample 20 --seed 1   # a random sample
    python benchmarks/attach.py --only resnet swin     # some by name
    python benchmarks/attach.py --table benchmarks/data/attach.csv   # the table of the documentation

Each model of transformers' automatic mapping, and of torch, is made small (two layers, 32 wide, random weights), where
its configuration allows it. It trains two steps with dropout, once alone and once with `plane.measure` before each step
and between the backward pass and the optimiser's step. Afterwards parameters, buffers, gradients, modes, hooks and the
next random number must be bitwise the same. What cannot be built small, or takes other inputs than one text, picture,
video or sound, is counted and left out.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import logging
import random
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import infoplane as ip

SAMPLES, TOKENS, SECONDS, LARGEST = 6, 16, 60, 20_000_000
COLUMNS = ("source", "name", "model", "input", "parameters", "layers", "first", "last", "warnings", "result", "reason")

#: What makes a configuration small: a value, and the names that it has in configurations.
_VALUES = (
    (32, "hidden_size d_model dim n_embd embed_dim hidden_dim encoder_hidden_dim word_embed_proj_dim image_size"),
    (32, "moe_intermediate_size embedding_size projection_dim"),
    (2, "num_hidden_layers n_layer num_layers n_layers encoder_layers decoder_layers depth num_encoder_layers"),
    (2, "num_decoder_layers num_blocks num_attention_heads n_head n_heads num_heads encoder_attention_heads"),
    (2, "decoder_attention_heads num_key_value_heads num_experts_per_tok eos_token_id"),
    (64, "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff n_inner mlp_dim max_position_embeddings"),
    (64, "n_positions n_ctx max_source_positions max_target_positions"),
    (4, "num_experts num_local_experts n_routed_experts moe_num_experts"),
    (8, "patch_size state_size"),
    (16, "head_dim d_kv num_mel_bins"),
    (99, "vocab_size vocab_size_per_layer_input"),
    (0, "pad_token_id"),
    (1, "bos_token_id decoder_start_token_id"),
)
SMALL = {name: value for value, names in _VALUES for name in names.split()}
WIDER, SHALLOW = (
    ("hidden_sizes", "embed_dims", "neck_hidden_sizes", "embedding_dims"),
    ("depths", "layers", "num_blocks"),
)


class Held(nn.Module):
    """Makes a model of torch that takes more than one input one that takes one."""

    def __init__(self, inner: nn.Module, call: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x: Tensor) -> Any:
        return self.call(self.inner, x)


def of_torch() -> Iterator[tuple[str, Callable[[], tuple[nn.Module, dict[str, Any]]]]]:
    """Recurrent, attention, convolution and normalisation layers of torch, alone and in small networks."""
    flat, text, picture = torch.randn(SAMPLES, 8), torch.randn(SAMPLES, 7, 8), torch.randn(SAMPLES, 4, 8, 8)

    def case(make: Callable[[], nn.Module], x: Tensor) -> Callable[[], tuple[nn.Module, dict[str, Any]]]:
        return lambda: (make(), {"input": x})

    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        yield kind.__name__, case(lambda k=kind: nn.Sequential(k(8, 6, 2, batch_first=True)), text)
        yield f"{kind.__name__}-time-first", case(lambda k=kind: Held(k(8, 6, 2), _turned), text)
    for norm_first in (True, False):
        block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first)
        yield f"TransformerEncoder-{norm_first}", case(lambda b=block: nn.Sequential(nn.TransformerEncoder(b, 2)), text)
    yield (
        "Transformer",
        case(lambda: Held(nn.Transformer(8, 2, 1, 1, 16, batch_first=True), lambda inner, x: inner(x, x)), text),
    )
    for name in ("ReLU", "GELU", "SiLU", "Tanh", "Mish", "PReLU", "RReLU", "Softmax", "GLU"):
        after = 3 if name == "GLU" else 6
        act = getattr(nn, name)(*([1] if name in ("Softmax", "GLU") else []))
        yield name, case(lambda a=act, w=after: nn.Sequential(nn.Linear(8, 6), a, nn.Dropout(), nn.Linear(w, 2)), flat)
    for norm in (nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4), nn.LayerNorm(8)):
        yield type(norm).__name__, case(lambda n=norm: _convolutional(n), picture)
    for norm in (
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal,
    ):
        yield norm.__name__, case(lambda n=norm: nn.Sequential(n(nn.Linear(8, 6)), nn.Tanh(), nn.Linear(6, 2)), flat)


def _convolutional(norm: nn.Module) -> nn.Module:
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), copy.deepcopy(norm), nn.ReLU(inplace=True))
    return nn.Sequential(block, nn.Flatten(), nn.Linear(256, 2))


def _turned(inner: nn.Module, x: Tensor) -> Any:
    return inner(x.transpose(0, 1))


def of_transformers() -> Iterator[tuple[str, Callable[[], tuple[nn.Module, dict[str, Any]]]]]:
    """Every configuration of the automatic mapping that has a base model."""
    import transformers

    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    known = {config for config in transformers.MODEL_MAPPING}  # noqa: C416 (a lazy mapping)
    for name in sorted(transformers.CONFIG_MAPPING.keys()):

        def make(name: str = name) -> tuple[nn.Module, dict[str, Any]]:
            kind = transformers.CONFIG_MAPPING[name]
            if kind not in known:
                raise NotSmall("no base model")
            config = small(kind)
            with torch.device("meta"):
                size = sum(p.numel() for p in transformers.AutoModel.from_config(config).parameters())
            if size > LARGEST:
                raise NotSmall(f"{size} parameters")
            model = transformers.AutoModel.from_config(config)
            return model, inputs_of(model, config)

        yield name, make


class NotSmall(Exception):
    """The model cannot be built small, or takes inputs that are not guessed here."""


def small(kind: type) -> Any:
    """A configuration with few layers and units; of configurations inside, too."""
    plain = kind()
    options: dict[str, Any] = {}
    for name, value in vars(plain).items():
        if name in SMALL and isinstance(value, int) and not isinstance(value, bool):
            options[name] = SMALL[name]
        elif name in (*WIDER, *SHALLOW) and isinstance(value, list | tuple):
            options[name] = [16 * 2**place if name in WIDER else 1 for place in range(len(value))]
        elif hasattr(value, "to_dict") and name.endswith("config"):
            options[name] = small(type(value)).to_dict()
    for chosen in (options, {key: value for key, value in options.items() if key in SMALL}, {}):
        with contextlib.suppress(Exception):  # a configuration may check what belongs together
            return kind(**chosen)
    raise NotSmall("no small configuration")


def inputs_of(model: nn.Module, config: Any) -> dict[str, Any]:
    """One text, picture, video or sound a sample, as the model takes it."""
    main = getattr(model, "main_input_name", "input_ids")
    words = torch.randint(3, 90, (SAMPLES, TOKENS))
    size = config.image_size if isinstance(getattr(config, "image_size", None), int) else 32
    channels = getattr(config, "num_channels", 3)
    pictures = [torch.randn(SAMPLES, channels, side, side) for side in (size, 64, 224)]
    several = [{main: x} for x in (words, *pictures, torch.randn(SAMPLES, 4000), torch.randn(SAMPLES, 16, 64))]
    several += [{main: torch.randn(SAMPLES, 4, channels, size, size)}, {main: torch.randn(SAMPLES, 64, 16)}]
    several += [{main: torch.randn(SAMPLES, TOKENS, 32)}, {main: torch.randn(SAMPLES, 1, 4000)}]
    mels = getattr(config, "num_mel_bins", 16)
    several += [{main: torch.randn(SAMPLES, mels, 2 * getattr(config, "max_source_positions", 64))}]
    several += [{main: torch.randn(SAMPLES, 64, mels)}, {main: torch.randn(SAMPLES, 1024, mels)}]
    several += [{"input_ids": words, "pixel_values": picture} for picture in pictures]
    problems = []
    for x in several:
        for more in (
            {},
            {"decoder_input_ids": words},
            {"attention_mask": torch.ones(SAMPLES, TOKENS, dtype=torch.int64)},
        ):
            try:
                torch.manual_seed(0)
                loss_of(copy.deepcopy(model).train()(**x, **more)).backward()
            except Exception as error:  # whatever a model says of an input that is not its own
                problems.append(f"{type(error).__name__}: {error}")
                continue
            return {**x, **more}
    raise NotSmall(f"no input fits ({problems[0 if main == 'input_ids' else 3][:90]})")


def loss_of(output: Any) -> Tensor:
    """The mean square of every floating number that comes out, one for each sample or several."""
    found = [tensor for tensor in tensors(output) if tensor.is_floating_point() and tensor.requires_grad]
    return torch.stack([tensor.float().pow(2).mean() for tensor in found]).sum()


def tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    for part in parts:
        yield from tensors(part)


def train(model: nn.Module, x: dict[str, Any], plane: ip.InformationPlane | None) -> dict[str, Tensor]:
    """Two steps, and everything that may differ afterwards."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    state: dict[str, Tensor] = {}
    for step in range(2):
        if plane is not None:
            plane.measure(model, 2 * step)
        loss = loss_of(model(**x) if "input" not in x else model(x["input"]))
        loss.backward()
        if plane is not None:  # in the middle of training: gradients are there, and the graph is gone
            plane.measure(model, 2 * step + 1)
        state |= {
            f"gradient {step} of {name}": p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
        }
        optimizer.step()
        optimizer.zero_grad()
    state |= {f"parameter {name}": p.detach() for name, p in model.named_parameters()}
    state |= {f"buffer {name}": buffer for name, buffer in model.named_buffers()}
    modes = torch.tensor([module.training for module in model.modules()])
    hooks = torch.tensor([len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()])
    return state | {"modes": modes, "hooks": hooks, "next random number": torch.rand(3), "loss": loss.detach()}


def differences(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """What is not bitwise the same."""

    def same(a: Tensor, b: Tensor) -> bool:
        return (
            a.shape == b.shape
            and a.dtype == b.dtype
            and torch.equal(*(t.contiguous().view(torch.uint8) for t in (a, b)))
        )

    names = one.keys() | other.keys()
    return sorted(
        n for n in names if n not in one or n not in other or not same(one[n].reshape(-1), other[n].reshape(-1))
    )


def attach(source: str, name: str, make: Callable[[], tuple[nn.Module, dict[str, Any]]]) -> dict[str, Any]:
    """One line of the table."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"source": source, "name": name}
    try:
        torch.manual_seed(0)
        model, x = make()
    except NotSmall as error:
        return row | {"result": "left out", "reason": str(error)[:120].replace("\n", " ")}
    except Exception as error:  # a model that cannot be built
        return row | {"result": "left out", "reason": f"{type(error).__name__}: {error}"[:120].replace("\n", " ")}
    row |= {"model": type(model).__name__, "input": " ".join(f"{k} {tuple(v.shape)}" for k, v in x.items())}
    row["parameters"] = sum(p.numel() for p in model.parameters())
    y = torch.arange(SAMPLES) % 2
    try:
        plane = ip.InformationPlane(x.get("input", x), y, max_activation_bytes=4e9)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            observed = train(copy.deepcopy(model), x, plane)
        row["warnings"] = sum(issubclass(w.category, UserWarning) and "infoplane" in str(w.filename) for w in said)
        layers = list(dict.fromkeys(r["layer"] for r in plane.trajectory))
        row |= {"layers": len(layers), "first": layers[0], "last": layers[-1]}
        alone = train(copy.deepcopy(model), x, None)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return row | {"result": "failed", "reason": reason[:200].replace("\n", " ")}
    changed = differences(observed, alone)
    if changed and (itself := differences(alone, train(copy.deepcopy(model), x, None))):
        return row | {"result": "not repeatable", "reason": f"two trainings alone differ in {itself[0]}"}
    if changed:
        return row | {"result": "changed", "reason": f"{len(changed)} differ, such as {changed[0]}"}
    return row | {"result": "same"}


class TooLong(BaseException):
    """Beside all that a model may raise."""


def _too_long(*_: Any) -> None:
    raise TooLong


def table(path: Path) -> str:
    """Counts by source, and every failure with its reason, as Markdown."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "| source | attached | layers | training the same | failed or changed | not built here |",
        "|---|---|---|---|---|---|",
    ]
    for source in dict.fromkeys(row["source"] for row in rows):
        mine = [row for row in rows if row["source"] == source]
        count = Counter(row["result"] for row in mine)
        tried = len(mine) - count["left out"] - count["not repeatable"]
        layers = sum(int(row["layers"]) for row in mine if row["layers"])
        absent = count["left out"] + count["not repeatable"]
        lines.append(f"| {source} | {tried} | {layers} | {count['same']} | {tried - count['same']} | {absent} |")
    bad = [row for row in rows if row["result"] in ("failed", "changed")]
    if bad:
        lines += ["", "| architecture | result | why |", "|---|---|---|"]
        lines += [f"| `{row['model']}` | {row['result']} | {row['reason']} |" for row in bad]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data" / "attach.csv")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--source", choices=("torch", "transformers"))
    asked = parser.parse_args(arguments)
    if asked.table:
        print(table(asked.table))
        return
    cases = [("torch", *case) for case in of_torch()] if asked.source != "transformers" else []
    cases += [("transformers", *case) for case in of_transformers()] if asked.source != "torch" else []
    cases = [case for case in cases if asked.only is None or case[1] in asked.only]
    if asked.sample:
        cases = random.Random(asked.seed).sample(cases, asked.sample)
    signal.signal(signal.SIGALRM, _too_long)
    done: list[dict[str, str]] = []
    if asked.resume and asked.out.is_file():
        with asked.out.open(newline="") as file:
            done = list(csv.DictReader(file))
    names = {(row["source"], row["name"]) for row in done}
    cases = [case for case in cases if case[:2] not in names]
    with asked.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(done)
        for source, name, make in cases:
            begin = time.perf_counter()
            signal.alarm(SECONDS)
            try:
                row = attach(source, name, make)
            except TooLong:
                row = dict.fromkeys(COLUMNS, "") | {
                    "source": source,
                    "name": name,
                    "result": "left out",
                    "reason": f"more than {SECONDS} s",
                }
            finally:
                signal.alarm(0)
            writer.writerow(row)
            file.flush()
            said = f"{source} {name}: {row['result']} {row['layers']} {row['reason']}"
            print(f"{time.perf_counter() - begin:6.1f} s  {said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
