package backendtest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// oddNames are names that a file may have.
var oddNames = []string{"-rf", "new\nline", "ünïcödé ☃", strings.Repeat("n", 255), "\xff\xfe", "a b", `back\slash`, `'"`, "*", "..."}

// files work in an instance that runs, and in one that was reset, which is stopped.
func (r *room) files(t *testing.T) {
	power, ok := r.Backend.(pool.Files)
	if !ok {
		return
	}
	o := r.order(1)
	r.create(t, o)
	r.start(t, o)
	opened := func(t *testing.T) *drawer {
		tree, err := power.OpenFiles(bounded(t), o)
		must(t, err)
		t.Cleanup(func() { tree.Close() })
		return &drawer{t, tree}
	}
	for _, part := range fileParts {
		t.Run(part.name, func(t *testing.T) {
			d := opened(t)
			must(t, d.Mkdir("/contract"))
			part.run(d)
			d.empty("/contract")
		})
	}
	t.Run("FilesThatAreClosedAreNotReached", func(t *testing.T) {
		d := opened(t)
		must(t, d.Close())
		d.Close()
		if _, err := d.Stat("/"); err == nil {
			t.Error("they are")
		}
	})
	t.Run("AResetTakesFilesAwayAndStoppedOnesAreReachedToo", func(t *testing.T) {
		d := opened(t)
		d.write("/was-here", "x")
		must(t, d.Close())
		must(t, r.Backend.Reset(bounded(t), o))
		d = opened(t)
		if _, err := d.Lstat("/was-here"); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("the file: %v", err)
		}
		d.write("/etc/new", "made while stopped")
		if got := d.read("/etc/new"); got != "made while stopped" {
			t.Errorf("it has %q", got)
		}
	})
	t.Run("FilesOfNoInstance", func(t *testing.T) {
		_, err := power.OpenFiles(bounded(t), r.order(2))
		expect(t, "open", err, pool.ErrGone)
	})
}

// drawer is a file tree under test.
type drawer struct {
	*testing.T
	pool.FileTree
}

func (d *drawer) write(at, text string) {
	d.Helper()
	f, err := d.Create(at)
	must(d.T, err)
	_, err = f.WriteAt([]byte(text), 0)
	must(d.T, err)
	must(d.T, f.Close())
}

func (d *drawer) read(at string) string {
	d.Helper()
	f, err := d.Open(at)
	must(d.T, err)
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	must(d.T, err)
	return string(text)
}

func (d *drawer) names(at string) []string {
	d.Helper()
	list, err := d.List(at)
	must(d.T, err)
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// empty removes a directory and what is in it.
func (d *drawer) empty(at string) {
	d.Helper()
	list, err := d.List(at)
	must(d.T, err)
	for _, f := range list {
		if f.Type == pool.Directory {
			d.empty(at + "/" + f.Name)
			continue
		}
		must(d.T, d.Remove(at+"/"+f.Name))
	}
	must(d.T, d.Remove(at))
}

func (d *drawer) fails(what string, err error, want syscall.Errno) {
	d.Helper()
	if !errors.Is(err, want) {
		d.Errorf("%s: %v, want %v", what, err, want)
	}
}

// fileParts each work in an empty directory "/contract".
var fileParts = []struct {
	name string
	run  func(*drawer)
}{
	{"AFileHasItsContentAndAttributes", func(d *drawer) {
		d.write("/contract/a", "hello")
		when := time.Unix(1e9, 0)
		must(d.T, d.SetAttributes("/contract/a", pool.FileAttributes{Mode: 0o640, UID: 1000, GID: 1001, Modified: when}))
		want := pool.File{Name: "a", Type: pool.RegularFile, Mode: 0o640, UID: 1000, GID: 1001, Size: 5, Modified: when}
		for _, look := range []func(string) (pool.File, error){d.Stat, d.Lstat} {
			f, err := look("/contract/a")
			must(d.T, err)
			if !f.Modified.Equal(when) {
				d.Errorf("it is of %s", f.Modified)
			}
			if f.Modified = when; f != want {
				d.Errorf("it is %+v, want %+v", f, want)
			}
		}
		if got := d.read("/contract/a"); got != "hello" {
			d.Errorf("it has %q", got)
		}
	}},
	{"SpecialModeBitsAreKept", func(d *drawer) {
		for i, mode := range []pool.FileMode{0o4755, 0o2755, 0o1777, 0o7000, 0} {
			at := fmt.Sprint("/contract/", i)
			d.write(at, "")
			must(d.T, d.SetAttributes(at, pool.FileAttributes{Mode: mode, UID: 5}))
			if f, err := d.Lstat(at); err != nil || f.Mode != mode || f.UID != 5 {
				d.Errorf("%s: it is %+v, %v", mode, f, err)
			}
		}
	}},
	{"WhatIsThereIsNotMadeAgain", func(d *drawer) {
		d.write("/contract/a", "x")
		_, err := d.Create("/contract/a")
		d.fails("create", err, syscall.EEXIST)
		d.fails("mkdir", d.Mkdir("/contract/a"), syscall.EEXIST)
		d.fails("symlink", d.Symlink("b", "/contract/a"), syscall.EEXIST)
		d.fails("link", d.Link("/contract/a", "/contract/a"), syscall.EEXIST)
	}},
	{"WhatIsNotThereCannotBeUsed", func(d *drawer) {
		_, err := d.Open("/contract/no")
		d.fails("open", err, syscall.ENOENT)
		_, err = d.Create("/contract/no/a")
		d.fails("create", err, syscall.ENOENT)
		_, err = d.List("/contract/no")
		d.fails("list", err, syscall.ENOENT)
		d.fails("remove", d.Remove("/contract/no"), syscall.ENOENT)
		d.fails("rename", d.Rename("/contract/no", "/contract/b"), syscall.ENOENT)
		d.fails("set", d.SetAttributes("/contract/no", pool.FileAttributes{}), syscall.ENOENT)
		d.write("/contract/a", "")
		_, err = d.Create("/contract/a/b")
		d.fails("below a file", err, syscall.ENOTDIR)
		_, err = d.Create("/contract/" + strings.Repeat("n", 256))
		d.fails("a long name", err, syscall.ENAMETOOLONG)
		_, err = d.ReadLink("/contract/a")
		d.fails("no link", err, syscall.EINVAL)
	}},
	{"OddNamesAreKeptByteByByte", func(d *drawer) {
		for i, name := range oddNames {
			d.write("/contract/"+name, fmt.Sprint(i))
		}
		if got, want := d.names("/contract"), slices.Sorted(slices.Values(oddNames)); !slices.Equal(got, want) {
			d.Errorf("there is %q, want %q", got, want)
		}
		for i, name := range oddNames {
			if got := d.read("/contract/" + name); got != fmt.Sprint(i) {
				d.Errorf("%q has %q", name, got)
			}
		}
	}},
	{"ARenameReplacesFilesButNoDirectories", func(d *drawer) {
		d.write("/contract/a", "a")
		d.write("/contract/b", "b")
		must(d.T, d.Rename("/contract/a", "/contract/b"))
		must(d.T, d.Mkdir("/contract/d"))
		if err := d.Rename("/contract/b", "/contract/d"); err == nil {
			d.Error("a directory was replaced")
		}
		if got := d.names("/contract"); !slices.Equal(got, []string{"b", "d"}) || d.read("/contract/b") != "a" {
			d.Errorf("there is %q", got)
		}
	}},
	{"ADirectoryThatIsNotEmptyStays", func(d *drawer) {
		must(d.T, d.Mkdir("/contract/d"))
		d.write("/contract/d/a", "")
		d.fails("remove", d.Remove("/contract/d"), syscall.ENOTEMPTY)
	}},
	{"LinksLeadOnInsideTheInstanceOnly", func(d *drawer) {
		must(d.T, d.Symlink("../../../../../../../contract/a", "/contract/up"))
		must(d.T, d.Symlink("/contract", "/contract/self"))
		must(d.T, d.Symlink("/no/where", "/contract/dangling"))
		must(d.T, d.Symlink("loop", "/contract/loop"))
		d.write("/contract/a", "inside")
		for _, at := range []string{"/contract/up", "/contract/self/self/a", "/../../contract/a", "/contract/self/../contract/a"} {
			if got := d.read(at); got != "inside" {
				d.Errorf("%s has %q", at, got)
			}
		}
		if f, err := d.Lstat("/contract/up"); err != nil || f.Type != pool.Symlink {
			d.Errorf("it is %+v, %v", f, err)
		}
		if target, err := d.ReadLink("/contract/dangling"); err != nil || target != "/no/where" {
			d.Errorf("it leads to %q, %v", target, err)
		}
		_, err := d.Stat("/contract/dangling")
		d.fails("dangling", err, syscall.ENOENT)
		_, err = d.Stat("/contract/loop")
		d.fails("loop", err, syscall.ELOOP)
	}},
	{"TwoNamesOfOneFile", func(d *drawer) {
		d.write("/contract/a", "x")
		must(d.T, d.Link("/contract/a", "/contract/b"))
		must(d.T, d.Remove("/contract/a"))
		if got := d.read("/contract/b"); got != "x" {
			d.Errorf("the other has %q", got)
		}
	}},
	{"APieceOfALargeFileIsReadFromWhereItIs", func(d *drawer) {
		f, err := d.Create("/contract/large")
		must(d.T, err)
		text := []byte(strings.Repeat("0123456789", 30_000))
		for i := 2; i >= 0; i-- { // in any order
			_, err := f.WriteAt(text, int64(i*len(text)))
			must(d.T, err)
		}
		must(d.T, f.Close())
		r, err := d.Open("/contract/large")
		must(d.T, err)
		defer r.Close()
		p := make([]byte, 250_000)
		if n, err := r.ReadAt(p, 123_455); n != len(p) || err != nil || string(p[:5]) != "56789" || string(p[len(p)-5:]) != "01234" {
			d.Errorf("read %d, %v, %q", n, err, p[:5])
		}
		if n, err := r.ReadAt(p, 800_000); n != 100_000 || err != io.EOF || string(p[n-5:n]) != "56789" {
			d.Errorf("at the end read %d, %v", n, err)
		}
	}},
}
