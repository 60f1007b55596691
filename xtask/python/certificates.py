"""Makes a certificate authority and a server's certificate for {"host"}, as PEM.

{"authority", "certificate", "key"}: RSA of 2048 bits, as RDS has them by default.
"""

import tooling
import trustme


def main(request):
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    server = authority.issue_cert(request["host"], key_type=trustme.KeyType.RSA)
    return {
        "authority": authority.cert_pem.bytes().decode(),
        "certificate": b"".join(pem.bytes() for pem in server.cert_chain_pems).decode(),
        "key": server.private_key_pem.bytes().decode(),
    }


tooling.run(main)
