# Prints an `nvidia-smi -q -x` recording, or rows of it, with claims ("PID MIB CARDS" a line) added.

function value(line) {
    gsub(/^[^>]*>|<.*$/, "", line)
    return line
}

function holds(cards, uuid, number,    names, count, i) {
    count = split(cards, names, ",")
    for (i = 1; i <= count; i++)
        if (names[i] == "all" || names[i] == uuid || names[i] == number) return 1
    return 0
}

function indent(line) {
    match(line, /^[ \t]*/)
    return substr(line, 1, RLENGTH)
}

# A field's new value: mebibytes as recorded, plus what is claimed.
function shift(line, mib) {
    sub(/>[0-9]+ /, ">" (value(line) + mib) " ", line)
    return line
}

function process(pad, pid, mib) {
    print pad "    <process_info>"
    print pad "        <gpu_instance_id>N/A</gpu_instance_id>"
    print pad "        <compute_instance_id>N/A</compute_instance_id>"
    print pad "        <pid>" pid "</pid>"
    print pad "        <type>C</type>"
    print pad "        <process_name>" NAME "</process_name>"
    print pad "        <used_memory>" mib " MiB</used_memory>"
    print pad "    </process_info>"
}

function row(names, values, count,    i, line) {
    for (i = 1; i <= count; i++) line = line (i > 1 ? ", " : "") values[names[i]]
    print line
}

function gpu_row() {
    card["index"] = number
    card["memory.used"] += claimed
    card["memory.free"] -= claimed
    row(wanted, card, columns)
}

BEGIN {
    NAME = "container"
    number = -1
    columns = split(fields, wanted, ",")
    lines = split(claims, claim, "\n")
    for (i = 1; i <= lines; i++) {
        split(claim[i], part, " ")
        pid[i] = part[1]; mib[i] = part[2]; cards[i] = part[3]
    }
}

/<driver_version>/ { card["driver_version"] = value($0) }
/<gpu id=/ { number++; claimed = 0; inside_mig = 0 }
/<product_name>/ { card["name"] = card["gpu_name"] = value($0) }
/<mig_devices>/ { inside_mig = 1 }
/<\/mig_devices>/ { inside_mig = 0 }
/<uuid>/ && !inside_mig {
    uuid = card["uuid"] = card["gpu_uuid"] = value($0)
    for (i = 1; i <= lines; i++)
        if (holds(cards[i], uuid, number)) claimed += mib[i]
}
/<gpu_bus_id>/ { card["pci.bus_id"] = card["gpu_bus_id"] = value($0) }
/<fb_memory_usage>/ && !inside_mig { memory = 1 }
memory && /<total>/ { card["memory.total"] = value($0) + 0 }
memory && /<used>/ { card["memory.used"] = value($0) + 0; if (claimed) $0 = shift($0, claimed) }
memory && /<free>/ { card["memory.free"] = value($0) + 0; if (claimed) $0 = shift($0, -claimed) }
/<\/fb_memory_usage>/ { memory = 0 }
/<attached_gpus>/ { card["count"] = value($0) }
/<power_draw>|<instant_power_draw>/ { card["power.draw"] = value($0) + 0 }
/<gpu_util>/ { card["utilization.gpu"] = value($0) + 0 }
/<\/processes>/ && what != "gpu" {
    for (i = 1; i <= lines; i++) {
        if (!holds(cards[i], uuid, number)) continue
        app["pid"] = pid[i]; app["used_memory"] = app["used_gpu_memory"] = mib[i]
        app["gpu_uuid"] = uuid; app["process_name"] = app["name"] = NAME
        if (what == "apps") row(wanted, app, columns)
        else process(indent($0), pid[i], mib[i])
    }
}
what == "xml" { print }
/<\/gpu>/ && what == "gpu" { gpu_row() }
