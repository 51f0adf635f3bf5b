"""Train a small GPT for a fixed time. EDITABLE: everything in this file may change, but for the contract below.

    python train.py --data DATA/train --out OUT --seconds 300 --seed 1

Contract with the runner, which owns the clock, the evaluation and the ledger:
  - Only DATA/train may be read and only OUT written. The clock starts with this file's first line (torch is imported
    by then) and everything counts: compiling, training, saving. A process that is late is killed. On a GPU the clock
    is the wall's; on a CPU it is processor time, which other load on the machine does not change.
  - OUT/weights.safetensors and OUT/config.json are left at the end; a summary of `key: value` lines is printed.
  - `load(OUT, device)` gives the model back; `model(tokens)` maps int64 [rows, length] to logits [rows, length, vocabulary].
    The logits at a position may depend on the tokens up to it and on nothing else.
  - Exit codes: 0 done, 42 out of memory, 43 the loss is not a number or has exploded.

`# knob:` after a constant declares what the offline search may try: `a..b` (log: on a logarithmic scale) or `a | b | c`.
The model and optimiser follow nanochat and autoresearch (Karpathy), which follow modded-nanogpt (Jordan et al.).
"""

import time

BEGUN = time.monotonic(), time.process_time()  # the first line: the runner's clock starts here too

import argparse
import gc
import json
import os
import queue
import sys
import threading
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

GPU = torch.cuda.is_available()
clock, START = (time.monotonic, BEGUN[0]) if GPU else (time.process_time, BEGUN[1])


def on(gpu, cpu):
    """The value for the machine at hand: a GPU's first, the small CPU preset's second."""
    return gpu if GPU else cpu


# ---------------------------------------------------------------------------------------------------------------------
# Settings
# ---------------------------------------------------------------------------------------------------------------------

# Model
DEPTH = on(8, 3)  # layers; knob: 2 | 3 | 4 | 6 | 8 | 10 | 12
WIDTH = on(512, 64)  # channels of the residual stream; knob: 64 | 96 | 128 | 192 | 256 | 512 | 640 | 768
HEAD = on(128, 16)  # channels of one attention head; knob: 16 | 32 | 64 | 128
MLP_RATIO = 4  # hidden channels of the MLP over WIDTH; knob: 2 | 3 | 4 | 6
WINDOWS = "SSSL"  # attention window of each layer, repeated: S = row / SHORT, L = all; the last layer is L
SHORT = 2  # a short window's part of the row; knob: 2 | 4 | 8
SOFTCAP = 15.0  # logits are SOFTCAP * tanh(logits / SOFTCAP); knob: 8..30
ROPE_BASE = 10_000.0  # longest wavelength of the rotary embedding, in tokens / 2π; knob: 500..1000000 log
INIT = 1.0  # of the size that the uniform matrices and value embeddings begin with; knob: 0.4..1.5 log
RECALL = 0.1  # how much of the embedding is added back before each block, at the start
GATE = 32  # channels of the input that decide how much of the value embedding each head mixes in

# Optimisation. Learning rates are per step; AdamW's are scaled by (WIDTH / 768) ** -0.5
BATCH = on(2**19, 2**10)  # tokens in a step; knob: 512 | 1024 | 2048 | 4096 | 262144 | 524288
MICRO = on(128, 16)  # rows in one forward pass, at most
EMBEDDING_LR = 0.6  # token and value embeddings; knob: 0.06..2 log
HEAD_LR = 0.004  # unembedding; knob: 0.0004..0.04 log
MATRIX_LR = 0.04  # all matrices (Muon); knob: 0.005..0.2 log
SCALAR_LR = 0.5  # per-layer scalars; knob: 0.05..2 log
WEIGHT_DECAY = 0.2  # of Muon, cautious, falling to 0 over the run; knob: 0..0.5
EMBEDDING_DECAY = 0.0  # AdamW's, of the token embedding; knob: 0..0.01
VALUE_DECAY = 0.0  # of the value embeddings; knob: 0..0.01
HEAD_DECAY = 0.0  # of the unembedding; knob: 0..0.05
BETAS = (0.8, 0.95)  # AdamW
MOMENTUM = (0.85, 0.95, on(300, 100))  # Muon: from, to, over how many steps
WARMUP = 0.0  # part of the time over which learning rates rise; knob: 0..0.2
WARMDOWN = 0.5  # part of the time over which they fall; knob: 0.1..0.9
FINAL_LR = 0.0  # what is left of them at the end, as a part; knob: 0..0.2

# Machine
ATTENTION = on("flex", "sdpa")  # flex: FlexAttention, skips what is outside the window; sdpa: a mask
COMPILE = GPU  # torch.compile of model and optimiser
PEAK = {  # TFLOP/s, dense bf16 with fp32 sums, by NVIDIA's data sheets; the first whose words the card's name holds counts
    "B300": 2250, "GB200": 2500, "B200": 2250, "H200 NVL": 835, "H200": 989.5, "GH200": 989.5, "H100 NVL": 835,
    "H100 PCIe": 756, "H100": 989.5, "H800": 989.5, "H20": 148, "A100": 312, "A800": 312, "A40": 149.7, "A30": 165,
    "A10": 125, "L40S": 362, "L40": 181, "L4": 121, "6000 Ada": 364, "RTX A6000": 154.8, "5090": 209.5, "4090": 165.2,
    "3090": 71.2,
}  # fmt: skip
RESERVE = 0.01  # part of the time kept for saving
THREADS = on(8, 1)  # of the CPU; with one, a small run is less noisy and nearly as fast


# ---------------------------------------------------------------------------------------------------------------------
# Model
# ---------------------------------------------------------------------------------------------------------------------


def norm(x: Tensor) -> Tensor:
    """RMSNorm without a gain, over the last dimension."""
    return F.rms_norm(x, (x.size(-1),))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of [rows, heads, length, HEAD]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos + b * sin, b * cos - a * sin], dim=-1)


def window(layer: int, depth: int, row: int) -> int:
    """How many tokens back a layer sees, itself included."""
    kind = "L" if layer == depth - 1 else WINDOWS[layer % len(WINDOWS)]
    return row if kind == "L" else row // SHORT


def has_value_embedding(layer: int, depth: int) -> bool:
    """Every other layer, the last one always."""
    return layer % 2 == (depth - 1) % 2


class Attention(nn.Module):
    """Causal self-attention over a window, with QK-norm and, in every other layer, a gated value embedding."""

    def __init__(self, config: dict, layer: int) -> None:
        super().__init__()
        width = config["WIDTH"]
        self.heads = width // config["HEAD"]
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        embedded = has_value_embedding(layer, config["DEPTH"])
        self.gate = nn.Linear(min(config["GATE"], width), self.heads, bias=False) if embedded else None

    def forward(self, x: Tensor, embedded: Tensor | None, cos: Tensor, sin: Tensor, mask) -> Tensor:
        """Both x and embedded: [rows, length, WIDTH]."""
        rows, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(rows, length, self.heads, -1).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        if self.gate is not None:
            gate = 2 * torch.sigmoid(
                self.gate(x[..., : self.gate.in_features])
            )  # [rows, length, heads]; 1 at the start
            v = v + gate.transpose(1, 2).unsqueeze(-1) * split(embedded).to(v.dtype)
        q, k = norm(rotate(q, cos, sin)), norm(rotate(k, cos, sin))
        y = attend(q, k, v, mask)
        return self.out(y.transpose(1, 2).reshape(rows, length, width))


def attend(q: Tensor, k: Tensor, v: Tensor, mask) -> Tensor:
    """Scaled dot-product attention of [rows, heads, length, HEAD]. A mask of None is plain causal."""
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if isinstance(mask, Tensor):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention(q.to(v.dtype), k.to(v.dtype), v, block_mask=mask)


class MLP(nn.Module):
    """Two layers with ReLU² between."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        self.rise = nn.Linear(config["WIDTH"], config["MLP_RATIO"] * config["WIDTH"], bias=False)
        self.fall = nn.Linear(config["MLP_RATIO"] * config["WIDTH"], config["WIDTH"], bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., WIDTH] to [..., WIDTH]."""
        return self.fall(F.relu(self.rise(x)).square())


class Block(nn.Module):
    """Attention, then MLP, each on the normalised residual stream."""

    def __init__(self, config: dict, layer: int) -> None:
        super().__init__()
        self.attention = Attention(config, layer)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, embedded: Tensor | None, cos: Tensor, sin: Tensor, mask) -> Tensor:
        """[rows, length, WIDTH] to the same."""
        x = x + self.attention(norm(x), embedded, cos, sin, mask)
        return x + self.mlp(norm(x))


class GPT(nn.Module):
    """A decoder-only transformer. `config` holds the settings above and the data's `vocabulary` and `row`."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        self.config = config
        depth, width, vocabulary = config["DEPTH"], config["WIDTH"], config["vocabulary"]
        self.embed = nn.Embedding(vocabulary, width)
        self.value_embeds = nn.ModuleDict(
            {str(i): nn.Embedding(vocabulary, width) for i in range(depth) if has_value_embedding(i, depth)}
        )
        self.blocks = nn.ModuleList([Block(config, i) for i in range(depth)])
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.keep = nn.Parameter(torch.ones(depth))  # x = keep * x + recall * x0 before each block
        self.recall = nn.Parameter(torch.full((depth,), RECALL))
        self.masks: list = [None] * depth

    def initialise(self) -> None:
        """Uniform matrices of standard deviation INIT * WIDTH ** -0.5, residual branches that start at 0."""
        bound = INIT * 3**0.5 * self.config["WIDTH"] ** -0.5
        nn.init.normal_(self.embed.weight, std=1.0)
        nn.init.normal_(self.head.weight, std=0.001)
        for table in self.value_embeds.values():
            nn.init.uniform_(table.weight, -bound, bound)
        for block in self.blocks:
            attention, mlp = block.attention, block.mlp
            for matrix in (attention.query, attention.key, attention.value, mlp.rise):
                nn.init.uniform_(matrix.weight, -bound, bound)
            nn.init.zeros_(attention.out.weight)
            nn.init.zeros_(mlp.fall.weight)
            if attention.gate is not None:
                nn.init.zeros_(attention.gate.weight)

    def prepare(self, device: str, attention: str) -> "GPT":
        """Move to the device and make the tables that depend on it: rotary angles and attention masks."""
        self.to(device)
        if device != "cpu":
            self.embed.bfloat16()
            self.value_embeds.bfloat16()
        row, half = self.config["row"], self.config["HEAD"] // 2
        frequency = self.config["ROPE_BASE"] ** (-torch.arange(half, device=device) / half)
        angle = torch.arange(row, device=device)[:, None] * frequency  # radians, [row, HEAD / 2]
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        self.cos, self.sin = angle.cos().to(dtype), angle.sin().to(dtype)
        depth = self.config["DEPTH"]
        self.masks = [attention_mask(window(i, depth, row), row, device, attention) for i in range(depth)]
        return self

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Tensor:
        """Logits of int64 [rows, length], float32; with targets the mean cross-entropy in nats per token."""
        length = tokens.size(1)
        cos, sin = self.cos[:length], self.sin[:length]
        x = x0 = norm(self.embed(tokens))
        for i, block in enumerate(self.blocks):
            x = self.keep[i] * x + self.recall[i] * x0
            embedded = self.value_embeds[str(i)](tokens) if str(i) in self.value_embeds else None
            x = block(x, embedded, cos, sin, self.masks[i])
        cap = self.config["SOFTCAP"]
        logits = cap * torch.tanh(self.head(norm(x)).float() / cap)
        if targets is None:
            return logits
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1))

    def flops(self) -> float:
        """FLOPs per token, forward and backward: 6 a matrix parameter, 12 · WIDTH · window a layer of attention."""
        matrices = sum(p.numel() for p in self.blocks.parameters()) + self.head.weight.numel()
        depth, row = self.config["DEPTH"], self.config["row"]
        seen = sum(window(i, depth, row) for i in range(depth))
        return 6 * matrices + 12 * self.config["WIDTH"] * seen


def attention_mask(size: int, row: int, device: str, attention: str):
    """What a layer may see: None for plain causal, else a boolean mask (sdpa) or a block mask (flex)."""
    if size >= row:
        return None
    if attention == "flex" and device != "cpu":
        from torch.nn.attention.flex_attention import create_block_mask

        def visible(_row, _head, q, k):
            return (q >= k) & (q - k < size)

        return create_block_mask(visible, None, None, row, row, device=device)
    distance = torch.arange(row, device=device)[:, None] - torch.arange(row, device=device)[None, :]
    return (distance >= 0) & (distance < size)


# ---------------------------------------------------------------------------------------------------------------------
# Optimiser: Muon for matrices, AdamW for the rest
# ---------------------------------------------------------------------------------------------------------------------

# Polar Express (Amsel et al., arXiv 2505.16932): coefficients of five steps towards the nearest orthogonal matrix
POLAR = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonal(g: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix to each of [n, rows, columns], roughly; in bf16 on a GPU."""
    x = g.bfloat16() if g.is_cuda else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    for a, b, c in POLAR:
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


def muon_step(
    weights: Tensor, grads: Tensor, mean: Tensor, square: Tensor, lr: Tensor, momentum: Tensor, decay: Tensor
) -> None:
    """One step for stacked matrices [n, rows, columns] in place: Muon with NorMuon's variance and cautious decay.

    `square` is [n, rows, 1] or [n, 1, columns]: the second moment along the longer side.
    """
    mean.lerp_(grads, 1 - momentum)
    update = orthogonal(grads.lerp(mean, momentum)).float()  # Nesterov
    side = -1 if square.size(-1) == 1 else -2
    variance = update.square().mean(dim=side, keepdim=True)
    square.lerp_(variance, 0.05)
    scale = square.clamp_min(1e-10).rsqrt()
    before = variance.sum(dim=(-2, -1), keepdim=True).sqrt()
    after = (variance * scale.square()).sum(dim=(-2, -1), keepdim=True).sqrt()
    update = update * scale * (before / after.clamp_min(1e-10))  # the norm stays, its spread evens out
    agrees = (update * weights) >= 0
    weights.sub_(lr * update + lr * decay * weights * agrees)


def adamw_step(
    weight: Tensor,
    grad: Tensor,
    mean: Tensor,
    square: Tensor,
    lr: Tensor,
    beta1: float,
    beta2: float,
    step: Tensor,
    decay: float,
) -> None:
    """One step of AdamW in place. What it takes away is rounded once: in bf16 a small decay alone would round to nothing."""
    grad = grad.float()
    mean.lerp_(grad, 1 - beta1)
    square.lerp_(grad.square(), 1 - beta2)
    denominator = (square / (1 - beta2**step)).sqrt() + 1e-10
    weight.copy_(weight.float() * (1 - lr * decay) - lr / (1 - beta1**step) * mean / denominator)


class Optimiser:
    """The parameter groups, their state, and one step over all of them."""

    def __init__(self, model: GPT) -> None:
        scale = (model.config["WIDTH"] / 768) ** -0.5
        values = [table.weight for table in model.value_embeds.values()]
        self.adamw = [  # parameter, learning rate, betas, decay
            (model.embed.weight, EMBEDDING_LR * scale, BETAS, EMBEDDING_DECAY),
            *((p, EMBEDDING_LR * scale, BETAS, VALUE_DECAY) for p in values),
            (model.head.weight, HEAD_LR * scale, BETAS, HEAD_DECAY),
            (model.keep, SCALAR_LR * 0.01, BETAS, 0.0),
            (model.recall, SCALAR_LR, (0.96, 0.95), 0.0),
        ]
        matrices = list(model.blocks.parameters())
        shapes = sorted({tuple(p.shape) for p in matrices})
        self.muon = [[p for p in matrices if tuple(p.shape) == shape] for shape in shapes]
        self.state: dict[str, Tensor] = {}
        for i, (p, *_) in enumerate(self.adamw):
            self.state |= {
                f"adamw.{i}.{name}": torch.zeros_like(p, dtype=torch.float32) for name in ("mean", "square")
            }
        for i, group in enumerate(self.muon):
            rows, columns = group[0].shape
            longer = (rows, 1) if rows >= columns else (1, columns)
            device = group[0].device
            self.state[f"muon.{i}.mean"] = torch.zeros(len(group), rows, columns, device=device)
            self.state[f"muon.{i}.square"] = torch.zeros(len(group), *longer, device=device)
        fuse = (lambda f: torch.compile(f, dynamic=False, fullgraph=True)) if COMPILE else (lambda f: f)
        self.muon_step, self.adamw_step = fuse(muon_step), fuse(adamw_step)

    @torch.no_grad()
    def step(self, number: int, rate: float, momentum: float, decay: float) -> None:
        """`rate` is the schedule's part of each learning rate. Scalars go as tensors so that nothing recompiles."""
        tensor = torch.tensor
        for i, (p, lr, betas, decayed) in enumerate(self.adamw):
            mean, square = self.state[f"adamw.{i}.mean"], self.state[f"adamw.{i}.square"]
            self.adamw_step(p, p.grad, mean, square, tensor(lr * rate), *betas, tensor(number + 1.0), decayed)
        for i, group in enumerate(self.muon):
            weights, grads = torch.stack(group), torch.stack([p.grad for p in group]).float()
            rows, columns = group[0].shape
            lr = tensor(MATRIX_LR * rate * max(1.0, rows / columns) ** 0.5)
            mean, square = self.state[f"muon.{i}.mean"], self.state[f"muon.{i}.square"]
            self.muon_step(weights, grads, mean, square, lr, tensor(momentum), tensor(decay))
            torch._foreach_copy_(group, list(weights.unbind(0)))


# ---------------------------------------------------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------------------------------------------------


class Loader:
    """Batches of random rows of the train split, cut and copied to the device ahead of time by a thread.

    Each epoch cuts the stream at another offset and goes through the rows in another order. `stalled` is how long the
    training waited for data, in seconds. `taken` batches are skipped on resuming.
    """

    def __init__(self, data: Path, row: int, rows: int, seed: int, device: str, taken: int = 0) -> None:
        self.tokens = np.memmap(data / "tokens.bin", dtype=np.uint16, mode="r")
        self.row, self.rows, self.seed, self.device = row, rows, seed, device
        self.stalled, self.taken = 0.0, taken
        self.ready: queue.Queue = queue.Queue(maxsize=8)
        threading.Thread(target=self.fill, daemon=True).start()

    def cuts(self):
        """Endless arrays of row starts, one array a batch."""
        epoch, skip = 0, self.taken
        while True:
            random = np.random.default_rng((self.seed, epoch))
            starts = np.arange(random.integers(self.row), len(self.tokens) - self.row - 1, self.row)
            random.shuffle(starts)
            for i in range(0, len(starts) - self.rows + 1, self.rows):
                if skip:
                    skip -= 1
                    continue
                yield starts[i : i + self.rows]
            epoch += 1

    def fill(self) -> None:
        """The thread: gather rows, pin them, start the copy."""
        span = np.arange(self.row + 1)
        for starts in self.cuts():
            batch = torch.from_numpy(self.tokens[starts[:, None] + span].astype(np.int64))
            if self.device != "cpu":
                batch = batch.pin_memory().to(self.device, non_blocking=True)
            self.ready.put(batch)

    def next(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 [rows, row] each."""
        start = time.monotonic()
        batch = self.ready.get()
        self.stalled += time.monotonic() - start
        self.taken += 1
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous()


# ---------------------------------------------------------------------------------------------------------------------
# Saving and loading. Never pickled: safetensors and JSON, each replaced atomically
# ---------------------------------------------------------------------------------------------------------------------


def settings(data: Path) -> dict:
    """The effective configuration: every upper-case constant of this file, and the facts of the data."""
    own = {
        name: value
        for name, value in globals().items()
        if name.isupper() and isinstance(value, (int, float, str, tuple))
    }
    for name in ("BEGUN", "START", "GPU"):
        own.pop(name)
    return own | json.loads((data / "data.json").read_text("utf-8"))


def save(model: GPT, out: Path) -> None:
    """What `load` needs."""
    replace(out / "weights.safetensors", lambda path: save_file(plain(model.state_dict()), path))
    replace(out / "config.json", lambda path: path.write_text(json.dumps(model.config), "utf-8"))


def load(out: Path, device: str) -> nn.Module:
    """The model that was saved in a folder, ready to be asked. The evaluator calls this."""
    model = GPT(json.loads((out / "config.json").read_text("utf-8")))
    model.prepare(
        device, "sdpa"
    )  # FlexAttention is slow uncompiled, and compiling takes longer than answering
    model.load_state_dict(load_file(out / "weights.safetensors"))
    model.requires_grad_(False)
    return model.eval()


def checkpoint(model: GPT, optimiser: Optimiser, facts: dict, out: Path) -> None:
    """All that it takes to go on after the machine went away."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"optimiser.{k}": v for k, v in optimiser.state.items()}
    folder = out / "checkpoint"
    folder.mkdir(exist_ok=True)
    replace(
        folder / "state.safetensors",
        lambda path: save_file(plain(tensors), path, {"facts": json.dumps(facts)}),
    )


def resume(model: GPT, optimiser: Optimiser, out: Path) -> dict:
    """Take up a checkpoint and return its facts (step, elapsed seconds, batches taken); {} where there is none."""
    from safetensors import safe_open

    path = out / "checkpoint/state.safetensors"
    if not path.exists():
        return {}
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["facts"])
    tensors = load_file(path)
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    for name, value in optimiser.state.items():
        value.copy_(tensors[f"optimiser.{name}"])
    return facts


def plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies on the CPU."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def replace(path: Path, write) -> None:
    """Write beside the file, then move it into place: a reader sees the old one or the new one."""
    beside = path.with_name(path.name + ".new")
    write(beside)
    beside.replace(path)


# ---------------------------------------------------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------------------------------------------------


def rate(progress: float) -> float:
    """The learning rates' part at a point of the run (0 to 1): up, level, down."""
    if progress < WARMUP:
        return progress / WARMUP
    if progress < 1 - WARMDOWN:
        return 1.0
    left = (1 - progress) / WARMDOWN
    return left + (1 - left) * FINAL_LR


def momentum(step: int) -> float:
    """Muon's momentum, which rises over the first steps."""
    start, end, steps = MOMENTUM
    return start + (end - start) * min(1.0, step / steps)


def freeze() -> None:
    """Stop the garbage collector, whose pauses are longer than a step, once everything long-lived is made."""
    gc.collect()
    gc.freeze()
    gc.disable()


class Broken(Exception):
    """The loss is not a number, or has exploded."""


def backward(forward: nn.Module, loader: Loader, parts: int, device: str) -> Tensor:
    """Gradients of one optimiser step, gathered over so many forward passes; the mean loss in nats per token."""
    total = torch.zeros((), device=device)
    for _ in range(parts):
        inputs, targets = loader.next()
        with torch.autocast(device, torch.bfloat16, enabled=GPU):
            loss = forward(inputs, targets)
        (loss / parts).backward()
        total += loss.detach() / parts
    return total


def train(args: argparse.Namespace) -> dict:
    """Train until the time is up and return the summary."""
    device = "cuda" if GPU else "cpu"
    torch.manual_seed(args.seed)
    torch.set_num_threads(THREADS)
    torch.set_float32_matmul_precision("high")
    config = settings(args.data) | {"seed": args.seed, "seconds": args.seconds, "device": device}
    model = GPT(config)
    model.initialise()
    model.prepare(device, ATTENTION)
    optimiser = Optimiser(model)
    facts = resume(model, optimiser, args.out) if args.resume else {}
    row = config["row"]
    rows = min(MICRO, max(1, BATCH // row))
    parts = max(1, BATCH // (rows * row))  # forward passes in a step
    loader = Loader(args.data, row, rows, args.seed, device, facts.get("taken", 0))
    forward = torch.compile(model, dynamic=False) if COMPILE else model
    print(
        f"{device}: {sum(p.numel() for p in model.parameters()):,} parameters, {parts} x {rows} x {row} tokens a step"
    )

    step, earlier = facts.get("step", 0), facts.get("elapsed", 0.0)
    saved, slowest, times = time.monotonic(), 0.0, []
    curve = (args.out / "curve.jsonl").open("a" if facts else "w", buffering=1, encoding="utf-8")
    while True:
        begin = clock()
        elapsed = earlier + begin - START
        over = elapsed + 1.2 * slowest > (1 - RESERVE) * args.seconds
        if (over and step and args.steps is None) or step in (args.steps, args.stop_at):
            break
        progress = min(1.0, elapsed / args.seconds) if args.steps is None else step / args.steps
        loss = backward(forward, loader, parts, device)
        optimiser.step(step, rate(progress), momentum(step), WEIGHT_DECAY * (1 - progress))
        model.zero_grad(set_to_none=True)
        value = loss.item()  # waits for the device: `took` is the whole step's time
        if not value < 100:
            raise Broken(f"the loss at step {step} is {value}")
        took = clock() - begin
        times.append(took)
        slowest = max(took, 0.9 * slowest) if step > 1 else took
        seconds = earlier + clock() - START
        curve.write(json.dumps({"step": step, "seconds": round(seconds, 3), "loss": round(value, 5)}) + "\n")
        print(f"step: {step} seconds: {seconds:.1f} loss: {value:.4f}", flush=True)
        if step == 0:
            freeze()
        step += 1
        if args.checkpoint_every and time.monotonic() - saved > args.checkpoint_every:
            checkpoint(model, optimiser, {"step": step, "elapsed": seconds, "taken": loader.taken}, args.out)
            saved = time.monotonic()
    curve.close()
    if args.checkpoint_every:
        checkpoint(model, optimiser, {"step": step, "elapsed": elapsed, "taken": loader.taken}, args.out)
    save(model, args.out)
    return summary(model, loader, times, step, parts * rows * row, value, START - earlier)


def summary(
    model: GPT, loader: Loader, times: list, step: int, batch: int, loss: float, start: float
) -> dict:
    """What the run was like. Speeds leave out the first steps, in which things compile."""
    first = min(10, len(times) // 2)
    steady = times[first:] or [1e9]
    per_second = batch * len(steady) / sum(steady)
    card = f" {torch.cuda.get_device_name().replace('-', ' ')} " if GPU else ""
    peak = next((tera for name, tera in PEAK.items() if f" {name} " in card), None)
    memory = torch.cuda.max_memory_allocated() if GPU else peak_memory()
    return {
        "train_loss": round(loss, 6),
        "training_seconds": round(sum(times), 1),
        "total_seconds": round(clock() - start, 1),
        "peak_vram_mb": round(memory / 2**20, 1),
        "mfu_percent": round(100 * model.flops() * per_second / (peak * 1e12), 2) if peak else "n/a",
        "compile_seconds": round(max(0.0, sum(times[:first]) - first * sum(steady) / len(steady)), 1),
        "tokens_per_second": round(per_second),
        "loader_stall_percent": round(100 * loader.stalled / max(1e-9, sum(times)), 2),
        "total_tokens_M": round(step * batch / 1e6, 3),
        "num_steps": step,
        "num_params_M": round(sum(p.numel() for p in model.parameters()) / 1e6, 2),
        "depth": model.config["DEPTH"],
    }


def peak_memory() -> int:
    """The process' largest resident size, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Read the command line, train, print the summary; give out of memory and a broken loss their own exit codes."""
    parser = argparse.ArgumentParser(description="Train a small GPT for a fixed time.")
    parser.add_argument("--data", type=Path, required=True, help="the train part of the data folder")
    parser.add_argument("--out", type=Path, required=True, help="where weights and configuration are left")
    parser.add_argument("--seconds", type=float, default=on(300.0, 20.0), help="on the clock, all included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--steps", type=int, help="a schedule of so many steps instead of seconds (for tests)"
    )
    parser.add_argument("--stop-at", type=int, metavar="STEP", help="break off there (for tests)")
    parser.add_argument("--checkpoint-every", type=float, default=0, metavar="SECONDS", help="0 is never")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in --out, if there is one"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        found = train(args)
    except torch.OutOfMemoryError as error:
        print(f"out of memory: {error}", file=sys.stderr)
        sys.exit(42)
    except Broken as error:
        print(error, file=sys.stderr)
        sys.exit(43)
    print("---")
    for key, value in found.items():
        print(f"{key + ':':22}{value}")
    sys.stdout.flush()
    os._exit(0)  # the loader's thread may be in the middle of a copy


if __name__ == "__main__":
    main()
