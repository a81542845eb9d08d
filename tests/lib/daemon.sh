# shellcheck shell=bash
# The daemon as quickstart starts it and stop ends it: from the tree, with the paths that an installed
# one has. One that runs already, because it is installed, is used and left alone.

# shellcheck source=tests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

daemon_log=$setup_dir/lxd-poold.log
unit=lxd-poold-quickstart.service
state=/var/lib/lxd-pool
socket=/run/lxd-pool/unix.socket
PATH=$tree/bin:$PATH
export LXD_POOL_SOCKET=${LXD_POOL_SOCKET:-$socket}

daemon_answers() { [ -S "$LXD_POOL_SOCKET" ] && lxd-pool list >/dev/null 2>&1; }

start_daemon() {
    if daemon_answers; then
        say "lxd-poold answers on $LXD_POOL_SOCKET: left as it is"
        return
    fi
    # Another set-up may note in the same record at the same time.
    lock_setup
    [ -e $state ] || note state $state
    say "starting lxd-poold (socket $socket, state $state)"
    if systemd_is_init; then start_unit; else start_plainly; fi
    exec 9>&-
    wait_daemon
}

start_unit() {
    daemon_log="'journalctl -u $unit'"
    note unit $unit
    systemd-run --quiet --collect --unit=$unit --service-type=notify --setenv=LXD_DIR="$LXD_DIR" \
        --property=RuntimeDirectory=lxd-pool --property=StateDirectory=lxd-pool "$tree/bin/lxd-poold"
}

start_plainly() {
    note file "$daemon_log"
    start_process lxd-poold "$daemon_log" "$tree/bin/lxd-poold"
}

wait_daemon() {
    local deadline=$((SECONDS + 30))
    until daemon_answers; do
        [ $SECONDS -lt $deadline ] || die "lxd-poold does not answer on $LXD_POOL_SOCKET" "See $daemon_log."
        sleep 0.1
    done
}
