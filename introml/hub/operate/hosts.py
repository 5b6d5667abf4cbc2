"""`introml hub hosts`: a host name for each student's server, with the certificate that it takes.

What a student's server shows then has another origin than the hub: in the browser of whoever looks
at it, it can do nothing on the hub's pages.
"""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from introml.hub.course import Course, CourseError, read_settings

#: Browsers take a certificate for no longer than some 800 days, wherever its authority comes from.
_LASTS = timedelta(days=730)
#: A name under it leads to this machine by itself, and needs no certificate: nothing is sent away.
LOCAL = "localhost"
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,200}}$)({_LABEL}\.)+{_LABEL}")


class NoHosts(CourseError):
    """No names can be given so; the text says why, and what to do."""


def give(course: Course, domain: str = LOCAL) -> list[str]:
    """Set the course to NAME.domain for each student's server; what is to be known, in lines.

    Raises `NoHosts`.
    """
    domain = domain.lower().rstrip(".")
    port = course.hub_settings().port
    if domain == LOCAL:
        url, settings = f"http://{LOCAL}:{port}", {}
        told = [
            "Names that end in .localhost lead each browser to its own machine, so this is for "
            "people at this machine, or who reach it by a tunnel "
            f"(ssh -L {port}:localhost:{port} …). Chromium, Edge and Firefox know these names by "
            "themselves."
        ]
    else:
        if not _DOMAIN.fullmatch(domain) or _is_address(domain):
            raise NoHosts(
                f"{domain!r} is no domain under which names can be given; take one that leads to "
                "this machine, such as hub.example.edu, or 192-168-1-20.sslip.io for the address "
                "192.168.1.20"
            )
        key, certificate, authority = certify(course.folder / "tls", domain)
        at = "" if port == 443 else f":{port}"
        url, settings = f"https://{domain}{at}", {"ssl_key": str(key), "ssl_cert": str(certificate)}
        told = [
            f"All names under {domain} must lead to this machine: a wildcard in DNS (*.{domain}), "
            "or a service that reads the address in the name, such as sslip.io.",
            f"Browsers must know the authority that signed the certificate: import {authority} "
            f"there. It can vouch for names under {domain} alone.",
        ]
    change(course, {"public_url": url, "student_hosts": True, **settings})
    return [
        f"The course is at {url}/, each server at NAME.{domain}, from the next start on.",
        *told,
    ]


def certify(folder: Path, domain: str) -> tuple[Path, Path, Path]:
    """A key, a certificate for `domain` and all names under it, and the authority's certificate.

    The authority's own key is thrown away: it has signed this one certificate.
    """
    begins = datetime.now(UTC) - timedelta(days=1)
    signs, serves = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority, subject = _name(f"The course at {domain}"), _name(domain)

    def begun(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + _LASTS)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()),
                critical=False,
            )
        )

    usage = dict.fromkeys(
        (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    root = (
        begun(authority, signs)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage | {"key_cert_sign": True}), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(domain)], None), critical=True)
        .sign(signs, hashes.SHA256())
    )
    names = [x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
    certificate = (
        begun(subject, serves)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage | {"digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signs, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files = {
        "hub.key": serves.private_bytes(pem, pkcs8, plain),
        "hub.pem": certificate.public_bytes(pem) + root.public_bytes(pem),
        "authority.pem": root.public_bytes(pem),
    }
    for name, content in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    return folder / "hub.key", folder / "hub.pem", folder / "authority.pem"


def change(course: Course, settings: dict[str, str | bool]) -> None:
    """Write settings into [hub] of course.toml; what it says else stays. Raises `NoHosts`."""
    path = course.folder / "course.toml"
    before = path.read_text(encoding="utf-8")
    new = [f"{key} = {_toml(value)}" for key, value in settings.items()]
    lines, table, head = [], "", None
    for line in before.splitlines():
        if header := re.fullmatch(r"\s*\[+\s*([^\]]*?)\s*\]+\s*(#.*)?", line):
            table = header[1]
        key = re.match(r"\s*([A-Za-z_]+)\s*=", line)
        if table == "hub" and key and key[1] in settings:
            continue  # it is said anew
        lines.append(line)
        if table == "hub" and header:
            head = len(lines)
    if head is None:
        lines += ["", "[hub]"]
        head = len(lines)
    draft = path.with_name("course.toml.new")
    draft.write_text("\n".join([*lines[:head], *new, *lines[head:]]) + "\n", encoding="utf-8")
    draft.chmod(path.stat().st_mode)
    try:
        read_settings(draft)
    except CourseError as problem:
        draft.unlink()
        raise NoHosts(
            f"{path} cannot be changed by this command; write under [hub]: {'; '.join(new)}"
        ) from problem
    draft.replace(path)


def _toml(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return False
    return True
