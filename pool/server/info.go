package server

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (s *Server) getInfo(r *request) (any, error) {
	return s.manager.Info(r.Context(), r.grant.Lease.ID)
}

func (s *Server) getLog(r *request) error { return r.answerText(s.manager.Log) }

func (s *Server) getConsole(r *request) error { return r.answerText(s.manager.Console) }

// answerText answers with a text that belongs to the lease of the path.
func (r *request) answerText(read func(context.Context, pool.LeaseID) (string, error)) error {
	text, err := read(r.Context(), r.grant.Lease.ID)
	if err != nil {
		return err
	}
	r.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	r.w.Header().Set("Cache-Control", "no-store")
	r.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	r.w.WriteHeader(http.StatusOK)
	if _, err := io.WriteString(r.w, text); err != nil {
		return errAnswered
	}
	return nil
}
