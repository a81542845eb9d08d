package pooltest

import (
	"errors"

	"github.com/lxd-pool/lxd-pool/pool"
)

var remoteCases = []testCase{
	{"ARemoteIsKnownUntilItIsRemoved", func(b *bench) {
		made, err := b.root.AddRemote(b.Context(), pool.NewRemote{Name: "lab", URL: "https://lab.example:8443", Token: "once", AcceptCertificate: true})
		b.must(err)
		if made.Protocol != pool.LXDProtocol || made.Static || made.Public || made.Fingerprint == "" {
			b.Errorf("it is made as %+v", made)
		}
		shown, err := b.root.Remote(b.Context(), "lab")
		b.must(err)
		if *shown != *made {
			b.Errorf("it is shown as %+v, and was made as %+v", shown, made)
		}
		_, err = b.root.RenameRemote(b.Context(), "lab", "den")
		b.must(err)
		moved, err := b.root.SetRemoteURL(b.Context(), "den", "https://den.example:8443")
		b.must(err)
		if moved.Name != "den" || moved.URL != "https://den.example:8443" {
			b.Errorf("it is now %+v", moved)
		}
		b.must(b.root.RemoveRemote(b.Context(), "den"))
		b.onlyDefaultRemotes()
	}},
	{"ARemoteThatAPoolNeedsIsKept", func(b *bench) {
		_, err := b.root.CreatePool(b.Context(), "ci", pool.Spec{Image: "ubuntu:24.04"})
		b.must(err)
		if err := b.root.RemoveRemote(b.Context(), "ubuntu"); !errors.Is(err, pool.ErrInUse) {
			b.Errorf("remove: %v", err)
		}
		if _, err := b.root.RenameRemote(b.Context(), "ubuntu", "debian"); !errors.Is(err, pool.ErrInUse) {
			b.Errorf("rename: %v", err)
		}
		b.onlyDefaultRemotes()
	}},
	{"BadRemotesAreRefusedAndNothingIsMade", func(b *bench) {
		const lab = "https://lab.example:8443"
		for _, bad := range []struct {
			remote pool.NewRemote
			want   error
		}{
			{pool.NewRemote{Name: "ubuntu", URL: lab, Token: "t"}, pool.ErrExists},
			{pool.NewRemote{Name: "local", URL: lab, Token: "t"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "a:b", URL: lab, Token: "t"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: "lab.example"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: "https://me:secret@lab.example"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: lab, Protocol: "ftp"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: lab, Public: true, Token: "t"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: lab, Password: "p", Token: "t"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: lab, ClientKey: "k"}, pool.ErrInvalid},
			{pool.NewRemote{Name: "lab", URL: lab, AcceptCertificate: true}, pool.ErrRejected},
			{pool.NewRemote{Name: "lab", URL: lab, Password: "p"}, pool.ErrRejected},
			{pool.NewRemote{Name: "lab", URL: lab, Password: "p", Fingerprint: "ab"}, pool.ErrRejected},
			{pool.NewRemote{Name: "lab", URL: "https://lab.invalid", Password: "p"}, pool.ErrUnavailable},
		} {
			if _, err := b.root.AddRemote(b.Context(), bad.remote); !errors.Is(err, bad.want) {
				b.Errorf("%+v: %v", bad.remote, err)
			}
		}
		for name, err := range map[string]error{
			"remove": b.root.RemoveRemote(b.Context(), "nope"), "show": second(b.root.Remote(b.Context(), "nope")),
			"rename": second(b.root.RenameRemote(b.Context(), "nope", "new")), "set-url": second(b.root.SetRemoteURL(b.Context(), "nope", lab)),
		} {
			if !errors.Is(err, pool.ErrNotFound) {
				b.Errorf("%s of an unknown one: %v", name, err)
			}
		}
		if err := second(b.root.RenameRemote(b.Context(), "nope", "")); !errors.Is(err, pool.ErrInvalid) {
			b.Errorf("rename to nothing: %v", err)
		}
		b.onlyDefaultRemotes()
	}},
}

func second[T any](_ T, err error) error { return err }

func (b *bench) onlyDefaultRemotes() {
	b.Helper()
	list, err := b.root.Remotes(b.Context())
	b.must(err)
	if len(list) != len(pool.DefaultRemotes()) {
		b.Errorf("the remotes are %+v", list)
	}
}
