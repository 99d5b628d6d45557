# Reads what cards are used and by whom; sampler.sh, which comes behind it, says when.

listed=512 amd=''
newline='
'

has() { command -v "$1" >/dev/null; }
say() { printf '%s\n' "$*"; }

# find_amd: $amd are the cards that the kernel's driver serves. Its numbers of them are said once.
find_amd() {
    for device in /sys/bus/pci/devices/*; do
        read -r vendor <"$device/vendor" && [ "$vendor" = 0x1002 ] && [ -r "$device/mem_info_vram_used" ] || continue
        amd="$amd ${device##*/}"
    done
    [ -n "$amd" ] || return
    for node in /sys/class/kfd/kfd/topology/nodes/*; do
        read -r card <"$node/gpu_id" && [ "$card" != 0 ] || continue
        domain=0 location=
        while read -r key value; do
            case $key in domain) domain=$value ;; location_id) location=$value ;; esac
        done <"$node/properties"
        say "node $card $domain $location"
    done
}

cards() {
    [ -n "$amd" ] || return
    for address in $amd; do
        amd_card "/sys/bus/pci/devices/$address"
    done
    count=0
    for process in /sys/class/kfd/kfd/proc/[0-9]*; do
        [ -d "$process" ] && [ $count -lt $listed ] || continue
        count=$((count + 1))
        for holding in "$process"/vram_*; do
            read -r value <"$holding" && say "amd holds ${process##*/} ${holding##*/vram_} $value"
        done
        identity amd "${process##*/}"
    done
    say amd .
}

amd_card() {
    say "amd card ${1##*/} - 0x1002 - -"
    for name in vram_total vram_used gtt_total gtt_used; do
        read -r value <"$1/mem_info_$name" && say "amd mem_info_$name $value"
    done
    read -r value <"$1/gpu_busy_percent" && say "amd gpu_busy_percent $value"
    for sensor in "$1"/hwmon/hwmon*; do
        for name in power1_average power1_input in1_label; do
            read -r value <"$sensor/$name" && say "amd $name $value"
        done
    done
}

# identity MAKER PID: its name, user and control groups.
identity() {
    read -r name <"/proc/$2/comm" || return
    say "$1 process $2 $name"
    while read -r key value _; do
        [ "$key" != Uid: ] || { say "$1 uid $value" && break; }
    done <"/proc/$2/status"
    while read -r group; do
        case $group in 0::/?* | *:pids:/?* | *:memory:/?* | *name=systemd:/?*) say "$1 group $group" ;; esac
    done <"/proc/$2/cgroup"
}

# One nvidia-smi tells of the cards again and again, which costs little. Who holds them takes another one, so that is asked
# only when the memory in use has changed, and every now and then.
nvidia() {
    unbuffered='' age=0
    has stdbuf && unbuffered='stdbuf -oL'
    while :; do
        $unbuffered nvidia-smi --query-gpu=index,count,uuid,memory.used,memory.total,utilization.gpu,power.draw \
            --format=csv,noheader,nounits -lms "$cards_ms" | nvidia_rows
        sleep 10
    done
}

nvidia_rows() {
    rows='' before='' used=''
    while IFS=' ,' read -r index count row; do
        case $index$count in '' | *[!0-9]*) continue ;; esac
        memory=${row#*, }
        rows="${rows}nvidia card $row$newline" used="$used ${memory%%, *}"
        [ "$((index + 1))" = "$count" ] || continue
        age=$((age + 1))
        if [ "$used" != "$before" ] || [ $age -ge 10 ]; then
            nvidia_holders
            before=$used age=0
        fi
        say "${rows}nvidia ."
        rows='' used=''
    done
}

nvidia_holders() {
    apps=$(timeout -k 1 10 nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory,process_name \
        --format=csv,noheader,nounits | head -n $listed)
    say nvidia holders
    printf '%s\n' "$apps" | while IFS=' ,' read -r uuid pid rest; do
        [ -n "$rest" ] || continue
        say "nvidia app $uuid, $pid, $rest"
        identity nvidia "$pid"
    done
}
