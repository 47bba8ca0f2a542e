"""A tenant uses the dashboard with a real browser: its pages load, their scripts run, and it signs in and out.

It needs Debian's packages chromium and chromium-driver on the runner, whose versions fit each other, and Selenium.
"""

import base64
import hashlib
import shutil
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy import cloud
from deploy.facts import dashboard

PATIENCE = 60
"""Seconds until a page is there; a browser on two busy cores starts slowly."""
PROGRAMS = ("chromium", "chromedriver")
SCRIPTS_RAN = "return typeof window.horizon === 'object' && typeof window.angular === 'object'"
pytestmark = [pytest.mark.deploy, pytest.mark.flow, pytest.mark.project("horizon", "nova", "content")]


def pin(address, ca):
    """The hash of the key of the certificate that the VIP serves, which was verified, as Chromium takes it."""
    with (
        socket.create_connection((address.host, address.port), timeout=10) as connected,
        ssl.create_default_context(cafile=ca or None).wrap_socket(connected, server_hostname=address.host) as secured,
    ):
        served = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
    key = served.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@pytest.fixture(scope="module")
def browser(site, horizon, tmp_path_factory):
    """Chromium without a window. It accepts the VIP's own key, and no other certificate that it cannot verify."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    found = [shutil.which(name) for name in PROGRAMS]
    if not all(found):
        pytest.skip("no browser on this machine: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    arguments = ["--headless=new", "--no-sandbox", "--no-proxy-server", "--disable-dev-shm-usage"]
    arguments += ["--window-size=1400,1000", f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]
    address = site.addresses.api("horizon")
    if address.scheme == "https":
        arguments.append(f"--ignore-certificate-errors-spki-list={pin(address, site.ca)}")
    for argument in arguments:
        options.add_argument(argument)
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(found[1]))
    opened.set_page_load_timeout(PATIENCE)
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def page(browser, site):
    """Opens a page of the dashboard, and waits until its scripts ran; returns its title."""
    url = site.addresses.api("horizon").url

    def opened(path):
        browser.get(url(path))
        waiting(browser).until(lambda one: one.execute_script(SCRIPTS_RAN), f"the scripts of {path} did not run")
        return browser.title

    return opened


def waiting(browser):
    return pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(browser, PATIENCE)


def test_tenant_signs_in(browser, page, site):
    page(dashboard.SIGN_IN)
    browser.find_element("id", "id_username").send_keys(cloud.DEMO)
    browser.find_element("id", "id_password").send_keys(site.secrets[f"keystone.{cloud.DEMO}"])
    browser.find_element("id", "loginBtn").click()
    waiting(browser).until(lambda one: dashboard.SIGN_IN not in one.current_url, "the form came back")
    assert browser.find_element("class name", "context-project").text == cloud.DEMO


@pytest.mark.parametrize(("path", "title"), [("/project/instances/", "Instances"), ("/project/images", "Images")])
def test_page_is_there_and_its_scripts_run(page, path, title):
    assert page(path).startswith(title)


def test_tenant_signs_out(browser, page):
    page(dashboard.SIGN_OUT)
    assert dashboard.SIGN_IN in browser.current_url
    page("/project/")
    assert dashboard.SIGN_IN in browser.current_url
