package simbackend

import (
	"context"
	"fmt"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Inspector = (*Backend)(nil)

// consolePath is the file inside that is the console.
const consolePath = "/dev/console"

// Info implements [pool.Inspector]. A simulated instance has no memory and no
// processor, and so nothing is said of them.
func (b *Backend) Info(ctx context.Context, o pool.Order) (info *pool.Info, err error) {
	err = b.look(ctx, Inspect, o.Instance, func() error {
		in, err := b.find(Inspect, o)
		if err == nil {
			info = in.info()
		}
		return err
	})
	return info, err
}

func (in *instance) info() *pool.Info {
	created, used := in.Created, in.LastUsed
	info := &pool.Info{
		Instance: in.Name, Status: in.Status, Type: pool.Container, Project: in.Project, Location: in.Location,
		Created: &created, Snapshots: in.snapshots(),
	}
	if !used.IsZero() {
		info.LastUsed = &used
	}
	if size := in.Files.size(); size > 0 {
		info.Disk = &pool.DiskInfo{Usage: size}
	}
	for _, a := range in.place().Addresses {
		info.Network = append(info.Network, pool.NetworkInfo{Name: a.Interface, State: "up",
			Addresses: []pool.NetworkAddress{{Family: a.Family, Address: a.Address, Scope: "global"}}})
	}
	return info
}

// Log implements [pool.Inspector] with what the world remembers of the instance.
func (b *Backend) Log(ctx context.Context, o pool.Order) (log []byte, err error) {
	err = b.look(ctx, Inspect, o.Instance, func() error {
		_, err := b.find(Inspect, o)
		return err
	})
	for _, e := range b.History(o.Instance) {
		log = fmt.Appendln(log, e)
	}
	return log, err
}

// Console implements [pool.Inspector] with what was written to /dev/console.
func (b *Backend) Console(ctx context.Context, o pool.Order) (log []byte, err error) {
	err = b.look(ctx, Inspect, o.Instance, func() error {
		in, err := b.find(Inspect, o)
		if err == nil {
			text, _ := in.Files.text(consolePath)
			log = []byte(text)
		}
		return err
	})
	return log, err
}
