package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestEveryLineBeginsWithItsInstance(t *testing.T) {
	var out, err bytes.Buffer
	p := newPrefixes(&out, &err, []*api.Lease{{Instance: "ci-1"}, {Instance: "ci-10"}})
	first, firstErr := p.of(0)
	second, _ := p.of(1)
	fmt.Fprint(first, "one\ntw")
	fmt.Fprint(second, "other\n")
	fmt.Fprint(first, "o\n\nend")
	fmt.Fprint(firstErr, "bad\n")
	p.end(0)
	p.end(1)
	if want := "ci-1  | one\nci-10 | other\nci-1  | two\nci-1  | \nci-1  | end\n"; out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
	if want := "ci-1  | bad\n"; err.String() != want {
		t.Errorf("on stderr %q, want %q", err.String(), want)
	}
}

func TestALineWithoutAnEndIsWrittenInPieces(t *testing.T) {
	var out bytes.Buffer
	p := newPrefixes(&out, &out, []*api.Lease{{Instance: "ci-1"}})
	w, _ := p.of(0)
	for range 3 {
		fmt.Fprint(w, strings.Repeat("x", longestLine))
	}
	p.end(0)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Errorf("%d lines, want 3", len(lines))
	}
	if n := strings.Count(out.String(), "x"); n != 3*longestLine {
		t.Errorf("%d of %d bytes were written", n, 3*longestLine)
	}
}

func TestLinesOfSeveralCommandsAreNotMixed(t *testing.T) {
	var out bytes.Buffer
	var leases []*api.Lease
	for i := range 8 {
		leases = append(leases, &api.Lease{})
		leases[i].Instance = "ci"
	}
	p := newPrefixes(&out, &out, leases)
	var all sync.WaitGroup
	for i := range leases {
		all.Go(func() {
			w, _ := p.of(i)
			for range 100 {
				for _, piece := range []string{"a", "b", "c\n"} {
					fmt.Fprint(w, piece)
				}
			}
		})
	}
	all.Wait()
	for line := range strings.Lines(out.String()) {
		if line != "ci | abc\n" {
			t.Fatalf("a mixed line: %q", line)
		}
	}
}
