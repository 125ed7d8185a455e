"""A real SMTP server for send_mail_test.cc: keeps each mail as a file. Arguments: port folder [certificate key] [user password]"""
import asyncio
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Keep:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = "FROM %s\nTO %s\nTLS %s\nHELO %s\n\n" % (
            envelope.mail_from, " ".join(envelope.rcpt_tos), bool(session.ssl), session.host_name)
        with open("%s/%d.tmp" % (self.folder, self.count), "wb") as out:
            out.write(head.encode() + envelope.content)
        import os
        os.rename("%s/%d.tmp" % (self.folder, self.count), "%s/%d.mail" % (self.folder, self.count))
        return "250 OK"


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    options = {}
    rest = sys.argv[3:]
    if rest[:1] == ["tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(rest[1], rest[2])
        options["tls_context"] = context
        rest = rest[3:]
    if rest[:1] == ["auth"]:
        user, password = rest[1].encode(), rest[2].encode()

        def check(server, session, envelope, mechanism, data):
            good = isinstance(data, LoginPassword) and (data.login, data.password) == (user, password)
            return AuthResult(success=good, handled=False)  # so that it answers 535 itself

        options.update(authenticator=check, auth_required=True, auth_require_tls=False)
    controller = Controller(Keep(folder), hostname="127.0.0.1", port=port, **options)
    controller.start()
    signal.pause()


main()
