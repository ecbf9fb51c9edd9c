"""Bounds the memory of all ONNX graphs of this process together; a graph may need much memory for one row."""

from __future__ import annotations

import threading
from typing import Any

DEFAULT_BYTES = 1536 * 1024**2
USE_ARENA = ("session.use_env_allocators", "1")
"""The session's configuration entry for allocations in that arena."""
SHRINKS = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""The run's configuration entry that releases its memory afterwards; its cost is not measurable."""
EXHAUSTED = "Available memory of"
"""The runtime's message when the arena is exhausted."""
NOTHING_LEFT = ("bad_alloc", "Failed to allocate memory for requested buffer")
"""The runtime's messages when the process has too little memory, for what is outside the arena or for the arena."""
_AS_REQUESTED = 1  # extend by what is needed, not by powers of two


class OnnxMemory:
    """The arena of the runtime, of which there is one in a process. It is made for the first graph."""

    def __init__(self) -> None:
        self.max_bytes = DEFAULT_BYTES
        self._lock = threading.Lock()
        self._is_made = False

    def use(self, options: Any) -> None:
        """Make a session with these options allocate in the arena."""
        import onnxruntime  # noqa: PLC0415  it is an extra

        with self._lock:
            if not self._is_made:
                place = onnxruntime.OrtMemoryInfo(
                    "Cpu",
                    onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
                    0,
                    onnxruntime.OrtMemType.DEFAULT,
                )
                arena = onnxruntime.OrtArenaCfg(
                    {"max_mem": self.max_bytes, "arena_extend_strategy": _AS_REQUESTED},
                )
                onnxruntime.create_and_register_allocator(place, arena)
                self._is_made = True
        options.add_session_config_entry(*USE_ARENA)


memory = OnnxMemory()
"""The arena of this process; `max_bytes` applies if it is set before the first graph."""
