"""Finds the root certificate that a database's certificate leads to.

{"host", "port", "bundles": [{"name", "pem"}]}: asks the server for TLS as a Postgres client does, and
verifies its certificate and host name against the bundles. The answer is
{"pem", "subject", "expires", "bundle"}.
"""

import socket
import ssl
import struct

import tooling

# Length and code of Postgres's SSLRequest.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
SECONDS = 10


def main(request):
    host, port = request["host"], request["port"]
    reasons = []
    for bundle in request["bundles"]:
        context = ssl.create_default_context(cadata=bundle["pem"])
        try:
            with handshake(context, host, port) as connection:
                return {**described(chain(connection)[-1]), "bundle": bundle["name"]}
        except ssl.SSLCertVerificationError as error:
            reasons.append(f"{bundle['name']}: {error.verify_message}")
    with handshake(unverified(), host, port) as connection:
        issuer = names(chain(connection)[-1].get_info()["issuer"])
    raise tooling.Failure(
        f"the certificate of {host}, whose chain ends at the issuer {issuer}, cannot be verified; " + "; ".join(reasons),
        "pass the certificates of the database's provider with --bundle FILE",
    )


def handshake(context, host, port):
    try:
        connection = socket.create_connection((host, port), timeout=SECONDS)
    except OSError as error:
        raise tooling.Failure(f"{host}:{port} cannot be reached: {error}", "run this command inside the network of the database") from error
    connection.sendall(SSL_REQUEST)
    if connection.recv(1) != b"S":
        connection.close()
        raise tooling.Failure(f"the server at {host}:{port} does not speak TLS", "turn on `ssl` in its settings")
    return context.wrap_socket(connection, server_hostname=host)


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def chain(connection):
    # Public only from Python 3.13 on, where it gives bytes and no names.
    tls = connection._sslobj
    if connection.context.verify_mode == ssl.CERT_NONE:
        return tls.get_unverified_chain()
    return tls.get_verified_chain()


def described(certificate):
    about = certificate.get_info()
    # 1: as PEM.
    return {"pem": certificate.public_bytes(1), "subject": names(about["subject"]), "expires": about["notAfter"]}


def names(parts):
    return ", ".join(f"{key}={value}" for part in parts for key, value in part)


tooling.run(main)
