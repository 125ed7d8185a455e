"""What the tests beside other real programs share: ports, requests, waiting, and starting a program with its log."""
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

FAILURES = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(base, path, method="GET", body=None, headers=None):
    """Status and text, whatever the status is. `body` is bytes."""
    request = urllib.request.Request(base + path, method=method, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(what, holds, limit=60):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if holds():
                return True
        except OSError:
            pass
        time.sleep(0.1)
    FAILURES.append(f"never came: {what}")
    return False


class Program:
    def __init__(self, name, arguments, folder):
        self.log = open(os.path.join(folder, name + ".log"), "ab")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)
