"""Sampling on a vLLM server that follows the policy's weights.

The server is started beside the trainer with its development endpoints, which vLLM has for this:

  VLLM_SERVER_DEV_MODE=1 vllm serve BASE --served-model-name policy

Before sampling from new weights the policy is written to a folder that both see, the server reads
it in place (`/collective_rpc`, `reload_weights`) and forgets what its prefix cache knew. Of LoRA
only the adapters go over, and the server is started with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 and
--enable-lora as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, ServiceError
from cprs.l1.example import Rollout
from cprs.l1.policy import Policy, publish
from cprs.l1.rollout.base import Ask, Sampling

ADAPTER = "policy-lora"


class Vllm:
    """A vLLM server at `url` (its base, ending in /v1), which serves the policy as `model`.

    `weights` is the folder that weights go through. `concurrency` prompts at a time, each tried
    again `retries` times.
    """

    remote = True

    def __init__(
        self,
        url: str,
        model: str,
        weights: Path,
        *,
        key: str = "none",
        concurrency: int = 64,
        retries: int = 3,
        timeout: float = 3600.0,
    ) -> None:
        if concurrency < 1:
            raise OptionError(f"concurrency must be at least 1, got {concurrency}")
        self._url = url.rstrip("/")
        self._model = model
        self._weights = weights
        self._options: dict[str, Any] = {"api_key": key, "max_retries": retries, "timeout": timeout}
        self._concurrency = concurrency
        self._refreshed = 0
        self._adapter = ""

    def refresh(
        self, policy: Policy, weights: dict[str, Any] | None = None, *, write: bool = True
    ) -> None:
        """Write the policy's weights and have the server read them. Raises `ServiceError` where
        it does not."""
        self._refreshed += 1
        before = self._adapter
        # A name of their own each time: what is loaded in place of itself is read for every batch.
        self._adapter = f"{ADAPTER}-{self._refreshed}" if policy.lora else ""
        if not write:
            return
        self._weights.mkdir(parents=True, exist_ok=True)
        folder = publish(policy, self._weights, "current", weights)
        path, root = str(folder.resolve()), self._url.removesuffix("/v1")
        if policy.lora:
            # An earlier run may have left adapters of that name on the server.
            for gone in filter(None, {before, self._adapter}):
                self._tell(f"{self._url}/unload_lora_adapter", {"lora_name": gone}, missing=True)
            found = {"lora_name": self._adapter, "lora_path": path}
            self._tell(f"{self._url}/load_lora_adapter", found)
        else:
            read = {"method": "reload_weights", "kwargs": {"weights_path": path}}
            self._tell(f"{root}/collective_rpc", read)
        self._tell(f"{root}/reset_prefix_cache", {})

    def generate(
        self, asks: Sequence[Ask], sampling: Sampling, *, n: int, seed: int
    ) -> list[list[Rollout]]:
        """See `Backend.generate`. Raises `ServiceError` where the server does not answer, or not
        with token ids. Its own scheduling decides whether a seed gives the same twice."""
        return asyncio.run(self._all(asks, sampling, n, seed))

    async def _all(
        self, asks: Sequence[Ask], sampling: Sampling, n: int, seed: int
    ) -> list[list[Rollout]]:
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self._concurrency)
        async with AsyncOpenAI(base_url=self._url, **self._options) as client:

            async def one(number: int, ask: Ask) -> list[Rollout]:
                async with gate:
                    return await self._one(client, ask, sampling, n, (seed + number) % 2**31)

            return list(await asyncio.gather(*(one(i, ask) for i, ask in enumerate(asks))))

    async def _one(
        self, client: Any, ask: Ask, sampling: Sampling, n: int, seed: int
    ) -> list[Rollout]:
        from openai import OpenAIError

        try:
            response = await client.completions.create(
                model=self._adapter or self._model,
                prompt=list(ask.ids),
                n=n,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.longest,
                seed=seed,
                logprobs=0,
                # What is not said here the server takes from the model's own way to sample.
                extra_body={
                    "top_k": sampling.top_k or -1,
                    "min_p": 0.0,
                    "repetition_penalty": 1.0,
                    "return_token_ids": True,
                },
            )
        except OpenAIError as error:
            raise ServiceError(f"{self._url}: the rollout server failed: {error}") from error
        choices = sorted(response.choices, key=lambda choice: choice.index)
        if len(choices) != n:
            raise ServiceError(
                f"{self._url}: {n} outputs were asked for and {len(choices)} came: an empty group"
                " cannot be trained on"
            )
        return [self._rollout(ask, choice) for choice in choices]

    def _rollout(self, ask: Ask, choice: Any) -> Rollout:
        ids = (choice.model_extra or {}).get("token_ids")
        if not ids:
            raise ServiceError(
                f"{self._url}: an output came without token ids: the server must be a vLLM that"
                " knows return_token_ids"
            )
        said = choice.logprobs.token_logprobs if choice.logprobs is not None else None
        logprobs = tuple(float(one) for one in said or () if one is not None)
        if len(logprobs) != len(ids):
            logprobs = ()
        finished = choice.finish_reason == "stop"
        return Rollout(ask.uid, ask.ids, tuple(ids), logprobs, choice.text, finished)

    def _tell(self, url: str, body: dict[str, Any], *, missing: bool = False) -> None:
        """`missing`: what is spoken of need not be there."""
        from openai import NotFoundError, OpenAI, OpenAIError

        try:
            with OpenAI(base_url=self._url, **self._options) as client:
                client.post(url, body=body, cast_to=object)
        except OpenAIError as error:
            if missing and isinstance(error, NotFoundError):
                return
            raise ServiceError(
                f"{url}: the rollout server did not take the new weights: {error}; it must run with"
                " VLLM_SERVER_DEV_MODE=1 (for LoRA, VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 as well)"
            ) from error
