# SPDX-License-Identifier: MIT
"""The program of a custom runtime that answers calls."""

from __future__ import annotations


def web_program(answer: str) -> str:
    """Return a server in Python.

    Args:
        answer: An expression of the bytes to answer with. ``event`` is the body of the request;
            ``json``, ``os``, ``sys`` and ``urllib.request`` are imported.
    """
    return f"""
import http.server, json, os, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {answer}
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass
address = ("0.0.0.0", int(os.environ["FC_SERVER_PORT"]))
http.server.HTTPServer(address, Handler).serve_forever()
"""
