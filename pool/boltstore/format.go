package boltstore

import (
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// format is the form of one kind of file.
type format struct {
	// version is the current one, buckets what a file of it has.
	version int
	buckets [][]byte
	// steps lead from each older version to the next.
	steps map[int]func(*bolt.Tx) error
}

var (
	poolBucket      = []byte("pool")
	instancesBucket = []byte("instances")
	leasesBucket    = []byte("leases")

	formatKey = []byte("format")
	recordKey = []byte("record")
)

// The formats, and with them the tables of migrations: both are still in
// their first version.
var (
	managerFormat = &format{version: 1, buckets: [][]byte{metaBucket}}
	poolFormat    = &format{version: 1, buckets: [][]byte{metaBucket, poolBucket, instancesBucket, leasesBucket}}
)

func (f *format) stamp(meta *bolt.Bucket) error {
	return meta.Put(formatKey, []byte(strconv.Itoa(f.version)))
}

func versionOf(meta *bolt.Bucket) (int, error) {
	text := string(meta.Get(formatKey))
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("it has the format %q", text)
	}
	return n, nil
}

// accept refuses what cannot be brought to the current format.
func (f *format) accept(file *file, meta *bolt.Bucket) error {
	have, err := versionOf(meta)
	if err != nil {
		return file.corrupt("open", err)
	}
	if have > f.version {
		return pool.Errorf(pool.ErrCorrupt, "install that version again; the file is unharmed",
			"cannot open %s: a newer lxd-pool wrote it (format %d, this one knows %d)", file.path, have, f.version)
	}
	return nil
}

// migrate brings a file that accept let pass to the current format, all steps
// in one transaction.
func (f *format) migrate(db *bolt.DB) error {
	current := false
	err := db.View(func(tx *bolt.Tx) error {
		have, err := versionOf(tx.Bucket(metaBucket))
		current = have == f.version
		return err
	})
	if err != nil || current {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		have, err := versionOf(meta)
		if err != nil {
			return err
		}
		for ; have < f.version; have++ {
			if err := f.steps[have](tx); err != nil {
				return fmt.Errorf("cannot bring it from format %d to %d: %w", have, have+1, err)
			}
		}
		return f.stamp(meta)
	})
}
