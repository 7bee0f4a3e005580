"""From a snapshot's rows to tensors: texts, pictures and videos as training and serving both read them."""
