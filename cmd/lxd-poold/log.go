package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/lxd-pool/lxd-pool/pool"
)

// logFormat is the form of the log; "" is auto.
type logFormat string

func (f *logFormat) Set(text string) error {
	switch text {
	case "auto", "text", "json", "journal":
		*f = logFormat(text)
		return nil
	}
	return fmt.Errorf("use text, json, journal or auto")
}

func (f *logFormat) String() string { return string(*f) }
func (*logFormat) Type() string     { return "FORMAT" }

// resolve says which form auto means here.
func (f logFormat) resolve() logFormat {
	if f != "" && f != "auto" {
		return f
	}
	if ours, err := journal.StderrIsJournalStream(); err == nil && ours {
		return "journal"
	}
	return "text"
}

// logLevel is the least that is logged. Its zero value is info.
type logLevel struct{ slog.Level }

func (l *logLevel) Set(text string) error {
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("use debug, info, warn or error")
	}
	return nil
}

func (l *logLevel) String() string { return strings.ToLower(l.Level.String()) }
func (*logLevel) Type() string     { return "LEVEL" }

func newLogger(w io.Writer, format logFormat, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	switch format.resolve() {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case "journal":
		return slog.New(newJournalHandler(w, level))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// sayFatal tells why the daemon ends: in the log if a program reads that, else
// as a command does.
func sayFatal(log *slog.Logger, format logFormat, err error) {
	if format.resolve() == "text" {
		fmt.Fprintln(os.Stderr, "Error: "+oneLine(err))
		return
	}
	log.Error(oneLine(err), "code", pool.Code(err))
}

// oneLine puts joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
