package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// options is what an operator tells the daemon.
type options struct {
	stateDir   string
	socket     string
	socketMode fs.FileMode // 0: by consumers, see mode
	group      string
	groupGiven bool
	consumers  string
	listen     []string
	tlsCert    string
	tlsKey     string
	metrics    string
	poolsFile  string
	configFile string
	deleteAll  bool

	backend    string
	lxd        string
	clientCert string
	clientKey  string
	serverCert string
	sim        simulation

	workers      int
	drainTimeout pool.Duration
	logLevel     logLevel
	level        *slog.LevelVar // of the log, as it is now
	logFormat    logFormat

	help, version bool
	flags         *pflag.FlagSet
}

// simulation is how the simulated LXD behaves.
type simulation struct {
	seed     uint64
	latency  float64
	capacity int
	state    string
}

// environment begins the name of a variable for each flag.
const environment = "LXD_POOLD_"

func newFlags(o *options) *pflag.FlagSet {
	f := pflag.NewFlagSet("lxd-poold", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	f.StringVar(&o.stateDir, "state-dir", defaultStateDir(), "`DIR` of the journals; one daemon at a time")
	f.StringVar(&o.socket, "socket", api.DefaultSocket(), "unix socket (`PATH`) to listen on, unless systemd passes one")
	f.Var((*modeValue)(&o.socketMode), "socket-mode", "mode of the socket (default 0660; 0666 with --consumers)")
	f.StringVar(&o.group, "group", "lxd", "`GROUP` whose members operate the daemon, as root does; it owns the socket")
	f.StringVar(&o.consumers, "consumers", "", "`GROUP` whose members may acquire, and see what is theirs")
	f.StringSliceVar(&o.listen, "listen", nil, "also listen on the network at `[HOST]:PORT`, with TLS 1.3; may be given several times")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM `FILE` of the certificate to show on the network (default: one of its own, made in the state directory)")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM `FILE` of the key of that certificate; both are read again when they change")
	f.StringVar(&o.metrics, "metrics", "", "show the figures for Prometheus, and nothing else, to everybody on this host at `HOST:PORT`, such as 127.0.0.1:9418")
	f.StringVar(&o.poolsFile, "pools", "", "YAML `FILE` of pools, applied at start and at SIGHUP")

	f.StringVar(&o.configFile, "config", "", "YAML `FILE` of pools that only it changes, and of other settings; read again at SIGHUP")

	f.StringVar(&o.backend, "backend", "lxd", "what runs the instances, `lxd|sim`; sim is a simulated LXD, to try things out and for tests")
	f.StringVar(&o.lxd, "lxd", "", "LXD to use, `DIR|URL`: its directory, or https://HOST:PORT (default: LXD_DIR, then the snap's, then the package's)")
	f.StringVar(&o.clientCert, "lxd-client-cert", "", "PEM `FILE` of the certificate to show to an LXD at https://")
	f.StringVar(&o.clientKey, "lxd-client-key", "", "PEM `FILE` of the key of that certificate")
	f.StringVar(&o.serverCert, "lxd-server-cert", "", "PEM `FILE` of the certificate that this LXD must show")
	f.Uint64Var(&o.sim.seed, "sim-seed", 1, "seed (`N`) of everything that the simulated LXD draws")
	f.Float64Var(&o.sim.latency, "sim-latency", 1, "how slow the simulated LXD is, a `FACTOR`: 1 as a real one, 0 takes no time")
	f.IntVar(&o.sim.capacity, "sim-capacity", 0, "`N` instances fit into the simulated LXD; 0: any number")
	f.StringVar(&o.sim.state, "sim-state", "", "`FILE` that the simulated instances are kept in (default: simulated-lxd in the state directory)")

	f.IntVar(&o.workers, "workers", 0, "`N` calls of LXD under way at once, for each of making, starting and cleaning; 0: one for each processor, at least 2")
	o.drainTimeout = pool.Duration(20 * time.Second)
	f.Var(textValue{&o.drainTimeout, "DURATION"}, "drain-timeout", "how long to wait at the end for what is under way")
	f.Var(&o.logLevel, "log-level", "least that is logged: debug, info, warn or error")
	f.Var(&o.logFormat, "log-format", "form of the log on stderr: text, json, journal or auto (journal when systemd's journal reads it)")
	f.BoolVar(&o.deleteAll, "delete-all", false, "delete every instance of this daemon in LXD, within --drain-timeout, and end; the journals stay")
	f.BoolVar(&o.version, "version", false, "print the version and end")
	f.BoolVarP(&o.help, "help", "h", false, "print this help and end")
	return f
}

// parse reads the command line, and from the environment what is not on it. It
// returns an [pool.ErrInvalid] that names the flag or variable.
func parse(args []string, env func(string) (string, bool)) (*options, error) {
	o := &options{level: &slog.LevelVar{}}
	o.flags = newFlags(o)
	if err := o.flags.Parse(args); err != nil {
		return nil, pool.Invalidf(`see "lxd-poold --help"`, "cannot understand the command line: %w", err)
	}
	if o.help || o.version {
		return o, nil
	}
	if rest := o.flags.Args(); len(rest) > 0 {
		return nil, pool.Invalidf(`see "lxd-poold --help"`, "cannot understand the command line: %q is not a flag", rest[0])
	}
	if err := fromEnvironment(o.flags, env); err != nil {
		return nil, err
	}
	o.groupGiven = o.flags.Changed("group")
	return o, o.check()
}

func fromEnvironment(flags *pflag.FlagSet, env func(string) (string, bool)) error {
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := env(variable(f))
		if f.Changed || !ok || value == "" || f.Name == "help" || f.Name == "version" || failure != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failure = pool.Invalidf(`see "lxd-poold --help"`, "cannot understand %s=%q: %s", variable(f), value, cause(err))
		}
	})
	return failure
}

func variable(f *pflag.Flag) string {
	return environment + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// cause is what is wrong with the value of a flag, without its name.
func cause(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}

func (o *options) check() error {
	switch {
	case o.backend != "lxd" && o.backend != "sim":
		return pool.Invalidf("use lxd or sim", "cannot use --backend=%q", o.backend)
	case o.workers < 0:
		return pool.Invalidf("", "cannot use --workers=%d: it must not be negative", o.workers)
	case o.sim.latency < 0:
		return pool.Invalidf("", "cannot use --sim-latency=%g: it must not be negative", o.sim.latency)
	case o.stateDir == "":
		return pool.Invalidf("name one with --state-dir", "cannot find a directory for the journals")
	case o.socket == "":
		return pool.Invalidf("name one with --socket", "cannot listen without a socket")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return pool.Invalidf("give both --tls-cert and --tls-key, or neither", "cannot use a certificate without its key, or a key without its certificate")
	}
	for _, address := range o.listen {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return pool.Invalidf("write it like :8443 or 192.0.2.1:8443", "cannot use --listen=%q: it is not [HOST]:PORT", address)
		}
	}
	if o.metrics != "" {
		return api.ValidateMetrics("--metrics", o.metrics)
	}
	return nil
}

// defaultStateDir is what systemd made for the service, else the snap's, else
// that of the host for root and one in the user's home for others.
func defaultStateDir() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return strings.Split(dir, ":")[0]
	}
	if common := os.Getenv("SNAP_COMMON"); common != "" && os.Getenv("SNAP_NAME") == "lxd-pool" {
		return filepath.Join(common, "state")
	}
	if os.Geteuid() == 0 {
		return "/var/lib/lxd-pool"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "lxd-pool")
	}
	if home := os.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".local/state/lxd-pool")
	}
	return ""
}

// textValue is a flag that reads itself from text.
type textValue struct {
	value interface {
		UnmarshalText([]byte) error
		String() string
	}
	kind string
}

func (v textValue) Set(text string) error { return v.value.UnmarshalText([]byte(text)) }
func (v textValue) String() string        { return v.value.String() }
func (v textValue) Type() string          { return v.kind }

// modeValue is a file mode in octal.
type modeValue fs.FileMode

func (m *modeValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 8, 9)
	if err != nil || n == 0 {
		return fmt.Errorf("write it in octal, like 0660")
	}
	*m = modeValue(n)
	return nil
}

func (m *modeValue) String() string {
	if *m == 0 {
		return ""
	}
	return fmt.Sprintf("%#o", uint32(*m))
}

func (*modeValue) Type() string { return "MODE" }
