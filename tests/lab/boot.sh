# First process of a lab host, alone in its namespaces: makes the machine, starts its daemons, reaps orphans.
# $1 is the host's own directory, which becomes /run/lab.
set -eu
cd "$1"
shift

mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lab /run/lock
mount --no-canonicalize --bind . /run/lab
cd /
. /run/lab/host.env
. /run/lab/lib/provision.sh

# Everything a host may write to is its own.
make_private() {
    for place in tmp home srv mnt var/log; do
        mkdir -p "/run/lab/$place"
        mount --bind "/run/lab/$place" "/$place"
    done
    chmod 1777 /tmp
    cover /etc
    cover /opt # containerd makes a folder there
    mkdir -p /etc/docker /run/lab/etc-docker
    mount --bind /run/lab/etc-docker /etc/docker
}

# cover PATH: reads as the machine's, writes go to memory.
cover() {
    mkdir -p "/run/cover$1/upper" "/run/cover$1/work"
    mount -t overlay -o "lowerdir=$1,upperdir=/run/cover$1/upper,workdir=/run/cover$1/work" cover "$1"
}

make_devices() {
    mount -t tmpfs -o mode=755,dev dev /dev
    for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
        # shellcheck disable=SC2086
        set -- $node
        mknod -m 666 "/dev/$1" c "$2" "$3"
    done
    mkdir -p /dev/pts /dev/shm /dev/mqueue
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    ln -s pts/ptmx /dev/ptmx
    ln -s /proc/self/fd /dev/fd
    ln -s fd/0 /dev/stdin
    ln -s fd/1 /dev/stdout
    ln -s fd/2 /dev/stderr
}

# The kernel is shared; what tells machines apart is laid over it.
make_identity() {
    hostname "$NAME"
    echo "$NAME" >/etc/hostname
    printf '127.0.0.1 localhost\n%s %s\n' "$ADDRESS" "$NAME" >/etc/hosts
    echo "$MACHINE_ID" >/etc/machine-id
    cat /proc/sys/kernel/random/uuid >/run/boot_id
    mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
    [ -z "$MEMORY_KIB" ] && return
    sed -e "s/^MemTotal:.*/MemTotal: $MEMORY_KIB kB/" \
        -e "s/^MemFree:.*/MemFree: $((MEMORY_KIB / 4 * 3)) kB/" \
        -e "s/^MemAvailable:.*/MemAvailable: $((MEMORY_KIB / 8 * 7)) kB/" /proc/meminfo >/run/meminfo
    mount --bind /run/meminfo /proc/meminfo
}

# The machine's own GPU tools, if any, are not the host's.
make_tools() {
    for tool in /usr/bin/nvidia-smi /usr/bin/rocm-smi /usr/bin/nvidia-container-runtime-hook; do
        [ ! -e "$tool" ] || mount --bind /run/lab/host.env "$tool"
    done
    mount -t overlay -o lowerdir=/run/lab/bin:/usr/local/bin tools /usr/local/bin
    mkdir -p /run/lab/claims
    [ -z "$AMD_CARDS" ] || make_amd_devices
}

# AMD_CARDS lists the cards' PCI addresses; every node is a null device with the groups real ones have.
make_amd_devices() {
    groupadd --force --system render
    mkdir -p /dev/dri/by-path
    device_node /dev/kfd render
    minor=0
    for address in $AMD_CARDS; do
        device_node "/dev/dri/card$minor" video
        device_node "/dev/dri/renderD$((128 + minor))" render
        ln -s "../card$minor" "/dev/dri/by-path/pci-$address-card"
        ln -s "../renderD$((128 + minor))" "/dev/dri/by-path/pci-$address-render"
        minor=$((minor + 1))
    done
}

device_node() {
    mknod -m 660 "$1" c 1 3
    chgrp "$2" "$1"
}

make_user() {
    groupadd --force --system docker
    # shellcheck disable=SC2086
    add_user "$LOGIN" $LOGIN_GROUPS
    authorise "$LOGIN" /run/lab/authorized_keys
    [ -z "$ALLOW_SUDO" ] || allow_sudo "$LOGIN"
    {
        cat /run/lab/sshd_options
        echo 'UsePAM no'
        echo 'HostKey /run/lab/ssh_host_ed25519_key'
        echo 'PidFile /run/sshd.pid'
        echo 'Subsystem sftp internal-sftp'
        sshd_settings
        grep '^MaxStartups' /run/lab/sshd_options || true # of which, unlike the others, the last one counts
    } >/run/lab/sshd_config
}

make_private
make_devices
make_identity
make_tools
make_user
. /run/lab/lib/daemons.sh
start_sshd
[ -z "$HAS_DOCKER" ] || start_dockerd

exec </dev/null >/dev/null 2>&1
while :; do
    sleep 86400 &
    wait $!
done
