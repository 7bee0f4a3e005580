import io

import numpy as np
import torch
from PIL import Image

from models.data.loader import Batch
from models.data.pixels import picture, pixels


def every_byte():
    buffer = io.BytesIO()
    Image.fromarray(np.arange(768, dtype=np.uint8).reshape(16, 16, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_are_scaled_behind_the_data_to_the_bit_as_when_they_are_served():
    served, bytes_of = pixels(every_byte(), 16), picture(every_byte(), 16)
    assert bytes_of.dtype == np.uint8
    batch = Batch(*(torch.zeros(1) for _ in Batch._fields))._replace(pixels=torch.from_numpy(bytes_of[None]))
    assert np.array_equal(batch.inputs["pixels"][0].numpy(), served)
    assert batch.scaled.scaled.pixels.dtype == torch.float32
