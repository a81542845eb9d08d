package simbackend

import (
	"maps"
	"time"
)

// Verb names what takes time and what can fail.
type Verb string

// The verbs: those of the backend, those of holders from Exec on, and two that
// happen inside of others. Template is the making of a template, before the
// first Create from it; Stop is the stopping of a running instance in Reset,
// Delete, Switch and Restore, which takes time but does not fail by itself.
// Snapshot is also the deletion of one, Inspect whatever is looked at.
const (
	Vet      Verb = "vet"
	Resolve  Verb = "resolve"
	Template Verb = "template"
	Create   Verb = "create"
	Start    Verb = "start"
	Wake     Verb = "wake"
	Check    Verb = "check"
	Stop     Verb = "stop"
	Reset    Verb = "reset"
	Delete   Verb = "delete"
	List     Verb = "list"
	Publish  Verb = "publish"
	Copy     Verb = "copy"
	Import   Verb = "import"
	Exec     Verb = "exec"
	Fork     Verb = "fork"
	Move     Verb = "move"
	Settle   Verb = "settle"
	// Profiles is whatever is asked about or done to profiles and projects.
	Profiles Verb = "profiles"
	Files    Verb = "open the files of"
	Switch   Verb = "switch"
	Snapshot Verb = "snapshot"
	Restore  Verb = "restore"
	Inspect  Verb = "inspect"
	Limit    Verb = "limit"
	Forward  Verb = "forward a port to"
)

// Options is what a world is made of. The zero value is one without faults
// and limits, about as fast as a real LXD on two cores.
type Options struct {
	// Seed decides everything that is drawn.
	Seed uint64
	// Latency is how long each verb takes; one that is missing takes no time.
	// nil: [Measured]. Use [Instant] for no time at all.
	Latency map[Verb]Latency
	// Faults is how often each verb goes wrong; nil: never.
	Faults map[Verb]Fault
	// Capacity is how many instances fit, templates apart; making one more
	// fails. 0: no limit.
	Capacity int
	// Space is how many bytes the files of an instance may have together.
	// 0: no limit.
	Space int64
	// Images maps what a spec names to the fingerprint behind it.
	// nil: "ubuntu:24.04", "ubuntu:22.04" and "busybox".
	Images map[string]string
	// Profiles are those that every project has at first, without content, and
	// Projects those that there are. nil: "default" alone.
	Profiles []string
	Projects []string
	// Members are those of the cluster. nil: "sim", where instances are made if
	// nothing else is said, and "sim2".
	Members []string
	// History is how many of the latest deeds are remembered. 0: 4096.
	History int
}

// Latency is a length of time, drawn evenly between two.
type Latency struct{ Min, Max time.Duration }

// Instant is no latency at all.
var Instant = map[Verb]Latency{}

// Measured is the default latency: what a small image took on a real LXD.
func Measured() map[Verb]Latency { return maps.Clone(measured) }

var measured = map[Verb]Latency{
	Vet:      between(4, 10),
	Resolve:  between(2, 5),
	Template: between(1200, 1600),
	Create:   between(75, 110),
	Start:    between(420, 560),
	Wake:     between(12, 20),
	Check:    between(20, 45),
	Stop:     between(780, 870),
	Reset:    between(70, 90),
	Delete:   between(40, 70),
	List:     between(30, 50),
	Publish:  between(900, 1200),
	Copy:     between(300, 400),
	Import:   between(100, 200),
	Exec:     between(20, 45),
	Fork:     between(75, 140),
	Move:     between(1500, 2500),
	Settle:   between(700, 900),
	Profiles: between(3, 8),
	Files:    between(5, 10),
	Switch:   between(12, 20),
	Snapshot: between(60, 110),
	Restore:  between(70, 90),
	Inspect:  between(16, 30),
	Limit:    between(20, 30),
	Forward:  between(60, 90),
}

func between(low, high int) Latency {
	return Latency{time.Duration(low) * time.Millisecond, time.Duration(high) * time.Millisecond}
}

// Fault is how often a verb goes wrong, each as a share from 0 to 1. At most
// one of them happens to one call.
type Fault struct {
	// Fail: an error, and nothing has changed.
	Fail float64
	// Lose: it happened, but the reply is lost and the error says that LXD
	// cannot be reached.
	Lose float64
	// Half is for Create and Template: it stopped half way, as when LXD is
	// killed, and what exists now is listed but was never finished.
	Half float64
	// Text is LXD's own words in the error of Fail. "": "failed on purpose".
	Text string
}

func defaultImages() map[string]string {
	return map[string]string{
		"ubuntu:24.04": "sim2404a",
		"ubuntu:22.04": "sim2204a",
		"busybox":      "simbusya",
	}
}
