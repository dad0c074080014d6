"""Certificates that are made here, and those that are given."""

import socket
import ssl
import stat
from pathlib import Path
from threading import Thread

import pytest
from troupe.services.gateway.tls import TlsError, self_signed, tls_context

pytest.importorskip("cryptography", reason="the extra `tls`")


def test_a_client_that_trusts_the_certificate_is_served_under_each_of_its_names(tmp_path: Path) -> None:
    made = self_signed(tmp_path / "new" / "folder", "voice.example.com")
    context = tls_context(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=made.certificate)
    for name in ("localhost", "127.0.0.1", "::1", "voice.example.com"):
        ours, theirs = socket.socketpair()
        serving = Thread(target=lambda ours=ours: context.wrap_socket(ours, server_side=True).close())
        serving.start()
        with trusting.wrap_socket(theirs, server_hostname=name) as client:
            assert client.version() in ("TLSv1.2", "TLSv1.3")
            certificate = client.getpeercert(binary_form=True)
        serving.join()
        assert certificate == ssl.PEM_cert_to_DER_cert(made.certificate.read_text())


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    made = self_signed(tmp_path / "tls", "localhost")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700


def test_a_certificate_is_used_again_unless_it_is_not_good_for_the_host(tmp_path: Path) -> None:
    first = self_signed(tmp_path, "0.0.0.0")
    assert self_signed(tmp_path, "localhost") == first
    assert len(first.fingerprint.split(":")) == 32
    second = self_signed(tmp_path, "192.0.2.7")
    assert second.fingerprint != first.fingerprint
    assert self_signed(tmp_path, "192.0.2.7") == second
    second.certificate.write_text("nonsense")
    assert self_signed(tmp_path, "192.0.2.7").fingerprint != second.fingerprint


@pytest.mark.parametrize("what", ["missing", "nonsense", "another key", "no key"])
def test_files_that_are_no_certificate_and_key_are_named(tmp_path: Path, what: str) -> None:
    made, other = self_signed(tmp_path / "one", "localhost"), self_signed(tmp_path / "two", "localhost")
    certificate, key = made.certificate, made.key
    match what:
        case "missing":
            key.unlink()
        case "nonsense":
            certificate.write_text("nonsense")
        case "another key":
            key = other.key
        case _:
            key = None
    with pytest.raises(TlsError, match="pem"):
        tls_context(certificate, key)
