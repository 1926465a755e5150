"""The server as a process: where it listens, and how it ends."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn

from loopwright.errors import UsageError
from loopwright.ports import KeyRing
from loopwright.surfaces.server.access import LOCAL
from loopwright.surfaces.server.app import application
from loopwright.surfaces.server.connections import Connection
from loopwright.surfaces.server.service import Parts

BACKLOG = 512


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str, named: str) -> tuple[str, ...] | None:
    """The names that requests may use: those of this machine, its address and `named`; None, any, where it listens elsewhere."""
    own = tuple(named.replace(",", " ").lower().split())
    if is_local(host):
        return (*LOCAL, host.lower(), *own)
    return (*LOCAL, host.lower(), *own) if own else None


def check_keys(host: str, ring: KeyRing) -> None:
    """Raises `UsageError` where others could reach the server and it has no key."""
    if not is_local(host) and not ring.keys():
        raise UsageError(
            f"{host} is reached from other machines, and there is no key: make one with loopwright keys create --ingest NAME "
            "(and --read NAME for reading), or listen on 127.0.0.1"
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises `UsageError` where it cannot be had. Port 0 takes any that is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"the host {host!r} is no address of this machine: {error.strerror}; give another --host") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        cure = "give another --port, or end what listens there"
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}; {cure}") from None
    return made


class _Server(uvicorn.Server):
    """uvicorn's, but for its end: a signal that asked for it is not raised once more when all is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for a wish to stop; a second SIGINT stops at once."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for one in signals:
            loop.add_signal_handler(one, self.handle_exit, one, None)
        try:
            yield
        finally:
            for one in signals:
                loop.remove_signal_handler(one)


def serve(parts: Parts, host: str, port: int, version: str, note: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; then take no more, finish what is under way, write what waits, and return."""
    with closing(listen(host, port)) as listening:
        name = f"[{host}]" if ":" in host else host
        note(f"listening on http://{name}:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            application(parts, version),
            http=Connection,
            lifespan="on",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(parts.limits.drain_s)),
            timeout_keep_alive=75,
        )
        asyncio.run(_Server(config).serve(sockets=[listening]))
