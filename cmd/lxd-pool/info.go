package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) info() *cobra.Command {
	var log, console bool
	cmd := &cobra.Command{
		Use:   "info LEASE",
		Short: "Show what a leased instance is doing",
		Long: `Show what a leased instance is doing: its status, addresses, memory, processes and
network counters, and its snapshots. What LXD does not know is left out, such as the
memory of one that is stopped. While an instance runs, LXD tells of its console only
what is new since it was last asked.`,
		Example: `  lxd-pool info ci.k3v9q0z5tm
  lxd-pool info ci.k3v9q0z5tm --show-log --console
  lxd-pool info ci.k3v9q0z5tm -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	format := formatFlag(cmd, asText, asJSON, asYAML)
	cmd.Flags().BoolVar(&log, "show-log", false, "with the end of the log of its latest start")
	cmd.Flags().BoolVar(&console, "console", false, "with the end of what was written to its console")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		found, err := c.findInfo(ctx, pool.LeaseID(args[0]), log, console)
		if err != nil {
			return err
		}
		if done, err := format.print(c.out, found); done {
			return err
		}
		_, err = io.WriteString(c.out, found.text())
		return err
	})
	return cmd
}

// foundInfo is what info prints. The logs are nil when they were not asked for.
type foundInfo struct {
	Lease pool.LeaseID `json:"lease"`
	pool.Info
	Log     *string `json:"log,omitempty"`
	Console *string `json:"console,omitempty"`
}

func (c *cli) findInfo(ctx context.Context, id pool.LeaseID, log, console bool) (*foundInfo, error) {
	info, err := c.client().Info(ctx, id)
	if err != nil {
		return nil, err
	}
	found := &foundInfo{Lease: id, Info: *info}
	if log {
		text, err := c.client().Log(ctx, id)
		if err != nil {
			return nil, err
		}
		found.Log = &text
	}
	if console {
		text, err := c.client().Console(ctx, id)
		if err != nil {
			return nil, err
		}
		found.Console = &text
	}
	return found, nil
}

// outline writes text as lxc info does: names, values, and more below.
type outline struct {
	strings.Builder
	depth int
}

// line writes a name and its value, unless that is not known.
func (o *outline) line(name, value string) {
	if value != "" {
		fmt.Fprintf(o, "%s%s: %s\n", strings.Repeat("  ", o.depth), name, value)
	}
}

// below writes a name and what is below it, unless that is nothing.
func (o *outline) below(name string, write func(*outline)) {
	inner := &outline{depth: o.depth + 1}
	if write(inner); inner.Len() > 0 {
		fmt.Fprintf(o, "%s%s:\n%s", strings.Repeat("  ", o.depth), name, inner.String())
	}
}

func (f *foundInfo) text() string {
	o := &outline{}
	o.line("Name", string(f.Instance))
	o.line("Lease", string(f.Lease))
	o.line("Status", strings.ToUpper(string(f.Status)))
	o.line("Type", string(f.Type))
	o.line("Architecture", f.Architecture)
	o.line("Project", f.Project)
	o.line("Location", f.Location)
	o.line("PID", number(f.PID))
	o.line("Created", whenKnown(f.Created))
	o.line("Last used", whenKnown(f.LastUsed))
	o.below("Resources", f.resources)
	o.below("Snapshots", func(o *outline) {
		for _, s := range f.Snapshots {
			o.line(string(s.Name), strings.TrimSuffix(when(s.Created)+", "+size(s.Size), ", "))
		}
	})
	return o.String() + section("Log", f.Log) + section("Console", f.Console)
}

// section is a log under its title.
func section(title string, log *string) string {
	if log == nil {
		return ""
	}
	return "\n" + title + ":\n\n" + strings.TrimSuffix(*log, "\n") + "\n"
}

func (f *foundInfo) resources(o *outline) {
	o.line("Processes", number(f.Processes))
	if f.CPU > 0 {
		o.line("CPU time", time.Duration(f.CPU).Round(time.Millisecond).String())
	}
	if f.Disk != nil {
		o.below("Disk", func(o *outline) {
			o.line("Usage", size(f.Disk.Usage))
			o.line("Total", size(f.Disk.Total))
		})
	}
	if f.Memory != nil {
		o.below("Memory", func(o *outline) {
			o.line("Usage", size(f.Memory.Usage))
			o.line("Peak", size(f.Memory.Peak))
			o.line("Total", size(f.Memory.Total))
			o.line("Swap", size(f.Memory.Swap))
			o.line("Swap peak", size(f.Memory.SwapPeak))
		})
	}
	o.below("Network", func(o *outline) {
		for _, n := range f.Network {
			o.below(n.Name, func(o *outline) { describeNetwork(o, n) })
		}
	})
}

func describeNetwork(o *outline, n pool.NetworkInfo) {
	o.line("Type", n.Type)
	o.line("State", strings.ToUpper(n.State))
	o.line("Host interface", n.Host)
	o.line("MAC address", n.MAC)
	o.line("MTU", number(n.MTU))
	o.line("Received", describeDirection(n.Received))
	o.line("Sent", describeDirection(n.Sent))
	o.below("Addresses", func(o *outline) {
		for _, a := range n.Addresses {
			o.line(a.Family, strings.TrimSuffix(a.Address+"/"+a.Netmask, "/")+" ("+a.Scope+")")
		}
	})
}

func describeDirection(d *pool.NetworkDirection) string {
	if d == nil {
		return ""
	}
	text := fmt.Sprintf("%d bytes in %d packets", d.Bytes, d.Packets)
	if d.Errors > 0 {
		text += fmt.Sprintf(", %d errors", d.Errors)
	}
	if d.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", d.Dropped)
	}
	return text
}

func whenKnown(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

// number writes a number, "" for one that nobody knows.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
