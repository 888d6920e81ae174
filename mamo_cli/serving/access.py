"""Who may ask: everyone on loopback, elsewhere those with the token or a certificate.

A caller needs one of the two. With a client CA the gRPC face asks for a certificate in the handshake, as KEDA shows one
and sends no token; the HTTP face takes either. `/healthz` is open, as kubelets have neither.
"""

import hmac
import ipaddress
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mamo_cli.core.errors import UsageError
from mamo_cli.serving.front import RefusedError

LEAST_CHARACTERS, MOST_CHARACTERS = 16, 4096
SCHEME = "Bearer "


@dataclass(frozen=True)
class Access:
    """What a caller must show, and with what the server shows itself."""

    token: bytes | None = None
    certificate: bytes | None = None  # chain and key of the server, PEM
    key: bytes | None = None
    client_ca: bytes | None = None  # PEM: who is signed by it may ask
    context: ssl.SSLContext | None = None  # the same for HTTP

    @property
    def certified_by_handshake(self) -> bool:
        """Whether no gRPC connection comes about without a certificate of the client CA."""
        return self.client_ca is not None

    def require(self, authorization: str | bytes | None, certified: bool) -> None:
        """Let one pass who may ask.

        Args:
            authorization: what was sent under that name.
            certified: whether the caller has shown a certificate of the client CA.

        Raises:
            RefusedError: who asks has shown neither.
        """
        if certified or (self.token is None and self.client_ca is None):
            return
        shown = authorization.encode(errors="replace") if isinstance(authorization, str) else authorization or b""
        if self.token is None or not hmac.compare_digest(shown, SCHEME.encode() + self.token):
            raise RefusedError("unauthorised", "show the token (authorization: Bearer TOKEN) or a certificate")

    def require_own(self, host: str | None) -> None:
        """Let no page of elsewhere ask in the name of a browser, where all on this machine may.

        Its owner may have its name lead to loopback (DNS rebinding), but no address and no `localhost`.

        Args:
            host: as the request names it; None: it does not, which no browser leaves out.

        Raises:
            RefusedError: it is another.
        """
        if self.token is None and self.client_ca is None and host is not None and not _is_own(host):
            raise RefusedError(
                "unauthorised", f"ask for an address or localhost, not for {host[:64]!r}: other names need a token"
            )

    def told(self, listen: str) -> str:
        """Whom the server answers, in words."""
        ways = [
            *(["who has a certificate of the client CA"] if self.client_ca is not None else []),
            *(["who shows the token"] if self.token is not None else []),
        ]
        where = "on this machine" if is_loopback(listen) else "wherever they are"
        return f"{' or '.join(ways) or 'everyone'} {where}"

    def credentials(self) -> Any:
        """What a gRPC server shows and asks for; None without TLS."""
        import grpc

        if self.certificate is None:
            return None
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)], self.client_ca, require_client_auth=self.client_ca is not None
        )


def read_access(
    listen: str, token: Path | None, certificate: Path | None, key: Path | None, client_ca: Path | None
) -> Access:
    """What the files say, fit for where the server is to listen.

    Args:
        listen: address that the server is to listen on.
        token: file of the token.
        certificate: file of the server's certificate, and what else its chain has.
        key: file of the certificate's key.
        client_ca: file of the certificates by which those of callers are signed.

    Raises:
        UsageError: a file cannot be read or does not hold what it should, one is missing, or anyone could ask.
    """
    if (certificate is None) != (key is None) or (client_ca is not None and certificate is None):
        raise UsageError("--tls-cert and --tls-key go together, and --tls-client-ca needs both")
    if not is_loopback(listen) and token is None and client_ca is None:
        raise UsageError(
            f"--listen {listen} lets others ask: give --token-file, or --tls-cert, --tls-key and --tls-client-ca"
        )
    return Access(
        None if token is None else _token(token),
        _content(certificate, "--tls-cert"),
        _content(key, "--tls-key"),
        _content(client_ca, "--tls-client-ca"),
        _context(certificate, key, client_ca),
    )


def warnings(listen: str, access: Access, token: Path | None) -> list[str]:
    """What a user should know of the choice."""
    found = []
    if token is not None and token.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        found.append(f"--token-file: {token} can be read by other users of this machine: chmod 600 {token}")
    if access.token is not None and access.context is None and not is_loopback(listen):
        found.append(
            "the token crosses the network in plain text: whoever listens on the way can use it. "
            "--tls-cert and --tls-key encrypt it"
        )
    if access.token is not None and access.client_ca is None:
        found.append("KEDA sends no token, so its polls will be refused: it needs --tls-client-ca")
    return found


def is_loopback(listen: str) -> bool:
    """Whether nobody but this machine can reach an address.

    Raises:
        UsageError: it is no address.
    """
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        raise UsageError(
            f"--listen must be an address of this machine such as 127.0.0.1 or ::, got {listen!r}"
        ) from None


def _is_own(host: str) -> bool:
    """Whether a host, with or without a port, is an address or this machine's own name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _token(path: Path) -> bytes:
    token = (_content(path, "--token-file") or b"").strip()
    printable = all(0x21 <= byte <= 0x7E for byte in token)
    if not (printable and LEAST_CHARACTERS <= len(token) <= MOST_CHARACTERS):
        raise UsageError(
            f"--token-file: {path} must hold one token of {LEAST_CHARACTERS} to {MOST_CHARACTERS} letters, digits and "
            "signs without spaces"
        )
    return token


def _content(path: Path | None, option: str) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be read: {error.strerror}") from None


def _context(certificate: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    """TLS of the HTTP face: callers may show no certificate, as a token does too; one that is shown must hold."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"--tls-cert, --tls-key: {certificate} and {key} are no certificate with its key: {error}"
        ) from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise UsageError(f"--tls-client-ca: {client_ca} holds no certificates: {error}") from None
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
