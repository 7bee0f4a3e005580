"""The bundle under LitServe, batching as its documentation has it: litserve_server.py BUNDLE PORT WORKERS."""

from __future__ import annotations

import sys
from pathlib import Path

import litserve
from answers import BATCH, PATIENCE, Answer, answers  # beside this script

from models.bundle.bundle import Bundle


class Api(litserve.LitAPI):
    def __init__(self, folder: str) -> None:
        super().__init__(max_batch_size=BATCH, batch_timeout=PATIENCE)
        self.folder = folder

    def setup(self, device: str) -> None:
        self.bundle = Bundle.load(Path(self.folder), threads=1)

    def decode_request(self, request):  # LitServe would read an annotation as a query parameter
        return request["text"]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, batch: list[str]) -> list[Answer]:
        return answers(self.bundle, batch)

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    folder, port, workers = sys.argv[1:]
    server = litserve.LitServer(Api(folder), accelerator="cpu", workers_per_device=int(workers))
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")
