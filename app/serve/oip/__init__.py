"""The Open Inference Protocol, version 2 (github.com/kserve/open-inference-protocol), with its binary tensors."""
