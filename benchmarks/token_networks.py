"""The networks of `token_speed` in PyTorch; their outputs are logits."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class LanguageModel(nn.Module):
    """An embedding, an LSTM, and a head at every step."""

    def __init__(self, ids: int, size: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ids, size)
        self.recurrent = nn.LSTM(size, units, batch_first=True)
        self.head = nn.Linear(units, ids)

    def forward(self, source: Tensor) -> Tensor:
        """Return logits of shape (N, T, ids)."""
        return self.head(self.recurrent(self.embedding(source))[0])


class Translator(nn.Module):
    """An encoder in both directions, a decoder that begins with its states, and dot attention."""

    def __init__(self, source_ids: int, target_ids: int, size: int, units: int) -> None:
        super().__init__()
        self.source = nn.Embedding(source_ids, size)
        self.target = nn.Embedding(target_ids, size)
        self.encoder = nn.LSTM(size, units, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(size, 2 * units, batch_first=True)
        self.combined = nn.Linear(4 * units, 2 * units)
        self.head = nn.Linear(2 * units, target_ids)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Return logits of shape (N, T, ids)."""
        real = source != 0
        packed = pack_padded_sequence(
            self.source(source), real.sum(1), batch_first=True, enforce_sorted=False
        )
        outputs, states = self.encoder(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True)
        begin = tuple(torch.cat([one[0], one[1]], dim=1)[None] for one in states)
        steps, _ = self.decoder(self.target(target), begin)
        scores = steps @ outputs.transpose(1, 2)
        weights = scores.masked_fill(~real[:, None, : outputs.shape[1]], -torch.inf).softmax(-1)
        seen = torch.cat([steps, weights @ outputs], dim=2)
        return self.head(torch.tanh(self.combined(seen)))
