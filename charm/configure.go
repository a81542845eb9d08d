package charm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
)

// configure has the daemon do what the options and the relations say.
func (u *unit) configure(ctx context.Context, conf *config) error {
	network, err := u.Tools.Network(ctx, leaseEndpoint, "")
	if err != nil {
		return fmt.Errorf("%w: %w", errTool, err)
	}
	d := conf.daemon
	d.TLSCert, d.TLSKey, conf.Authority, err = u.certificate(ctx, u.hosts(network))
	if err != nil {
		return err
	}
	d.Listen = listen(network, u.networks, conf.Port)
	if u.observers, err = u.Tools.RelationIDs(ctx, cosEndpoint); err != nil {
		return fmt.Errorf("%w: %w", errTool, err)
	}
	if len(u.observers) > 0 {
		d.Metrics = metricsAddress(conf.MetricsPort)
	}
	if conf.credentials != "" {
		if d.LXD.ClientCert, d.LXD.ClientKey, d.LXD.ServerCert, err = u.lxdFiles(ctx, conf.credentials); err != nil {
			return err
		}
	}
	if err := u.Workload.Configure(ctx, &d); err != nil {
		return err
	}
	return u.openPorts(ctx, conf)
}

// hosts are the names and addresses by which this unit is asked for.
func (u *unit) hosts(n hooktool.Network) []string {
	all := map[string]bool{}
	for _, each := range append(slices.Collect(maps.Values(u.networks)), n) {
		for _, host := range append(slices.Clone(each.Ingress), each.Bind...) {
			all[host] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// listen is where the daemon listens: at the addresses of the spaces that the
// endpoint and its relations are bound to, and nowhere else.
func listen(n hooktool.Network, more map[string]hooktool.Network, port int) string {
	all := map[string]bool{}
	for _, each := range append(slices.Collect(maps.Values(more)), n) {
		for _, address := range each.Bind {
			if ip := net.ParseIP(address); ip != nil && !ip.IsLinkLocalUnicast() {
				all[net.JoinHostPort(address, strconv.Itoa(port))] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), ",")
}

func metricsAddress(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// openPorts opens in the model what related applications use.
func (u *unit) openPorts(ctx context.Context, conf *config) error {
	ports := []string{fmt.Sprintf("%d/tcp", conf.Port)}
	if conf.Expose == exposeProxy {
		ports = append(ports, conf.SSHPorts.String())
	}
	err := u.Tools.SetPorts(ctx, ports...)
	if failed, ok := errors.AsType[*hooktool.Error](err); ok && strings.Contains(failed.Said, "conflict") {
		return &Blocked{Why: "another unit on this machine has a port that is to be opened: " + failed.Said,
			Next: fmt.Sprintf("juju config %s port=VALUE ssh-ports=FIRST-LAST", u.application())}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errTool, err)
	}
	return nil
}

// lxdFiles keeps what is needed for an LXD at another address where the daemon
// can read it.
func (u *unit) lxdFiles(ctx context.Context, secret string) (cert, key, server string, err error) {
	content, err := u.Tools.Secret(ctx, secret)
	if err != nil {
		return "", "", "", &Blocked{Why: "cannot read the secret of lxd-credentials: " + err.Error(),
			Next: fmt.Sprintf("juju grant-secret %s %s", secret, u.application())}
	}
	if content["client-cert"] == "" || content["client-key"] == "" {
		return "", "", "", &Blocked{Why: "the secret of lxd-credentials has no client-cert or no client-key",
			Next: "juju update-secret " + secret + " client-cert#file=FILE client-key#file=FILE"}
	}
	for name, path := range map[string]*string{"client-cert": &cert, "client-key": &key, "server-cert": &server} {
		if content[name] == "" {
			continue
		}
		// Another content has another name, so that the daemon takes it up.
		sum := sha256.Sum256([]byte(content[name]))
		if *path, err = u.Workload.Put(ctx, fmt.Sprintf("lxd-%s-%x.pem", name, sum[:4]), []byte(content[name])); err != nil {
			return "", "", "", err
		}
	}
	return cert, key, server, nil
}
