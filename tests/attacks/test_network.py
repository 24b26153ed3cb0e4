"""Attacks 39 and 40: hostile code looks for a way out where no network was allowed."""

import os
import socket
import threading

import pytest

from tests.attacks.attacker import Attacker

REACH = """
import socket, sys
port, abstract = int(sys.argv[1]), sys.argv[2]
def attempt(what, action):
    try:
        action()
        print("reached", what)
    except OSError as error:
        print("failed")
places = ("127.0.0.1", port), ("1.1.1.1", 53), ("169.254.169.254", 80), ("10.0.0.1", 22)
for host, number in places:
    attempt(host, lambda: socket.create_connection((host, number), 2))
attempt("IPv6", lambda: socket.create_connection(("2606:4700:4700::1111", 53), 2))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("UDP", lambda: udp.sendto(b"x", ("1.1.1.1", 53)))
udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
attempt("broadcast", lambda: udp.sendto(b"x", ("255.255.255.255", 67)))
attempt("DNS", lambda: socket.getaddrinfo("example.com", 80))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + abstract))
print(socket.if_nameindex())
"""


@pytest.mark.attack(39)
async def test_39_no_address_of_the_machine_its_network_or_the_internet_is_reached(
    box: Attacker,
) -> None:
    abstract = f"threadwright-{os.getpid()}-{threading.get_ident()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{abstract}")
        local.listen()
        await box.backend.write(box.ref, "reach.py", REACH.encode(), 1)
        port = server.getsockname()[1]

        assert await box.output(f"python3 reach.py {port} {abstract}") == (
            "failed\n" * 9 + "[(1, 'lo')]\n"
        )


FAMILIES = """
import errno, socket
def attempt(*arguments):
    try:
        socket.socket(*arguments)
        print("made", *arguments)
    except OSError as error:
        print(errno.errorcode[error.errno])
for family in range(1, 64):
    if family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        attempt(family, socket.SOCK_DGRAM)
for family in (64, 1000, 1 << 20):
    attempt(family, socket.SOCK_DGRAM)
for protocol in range(1, 23):
    attempt(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
"""
RAW = """
import ctypes, errno, socket
for family, protocol in ((socket.AF_INET, 1), (socket.AF_INET, 255), (socket.AF_INET6, 58)):
    try:
        socket.socket(family, socket.SOCK_RAW, protocol)
        print("made")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


@pytest.mark.attack(40)
async def test_40_only_four_families_of_sockets_can_be_made(box: Attacker) -> None:
    """Among the refused: vsock, which knows no network namespaces and reaches the hypervisor."""
    answers = (await box.prints(FAMILIES)).split("\n")[:-1]

    assert set(answers) == {"EAFNOSUPPORT"}
    assert len(answers) == 59 + 3 + 22


@pytest.mark.attack(40)
async def test_40_raw_sockets_are_refused(box: Attacker) -> None:
    assert await box.prints(RAW) == "EPERM\n" * 3


@pytest.mark.attack(40)
async def test_40_a_family_with_bits_the_kernel_ignores_is_refused_too(box: Attacker) -> None:
    program = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 41, "aarch64": 198}[__import__("os").uname().machine]
for family in (40 | 1 << 32, 17 | 1 << 63):
    result = libc.syscall(ctypes.c_long(number), ctypes.c_ulong(family), 2, 0)
    print(result, errno.errorcode[ctypes.get_errno()])
"""
    assert await box.prints(program) == "-1 EAFNOSUPPORT\n" * 2
