# Waits until this instance can be used, in one command inside it.
#   $1  how many seconds to wait at most
#   $2  what has a global address: MAC addresses, "any", or "" for nothing
#   $3  shell command that succeeds; "" for systemd having started, if it is there
# Ends with 0, or with the number of what was missing: 11 an address,
# 12 cloud-init, 13 systemd, 14 the probe.
read -r up _ </proc/uptime
end=$((${up%%.*} + $1))

# nap CODE sleeps a moment, or ends with CODE when the time is over.
nap() {
	read -r up _ </proc/uptime
	[ "${up%%.*}" -lt "$end" ] || exit "$1"
	sleep 0.05 2>/dev/null || sleep 1
}

# routed INTERFACE: it has an IPv4 address that is more than link-local.
routed() {
	while read -r name net _; do
		[ "$name" = "$1" ] || continue
		case $net in 0000FEA9|A9FE0000) ;; *) return 0 ;; esac
	done </proc/net/route
	return 1
}

# global6 INTERFACE: it has a global IPv6 address that is no longer tentative.
global6() {
	[ -r /proc/net/if_inet6 ] || return 1
	while read -r _ _ _ scope flags name; do
		[ "$name $scope" = "$1 00" ] || continue
		case $flags in [4567cdef]?) ;; *) return 0 ;; esac
	done </proc/net/if_inet6
	return 1
}

# addressed MACS: one of them has a global address. Ends with 2 when there are
# only addresses of IPv6.
addressed() {
	found=1
	for dir in /sys/class/net/*; do
		nic=${dir##*/}
		[ "$nic" != lo ] || continue
		[ -r "$dir/address" ] || continue # a file, such as bonding_masters
		read -r mac <"$dir/address" || continue
		case " $1 " in *" $mac "*|" any ") ;; *) continue ;; esac
		if routed "$nic"; then return 0; fi
		if global6 "$nic"; then found=2; fi
	done
	return $found
}

# await_address MACS. IPv6 alone is enough, but IPv4, which many hope for, often
# comes a little later.
await_address() {
	since=
	until addressed "$1"; do
		if [ $? = 2 ]; then
			read -r up _ </proc/uptime
			since=${since:-${up%%.*}}
			[ $((${up%%.*} - since)) -lt 3 ] || return 0
		fi
		nap 11
	done
}

started() {
	case $(systemctl is-system-running --wait 2>/dev/null) in running|degraded) return 0 ;; esac
	return 1
}

if [ -n "$2" ]; then await_address "$2"; fi
if command -v cloud-init >/dev/null 2>&1; then
	cloud-init status --wait >/dev/null 2>&1
	case $? in 0|2) ;; *) exit 12 ;; esac
fi
case $3 in
'')
	case $(readlink -f /sbin/init 2>/dev/null) in
	*/systemd) until started; do nap 13; done ;;
	esac
	;;
*) until sh -c "$3" >/dev/null 2>&1 </dev/null; do nap 14; done ;;
esac
exit 0
