package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// made makes a file of a format and changes it.
func made(t *testing.T, f *format, change func(tx *bolt.Tx) error) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ci.db")
	if err := createFile(path, f, "manager"); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(db.Update(change), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func put(bucket, key, value string) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)) }
}

func TestEveryOlderFormatHasAStepToTheNext(t *testing.T) {
	for _, f := range []*format{managerFormat, poolFormat} {
		for v := 1; v < f.version; v++ {
			if f.steps[v] == nil {
				t.Errorf("there is no step from format %d", v)
			}
		}
		if len(f.steps) != f.version-1 {
			t.Errorf("%d steps lead to format %d", len(f.steps), f.version)
		}
	}
}

// third is a made-up format that two steps lead to.
func third(second func(*bolt.Tx) error) *format {
	return &format{version: 3, buckets: poolFormat.buckets, steps: map[int]func(*bolt.Tx) error{
		1: put("pool", "record", "{}"),
		2: second,
	}}
}

func TestAnOlderFileIsBroughtToTheCurrentFormatStepByStep(t *testing.T) {
	path := made(t, poolFormat, put("pool", "record", "old"))
	format := third(func(tx *bolt.Tx) error {
		if got := tx.Bucket(poolBucket).Get(recordKey); string(got) != "{}" {
			t.Errorf("the second step came before the first: %q", got)
		}
		return put("pool", "record", `{"serial":2}`)(tx)
	})
	for range 2 { // the second time there is nothing to do
		f, err := openFile(path, format, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.load()
		if err != nil || m.Record.Serial != 2 {
			t.Errorf("loaded %v, %v", m, err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		format = third(func(*bolt.Tx) error { return errors.New("it ran twice") })
	}
}

func TestAStepThatFailsLeavesTheFileAsItWas(t *testing.T) {
	path := made(t, poolFormat, put("pool", "record", `{"serial":1}`))
	_, err := openFile(path, third(func(*bolt.Tx) error { return errors.New("no idea how") }), Options{})
	if err == nil || !strings.Contains(err.Error(), "from format 2 to 3") {
		t.Errorf("got %v", err)
	}
	f, err := openFile(path, poolFormat, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if m, err := f.load(); err != nil || m.Record.Serial != 1 {
		t.Errorf("loaded %v, %v", m, err)
	}
}

func TestAFileOfANewerVersionIsRefusedAndUnharmed(t *testing.T) {
	path := made(t, poolFormat, put("meta", "format", "2"))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() (*file, error){
		func() (*file, error) { return openFile(path, poolFormat, Options{}) },
		func() (*file, error) { return openForCheck(path, poolFormat) },
	} {
		_, err = open()
		if !errors.Is(err, pool.ErrCorrupt) || !strings.Contains(err.Error(), "newer") || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed (%v)", err)
	}
}

func TestARecordThatCannotBeReadIsNamed(t *testing.T) {
	for what, harm := range map[string]func(*bolt.Tx) error{
		`"record" in "pool": invalid character`:      put("pool", "record", "x"),
		`"other" in "pool": it has no place`:         put("pool", "other", "{}"),
		`"ci-1" in "instances": unexpected end`:      put("instances", "ci-1", ""),
		`"ci-1" in "instances": it names itself "x"`: put("instances", "ci-1", `{"name":"x"}`),
		`"ci-1" in "instances": it has no state`:     put("instances", "ci-1", `{"name":"ci-1"}`),
		`"lost" is not a state`:                      put("instances", "ci-1", `{"name":"ci-1","state":"lost"}`),
		`"ci.a" in "leases": it names itself ""`:     put("leases", "ci.a", `{}`),
		`there is no bucket "leases"`:                func(tx *bolt.Tx) error { return tx.DeleteBucket(leasesBucket) },
		`it does not say whose it is`:                func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Delete(managerKey) },
		`it has the format "one"`:                    put("meta", "format", "one"),
		`it is not a file of lxd-pool`:               func(tx *bolt.Tx) error { return tx.DeleteBucket(metaBucket) },
	} {
		path := made(t, poolFormat, harm)
		f, err := openFile(path, poolFormat, Options{})
		if err == nil {
			_, err = f.load()
			f.close()
		}
		if !errors.Is(err, pool.ErrCorrupt) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v\nwant %s", err, what)
		}
	}
}
