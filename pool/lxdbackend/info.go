package lxdbackend

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Inspector = (*Backend)(nil)

// Info returns what LXD knows of the instance. LXD says zero for what it does
// not know; that is left out.
func (b *Backend) Info(ctx context.Context, o pool.Order) (*pool.Info, error) {
	in, err := b.lookWhole(ctx, o)
	if err != nil {
		return nil, fail(blame(err), "cannot look at instance "+string(o.Instance), err)
	}
	info := &pool.Info{
		Instance: o.Instance, Status: statusOf(&in.Instance), Type: pool.Type(in.Type), Architecture: in.Architecture,
		Project: in.Project, Location: placeOf(&in.Instance).Location,
		Created: someTime(in.CreatedAt), LastUsed: someTime(in.LastUsedAt), Snapshots: holdersOwn(in.Snapshots),
	}
	if in.State != nil {
		describe(info, in.State, rootDisk(&in.Instance))
	}
	return info, nil
}

// describe adds what the state says, which says little of one that is stopped.
func describe(info *pool.Info, state *api.InstanceState, root string) {
	info.PID, info.Processes, info.CPU = max(0, state.Pid), max(0, state.Processes), max(0, state.CPU.Usage)
	m := state.Memory
	memory := pool.MemoryInfo{
		Usage: max(0, m.Usage), Peak: max(0, m.UsagePeak), Total: max(0, m.Total),
		Swap: max(0, m.SwapUsage), SwapPeak: max(0, m.SwapUsagePeak),
	}
	if memory != (pool.MemoryInfo{}) {
		info.Memory = &memory
	}
	if disk := state.Disk[root]; disk.Usage > 0 || disk.Total > 0 {
		info.Disk = &pool.DiskInfo{Usage: max(0, disk.Usage), Total: max(0, disk.Total)}
	}
	for _, name := range slices.Sorted(maps.Keys(state.Network)) {
		info.Network = append(info.Network, networkInfo(name, state.Network[name]))
	}
}

func networkInfo(name string, n api.InstanceStateNetwork) pool.NetworkInfo {
	c := n.Counters
	info := pool.NetworkInfo{
		Name: name, Type: n.Type, State: n.State, MAC: n.Hwaddr, Host: n.HostName, MTU: int64(n.Mtu),
		Received: &pool.NetworkDirection{Bytes: c.BytesReceived, Packets: c.PacketsReceived, Errors: c.ErrorsReceived, Dropped: c.PacketsDroppedInbound},
		Sent:     &pool.NetworkDirection{Bytes: c.BytesSent, Packets: c.PacketsSent, Errors: c.ErrorsSent, Dropped: c.PacketsDroppedOutbound},
	}
	for _, a := range n.Addresses {
		info.Addresses = append(info.Addresses, pool.NetworkAddress{Family: a.Family, Address: a.Address, Netmask: a.Netmask, Scope: a.Scope})
	}
	return info
}

// rootDisk returns the name of the instance's root disk.
func rootDisk(in *api.Instance) string {
	for name, d := range in.ExpandedDevices {
		if d["type"] == "disk" && d["path"] == "/" {
			return name
		}
	}
	return ""
}

// someTime returns nil for a time that LXD does not know.
func someTime(t time.Time) *time.Time {
	if t.Unix() <= 0 {
		return nil
	}
	return &t
}

// Log returns the end of the log of the instance's latest start.
func (b *Backend) Log(ctx context.Context, o pool.Order) ([]byte, error) {
	o = filled(o)
	return b.readEnd(ctx, o, at(o, "/logs/"+logName(o)), "cannot read the log of instance "+string(o.Instance))
}

// Console returns the end of what was written to the instance's console. LXD
// tells what a running container wrote once only; then it is in the file that it
// tells of one that is stopped.
func (b *Backend) Console(ctx context.Context, o pool.Order) ([]byte, error) {
	return b.readEnd(ctx, o, at(o, "/console"), "cannot read the console of instance "+string(o.Instance))
}

// readEnd reads the end of a file of the instance, which need not be there.
func (b *Backend) readEnd(ctx context.Context, o pool.Order, path, what string) ([]byte, error) {
	if _, err := b.look(ctx, o); err != nil {
		return nil, fail(blame(err), what, err)
	}
	file, err := b.lxd.Fetch(ctx, path)
	if err != nil {
		if notFound(err) || strings.Contains(err.Error(), "no such file or directory") {
			return nil, nil
		}
		return nil, fail(pool.ErrFailed, what, err)
	}
	defer file.Close()
	end := &tail{limit: pool.LogLimit}
	if _, err := io.Copy(end, file); err != nil {
		return nil, fail(pool.ErrFailed, what, &awayError{err})
	}
	return end.end, nil
}
