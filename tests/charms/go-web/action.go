package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// act runs the action that was asked for. What is wrong fails the action, not
// the unit.
func (c *charm) act(ctx context.Context) error {
	granted, problems, err := c.granted(ctx)
	if err != nil {
		return err
	}
	switch c.event.Action {
	case "show":
		err = c.show(ctx, granted, problems)
	case "run":
		err = c.runIn(ctx, granted, overAPI)
	case "ssh":
		err = c.runIn(ctx, granted, c.overSSH)
	default:
		err = fmt.Errorf("there is no action %s", c.event.Action)
	}
	if err != nil {
		return c.tools.FailAction(ctx, err.Error())
	}
	return nil
}

// show tells what the unit has, without tokens.
func (c *charm) show(ctx context.Context, granted []lease.Granted, problems []lease.Problem) error {
	outcomes, err := c.outcomes()
	if err != nil {
		return err
	}
	results := map[string]string{"leases": strconv.Itoa(len(granted))}
	for _, g := range granted {
		add := func(key, value string) { results[string(g.Instance)+"."+key] = value }
		add("lease", string(g.ID))
		add("pool", string(g.Pool))
		add("provider", g.Provider)
		add("relation", g.Relation)
		add("api", g.API.URL)
		add("expires", g.Expires.Format(time.RFC3339))
		for i, a := range g.Addresses {
			add(fmt.Sprintf("address-%d", i), a.Address)
		}
		if g.SSH != nil {
			add("ssh", fmt.Sprintf("%s@%s port %d", g.SSH.User, g.SSH.Address, g.SSH.Port))
		}
		if did, ok := outcomes[g.ID]; ok && did.Command != "" {
			add("command", did.Command)
			add("exit-status", strconv.Itoa(did.Exit))
			add("output", did.Output)
		}
	}
	for i, p := range problems {
		results[fmt.Sprintf("problem-%d", i)] = strings.TrimSpace(p.Code + ": " + p.Reason + "; " + p.Next)
	}
	return c.tools.SetResults(ctx, results)
}

// runIn runs the command of the action in one or every leased instance.
func (c *charm) runIn(ctx context.Context, granted []lease.Granted, run func(context.Context, lease.Granted, command) (outcome, error)) error {
	var params struct {
		Lease   pool.LeaseID `json:"lease"`
		Command command      `json:"command"`
	}
	if err := c.tools.ActionParams(ctx, &params); err != nil {
		return err
	}
	results, failed := map[string]string{}, ""
	found := false
	for _, g := range granted {
		if params.Lease != "" && params.Lease != g.ID {
			continue
		}
		found = true
		add := func(key, value string) { results[string(g.Instance)+"."+key] = value }
		add("lease", string(g.ID))
		did, err := run(ctx, g, params.Command)
		if err != nil {
			failed = fmt.Sprintf("cannot run the command in %s: %v", g.Instance, err)
			add("error", err.Error())
			continue
		}
		add("exit-status", strconv.Itoa(did.Exit))
		add("output", did.Output)
	}
	if err := c.tools.SetResults(ctx, results); err != nil {
		return err
	}
	switch {
	case !found && params.Lease != "":
		return fmt.Errorf("there is no lease %s; the action show lists them", params.Lease)
	case !found:
		return fmt.Errorf("there are no leases; juju status says why")
	case failed != "":
		return fmt.Errorf("%s", failed)
	}
	return nil
}
