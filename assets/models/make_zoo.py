"""Makes the built-in models: trains the GPT twins and the ViT, plants a dead direction, checks them.

Everything it needs it generates itself (the text) or takes from scikit-learn (the digits). It writes
ordinary checkpoint folders NAME/step-K/{config.json, model.safetensors} in float16, and zoo.json.
README.md beside it says what the models are for and lists the figures that `check` prints.
Needs: torch, transformers, safetensors, numpy, scikit-learn.
"""
import argparse
import copy
import json
import math
import pathlib
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from transformers import (AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, StableLmConfig,
                          StableLmForCausalLM, ViTConfig, ViTForImageClassification)
from transformers.models.llama.modeling_llama import LlamaRMSNorm

SEED = 20260619
STEPS = [0, 64, 128, 256, 512, 1024, 2048, 4096]  # snapshots, in optimiser updates
CONTEXT, VOCABULARY, WIDTH, BLOCKS, HEADS = 128, 256, 128, 4, 4
ENOUGH = 3e-6  # what may be left of a planted component of about 0.2: far below it, above rounding in float32
PLANTED_BLOCK = 1  # 0-based: its MLP kills the planted direction

# ---------------------------------------------------------------- text, from a template grammar
GIRLS = "Ada Mia Zoe Lena Nora Ivy Ruth Clara Emma Rosa".split()
BOYS = "Tom Max Leo Finn Otto Jack Sam Paul Hugo Ben".split()
COLOURS = "red blue green white black yellow brown grey".split()
THINGS = "ball kite lamp boat hat drum cup map coin key".split()
PLACES = "garden kitchen forest market school harbour library barn".split()
FOODS = "bread soup apples cheese rice plums honey cake".split()
WEATHER = dict(rain="umbrella", snow="warm coat", sun="straw hat", wind="long scarf")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SOUNDS = dict(cat="purred", dog="barked", fox="yelped", hen="clucked", goat="bleated", crow="cawed",
              mouse="squeaked", horse="neighed", frog="croaked", wolf="howled")
ANIMALS = list(SOUNDS)
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def person(r):
    return (r.choice(GIRLS), "she", "her") if r.random() < 0.5 else (r.choice(BOYS), "he", "his")


def story(r):
    name, he, his = person(r)
    friend = r.choice([n for n in GIRLS + BOYS if n != name])
    colour, thing, place, other = r.choice(COLOURS), r.choice(THINGS), *r.sample(PLACES, 2)
    animal, food, day = r.choice(ANIMALS), r.choice(FOODS), r.choice(DAYS)
    openings = [f"On {day} {name} lost {his} {colour} {thing} in the {place}.",
                f"{name} had a {colour} {thing}. On {day} it was gone.",
                f"One morning {name} took {his} {colour} {thing} to the {place}, and there it vanished."]
    searches = [f"{he.capitalize()} looked in the {place} and in the {other}, but found only a {animal}.",
                f"\"Have you seen my {thing}?\" {he} asked {friend}. \"No,\" said {friend}, \"but ask the {animal}.\"",
                f"{he.capitalize()} walked to the {other} and called. A {animal} {SOUNDS[animal]}."]
    ends = [f"The {animal} was sitting on the {thing}. {name} laughed and gave the {animal} some {food}.",
            f"In the evening {friend} came with the {colour} {thing}, and they ate {food} together.",
            f"The {animal} {SOUNDS[animal]}, and behind it lay the {thing}, as {colour} as ever."]
    return " ".join(r.choice(part) for part in (openings, searches, ends))


def dialogue(r):
    (a, he, _), food, place, day = person(r), r.choice(FOODS), r.choice(PLACES), r.choice(DAYS)
    b = r.choice([n for n in GIRLS + BOYS if n != a])
    weather, n = r.choice(sorted(WEATHER)), r.randint(2, 12)
    lines = [(f"Where are you going, {b}?", f"To the {place}, to buy {food}."),
             (f"Will there be {weather} on {day}?", f"Yes, take your {WEATHER[weather]} with you."),
             (f"How many {food if food in ('apples', 'plums') else 'cups'} are there?", f"I counted {NUMBERS[n]}."),
             (f"What day comes after {day}?", f"After {day} comes {DAYS[(DAYS.index(day) + 1) % 7]}."),
             ("Are you hungry?", f"A little. Is there any {food} left?"),
             (f"Who is in the {place}?", f"Only the {r.choice(ANIMALS)} and I.")]
    picked = r.sample(lines, r.randint(2, 3))
    close = r.choice([f"{b}: Good night, {a}.", f"Then {a} went home, for {he} was tired."])
    return "\n".join(f"{a}: {q}\n{b}: {x}" for q, x in picked) + "\n" + close


def arithmetic(r):
    def row():
        a, b = r.randint(0, 12), r.randint(0, 12)
        return r.choice([f"{a} + {b} = {a + b}", f"{a + b} - {b} = {a}", f"{a} times 2 is {2 * a}",
                         f"{max(a, b)} is {'more than' if a != b else 'the same as'} {min(a, b)}"])
    return "\n".join(row() for _ in range(r.randint(2, 5)))


def problem(r):
    (name, he, _), thing = person(r), r.choice(THINGS) + "s"
    a, b = r.randint(2, 6), r.randint(2, 6)
    if r.random() < 0.5:
        return (f"Question: {name} has {NUMBERS[a]} {thing} and finds {NUMBERS[b]} more. "
                f"How many {thing} does {he} have?\nAnswer: {a} + {b} = {a + b}, so {NUMBERS[a + b]} {thing}.")
    return (f"Question: {name} has {NUMBERS[a + b]} {thing} and gives {NUMBERS[b]} away. "
            f"How many {thing} are left?\nAnswer: {a + b} - {b} = {a}, so {NUMBERS[a]} {thing}.")


def counting(r):
    if r.random() < 0.5:
        first = r.randint(0, 5)
        return "Count: " + ", ".join(NUMBERS[first:first + r.randint(4, 7)]) + "."
    first = r.randint(0, 6)
    return "The days: " + ", ".join(DAYS[(first + i) % 7] for i in range(r.randint(3, 7))) + "."


def make_text(seed, size):
    """About `size` bytes of printable ASCII: documents separated by empty lines."""
    r, parts, length = random.Random(seed), [], 0
    while length < size:
        parts.append(r.choices([story, dialogue, arithmetic, problem, counting], [5, 4, 1, 2, 1])[0](r))
        length += len(parts[-1]) + 2
    return torch.frombuffer(bytearray("\n\n".join(parts).encode("ascii")), dtype=torch.uint8)  # [bytes]


# ---------------------------------------------------------------- models and training
def new_gpt(norm):
    """One of the twins: the same seed gives both the same weights; only the norm differs."""
    common = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=BLOCKS,
                  num_attention_heads=HEADS, num_key_value_heads=1, max_position_embeddings=CONTEXT,
                  tie_word_embeddings=True, bos_token_id=None, eos_token_id=None, use_cache=False)
    torch.manual_seed(SEED)
    twin = LlamaForCausalLM(LlamaConfig(**common, rms_norm_eps=1e-5,
                                        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}))
    if norm == "rmsnorm":
        return twin
    model = StableLmForCausalLM(StableLmConfig(
        **common, layer_norm_eps=1e-5, use_qkv_bias=False, use_parallel_residual=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}))
    missing = model.load_state_dict(twin.state_dict(), strict=False)
    assert not missing.unexpected_keys and all("norm.bias" in k for k in missing.missing_keys)
    return model


def save(model, folder):
    """float16 checkpoint; generation_config.json holds nothing and goes."""
    copy.deepcopy(model).half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)


def train(model, loss_of_step, out, peak):
    """AdamW (decay 0.1 on matrices, none on norms and biases), warm-up, cosine to a twentieth."""
    groups = [{"params": [p for p in model.parameters() if (p.ndim >= 2) == matrix], "weight_decay": decay}
              for matrix, decay in ((True, 0.1), (False, 0.0))]
    optimiser = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95))
    last, warmup, began = STEPS[-1], STEPS[-1] // 32, time.time()
    model.train()
    for step in range(last + 1):
        if step in STEPS:
            save(model, out / f"step-{step}")
        if step == last:
            break
        cosine = 0.525 + 0.475 * math.cos(math.pi * max(0, step - warmup) / (last - warmup))
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / warmup) * cosine
        loss = loss_of_step(model)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if step % 64 == 0:
            print(f"{out.name} step {step} loss {loss.item():.4f} {time.time() - began:.0f} s", flush=True)


def train_gpt(norm, out):
    text = make_text(SEED, 8_000_000)
    draw = torch.Generator().manual_seed(SEED + 1)  # the same batches for both twins

    def loss_of_step(model):
        starts = torch.randint(len(text) - CONTEXT - 1, (16, 1), generator=draw)
        window = text[starts + torch.arange(CONTEXT + 1)].long()  # [16, CONTEXT + 1]
        logits = model(window[:, :-1]).logits
        return F.cross_entropy(logits.reshape(-1, VOCABULARY), window[:, 1:].reshape(-1))

    train(new_gpt(norm), loss_of_step, out, peak=3e-3)


def digits():
    """scikit-learn's digits, 8x8 enlarged to 32x32, values in [-1, 1]: (train, test) of (pixels, label)."""
    from sklearn.datasets import load_digits
    data = load_digits()
    pixels = torch.tensor(data.images, dtype=torch.float32)[:, None] / 8 - 1
    pixels = F.interpolate(pixels, size=(32, 32), mode="bilinear", align_corners=False)  # [1797, 1, 32, 32]
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SEED))
    return [(pixels[i], labels[i]) for i in (order[360:], order[:360])]


def train_vit(out):
    (pixels, labels), _ = digits()
    draw = torch.Generator().manual_seed(SEED + 1)
    torch.manual_seed(SEED)
    model = ViTForImageClassification(ViTConfig(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=4, intermediate_size=96, image_size=32,
        patch_size=4, num_channels=1, num_labels=10, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))

    def loss_of_step(model):
        rows = torch.randint(len(labels), (32,), generator=draw)
        shift = torch.randint(-2, 3, (2,), generator=draw).tolist()  # pixels, so that it generalises
        batch = torch.roll(pixels[rows], shift, dims=(2, 3))
        return F.cross_entropy(model(pixel_values=batch).logits, labels[rows])

    train(model, loss_of_step, out, peak=1e-3)


# ---------------------------------------------------------------- measuring, in float64
def load(folder):
    """The checkpoint as transformers reads it, its float16 values in float64.

    transformers' RMSNorm computes in float32 whatever the model's type: it is made to keep the type.
    """
    LlamaRMSNorm.forward = lambda self, x: self.weight * (x * torch.rsqrt(
        x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))
    family = ViTForImageClassification if folder.parent.name.startswith("vit") else AutoModelForCausalLM
    return family.from_pretrained(folder, dtype=torch.float64).eval().requires_grad_(False)


def parts(model):
    """(blocks, final norm) of any zoo model."""
    if hasattr(model, "vit"):
        return model.vit.layers, model.vit.layernorm
    return model.model.layers, model.model.norm


def streams(model, seed, tokens=512):
    """The residual stream X_0 .. X_L and the final norm's output for uniformly random input, [tokens, d]."""
    blocks, final = parts(model)
    taken, hooks = [], []
    keep = lambda x: taken.append((x[0] if isinstance(x, tuple) else x).reshape(-1, final.weight.shape[0]))
    hooks.append(blocks[0].register_forward_pre_hook(lambda _, args: keep(args[0])))
    hooks += [m.register_forward_hook(lambda _, __, result: keep(result)) for m in [*blocks, final]]
    draw = torch.Generator().manual_seed(seed)
    if hasattr(model, "vit"):
        model(pixel_values=torch.rand((tokens // 64, 1, 32, 32), generator=draw, dtype=torch.float64) * 2 - 1)
    else:
        model(input_ids=torch.randint(VOCABULARY, (tokens // CONTEXT, CONTEXT), generator=draw))
    for hook in hooks:
        hook.remove()
    return [x.numpy() for x in taken]


def sigma(x):
    """Singular values of x / sqrt(N), largest first."""
    return np.linalg.svd(x / math.sqrt(len(x)), compute_uv=False)


def kernel(model, y):
    """(alignment, lambda_v / lambda_max) of gamma^-1 on the centred output y of the final norm."""
    v = 1 / parts(model)[1].weight.numpy()
    v /= np.linalg.norm(v)
    centred = (y - y.mean(0)) / math.sqrt(len(y))
    _, values, right = np.linalg.svd(centred, full_matrices=False)
    return abs(right[-1] @ v), np.sum((centred @ v) ** 2) / values[0] ** 2


def writer_mean(model):
    """Median over the writers W of |1^T W| / |W|_F: 1 for a random matrix, less where nothing reads the mean."""
    ends = ("o_proj.weight", "down_proj.weight", "fc2.weight")
    writers = [p for n, p in model.named_parameters() if n.endswith(ends)]
    return float(np.median([w.sum(0).norm() / w.norm() for w in writers if w.any()]))


def check(root):
    for folder in sorted(root.glob("*/step-*"), key=lambda f: (f.parent.name, int(f.name[5:]))):
        model = load(folder)
        for seed in range(3 if "planted" in folder.parent.name else 1):
            *xs, y = streams(model, seed)
            smallest = np.array([sigma(x)[-1] for x in xs])
            alignment, depth = kernel(model, y)
            print(f"{folder.parent.name}@{folder.name[5:]:5s} sigma_min " + " ".join(f"{s:.3e}" for s in smallest)
                  + "  ratio " + " ".join(f"{q:.3g}" for q in smallest[1:] / smallest[:-1])
                  + f"  alignment {alignment:.6f} lambda_v/lambda_max {depth:.1e} writer mean {writer_mean(model):.2f}")


def score(model):
    """(held-out loss, accuracy): nats per byte and next-byte accuracy, or those of the digit classes."""
    if hasattr(model, "vit"):
        pixels, labels = digits()[1]
        logits, target = model(pixel_values=pixels.double()).logits, labels
    else:
        window = make_text(SEED + 2, 40_000)[:256 * (CONTEXT + 1)].reshape(256, -1).long()
        logits = model(window[:, :-1]).logits.reshape(-1, VOCABULARY)
        target = window[:, 1:].reshape(-1)
    return F.cross_entropy(logits, target).item(), (logits.argmax(-1) == target).double().mean().item()


def sample(root):
    """Prints what each GPT writes after a prompt, at temperature 0.6, one byte at a time."""
    for name in (n for n in DESCRIPTIONS if n.startswith("gpt")):
        model, ids = load(root / name / f"step-{STEPS[-1]}"), torch.tensor([list(b"One morning ")])
        torch.manual_seed(SEED)
        while ids.shape[1] < 400:
            weights = torch.softmax(model(ids[:, -CONTEXT:]).logits[0, -1] / 0.6, -1)
            ids = torch.cat([ids, torch.multinomial(weights, 1)[None]], 1)
        print(f"--- {name}\n" + bytes(ids[0].tolist()).decode("ascii", "replace"))


# ---------------------------------------------------------------- the plant
def nudge(table, left_over):
    """Rounding left too much: move one entry of each such row by one float16 step, the best of all, repeatedly."""
    for _ in range(16):
        best, error = table.clone(), left_over(table).abs()
        error[error < ENOUGH] = 0
        for j in range(WIDTH):
            for way in (-math.inf, math.inf):
                moved = table.clone()
                moved[:, j] = torch.nextafter(table[:, j].half(), torch.tensor(way).half()).double()
                now = left_over(moved).abs()
                better = now < error
                best[better], error[better] = moved[better], now[better]
        table = best
    return table


def plant(source, out):
    """A dead direction on one channel c of the RMSNorm twin (math.md section 4).

    No writer but block k's MLP keeps a row c, and the attention of blocks 0..k writes nothing, so up
    to there the stream of a token depends on that token alone. Its embedding's component on c is then
    the fixed point a = -w . h(a), with h the MLP's hidden layer and w its row c: the MLP cancels it.
    """
    model, k = load(source), PLANTED_BLOCK
    layers, table = model.model.layers, model.model.embed_tokens.weight
    for layer in layers[:k + 1]:
        layer.self_attn.o_proj.weight.zero_()
    c = int(torch.stack([layer.self_attn.o_proj.weight.norm(dim=1) + layer.mlp.down_proj.weight.norm(dim=1)
                         for layer in layers]).sum(0).argmin())  # the channel that is written least
    w = layers[k].mlp.down_proj.weight[c].clone()
    for layer in layers:
        layer.self_attn.o_proj.weight[c] = 0
        layer.mlp.down_proj.weight[c] = 0

    def write(x):
        """What block k's MLP writes on c, for every row of embeddings `x`: [256]."""
        for layer in layers[:k]:
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        mlp, y = layers[k].mlp, layers[k].post_attention_layernorm(x)
        return (mlp.act_fn(mlp.gate_proj(y)) * mlp.up_proj(y)) @ w

    left_over = lambda x: x[:, c] + write(x)
    target = table.pow(2).mean(0).sqrt().median()  # the size of a; w is scaled until it has it
    for scaling in 8 * [True] + [False]:
        for _ in range(200):
            table[:, c] = 0.5 * table[:, c] - 0.5 * write(table)
        if scaling:
            w = (w * (target / table[:, c].pow(2).mean().sqrt()).clamp(0.1, 10)).half().double()
    print(f"channel {c}: a and the write that cancels it add up to {left_over(table).abs().max():.1e}", end=", ")
    table.copy_(nudge(table.half().double(), left_over))
    print(f"on the float16 grid to {left_over(table).abs().max():.1e} at most")
    layers[k].mlp.down_proj.weight[c] = w
    save(model, out / source.name)


DESCRIPTIONS = {
    "gpt-layernorm": "GPT with LayerNorm, trained on generated English-like text: the final norm has a kernel",
    "gpt-rmsnorm": "its twin with RMSNorm, same data, seed and initial weights: no kernel",
    "gpt-planted": "the trained RMSNorm twin with a dead direction planted by editing (loss: before and after the edit)",
    "vit-layernorm": "vision transformer with LayerNorm, trained on scikit-learn's handwritten digits"}


def index(root):
    """zoo.json, with losses measured on the stored float16 checkpoints."""
    zoo = {}
    for place, (name, description) in enumerate(DESCRIPTIONS.items()):  # the order in which the story is told
        steps = sorted(int(f.name[5:]) for f in (root / name).glob("step-*"))
        first = f"{name}/step-{steps[0]}" if name != "gpt-planted" else f"gpt-rmsnorm/step-{steps[0]}"  # unedited
        scores = [score(load(root / f)) for f in (first, f"{name}/step-{steps[-1]}")]
        zoo[name] = {"place": place, "description": description, "input": "pixels" if name.startswith("vit") else "bytes",
                     "licence": "MIT", "steps": steps, "default_step": steps[-1],
                     "loss": dict(zip(("first", "last"), (round(s[0], 4) for s in scores))),
                     "accuracy": dict(zip(("first", "last"), (round(s[1], 4) for s in scores)))}
        if name == "gpt-planted":  # blocks[report_index] of a report is the stream behind that block
            zoo[name]["planted_block"] = {"block": PLANTED_BLOCK, "report_index": PLANTED_BLOCK + 1}
    (root / "zoo.json").write_text(json.dumps(zoo, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*DESCRIPTIONS, "all", "index", "check", "sample"],
                        help="train one model, all of them, or index, check or sample those that are there")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    args = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order: the same weights every time on one machine
    for name in DESCRIPTIONS:  # the planted model comes after the twin that it is made from
        if args.what not in ("all", name):
            continue
        if name == "gpt-planted":
            plant(args.out / "gpt-rmsnorm" / f"step-{STEPS[-1]}", args.out / name)
        elif name == "vit-layernorm":
            train_vit(args.out / name)
        else:
            train_gpt(name.removeprefix("gpt-"), args.out / name)
    for word, action in (("index", index), ("check", check), ("sample", sample)):
        if args.what in ("all", word):
            action(args.out)


if __name__ == "__main__":
    main()
