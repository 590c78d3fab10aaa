#!/bin/busybox sh
# The first process of the guest: sets the scene, writes down what /proc says of it, and says when it is done.
/bin/busybox mkdir -p /bin /proc /sys /dev /tmp "/mnt/with space" /facts
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o nosuid,size=4m,mode=1777 tmp /tmp
mount -t tmpfs -o ro,noexec "a name" "/mnt/with space"
hostname guest
for module in /modules/*.ko; do insmod "$module"; done
echo 1 >/proc/sys/kernel/printk
echo "<3>guest: an error" >/dev/kmsg
echo "<30>guest: a daemon, with a tab	and ü" >/dev/kmsg
/bin/worker one "two three" &
SECRET=hunter2 /bin/sleep 1000000 &
(exec -a "renamed process" /bin/worker) &
sleep 1
cd /facts
cp /proc/mounts /proc/modules /proc/kallsyms /proc/cmdline /proc/iomem .
mkdir btf
cp /sys/kernel/btf/vmlinux /sys/kernel/btf/loop /sys/kernel/btf/dummy btf
# Before the facts are packed, for that starts processes of its own.
for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  mkdir -p "$pid"
  for what in stat status cmdline environ maps; do cat "$process/$what" >"$pid/$what" 2>/dev/null; done
  readlink "$process/exe" >"$pid/exe" 2>/dev/null
  for thread in "$process"/task/[0-9]*; do cat "$thread/stat" >>"$pid/threads" 2>/dev/null; done
done
uname -a >uname
dmesg -r >dmesg
# The kernel gives parameters that it does not know to its first process.
stty -F "$facts" raw -echo
tar c . | gzip >"$facts"
sync
echo "the facts are written" >/dev/console
# Through exec: this process stays what the facts say of it, but for its name.
while :; do read -r line; done </dev/console
