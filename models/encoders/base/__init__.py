"""What an encoder is, and towers put together from modules."""
