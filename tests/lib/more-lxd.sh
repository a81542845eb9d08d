# shellcheck shell=bash
# What cluster-up, remote-up and cluster-down share: LXDs of our own beside the one of this machine,
# each in namespaces of its own (processes, mounts, network), so that the end of its first process
# ends all of it. Everything about them lies in one directory; nothing else is written.

# shellcheck source=tests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# lock_lxds: names and ranges are drawn by one at a time.
lock_lxds() {
    exec 9>/run/lock/lxd-pool-lxds
    flock -w 300 9 || die "cannot lock /run/lock/lxd-pool-lxds: another set-up still runs" "Wait for it, then try again."
}

# make_switch DIR: a bridge that joins the LXDs of DIR and this machine, and its range.
make_switch() {
    local dir=$1 n
    for n in $(seq 1 99); do
        [ ! -e "/sys/class/net/lxdp$n" ] && [ ! -e "/run/netns/lxdp$n-1" ] && range_is_free "10.199.$n.0/24" && break
    done
    echo "$n" >"$dir/number"
    ip link add "lxdp$n" type bridge
    ip address add "10.199.$n.1/24" dev "lxdp$n"
    ip link set "lxdp$n" up
}

# address DIR I: of the Ith LXD.
address() { echo "10.199.$(cat "$1/number").1$2"; }

# start_lxd DIR NAME I: starts an LXD in DIR/NAME and waits until it answers.
start_lxd() {
    local dir=$1 name=$2 i=$3 number space
    number=$(cat "$dir/number")
    space=lxdp$number-$i
    mkdir -p "$dir/$name/lxd"
    ip netns add "$space"
    ip link add "lxdp$number-$i" master "lxdp$number" type veth peer name eth0 netns "$space"
    ip link set "lxdp$number-$i" up
    ip -n "$space" link set lo up
    ip -n "$space" link set eth0 up
    ip -n "$space" address add "$(address "$dir" "$i")/24" dev eth0
    # The descriptors of the lock and of whoever waits for our output are not for daemons.
    setsid unshare --mount --pid --fork --kill-child --propagation slave \
        "$tree/tests/lib/more-lxd-init" "$dir/$name" "$space" </dev/null >"$dir/$name/log" 2>&1 9>&- &
    echo $! >"$dir/$name/pid"
    started_at $! >"$dir/$name/started"
}

# await_lxd DIR NAME
await_lxd() {
    LXD_DIR=$1/$2/lxd lxd waitready --timeout 60 >/dev/null 2>&1 ||
        die "the LXD in $1/$2 does not answer" "See $1/$2/log and $1/$2/lxd.log."
}

# in_lxd DIR NAME COMMAND...: with that LXD as the one of the command.
in_lxd() {
    local dir=$1/$2/lxd
    shift 2
    LXD_DIR=$dir LXD_CONF=$dir/../conf "$@"
}

# preseed_alone DIR NAME I: what every LXD of ours has.
preseed_alone() {
    cat <<END_OF_SEED
config:
  core.https_address: $(address "$1" "$3"):8443
  core.trust_password: lxd-pool
  images.auto_update_interval: "0"
networks:
- name: lxdbr0
  type: bridge
  config: {ipv4.address: 10.198.0.1/24, ipv4.nat: "false", ipv6.address: none}
storage_pools:
- name: default
  driver: btrfs
  config: {size: 3GiB}
profiles:
- name: default
  devices:
    eth0: {name: eth0, network: lxdbr0, type: nic}
    root: {path: /, pool: default, type: disk}
END_OF_SEED
}

# import_busybox DIR NAME
import_busybox() {
    [ -f "$1/image.tar.gz" ] || "$tree/tests/lib/image-busybox" "$1/image" >/dev/null
    in_lxd "$1" "$2" lxc image import "$1"/image* --alias lxd-pool/busybox >/dev/null 2>&1
}

# end_with PID DIR: has DIR taken down when that process ends, however it does.
end_with() {
    # shellcheck disable=SC2016 # for that shell
    setsid sh -c 'tail --pid="$1" -f /dev/null; exec "$2" "$3"' end "$1" "$tree/tests/lib/cluster-down" "$2" \
        </dev/null >/dev/null 2>&1 9>&- &
}

# parse_arguments [--until PID] DIR
parse_arguments() {
    until=
    if [ "${1:-}" = --until ]; then
        until=$2
        shift 2
    fi
    [ $# -eq 1 ] || die "usage: ${0##*/} [--until PID] DIR" "DIR is made; PID is the process whose end is that of it all."
    [ "$(id -u)" -eq 0 ] || die "cannot start LXD: this needs root" "Run it as root."
    have lxd || die "cannot start LXD: there is none" "Run tests/lib/lxd-up."
    [ ! -e "$1/number" ] || die "$1 is in use" "Run cluster-down $1."
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    chmod a+x "$dir" # for the users that containers run as
    [ -z "$until" ] || end_with "$until" "$dir"
    lock_lxds
    make_switch "$dir"
}
