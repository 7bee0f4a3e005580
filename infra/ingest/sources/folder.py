"""Images in sub-folders named for what they show.

A sub-folder named as a policy holds images that violate it, `no_<policy>` images that do not. For other names a
file `labels.json` in the folder maps each sub-folder to its labels: `{"bonfire": {"dangerous_acts": true}}`.
"""

from base64 import b64decode

from infra.ingest.source import Images, Source
from infra.ingest.sources.jsonl import PIXEL

SOURCE = Source(
    name="folder",
    description="folder of images in sub-folders <policy>, no_<policy>, or as labels.json in the folder maps them",
    reads=Images(),
    rows="SELECT image_bytes, labels, problem FROM raw",
    examples={
        "labels.json": b'{"bonfire": {"dangerous_acts": true, "violence": false}}',
        "bonfire/one.png": b64decode(PIXEL),
    },
)
