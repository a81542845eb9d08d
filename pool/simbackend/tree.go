package simbackend

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// tree is the file system of one instance.
type tree struct {
	mu   sync.Mutex
	root *node
	// space is how many bytes the files may have together, 0: any number.
	space, used int64
}

// node is one file. Its names are in the directories that have it.
type node struct {
	Type     pool.FileType `json:"type"`
	Mode     pool.FileMode `json:"mode"`
	UID      int           `json:"uid,omitempty"`
	GID      int           `json:"gid,omitempty"`
	Modified time.Time     `json:"modified"`
	Data     []byte        `json:"data,omitempty"`
	Target   []byte        `json:"target,omitempty"`
	entries  map[string]*node
}

func newNode(of pool.FileType, mode pool.FileMode) *node {
	n := &node{Type: of, Mode: mode, Modified: time.Now()}
	if of == pool.Directory {
		n.entries = map[string]*node{}
	}
	return n
}

// newTree is what every instance has in the beginning: a name and a machine id
// of its own, and a few things that are no files.
func newTree(in *instance, space int64) *tree {
	t := &tree{root: newNode(pool.Directory, 0o755), space: space}
	for _, dir := range []string{"/dev", "/etc", "/home", "/mnt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp", "/usr", "/var"} {
		t.plant(dir, newNode(pool.Directory, 0o755))
	}
	t.plant("/dev/null", newNode(pool.Device, 0o666))
	t.plant("/run/initctl", newNode(pool.Fifo, 0o600))
	t.plant("/run/log", newNode(pool.Socket, 0o666))
	t.identify(in)
	return t
}

// identify gives a tree the name of its instance and a machine id of its own.
func (t *tree) identify(in *instance) {
	id := sha256.Sum256(fmt.Append(nil, in.Project, in.Name, in.Number))
	t.plant("/etc/hostname", textFile(string(in.Name)+"\n"))
	t.plant("/etc/machine-id", textFile(fmt.Sprintf("%x\n", id[:16])))
}

// copyFor returns a copy for another instance. That of no tree is none.
func (t *tree) copyFor(in *instance) *tree {
	fresh := t.copy()
	if fresh != nil {
		fresh.identify(in)
	}
	return fresh
}

// copy returns a tree that is the same. That of no tree is none.
func (t *tree) copy() *tree {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &tree{root: t.root.copy(map[*node]*node{}), space: t.space, used: t.used}
}

// text returns what is in a regular file, and whether there is one.
func (t *tree) text(at string) (string, bool) {
	if t == nil {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, err := t.there(at, true)
	if err != nil || p.node.Type != pool.RegularFile {
		return "", false
	}
	return string(p.node.Data), true
}

// size is how many bytes are in the files.
func (t *tree) size() int64 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// copy copies a node with all that is in it. What had two names keeps both.
func (n *node) copy(same map[*node]*node) *node {
	if same[n] != nil {
		return same[n]
	}
	fresh := *n
	same[n] = &fresh
	fresh.Data = slices.Clone(n.Data)
	if n.entries != nil {
		fresh.entries = map[string]*node{}
	}
	for name, inner := range n.entries {
		fresh.entries[name] = inner.copy(same)
	}
	return &fresh
}

func textFile(text string) *node {
	n := newNode(pool.RegularFile, 0o644)
	n.Data = []byte(text)
	return n
}

// plant puts a node at a path, and makes the directories above it.
func (t *tree) plant(at string, n *node) {
	dir := t.root
	for part := range strings.SplitSeq(strings.Trim(path.Dir(path.Clean("/"+at)), "/"), "/") {
		if part == "" {
			continue
		}
		if dir.entries[part] == nil {
			dir.entries[part] = newNode(pool.Directory, 0o755)
		}
		dir = dir.entries[part]
	}
	if dir.entries != nil {
		dir.entries[path.Base(at)] = n
	}
}

// place is where a path leads: a name in a directory, and what is there, if
// anything. The root is in no directory.
type place struct {
	dir  *node
	name string
	node *node
}

const (
	maxLinks = 40
	maxName  = 255
)

// find follows a path, and with follow also a link at its end.
func (t *tree) find(at string, follow bool) (place, error) {
	above := []*node{t.root}
	todo := parts(at)
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		dir := above[len(above)-1]
		switch {
		case dir.Type != pool.Directory:
			return place{}, syscall.ENOTDIR
		case len(part) > maxName:
			return place{}, syscall.ENAMETOOLONG
		case part == "..":
			above = above[:max(1, len(above)-1)]
			continue
		}
		next, last := dir.entries[part], len(todo) == 0
		switch {
		case next == nil && last:
			return place{dir: dir, name: part}, nil
		case next == nil:
			return place{}, syscall.ENOENT
		case next.Type == pool.Symlink && (follow || !last):
			if links++; links > maxLinks {
				return place{}, syscall.ELOOP
			}
			if target := string(next.Target); strings.HasPrefix(target, "/") {
				above = above[:1]
				todo = append(parts(target), todo...)
			} else {
				todo = append(parts(target), todo...)
			}
		case last:
			return place{dir, part, next}, nil
		default:
			above = append(above, next)
		}
	}
	return place{node: above[len(above)-1]}, nil
}

func parts(at string) []string {
	return slices.DeleteFunc(strings.Split(at, "/"), func(part string) bool { return part == "" || part == "." })
}

// there is find for what has to exist.
func (t *tree) there(at string, follow bool) (place, error) {
	p, err := t.find(at, follow)
	if err == nil && p.node == nil {
		err = syscall.ENOENT
	}
	return p, err
}

// add puts a new node where there is none.
func (t *tree) add(at string, n *node) error {
	p, err := t.find(at, false)
	if err == nil && p.node != nil {
		err = syscall.EEXIST
	}
	if err == nil {
		p.dir.entries[p.name], p.dir.Modified = n, time.Now()
	}
	return err
}

// drop takes a name away.
func (t *tree) drop(p place) {
	t.used -= int64(len(p.node.Data))
	delete(p.dir.entries, p.name)
	p.dir.Modified = time.Now()
}

// reserve makes room for more bytes.
func (t *tree) reserve(more int64) error {
	if t.space > 0 && t.used+more > t.space {
		return syscall.ENOSPC
	}
	t.used += more
	return nil
}

func (n *node) file(name string) pool.File {
	f := pool.File{Name: name, Type: n.Type, Mode: n.Mode, UID: n.UID, GID: n.GID, Modified: n.Modified}
	if n.Type == pool.RegularFile {
		f.Size = int64(len(n.Data))
	}
	return f
}

// branch is a node with its path, as a tree is written down.
type branch struct {
	Path []byte `json:"path"`
	Node *node  `json:"node"`
}

// MarshalJSON writes the tree down, what is above before what is below.
func (t *tree) MarshalJSON() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []branch{}
	var walk func(at string, n *node)
	walk = func(at string, n *node) {
		list = append(list, branch{[]byte(at), n})
		for name, inner := range n.entries {
			walk(at+"/"+name, inner)
		}
	}
	walk("", t.root)
	return json.Marshal(list)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *tree) UnmarshalJSON(text []byte) error {
	var list []branch
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	t.root = newNode(pool.Directory, 0o755)
	for _, b := range list {
		if b.Node.Type == pool.Directory {
			b.Node.entries = map[string]*node{}
		}
		if len(b.Path) == 0 {
			t.root = b.Node
			continue
		}
		t.used += int64(len(b.Node.Data))
		if err := t.add(string(b.Path), b.Node); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
	}
	return nil
}
