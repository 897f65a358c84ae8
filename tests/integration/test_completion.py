# SPDX-License-Identifier: Apache-2.0
"""
The scripts of the three shells: each shell reads its own and completes with it, as `make
install` puts it, at a prompt where Tab is pressed.
"""

import os
import re
import shutil
import subprocess

import pytest

import installed
from daemon import BUILD, clean_environment
from terminal import Terminal

PROMPT = "prompt> "

# What is typed before Tab, and what the line is then.
LINES = [
    ("ec2workerctl sho", "ec2workerctl show "),
    ("ec2workerctl build-f", "ec2workerctl build-finished "),
    ("ec2workerctl show bo", "ec2workerctl show bot1 "),
    ("ec2workerctl up bot1 linux-", "ec2workerctl up bot1 linux-0"),
    ("ec2workerctl up bot1 --wait ru", "ec2workerctl up bot1 --wait running "),
    ("ec2workerctl up bot1 --wait=ru", "ec2workerctl up bot1 --wait=running "),
    ("ec2workerctl up --tim", "ec2workerctl up --timeout "),
    ("ec2workerctl call daemon.v", "ec2workerctl call daemon.version "),
    ("ec2workerctl events --types phase,hol", "ec2workerctl events --types phase,hold "),
    ("ec2workerctl watch zz", "ec2workerctl watch zz"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """An installation in a directory of its own."""
    path = tmp_path_factory.mktemp("installed")
    installed.make("install", DESTDIR=path, prefix="/usr")
    return path / "usr"


def shell(name):
    path = shutil.which(name)
    assert path is not None, f"{name} is missing; tools/install-deps test installs it"
    return path


def environment(daemon, tree, **more):
    return clean_environment(
        PATH=f"{BUILD}:/usr/bin:/bin", EC2WORKERD_SOCKET=str(daemon.socket), TERM="xterm",
        HOME=str(daemon.directory), XDG_DATA_DIRS=f"{tree}/share:/usr/share", LANG="C.UTF-8",
        **more)


def bash(daemon, tree):
    """The package bash-completion finds the script where it is installed."""
    rc = daemon.directory / "bashrc"
    rc.write_text(". /usr/share/bash-completion/bash_completion\n"
                  "bind 'set enable-bracketed-paste off'\n"
                  f"PS1='{PROMPT}'\n")
    return Terminal([shell("bash"), "--noprofile", "--rcfile", rc, "-i"],
                    environment(daemon, tree))


def bash_alone(daemon, tree):
    """Nor is that package needed."""
    rc = daemon.directory / "bashrc"
    rc.write_text(". <(ec2workerctl completion bash)\n"
                  "bind 'set enable-bracketed-paste off'\n"
                  f"PS1='{PROMPT}'\n")
    return Terminal([shell("bash"), "--noprofile", "--rcfile", rc, "-i"],
                    environment(daemon, tree))


def zsh(daemon, tree):
    rc = daemon.directory / ".zshrc"
    rc.write_text(f"fpath=({tree}/share/zsh/site-functions $fpath)\n"
                  "autoload -U compinit; compinit -u -D\n"
                  f"PS1='{PROMPT}'; unsetopt prompt_sp\n")
    return Terminal([shell("zsh"), "-d", "-i"],
                    environment(daemon, tree, ZDOTDIR=str(daemon.directory)))


def zsh_alone(daemon, tree):
    rc = daemon.directory / ".zshrc"
    rc.write_text("autoload -U compinit; compinit -u -D\n"
                  ". <(ec2workerctl completion zsh)\n"
                  f"PS1='{PROMPT}'; unsetopt prompt_sp\n")
    return Terminal([shell("zsh"), "-d", "-i"],
                    environment(daemon, tree, ZDOTDIR=str(daemon.directory)))


def at_prompt(terminal):
    return terminal.lines() and terminal.lines()[-1].startswith(PROMPT.rstrip())


def line_of(terminal):
    """The line being edited, with the blanks up to the cursor."""
    cursor = terminal.screen.cursor
    return terminal.screen.display[cursor.y][len(PROMPT):cursor.x]


@pytest.mark.parametrize("start", [bash, bash_alone, zsh, zsh_alone])
def test_tab(daemon, tree, start):
    with start(daemon, tree) as terminal:
        terminal.until(at_prompt)
        for typed, completed in LINES:
            terminal.type(typed)
            terminal.until(lambda t: line_of(t) == typed)
            terminal.type("\t")
            terminal.until(lambda t: line_of(t) == completed)
            terminal.type("\x15")  # the line is thrown away
            terminal.until(lambda t: line_of(t) == "")


@pytest.mark.parametrize("start", [bash, zsh])
def test_tab_tab_shows_all(daemon, tree, start):
    with start(daemon, tree) as terminal:
        terminal.until(at_prompt)
        terminal.type("ec2workerctl down linux-0\t" + ("\t" if start is bash else ""))
        terminal.until(lambda t: set(re.findall(r"linux-\d\d", t.text())) == {
            "linux-01", "linux-02", "linux-03"})
        assert "bot1" not in terminal.text()
        assert ("not_substantiated" in terminal.text()) == (start is zsh)


@pytest.mark.parametrize("start", [bash, zsh])
def test_files(daemon, tree, start):
    (daemon.directory / "only-this-file").touch()
    with start(daemon, tree) as terminal:
        terminal.until(at_prompt)
        terminal.type(f"ec2workerctl -s {daemon.directory}/only-\t")
        terminal.until(lambda t: line_of(t).startswith(
            f"ec2workerctl -s {daemon.directory}/only-this-file"))


@pytest.mark.parametrize("start", [bash, zsh])
def test_without_daemon(daemon, tree, start):
    """Nothing is offered, nothing is said, and no file is offered for a worker."""
    daemon.stop()
    with start(daemon, tree) as terminal:
        terminal.until(at_prompt)
        terminal.type("ec2workerctl show bo\t\t")
        terminal.type("x")
        terminal.until(lambda t: line_of(t) == "ec2workerctl show box")
        assert terminal.lines() == [f"{PROMPT}ec2workerctl show box"]


def fish(daemon, tree, line, *, source=False):
    """What fish would complete a line to: {candidate: description}."""
    script = f"{tree}/share/fish/vendor_completions.d/ec2workerctl.fish"
    command = f"complete -C '{line}'"
    alone = ["--no-config", "-c", f"source {script}; {command}"]
    done = subprocess.run([shell("fish"), *(alone if source else ["-c", command])],
                          capture_output=True, text=True, env=environment(daemon, tree),
                          check=True)
    assert done.stderr == ""
    return dict(row.partition("\t")[::2] for row in done.stdout.splitlines())


@pytest.mark.parametrize("typed, completed", LINES)
def test_fish(daemon, tree, typed, completed):
    found = fish(daemon, tree, typed, source=True)
    if not completed.endswith(" "):
        assert set(found) == ({"linux-01", "linux-02", "linux-03"} if "linux" in typed else set())
    else:
        assert list(found) == [completed.split()[-1]]


def test_fish_finds_the_script(daemon, tree):
    """Where it is installed, by XDG_DATA_DIRS alone."""
    assert fish(daemon, tree, "ec2workerctl show b") == {"bot1": "not_substantiated"}


def test_fish_files(daemon, tree):
    (daemon.directory / "only-this-file").touch()
    found = fish(daemon, tree, f"ec2workerctl -s {daemon.directory}/only-", source=True)
    assert list(found) == [f"{daemon.directory}/only-this-file"]


def test_fish_describes(daemon, tree):
    verbs = fish(daemon, tree, "ec2workerctl ", source=True)
    assert verbs["stop"] == "Ends the daemon as on_stop says." and "complete" not in verbs


@pytest.mark.parametrize("name, check", [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_scripts_parse(daemon, name, check):
    code, script, err = daemon.ctl("completion", name)
    assert (code, err) == (0, "") and script
    path = daemon.directory / name
    path.write_text(script)
    done = subprocess.run([shell(name), check, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_by_its_variables(daemon, tree):
    """As bash calls the function, without any terminal."""
    def complete(*words):
        program = (". " + str(tree / "share/bash-completion/completions/ec2workerctl") +
                   '; COMP_WORDS=(ec2workerctl "$@"); COMP_CWORD=$#; '
                   '_ec2workerctl ec2workerctl "${@: -1}" "${COMP_WORDS[COMP_CWORD-1]}"; '
                   'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run([shell("bash"), "--norc", "-c", program, "bash", *words],
                              capture_output=True, text=True, check=True,
                              env=environment(daemon, tree))
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("wat") == ["watch"]
    assert complete("show", "") == ["bot1", "linux-01", "linux-02", "linux-03"]
    assert complete("up", "linux-01", "l") == ["linux-02", "linux-03"]
    assert complete("down", "--wait", "") == ["accepted", "stopped"]
    assert "--reason" in complete("down", "bot1", "--")
    assert set(complete("")) > {"up", "down", "events", "console"}


def test_workers_of_another_socket(daemon):
    """-s on the line goes before the environment."""
    done = subprocess.run(
        [BUILD / "ec2workerctl", "complete", "--", "-s", daemon.socket, "show", "b"],
        capture_output=True, text=True, check=True,
        env=clean_environment(EC2WORKERD_SOCKET="/nowhere/rpc.sock"))
    assert done.stdout == "bot1\tnot_substantiated\n" and done.stderr == ""


def test_path_needs_no_ec2workerctl(daemon, tree):
    """The program that is completed is the one that is asked."""
    path = os.path.relpath(BUILD / "ec2workerctl", daemon.directory)
    program = (f'. {tree}/share/bash-completion/completions/ec2workerctl; '
               f'COMP_WORDS=({path} show b); COMP_CWORD=2; _ec2workerctl {path} b show; '
               'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run([shell("bash"), "--norc", "-c", program], capture_output=True, text=True,
                          check=True, cwd=daemon.directory,
                          env=clean_environment(EC2WORKERD_SOCKET=str(daemon.socket)))
    assert done.stdout == "bot1\n"
