package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status [POOL]",
		Short: "Say how the pools are, what is wrong and what to do",
		Long: `Say how a pool is, or all of them: what it has, what it lacks and why, and what
would change that. "show" has the same for programs.`,
		Example: `  lxd-pool status
  lxd-pool status ci`,
		Args:              between(0, 1),
		ValidArgsFunction: completing(1, c.poolNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			if err := c.printHealth(ctx); err != nil {
				return err
			}
			pools, err := c.poolsOr(ctx, pool.PoolName(first(args)))
			if err != nil {
				return err
			}
			if len(pools) == 0 {
				fmt.Fprintln(c.out, "There are no pools. Make one with: lxd-pool create ci --image ubuntu:24.04 --size 3")
			}
			for i, p := range pools {
				if i > 0 {
					fmt.Fprintln(c.out)
				}
				if err := c.printStatus(ctx, p); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

// poolsOr returns one pool, or all for "".
func (c *cli) poolsOr(ctx context.Context, name pool.PoolName) ([]*api.Pool, error) {
	if name == "" {
		return c.client().Pools(ctx)
	}
	p, err := c.client().Pool(ctx, name)
	return []*api.Pool{p}, err
}

// printHealth tells what is wrong with the daemon as a whole.
func (c *cli) printHealth(ctx context.Context) error {
	problems, err := c.client().Health(ctx)
	for _, p := range problems {
		fmt.Fprintln(c.out, problemText(p))
		printNext(c.out, "", []string{p.Remedy})
		fmt.Fprintln(c.out)
	}
	return err
}

func (c *cli) printStatus(ctx context.Context, p *api.Pool) error {
	why, err := c.client().Why(ctx, string(p.Name))
	if err != nil {
		return err
	}
	spec := p.Spec.WithDefaults()
	fmt.Fprintf(c.out, "%s: %s from %s\n", p.Name, plural(string(spec.Type)), spec.Image)
	fmt.Fprintf(c.out, "  %s\n", countsText(p.Counts, spec.Max))
	for _, problem := range p.Problems {
		fmt.Fprintf(c.out, "  Problem: %s\n", problemText(problem))
	}
	if err := c.printHolds(ctx, p); err != nil {
		return err
	}
	for _, e := range why {
		if e.Summary != "" {
			fmt.Fprintf(c.out, "  %s\n", sentence(e.Summary))
		}
		printNext(c.out, "  ", e.Next)
	}
	return nil
}

// printHolds tells what is kept for a look, as far as the user may know it.
func (c *cli) printHolds(ctx context.Context, p *api.Pool) error {
	if p.Counts.Held == 0 {
		return nil
	}
	all, err := c.client().Instances(ctx, p.Name)
	for _, in := range all {
		if h := in.Hold; h != nil {
			fmt.Fprintf(c.out, "  Held: %s until %s by %s: %s; end it with \"lxd-pool hold %s --end\"\n",
				in.Name, when(h.Until), h.By, h.Reason, in.Name)
		}
	}
	return err
}

func plural(kind string) string { return strings.ReplaceAll(kind, "-", " ") + "s" }

// sentence begins a text with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// countsText says how many there are, leaving out what there is none of.
func countsText(n pool.Counts, most int) string {
	parts := []string{fmt.Sprintf("%d ready", n.Ready), fmt.Sprintf("%d leased", n.Leased)}
	for _, each := range []struct {
		n    int
		word string
	}{
		{n.Spare, "spare"}, {n.Creating, "creating"}, {n.Starting, "starting"},
		{n.Resetting, "resetting"}, {n.Deleting, "deleting"},
	} {
		if each.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", each.n, each.word))
		}
	}
	text := strings.Join(parts, ", ") + fmt.Sprintf("; %d of at most %d built", n.Built(), most)
	if n.Held > 0 {
		text += fmt.Sprintf("; %d held", n.Held)
	}
	if n.Waiting > 0 {
		text += fmt.Sprintf("; %d waited for", n.Waiting)
	}
	return text
}

func problemText(p pool.Problem) string {
	text := fmt.Sprintf("%s (since %s", p.Text, ago(p.Since))
	if p.Next.After(time.Now()) {
		text += ", tried again " + fromNow(p.Next)
	}
	return text + ")"
}

func printNext(w io.Writer, indent string, next []string) {
	for _, step := range next {
		if step != "" {
			fmt.Fprintf(w, "%sNext: %s\n", indent, step)
		}
	}
}
