# Holds a new host's first process until its pid is on record: prints the pid, runs the rest after one line of
# input. When the lab's process dies before that, the input ends and so does the host.
read -r pid _ </proc/self/stat
echo "$pid"
read -r _ || exit 1
exec >&2
exec "$@"
