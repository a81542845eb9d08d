package api

import (
	"os"
	"path/filepath"
)

// SystemSocket is where the daemon of the whole host listens.
const SystemSocket = "/run/lxd-pool/unix.socket"

// SnapSocket is where the daemon of the snap listens.
const SnapSocket = "/var/snap/lxd-pool/common/api/unix.socket"

// DefaultSocket is where a daemon started by this user, in this environment,
// listens when it is not told.
func DefaultSocket() string {
	// SNAP_COMMON is also set in a shell that was started from another snap.
	if common := os.Getenv("SNAP_COMMON"); common != "" && os.Getenv("SNAP_NAME") == "lxd-pool" {
		return filepath.Join(common, "api", "unix.socket")
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && os.Geteuid() != 0 {
		return filepath.Join(dir, "lxd-pool", "unix.socket")
	}
	return SystemSocket
}

// FindSocket is where a client looks for a daemon when it is not told: at
// [DefaultSocket], and when there is none, at [SystemSocket] and [SnapSocket].
func FindSocket() string {
	for _, path := range []string{DefaultSocket(), SystemSocket, SnapSocket} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("SNAP_NAME") == "lxd-pool" {
		return DefaultSocket()
	}
	return SystemSocket
}
