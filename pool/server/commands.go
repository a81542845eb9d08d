package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (r *request) command() pool.CommandID { return pool.CommandID(r.PathValue("command")) }

func (s *Server) detach(r *request) (any, error) {
	var body api.Detach
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.Detach(r.Context(), r.grant.Lease.ID, body.Command())
}

func (s *Server) listCommands(r *request) (any, error) {
	return s.manager.Commands(r.Context(), r.grant.Lease.ID)
}

func (s *Server) getCommand(r *request) (any, error) {
	wait, err := r.flag("wait")
	if err != nil {
		return nil, err
	}
	if !wait {
		return s.manager.Command(r.Context(), r.grant.Lease.ID, r.command())
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	d, err := s.manager.WaitCommand(ctx, r.grant.Lease.ID, r.command())
	if err != nil {
		return nil, orCause(ctx, err)
	}
	return d, nil
}

func (s *Server) signalCommand(r *request) (any, error) {
	var body api.Signal
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return nil, s.manager.SignalCommand(r.Context(), r.grant.Lease.ID, r.command(), body.Signal)
}

func (s *Server) deleteCommand(r *request) (any, error) {
	return nil, s.manager.DeleteCommand(r.Context(), r.grant.Lease.ID, r.command())
}

// output streams what a command has written. What is wrong from the start is
// answered as always; later it is the last line.
func (s *Server) output(r *request) error {
	q, err := outputRequest(r)
	if err != nil {
		return err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	control := http.NewResponseController(r.w)
	// A write to someone who does not read must not hold up the shutdown.
	defer context.AfterFunc(ctx, func() { control.SetWriteDeadline(time.Now().Add(time.Second)) })()
	begun := false
	for chunk, err := range s.manager.Output(ctx, q) {
		if err != nil && !begun {
			return orCause(ctx, err)
		}
		line := api.OutputLine{OutputChunk: &chunk}
		if err != nil {
			line = api.OutputLine{Problem: api.NewProblem(orCause(ctx, err))}
		}
		begin(r, &begun)
		if json.NewEncoder(r.w).Encode(line) != nil || control.Flush() != nil {
			return nil
		}
	}
	begin(r, &begun)
	return nil
}

func outputRequest(r *request) (pool.OutputRequest, error) {
	follow, err := r.flag("follow")
	return pool.OutputRequest{
		Lease: r.grant.Lease.ID, Command: r.command(),
		Stream: pool.Stream(r.URL.Query().Get("stream")), Follow: follow,
	}, err
}

// begin writes the head of an output once.
func begin(r *request, begun *bool) {
	if *begun {
		return
	}
	*begun = true
	r.w.Header().Set("Content-Type", api.OpOutput.Route().Content)
	r.w.Header().Set("Cache-Control", "no-store")
	r.w.WriteHeader(http.StatusOK)
}

// orCause is why ctx ended, if it has.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
