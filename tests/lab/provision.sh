# What makes a Debian machine a host of the fleet; sourced by the lab's hosts and by vagrant/provision.sh.

# add_user NAME [GROUP...]: a login without password; "*" and not "!", which sshd refuses with UsePAM no.
add_user() {
    user=$1
    shift
    id "$user" >/dev/null 2>&1 || useradd --no-log-init --create-home --shell /bin/bash --password '*' "$user"
    for group in "$@"; do
        groupadd --force --system "$group"
        usermod --append --groups "$group" "$user"
    done
}

# authorise NAME PUBLIC_KEY_FILE: the only way in.
authorise() {
    home=$(getent passwd "$1" | cut -d: -f6)
    install -d -m 700 -o "$1" -g "$1" "$home/.ssh"
    install -m 600 -o "$1" -g "$1" "$2" "$home/.ssh/authorized_keys"
}

# allow_sudo NAME: any command as root without a question, by `sudo -n`.
allow_sudo() {
    mkdir -p /etc/sudoers.d
    echo "$1 ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ozwald
    chmod 440 /etc/sudoers.d/ozwald
}

# sshd_settings: keys only; MaxStartups because a controller opens its connections together.
sshd_settings() {
    cat <<'SETTINGS'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowStreamLocalForwarding yes
UseDNS no
PrintMotd no
MaxStartups 200
SETTINGS
}
