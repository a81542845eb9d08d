# shellcheck shell=bash
# What the set-up scripts share: how they speak, how they become root, where LXD is,
# and the record of what they made, which lxd-down undoes line by line.

set -euo pipefail

setup_dir=${LXD_POOL_SETUP_DIR:-/var/lib/lxd-pool-setup}
record=$setup_dir/record
if [ -z "${tree:-}" ]; then
    tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fi

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

# die WHY NEXT: one line that says what failed, one that says what to do about it.
die() {
    printf '%s: Error: %s\n' "${0##*/}" "$1" >&2
    [ $# -lt 2 ] || printf '%s: %s\n' "${0##*/}" "$2" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# become_root runs the calling script again through sudo when the user is not root.
become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    have sudo || die "cannot set up LXD: this needs root" "Run it as root, or install sudo."
    exec sudo --preserve-env=LXD_DIR,LXD_POOL_SETUP_DIR,CI "$0" "$@"
}

# One set-up at a time: two that start LXD at once would both believe that it is theirs.
lock_setup() {
    mkdir -p "$setup_dir"
    exec 9>"$setup_dir/lock"
    flock -w 900 9 || die "cannot lock $setup_dir: another set-up still runs" "Wait for it, then try again."
}

systemd_is_init() { [ -d /run/systemd/system ]; }

# os_id is the ID of os-release: debian, ubuntu, ...
os_id() { (
    # shellcheck source=/dev/null
    . /etc/os-release 2>/dev/null && printf '%s' "${ID:-unknown}"
); }

# find_lxd sets and exports LXD_DIR as lxd-poold looks for it: LXD_DIR, the snap's, the package's.
# It is asked again after an installation.
lxd_dir_given=${LXD_DIR:-}
find_lxd() {
    if [ -n "$lxd_dir_given" ]; then
        LXD_DIR=$lxd_dir_given
    elif [ -d /var/snap/lxd/common/lxd ]; then
        LXD_DIR=/var/snap/lxd/common/lxd
    else
        LXD_DIR=/var/lib/lxd
    fi
    export LXD_DIR
    case $LXD_DIR in /var/snap/*) PATH=/snap/bin:$PATH ;; esac
}

# A user's lxc may have another remote as its default; the project is named in each call that has one.
export LXC_REMOTE=local

lxd_answers() { [ -S "$LXD_DIR/unix.socket" ] && have lxc && timeout 30 lxc query /1.0 >/dev/null 2>&1; }

# query PATH [ARG...]: LXD's answer, as JSON.
query() { lxc query "$@"; }

has_storage() { [ "$(query /1.0/storage-pools | tr -d '[:space:]')" != '[]' ]; }

# lxd_is_untouched: no storage pool, no network of its own, no device in the default profile, no cluster.
lxd_is_untouched() {
    ! has_storage &&
        ! query '/1.0/networks?recursion=1' | grep -q '"managed": true' &&
        query /1.0/profiles/default | grep -q '"devices": {}' &&
        query /1.0 | grep -q '"server_clustered": false'
}

# range_is_free NET: no route covers it or lies in it.
range_is_free() {
    [ -z "$(ip -4 route show to root "$1")" ] && ! ip -4 route show to match "$1" | grep -qv '^default'
}

# note KIND VALUE...: one line in the record. It is written before the thing is made, so that what
# an interrupted set-up left half made is undone as well.
note() { grep -qsxF -- "$*" "$record" || printf '%s\n' "$*" >>"$record"; }
noted() { [ -f "$record" ] && grep -q "^$1\( \|\$\)" "$record"; }

# started_at PID: the kernel's start time of a process, which tells it from a later one of the same number.
started_at() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

is_running() { [ -n "$2" ] && [ "$(started_at "$1")" = "$2" ]; }

# last_words prints what LXD and its helper said last, where no init keeps that.
last_words() {
    local log
    for log in /var/log/lxd/*.log; do
        [ ! -s "$log" ] || { echo "---- the end of $log" && tail -n 20 "$log"; }
    done >&2
    df -h "$LXD_DIR" >&2 || true
}

# start_process NAME LOG COMMAND...: starts a daemon that outlives this script and notes it.
start_process() {
    local name=$1 log=$2
    shift 2
    setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
    note process "$name" $! "$(started_at $!)"
}

# packages_missing NAME...: those that dpkg does not have installed.
packages_missing() {
    local name
    for name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s ' "$name"
    done
}

# install_packages NAME...: installs what is missing, and says so. Services of the packages are not
# started by apt on a machine without an init, nor by us.
install_packages() {
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    have apt-get || die "cannot install ${missing% }: this machine has no apt-get" "Install them by hand."
    say "installing ${missing% }"
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt_quietly install -y --no-install-recommends $missing
}

# apt_quietly prints apt's words only when it fails. The lists of packages are fetched once, when an
# installation finds them missing or stale.
apt_quietly() {
    local out
    out=$(mktemp)
    if apt-get -q "$@" >"$out" 2>&1 </dev/null ||
        { apt-get -q update >>"$out" 2>&1 </dev/null && apt-get -q "$@" >>"$out" 2>&1 </dev/null; }; then
        rm -f "$out"
        return 0
    fi
    tail -n 20 "$out" >&2
    rm -f "$out"
    die "cannot install packages: apt-get failed (its last words are above)" "Mend apt's sources or the network, then try again."
}

# apt_mirror SUITE: where apt gets that suite's main component.
apt_mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        sed -n "s/^$1 main //p" | head -n 1
}

# all_noted KIND: the values of that kind, one line each, the last made first.
all_noted() { [ ! -f "$record" ] || sed -n "s/^$1 //p" "$record" | tac; }

# forget KIND VALUE...: strikes one line from the record, and the record when it is empty.
forget() {
    grep -vxF -- "$*" "$record" >"$record.new" || true
    mv "$record.new" "$record"
    [ -s "$record" ] || rm -f "$record"
}

# something_to_undo: the record holds more than what stays installed.
something_to_undo() { [ -f "$record" ] && grep -qv '^kept ' "$record"; }

# each KIND COMMAND...: calls the command with the values of each line of that kind, and strikes the line.
each() {
    local kind=$1 lines line values
    shift
    mapfile -t lines < <(all_noted "$kind")
    for line in "${lines[@]}"; do
        read -r -a values <<<"$line"
        "$@" "${values[@]}"
        forget "$kind" "$line"
    done
}

# stop_process NAME PID START: ends that very process, politely first.
stop_process() {
    local name=$1 pid=$2 start=$3 tries=600
    is_running "$pid" "$start" || return 0
    say "stopping $name (process $pid)"
    kill "$pid"
    while [ $((tries -= 1)) -gt 0 ]; do
        is_running "$pid" "$start" || return 0
        sleep 0.1
    done
    say "$name does not stop after a minute: ending it"
    kill -9 "$pid"
}
