package charm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// blockedBy is an error about an option as what an operator has to mend.
func blockedBy(err error, application string) error {
	if !errors.Is(err, pool.ErrInvalid) && !errors.Is(err, pool.ErrRejected) && !errors.Is(err, pool.ErrNotFound) && !errors.Is(err, pool.ErrPoolExists) {
		return err
	}
	p := lease.NewProblem("", err)
	next := "juju config " + application + " OPTION=VALUE"
	if name, ok := optionOf(p.Reason); ok {
		next = fmt.Sprintf("juju config %s %s=VALUE", application, name)
	}
	if p.Next != "" {
		next = p.Next + ": " + next
	}
	return &Blocked{Why: p.Reason, Next: next}
}

// optionOf finds the option that a message like "cannot use size=-1: ..." or
// "cannot use image "x": ..." is about.
func optionOf(text string) (string, bool) {
	for _, before := range []string{"cannot use ", "cannot set "} {
		_, rest, ok := strings.Cut(text, before)
		if !ok {
			continue
		}
		word, _, _ := strings.Cut(strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("= :\"", r) })[0], ".")
		if option, ok := named[word]; ok {
			word = option
		}
		if isOption(word) {
			return word, true
		}
	}
	return "", false
}

// named are the options that make keys of another name in the daemon.
var named = map[string]string{"device": "devices", "listen": "port", "metrics": "metrics-port", "lxd": "lxd-address"}

// ownOptions are those that are no keys of the default pool.
var ownOptions = []string{"channel", "config", "devices", "expose", "log-level", "lxd-address", "lxd-bridge-address", "lxd-channel",
	"lxd-credentials", "lxd-storage-driver", "lxd-storage-size", "lxd-storage-source", "max-leases-per-relation", "metrics-port", "pools",
	"port", "ssh-ports"}

func isOption(name string) bool {
	return slices.Contains(ownOptions, name) || slices.ContainsFunc(pool.SpecKeys, func(k pool.SpecKey) bool { return k.Name == name })
}

// tell sets the status that an outcome means. It returns what is no status: the
// failure of a hook tool.
func (u *unit) tell(ctx context.Context, err error) error {
	if errors.Is(err, errTool) {
		return err
	}
	if tool, ok := errors.AsType[*hooktool.Error](err); ok {
		return tool
	}
	status, message := hooktool.Active, u.summary()
	if blocked, ok := errors.AsType[*Blocked](err); ok {
		status, message = hooktool.Blocked, blocked.Error()
	} else if pending, ok := errors.AsType[*Pending](err); ok {
		status, message = hooktool.Waiting, pending.Why
	} else if err != nil {
		status, message = hooktool.Waiting, "tried again in some minutes: "+err.Error()
	}
	message = strings.Join(strings.Fields(message), " ")
	if err != nil {
		if err := u.Tools.Log(ctx, "WARNING", message); err != nil {
			return err
		}
	}
	if err := u.Tools.SetStatus(ctx, status, message); err != nil || !u.peers.leader {
		return err
	}
	return u.Tools.SetApplicationStatus(ctx, status, message)
}

// summary is the message of a unit with which all is well.
func (u *unit) summary() string {
	switch n := len(u.ledger.Leases); {
	case u.peers.standsBy != "":
		return u.peers.standsBy + " manages this LXD cluster"
	case u.ledger.Leaving:
		return "leaving"
	case len(u.relations) == 0:
		return ""
	case n == 1:
		return "1 lease"
	default:
		return fmt.Sprintf("%d leases", n)
	}
}
