"""Free ports as the system gives them."""

from __future__ import annotations

from contractline.stack.ports import free_ports, is_free


def test_no_two_names_get_the_same_port():
    chosen = free_ports(str(number) for number in range(300))

    assert len(set(chosen.values())) == 300
    assert all(is_free(port) for port in chosen.values())
