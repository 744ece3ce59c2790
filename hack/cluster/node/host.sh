# The few things outside the node's namespaces: cgroups, the cable, two firewall rules, a handful of kernel settings.
# Each `make_` has its `drop_`, which also works when little or nothing was made. Sourced after config.sh.
# shellcheck shell=bash

make_cgroups() {
  local top controller
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$NODE_LINK"
    for controller in $(</sys/fs/cgroup/cgroup.controllers); do
      echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
      echo "+$controller" >"/sys/fs/cgroup/$NODE_LINK/cgroup.subtree_control" 2>/dev/null || true
    done
    return
  fi
  for top in /sys/fs/cgroup/*/; do
    [ -e "$top/tasks" ] || continue
    mkdir -p "$top/$NODE_LINK"
    # A new cpuset is empty and takes no process until it is filled.
    for controller in cpuset.cpus cpuset.mems; do
      [ ! -e "$top/$controller" ] || cat "$top/$controller" >"$top/$NODE_LINK/$controller"
    done
  done
}

drop_cgroups() {
  local group try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    group=$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$NODE_LINK" 2>/dev/null)
    [ -n "$group" ] || return 0
    # shellcheck disable=SC2086 # one path a line, none with a space
    find $group -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ "$try" = 1 ] || sleep 0.3
  done
  log "cgroups named $NODE_LINK remain: a process of the node has not ended"
}

# plug_cable PID: a pair of interfaces, one end in the namespace of that process.
plug_cable() {
  local mtu
  mtu=$(host_mtu)
  ip link add "$NODE_LINK" mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$1"
  ip addr add "$HOST_IP/30" dev "$NODE_LINK"
  ip link set "$NODE_LINK" up
}

firewall() { # firewall -A|-D|-C: what lets Pods reach the world behind the host, docker's closed FORWARD chain or not
  iptables -w 5 -t nat "$1" POSTROUTING -s "$NODE_NET.0/30" ! -d "$NODE_NET.0/30" -m comment --comment "$NODE_LINK" -j MASQUERADE
  iptables -w 5 "$1" FORWARD -i "$NODE_LINK" -m comment --comment "$NODE_LINK" -j ACCEPT
  iptables -w 5 "$1" FORWARD -o "$NODE_LINK" -m comment --comment "$NODE_LINK" -j ACCEPT
}

drop_network() {
  ip link del "$NODE_LINK" 2>/dev/null || true
  ! have iptables || firewall -D 2>/dev/null || true
}

# other_node: the folder of another node that runs on this host, if there is one.
other_node() {
  cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | sed -n 's|^node=/|/|p' | grep -vxF "$NODE_DIR" | head -n 1 || true
}

# remember_host: the settings and folders that a node changes, as they were. A second node takes over what the first
# found, so that the last one to go can put it back.
remember_host() {
  local other key place
  other=$(other_node)
  : >"$NODE_DIR/places"
  if [ -n "$other" ]; then
    cp "$other/sysctls" "$other/places" "$NODE_DIR/"
  else
    for key in $SYSCTLS; do
      printf '%s %s\n' "/proc/sys/${key//.//}" "$(cat "/proc/sys/${key//.//}")"
    done >"$NODE_DIR/sysctls"
  fi
  for place in $BORROWED; do
    [ -d "$place" ] || { mkdir -p "$place" && echo "$place" >>"$NODE_DIR/places"; }
  done
}

put_back() {
  local file value place
  [ -z "$(other_node)" ] || return 0
  [ ! -e "$NODE_DIR/sysctls" ] || while read -r file value; do
    [ "$(cat "$file")" = "$value" ] || echo "$value" >"$file" || log "cannot put $file back to $value"
  done <"$NODE_DIR/sysctls"
  [ ! -e "$NODE_DIR/places" ] || while read -r place; do
    rmdir "$place" 2>/dev/null || true
  done <"$NODE_DIR/places"
}
