# Starts a lab host's daemons inside its namespaces; sourced at boot, and run as `daemons.sh FUNCTION` later.
. /run/lab/host.env

start_sshd() {
    mkdir -p /run/sshd
    rm -f /run/sshd.pid # its presence says that it listens
    /usr/sbin/sshd -f /run/lab/sshd_config -E /run/lab/sshd.log
}

# shellcheck disable=SC2086 -- DOCKERD_OPTIONS is a list of words
start_dockerd() {
    rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    setsid dockerd --host unix:///run/docker.sock --group docker \
        --data-root /run/lab/docker --exec-root /run/docker --pidfile /run/docker.pid \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$CGROUP_PARENT" \
        $(firewall_options) $DOCKERD_OPTIONS </dev/null >>/run/lab/dockerd.log 2>&1 &
}

# Kernels differ in which iptables they carry; without any, published ports go through docker-proxy.
firewall_options() {
    iptables -t nat -n -L >/dev/null 2>&1 && return
    if iptables-legacy -t nat -n -L >/dev/null 2>&1; then
        ln -sf "$(command -v iptables-legacy)" /etc/alternatives/iptables
    else
        echo --iptables=false
    fi
}

[ $# -eq 0 ] || "$@"
