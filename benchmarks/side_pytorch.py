"""A well-written PyTorch script.

Denormals are flushed. Where padding is masked, batches are of like length and cut to their longest
example, and the output at the end of each is taken: on processors that is faster than packed
sequences, whose gradient fills an array of all steps in each step.
"""

import sys
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear

from benchmarks import sides

POOL = 50  # batches whose examples are sorted by length
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class ReluLSTM(nn.Module):
    """An LSTM with relu, which `nn.LSTM` lacks: one input product for all steps, then a loop."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.inward = nn.Linear(inputs, 4 * units)
        self.recurrent = nn.Parameter(torch.empty(4 * units, units))
        nn.init.orthogonal_(self.recurrent)
        nn.init.xavier_uniform_(self.inward.weight)
        nn.init.zeros_(self.inward.bias)
        self.inward.bias.data[units : 2 * units] = 1  # of the forget gate, as Keras has it

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return all outputs, and the last with its carry."""
        h = c = x.new_zeros(x.shape[0], self.units)
        outputs = []
        for inward in self.inward(x).unbind(1):
            i, f, g, o = (inward + linear(h, self.recurrent)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.relu(g)
            h = torch.sigmoid(o) * torch.relu(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h[None], c[None])


class Network(nn.Module):
    """The network of the workload; its outputs are logits."""

    def __init__(self, work: dict[str, Any]) -> None:
        super().__init__()
        keys = work["model"]
        self.mask = work["mask"]
        self.embedding = None
        width = work["shape"][-1]
        if work["vocabulary_size"]:
            self.embedding = nn.Embedding(work["vocabulary_size"], keys["embedding_dim"])
            nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
            width = keys["embedding_dim"]
        self.recurrent = nn.ModuleList()
        for units in keys["units"]:
            self.recurrent.append(recurrent(work, width, units))
            width = units * (2 if work["both_ways"] else 1)
        self.dropout = nn.Dropout(keys["dropout"])
        self.dense = nn.ModuleList()
        for units in keys["dense_units"]:
            self.dense.append(nn.Linear(width, units))
            width = units
        self.head = nn.Linear(width, 1 if work["classes"] == 2 else work["classes"])
        for layer in (*self.dense, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        lengths = (x != 0).sum(1) if self.mask else None
        if lengths is not None:
            x = x[:, : int(lengths.max())]
        if self.embedding is not None:
            x = self.embedding(x)
        for layer in self.recurrent[:-1]:
            x = self.dropout(layer(x)[0])
        x, state = self.recurrent[-1](x)
        if lengths is not None:
            x = x[torch.arange(len(x)), lengths - 1]
        else:
            x = torch.cat(list(state[0] if isinstance(state, tuple) else state), dim=1)
        x = self.dropout(x)
        for layer in self.dense:
            x = self.dropout(torch.relu(layer(x)))
        return self.head(x)


def recurrent(work: dict[str, Any], width: int, units: int) -> nn.Module:
    """Return a recurrent layer with Keras's initial weights."""
    if work["cell"] == "lstm" and work["model"]["activation"] == "relu":
        return ReluLSTM(width, units)
    keys = {"nonlinearity": work["model"]["activation"]} if work["cell"] == "rnn" else {}
    layer = CELLS[work["cell"]](
        width, units, batch_first=True, bidirectional=work["both_ways"], **keys
    )
    for name, weight in layer.named_parameters():
        if "weight_ih" in name:
            nn.init.xavier_uniform_(weight)
        elif "weight_hh" in name:
            nn.init.orthogonal_(weight)
        else:
            nn.init.zeros_(weight)
            if work["cell"] == "lstm" and "bias_ih" in name:
                weight.data[units : 2 * units] = 1
            # Keras has one bias, but in a GRU two
            weight.requires_grad = work["cell"] == "gru" or "bias_ih" in name
    return layer


def batches(x: Tensor, work: dict[str, Any]) -> list[Tensor]:
    """Return the examples of each batch of an epoch."""
    order, size = torch.randperm(len(x)), work["batch_size"]
    if not work["mask"]:
        return list(order.split(size))
    lengths = (x != 0).sum(1)
    pools = [pool[lengths[pool].argsort()] for pool in order.split(POOL * size)]
    found = [batch for pool in pools for batch in pool.split(size)]
    return [found[index] for index in torch.randperm(len(found))]


def main(folder: str, seed: str) -> None:
    """Train with Adam, and measure the validation loss after each epoch."""
    torch.set_flush_denormal(True)
    torch.manual_seed(int(seed))
    work, arrays = sides.workload(folder)
    x, y, x_val, y_val = (
        torch.from_numpy(arrays[key]) for key in ("x_train", "y_train", "x_val", "y_val")
    )
    network = Network(work)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        if work["classes"] == 2:
            return binary_cross_entropy_with_logits(logits[:, 0], labels.float())
        return cross_entropy(logits, labels.long())

    ends, losses = [], []
    for _ in range(work["epochs"]):
        network.train()
        for batch in batches(x, work):
            optimizer.zero_grad(set_to_none=True)
            loss(network(x[batch]), y[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            logits = torch.cat([network(part) for part in x_val.split(256)])
            losses.append(float(loss(logits, y_val)))
        ends.append(time.perf_counter())
    parameters = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    sides.report(ends, losses, parameters, sides.peak())


main(*sys.argv[1:])
