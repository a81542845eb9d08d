package pool

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Inspector is a power that a [Backend] may have: to tell what an instance is
// doing, and what it said.
type Inspector interface {
	// Info returns what is known of the instance now.
	Info(ctx context.Context, o Order) (*Info, error)
	// Log returns the end of the log of the instance's latest start, at most
	// [LogLimit] bytes; nothing if there is none.
	Log(ctx context.Context, o Order) ([]byte, error)
	// Console returns likewise the end of what was written to its console; while
	// it runs, that may be only what is new since somebody last asked.
	Console(ctx context.Context, o Order) ([]byte, error)
}

// LogLimit is how many bytes of a log are returned, the last ones.
const LogLimit = 256 << 10

// Info is what an instance is doing. What nobody knows is left out, such as the
// memory of one that is stopped.
type Info struct {
	Instance     InstanceName `json:"instance"`
	Status       Status       `json:"status"`
	Type         Type         `json:"type,omitempty"`
	Architecture string       `json:"architecture,omitempty"`
	Project      string       `json:"project,omitempty"`
	Location     string       `json:"location,omitempty"`
	Created      *time.Time   `json:"created,omitempty"`
	// LastUsed is when it was last started.
	LastUsed *time.Time `json:"last_used,omitempty"`
	// PID is that of its first process on the host.
	PID       int64 `json:"pid,omitempty"`
	Processes int64 `json:"processes,omitempty"`
	// CPU is the time that it has used since its start, in nanoseconds.
	CPU    int64       `json:"cpu,omitempty"`
	Memory *MemoryInfo `json:"memory,omitempty"`
	// Disk is what its root disk takes.
	Disk      *DiskInfo     `json:"disk,omitempty"`
	Network   []NetworkInfo `json:"network,omitempty"`
	Snapshots []Snapshot    `json:"snapshots,omitempty"`
}

// MemoryInfo is the memory of an instance, in bytes.
type MemoryInfo struct {
	Usage int64 `json:"usage,omitempty"`
	Peak  int64 `json:"peak,omitempty"`
	// Total is how much it may have.
	Total    int64 `json:"total,omitempty"`
	Swap     int64 `json:"swap,omitempty"`
	SwapPeak int64 `json:"swap_peak,omitempty"`
}

// DiskInfo is the root disk of an instance, in bytes.
type DiskInfo struct {
	Usage int64 `json:"usage,omitempty"`
	Total int64 `json:"total,omitempty"`
}

// NetworkInfo is one network interface of an instance.
type NetworkInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"`
	State string `json:"state,omitempty"`
	MAC   string `json:"mac,omitempty"`
	// Host is its other end, on the host.
	Host      string            `json:"host,omitempty"`
	MTU       int64             `json:"mtu,omitempty"`
	Addresses []NetworkAddress  `json:"addresses,omitempty"`
	Received  *NetworkDirection `json:"received,omitempty"`
	Sent      *NetworkDirection `json:"sent,omitempty"`
}

// NetworkAddress is one address of an interface, also one that reaches no further.
type NetworkAddress struct {
	Family  string `json:"family"` // "inet" or "inet6"
	Address string `json:"address"`
	Netmask string `json:"netmask,omitempty"`
	// Scope is "global", "link" or "local".
	Scope string `json:"scope,omitempty"`
}

// NetworkDirection is what an interface has received or sent.
type NetworkDirection struct {
	Bytes   int64 `json:"bytes"`
	Packets int64 `json:"packets"`
	Errors  int64 `json:"errors"`
	Dropped int64 `json:"dropped"`
}

// Info returns what the instance of a running lease is doing now, with the
// snapshots that were taken through the lease.
func (m *Manager) Info(ctx context.Context, id LeaseID) (*Info, error) {
	return act(ctx, m, id, "look at an instance", func(ctx context.Context, power Inspector, s *session) (*Info, error) {
		return power.Info(ctx, s.order)
	})
}

// Log returns the end of the log of the latest start of the instance of a
// running lease, at most [LogLimit] bytes. It is text: what would control a
// terminal is taken out.
func (m *Manager) Log(ctx context.Context, id LeaseID) (string, error) {
	return act(ctx, m, id, "read the log of an instance", func(ctx context.Context, power Inspector, s *session) (string, error) {
		log, err := power.Log(ctx, s.order)
		return plainText(log), err
	})
}

// Console returns the end of what the instance of a running lease wrote to its
// console, in the same form as [Manager.Log]. While the instance runs, LXD tells
// only what is new since it was last asked; all of it when it is stopped.
func (m *Manager) Console(ctx context.Context, id LeaseID) (string, error) {
	return act(ctx, m, id, "read the console of an instance", func(ctx context.Context, power Inspector, s *session) (string, error) {
		log, err := power.Console(ctx, s.order)
		return plainText(log), err
	})
}

// plainText keeps the last LogLimit bytes, from the beginning of a character,
// and of them what is text, so that nothing inside an instance can steer the
// terminal of who reads it.
func plainText(log []byte) string {
	log = log[max(0, len(log)-LogLimit):]
	for len(log) > 0 && !utf8.RuneStart(log[0]) {
		log = log[1:]
	}
	text := escapes.ReplaceAllString(strings.ToValidUTF8(string(log), "\uFFFD"), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
}

// escapes are the sequences that set colours, move the cursor, or name a window.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)`)
