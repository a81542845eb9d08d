package memstore_test

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/storetest"
)

func TestTheContractOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Disk {
		var s *memstore.Store
		return storetest.Disk{
			Open: func(t *testing.T) pool.Store {
				if s == nil {
					s = memstore.New("manager")
				} else {
					s = s.Reopen()
				}
				return s
			},
			Crash: func(t *testing.T, _ pool.Store) pool.Store {
				s = s.Reopen()
				return s
			},
		}
	})
}
