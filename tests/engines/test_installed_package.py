"""The Debian package on a bare Debian 12 that boots: installed with apt, served by systemd, used from outside, purged."""
import shutil

import pytest

from answered_click import click, expect_ball
from bare_system import APT, BareSystem, built


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Booted, with the package installed before; networks are its own from then on."""
    package = built("sagittal_*.deb")
    system = BareSystem(tmp_path_factory.mktemp("bare"), "package")
    try:
        shutil.copy(package, system.root / "root/sagittal.deb")
        system.run(f"apt-get update -q && {APT} install systemd-sysv && {APT} install /root/sagittal.deb")
        system.boot()
        system.wait_for(lambda: system.inside("systemctl", "is-active", "sagittal").returncode == 0, "the service")
        system.wait_for(lambda: system.inside("sagittal", "doctor", "--server", "http://127.0.0.1:1527").returncode == 0, "the server")
        yield system
    finally:
        system.remove()


def test_the_doctor_is_content(machine):
    asked = machine.inside("sagittal", "doctor")
    assert asked.returncode == 0 and "\n-- " not in "\n" + asked.stdout, asked.stdout
    assert "/usr/share/sagittal/models/sagittal-small" in asked.stdout


def test_the_service_is_enabled_and_runs_as_its_own_user(machine):
    assert machine.inside("systemctl", "is-enabled", "sagittal").stdout == "enabled\n"
    pid = machine.inside("systemctl", "show", "--property=MainPID", "--value", "sagittal").stdout.strip()
    status = machine.inside("cat", f"/proc/{pid}/status").stdout
    service = machine.inside("id", "-u", "sagittal").stdout.strip()
    assert f"Uid:\t{service}\t{service}" in status and "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_a_click_from_outside_is_answered_and_logged(machine):
    expect_ball(click(machine.leader()))
    log = machine.root / "var/log/sagittal/audit.jsonl"
    assert log.read_text().count("/prompts") == 1
    log.rename(log.with_suffix(".1"))
    assert machine.inside("systemctl", "reload", "sagittal").returncode == 0
    machine.wait_for(log.exists, "a new log")


def test_the_manual_completion_and_the_extension_are_there(machine):
    for name in ("man/man1/sagittal.1.gz", "man/man1/sagittal-hub-run.1.gz", "bash-completion/completions/sagittal", "doc/sagittal/copyright",
                 "doc/sagittal/changelog.gz", "sagittal/slicer/Sagittal/Sagittal.py", "sagittal/pipelines/phantom.yaml"):
        assert (machine.root / "usr/share" / name).stat().st_size > 100, name
    assert "phantom" in machine.inside("sagittal", "stream", "list").stdout


def test_a_key_closes_it_to_others(machine):
    made = machine.inside("sagittal", "key", "add", "alice", "--data-dir", "/var/lib/sagittal")
    assert made.returncode == 0, made.stderr
    machine.inside("systemctl", "restart", "sagittal")
    machine.wait_for(lambda: machine.inside("sagittal", "doctor", "--server", "http://127.0.0.1:1527").returncode == 0, "the server")
    with pytest.raises(AssertionError, match="401"):
        click(machine.leader())
    expect_ball(click(machine.leader(), made.stdout.strip()))


def test_a_wrong_setting_is_named_by_the_service(machine):
    settings = machine.root / "etc/sagittal/sagittal.conf"
    good = settings.read_text()
    settings.write_text(good + "prot = 1\n")
    machine.inside("systemctl", "restart", "sagittal")
    machine.wait_for(lambda: "/etc/sagittal/sagittal.conf: prot: there is no such option" in
                     machine.inside("journalctl", "-u", "sagittal").stdout, "the reason")
    settings.write_text(good)
    machine.inside("systemctl", "reset-failed", "sagittal")
    assert machine.inside("systemctl", "restart", "sagittal").returncode == 0


def test_purging_leaves_nothing_but_the_data(machine):
    """The last test of this machine."""
    purged = machine.inside("dpkg", "--purge", "sagittal")
    assert purged.returncode == 0, purged.stderr
    assert machine.inside("systemctl", "is-active", "sagittal").returncode != 0
    assert (machine.root / "var/lib/sagittal/state.db").exists() and (machine.root / "var/lib/sagittal/api_keys.json").exists()
    found = machine.inside("find", "/", "-xdev", "-name", "*sagittal*", "-not", "-path", "/proc/*").stdout.split()
    assert sorted(found) == ["/root/sagittal.deb", "/var/lib/sagittal"]
    named = machine.inside("grep", "-rl", "sagittal", "/etc").stdout.split()
    assert {name.rstrip("-") for name in named} <= {f"/etc/{base}" for base in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")}
    assert machine.inside("id", "-u", "sagittal").returncode == 0, "who owns the data"

    again = machine.inside("sh", "-c", "dpkg -i /root/sagittal.deb && systemctl stop sagittal && rm -r /var/lib/sagittal && dpkg --purge sagittal")
    assert again.returncode == 0, again.stderr
    assert machine.inside("id", "-u", "sagittal").returncode != 0 and not (machine.root / "var/lib/sagittal").exists()
