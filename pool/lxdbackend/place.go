package lxdbackend

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// place says where the running instance is and how it is reached.
func (b *Backend) place(ctx context.Context, o pool.Order, in *api.Instance) (pool.Place, error) {
	var state api.InstanceState
	if err := b.get(ctx, at(o, "/state"), &state); err != nil {
		return pool.Place{}, err
	}
	where := placeOf(in)
	where.Addresses = addresses(state.Network, macs(in))
	return where, nil
}

// placeOf is what the instance itself says, without addresses.
func placeOf(in *api.Instance) pool.Place {
	where := pool.Place{Project: in.Project, Location: in.Location}
	if where.Location == "none" {
		where.Location = ""
	}
	return where
}

// addresses are the global ones of the NICs that LXD gave the instance, not of
// those that were made inside it. No MACs means that they cannot be told apart.
func addresses(network map[string]api.InstanceStateNetwork, macs []string) []pool.Address {
	var list []pool.Address
	for _, name := range slices.Sorted(maps.Keys(network)) {
		nic := network[name]
		if nic.Type == "loopback" || len(macs) > 0 && !slices.Contains(macs, strings.ToLower(nic.Hwaddr)) {
			continue
		}
		for _, a := range nic.Addresses {
			if a.Scope == "global" {
				list = append(list, pool.Address{Family: a.Family, Address: a.Address, Interface: name})
			}
		}
	}
	return list
}

// hasNIC reports whether LXD gives the instance a network card.
func hasNIC(in *api.Instance) bool {
	for _, device := range in.ExpandedDevices {
		if device["type"] == "nic" {
			return true
		}
	}
	return false
}

// macs are the addresses of the instance's cards, none if one is not known.
func macs(in *api.Instance) []string {
	var list []string
	for name, device := range in.ExpandedDevices {
		if device["type"] != "nic" {
			continue
		}
		mac := device["hwaddr"]
		if mac == "" {
			mac = in.ExpandedConfig["volatile."+name+".hwaddr"]
		}
		if mac == "" {
			return nil
		}
		list = append(list, strings.ToLower(mac))
	}
	slices.Sort(list)
	return list
}
