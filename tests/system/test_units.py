# SPDX-License-Identifier: Apache-2.0
"""The installed units under a real systemd: the daemon does its work as closed in as it is."""

import time

SOCKET_STAT = "stat -c '%U:%G %a' {}/rpc.sock"


def test_a_worker_comes_and_goes(pool):
    pool.systemctl("start")
    assert pool.show("ActiveState") == "active"
    pool.ctl("up bot1 --wait running --timeout 30s")
    assert pool.phase("bot1") == "waiting"
    pool.ctl("attached bot1")
    assert pool.phase("bot1") == "ready"
    pool.ctl("down bot1 --timeout 30s")
    assert pool.phase("bot1") is None


def test_no_call_is_filtered(pool):
    """With death as the filter's answer everything still works."""
    pool.drop_in("service", "[Service]\nSystemCallErrorNumber=kill\n")
    pool.systemctl("start")
    pool.ctl("up bot1 bot2 --wait running --timeout 30s")
    pool.systemctl("reload")
    pool.ctl("down bot1 bot2 --timeout 30s")
    pool.systemctl("stop")
    assert (pool.show("Result"), pool.show("NRestarts")) == ("success", "0")


def test_the_filter_is_there(pool):
    pool.systemctl("start")
    status = pool.machine.output(f"cat /proc/{pool.show('MainPID')}/status")
    assert "\nSeccomp:\t2\n" in status
    assert "\nNoNewPrivs:\t1\n" in status
    for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
        assert f"\nCap{kind}:\t0000000000000000\n" in status


def test_restart_leaves_workers_alone(pool):
    pool.systemctl("start")
    pool.ctl("up bot1 --wait running --timeout 30s")
    before = pool.ctl("--json show bot1").stdout
    pool.systemctl("restart")
    instance = before.split('"id":"')[1].split('"')[0]
    assert f'"id":"{instance}"' in pool.ctl("--json show bot1").stdout
    pool.ctl("down bot1 --timeout 30s")


def test_killed_it_comes_back(pool):
    pool.systemctl("start")
    pid = pool.show("MainPID")
    pool.machine.run(f"kill -KILL {pid}")
    pool.machine.wait_until(f"test $(systemctl show -P MainPID {pool.unit}) -ne {pid}"
                            f" && systemctl is-active {pool.unit}")
    pool.ctl("list")
    assert pool.show("NRestarts") == "1"


def test_hanging_it_is_ended_by_the_watchdog(pool):
    pool.drop_in("service", "[Service]\nWatchdogSec=2\n")
    pool.systemctl("start")
    time.sleep(3)
    assert pool.show("NRestarts") == "0"
    pool.machine.run(f"kill -STOP {pool.show('MainPID')}")
    pool.machine.wait_until(f"test $(systemctl show -P NRestarts {pool.unit}) -eq 1"
                            f" && systemctl is-active {pool.unit}")


def test_clients_wait_across_a_restart(pool):
    """The socket is systemd's, so a call made while nobody runs is answered by who comes."""
    pool.systemctl("start")
    pool.systemctl("stop")
    pool.ctl("list")
    assert pool.show("ActiveState") == "active"


def test_bad_configuration_is_not_tried_again(pool):
    pool.write_config(surprise=1)
    assert pool.systemctl("start", check=False).returncode != 0
    time.sleep(2)
    assert pool.show("ActiveState") == "failed"
    assert (pool.show("ExecMainStatus"), pool.show("NRestarts")) == ("78", "0")
    log = pool.machine.output(f"journalctl --no-pager -u {pool.unit}")
    assert "surprise: unknown key" in log


def test_bad_reload_says_so(pool):
    pool.systemctl("start")
    pool.write_config(surprise=1)
    assert pool.systemctl("reload", check=False).returncode != 0
    pool.ctl("list")
    pool.write_config(workers={"bot1": {}, "other": {}})
    pool.systemctl("reload")
    pool.ctl("show other")


def test_files_are_its_own(pool):
    pool.systemctl("start")
    modes = pool.machine.output("stat -c '%n %U %a' /var/lib/ec2workerd /var/lib/ec2workerd/*")
    for line in modes.splitlines():
        path, owner, mode = line.split()
        assert (owner, mode) == ("ec2workerd", "700" if path == "/var/lib/ec2workerd" else "600"), line


def test_group_of_the_socket_stays(pool):
    """Whose group a drop-in lets in may still connect after the service has been started."""
    pool.drop_in("socket", "[Socket]\nSocketGroup=buildbot\n")
    pool.systemctl("start")
    assert pool.machine.output(SOCKET_STAT.format(pool.directory)) == "root:buildbot 660"
    pool.ctl("up bot1 --wait running --timeout 30s", user="buildbot")
    assert pool.ctl("reload", user="buildbot", check=False).returncode == 4
    assert pool.ctl("list", user="stranger", check=False).returncode == 4
    pool.systemctl("restart")
    assert pool.machine.output(SOCKET_STAT.format(pool.directory)) == "root:buildbot 660"
    pool.ctl("down bot1 --timeout 30s", user="buildbot")


def test_without_the_socket_unit(pool):
    pool.machine.run(f"systemctl mask --runtime {pool.unit}.socket")
    try:
        pool.systemctl("start")
        assert pool.machine.output(SOCKET_STAT.format(pool.directory)) == "ec2workerd:ec2workerd 660"
        pool.ctl("list")
    finally:
        pool.machine.run(f"systemctl unmask --runtime {pool.unit}.socket")


def test_two_pools_beside_the_first(make_pool):
    pools = [make_pool(), make_pool("linux"), make_pool("windows-2")]
    for pool in pools:
        pool.systemctl("start")
    for pool in pools:
        assert pool.show("ActiveState") == "active"
        pool.ctl("up bot1 --wait running --timeout 30s")
    for pool in pools:
        version = pool.ctl("version").stdout
        assert pool.config["pool"] in version
        pool.systemctl("reload")
        pool.ctl("down bot1 --timeout 30s")
    owners = pools[1].machine.output("stat -c '%U' /run/ec2workerd/*/ /var/lib/ec2workerd/*/")
    assert owners.split() == ["ec2workerd"] * 4


def test_pool_in_the_wrong_place(make_pool):
    """A pool of the template that forgot state_dir may not touch the first one's ledger."""
    pool = make_pool("linux", state_dir="/var/lib/ec2workerd")
    assert pool.systemctl("start", check=False).returncode != 0
    assert pool.show("ExecMainStatus") == "78"


def test_enabled_units_are_both(pool):
    pool.machine.run("systemctl enable ec2workerd.service")
    try:
        assert pool.machine.output("systemctl is-enabled ec2workerd.service ec2workerd.socket").split() \
            == ["enabled", "enabled"]
    finally:
        pool.machine.run("systemctl disable ec2workerd.service ec2workerd.socket")


def test_a_restart_is_no_boot(pool):
    """The kernel's boot_id is hidden from it, so it keeps a name of its own until the next boot."""
    pool.systemctl("start")
    boot = f"{pool.directory}/boot"
    assert pool.machine.output(f"stat -c '%U %a' {boot}") == "ec2workerd 600"
    name = pool.machine.output(f"cat {boot}")
    pool.systemctl("restart")
    assert pool.machine.output(f"cat {boot}") == name
