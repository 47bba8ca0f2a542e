"""Dashboard: Horizon's settings are read from Python without running it, and a page names the files that it loads."""

import pytest

from deploy.facts import dashboard

TEXT = """
from openstack_dashboard.settings import HORIZON_CONFIG
DEBUG = True
DEBUG = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HORIZON_CONFIG["password_autocomplete"] = "off"
SECRET_KEY = "known"
SECRET_KEY = secret_key.generate_or_read_from_file("/")
"""


def test_the_last_literal_of_each_name_counts_and_an_expression_is_not_known():
    assert dashboard.parse(TEXT) == {
        "DEBUG": False,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "HORIZON_CONFIG.password_autocomplete": "off",
    }


@pytest.mark.parametrize("text", ["", "garbage\n", "a b\tc\n", "DEBUG = \n", "\0", 'X[1] = 2\nX["a"]["b"] = 3\n'])
def test_garbage_sets_nothing(text):
    assert dashboard.parse(text) == {}


def test_a_page_loads_each_of_its_static_files_once():
    style = '<link href="/static/a.css">'
    page = f'{style}<script src="/static/b.js"></script><a href="/auth/">x</a>{style}'
    assert dashboard.links(page) == ("/static/a.css", "/static/b.js")
