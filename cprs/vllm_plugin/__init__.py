"""Teaches vLLM the hybrid critic. Registered as an entry point of `vllm.general_plugins`, so that
a vLLM which finds cprs installed can serve it; nothing else imports this package."""

from __future__ import annotations

from cprs.critics.hybrid.kind import ARCHITECTURE

PUBLISHED = ("Qwen2ForCausalLMandBIO", "Qwen2ForCausalLMandBIO_pred")
"""What the published checkpoint calls itself."""
_CLASS = "cprs.vllm_plugin.model:HybridForTokenClassification"


def register() -> None:
    """Tell vLLM which class reads a hybrid's checkpoints.

    vLLM calls it in each of its processes, possibly twice; the class is imported when needed.
    """
    from vllm import ModelRegistry

    for name in (ARCHITECTURE, *PUBLISHED):
        if name not in ModelRegistry.get_supported_archs():
            ModelRegistry.register_model(name, _CLASS)
