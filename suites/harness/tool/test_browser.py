"""What a browser of a flow trusts: one key, which was verified, and nothing that nobody verified."""

import pytest

from fixtures import browser


@pytest.mark.parametrize(
    ("url", "verify", "arguments"),
    [
        ("http://10.0.0.1:6080/vnc_lite.html", True, ()),
        ("https://10.0.0.1:6080/vnc_lite.html", False, ("--ignore-certificate-errors",)),
        ("https://10.0.0.1:6080/", "/ca.pem", ("--ignore-certificate-errors-spki-list=10.0.0.1:6080 by /ca.pem",)),
        ("https://cloud.example/", True, ("--ignore-certificate-errors-spki-list=cloud.example:443 by ",)),
    ],
)
def test_a_browser_trusts_the_key_that_was_verified(monkeypatch, url, verify, arguments):
    monkeypatch.setattr(browser, "pin", lambda host, port, ca: f"{host}:{port} by {ca}")
    assert browser.trusting(url, verify) == arguments
