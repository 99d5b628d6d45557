# Shows a lab host the /sys of a machine with an APU that computes, a server's own display and an Intel card.
set -e
pci=/sys/bus/pci/devices
nodes=/sys/class/kfd/kfd/topology/nodes
mount -t tmpfs tmpfs /sys/class
mount -t tmpfs tmpfs $pci
cd $pci

write() { printf '%s\n' "$2" >"$1"; }

card() {
    mkdir "$1"
    write "$1/class" "$2"
    write "$1/vendor" "$3"
    write "$1/device" "$4"
}

card 0000:00:02.0 0x038000 0x8086 0x56a0
card 0000:00:1f.0 0x060100 0x8086 0x7a04
card 0000:03:00.0 0x030000 0x1a03 0x2000
card 0000:c5:00.0 0x030000 0x1002 0x1586

mkdir -p drivers/amdgpu 0000:c5:00.0/hwmon/hwmon3 0000:c5:00.0/drm/renderD128
cd 0000:c5:00.0
ln -s ../drivers/amdgpu driver
write mem_info_vram_total 536870912
write mem_info_vram_used 104857600
write mem_info_gtt_total 8589934592
write mem_info_gtt_used 20971520
write gpu_busy_percent 12
write hwmon/hwmon3/power1_input 9000000
write hwmon/hwmon3/temp1_input 41000
write hwmon/hwmon3/in1_label vddnb

mkdir -p $nodes/0 $nodes/1
write $nodes/0/gpu_id 0
write $nodes/1/gpu_id 4711
printf 'cpu_cores_count 0\nlocation_id 50432\ndomain 0\n' >$nodes/1/properties # 0xc500
setpriv --reuid nobody --clear-groups sleep 600 </dev/null >/dev/null 2>&1 &
for pid in $! 1; do
    mkdir -p /sys/class/kfd/kfd/proc/$pid
    write /sys/class/kfd/kfd/proc/$pid/vram_4711 73400320
done
write /sys/class/kfd/kfd/proc/1/vram_4711 0
