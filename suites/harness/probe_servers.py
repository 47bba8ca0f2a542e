"""Servers on the loopback that fail as services do, and know when."""

import contextlib
import socket
import struct
import threading
import time

PAGE = b"x" * 2000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + PAGE
CLOSING = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


class Server:
    """Answers every request, until it is told to fail in its own way."""

    def __init__(self, fails: str = "", *, polite: bool = False) -> None:
        self.fails, self._polite = fails, polite
        self._down = self._closed = False
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.certain: list[float] = []
        """Since when it was down, and until when, at the very least."""
        self.possible: list[float] = []
        """The same, at the very most."""
        self._listen(0)
        self.port = self._listener.getsockname()[1]

    def fail(self) -> None:
        self.possible.append(time.monotonic())
        with self._lock:
            self._down = True
            if self.fails == "refuses":
                self._stop_listening()
            if self.fails in {"refuses", "resets"}:
                for sock in self._open:
                    _reset(sock)
        self.certain.append(time.monotonic())

    def recover(self) -> None:
        self.certain.append(time.monotonic())
        with self._lock:
            self._down = False
            if self.fails == "refuses":
                self._listen(self.port)
        self.possible.append(time.monotonic())

    def close(self) -> None:
        self._stop_listening()
        with self._lock:
            self._closed = True
            for sock in self._open:
                sock.close()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=50)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with self._lock:
                    if self._closed:
                        sock.close()
                        return
                    self._open.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while sock.recv(4096):
                with self._lock:
                    down = self._down
                if down:
                    self._misbehave(sock)
                    return
                sock.sendall(CLOSING if self._polite else ANSWER)
                if self._polite:
                    sock.close()
                    return

    def _misbehave(self, sock: socket.socket) -> None:
        if self.fails == "says half":
            sock.sendall(ANSWER[:1000])
            sock.close()
        elif self.fails != "is silent":
            _reset(sock)


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD)
    sock.close()
