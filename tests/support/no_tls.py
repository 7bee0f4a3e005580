"""What a client of httpx is told for a server of this machine, as `verify`.

Else each client, and each question without one, reads the machine's certificates: 30 ms, fifteen times what the
question itself costs.
"""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
