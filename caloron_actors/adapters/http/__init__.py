"""The service's doors: HTTP on loopback, the agents' socket, and ASGI applications served inside our own task group."""

from caloron_actors.adapters.http.embedding import serve_asgi
from caloron_actors.adapters.http.listening import HttpListening
from caloron_actors.adapters.http.sockets import bind_tcp, bind_unix

__all__ = ["HttpListening", "bind_tcp", "bind_unix", "serve_asgi"]
