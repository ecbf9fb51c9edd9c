"""Webhook URLs that a submission accepts, judged by their text alone."""

from ipaddress import ip_address

import pytest

from app.errors import Invalid
from app.queue.webhooks.addresses import is_public
from app.queue.webhooks.urls import MAX_CHARACTERS, check_url, named_hosts, parse_url

HOSTS = named_hosts(" Hooks.internal, 10.1.2.3:8080 ,[::1]:9, localhost:9000, hooks.localhost")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com:8443/a/b?c=d&e=%20",
        "HTTPS://EXAMPLE.COM./x",
        "http://8.8.8.8/",
        "https://[2606:4700::1111]:444/",
        "http://xn--bcher-kva.example/",
        "http://under_score.example/",
        *("http://localhost:9000/", "http://hooks.localhost/", "http://localhost.example/", "http://notlocalhost/"),
        "http://hooks.internal:1234/",
        "http://10.1.2.3:8080/",
        "http://[::1]:9/",
        "https://example.com/" + "a" * (MAX_CHARACTERS - 20),
    ],
)
def test_a_good_url(url: str) -> None:
    """It is accepted."""
    check_url(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "/hook", "//example.com/", "http:example.com", "http:///x", "http://", "http://:80/"),
        *("ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)"),
        *("http://user@example.com/", "http://user:word@example.com/", "http://@example.com/"),
        *("http://example.com/#here", "http://example.com/#", "http://example.com\\@127.0.0.1/"),
        *("http://example.com:0/", "http://example.com:65536/", "http://example.com:x/", "http://example.com:-1/"),
        *(" http://example.com/", "http://example.com/a b", "http://example.com/\r\nX: 1", "http://exa\tmple.com/"),
        *("http://bücher.example/", "http://exam%70le.com/", "http://a..b/", "http://.a/", "http://a,b/"),
        *("http://" + "a" * 64 + ".example/", "http://" + "a." * 130 + "example/"),
        *("http://[::1", "http://[nope]/", "http://[fe80::1%25eth0]/", "http://[v1.x]/"),
        "https://example.com/" + "a" * (MAX_CHARACTERS - 19),
        *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/"),
        *("http://0/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://169.254.169.254/"),
        *("http://100.64.0.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://127.0.0.1./"),
        *("http://[::1]/", "http://[::]/", "http://[fe80::1]/", "http://[fc00::1]/", "http://[ff02::1]/"),
        *(
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
        ),
        *("http://localhost/", "http://LOCALHOST./", "http://localhost:9001/", "http://a.localhost/"),
        *("http://10.1.2.3/", "http://10.1.2.3:8081/", "http://[::1]:10/"),
    ],
)
def test_a_bad_url(url: str) -> None:
    """It is refused with the pointer, and the text does not quote it."""
    with pytest.raises(Invalid) as caught:
        check_url(url, HOSTS)
    assert [fault.pointer for fault in caught.value.faults] == ["/webhook/url"]
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "::ffff:8.8.8.8", "2a00::1"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    """Also IPv4 inside IPv6."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.8", "192.0.2.1", "198.18.0.1", "240.0.0.1", "192.88.99.1", "::ffff:10.0.0.1"),
        *("fec0::1", "::127.0.0.1", "100::1", "2001::1", "2001:db8::1", "3fff::1", "2002:808:808::1", "4000::1"),
        "fe80::1%eth0",
    ],
)
def test_an_address_for_a_special_purpose_is_not_public(address: str) -> None:
    """In every version of Python."""
    assert not is_public(ip_address(address))


def test_the_host_header_has_the_port_unless_it_is_the_default() -> None:
    """IPv6 addresses get brackets."""
    urls = ["http://a.example:80/", "https://a.example:443/", "https://a.example:80", "http://[2a00::1]:8080/"]
    assert [parse_url(url).authority for url in urls] == ["a.example", "a.example", "a.example:80", "[2a00::1]:8080"]


def test_the_path_is_sent_as_it_stands() -> None:
    """The query stays; nothing is decoded."""
    assert parse_url("http://a.example?x=%2F").path == "/?x=%2F"
    assert parse_url("http://a.example/a;b?c=?d").path == "/a;b?c=?d"
