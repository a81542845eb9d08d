package charm

import (
	"context"
	"net"
	"strconv"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// codeNoSSH is the code of a lease that its holder cannot log in to.
const codeNoSSH = "no-ssh"

// answer says in each relation what was granted and what was not.
func (u *unit) answer(ctx context.Context, s *service, refused []refusal) error {
	for _, id := range u.relations {
		a := lease.Answer{API: &lease.API{URL: u.url(id), CA: u.serving.Authority}}
		for _, e := range u.ledger.Leases {
			if e.Relation != id {
				continue
			}
			a.Leases = append(a.Leases, u.describe(e, s.running[e.Lease], u.networks[id]))
			if why := u.noSSH(e, s.claims[e.claimKey]); why != "" {
				a.Problems = append(a.Problems, lease.Problem{Unit: e.Unit, Request: e.ID, Lease: e.Lease, Code: codeNoSSH, Reason: why,
					Next: "use the API, which does all that ssh does"})
			}
		}
		a.Problems = append(a.Problems, about(refused, id)...)
		bag, err := a.Bag()
		if err != nil {
			return err
		}
		if err := u.Tools.SetBag(ctx, id, bag); err != nil {
			return err
		}
	}
	return nil
}

// noSSH is why a holder who has a key cannot log in, "" when it can or has none.
func (u *unit) noSSH(e entry, c claim) string {
	switch {
	case c.ask.SSHPublicKey == "":
		return ""
	case u.serving.Expose == exposeAPI:
		return "lxd-pool gives no way in by ssh: its option expose is api"
	case u.serving.Expose == exposeProxy && e.Forward != 0 && !u.forwards(e.Forward):
		return "its port for ssh is no longer among ssh-ports"
	}
	return e.NoSSH
}

// forwards reports whether a port of this unit leads to an instance, as the
// options are now.
func (u *unit) forwards(port int) bool {
	return u.serving.Expose == exposeProxy && u.serving.SSHPorts.First <= port && port <= u.serving.SSHPorts.Last
}

// refuse says in each relation what nobody serves, and leaves the rest as it was
// said, unless another unit manages the LXD of this one.
func (u *unit) refuse(ctx context.Context, refused []refusal) error {
	for _, id := range u.relations {
		bag, err := lease.Answer{Problems: about(refused, id)}.Bag()
		if err != nil {
			return err
		}
		if u.peers.standsBy == "" {
			bag = map[string]string{lease.ProblemsKey: bag[lease.ProblemsKey]}
		}
		if err := u.Tools.SetBag(ctx, id, bag); err != nil {
			return err
		}
	}
	return nil
}

// about are the refusals in a relation.
func about(refused []refusal, relation string) []lease.Problem {
	var list []lease.Problem
	for _, r := range refused {
		if r.relation == relation {
			list = append(list, r.Problem)
		}
	}
	return list
}

// describe is a lease as it is told to the other end.
func (u *unit) describe(e entry, l *api.Lease, n hooktool.Network) lease.Lease {
	d := lease.Lease{Unit: e.Unit, Request: e.ID, ID: e.Lease, Pool: l.Pool, Instance: l.Instance, Expires: l.Expires.UTC(),
		Secret: e.Secret, Addresses: l.Addresses}
	switch {
	case len(e.HostKeys) == 0:
	case e.Forward != 0 && u.forwards(e.Forward):
		d.SSH = &lease.SSH{Address: first(n.Ingress), Port: e.Forward, User: "root", HostKeys: e.HostKeys}
	case u.serving.Expose == exposeDirect:
		if a := routable(l); a != "" {
			d.SSH = &lease.SSH{Address: a, Port: 22, User: "root", HostKeys: e.HostKeys}
		}
	}
	return d
}

// routable is the address of an instance that others may have a route to.
func routable(l *api.Lease) string {
	for _, a := range l.Addresses {
		if ip := net.ParseIP(a.Address); ip != nil && ip.IsGlobalUnicast() {
			return a.Address
		}
	}
	return ""
}

// url is that of the daemon, as the other end of a relation reaches it.
func (u *unit) url(relation string) string {
	return "https://" + net.JoinHostPort(first(u.networks[relation].Ingress), strconv.Itoa(u.serving.Port))
}
