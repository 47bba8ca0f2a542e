"""A tenant uses the dashboard with a real browser: signs in, launches an instance, opens its console, and signs out."""

import pytest

from deploy import cloud
from deploy.content import IMAGE, NETWORK
from deploy.facts import dashboard
from deploy.wait import until
from fixtures.browser import COLOURS, PATIENCE, chromium, trusting, waiting
from fixtures.instances import ACTIVE, TENANT_CIDR
from fixtures.offers import FLAVOR
from fixtures.reporting import folder

SCRIPTS_RAN = "return typeof window.horizon === 'object' && typeof window.angular === 'object'"
INSTANCES = "/project/instances/"
WIZARD = "//div[contains(@class,'ng-wizard')]"
STEP = f"{WIZARD}//div[contains(concat(' ',@class,' '),' step ') and not(contains(@class,'ng-hide'))]"
"""The step of the wizard that is shown."""
pytestmark = [pytest.mark.flow, pytest.mark.project("horizon", "nova", "content")]
needs_instances = pytest.mark.project("nova-compute", "neutron-agents")


@pytest.fixture(scope="module")
def browser(site, horizon, tmp_path_factory):
    """A browser that accepts the VIP's own key, and no other certificate that it cannot verify."""
    url = site.addresses.api("horizon").url()
    opened = chromium(tmp_path_factory.mktemp("chromium"), *trusting(url, site.ca or True))
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


def test_tenant_signs_in(browser, page, site):
    page(dashboard.SIGN_IN)
    browser.find_element("id", "id_username").send_keys(cloud.DEMO)
    browser.find_element("id", "id_password").send_keys(site.secrets[f"keystone.{cloud.DEMO}"])
    browser.find_element("id", "loginBtn").click()
    waiting(browser).until(lambda one: dashboard.SIGN_IN not in one.current_url, "the form came back")
    assert browser.find_element("class name", "context-project").text == cloud.DEMO


@pytest.mark.parametrize(("path", "title"), [(INSTANCES, "Instances"), ("/project/images", "Images")])
def test_page_is_there_and_its_scripts_run(page, path, title):
    assert page(path).startswith(title)


@pytest.fixture(scope="module")
def network(site, demo):
    """The name of a network for instances: the tenant's own, or everybody's where tenants make none."""
    if not site.cluster.options.tenant_networks:
        return NETWORK
    api = demo.session.network
    with cloud.explained("creating a network"):
        made = demo.made("network", api.create_network(name=demo.name("network")), api.delete_network)
        api.create_subnet(name=demo.name("subnet"), network_id=made.id, ip_version=4, cidr=TENANT_CIDR)
    return made.name


@pytest.fixture(scope="module")
def launched(site, browser, page, demo, network):
    """The instance that the tenant launched by the wizard, once it is active."""
    api, name = demo.session.compute, demo.name("wizard")
    page(INSTANCES)
    demo.made("instance", name, lambda each: removed(api, each))
    press(browser, "//*[@id='instances__action_launch-ng']")
    waiting(browser).until(lambda one: shown(one, f"{WIZARD}//input[@id='name']"), "the wizard did not open")
    shown(browser, f"{WIZARD}//input[@id='name']").send_keys(name)
    step(browser, "Source")
    if site.catalogue.has("cinder"):
        press(browser, f"{STEP}//label[@id='vol-create'][normalize-space()='No']")
    take(browser, IMAGE)
    step(browser, "Flavor")
    take(browser, FLAVOR)
    step(browser, "Networks")
    take(browser, network)
    press(browser, f"{WIZARD}//button[contains(@class,'finish')]")
    waiting(browser).until(lambda one: not one.find_elements("xpath", WIZARD), "the wizard did not close")

    def read():
        with cloud.explained("reading the instance"):
            found = api.find_server(name)
            return api.get_server(found) if found else None

    return until(
        read,
        ready=lambda found: found is not None and found.status == "ACTIVE",
        error=lambda found: found is not None and found.status == "ERROR",
        timeout=ACTIVE,
        interval=1,
        what=f"instance {name}",
        expected="ACTIVE",
        hint="the journals of horizon and nova-api on the controllers; nova-compute's log has the reason",
    )


def shown(browser, xpath):
    """The first element there that is displayed; None where there is none, or where the page replaces it just now."""
    failed = pytest.importorskip("selenium.common.exceptions").WebDriverException
    try:
        return next((each for each in browser.find_elements("xpath", xpath) if each.is_displayed()), None)
    except failed:
        return None


def press(browser, xpath):
    """Click an element, once it is there and nothing covers it."""
    failed = pytest.importorskip("selenium.common.exceptions").WebDriverException

    def pressed(one):
        found = shown(one, xpath)
        try:
            if not found or not found.is_enabled():
                return False
            found.click()
        except failed:
            return False
        return True

    waiting(browser).until(pressed, f"could not be clicked: {xpath}")


def step(browser, title):
    """Go to a step of the wizard."""
    press(browser, f"{WIZARD}//li[contains(@class,'nav-item')]/a[span[normalize-space()='{title}']]")


def take(browser, name):
    """Take an item of that name in the step that is shown; the only one that there is may be taken already."""
    row = f"//tr[td[normalize-space()='{name}']]"
    taken, offered = f"{STEP}//div[contains(@class,'transfer-allocated')]{row}", f"{STEP}{row}"
    waiting(browser).until(lambda one: shown(one, offered), f"the wizard does not offer {name}")
    if not shown(browser, taken):
        press(
            browser, f"{STEP}//div[contains(@class,'transfer-available')]{row}//button[contains(@class,'fa-arrow-up')]"
        )
    waiting(browser).until(lambda one: shown(one, taken), f"{name} was not taken")


def removed(api, name):
    """Delete the server of that name, if there is one, and wait until it is gone."""
    if found := api.find_server(name):
        api.delete_server(found, ignore_missing=True)
        api.wait_for_delete(found, interval=1, wait=90)


@needs_instances
def test_tenant_launches_an_instance_by_the_wizard(browser, page, launched):
    page(INSTANCES)
    listed = f"//tr[contains(@id,'{launched.id}')]"
    waiting(browser).until(lambda one: shown(one, listed), f"the page does not list {launched.name}")


@needs_instances
def test_console_of_the_instance_draws(browser, page, launched, pytestconfig):
    page(f"{INSTANCES}{launched.id}/?tab=instance_details__console")
    waiting(browser).until(lambda one: shown(one, "//iframe[@id='console_embed']"), "the page has no console")
    browser.switch_to.frame("console_embed")
    try:
        waiting(browser).until(lambda one: one.execute_script(COLOURS) > 1, "the console stayed empty")
    finally:
        browser.switch_to.default_content()
        browser.save_screenshot(str(folder(pytestconfig) / "console.png"))


@needs_instances
def test_tenant_deletes_the_instance(browser, page, demo, launched):
    page(INSTANCES)
    press(browser, f"//tr[.//button[@value='instances__delete__{launched.id}']]//a[contains(@class,'dropdown-toggle')]")
    press(browser, f"//button[@value='instances__delete__{launched.id}']")
    press(
        browser,
        "//div[contains(@class,'modal')]//div[contains(@class,'modal-footer')]/a[contains(@class,'btn-danger')]",
    )

    def there():
        with cloud.explained("reading the instance"):
            return demo.session.compute.find_server(launched.id) is not None

    until(there, ready=lambda found: not found, timeout=PATIENCE, interval=1, what="the instance", expected="deleted")


def test_tenant_signs_out(browser, page):
    page(dashboard.SIGN_OUT)
    assert dashboard.SIGN_IN in browser.current_url
    page("/project/")
    assert dashboard.SIGN_IN in browser.current_url


def test_browser_without_the_authority_is_not_let_in(site, horizon, tmp_path):
    """It shows its own warning, and nothing of the dashboard."""
    address = site.addresses.api("horizon")
    if address.scheme != "https":
        pytest.skip('the dashboard has no certificate to refuse: tls = "vip" in the inventory gives it one')
    if not site.ca:
        pytest.skip(
            "every browser trusts the certificate that [certificate] of the inventory names; without that table the "
            "build makes an authority of its own, which a browser can refuse"
        )
    failed = pytest.importorskip("selenium.common.exceptions").WebDriverException
    stranger = chromium(tmp_path)
    try:
        try:
            stranger.get(address.url(dashboard.SIGN_IN))
        except failed as refused:
            assert "CERT" in str(refused).upper()  # noqa: PT017 - some versions only show the warning
        assert not stranger.find_elements("id", "id_username")
    finally:
        stranger.quit()
