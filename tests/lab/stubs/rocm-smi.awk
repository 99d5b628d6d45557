# Reads inspections of containers (one JSON object a line) from stdin, then prints the recording with claims added.

FILENAME == "-" || FILENAME == "" {
    if (!match($0, /"lab\.vram_mib":"[0-9]+"/)) next
    split(substr($0, RSTART, RLENGTH), part, "\"")
    bytes = part[4] * 1048576
    for (number = 0; number < 16; number++)
        if (index($0, "\"PathOnHost\":\"/dev/dri/renderD" (128 + number) "\"")) claimed[number] += bytes
    next
}

/^ *"card[0-9]+":/ {
    number = $0
    gsub(/[^0-9]/, "", number)
}
/"VRAM Total Used Memory \(B\)"/ && !/VIS_VRAM/ && claimed[number] {
    split($0, part, "\"")
    sub(/: "[0-9]+"/, sprintf(": \"%.0f\"", part[4] + claimed[number]))
}
{ print }
