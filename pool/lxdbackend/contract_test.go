package lxdbackend_test

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/backendtest"
)

func TestTheContractOfABackend(t *testing.T) {
	t.Parallel()
	for _, image := range []string{busybox, debian} {
		t.Run(image, func(t *testing.T) {
			backendtest.Run(t, backendtest.Subject{
				Backend: open(t), Manager: pool.NewManagerID(), Spec: pool.Spec{Image: image}, RealGuests: true,
			})
		})
	}
}
