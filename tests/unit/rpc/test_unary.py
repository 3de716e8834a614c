"""Unary calls of gRPC to a server of grpcio: JSON in, JSON out."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
import trustme
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from obsctl.access.options import PLAIN, ComponentAccess, TlsOptions
from obsctl.errors import BackendError
from obsctl.rpc.unary import GrpcCaller
from tests.e2e.orders.protos import FILES
from tests.e2e.orders.server import Orders, serving

PLACE, READ = "/shop.Orders/Place", "/shop.Orders/Read"
ITEM = {"item": {"itemName": "tea", "count": 2}}


@pytest.fixture
def descriptor(tmp_path: Path) -> Path:
    path = tmp_path / "orders.binpb"
    path.write_bytes(FileDescriptorSet(file=reversed(FILES)).SerializeToString())
    return path


def test_types_come_from_the_server_by_reflection() -> None:
    orders = Orders()
    with serving(orders) as port, GrpcCaller(f"http://127.0.0.1:{port}", None, PLAIN) as caller:
        placed = caller.call(PLACE, ITEM, {"X-Request-Id": "r-1"}, 5.0)
        assert isinstance(placed.answer, dict)
        read = caller.call(READ, {"id": placed.answer["id"]}, {}, 5.0)
    assert (placed.code, read.answer) == ("OK", placed.answer)
    assert placed.answer == {"id": placed.answer["id"], "state": "placed", "item": {"itemName": "tea", "count": 2}}
    assert orders.seen[0]["x-request-id"] == "r-1"
    assert placed.size > 0


def test_types_come_from_a_file_where_the_server_has_no_reflection(descriptor: Path) -> None:
    with serving(Orders(), reflection=False) as port:
        url = f"http://127.0.0.1:{port}"
        with GrpcCaller(url, descriptor, PLAIN) as caller:
            assert caller.call(PLACE, {"item": {"item_name": "tea"}}, {}, 5.0).code == "OK"
        with GrpcCaller(url, None, PLAIN) as caller, pytest.raises(BackendError, match="has no reflection") as refused:
            caller.call(PLACE, ITEM, {}, 5.0)
    assert "--descriptor_set_out" in refused.value.hint


def test_a_call_that_fails_says_with_which_code() -> None:
    with serving(Orders("s3cret")) as port, GrpcCaller(f"http://127.0.0.1:{port}", None, PLAIN) as caller:
        unknown = caller.call(READ, {"id": "x"}, {}, 5.0)
        barred = caller.call(PLACE, ITEM, {}, 5.0)
        allowed = caller.call(PLACE, ITEM, {"Authorization": "Bearer s3cret"}, 5.0)
    assert (unknown.code, unknown.details, unknown.answer) == ("NOT_FOUND", "no order x", None)
    assert [reply.code for reply in (barred, allowed)] == ["UNAUTHENTICATED", "OK"]
    assert all(reply.reached for reply in (unknown, barred, allowed))


def test_a_server_that_is_not_there_did_not_answer(descriptor: Path) -> None:
    with GrpcCaller("http://127.0.0.1:1", descriptor, PLAIN) as caller:
        reply = caller.call(PLACE, ITEM, {}, 2.0)
    assert (reply.code, reply.reached) == ("UNAVAILABLE", False)
    with GrpcCaller("http://127.0.0.1:1", None, PLAIN) as caller, pytest.raises(BackendError, match="cannot be asked"):
        caller.call(PLACE, ITEM, {}, 2.0)


@pytest.mark.parametrize(
    ("route", "message", "said"),
    [
        ("/shop.Orders/Gone", {}, "there is no method /shop.Orders/Gone"),
        ("/shop.Parcels/Place", {}, "the server does not know shop.Parcels"),
        ("/shop.Orders/Watch", {"id": "x"}, "is a stream"),
        (PLACE, {"colour": "red"}, 'the body is no shop.PlaceRequest: .*"colour"'),
        (PLACE, {"item": {"count": "many"}}, "the body is no shop.PlaceRequest"),
        (PLACE, ["tea"], "the body is no shop.PlaceRequest: it is no JSON object"),
    ],
)
def test_what_cannot_be_called_is_told(route: str, message: object, said: str) -> None:
    with serving(Orders()) as port:
        caller = GrpcCaller(f"http://127.0.0.1:{port}", None, PLAIN)
        with caller, pytest.raises(BackendError, match=said):
            caller.call(route, message, {}, 5.0)


@pytest.mark.parametrize("content", [b"", b"\xff\xff not it"])
def test_a_file_without_the_descriptors_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.binpb").write_bytes(content)
    for name, said in (("a.binpb", "is no descriptor set|no method"), ("gone.binpb", "cannot read .*gone.binpb")):
        with (
            GrpcCaller("http://127.0.0.1:1", tmp_path / name, PLAIN) as caller,
            pytest.raises(BackendError, match=said),
        ):
            caller.call(PLACE, {}, {}, 1.0)


def test_a_server_behind_tls_is_called_with_the_certificate_that_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own = authority.issue_cert("127.0.0.1")
    chain = b"".join(part.bytes() for part in own.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), chain)])
    with serving(Orders(), credentials=credentials) as port:
        url, trusting = f"https://127.0.0.1:{port}", ComponentAccess(tls=TlsOptions(ca_file=str(tmp_path / "ca.pem")))
        with GrpcCaller(url, None, trusting) as caller:
            assert caller.call(PLACE, ITEM, {}, 5.0).code == "OK"
        with pytest.raises(BackendError, match="checks every certificate"):
            GrpcCaller(url, None, ComponentAccess(tls=TlsOptions(insecure=True)))
