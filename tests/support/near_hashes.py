"""How far perceptual hashes lie apart, as whoever looks for copies in the lake's table `hashes` reckons it."""

from models.data.perceptual_hash import Hash

COPY_BITS = 31  # bits in which PDQ's hashes of two pictures that match differ at most


def bits_apart(one: Hash, other: Hash) -> int:
    return (int.from_bytes(one.bits) ^ int.from_bytes(other.bits)).bit_count()
