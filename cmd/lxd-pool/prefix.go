package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool/api"
)

// prefixes writes the output of several commands line by line, each line behind
// the name of its instance.
type prefixes struct {
	mu       sync.Mutex
	out, err []*prefixWriter
}

func newPrefixes(out, err io.Writer, leases []*api.Lease) *prefixes {
	p := &prefixes{}
	width := 0
	for _, l := range leases {
		width = max(width, len(l.Instance))
	}
	for _, l := range leases {
		prefix := fmt.Sprintf("%-*s | ", width, l.Instance)
		p.out = append(p.out, &prefixWriter{mu: &p.mu, w: out, prefix: prefix})
		p.err = append(p.err, &prefixWriter{mu: &p.mu, w: err, prefix: prefix})
	}
	return p
}

// of returns the two streams of a command.
func (p *prefixes) of(i int) (out, err io.Writer) { return p.out[i], p.err[i] }

// end writes what a command has left of a line.
func (p *prefixes) end(i int) {
	p.out[i].flush()
	p.err[i].flush()
}

// quietly runs f while no command writes.
func (p *prefixes) quietly(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// longestLine is how much of a line is kept until its end comes.
const longestLine = 64 << 10

type prefixWriter struct {
	mu     *sync.Mutex // shared by all that write to the terminal
	w      io.Writer
	prefix string
	line   []byte
}

func (p *prefixWriter) Write(data []byte) (int, error) {
	p.line = append(p.line, data...)
	for {
		n := bytes.IndexByte(p.line, '\n')
		if n < 0 && len(p.line) < longestLine {
			return len(data), nil
		}
		if n < 0 {
			n = len(p.line) - 1
		}
		if err := p.print(p.line[:n+1]); err != nil {
			return 0, err
		}
		p.line = append(p.line[:0], p.line[n+1:]...)
	}
}

func (p *prefixWriter) flush() {
	if len(p.line) > 0 {
		p.print(p.line)
		p.line = nil
	}
}

func (p *prefixWriter) print(line []byte) error {
	end := "\n"
	if line[len(line)-1] == '\n' {
		end = ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := fmt.Fprintf(p.w, "%s%s%s", p.prefix, line, end)
	return err
}
