// Package pebble runs the daemon of a unit on Kubernetes: in a container of its
// own, as a service of the Pebble that Juju starts there.
//
// Whatever links this package links the client of Pebble, and is under the
// GPL-3.0 as a whole. Of what the project builds that is lxd-pool-k8s-charm alone;
// the package itself is under the licence of the project.
//
// What is known of Juju 3.6 (internal/provider/kubernetes/application and
// internal/worker/uniter of its source):
//
//   - The containers of a unit are in one pod, and share a volume that is empty when
//     the pod starts. Its directory charm/containers is /charm/containers to the
//     charm, and of that the one named like a container is /charm/container to
//     that container. Pebble listens there, at pebble.socket; so does our daemon,
//     and the charm, which is root, operates it without a token.
//   - Pebble is run with --hold: it starts nothing by itself. It forgets its layers
//     when it ends, and Juju then sends the event NAME-pebble-ready.
//   - A pod gets 30 seconds to end. The hook stop runs whenever a pod ends, also
//     when the unit comes back in another one; only remove says that it does not.
package pebble
