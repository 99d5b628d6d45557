# Prints what this machine is and has, in sections. Sent to `sh -s MARK DOCKER_ROOT SECONDS` on standard input, so it runs
# from one function, read to its end before any tool could take the rest of it. AMD's tool, slow like NVIDIA's, runs
# beside it and has standard error to itself.
# A section is "MARK name", its lines, then "MARK . STATUS".

mark=$1 root=$2 limit=$3
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/wsl/lib:/opt/rocm/bin
export LC_ALL PATH

has() { command -v "$1" >/dev/null 2>&1; }
begin() { printf '%s %s\n' "$mark" "$1"; }
end() { printf '\n%s . %s\n' "$mark" "$1"; }
section() {
    begin "$1"
    shift
    "$@" </dev/null 2>&1
    end $?
}

processors() {
    getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c '^processor' /proc/cpuinfo
    grep -m 1 -E '^(model name|Model|cpu model)[[:space:]]*:' /proc/cpuinfo && return
    has lscpu && timeout 2 lscpu | grep -m 1 '^Model name:'
}

disk() {
    timeout 5 df -Pk -- "$root" 2>/dev/null || timeout 5 df -Pk /
}

display_cards() {
    for device in /sys/bus/pci/devices/*; do
        { read -r class <"$device/class" && read -r vendor <"$device/vendor"; } 2>/dev/null || continue
        case $class in 0x03*) echo "$vendor ${device##*/}" ;; esac
    done
}

amd_cards() {
    for card in /sys/class/drm/card*; do
        case ${card##*/} in *-*) continue ;; esac
        { read -r vendor <"$card/device/vendor"; } 2>/dev/null || continue
        [ "$vendor" = 0x1002 ] || continue
        address=$(cd -P "$card/device" && pwd)
        echo "card ${address##*/}"
        for fact in mem_info_vram_total mem_info_vram_used product_name device; do
            { read -r value <"$card/device/$fact"; } 2>/dev/null && echo "$fact $value"
        done
        for node in "$card"/device/drm/renderD*; do
            [ -e "$node" ] && echo "render /dev/dri/${node##*/}"
        done
    done
}

amd_nodes() {
    for path in /dev/dri/by-path/pci-*-render; do
        [ -e "$path" ] || continue
        address=${path#/dev/dri/by-path/pci-}
        echo "path ${address%-render} $(readlink -f "$path")"
    done
    for node in /dev/kfd /dev/dri/renderD*; do
        [ -e "$node" ] && echo "group $node $(stat -L -c %g "$node")"
    done
    return 0
}

amd_tool() {
    if has rocm-smi; then
        section rocm-smi timeout -k 1 "$limit" rocm-smi --showproductname --showbus --showmeminfo vram \
            --showdriverversion --showuniqueid --json
    elif has amd-smi; then
        section amd-smi-static timeout -k 1 "$limit" amd-smi static --asic --bus --driver --vram --json
        section amd-smi-metric timeout -k 1 "$limit" amd-smi metric --mem-usage --json
    fi
}

main() {
    printf '\nozwald-probe %s\n' "$mark"
    printf '\nozwald-probe %s\n' "$mark" >&2
    amd_tool >&2 &
    section os cat /etc/os-release
    section kernel uname -r
    section architecture uname -m
    section boot_id cat /proc/sys/kernel/random/boot_id
    section processors processors
    section memory grep -E '^Mem(Total|Available):' /proc/meminfo
    section disk disk
    section display_cards display_cards
    section amd_cards amd_cards
    section amd_nodes amd_nodes
    has nvidia-smi && section nvidia-smi timeout -k 1 "$limit" nvidia-smi -q -x
    wait
}

main
