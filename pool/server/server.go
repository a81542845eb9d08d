package server

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Options is how a server behaves.
type Options struct {
	// AdminGroup is the group whose members operate the daemon, as root does. "": lxd.
	AdminGroup string
	// ConsumerGroup is the group whose members may acquire. "": nobody else may.
	ConsumerGroup string
	// Reload has the daemon take its configuration over again, and returns the
	// keys that wait for a restart. On error nothing has changed. nil: there is
	// no configuration.
	Reload func(context.Context) ([]string, error)
	// Version is that of the daemon.
	Version string
	// Certificate is what is shown on the network; nil: nothing is served there.
	Certificate *Certificate
	// Log gets every request at level debug, without tokens and queries. nil: nothing is logged.
	Log *slog.Logger
	// Identify tells who is at the other end of a connection, once for each
	// connection, at its first request. nil: whom the kernel names as the peer
	// of a unix socket, and for other sockets nobody.
	Identify func(net.Conn) (Caller, error)
}

// Server serves one manager.
type Server struct {
	manager  *pool.Manager
	options  Options
	log      *slog.Logger
	http     *http.Server
	mux      *http.ServeMux
	metrics  http.Handler
	figures  *http.Server // of metrics alone, see ServeMetrics
	attempts attempts
	groups   atomic.Pointer[groups]

	// waits ends when the server begins to shut down, execs when it does not
	// wait any longer for commands that still run.
	waits, execs       context.Context
	endWaits, cutExecs context.CancelCauseFunc
	running            sync.WaitGroup // commands, whose connections http.Server does not count
}

const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

// New returns a server for m, which stays the caller's to close.
func New(m *pool.Manager, o Options) *Server {
	s := &Server{manager: m, options: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	if s.options.Identify == nil {
		s.options.Identify = s.peer
	}
	s.SetGroups(o.AdminGroup, o.ConsumerGroup)
	s.waits, s.endWaits = context.WithCancelCause(context.Background())
	s.execs, s.cutExecs = context.WithCancelCause(context.Background())
	s.metrics = newMetrics(m)
	s.mux = http.NewServeMux()
	for i := range api.Routes {
		route := &api.Routes[i]
		s.mux.Handle(route.Method+" "+route.Path, s.handle(route))
	}
	s.http = s.patient(http.HandlerFunc(s.serve))
	s.http.ConnContext = s.remember
	s.figures = s.patient(metricsAlone(s.metrics))
	return s
}

// patient returns a server of h that waits for nobody for ever.
func (s *Server) patient(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// groups are those whose members have a role.
type groups struct{ admin, consumer string }

// SetGroups says from now on whose members have which role, as
// [Options].AdminGroup and ConsumerGroup did. It counts for connections whose
// first request is still to come.
func (s *Server) SetGroups(admin, consumer string) {
	s.groups.Store(&groups{cmp.Or(admin, "lxd"), consumer})
}

// Serve serves what comes in on l until [Server.Shutdown], and then returns
// nil. It closes l. It may be called for several listeners at the same time.
func (s *Server) Serve(l net.Listener) error { return unlessClosed(s.http.Serve(l)) }

// ServeMetrics serves the figures on l, and nothing else, to everybody who can
// connect: nobody is asked for a token. Else it is as [Server.Serve].
func (s *Server) ServeMetrics(l net.Listener) error {
	return unlessClosed(s.figures.Serve(newCrowd(l, Limits{})))
}

func unlessClosed(err error) error {
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

// Shutdown stops listening, answers those that wait in a queue with
// [pool.ErrClosed] (their clients ask again), ends the streams of events, and
// waits for everything else that is under way. What still runs when ctx ends
// is cut off; then its error is returned. It is safe to call twice.
func (s *Server) Shutdown(ctx context.Context) error {
	s.endWaits(errClosing)
	defer context.AfterFunc(ctx, func() { s.cutExecs(errClosing) })()
	var failed error
	for _, h := range []*http.Server{s.figures, s.http} {
		if err := h.Shutdown(ctx); err != nil {
			h.Close()
			failed = err
		}
	}
	s.running.Wait()
	return cmp.Or(failed, ctx.Err())
}

var errClosing = pool.Errorf(pool.ErrClosed, "ask again", "cannot go on: the daemon is going down")

// untilShutdown returns a context that also ends when the server begins to
// shut down, with the cause errClosing.
func (s *Server) untilShutdown(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.waits, func() { cancel(context.Cause(s.waits)) })
	return ctx, func() { stop(); cancel(nil) }
}
