package api

// Reloaded answers a daemon that has taken its configuration over again.
type Reloaded struct {
	// Restart names the keys that changed and only count after a restart of the
	// daemon.
	Restart []string `json:"restart"`
}
