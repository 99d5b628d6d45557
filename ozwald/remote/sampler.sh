# Reads what containers and this machine take. Sent behind sampler_cards.sh to `sh -s MARK SILENCE_S CARDS_MS` on standard
# input. What follows are calls of its functions, a line each: `tick` and `full` when they are due, `cards`, `watch NUMBER
# ID PID`, `unwatch NUMBER`. So no program may read standard input. Ticks start no programs: a shell's `read` of a file
# with one line is cheap. Each line is written at once, or with its tick in pieces that a pipe keeps whole.

mark=$1 silence=$2 cards_ms=$3
piece=3000
watched=''
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/wsl/lib
export LC_ALL PATH

# Where each controller's tree is, and which part of it is mounted there. Of version 2 there is one tree for all.
find_trees() {
    while read -r _ _ _ root point rest; do
        case $rest in
            *' - cgroup2 '*) all=${all:-$point} all_root=${all_root:-$root} ;;
            *' - cgroup '*)
                case ,${rest##* }, in *,cpuacct,*) cpu=${cpu:-$point} cpu_root=${cpu_root:-$root} ;; esac
                case ,${rest##* }, in *,memory,*) memory=${memory:-$point} memory_root=${memory_root:-$root} ;; esac
                case ,${rest##* }, in *,blkio,*) disk=${disk:-$point} disk_root=${disk_root:-$root} ;; esac
                case ,${rest##* }, in *,pids,*) pids=${pids:-$point} pids_root=${pids_root:-$root} ;; esac
                ;;
        esac
    done </proc/self/mountinfo
}

# place POINT ROOT PATH: $place is a group's folder.
place() {
    [ "$2" = / ] && place=$1$3 || place=$1${3#"$2"}
}

# watch NUMBER ID PID: the group that bears the container's id is its own; its processes may be in groups below. A process
# that is in no such group is another one by now, or the container has none.
watch() {
    unwatch "$1"
    eval "pid_$1=\$3 cpu_$1= memory_$1= disk_$1= pids_$1= cache_$1=0 highest_$1=0 near_$1=9223372036854775807"
    watched="$watched $1"
    [ -r "/proc/$3/cgroup" ] || { look "$1" "$2"; return; }
    while IFS=: read -r _ controllers path; do
        case $path in *"$2"*) ;; *) continue ;; esac
        below=${path#*"$2"}
        path=${path%%"$2"*}$2${below%%/*}
        [ -n "$controllers" ] || second_version "$1" "$path"
        for controller in cpuacct memory blkio pids; do
            case ,$controllers, in *,$controller,*) first_version "$1" "$controller" "$path" ;; esac
        done
    done <"/proc/$3/cgroup"
}

# Where this user may not see others' processes, the usual places have to do.
look() {
    for path in "/docker/$2" "/system.slice/docker-$2.scope"; do
        [ -z "$all" ] || [ ! -e "$all$path/cpu.stat" ] || second_version "$1" "$path"
        [ -z "$memory" ] || [ ! -d "$memory$path" ] || for controller in cpuacct memory blkio pids; do
            first_version "$1" "$controller" "$path"
        done
    done
}

# What version 1 has keeps its files: where both are mounted, version 2 has what is left.
second_version() {
    [ -n "$all" ] || return
    place "$all" "$all_root" "$2"
    [ -n "$cpu" ] || eval "cpu_$1=\$place/cpu.stat"
    [ -n "$memory" ] || eval "memory_$1=\$place/memory.current"
    [ -n "$disk" ] || eval "disk_$1=\$place/io.stat"
    [ -n "$pids" ] || eval "pids_$1=\$place/pids.current"
}

first_version() {
    case $2 in
        cpuacct) set -- "$1" "$3" "$cpu" "$cpu_root" cpu cpuacct.usage ;;
        memory) set -- "$1" "$3" "$memory" "$memory_root" memory memory.usage_in_bytes ;;
        blkio) set -- "$1" "$3" "$disk" "$disk_root" disk blkio.throttle.io_service_bytes_recursive ;;
        pids) set -- "$1" "$3" "$pids" "$pids_root" pids pids.current ;;
    esac
    [ -n "$3" ] || return
    place "$3" "$4" "$2"
    eval "$5_$1=\$place/\$6"
}

unwatch() {
    left=''
    for number in $watched; do
        [ "$number" = "$1" ] || left="$left $number"
    done
    watched=$left
}

tick() { take ''; }
full() { take yes; }

take() {
    full=$1
    read -r now _ </proc/uptime
    out="tick $now$newline"
    for number in $watched; do
        container "$number"
    done
    [ -z "$full" ] || machine
    add end
    printf %s "$out"
}

# Long ticks are written in pieces, since others write as well.
add() {
    out=$out$1$newline
    [ ${#out} -lt $piece ] || { printf %s "$out" && out=''; }
}

# One whose files are gone is left out. One that never had any is there as long as its process.
container() {
    eval "cpu_file=\$cpu_$1 usage=\$memory_$1 pid=\$pid_$1"
    line="c $1" is_there=
    if read -r value spent <"$cpu_file"; then
        [ "$value" != usage_usec ] || value=${spent}000
        line="$line cpu=$value" is_there=yes
    fi
    if read -r current <"$usage"; then
        is_there=yes
        needs "$1"
    fi
    [ -z "$cpu_file$usage" ] && [ -e "/proc/$pid" ] && is_there=yes
    [ -n "$is_there" ] || return
    [ -z "$full" ] || details "$1"
    add "$line"
}

# memory.stat has a price. It is read now and then, and at once when what is in use, less the page cache of last time, is
# more than ever, or when the container is near its limit, where page cache gives way unseen.
needs() {
    eval "cache=\$cache_$1 highest=\$highest_$1 near=\$near_$1"
    [ -n "$full" ] || [ $((current - cache)) -gt "$highest" ] || [ "$current" -gt "$near" ] || return
    statistics "${usage%/*}"
    line="$line anon=$anon file=$file shmem=$shmem"
    cache=$((file - shmem))
    highest=$((current - cache > highest ? current - cache : highest))
    eval "cache_$1=\$cache highest_$1=\$highest"
}

# Version 1 counts a group's own pages first and at the end those of the groups below as well.
statistics() {
    anon='' file='' shmem='' part=''
    case $usage in *.usage_in_bytes) set -- "$1" "$1"/*/ && [ -d "$2" ] && part=total_ ;; esac
    while read -r key value; do
        case $key in
            anon | "${part}rss") anon=$value ;;
            file | "${part}cache") file=$value ;;
            "${part}shmem") shmem=$value && break ;;
        esac
    done <"$1/memory.stat"
}

details() {
    eval "disk_file=\$disk_$1 pids_file=\$pids_$1"
    folder=${usage%/*}
    case $usage in
        *.current) peak_file=$folder/memory.peak limit_file=$folder/memory.max ;;
        *) peak_file=$folder/memory.max_usage_in_bytes limit_file=$folder/memory.limit_in_bytes ;;
    esac
    read -r value <"$peak_file" && line="$line peak=$value"
    read -r value <"$pids_file" && line="$line pids=$value"
    read -r value <"$limit_file" && [ "$value" != max ] && eval "near_$1=\$((value - value / 32))"
    traffic "$disk_file"
}

# Bytes from and to all disks, as "8:0 Read 4096" or "8:0 rbytes=4096 wbytes=0 …".
traffic() {
    [ -r "$1" ] || return
    got=0 put=0
    while read -r _ first second _; do
        case $first in
            Read) got=$((got + second)) ;;
            Write) put=$((put + second)) ;;
            rbytes=*) got=$((got + ${first#*=})) put=$((put + ${second#*=})) ;;
        esac
    done <"$1"
    line="$line read=$got write=$put"
}

machine() {
    line=host
    read -r _ user nice system _ _ interrupts softly _ </proc/stat &&
        line="$line busy=$((user + nice + system + interrupts + softly))"
    while read -r key value _; do
        [ "$key" != MemAvailable: ] || { line="$line available=$value" && break; }
    done </proc/meminfo
    add "$line"
}

# sshd may not notice for hours that nobody is there any more. A shell that gets lines is put to sleep and woken.
watch_over() {
    woken=''
    while sleep "$silence"; do
        before=$woken woken=''
        while read -r key value; do
            [ "$key" != voluntary_ctxt_switches: ] || woken=$value
        done <"/proc/$$/status"
        [ -n "$woken" ] || break
        [ "$woken" != "$before" ] || break
    done
    kill -TERM "-$$" || kill "$$"
}

# Twice, for a program may be about to start.
leave() {
    trap '' TERM
    kill -TERM "-$$" || kill $started
    wait
    kill -TERM "-$$"
}

main() {
    all='' cpu='' memory='' disk='' pids='' all_root='' cpu_root='' memory_root='' disk_root='' pids_root=''
    read -r now _ </proc/uptime || { say 'only Linux can be sampled' && exit 1; }
    find_trees
    say "ozwald-sampler $mark"
    trap leave EXIT
    watch_over </dev/null >/dev/null &
    started=$!
    find_amd
    has nvidia-smi || return
    nvidia </dev/null &
    started="$started $!"
}

exec 2>/dev/null
main
