"""Bounds what all ONNX graphs of this process take together: a graph may take the size of what it makes from a row."""

from __future__ import annotations

import threading
from typing import Any

DEFAULT_BYTES = 1536 * 1024**2
USE_ARENA = ("session.use_env_allocators", "1")
"""The entry of a session's configuration that has it allocate there."""
SHRINKS = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""The entry of a run's configuration that gives back what it needed; it costs nothing that could be measured."""
EXHAUSTED = "Available memory of"
"""What the runtime says where the arena has too little left."""
NOTHING_LEFT = "bad_alloc"
"""What it says where the process has, for what lies outside the arena."""
_AS_REQUESTED = 1  # extend by what is needed, not by powers of two


class OnnxMemory:
    """The arena of the runtime, of which there is one in a process. It is made for the first graph."""

    def __init__(self) -> None:
        self.max_bytes = DEFAULT_BYTES
        self._lock = threading.Lock()
        self._is_made = False

    def use(self, options: Any) -> None:
        """Have a session with these options allocate in the arena."""
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
"""That of this process; `max_bytes` counts if it is set before the first graph."""
