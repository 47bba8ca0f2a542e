"""A query is under way when the VIP leaves: no answer can come any more, and who asked is told so within seconds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.facts import pacemaker
from deploy.wait import until
from fixtures.drills.faults.maintenance import Maintenance
from fixtures.drills.run.runner import tidy

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

TAKES, TOLD = 20, 12
"""Seconds the query takes, which is answered to nobody; and until who asked knows (templates/base: keepalive)."""
ASK = """
import pymysql
there = pymysql.connect(host="{address}", user="nova", password="{password}", database="nova")
try:
    there.cursor().execute("SELECT SLEEP({takes})")
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


def test_who_waits_for_an_answer_is_told_that_there_is_none(site, move):
    *_, asker = site.members("haproxy").without(move.victim).values()
    asked = ASK.format(address=site.cluster.vip, password=site.secrets["galera.nova"], takes=TAKES)
    with ThreadPoolExecutor() as pool:
        told = pool.submit(asker.run, "exec timeout %s python3 -", TOLD, stdin=asked, timeout=TOLD + 10)
        until(
            lambda: f"SLEEP({TAKES})" in site.members("galera").first.check("mariadb -e 'SHOW PROCESSLIST'"),
            timeout=TOLD / 2,
            interval=0.2,
            what="the query",
            expected="under way",
        )
        move.inject()
    assert "Lost connection" in told.result().out
    assert move.effect()
