// Command bench measures lxd-pool beside LXD and LXD's own tools, all in one run
// on one machine, and writes the tables into docs/benchmarks.md. "make bench"
// runs it. It tests nothing: figures depend on the machine, so what counts are
// the ratios of what was measured in turns.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// part is a measure, named as its place in the page.
type part struct {
	name string
	run  func(*bench, context.Context) (text string, err error)
}

var parts = []part{
	{"acquire", (*bench).acquire},
	{"standby", (*bench).standby},
	{"grants", (*bench).grants},
	{"fill", (*bench).fill},
	{"setup", (*bench).setup},
	{"jobs", (*bench).jobs},
	{"files", (*bench).files},
	{"restart", (*bench).restart},
	{"idle", (*bench).idle},
}

// options is what the command line says.
type options struct {
	bin, page, profile string
	only               []string
}

func main() {
	var o options
	pflag.StringVar(&o.bin, "bin", "bin", "`DIR` with lxd-pool and lxd-poold")
	pflag.StringVar(&o.page, "page", "docs/benchmarks.md", "`FILE` to write the tables into; \"\": none")
	pflag.StringSliceVar(&o.only, "only", nil, "measure `PART,...` only, and write their tables alone: "+strings.Join(names(), ", "))
	pflag.StringVar(&o.profile, "cpuprofile", "", "`FILE` to write a profile of this process to")
	pflag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}

// measure runs the parts and writes the page. The figures of a page are of one
// run; those of parts that were measured by themselves say so.
func measure(ctx context.Context, o options) (err error) {
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("cannot measure %q: choose from %s", name, strings.Join(names(), ", "))
		}
	}
	done, err := profile(o.profile)
	if err != nil {
		return err
	}
	defer done()
	b, err := newBench(ctx, o.bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	texts := map[string]string{}
	for _, p := range parts {
		if len(o.only) > 0 && !slices.Contains(o.only, p.name) {
			continue
		}
		if texts[p.name], err = b.part(ctx, p); err != nil {
			return fmt.Errorf("cannot measure %s: %w", p.name, err)
		}
	}
	if texts["machine"], err = b.machine(ctx); err != nil {
		return err
	}
	fmt.Printf("\n%s\n", texts["machine"])
	if o.page == "" {
		return nil
	}
	if len(o.only) > 0 {
		if texts, err = b.alone(texts); err != nil {
			return err
		}
	}
	return rewrite(o.page, texts)
}

// alone adds to tables that they were measured by themselves. The machine stays
// that of the last whole run.
func (b *bench) alone(texts map[string]string) (map[string]string, error) {
	load, err := loadAverage()
	if err != nil {
		return nil, err
	}
	said := fmt.Sprintf("\n\nMeasured by itself, %s, load average %s at the beginning and %s at the end.",
		b.began.UTC().Format("2006-01-02 15:04 UTC"), b.load, load)
	marked := map[string]string{}
	for name, text := range texts {
		if name != "machine" {
			marked[name] = text + said
		}
	}
	return marked, nil
}

// part measures one part and shows what it found.
func (b *bench) part(ctx context.Context, p part) (string, error) {
	if err := b.listen(ctx); err != nil {
		return "", err
	}
	began := time.Now()
	fmt.Printf("== %s\n", p.name)
	text, err := p.run(b, ctx)
	if err != nil {
		return "", err
	}
	fmt.Printf("%s\n(%.0f s)\n\n", text, time.Since(began).Seconds())
	return text, nil
}

func profile(path string) (done func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
