package hooktool

import (
	"context"
	"fmt"
	"slices"
)

// Network is how this unit is reached in a relation, or through an endpoint.
type Network struct {
	// Bind are addresses of this machine.
	Bind []string
	// Ingress are those to tell the other end; the first is the best.
	Ingress []string
}

// Network asks about an endpoint; relation "" for the endpoint as such.
func (t Tools) Network(ctx context.Context, endpoint, relation string) (Network, error) {
	args := []string{endpoint}
	if relation != "" {
		args = append(args, "-r", relation)
	}
	said, err := read[struct {
		Bind []struct {
			Addresses []struct {
				Value   string `json:"value"`
				Address string `json:"address"`
			} `json:"addresses"`
		} `json:"bind-addresses"`
		Ingress []string `json:"ingress-addresses"`
	}](ctx, t, "network-get", args...)
	n := Network{Ingress: said.Ingress}
	for _, device := range said.Bind {
		for _, a := range device.Addresses {
			if a.Value == "" {
				a.Value = a.Address
			}
			n.Bind = append(n.Bind, a.Value)
		}
	}
	return n, err
}

// SetPorts opens these ports, such as "8443/tcp" or "20000-20999/tcp", and
// closes the others that this unit has open. Juju takes no port in a hook that
// another open range had when the hook began: what has to be closed first is
// opened by the next call.
func (t Tools) SetPorts(ctx context.Context, ports ...string) error {
	said, err := read[[]string](ctx, t, "opened-ports")
	if err != nil {
		return err
	}
	wanted, open := parsePorts(ports), parsePorts(said)
	for _, p := range open {
		if !slices.ContainsFunc(wanted, func(w portRange) bool { return w.contains(p) }) {
			if err := t.do(ctx, "close-port", p.String()); err != nil {
				return err
			}
		}
	}
	for _, w := range wanted {
		for _, missing := range w.less(open) {
			if err := t.do(ctx, "open-port", missing.String()); err != nil {
				return fmt.Errorf("cannot open port %s: %w", missing, err)
			}
		}
	}
	return nil
}
