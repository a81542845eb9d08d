package api

import (
	"cmp"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Configuration is the file that a daemon is configured by and reads again
// when it is told to (see [OpReload]). What is left out is as the daemon's
// flags say.
type Configuration struct {
	// Listen is where the daemon listens on the network, [HOST]:PORT, more than
	// one with commas between them. "": nowhere.
	Listen string `json:"listen,omitempty"`
	// TLSCert and TLSKey are paths of PEM files: what is shown there. Both or
	// neither; "": a certificate of the daemon's own.
	TLSCert string `json:"tls-cert,omitempty"`
	TLSKey  string `json:"tls-key,omitempty"`
	// Metrics is where the figures, and nothing else, are shown to everybody on
	// this host, HOST:PORT. "": nowhere.
	Metrics string `json:"metrics,omitempty"`
	// Group operates the daemon, Consumers may acquire.
	Group     string `json:"group,omitempty"`
	Consumers string `json:"consumers,omitempty"`
	// LogLevel is debug, info, warn or error.
	LogLevel string        `json:"log-level,omitempty"`
	LXD      ConfiguredLXD `json:"lxd,omitzero"`
	// Pools are those that the file keeps: only it changes them, and those that
	// vanish from it go when their leases have ended.
	Pools map[pool.PoolName]pool.Spec `json:"pools,omitempty"`
}

// ConfiguredLXD says which LXD runs the instances, and how to reach it.
type ConfiguredLXD struct {
	// Address is a directory with LXD's socket, or https://HOST:PORT.
	Address string `json:"address,omitempty"`
	// These are paths of PEM files.
	ClientCert string `json:"client-cert,omitempty"`
	ClientKey  string `json:"client-key,omitempty"`
	ServerCert string `json:"server-cert,omitempty"`
}

// Validate reports, as an [pool.ErrInvalid], the first thing in c that cannot
// be, as far as that can be told without LXD.
func (c *Configuration) Validate() error {
	if _, err := c.Level(); err != nil {
		return err
	}
	if err := c.validateNetwork(); err != nil {
		return err
	}
	if err := c.LXD.validate(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Pools)) {
		if err := name.Validate(); err != nil {
			return err
		}
		spec := c.Pools[name].WithDefaults()
		if err := spec.Validate(); err != nil {
			return pool.Errorf(pool.ErrInvalid, "", "cannot use pool %s: %w", name, err)
		}
	}
	return nil
}

func (c *Configuration) validateNetwork() error {
	for _, address := range c.Addresses() {
		if !isAddress(address) {
			return pool.Invalidf("write it like :8443 or 192.0.2.1:8443", "cannot use listen=%q: it is not [HOST]:PORT", c.Listen)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return pool.Invalidf("set both tls-cert and tls-key, or neither",
			"cannot use tls-cert=%q with tls-key=%q: a certificate and its key belong together", c.TLSCert, c.TLSKey)
	}
	if c.Metrics == "" {
		return nil
	}
	if !isAddress(c.Metrics) {
		return pool.Invalidf("write it like 127.0.0.1:9418", "cannot use metrics=%q: it is not HOST:PORT", c.Metrics)
	}
	return ValidateMetrics("metrics", c.Metrics)
}

// isAddress reports whether text is [HOST]:PORT.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && n >= 1 && n <= 65535 && !strings.Contains(host, "/")
}

// ValidateMetrics refuses an address that others than this host can reach, as
// an [pool.ErrInvalid] about the key or flag of that name.
func ValidateMetrics(key, address string) error {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return pool.Invalidf("use 127.0.0.1:"+cmp.Or(port, "PORT"), "cannot use %s=%q: it is shown without a token", key, address)
	}
	return nil
}

// Addresses returns where to listen on the network, one by one.
func (c *Configuration) Addresses() []string {
	if c.Listen == "" {
		return nil
	}
	return strings.Split(c.Listen, ",")
}

// Level returns the level of the log, info when none is said.
func (c *Configuration) Level() (slog.Level, error) {
	level := slog.LevelInfo
	if c.LogLevel == "" {
		return level, nil
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) || level.UnmarshalText([]byte(c.LogLevel)) != nil {
		return level, pool.Invalidf("use debug, info, warn or error", "cannot use log-level=%q", c.LogLevel)
	}
	return level, nil
}

// Remote reports whether LXD is reached over the network.
func (l ConfiguredLXD) Remote() bool { return strings.Contains(l.Address, "://") }

func (l ConfiguredLXD) validate() error {
	if l.Address == "" || strings.HasPrefix(l.Address, "/") {
		return nil
	}
	u, err := url.Parse(l.Address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return pool.Invalidf("use https://HOST:PORT, or the absolute path of a directory with LXD's socket", "cannot use lxd.address=%q", l.Address)
	}
	if l.ClientCert == "" || l.ClientKey == "" {
		return pool.Invalidf("set lxd.client-cert and lxd.client-key to the paths of PEM files that this LXD trusts",
			"cannot use lxd.address=%q without a client certificate and its key", l.Address)
	}
	return nil
}
