package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// manyFiles are in directories of filesInOne, of less than mostBytes each.
	manyFiles  = 10_000
	filesInOne = 100
	mostBytes  = 8 << 10
	// oneLarge is the size of the large file.
	oneLarge = 1 << 30
	// largeRounds is how often it goes there and back.
	largeRounds = 2
)

// files measures the moving of a tree of many files and of one large file, with
// whole commands, each beside the same with LXD's client on another container.
func (b *bench) files(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.create(ctx, "files", pool.Spec{Image: busybox, Size: 1, Max: 1}); err != nil {
		return "", err
	}
	if err := d.full(ctx, "files", 1); err != nil {
		return "", err
	}
	id, err := d.take(ctx, "files")
	if err != nil {
		return "", err
	}
	if err := b.lxd.lxc(ctx, "launch", busybox, besides); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.lxd.lxc(ctx, "delete", "-f", besides)) }()
	m := &mover{b: b, d: d, id: string(id)}
	if err := m.prepare(); err != nil {
		return "", err
	}
	return m.measure(ctx)
}

// mover moves files in both ways.
type mover struct {
	b  *bench
	d  *daemon
	id string
	// many is the tree, large the file, and back where things are pulled to.
	many, large, back string
	bytes             int64
}

func (m *mover) prepare() error {
	m.many, m.large, m.back = filepath.Join(m.b.dir, "many"), filepath.Join(m.b.dir, "large"), filepath.Join(m.b.dir, "back")
	source := rand.NewChaCha8([32]byte{})
	draw := rand.New(source)
	text := make([]byte, mostBytes)
	for i := range manyFiles {
		dir := filepath.Join(m.many, strconv.Itoa(i/filesInOne))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		source.Read(text)
		n := draw.IntN(mostBytes)
		m.bytes += int64(n)
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), text[:n], 0o644); err != nil {
			return err
		}
	}
	f, err := os.Create(m.large)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for range oneLarge / len(block) {
		source.Read(block)
		if _, err := f.Write(block); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(f.Sync(), f.Close())
}

// measure makes each move with us and with lxc, in turns.
func (m *mover) measure(ctx context.Context) (string, error) {
	var push, pull, pushLarge, pullLarge pairs
	if err := m.move(ctx, &push, "push", "-r", m.many, "/root/"); err != nil {
		return "", err
	}
	if err := m.move(ctx, &pull, "pull", "-r", "/root/many", m.back); err != nil {
		return "", err
	}
	for range largeRounds {
		if err := m.move(ctx, &pushLarge, "push", "", m.large, "/root/large"); err != nil {
			return "", err
		}
		if err := m.move(ctx, &pullLarge, "pull", "", "/root/large", m.back+"-large"); err != nil {
			return "", err
		}
	}
	t := newTable("what", "with lxd-pool", "with lxc", "times lxc", "aim")
	row := func(what string, p pairs) {
		t.row(what, seconds(p.ours.p50()), seconds(p.theirs.p50()), factor(p.ratio()), "≤ 1")
	}
	row(fmt.Sprintf("**`file push -r`** of %s files, %d MiB", count(manyFiles), m.bytes>>20), push)
	row("**`file pull -r`** of the same", pull)
	row("**`file push`** of 1 GiB", pushLarge)
	row("**`file pull`** of 1 GiB", pullLarge)
	return t.String(), nil
}

// move adds how long a move takes with us, and then with lxc. The paths in the
// instance begin with "/root".
func (m *mover) move(ctx context.Context, p *pairs, verb, recursive, from, to string) error {
	args := func(instance string) []string {
		from, to := from, to
		if verb == "push" {
			to = instance + to
		} else {
			from = instance + from
		}
		all := []string{"file", verb, from, to}
		if recursive != "" {
			all = append(all, recursive)
		}
		return all
	}
	if err := m.clear(verb); err != nil {
		return err
	}
	if err := p.ours.add(func() error { return run(m.d.lxdPool(ctx, args(m.id)...)) }); err != nil {
		return err
	}
	if err := m.clear(verb); err != nil {
		return err
	}
	return p.theirs.add(func() error { return m.b.lxd.lxc(ctx, args(besides)...) })
}

// clear makes the place empty that is pulled to.
func (m *mover) clear(verb string) error {
	if verb == "push" {
		return nil
	}
	return errors.Join(os.RemoveAll(m.back), os.RemoveAll(m.back+"-large"), os.Mkdir(m.back, 0o755))
}
