package boltstore

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// FuzzDecode gives the decoders what a broken file might hold. What they take
// must be the same after it was written and read again.
func FuzzDecode(f *testing.F) {
	now := time.Date(2024, 2, 29, 12, 30, 0, 123456789, time.FixedZone("", 3600))
	for _, seed := range []any{
		&pool.Record{Spec: pool.Spec{Image: "busybox", TTL: pool.Duration(time.Hour)}, Created: now, Alive: now},
		&pool.Instance{Name: "ci-1", State: pool.Leased, Since: now, Hold: &pool.Hold{Until: now, Reason: "look"}},
		&pool.Lease{ID: "ci.a", Pool: "ci", Secrets: [][]byte{{1, 2}}, Ended: &pool.Ending{At: now, Cause: pool.Expired}},
	} {
		text, err := json.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("ci-1", text)
		f.Add("ci.a", text)
		f.Add("record", text)
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		again(t, key, value, decodeRecord)
		again(t, key, value, decodeInstance)
		again(t, key, value, decodeLease)
	})
}

func again[T any](t *testing.T, key string, value []byte, decode func(key, value []byte) (*T, error)) {
	first, err := decode([]byte(key), value)
	if err != nil {
		return
	}
	written, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("%+v was read and cannot be written: %v", first, err)
	}
	second, err := decode([]byte(key), written)
	if err != nil {
		t.Fatalf("%s was written and cannot be read: %v", written, err)
	}
	rewritten, err := json.Marshal(second)
	if err != nil || !reflect.DeepEqual(written, rewritten) {
		t.Fatalf("written as %s, then as %s (%v)", written, rewritten, err)
	}
}
