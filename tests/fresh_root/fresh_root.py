"""A fresh Debian root in a folder, that reaches package registries the way this machine does.

Everything mounted for it lives in a mount namespace of this process (see show.py), so nothing stays mounted and nothing
of the machine can be written from inside: /proc is the namespace's own, /sys is read-only, /dev holds only the nodes
that debootstrap makes.
"""
import glob
import os
import re
import shutil
import subprocess

SUITE = "bookworm"
FIRST_PACKAGES = "git,make,ca-certificates"  # all that a newcomer's machine is supposed to have
AUTHORITIES = "/usr/local/share/ca-certificates"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How clients of registries are told where and how to ask.
CARRIED_VARIABLES = re.compile(r"(?i)^((https?|ftp|no|all)_proxy|npm_config_.*|pip_.*|node_extra_ca_certs|ssl_cert_(file|dir)|"
                               r"curl_ca_bundle|requests_ca_bundle|git_ssl_cainfo|hf_endpoint)$")
CARRIED_FILES = ["/etc/resolv.conf", "/etc/apt/auth.conf", "/etc/apt/auth.conf.d", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings",
                 "/etc/npmrc", "/etc/pip.conf", AUTHORITIES]
CARRIED_HOME_FILES = [".npmrc", ".config/pip", ".pip"]


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def debian_sources():
    """[(mirror, suite)] of this machine's apt, those of this Debian alone."""
    listed = output_of("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    sources = {tuple(line.split()[:2]) for line in listed.splitlines() if line.endswith(" main")}
    return sorted(source for source in sources if source[1].split("-")[0].split("/")[0] == SUITE)


def copy_into(root, path, target=None):
    target = os.path.join(root, (target or path).lstrip("/"))
    if os.path.isdir(path):
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif os.path.exists(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)


class FreshRoot:
    """root.inside: the words before a command to run it inside; root.env: its environment."""

    def __init__(self, folder):
        self.folder = folder
        self.inside = ["chroot", folder]
        self.env = {"HOME": "/root", "PATH": PATH, "TERM": "dumb", "LANG": "C.UTF-8",
                    **{name: value for name, value in os.environ.items() if CARRIED_VARIABLES.match(name)}}

    def make(self):
        sources = debian_sources()
        mirror = [uri for uri, suite in sources if suite == SUITE][:1]  # of another Debian: debootstrap's own choice
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={FIRST_PACKAGES}", SUITE, self.folder, *mirror],
                       stdout=subprocess.DEVNULL, check=True)
        if mirror:
            with open(os.path.join(self.folder, "etc/apt/sources.list"), "w", encoding="ascii") as file:
                file.writelines(f"deb {uri} {suite} main\n" for uri, suite in sources)

    def mount(self):
        # A root that is a mount of its own, as a machine's is: mount namespaces made inside need one.
        subprocess.run(["mount", "--bind", self.folder, self.folder], check=True)
        for kind, place, options in (("proc", "proc", "nosuid"), ("sysfs", "sys", "ro,nosuid"), ("devpts", "dev/pts", "nosuid"),
                                     ("tmpfs", "dev/shm", "nosuid"), ("tmpfs", "tmp", "nosuid")):
            subprocess.run(["mount", "-t", kind, "-o", options, kind, os.path.join(self.folder, place)], check=True)

    def carry_configuration(self):
        for path in CARRIED_FILES:
            copy_into(self.folder, path)
        for name in CARRIED_HOME_FILES:
            copy_into(self.folder, os.path.join(os.path.expanduser("~"), name), os.path.join("/root", name))
        # A certificate file of another place than Debian's own goes to that same place.
        for name, value in self.env.items():
            if value.startswith("/") and os.path.isfile(value) and not value.startswith("/etc/ssl/certs/"):
                copy_into(self.folder, value)
        settings = [line for line in output_of("apt-config", "dump").splitlines()
                    if re.match(r"Acquire::(https?|ftp|Check-|Retries|ForceIPv)", line)]
        with open(os.path.join(self.folder, "etc/apt/apt.conf.d/90as-outside"), "w", encoding="utf-8") as file:
            file.write("\n".join(settings) + "\n")
        if glob.glob(os.path.join(self.folder, AUTHORITIES.lstrip("/"), "*.crt")):
            self.run("update-ca-certificates", stdout=subprocess.DEVNULL)

    def run(self, *command, **options):
        return subprocess.run([*self.inside, *command], env=self.env, check=True, **options)
