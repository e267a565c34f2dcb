"""Fixed tables of numbers in a module."""

from collections.abc import Callable

from torch import Tensor, nn


class Tables(nn.Module):
    """Tensors that follow the model to its device, but keep their precision, and are in no checkpoint."""

    def __init__(self, **tables: Tensor) -> None:
        super().__init__()
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Tables":
        kept = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, table in kept.items():
            setattr(self, name, table.to(getattr(self, name).device))
        return self
