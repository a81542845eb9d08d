package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Limiter is a power that a [Backend] may have: to give an instance less of the
// machine while it runs.
type Limiter interface {
	// Limit nil: the instance has these limits, until it is reset or deleted.
	// Limits that are higher than those it has are refused with [ErrInvalid].
	Limit(ctx context.Context, o Order, l Limits) error
}

// unprepared is the failure to apply what the holder asked for. The next
// instance would fail the same way.
type unprepared struct{ error }

func (e unprepared) Unwrap() error { return e.error }

// prepare applies a holder's settings to its instance, which runs. Ports lead
// there last, when the rest is in place.
func prepare(ctx context.Context, backend Backend, o Order, s *Settings) error {
	err := limit(ctx, backend, o, s.Limits)
	if err == nil && len(s.Files)+len(s.SSHKeys) > 0 {
		err = putFiles(ctx, backend, o, s)
	}
	if err == nil {
		err = forward(ctx, backend, o, s.Forwards)
	}
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrGone) || ctx.Err() != nil {
		return err
	}
	return unprepared{err}
}

func limit(ctx context.Context, backend Backend, o Order, l Limits) error {
	if l == (Limits{}) {
		return nil
	}
	limiter, ok := backend.(Limiter)
	if !ok {
		return Errorf(ErrUnsupported, "acquire without them", "cannot limit an instance: this backend cannot")
	}
	return limiter.Limit(ctx, o, l)
}

func putFiles(ctx context.Context, backend Backend, o Order, s *Settings) error {
	files, ok := backend.(Files)
	if !ok {
		return Errorf(ErrUnsupported, "acquire without them", "cannot put files into an instance: this backend cannot")
	}
	tree, err := files.OpenFiles(ctx, o)
	if err != nil {
		return err
	}
	defer tree.Close()
	defer context.AfterFunc(ctx, func() { tree.Close() })()
	for _, f := range s.Files {
		options := PushOptions{Mode: f.Mode, UID: f.UID, GID: f.GID, Parents: true}
		if err := pushFile(ctx, tree, f.Path, bytes.NewReader(f.Content), options); err != nil {
			return fmt.Errorf("cannot put %s: %w", f.Path, err)
		}
	}
	if err := admitKeys(ctx, tree, s.SSHKeys); err != nil {
		return fmt.Errorf("cannot put the ssh keys: %w", err)
	}
	return nil
}

const (
	sshDir         = "/root/.ssh"
	authorizedKeys = sshDir + "/authorized_keys"
	// maxAuthorized bounds what is kept of the keys that were there, in bytes.
	maxAuthorized = 1 << 20
)

// admitKeys adds keys to those that may log in as root.
func admitKeys(ctx context.Context, tree FileTree, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	var before bytes.Buffer
	err := pullFile(ctx, tree, authorizedKeys, func(f File) (io.Writer, error) {
		if f.Size > maxAuthorized {
			return nil, Errorf(ErrFailed, "", "%s has %d bytes already", authorizedKeys, f.Size)
		}
		return &before, nil
	})
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	if err = tree.Mkdir(sshDir); err == nil {
		err = tree.SetAttributes(sshDir, FileAttributes{Mode: 0o700})
	}
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	mode, root := FileMode(0o600), 0
	return pushFile(ctx, tree, authorizedKeys, strings.NewReader(withKeys(before.String(), keys)), PushOptions{Mode: &mode, UID: &root, GID: &root})
}

// withKeys is the text of an authorized_keys file with keys added that are not in it.
func withKeys(text string, keys []string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for _, key := range keys {
		if !strings.Contains("\n"+text, "\n"+key+"\n") {
			text += key + "\n"
		}
	}
	return text
}
