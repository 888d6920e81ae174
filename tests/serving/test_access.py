"""Who may ask: what is refused at the start, and who is refused at the door, over plain sockets and TLS."""

import ssl
from pathlib import Path

import grpc
import pytest

from mamo_cli.core.errors import StorageError, UsageError
from mamo_cli.serving.access import Access, read_access, warnings
from mamo_cli.serving.limits import LIMITS
from tests.serving.running import http_to, metrics_request, refused, running, scaler
from tests.serving.standin import Clock, StandIn, loads
from tests.serving.test_connections import connected, heard, until

HERE = Path(__file__).parent / "certificates"
CA, SERVER, SERVER_KEY = HERE / "ca.pem", HERE / "server.pem", HERE / "server.key"
LOOPBACK = "127.0.0.1"
TOKEN = "0123456789abcdef"
PATHS = ("/decide", "/metrics", "/nothing")


def written(tmp_path, text=TOKEN):
    path = tmp_path / "token"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def caller(name=None):
    """TLS of a client of the HTTP face, with a certificate or without."""
    context = ssl.create_default_context(cafile=CA)
    if name is not None:
        context.load_cert_chain(HERE / f"{name}.pem", HERE / f"{name}.key")
    return context


def grpc_caller(name=None):
    pair = () if name is None else ((HERE / f"{name}.key").read_bytes(), (HERE / f"{name}.pem").read_bytes())
    return grpc.ssl_channel_credentials(CA.read_bytes(), *pair)


def code(bound, credentials=None, token=None):
    """What a client of the gRPC face gets; it is told at once where it cannot connect."""
    more = {} if token is None else {"metadata": [("authorization", token)]}
    with scaler(bound, credentials) as keda:
        return refused(keda.GetMetrics, metrics_request(function="f"), **more)


@pytest.mark.parametrize("listen", ["0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1"])
def test_another_address_than_loopback_needs_more(listen, tmp_path):
    with pytest.raises(UsageError, match=r"--listen .* lets others ask: give --token-file, or --tls-cert"):
        read_access(listen, None, None, None, None)
    with pytest.raises(UsageError, match="lets others ask"):
        read_access(listen, None, SERVER, SERVER_KEY, None)
    assert read_access(listen, written(tmp_path), None, None, None).token == TOKEN.encode()
    assert read_access(listen, None, SERVER, SERVER_KEY, CA).client_ca == CA.read_bytes()


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_needs_nothing(listen):
    assert read_access(listen, None, None, None, None) == Access()


@pytest.mark.parametrize("listen", ["localhost", "", "127.0.0.1:80", "300.0.0.1", "*"])
def test_what_is_no_address_is_refused(listen):
    with pytest.raises(UsageError, match="--listen must be an address of this machine"):
        read_access(listen, None, None, None, None)


@pytest.mark.parametrize(
    "text", ["", "0123456789abcde", "0123456789abcde\n", "0123456 789abcdef", "é" * 20, b"\0" * 20]
)
def test_a_token_that_is_short_or_odd_is_refused(text, tmp_path):
    with pytest.raises(UsageError, match="must hold one token of 16 to"):
        read_access(LOOPBACK, written(tmp_path, text), None, None, None)


def test_a_token_may_end_in_a_line_end(tmp_path):
    assert read_access(LOOPBACK, written(tmp_path, TOKEN + "\r\n"), None, None, None).token == TOKEN.encode()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ((None, SERVER, None, None), "--tls-cert and --tls-key go together"),
        ((None, None, SERVER_KEY, None), "--tls-cert and --tls-key go together"),
        ((None, None, None, CA), "--tls-client-ca needs both"),
        ((None, SERVER, HERE / "caller.key", None), "no certificate with its key"),
        ((None, SERVER_KEY, SERVER, None), "no certificate with its key"),
        ((None, SERVER, SERVER_KEY, SERVER_KEY), "--tls-client-ca: .* holds no certificates"),
        ((HERE / "none", None, None, None), "--token-file: .*none cannot be read: No such file"),
        ((HERE, None, None, None), "--token-file: .* cannot be read: Is a directory"),
        ((None, HERE / "none", SERVER_KEY, None), "--tls-cert: .* cannot be read: No such file"),
        ((None, SERVER, SERVER_KEY, HERE / "none"), "--tls-client-ca: .* cannot be read: No such file"),
    ],
)
def test_files_that_do_not_go_together_are_refused(files, told):
    with pytest.raises(UsageError, match=told):
        read_access(LOOPBACK, *files)


def test_what_the_choice_means_is_told(tmp_path):
    token = written(tmp_path)
    open_to_all = read_access("0.0.0.0", token, None, None, None)
    plain, no_keda = warnings("0.0.0.0", open_to_all, token)
    assert "plain text" in plain
    assert "KEDA sends no token" in no_keda
    assert warnings(LOOPBACK, open_to_all, token) == [no_keda]
    assert warnings("0.0.0.0", read_access("0.0.0.0", token, SERVER, SERVER_KEY, CA), token) == []
    assert warnings(LOOPBACK, Access(), None) == []
    token.chmod(0o640)
    assert warnings("0.0.0.0", read_access("0.0.0.0", token, SERVER, SERVER_KEY, CA), token) == [
        f"--token-file: {token} can be read by other users of this machine: chmod 600 {token}"
    ]


def test_whom_it_answers_is_told():
    assert Access().told(LOOPBACK) == "everyone on this machine"
    assert Access(token=b"t").told("::") == "who shows the token wherever they are"
    both = Access(token=b"t", client_ca=b"c").told("::")
    assert both == "who has a certificate of the client CA or who shows the token wherever they are"


WRONG = [
    "",
    "Bearer",
    "Bearer ",
    f"bearer {TOKEN}",
    TOKEN,
    f"Basic {TOKEN}",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
]


@pytest.fixture(scope="module")
def by_token():
    with running(StandIn(), clock=Clock(), access=Access(token=TOKEN.encode())) as bound:
        assert http_to(bound, body=loads(), headers=bearer(TOKEN)).status == 200
        yield bound


@pytest.mark.parametrize("shown", [None, *WRONG])
def test_no_token_or_a_wrong_one_is_refused(by_token, shown):
    headers = {} if shown is None else {"authorization": shown}
    for path in PATHS:
        answer = http_to(by_token, path, headers=headers)
        assert (answer.status, answer.kind) == (401, "unauthorised")
        assert TOKEN not in answer.text
    assert http_to(by_token, body=loads(), headers=headers).status == 401
    assert code(by_token, token=shown) == "UNAUTHENTICATED"


def test_the_token_is_enough_and_health_needs_none(by_token):
    assert http_to(by_token, headers=bearer(TOKEN)).json["number"] == 1
    assert code(by_token, token=f"Bearer {TOKEN}") == "OK"
    assert http_to(by_token, "/healthz").status == 200
    assert http_to(by_token, "/healthz", body=loads()).status == 405
    metrics = http_to(by_token, "/metrics", headers=bearer(TOKEN)).text
    assert 'mamo_refusals_total{kind="unauthorised"}' in metrics
    assert TOKEN not in metrics


@pytest.fixture(scope="module", params=["certificate", "either"])
def by_certificate(request, tmp_path_factory):
    token = written(tmp_path_factory.mktemp("token")) if request.param == "either" else None
    access = read_access("0.0.0.0", token, SERVER, SERVER_KEY, CA)
    with running(StandIn(), clock=Clock(), access=access) as bound:
        assert http_to(bound, body=loads(), context=caller("caller")).status == 200
        yield bound, token is not None


def test_a_certificate_of_the_client_ca_is_enough(by_certificate):
    bound, _ = by_certificate
    assert http_to(bound, context=caller("caller")).json["number"] == 1
    assert code(bound, grpc_caller("caller")) == "OK"


def test_without_a_certificate_there_is_health_alone_unless_a_token_is_shown(by_certificate):
    bound, either = by_certificate
    assert http_to(bound, "/healthz", context=caller()).status == 200
    assert http_to(bound, context=caller()).status == 401
    assert http_to(bound, context=caller(), headers=bearer(TOKEN)).status == (200 if either else 401)
    assert code(bound, grpc_caller(), f"Bearer {TOKEN}") == "UNAVAILABLE"


def test_a_certificate_of_another_ca_ends_in_the_handshake(by_certificate):
    bound, _ = by_certificate
    with pytest.raises(OSError, match=r"Remote end closed|unknown ca|reset"):
        http_to(bound, "/healthz", context=caller("impostor"))
    assert code(bound, grpc_caller("impostor")) == "UNAVAILABLE"


def test_plain_text_gets_no_answer_from_a_server_with_tls(by_certificate):
    bound, _ = by_certificate
    with pytest.raises(OSError, match=r"Remote end closed|reset"):
        http_to(bound, "/healthz")
    assert code(bound) == "UNAVAILABLE"


def test_who_begins_a_handshake_and_says_no_more_does_not_hold_a_place():
    access = read_access(LOOPBACK, None, SERVER, SERVER_KEY, None)
    limits = LIMITS._replace(connections=2, patience_s=0.3)
    service, clock = StandIn(), Clock()
    service.decide(loads(), clock.now)
    with running(service, clock=clock, access=access, limits=limits) as bound:
        for port in (bound.http_port, bound.grpc_port):
            held = [connected(bound, port) for _ in range(2)]
            for connection in held:
                connection.sendall(b"\x16\x03\x01\x02\x00")
            assert [heard(connection) for connection in held] == [b"", b""]
        until(lambda: healthy(bound))
        until(lambda: code(bound, grpc_caller()) == "OK")


def healthy(bound):
    try:
        return http_to(bound, "/healthz", context=caller()).status == 200
    except OSError:
        return False


def test_an_address_of_the_newer_kind_will_do():
    try:
        with running(StandIn(), clock=Clock(), listen="::1") as bound:
            assert bound.host == "[::1]"
            assert http_to(bound, body=loads()).status == 200
            assert code(bound) == "OK"
    except StorageError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_a_client_knows_the_server_by_its_certificate(by_certificate):
    bound, _ = by_certificate
    with pytest.raises(ssl.SSLCertVerificationError):
        http_to(bound, "/healthz", context=ssl.create_default_context())


@pytest.mark.parametrize(
    ("host", "asks"),
    [
        *((host, True) for host in ("localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080", "[::1]", "10.0.0.1")),
        *(
            (host, False)
            for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "[", "", "a@b", "x:y")
        ),
    ],
)
def test_a_page_of_elsewhere_cannot_ask_where_everyone_on_this_machine_may(host, asks):
    service, sent = StandIn(), {"Host": host}
    with running(service, clock=Clock()) as bound:
        assert http_to(bound, body=loads(), headers=sent).status == (200 if asks else 401)
        assert http_to(bound, "/metrics", headers=sent).status == (200 if asks else 401)
        assert http_to(bound, "/healthz", headers=sent).status != 401
    with running(service, clock=Clock(), access=Access(token=TOKEN.encode())) as bound:
        assert http_to(bound, body=loads(), headers={**sent, **bearer(TOKEN)}).status == 200
