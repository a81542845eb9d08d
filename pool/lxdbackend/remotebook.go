package lxdbackend

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
)

// known is a remote with what proves it to us and us to it.
type known struct {
	URL      string        `json:"url"`
	Protocol pool.Protocol `json:"protocol"`
	Public   bool          `json:"public,omitempty"`
	// ServerCert is the certificate that it must show, "" one that the host trusts.
	ServerCert string `json:"server-certificate,omitempty"`
	// ClientCert and ClientKey are shown to it in place of the book's own.
	ClientCert string `json:"client-certificate,omitempty"`
	ClientKey  string `json:"client-key,omitempty"`
	static     bool
}

// show is what may be seen of a remote.
func (k known) show(name pool.RemoteName) pool.Remote {
	return pool.Remote{Name: name, URL: k.URL, Protocol: k.Protocol, Public: k.Public, Static: k.static, Fingerprint: fingerprintOfPEM(k.ServerCert)}
}

// pages is the content of a remoteBook.
type pages struct {
	// ClientCert and ClientKey are what we show to every LXD. They are made when
	// they are needed first.
	ClientCert string                    `json:"client-certificate,omitempty"`
	ClientKey  string                    `json:"client-key,omitempty"`
	Remotes    map[pool.RemoteName]known `json:"remotes"`
}

func (p pages) clone() pages {
	p.Remotes = maps.Clone(p.Remotes)
	if p.Remotes == nil {
		p.Remotes = map[pool.RemoteName]known{}
	}
	return p
}

// remoteBook is where remotes are written down, in a file that nobody else can
// read, since it holds keys. Those that come with lxd-pool are not in the file.
type remoteBook struct {
	path string // "": it is kept in memory only

	mu  sync.Mutex
	now pages
}

// bookName is the file's name in the state directory.
const bookName = "remotes.json"

// openBook reads the book in a directory, "" for none.
func openBook(dir string) (*remoteBook, error) {
	b := &remoteBook{}
	if dir == "" {
		return b, nil
	}
	b.path = filepath.Join(dir, bookName)
	text, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &b.now)
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrCorrupt, "mend the file, or move it away and add the remotes again", "cannot read the remotes in %s: %w", b.path, err)
	}
	return b, nil
}

func (b *remoteBook) find(name pool.RemoteName) (known, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, ok := b.now.Remotes[name]
	if ok {
		return k, true
	}
	for _, r := range pool.DefaultRemotes() {
		if r.Name == name {
			return known{URL: r.URL, Protocol: r.Protocol, Public: r.Public, static: true}, true
		}
	}
	return known{}, false
}

// names returns the names of all remotes, in order.
func (b *remoteBook) names() []pool.RemoteName {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Collect(maps.Keys(b.now.Remotes))
	for _, r := range pool.DefaultRemotes() {
		if _, replaced := b.now.Remotes[r.Name]; !replaced {
			list = append(list, r.Name)
		}
	}
	slices.Sort(list)
	return list
}

// edit changes the book, on disk first. On error it is as before.
func (b *remoteBook) edit(change func(*pages) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.now.clone()
	if err := change(&next); err != nil {
		return err
	}
	if err := b.write(next); err != nil {
		return pool.Errorf(pool.ErrUnavailable, "free space or mend the disk, and try again", "cannot keep the remotes: %w", err)
	}
	b.now = next
	return nil
}

// write replaces the file as a whole: a crash leaves the old one or the new.
func (b *remoteBook) write(p pages) error {
	if b.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(b.path), bookName+".*") // 0600
	if err != nil {
		return err
	}
	_, err = draft.Write(append(text, '\n'))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), b.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return syncDir(filepath.Dir(b.path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// identity returns the certificate and key that we show to a remote.
func (b *remoteBook) identity(k known) (cert, key string, err error) {
	if k.ClientCert != "" || k.Public {
		return k.ClientCert, k.ClientKey, nil
	}
	err = b.edit(func(p *pages) error {
		if p.ClientCert == "" {
			fresh, secret, err := newIdentity()
			if err != nil {
				return err
			}
			p.ClientCert, p.ClientKey = fresh, secret
		}
		cert, key = p.ClientCert, p.ClientKey
		return nil
	})
	return cert, key, err
}
