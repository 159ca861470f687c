# ruff: noqa: N802, ARG002 - the names and signatures are the protocol's
"""`pulumi-language-python` for a CLI that was built without it: `python -m localcloud.pulumi_engine.language_host`.

The release's tarball has Pulumi's own; the Go module proxy does not. The CLI starts it with the engine's address as the
last argument, reads the port from the first line that it prints, and interrupts it at the end.
"""

import contextlib
import os
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from localcloud.engine.language_host import directory_program


class Host(LanguageServer):
    """The language host of the Automation API, for the program that the CLI names."""

    def __init__(self, engine: str) -> None:
        super().__init__(lambda: None)
        self._engine = engine

    def Run(self, request: Any, context: Any) -> Any:
        self.program = directory_program(Path(request.info.program_directory or request.pwd))
        del request.args[:]
        request.args.append(self._engine)
        return super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK has no types here

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def main() -> None:
    """Serve until the CLI interrupts this process, or is no more."""
    cli = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(sys.argv[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        while server.wait_for_termination(timeout=1) and os.getppid() == cli:
            pass


if __name__ == "__main__":
    main()
