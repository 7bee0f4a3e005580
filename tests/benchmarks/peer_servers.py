"""Other servers over the same bundle, batching as their documentation has it: peer_servers.py NAME BUNDLE PORT."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from models.serving.bundle import Bundle

BATCH, PATIENCE = 32, 0.005  # posts, seconds
Answer = dict[str, Any]


def answers(bundle: Bundle, texts: list[str]) -> list[Answer]:
    """What the gateway computes for each text: scores, action and reasons."""
    scores = bundle.score(texts, [None] * len(texts))
    actions, reasons = bundle.decide(scores, [None] * len(texts))
    return [
        {
            "scores": dict(zip(bundle.policies, row, strict=True)),
            "action": str(action),
            "reasons": [one.policy for one in why],
        }
        for row, action, why in zip(scores.tolist(), actions, reasons, strict=True)
    ]


def litserve(folder: Path, port: int) -> None:
    import litserve as ls

    class Api(ls.LitAPI):  # type: ignore[misc]
        def setup(self, device: str) -> None:
            self.bundle = Bundle.load(folder, threads=1)

        def decode_request(self, request: Answer) -> str:
            return str(request["text"])

        def batch(self, inputs: list[str]) -> list[str]:
            return inputs

        def predict(self, batch: list[str]) -> list[Answer]:
            return answers(self.bundle, batch)

        def unbatch(self, output: list[Answer]) -> list[Answer]:
            return output

        def encode_response(self, output: Answer) -> Answer:
            return output

    api = Api(max_batch_size=BATCH, batch_timeout=PATIENCE)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ["WORKERS"]))
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


def ray(folder: Path, port: int) -> None:
    import time

    from ray import init, serve
    from starlette.requests import Request

    @serve.deployment(num_replicas=int(os.environ["WORKERS"]), max_ongoing_requests=2 * BATCH)
    class Api:
        def __init__(self) -> None:
            self.bundle = Bundle.load(folder, threads=1)

        @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=PATIENCE)
        async def score(self, texts: list[str]) -> list[Answer]:
            return answers(self.bundle, texts)

        async def __call__(self, request: Request) -> Answer:
            found: Answer = await self.score((await request.json())["text"])
            return found

    init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Api.bind(), route_prefix="/predict")
    while True:
        time.sleep(1)


if __name__ == "__main__":
    name, folder, port = sys.argv[1:]
    {"litserve": litserve, "ray": ray}[name](Path(folder), int(port))
