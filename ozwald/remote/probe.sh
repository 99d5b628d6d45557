# Prints what this machine is and has, in sections. Sent to `sh -s MARK SECONDS` on standard input, so no tool may read that.
# What follows is `finish FOLDER`, sent once the engine has said where it keeps its data. It reads /proc and /sys without starting
# programs where it can: each costs a millisecond. What is slow or may hang runs beside it and has standard error to
# itself. All that tools print is cut, here already.
# A section is "MARK name", its lines, then "MARK . STATUS", which is missing where it was cut.

mark=$1 limit=$2
most=1000000 listed=512
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/wsl/lib:/opt/rocm/bin
export LC_ALL PATH

has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*"; }
begin() { printf '\n%s %s\n' "$mark" "$1"; }
end() { printf '\n%s . %s\n' "$mark" "$1"; }
section() {
    begin "$1"
    shift
    "$@" </dev/null 2>&1
    end $?
}

# tool NAME SECONDS COMMAND: a section of at most $most bytes.
tool() {
    begin "$1"
    seconds=$2
    shift 2
    { timeout -k 1 "$seconds" "$@"; end $?; } </dev/null 2>&1 | head -c "$most"
}

# first FILE: its first line.
first() {
    { read -r line <"$1"; } 2>/dev/null && say "$line"
}

# fact NAME FILE: the name and the first line of the file, if it can be read.
fact() {
    { read -r line <"$2"; } 2>/dev/null && say "$1 $line"
}

os() {
    for release in /etc/os-release /usr/lib/os-release; do
        [ -r "$release" ] || continue
        while read -r line; do
            case $line in PRETTY_NAME=*) say "$line" && return ;; esac
        done <"$release"
    done
    return 1
}

# Kernels before 6.1 do not have it in a file.
architecture() {
    first /proc/sys/kernel/arch || uname -m
}

memory() {
    while read -r key value unit; do
        case $key in MemTotal: | MemAvailable: | SwapTotal: | SwapFree:) say "$key $value $unit" ;; esac
        [ "$key" != SwapFree: ] || return 0
    done </proc/meminfo
}

processors() {
    fact online /sys/devices/system/cpu/online || say "count $(getconf _NPROCESSORS_ONLN)"
    fact load /proc/loadavg
    seen=0
    while read -r line && [ $seen -lt 32 ]; do
        case $line in "model name"* | "cpu model"*) say "$line" && return ;; esac
        seen=$((seen + 1))
    done </proc/cpuinfo
    { has lscpu && timeout 2 lscpu | grep -m 1 '^Model name:'; } || grep -m 1 '^Model[[:space:]]*:' /proc/cpuinfo
}

# Of each processor the threads of its core, then of each its socket. The kernel's lists cannot be read byte by byte,
# as shells do.
topology() {
    cat /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list \
        /sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id
}

control_groups() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        say 2
    elif [ -d /sys/fs/cgroup/memory ] || [ -d /sys/fs/cgroup/systemd ]; then
        say 1
    fi
}

disk() {
    timeout 5 df -Pk -- "$1" 2>/dev/null || timeout 5 df -Pk /
}

engine_sockets() {
    for socket in /var/run/docker.sock /run/podman/podman.sock /run/user/*/docker.sock /run/user/*/podman/podman.sock; do
        [ -S "$socket" ] && say "$socket"
    done
    return 0
}

# Display cards and accelerators; $nameless gets the addresses whose names are worth a look.
cards() {
    for device in /sys/bus/pci/devices/*; do
        { read -r class <"$device/class"; } 2>/dev/null || continue
        case $class in 0x03* | 0x12*) ;; *) continue ;; esac
        { read -r vendor <"$device/vendor" && read -r product <"$device/device"; } 2>/dev/null || continue
        driver=-
        cd -P "$device/driver" 2>/dev/null && driver=${PWD##*/}
        say "card ${device##*/} $class $vendor $product $driver"
        case $vendor in
            0x1002) amd=yes && amd_card "$device" && nameless="$nameless ${device##*/}" ;;
            0x10de) has nvidia-smi || nameless="$nameless ${device##*/}" ;;
            0x8086 | 0x1da3 | 0x1e52) nameless="$nameless ${device##*/}" ;;
        esac
    done
    cd /
}

amd_card() {
    for name in mem_info_vram_total mem_info_vram_used mem_info_gtt_total mem_info_gtt_used gpu_busy_percent product_name; do
        fact $name "$1/$name"
    done
    for sensor in "$1"/hwmon/hwmon*; do
        for name in power1_average power1_input power1_cap temp1_input in1_label; do
            fact $name "$sensor/$name"
        done
    done
    fact umc_err_count "$1/ras/umc_err_count"
    for node in "$1"/drm/renderD*; do
        [ -e "$node" ] && say "render /dev/dri/${node##*/}"
    done
    return 0
}

# Every socket that waits for others, with its address and user; the tables of TCP begin with those.
listeners() {
    [ -r /proc/net/tcp ] || return 1
    for table in tcp tcp6 udp udp6; do
        [ -r "/proc/net/$table" ] && listeners_of "$table"
    done
    return 0
}

listeners_of() {
    count=0
    while read -r number address peer state queue timer retransmits user rest; do
        case $1$state in
            *st | tcp*03 | udp*01) continue ;;
            tcp*0A | udp*07) ;;
            *) break ;;
        esac
        count=$((count + 1))
        [ $count -le $listed ] || { say "more $1" && break; }
        say "$1 $address $user"
        case " 0$users " in *" $user "*) ;; *) users="$users $user" ;; esac
    done <"/proc/net/$1"
}

amd_nodes() {
    set -- /dev/dri/by-path/pci-*-render
    if [ -e "$1" ]; then
        say paths "$@"
        say nodes $(readlink -f "$@")
    fi
    set -- /dev/dri/renderD*
    [ -e "$1" ] || set --
    [ -e /dev/kfd ] && set -- /dev/kfd "$@"
    [ $# -eq 0 ] || stat -L -c 'group %n %g' "$@"
}

# Who computes on AMD cards, as the kernel knows it; cards by a number of its own.
amd_holders() {
    for node in /sys/class/kfd/kfd/topology/nodes/*; do
        { read -r card <"$node/gpu_id"; } 2>/dev/null || continue
        [ "$card" != 0 ] || continue
        domain=0 location=
        while read -r key value; do
            case $key in domain) domain=$value ;; location_id) location=$value ;; esac
        done <"$node/properties"
        say "node $card $domain $location"
    done 2>/dev/null
    count=0
    for process in /sys/class/kfd/kfd/proc/[0-9]*; do
        [ -d "$process" ] || continue
        count=$((count + 1))
        [ $count -le $listed ] || continue
        pids="$pids ${process##*/}"
        for file in "$process"/vram_*; do
            fact "holds ${process##*/} ${file##*/vram_}" "$file"
        done
    done
    [ $count -le $listed ] || say "more $((count - listed))"
}

# Clock tables are nine tenths of what the tool prints, and are left out.
nvidia() {
    xml=$(most=10000000 tool nvidia-smi "$limit" nvidia-smi -q -x |
        sed '/<supported_clocks>/,/<\/supported_clocks>/d' | head -c $most)
    say "$xml"
    pids="$pids $(say "$xml" | sed -n 's:.*<pid>\([0-9]\{1,9\}\)</pid>.*:\1:p' | head -n $listed)"
    case $xml in *'<current_mig>Enabled<'*) tool nvidia-mig 5 nvidia-smi -L ;; esac
}

holders() {
    for pid in $pids; do
        { read -r name <"/proc/$pid/comm"; } 2>/dev/null || continue
        say "process $pid $name"
        while read -r key value rest; do
            [ "$key" = Uid: ] && say "uid $value" && users="$users $value" && break
        done <"/proc/$pid/status"
        while read -r line; do
            case $line in 0::/?* | *:pids:/?* | *:memory:/?* | *name=systemd:/?*) say "group $line" ;; esac
        done <"/proc/$pid/cgroup"
    done 2>/dev/null
    [ -z "$users" ] || user_names $users
}

user_names() {
    if has getent; then
        timeout 2 getent passwd "$@" | cut -d : -f 1,3 | sed 's/^/user /'
    else
        while IFS=: read -r name _ number _; do
            say "user $name:$number"
        done </etc/passwd
    fi
}

toolkit() {
    for name in nvidia-ctk nvidia-container-runtime nvidia-container-runtime-hook nvidia-container-cli; do
        has $name && say "tool $name"
    done
    for file in /etc/cdi/*.json /etc/cdi/*.yaml /etc/cdi/*.yml /var/run/cdi/*.json /var/run/cdi/*.yaml /var/run/cdi/*.yml; do
        [ -f "$file" ] && say "cdi $file"
    done
    return 0
}

names() {
    for address in $nameless; do
        timeout 2 lspci -D -mm -s "$address"
    done
}

# What starts slow programs. AMD has two tools; the older knows more cards, the newer is what stays.
beside() {
    has nvidia-ctk && tool toolkit_version 3 nvidia-ctk --version
    [ -n "$nameless" ] && has lspci && section names names
    if has rocm-smi; then
        tool rocm-smi "$limit" rocm-smi --showproductname --showbus --showmeminfo vram gtt --showdriverversion \
            --showuniqueid --showtemp --showpower --showmaxpower --showuse --json
    elif has amd-smi; then
        tool amd-smi-static "$limit" amd-smi static --asic --bus --driver --vram --limit --json
        tool amd-smi-metric "$limit" amd-smi metric --mem-usage --usage --power --temperature --ecc --json
    fi
}

main() {
    nameless='' pids='' users='' amd=
    { has rocm-smi || has amd-smi || [ -e /dev/kfd ]; } && amd=yes
    printf '\nozwald-probe %s\n' "$mark"
    printf '\nozwald-probe %s\n' "$mark" >&2
    section cards cards
    beside >&2 &
    section os os
    section kernel first /proc/sys/kernel/osrelease
    section architecture architecture
    section boot_id first /proc/sys/kernel/random/boot_id
    section processors processors
    section topology topology
    section memory memory
    section cgroup_version control_groups
    section engine_sockets engine_sockets
    section listeners listeners
    [ -z "$amd" ] || section amd_nodes amd_nodes
    [ -z "$amd" ] || section amd_holders amd_holders
    section toolkit toolkit
    has nvidia-smi && nvidia
    [ -z "$pids$users" ] || section holders holders
}

finish() {
    section disk disk "$1"
    wait
}

main
