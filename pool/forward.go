package pool

import (
	"context"
	"fmt"
	"net/netip"
)

// Forward is a port of the host that leads to one of an instance: whoever
// connects to the first is connected to the second, on the loopback interface of
// the instance. The host is that of LXD, in a cluster the member that the
// instance is on.
type Forward struct {
	// Listen is ADDRESS:PORT on the host, such as "10.0.0.1:20001".
	Listen string `json:"listen"`
	// Port is that of the instance.
	Port int `json:"port"`
}

func (f Forward) String() string { return fmt.Sprintf("%s to port %d", f.Listen, f.Port) }

// Forwarder is a power that a [Backend] may have: to forward ports of the host
// to an instance that runs.
type Forwarder interface {
	// Forward nil: the ports lead to the instance whenever it runs, until it is
	// reset or deleted. On error none of them does. A port that something else has
	// is [ErrInUse]. No copy of the instance has them.
	Forward(ctx context.Context, o Order, forwards []Forward) error
}

// maxForwards bounds how many ports lead to one instance.
const maxForwards = 10

func validateForwards(forwards []Forward) error {
	if len(forwards) > maxForwards {
		return Invalidf("", "cannot forward %d ports: %d are allowed", len(forwards), maxForwards)
	}
	listens, ports := map[netip.AddrPort]bool{}, map[int]bool{}
	for _, f := range forwards {
		listen, err := netip.ParseAddrPort(f.Listen)
		switch {
		case err != nil || listen.Port() == 0 || listen.Addr().Zone() != "":
			return Invalidf("write it like 10.0.0.1:20001", "cannot forward %q: it is no ADDRESS:PORT of the host", f.Listen)
		case f.Port < 1 || f.Port > 65535:
			return Invalidf("give one from 1 to 65535", "cannot forward %s to port %d: there is no such port", f.Listen, f.Port)
		case listens[listen] || ports[f.Port]:
			return Invalidf("forward each port once", "cannot forward %s: it is there twice, or another leads to port %d too", f.Listen, f.Port)
		}
		listens[listen], ports[f.Port] = true, true
	}
	return nil
}

// checkForwards refuses, before an instance is taken, what none could have.
func (t *turn) checkForwards(v *waiter) error {
	switch forwards := v.Settings.Forwards; {
	case len(forwards) == 0:
		return nil
	case t.x.spec.Type == VirtualMachine:
		return Errorf(ErrUnsupported, "reach it by its own address, or use a pool of containers",
			"cannot forward %s: the instances of pool %s are virtual machines", forwards[0].Listen, t.name)
	}
	return nil
}

func forward(ctx context.Context, backend Backend, o Order, forwards []Forward) error {
	if len(forwards) == 0 {
		return nil
	}
	forwarder, ok := backend.(Forwarder)
	if !ok {
		return Errorf(ErrUnsupported, "acquire without it", "cannot forward a port to an instance: this backend cannot")
	}
	return forwarder.Forward(ctx, o, forwards)
}
