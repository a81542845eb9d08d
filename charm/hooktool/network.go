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
// closes the others that this unit has open.
func (t Tools) SetPorts(ctx context.Context, ports ...string) error {
	open, err := read[[]string](ctx, t, "opened-ports")
	if err != nil {
		return err
	}
	for _, p := range open {
		if !slices.Contains(ports, p) {
			if err := t.do(ctx, "close-port", p); err != nil {
				return err
			}
		}
	}
	for _, p := range ports {
		if slices.Contains(open, p) {
			continue
		}
		if err := t.do(ctx, "open-port", p); err != nil {
			return fmt.Errorf("cannot open port %s: %w", p, err)
		}
	}
	return nil
}
