# SPDX-License-Identifier: MIT
# unheard_port.py - prints a loopback port where connecting is refused, and keeps others from it.
import signal
import socket

signal.alarm(600)  # should whoever kills it not come to that
held = socket.socket()
held.bind(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
signal.pause()
