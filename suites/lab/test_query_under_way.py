"""The VIP moves during a query, whose answer can no longer arrive: the client notices the loss within seconds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.facts import pacemaker
from deploy.wait import until
from fixtures.drills.faults.maintenance import Maintenance
from fixtures.drills.run.runner import tidy

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

TAKES, NOTICED = 20, 12
"""Seconds the query takes, and seconds until the client notices the lost connection (templates/base: keepalive)."""
ASK = """
import pymysql
connection = pymysql.connect(host="{address}", user="nova", password="{password}", database="nova")
try:
    connection.cursor().execute("SELECT SLEEP({takes})")
    print("answered")
except pymysql.err.OperationalError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def move(site, haproxy):
    made = Maintenance(site).move("vip", pacemaker.holder(site.members("pacemaker"), "vip"))
    yield made
    for undo in made.undos:
        undo.insist(site)
    tidy(site)


def test_the_waiting_client_notices_that_the_connection_is_lost(site, move):
    *_, client = site.members("haproxy").without(move.victim).values()
    script = ASK.format(address=site.cluster.vip, password=site.secrets["galera.nova"], takes=TAKES)
    with ThreadPoolExecutor() as pool:
        result = pool.submit(client.run, "exec timeout %s python3 -", NOTICED, stdin=script, timeout=NOTICED + 10)
        until(
            lambda: f"SLEEP({TAKES})" in site.members("galera").first.check("mariadb -e 'SHOW PROCESSLIST'"),
            timeout=NOTICED / 2,
            interval=0.2,
            what="the query",
            expected="under way",
        )
        move.inject()
    assert "Lost connection" in result.result().out
    assert move.effect()
