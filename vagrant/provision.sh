# Makes this Debian machine a host for Ozwald; runs as root behind tests/lab/provision.sh, whose functions it
# calls. $1 is the public key that may log in.
set -eu
export DEBIAN_FRONTEND=noninteractive

command -v dockerd >/dev/null && command -v sshd >/dev/null || {
    apt-get update -q
    apt-get install -qy --no-install-recommends docker.io openssh-server
}

add_user ozwald docker

key=$(mktemp)
echo "$1" >"$key"
authorise ozwald "$key"
rm "$key"

sshd_settings >/etc/ssh/sshd_config.d/ozwald.conf
sshd -t
systemctl reload ssh
